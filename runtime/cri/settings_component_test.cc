// SPDX-License-Identifier: Apache-2.0
// What a container's and a pod's settings do on the real kernel, seen from inside the container.
// docs/conformance.md names these tests.
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "runtime/cri/testing/runtime_fixture.h"

namespace keelson::cri_server {
namespace {

class SettingsTest : public RuntimeTest {
 protected:
  // What the script writes, line by line, without the log's own words.
  std::vector<std::string> Lines(const std::string& pod, cri::ContainerConfig config) {
    const std::string last = " F that is all\n";
    config.set_command(2, "trap 'echo that is all' EXIT; " + config.command(2));
    WaitForExit(Run(pod, config));
    std::vector<std::string> out;
    std::string log = LogWith(runtime_->GetSandbox(pod).value().config.metadata().name(),
                              config.metadata().name(), last);
    log.resize(log.rfind('\n', log.find(last)) + 1);
    for (const std::string_view line : base::Split(log, '\n')) {
      size_t at = 0;
      for (int i = 0; i < 3 && at != std::string_view::npos; ++i)
        at = line.find(' ', at == 0 ? 0 : at + 1);
      if (at != std::string_view::npos) out.emplace_back(line.substr(at + 1));
    }
    return out;
  }
  static std::string Link(const char* name) {
    char text[256];
    const ssize_t n = readlink((std::string("/proc/self/ns/") + name).c_str(), text, sizeof text);
    return n > 0 ? std::string(text, static_cast<size_t>(n)) : "";
  }
  cri::ContainerConfig Namespaces(const std::string& name) {
    return Script(name, "for n in net ipc uts pid; do busybox readlink /proc/self/ns/$n; done");
  }
  static cri::NamespaceOption& Options(cri::ContainerConfig& config) {
    return *config.mutable_linux()->mutable_security_context()->mutable_namespace_options();
  }
  std::string StartWith(const cri::PodSandboxConfig& config) {
    const base::Result<std::string> id = runtime_->RunPodSandbox(config, "");
    EXPECT_TRUE(id.ok()) << (id.ok() ? "" : id.error().message());
    return id.ok() ? *id : "";
  }
};

using Words = std::vector<std::string>;

TEST_F(SettingsTest, ContainersShareAllNamespacesOfThePodButProcesses) {
  const std::string pod = Start("p");
  const Words one = Lines(pod, Namespaces("one"));
  const Words two = Lines(pod, Namespaces("two"));
  ASSERT_EQ(one.size(), 4u);
  ASSERT_EQ(two.size(), 4u);
  const char* const names[] = {"net", "ipc", "uts", "pid"};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NE(one[i], Link(names[i])) << "not the host's";
    EXPECT_EQ(one[i] == two[i], i < 3) << names[i];
  }
}

TEST_F(SettingsTest, TheHostsNamespacesWhereAsked) {
  cri::PodSandboxConfig config = Pod("p");
  cri::NamespaceOption& options =
      *config.mutable_linux()->mutable_security_context()->mutable_namespace_options();
  options.set_network(cri::NODE);
  options.set_ipc(cri::NODE);
  options.set_pid(cri::NODE);
  const std::string pod = StartWith(config);
  cri::ContainerConfig container = Namespaces("c");
  Options(container) = options;
  EXPECT_EQ(Lines(pod, container), (Words{Link("net"), Link("ipc"), Link("uts"), Link("pid")}));
  EXPECT_TRUE(runtime_->GetSandbox(pod).value().record.addresses.empty());
  // What was started in the host's PID namespace ends with its container all the same.
  cri::ContainerConfig spawner = Script("spawner", "sleep 1000 & while true; do sleep 1; done");
  Options(spawner) = options;
  const std::string id = Run(pod, spawner);
  const pid_t pid = runtime_->GetContainer(id).value().record.pid;
  EXPECT_EQ(os::ReadFile("/proc/" + std::to_string(pid) + "/comm").ValueOr(""), "sh\n");
  EXPECT_TRUE(runtime_->StopContainer(id, std::chrono::seconds(0)).ok());
  const cgroup::Group group(cgroup::DetectLayout().value(),
                            runtime_->GetContainer(id).value().record.cgroup_path);
  EXPECT_TRUE(Eventually([&] { return !group.Exists(); })) << "something of it runs on";
}

TEST_F(SettingsTest, TheHostsIpcHasItsSharedMemory) {
  cri::PodSandboxConfig config = Pod("p");
  config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_ipc(
      cri::NODE);
  const std::string file = "keelson-test-" + base::RandomHex(6);
  ASSERT_TRUE(os::WriteFileAtomic("/dev/shm/" + file, "here\n", 0644).ok());
  cri::ContainerConfig container = Script("c", "cat /dev/shm/" + file);
  Options(container).set_ipc(cri::NODE);
  EXPECT_EQ(Lines(StartWith(config), container), Words{"here"});
  EXPECT_TRUE(os::RemoveFile("/dev/shm/" + file).ok());
}

TEST_F(SettingsTest, AProcessNamespaceIsSharedByThePodWhenAsked) {
  cri::PodSandboxConfig config = Pod("p");
  config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(
      cri::POD);
  const std::string pod = StartWith(config);
  cri::ContainerConfig one = Script("one", "while true; do sleep 1; done");
  cri::ContainerConfig two = Script(
      "two", "cat /proc/1/comm; busybox ps -o args | grep -q 'while true[;]' && echo 1 || echo 0");
  for (cri::ContainerConfig* container : {&one, &two}) Options(*container).set_pid(cri::POD);
  const std::string id = Run(pod, one);
  EXPECT_EQ(Lines(pod, two), (Words{"keelson-init", "1"}));
  EXPECT_TRUE(runtime_->StopContainer(id, std::chrono::seconds(0)).ok());
  EXPECT_EQ(Lines(pod,
                  [&] {
                    cri::ContainerConfig again = two;
                    again.mutable_metadata()->set_name("three");
                    again.set_log_path("three/0.log");
                    return again;
                  }()),
            (Words{"keelson-init", "0"}))
      << "the others of the pod live on";
}

TEST_F(SettingsTest, AContainerCanJoinTheProcessesOfAnother) {
  const std::string pod = Start("p");
  const std::string target = Run(pod, Script("target", "while true; do sleep 1; done"));
  cri::ContainerConfig debugger =
      Script("debugger", "busybox ps -o args | grep -q 'while true[;]' && echo 1 || echo 0");
  Options(debugger).set_pid(cri::TARGET);
  Options(debugger).set_target_id(target);
  EXPECT_EQ(Lines(pod, debugger), Words{"1"});
}

TEST_F(SettingsTest, DevicesAreThereWithTheirPermissionsAndNoOthers) {
  // A loop device's control node, under another name: to be read, not to be written.
  const std::string node = dir_.path() + "/control";
  ASSERT_EQ(mknod(node.c_str(), S_IFCHR | 0666, makedev(10, 237)), 0);
  cri::ContainerConfig config =
      Script("c",
             "busybox stat -c %t:%T /dev/mine; (: </dev/mine) 2>&1 | grep -o 'not permitted'; (: "
             ">/dev/mine) 2>&1 | grep -o 'not permitted'; "
             "busybox mknod /mem c 1 1 2>/dev/null || echo no other; ls /dev/null /dev/tty");
  cri::Device& device = *config.add_devices();
  device.set_host_path(node);
  device.set_container_path("/dev/mine");
  device.set_permissions("rm");
  EXPECT_EQ(Lines(Start("p"), config),
            (Words{"a:ed", "not permitted", "no other", "/dev/null", "/dev/tty"}));
  config.mutable_devices(0)->set_host_path("/dev/no-such-device");
  const std::string pod = Start("q");
  const base::Status started =
      runtime_->StartContainer(runtime_->CreateContainer(pod, config).value());
  ASSERT_FALSE(started.ok());
  EXPECT_NE(started.error().message().find("devices[0]: host device '/dev/no-such-device'"),
            std::string::npos)
      << started.error().message();
}

TEST_F(SettingsTest, APrivilegedContainerSeesTheMachine) {
  cri::PodSandboxConfig config = Pod("p");
  config.mutable_linux()->mutable_security_context()->set_privileged(true);
  cri::ContainerConfig container =
      Script("c",
             "test -c /dev/kmsg && echo kmsg; grep -c '^Seccomp:.0' /proc/self/status; busybox awk "
             "'/^CapEff/ {print $2}' /proc/self/status; "
             "busybox awk '$5 == \"/sys\" {print substr($6, 1, 2)}' /proc/self/mountinfo; grep -c "
             "' /proc/' /proc/self/mountinfo");
  cri::LinuxContainerSecurityContext& security =
      *container.mutable_linux()->mutable_security_context();
  security.set_privileged(true);
  security.add_masked_paths("/proc/kcore");
  security.add_readonly_paths("/proc/sys");
  const Words lines = Lines(StartWith(config), container);
  const bool kmsg = os::Exists("/dev/kmsg");
  EXPECT_EQ(
      lines,
      (kmsg ? Words{"kmsg", "1", fmt::format("{:016x}", security::AvailableCapabilities().value()),
                    "rw", "0"}
            : Words{"1", fmt::format("{:016x}", security::AvailableCapabilities().value()), "rw",
                    "0"}));
  EXPECT_EQ(runtime_->CreateContainer(Start("q"), container).error().code(),
            base::Code::kInvalidArgument)
      << "only in a pod that says so";
}

TEST_F(SettingsTest, UserGroupsRootAndScoreAreAsAsked) {
  cri::ContainerConfig config =
      Script("c",
             "id -u; id -g; id -G; cat /proc/self/oom_score_adj; touch /x 2>/dev/null || echo "
             "read-only; grep NoNewPrivs /proc/self/status; "
             "cat /proc/interrupts | busybox wc -c; echo 1 2>/dev/null "
             ">/proc/sys/kernel/domainname || echo protected");
  cri::LinuxContainerSecurityContext& security =
      *config.mutable_linux()->mutable_security_context();
  security.mutable_run_as_user()->set_value(1000);
  security.mutable_run_as_group()->set_value(1001);
  security.add_supplemental_groups(5000);
  security.set_readonly_rootfs(true);
  security.set_no_new_privs(true);
  security.add_masked_paths("/proc/interrupts");
  security.add_readonly_paths("/proc/sys");
  config.mutable_linux()->mutable_resources()->set_oom_score_adj(500);
  EXPECT_EQ(Lines(Start("p"), config), (Words{"1000", "1001", "1001 5000", "500", "read-only",
                                              "NoNewPrivs:\t1", "0", "protected"}));
}

TEST_F(SettingsTest, SysctlsHoldInsideThePodAlone) {
  const std::string before = os::ReadFile("/proc/sys/kernel/shm_rmid_forced").value();
  cri::PodSandboxConfig config = Pod("p");
  (*config.mutable_linux()->mutable_sysctls())["net.ipv4.ip_unprivileged_port_start"] = "123";
  (*config.mutable_linux()->mutable_sysctls())["kernel.shm_rmid_forced"] =
      before == "0\n" ? "1" : "0";
  (*config.mutable_linux()->mutable_sysctls())["net/ipv4/conf/lo/forwarding"] = "0";
  (*config.mutable_linux()->mutable_sysctls())["net.ipv4.conf.lo.rp_filter"] = "2";
  const Words lines =
      Lines(StartWith(config),
            Script("c",
                   "cat /proc/sys/net/ipv4/ip_unprivileged_port_start "
                   "/proc/sys/kernel/shm_rmid_forced /proc/sys/net/ipv4/conf/lo/forwarding "
                   "/proc/sys/net/ipv4/conf/lo/rp_filter"));
  EXPECT_EQ(lines, (Words{"123", before == "0\n" ? "1" : "0", "0", "2"}));
  EXPECT_EQ(os::ReadFile("/proc/sys/kernel/shm_rmid_forced").value(), before);
}

TEST_F(SettingsTest, LimitsAreInTheContainersCgroup) {
  cri::ContainerConfig config = Script("c", "while true; do sleep 1; done");
  cri::LinuxContainerResources& wanted = *config.mutable_linux()->mutable_resources();
  wanted.set_cpu_quota(50000);
  wanted.set_cpu_period(100000);
  wanted.set_memory_limit_in_bytes(64 << 20);
  wanted.set_cpuset_cpus("0");
  wanted.add_hugepage_limits()->set_page_size(
      "2MB");  // no such pages, as kubelets say for every container
  const std::string id = Run(Start("p"), config);
  const cgroup::Group group(cgroup::DetectLayout().value(),
                            runtime_->GetContainer(id).value().record.cgroup_path);
  const auto read = [&](const char* v1, const char* v2) {
    for (const std::string& directory : group.V1Directories()) {
      if (os::Exists(directory + "/" + v1)) return os::ReadFile(directory + "/" + v1).value();
    }
    return os::ReadFile(group.UnifiedDirectory() + "/" + v2).ValueOr("?");
  };
  const std::string memory = std::to_string(64 << 20) + "\n";
  EXPECT_EQ(read("memory.limit_in_bytes", "memory.max"), memory);
  EXPECT_THAT(read("cpu.cfs_quota_us", "cpu.max"), testing::AnyOf("50000\n", "50000 100000\n"));
  EXPECT_EQ(read("cpuset.cpus", "cpuset.cpus"), "0\n");
  EXPECT_EQ(runtime_
                ->ExecSync(id, {"sh", "-c", "grep Cpus_allowed_list /proc/self/status"},
                           std::chrono::seconds(60))
                .value()
                .out,
            "Cpus_allowed_list:\t0\n");
  config.mutable_metadata()->set_name("refused");
  config.mutable_linux()->mutable_resources()->set_cpuset_cpus("4000");
  const base::Status refused = runtime_->StartContainer(
      runtime_->CreateContainer(runtime_->GetContainer(id).value().record.sandbox_id, config)
          .value());
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("cpuset.cpus"), std::string::npos)
      << refused.error().message();
}

TEST_F(SettingsTest, OptionsOfAVolumeHold) {
  const std::string volume = dir_.path() + "/volume";
  ASSERT_TRUE(os::MakeDirs(volume, 0755).ok());
  cri::ContainerConfig config =
      Script("c", "busybox awk '$5 == \"/v\" {print $6}' /proc/self/mountinfo");
  cri::Mount& mount = *config.add_mounts();
  mount.set_container_path("/v");
  mount.set_host_path(volume);
  for (const char* option : {"noexec", "nodev", "nosuid"}) mount.add_mount_options(option);
  const Words lines = Lines(Start("p"), config);
  ASSERT_EQ(lines.size(), 1u);
  for (const char* option : {"noexec", "nodev", "nosuid", "rw"})
    EXPECT_NE(lines[0].find(option), std::string::npos) << lines[0];
}

TEST_F(SettingsTest, VolumesPropagateAsAskedAndReadOnlyOnesAreSoAllTheWayDown) {
  const std::string volume = dir_.path() + "/volume";
  ASSERT_TRUE(os::MakeDirs(volume, 0755).ok());
  ASSERT_EQ(mount("volume", volume.c_str(), "tmpfs", 0, nullptr), 0);
  ASSERT_EQ(mount(nullptr, volume.c_str(), nullptr, MS_SHARED, nullptr), 0);
  ASSERT_TRUE(os::MakeDirs(volume + "/before", 0755).ok());
  ASSERT_EQ(mount("before", (volume + "/before").c_str(), "tmpfs", 0, nullptr), 0);
  ASSERT_TRUE(os::MakeDirs(volume + "/later", 0755).ok());
  ASSERT_TRUE(os::MakeDirs(volume + "/inside", 0755).ok());
  const std::string pod = Start("p");
  const auto with = [&](const std::string& name, cri::MountPropagation propagation,
                        bool recursive) {
    cri::ContainerConfig config = Script(name, "touch /v/ready; while true; do sleep 1; done");
    cri::Mount& mount = *config.add_mounts();
    mount.set_container_path("/v");
    mount.set_host_path(volume);
    mount.set_propagation(propagation);
    mount.set_readonly(recursive);
    mount.set_recursive_read_only(recursive);
    return Run(pod, config);
  };
  const std::string alone = with("alone", cri::PROPAGATION_PRIVATE, false);
  const std::string slave = with("slave", cri::PROPAGATION_HOST_TO_CONTAINER, false);
  const std::string shared = with("shared", cri::PROPAGATION_BIDIRECTIONAL, false);
  const std::string closed = with("closed", cri::PROPAGATION_PRIVATE, true);
  ASSERT_EQ(mount("later", (volume + "/later").c_str(), "tmpfs", 0, nullptr), 0);
  const auto sees = [&](const std::string& id, const std::string& place) {
    return runtime_
        ->ExecSync(id, {"sh", "-c", "grep -c ' /v/" + place + " ' /proc/self/mountinfo"},
                   std::chrono::seconds(60))
        .value()
        .out;
  };
  for (const std::string& id : {alone, slave, shared}) EXPECT_EQ(sees(id, "before"), "1\n");
  EXPECT_EQ(sees(alone, "later"), "0\n");
  EXPECT_EQ(sees(slave, "later"), "1\n");
  EXPECT_EQ(sees(shared, "later"), "1\n");
  const auto tries = [&](const std::string& id, const std::string& script) {
    return runtime_->ExecSync(id, {"sh", "-c", script}, std::chrono::seconds(60)).value().exit_code;
  };
  EXPECT_EQ(tries(alone, "touch /v/before/x"), 0);
  EXPECT_NE(tries(closed, "touch /v/x"), 0);
  EXPECT_NE(tries(closed, "touch /v/before/y"), 0) << "what is mounted below is read-only too";
  EXPECT_TRUE(runtime_->RemovePodSandbox(pod).ok());
  ASSERT_EQ(umount2(volume.c_str(), MNT_DETACH), 0);
}

}  // namespace
}  // namespace keelson::cri_server
