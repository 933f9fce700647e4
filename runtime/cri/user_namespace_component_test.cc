// SPDX-License-Identifier: Apache-2.0
// Pods with a user namespace of their own (hostUsers: false): who they are inside, whose their
// files are outside, and that nothing of a pod works less for it.
#include <sys/stat.h>

#include "runtime/cri/testing/runtime_fixture.h"

namespace keelson::cri_server {
namespace {

constexpr uint32_t kFirst = 300000;
constexpr uint32_t kSize = 65536;

class UserNamespaceTest : public RuntimeTest {
 protected:
  cri::PodSandboxConfig Mapped(const std::string& name) {
    cri::PodSandboxConfig config = Pod(name);
    Map(*config.mutable_linux()->mutable_security_context()->mutable_namespace_options());
    return config;
  }
  static void Map(cri::NamespaceOption& options) {
    cri::UserNamespace& users = *options.mutable_userns_options();
    users.set_mode(cri::POD);
    for (cri::IDMapping* mapping : {users.add_uids(), users.add_gids()}) {
      mapping->set_host_id(kFirst);
      mapping->set_length(kSize);
    }
  }
  std::string TryStart(const cri::PodSandboxConfig& config) {
    const base::Result<std::string> id = runtime_->RunPodSandbox(config, "");
    EXPECT_TRUE(id.ok()) << (id.ok() ? "" : id.error().message());
    return id.ok() ? *id : "";
  }
  std::string Output(const std::string& id, const std::string& script) {
    const base::Result<ExecOutput> output =
        runtime_->ExecSync(id, {"sh", "-c", script}, std::chrono::seconds(60));
    EXPECT_TRUE(output.ok()) << (output.ok() ? "" : output.error().message());
    if (!output.ok()) return "";
    EXPECT_EQ(output->err, "") << script;
    return output->out;
  }
};

TEST_F(UserNamespaceTest, RootInsideIsNobodyOutside) {
  const std::string pod = TryStart(Mapped("p"));
  const std::string id = Run(pod, Script("c", "echo mine >/file; while true; do sleep 1; done"));
  const pid_t pid = runtime_->GetContainer(id).value().record.pid;
  const std::string status =
      os::ReadFile("/proc/" + std::to_string(pid) + "/status").ValueOr("gone");
  EXPECT_NE(status.find("Uid:\t300000\t300000"), std::string::npos) << status;
  EXPECT_EQ(Output(id, "id -u; stat -c %u /bin/busybox /proc/1 /dev/null /dev 2>&1 | sort -u"),
            "0\n0\n");
  // Its files on the host belong to its users; the image's stay as they are.
  struct stat st{};
  const std::string file = runtime_->DirectoryOf(id) + "/diff/file";
  EXPECT_TRUE(Eventually([&] { return stat(file.c_str(), &st) == 0; }));
  EXPECT_EQ(st.st_uid, kFirst);
}

TEST_F(UserNamespaceTest, ContainersWorkInIt) {
  cri::PodSandboxConfig config = Mapped("p");
  (*config.mutable_linux()->mutable_sysctls())["net.ipv4.ip_unprivileged_port_start"] = "0";
  const std::string pod = TryStart(config);
  const std::string id = Run(pod, Script("c", "while true; do sleep 1; done"));
  EXPECT_EQ(Output(id,
                   "hostname; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; "
                   "ls /proc/1/ns >/dev/null && echo proc; ls /sys/class/net | sort | head -1; "
                   "echo x >/dev/null && echo null; touch /dev/shm/y && echo shm; "
                   "chown 5:6 /dev/shm/y && stat -c %u:%g /dev/shm/y; "
                   "cat /proc/self/uid_map | tr -s ' '"),
            "p\n0\nproc\neth0\nnull\nshm\n5:6\n 0 300000 65536\n");
  // What came along from outside cannot be taken off to look below it.
  EXPECT_EQ(Output(id, "umount /dev 2>/dev/null || echo stays"), "stays\n");
  cri::ContainerConfig user = Script("u", "id -u >/dev/stdout; id -g >/dev/stderr; exit 5");
  user.mutable_linux()->mutable_security_context()->mutable_run_as_user()->set_value(1000);
  EXPECT_EQ(WaitForExit(Run(pod, user)).exit_code, 5);
}

TEST_F(UserNamespaceTest, AVolumeShowsItsOwnersWhenMapped) {
  const std::string pod = TryStart(Mapped("p"));
  const std::string folder = dir_.path() + "/volume";
  ASSERT_TRUE(os::MakeDirs(folder, 0755).ok());
  ASSERT_TRUE(os::WriteFileAtomic(folder + "/roots", "x", 0600).ok());
  cri::ContainerConfig config = Script("c", "while true; do sleep 1; done");
  for (const char* place : {"/mapped", "/plain"}) {
    cri::Mount& mount = *config.add_mounts();
    mount.set_host_path(folder);
    mount.set_container_path(place);
    if (std::string(place) == "/plain") continue;
    for (cri::IDMapping* mapping : {mount.add_uidmappings(), mount.add_gidmappings()}) {
      mapping->set_host_id(kFirst);
      mapping->set_length(kSize);
    }
  }
  const std::string id = Run(pod, config);
  EXPECT_EQ(Output(id,
                   "stat -c %u /mapped/roots /plain/roots; cat /mapped/roots; echo; "
                   "touch /mapped/new; touch /plain/new 2>/dev/null || echo refused"),
            "0\n65534\nx\nrefused\n");
  struct stat st{};
  ASSERT_EQ(stat((folder + "/new").c_str(), &st), 0);
  EXPECT_EQ(st.st_uid, 0u);
}

TEST_F(UserNamespaceTest, ProcessesCanBeShared) {
  cri::PodSandboxConfig config = Mapped("p");
  config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(
      cri::POD);
  const std::string pod = TryStart(config);
  cri::ContainerConfig shared = Script("c", "while true; do sleep 1; done");
  shared.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(
      cri::POD);
  const std::string id = Run(pod, shared);
  EXPECT_EQ(Output(id, "stat -c %u /proc/1; cat /proc/1/comm"), "0\nkeelson-init\n");
}

TEST_F(UserNamespaceTest, APodOutlivesItsDaemon) {
  const std::string pod = TryStart(Mapped("p"));
  const std::string id = Run(pod, Script("c", "while true; do sleep 1; done"));
  Boot();
  EXPECT_EQ(Output(id, "id -u"), "0\n");
  EXPECT_EQ(WaitForExit(Run(pod, Script("d", "exit 4"))).exit_code, 4);
}

TEST_F(UserNamespaceTest, TheHostsNetworkCanBeHad) {
  cri::PodSandboxConfig config = Mapped("p");
  config.clear_hostname();
  config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_network(
      cri::NODE);
  const std::string pod = TryStart(config);
  cri::ContainerConfig host = Script("c", "while true; do sleep 1; done");
  host.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_network(
      cri::NODE);
  const std::string id = Run(pod, host);
  EXPECT_EQ(Output(id, "id -u; ls /sys/class/net >/dev/null && echo seen"), "0\nseen\n");
}

TEST_F(UserNamespaceTest, AUserOutsideTheMappingIsRefused) {
  const std::string pod = TryStart(Mapped("p"));
  cri::ContainerConfig config = Script("c", "exit 0");
  config.mutable_linux()->mutable_security_context()->mutable_run_as_user()->set_value(70000);
  const base::Result<std::string> id = runtime_->CreateContainer(pod, config);
  ASSERT_FALSE(id.ok());
  EXPECT_NE(id.error().message().find("user or group 70000 is outside"), std::string::npos)
      << id.error().message();
}

}  // namespace
}  // namespace keelson::cri_server
