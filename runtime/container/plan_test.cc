// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/plan.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <functional>

#include "cri-api/container.pb.h"
#include "cri-api/cri.h"
#include "cri-api/sandbox.pb.h"

namespace keelson::container {
namespace {

class PlanTest : public testing::Test {
 protected:
  PlanTest() {
    image_.id = "sha256:abc";
    image_.layer_dirs = {"/l/2", "/l/1"};
    image_.config.entrypoint = {"/entry"};
    image_.config.command = {"default"};
    image_.config.env = {"PATH=/image/bin", "FROM_IMAGE=1", "BOTH=image"};
    sandbox_.set_hostname("pod-1");
    container_.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(cri::CONTAINER);
  }
  base::Result<Plan> Make() {
    PlanInput input;
    input.id = "c1";
    input.directory = "/state/containers/c1";
    input.sandbox = &sandbox_;
    input.container = &container_;
    input.image = &image_;
    input.identity_files = &files_;
    input.available_capabilities = ~0ull >> 23;
    input.pod_files = {"/p/hostname", "/p/hosts", "/p/resolv.conf"};
    return PlanContainer(input);
  }
  std::vector<std::string> Destinations() {
    std::vector<std::string> out;
    for (const spec::Mount& mount : Make().value().spec.mounts) out.push_back(mount.destination);
    return out;
  }
  cri::LinuxContainerSecurityContext& Security() { return *container_.mutable_linux()->mutable_security_context(); }
  cri::Mount& Volume(const std::string& where) {
    cri::Mount& mount = *container_.add_mounts();
    mount.set_container_path(where);
    mount.set_host_path("/host" + where);
    return mount;
  }

  image::Image image_;
  cri::PodSandboxConfig sandbox_;
  cri::ContainerConfig container_;
  security::IdentityFiles files_ = security::IdentityFiles::Parse("root:x:0:0::/root:\nweb:x:33:34::/srv:\n", "staff:x:50:web\n").value();
};

TEST_F(PlanTest, CommandAndArgumentsFollowTheRulesOfKubernetes) {
  struct Case {
    std::string_view name;
    std::vector<std::string> command, args, expected;
  };
  for (const Case& c : std::vector<Case>{{"image's own", {}, {}, {"/entry", "default"}},
                                         {"arguments alone keep the entrypoint", {}, {"x"}, {"/entry", "x"}},
                                         {"a command forgets the image's arguments", {"/c"}, {}, {"/c"}},
                                         {"both", {"/c"}, {"x", "y"}, {"/c", "x", "y"}}}) {
    SCOPED_TRACE(c.name);
    container_.clear_command();
    container_.clear_args();
    for (const std::string& word : c.command) container_.add_command(word);
    for (const std::string& word : c.args) container_.add_args(word);
    EXPECT_EQ(Make().value().spec.process.args, c.expected);
  }
  image_.config.entrypoint.clear();
  image_.config.command.clear();
  container_.clear_command();
  container_.clear_args();
  EXPECT_EQ(Make().error().code(), base::Code::kInvalidArgument);
}

TEST_F(PlanTest, TheContainersVariablesWinOverTheImages) {
  for (const auto& [key, value] : {std::pair{"BOTH", "container"}, {"NEW", "a=b"}}) {
    cri::KeyValue& entry = *container_.add_envs();
    entry.set_key(key);
    entry.set_value(value);
  }
  EXPECT_EQ(Make().value().spec.process.env,
            (std::vector<std::string>{"PATH=/image/bin", "HOSTNAME=pod-1", "FROM_IMAGE=1", "BOTH=container", "NEW=a=b", "HOME=/root"}));
  container_.add_envs()->set_key("BAD=KEY");
  EXPECT_EQ(Make().error().code(), base::Code::kInvalidArgument);
}

TEST_F(PlanTest, VolumesStandInsteadOfStandardMountsAndParentsComeFirst) {
  EXPECT_EQ(Destinations(), (std::vector<std::string>{"/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup",
                                                      "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}));
  Volume("/data/deep/er");
  Volume("//data/");
  Volume("/dev/shm");
  Volume("/etc/hosts");
  EXPECT_EQ(Destinations(), (std::vector<std::string>{"/proc", "/dev", "/dev/pts", "/dev/mqueue", "/sys", "/sys/fs/cgroup", "/data",
                                                      "/dev/shm", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/data/deep/er"}));
  const Plan plan = Make().value();
  for (const spec::Mount& mount : plan.spec.mounts) {
    if (mount.kind == spec::Mount::Kind::kBind && mount.destination == "/data") {
      EXPECT_EQ(plan.sources[mount.source_fd].path, "/host//data/");
    }
  }
}

TEST_F(PlanTest, AnOrdinaryContainerIsConfined) {
  Security().mutable_seccomp()->set_profile_type(cri::SecurityProfile::RuntimeDefault);
  Security().add_masked_paths("/proc/kcore");
  Security().set_no_new_privs(true);
  Security().mutable_run_as_user()->set_value(33);
  const Plan plan = Make().value();
  EXPECT_EQ(plan.seccomp, Plan::Seccomp::kRuntimeDefault);
  EXPECT_EQ(plan.spec.masked_paths, std::vector<std::string>{"/proc/kcore"});
  EXPECT_TRUE(plan.spec.process.no_new_privileges);
  EXPECT_EQ(plan.spec.process.identity.uid, 33u);
  EXPECT_EQ(plan.spec.process.identity.gid, 34u);
  EXPECT_EQ(plan.spec.process.capabilities.effective, 0u);
  EXPECT_EQ(plan.spec.process.capabilities.inheritable, 0u);
  EXPECT_NE(plan.spec.process.capabilities.bounding, 0u);
  for (const spec::Mount& mount : plan.spec.mounts) {
    if (mount.destination == "/sys") {
      EXPECT_TRUE(mount.attributes & MOUNT_ATTR_RDONLY);
    }
  }
}

TEST_F(PlanTest, APrivilegedOneIsNot) {
  Security().set_privileged(true);
  Security().mutable_seccomp()->set_profile_type(cri::SecurityProfile::RuntimeDefault);
  Security().add_masked_paths("/proc/kcore");
  const Plan plan = Make().value();
  EXPECT_EQ(plan.seccomp, Plan::Seccomp::kNone);
  EXPECT_TRUE(plan.spec.masked_paths.empty());
  EXPECT_EQ(plan.spec.process.capabilities.effective, ~0ull >> 23);
}

TEST_F(PlanTest, BadInputIsRefusedWithItsField) {
  struct Case {
    std::string_view expected;
    std::function<void()> spoil;
  };
  const cri::ContainerConfig good = container_;
  for (const Case& c : std::vector<Case>{
           {"mounts[0].container_path", [&] { Volume("relative"); }},
           {"mounts[0].container_path", [&] { Volume("/"); }},
           {"mounts[0].host_path", [&] { Volume("/x").set_host_path("x"); }},
           {"RROUnsupported", [&] { Volume("/x").set_recursive_read_only(true); }},
           {"mounts[0].mount_options", [&] { Volume("/x").add_mount_options("suid"); }},
           {"working_dir", [&] { container_.set_working_dir("x"); }},
           {"target_id", [&] { Security().mutable_namespace_options()->set_pid(cri::TARGET); }},
           {"seccomp.localhost_ref", [&] {
              Security().mutable_seccomp()->set_profile_type(cri::SecurityProfile::Localhost);
              Security().mutable_seccomp()->set_localhost_ref("../x");
            }}}) {
    SCOPED_TRACE(c.expected);
    container_ = good;
    c.spoil();
    const base::Result<Plan> plan = Make();
    ASSERT_FALSE(plan.ok());
    EXPECT_NE(plan.error().message().find(c.expected), std::string::npos) << plan.error().message();
  }
}

TEST_F(PlanTest, TheStopSignalComesFromContainerThenImage) {
  EXPECT_EQ(Make().value().stop_signal, 15);
  image_.config.stop_signal = "SIGQUIT";
  EXPECT_EQ(Make().value().stop_signal, 3);
  container_.set_stop_signal(cri::SIGNAL_SIGRTMINPLUS3);
  EXPECT_EQ(Make().value().stop_signal, 37);
  container_.clear_stop_signal();
  image_.config.stop_signal = "SIGNOPE";
  EXPECT_FALSE(Make().ok());
}

TEST(Signals, AreKnownByNumberAndName) {
  for (const auto& [text, number] : {std::pair{"9", 9}, {"SIGKILL", 9}, {"term", 15}, {"SIGRTMIN+3", 37}, {"RTMAX-1", 63}, {"SIGRTMAX", 64}}) {
    EXPECT_EQ(ParseSignal(text), number) << text;
  }
  for (const char* bad : {"", "0", "65", "-9", "SIG", "KILLER", "RTMIN+99", " 9"}) EXPECT_FALSE(ParseSignal(bad).has_value()) << bad;
}

TEST(Cgroups, ParentsAreTakenAsTheyAreAndCheckedFirst) {
  EXPECT_EQ(CgroupPath("", "s", "c").value(), "/keelson/s/c");
  EXPECT_EQ(CgroupPath("/kubepods/burstable/pod1", "s", "c").value(), "/kubepods/burstable/pod1/c");
  EXPECT_EQ(CgroupPath("kubepods//pod1/", "s", "c").value(), "/kubepods/pod1/c");
  for (const char* bad : {"/", "/a/../b", "kubepods-pod1.slice"}) EXPECT_FALSE(CgroupPath(bad, "s", "c").ok()) << bad;
}

TEST(LogPlaces, StayBelowThePodsDirectory) {
  EXPECT_EQ(PlanLog("/var/log/pods/x", "c/0.log").value().directory, "c");
  EXPECT_EQ(PlanLog("/var/log/pods/x", "c/0.log").value().name, "0.log");
  EXPECT_EQ(PlanLog("/var/log/pods/x", "").value().name, "");
  for (const char* bad : {"/etc/passwd", "../x", "a/../../x", "a/", "a/\nb"}) EXPECT_FALSE(PlanLog("/var/log/pods/x", bad).ok()) << bad;
}

}  // namespace
}  // namespace keelson::container
