// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/plan.h"

#include <gtest/gtest.h>

#include <sys/mount.h>
#include <array>

#include <functional>

#include "cri-api/container.pb.h"
#include "cri-api/cri.h"
#include "cri-api/sandbox.pb.h"
#include "runtime/container/signal.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"  // the CRI's older fields

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
    container_.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(
        cri::CONTAINER);
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
  cri::LinuxContainerSecurityContext& Security() {
    return *container_.mutable_linux()->mutable_security_context();
  }
  using Mappings = std::vector<std::array<uint32_t, 3>>;  // host, container, length
  void Users(const Mappings& uids, const Mappings& gids) {
    cri::UserNamespace& users = *Security().mutable_namespace_options()->mutable_userns_options();
    users.set_mode(cri::POD);
    const auto add = [](const auto& one, cri::IDMapping* mapping) {
      mapping->set_host_id(one[0]);
      mapping->set_container_id(one[1]);
      mapping->set_length(one[2]);
    };
    for (const auto& one : uids) add(one, users.add_uids());
    for (const auto& one : gids) add(one, users.add_gids());
  }
  cri::Mount& Volume(const std::string& where) {
    cri::Mount& mount = *container_.add_mounts();
    mount.set_container_path(where);
    mount.set_host_path("/host" + where);
    return mount;
  }

  image::Image image_;
  cri::PodSandboxConfig sandbox_;
  cri::ContainerConfig container_;
  security::IdentityFiles files_ =
      security::IdentityFiles::Parse("root:x:0:0::/root:\nweb:x:33:34::/srv:\n", "staff:x:50:web\n")
          .value();
};

TEST_F(PlanTest, CommandAndArgumentsFollowTheRulesOfKubernetes) {
  struct Case {
    std::string_view name;
    std::vector<std::string> command, args, expected;
  };
  for (const Case& c :
       std::vector<Case>{{"image's own", {}, {}, {"/entry", "default"}},
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
            (std::vector<std::string>{"PATH=/image/bin", "HOSTNAME=pod-1", "FROM_IMAGE=1",
                                      "BOTH=container", "NEW=a=b", "HOME=/root"}));
  container_.add_envs()->set_key("BAD=KEY");
  EXPECT_EQ(Make().error().code(), base::Code::kInvalidArgument);
}

TEST_F(PlanTest, VolumesStandInsteadOfStandardMountsAndParentsComeFirst) {
  EXPECT_EQ(Destinations(),
            (std::vector<std::string>{"/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue",
                                      "/sys", "/sys/fs/cgroup", "/etc/hosts", "/etc/hostname",
                                      "/etc/resolv.conf"}));
  Volume("/data/deep/er");
  Volume("//data/");
  Volume("/dev/shm");
  Volume("/etc/hosts");
  EXPECT_EQ(Destinations(),
            (std::vector<std::string>{"/proc", "/dev", "/dev/pts", "/dev/mqueue", "/sys",
                                      "/sys/fs/cgroup", "/data", "/dev/shm", "/etc/hosts",
                                      "/etc/hostname", "/etc/resolv.conf", "/data/deep/er"}));
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
  EXPECT_EQ(Make().error().code(), base::Code::kInvalidArgument) << "a pod says so beforehand";
  sandbox_.mutable_linux()->mutable_security_context()->set_privileged(true);
  EXPECT_TRUE(Make().value().all_devices);
  EXPECT_EQ(Make().value().resources.devices.size(), 1u);
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
           {"devices[0].host_path", [&] { container_.add_devices()->set_host_path("dev/null"); }},
           {"devices[0].container_path",
            [&] {
              container_.add_devices()->set_host_path("/dev/null");
              container_.mutable_devices(0)->set_container_path("x");
            }},
           {"devices[0].permissions",
            [&] {
              container_.add_devices()->set_host_path("/dev/null");
              container_.mutable_devices(0)->set_permissions("rx");
            }},
           {"CDI_devices", [&] { container_.add_cdi_devices()->set_name("vendor.com/gpu=1"); }},
           {"mounts[0]: uidMappings and gidMappings", [&] { Volume("/x").add_uidmappings(); }},
           {"hugepage_limits",
            [&] {
              container_.mutable_linux()->mutable_resources()->add_hugepage_limits()->set_page_size(
                  "../x");
            }},
           {"unified",
            [&] {
              (*container_.mutable_linux()
                    ->mutable_resources()
                    ->mutable_unified())["../memory.max"] = "1";
            }},
           {"unified",
            [&] {
              (*container_.mutable_linux()
                    ->mutable_resources()
                    ->mutable_unified())["cgroup.procs"] = "1";
            }},
           {"AppArmor",
            [&] {
              Security().mutable_apparmor()->set_profile_type(cri::SecurityProfile::Localhost);
              Security().mutable_apparmor()->set_localhost_ref("mine");
            }},
           {"AppArmor", [&] { Security().set_apparmor_profile("localhost/mine"); }},
           {"seccomp_profile_path", [&] { Security().set_seccomp_profile_path("mine"); }},
           {"seccomp.localhost_ref",
            [&] { Security().set_seccomp_profile_path("localhost/mine"); }},
           {"uids: one mapping is wanted, not 0", [&] { Users({}, {{1000, 0, 10}}); }},
           {"uids: one mapping is wanted, not 2",
            [&] { Users({{1000, 0, 10}, {2000, 10, 10}}, {{1000, 0, 10}}); }},
           {"gids: must map 0", [&] { Users({{1000, 0, 10}}, {{1000, 1, 10}}); }},
           {"uids: 0 from 1000 on", [&] { Users({{1000, 0, 0}}, {{1000, 0, 0}}); }},
           {"are no users", [&] { Users({{0xfffffff0u, 0, 16}}, {{1000, 0, 16}}); }},
           {"differ in length", [&] { Users({{1000, 0, 10}}, {{1000, 0, 11}}); }},
           {"share the host's processes",
            [&] {
              Users({{1000, 0, 10}}, {{1000, 0, 10}});
              Security().mutable_namespace_options()->set_pid(cri::NODE);
            }},
           {"not the mappings that the pod was made with",
            [&] { Users({{1000, 0, 10}}, {{1000, 0, 10}}); }},
           {"mode TARGET",
            [&] {
              Security().mutable_namespace_options()->mutable_userns_options()->set_mode(
                  cri::TARGET);
            }},
           {"takes no mappings",
            [&] {
              Security().mutable_namespace_options()->mutable_userns_options()->set_mode(cri::NODE);
              Security().mutable_namespace_options()->mutable_userns_options()->add_uids();
            }},
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

TEST_F(PlanTest, OlderClientsNameSeccompProfilesByAString) {
  EXPECT_EQ(Make().value().seccomp, Plan::Seccomp::kNone);
  for (const char* name : {"runtime/default", "docker/default"}) {
    Security().set_seccomp_profile_path(name);
    EXPECT_EQ(Make().value().seccomp, Plan::Seccomp::kRuntimeDefault) << name;
  }
  Security().set_seccomp_profile_path("localhost//profiles/a.json");
  EXPECT_EQ(Make().value().seccomp_file, "/profiles/a.json");
  Security().mutable_seccomp()->set_profile_type(cri::SecurityProfile::Unconfined);
  EXPECT_EQ(Make().value().seccomp, Plan::Seccomp::kNone) << "the newer field wins";
}

TEST_F(PlanTest, ResourcesReachTheCgroupPlan) {
  cri::LinuxContainerResources& wanted = *container_.mutable_linux()->mutable_resources();
  wanted.set_cpu_shares(512);
  wanted.set_cpu_quota(50000);
  wanted.set_cpu_period(100000);
  wanted.set_cpuset_cpus("0-1");
  wanted.set_cpuset_mems("0");
  wanted.set_memory_limit_in_bytes(1 << 20);
  wanted.set_memory_swap_limit_in_bytes(2 << 20);
  wanted.set_oom_score_adj(2000);
  (*wanted.mutable_unified())["memory.high"] = "1048576";
  cri::HugepageLimit& huge = *wanted.add_hugepage_limits();
  huge.set_page_size("2MB");
  huge.set_limit(4 << 20);
  const Plan plan = Make().value();
  const cgroup::Resources& r = plan.resources;
  EXPECT_EQ(r.cpu_shares, 512);
  EXPECT_EQ(r.cpu_quota, 50000);
  EXPECT_EQ(r.cpu_period, 100000);
  EXPECT_EQ(r.cpuset_cpus, "0-1");
  EXPECT_EQ(r.cpuset_mems, "0");
  EXPECT_EQ(r.memory_limit, 1 << 20);
  EXPECT_EQ(r.memory_swap_limit, 2 << 20);
  EXPECT_EQ(r.unified.at("memory.high"), "1048576");
  EXPECT_EQ(r.hugepages.at("2MB"), 4 << 20);
  EXPECT_EQ(plan.spec.process.oom_score_adj, 1000);
}

TEST_F(PlanTest, TheHostsIpcComesWithItsSharedMemory) {
  Security().mutable_namespace_options()->set_ipc(cri::NODE);
  const Plan plan = Make().value();
  EXPECT_TRUE(plan.spec.host_ipc);
  for (const spec::Mount& mount : plan.spec.mounts) {
    if (mount.destination != "/dev/shm") continue;
    EXPECT_EQ(mount.kind, spec::Mount::Kind::kBind);
    EXPECT_EQ(plan.sources.at(mount.source_fd).path, "/dev/shm");
  }
}

TEST_F(PlanTest, DevicesAreAskedForByPath) {
  cri::Device& device = *container_.add_devices();
  device.set_host_path("/dev/fuse");
  cri::Device& other = *container_.add_devices();
  other.set_host_path("/dev/kvm");
  other.set_container_path("/dev//mine");
  other.set_permissions("rw");
  const Plan plan = Make().value();
  ASSERT_EQ(plan.devices.size(), 2u);
  EXPECT_EQ(plan.devices[0].container_path, "/dev/fuse");
  EXPECT_EQ(plan.devices[0].permissions, "rwm");
  EXPECT_EQ(plan.devices[1].container_path, "/dev/mine");
  EXPECT_EQ(plan.devices[1].permissions, "rw");
  EXPECT_FALSE(plan.all_devices);
}

TEST_F(PlanTest, StopContainer_SignalComesFromContainerThenImage) {
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
  for (const auto& [text, number] : {std::pair{"9", 9},
                                     {"SIGKILL", 9},
                                     {"term", 15},
                                     {"SIGRTMIN+3", 37},
                                     {"RTMAX-1", 63},
                                     {"SIGRTMAX", 64}}) {
    EXPECT_EQ(ParseSignal(text), number) << text;
  }
  for (const char* bad : {"", "0", "65", "-9", "SIG", "KILLER", "RTMIN+99", " 9"})
    EXPECT_FALSE(ParseSignal(bad).has_value()) << bad;
}

TEST(Cgroups, ParentsAreTakenAsTheyAreAndCheckedFirst) {
  EXPECT_EQ(CgroupPath("", "s", "c").value(), "/keelson/s/c");
  EXPECT_EQ(CgroupPath("/kubepods/burstable/pod1", "s", "c").value(), "/kubepods/burstable/pod1/c");
  EXPECT_EQ(CgroupPath("kubepods//pod1/", "s", "c").value(), "/kubepods/pod1/c");
  for (const char* bad : {"/", "/a/../b", "kubepods-pod1.slice"})
    EXPECT_FALSE(CgroupPath(bad, "s", "c").ok()) << bad;
}

TEST(LogPlaces, StayBelowThePodsDirectory) {
  EXPECT_EQ(PlanLog("/var/log/pods/x", "c/0.log").value().directory, "c");
  EXPECT_EQ(PlanLog("/var/log/pods/x", "c/0.log").value().name, "0.log");
  EXPECT_EQ(PlanLog("/var/log/pods/x", "").value().name, "");
  for (const char* bad : {"/etc/passwd", "../x", "a/../../x", "a/", "a/\nb"})
    EXPECT_FALSE(PlanLog("/var/log/pods/x", bad).ok()) << bad;
}

// CVE-2022-23648: nothing is copied or mounted because an image says so.
TEST_F(PlanTest, VolumesThatAnImageDeclaresAreNobodys) {
  const std::vector<std::string> before = Destinations();
  image_.config.volumes = {"/proc", "../../etc", "/data", "/link/../.."};
  EXPECT_EQ(Destinations(), before);
}

}  // namespace
}  // namespace keelson::container
