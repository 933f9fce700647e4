// SPDX-License-Identifier: Apache-2.0
#include "runtime/oci/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/json/value.h"

namespace keelson::oci {
namespace {

using json::Value;
using spec::Mount;

spec::ContainerSpec Example() {
  spec::ContainerSpec spec;
  spec.id = "c1";
  spec.process.args = {"sh", "-c", "echo \"a\\b\"\n\x01"};
  spec.process.env = {"A=ä"};
  spec.process.cwd = "/srv";
  spec.process.identity = {33, 34, {5, 6}};
  spec.process.capabilities = {1u << 10 | 1, 1, 1, 0, 0};
  spec.process.rlimits = {{7, 1024, ~uint64_t{0}}};
  spec.process.no_new_privileges = true;
  spec.process.oom_score_adj = -998;
  spec.process.apparmor_profile = "ours";
  spec.read_only_root = true;
  spec.mounts = {
      {.kind = Mount::Kind::kProc, .destination = "/proc", .attributes = MOUNT_ATTR_NOSUID},
      {.kind = Mount::Kind::kTmpfs,
       .destination = "/dev",
       .options = "mode=755,size=65536k",
       .attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME},
      {.kind = Mount::Kind::kPodShm, .destination = "/dev/shm"},
      {.kind = Mount::Kind::kCgroup,
       .destination = "/sys/fs/cgroup",
       .attributes = MOUNT_ATTR_RDONLY},
      {.kind = Mount::Kind::kBind,
       .destination = "/data",
       .source_fd = 4,
       .attributes = MOUNT_ATTR_RDONLY,
       .propagation = spec::Propagation::kSlave}};
  spec.devices = {{"/dev/null", S_IFCHR | 0666, 1, 3, 0, 0},
                  {"/dev/x", S_IFBLK | 0640, 8, 1, 0, 6}};
  spec.masked_paths = {"/proc/kcore"};
  spec.read_only_paths = {"/proc/sys"};
  spec.other.program = "/usr/bin/crun";
  spec.other.cgroup_path = "/kubepods/p/c1";
  spec.other.device_rules = {{false, 'a', -1, -1, "rwm"}, {true, 'c', 136, -1, "rw"}};
  spec.other.seccomp = R"({"defaultAction":"SCMP_ACT_ALLOW"})";
  spec.other.annotations = {{"a.b/c", "d"}};
  return spec;
}

Value Parse(const std::string& text) {
  base::Result<Value> value = json::ParseJson(text);
  EXPECT_TRUE(value.ok()) << value.error().message() << "\n" << text;
  return value.ok() ? std::move(*value) : Value();
}

std::string At(const Value& value, std::initializer_list<std::string_view> path) {
  return json::WriteJson(value.At(path));
}

TEST(OciConfiguration, SaysWhatTheMonitorWouldHaveDone) {
  const Facts facts{.network = true, .ipc = true, .uts = true};
  const Value config = Parse(Configuration(Example(), facts));
  struct Case {
    std::initializer_list<std::string_view> path;
    const char* expected;
  };
  for (
      const Case& c : {
          Case{{"ociVersion"}, R"("1.0.2")"},
          Case{{"process", "args"}, R"(["sh","-c","echo \"a\\b\"\n\u0001"])"},
          Case{{"process", "env"}, R"(["A=ä"])"},
          Case{{"process", "cwd"}, R"("/srv")"},
          Case{{"process", "user"}, R"({"uid":33,"gid":34,"additionalGids":[5,6]})"},
          Case{{"process", "capabilities", "bounding"}, R"(["CAP_CHOWN","CAP_NET_BIND_SERVICE"])"},
          Case{{"process", "capabilities", "effective"}, R"(["CAP_CHOWN"])"},
          Case{{"process", "capabilities", "inheritable"}, "[]"},
          Case{{"process", "noNewPrivileges"}, "true"},
          Case{{"process", "terminal"}, "false"},
          Case{{"process", "oomScoreAdj"}, "-998"},
          Case{{"process", "apparmorProfile"}, R"("ours")"},
          Case{{"process", "selinuxLabel"}, "null"},
          Case{{"root"}, R"({"path":"/.keelson/rootfs","readonly":true})"},
          Case{{"annotations"}, R"({"a.b/c":"d"})"},
          Case{{"linux", "cgroupsPath"}, R"("/kubepods/p/c1")"},
          Case{{"linux", "rootfsPropagation"}, R"("rslave")"},
          Case{{"linux", "maskedPaths"}, R"(["/proc/kcore"])"},
          Case{{"linux", "readonlyPaths"}, R"(["/proc/sys"])"},
          Case{{"linux", "seccomp"}, R"({"defaultAction":"SCMP_ACT_ALLOW"})"},
          Case{{"linux", "uidMappings"}, "null"},
          Case{
              {"linux", "devices"},
              R"([{"path":"/dev/x","type":"b","major":8,"minor":1,"fileMode":416,"uid":0,"gid":6}])"},
          Case{
              {"linux", "resources", "devices"},
              R"([{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":136,"access":"rw"}])"},
          Case{
              {"linux", "namespaces"},
              R"([{"type":"mount"},{"type":"network","path":"/.keelson/ns/network"},)"
              R"({"type":"ipc","path":"/.keelson/ns/ipc"},{"type":"uts","path":"/.keelson/ns/uts"},)"
              R"({"type":"pid"},{"type":"cgroup"}])"},
      }) {
    EXPECT_EQ(At(config, c.path), c.expected);
  }
  EXPECT_THAT(
      Configuration(Example(), facts),
      testing::HasSubstr(R"({"type":"RLIMIT_NOFILE","soft":1024,"hard":18446744073709551615})"));
}

TEST(OciConfiguration, MountsNameThePlacesOfTheRoom) {
  const Value config = Parse(Configuration(Example(), {}));
  const std::vector<std::string> expected = {
      R"({"destination":"/proc","type":"proc","source":"proc","options":["nosuid"]})",
      R"({"destination":"/dev","type":"tmpfs","source":"tmpfs","options":["nosuid","strictatime","mode=755","size=65536k"]})",
      R"({"destination":"/dev/shm","type":"bind","source":"/.keelson/shm","options":["bind"]})",
      R"({"destination":"/sys/fs/cgroup","type":"cgroup","source":"cgroup","options":["ro"]})",
      R"({"destination":"/data","type":"bind","source":"/.keelson/volumes/4","options":["ro","rbind","rslave"]})"};
  const std::vector<Value>& mounts = config.At({"mounts"}).items();
  ASSERT_EQ(mounts.size(), expected.size());
  for (size_t i = 0; i < mounts.size(); ++i) EXPECT_EQ(json::WriteJson(mounts[i]), expected[i]);
}

TEST(OciConfiguration, NamespacesFollowTheModesOfThePod) {
  struct Case {
    const char* name;
    spec::PidMode pid;
    bool host_network, host_ipc, own_cgroup;
    Facts facts;
    const char* expected;
  };
  const Facts all{.network = true, .ipc = true, .uts = true, .pid = true};
  for (const Case& c : {
           Case{"host's everything", spec::PidMode::kHost, true, true, false, all,
                R"([{"type":"mount"},{"type":"uts","path":"/.keelson/ns/uts"}])"},
           Case{"shared processes", spec::PidMode::kPod, true, true, false, all,
                R"([{"type":"mount"},{"type":"uts","path":"/.keelson/ns/uts"},)"
                R"({"type":"pid","path":"/.keelson/ns/pid"}])"},
           Case{"a host pod",
                spec::PidMode::kOwn,
                true,
                true,
                true,
                {},
                R"([{"type":"mount"},{"type":"pid"},{"type":"cgroup"}])"},
       }) {
    SCOPED_TRACE(c.name);
    spec::ContainerSpec spec = Example();
    spec.pid_mode = c.pid;
    spec.host_network = c.host_network;
    spec.host_ipc = c.host_ipc;
    spec.own_cgroup_namespace = c.own_cgroup;
    EXPECT_EQ(At(Parse(Configuration(spec, c.facts)), {"linux", "namespaces"}), c.expected);
  }
}

TEST(OciConfiguration, AUserNamespaceComesWithItsMappings) {
  const Value config =
      Parse(Configuration(Example(), {.user = true, .users = {100000, 200000, 65536}}));
  EXPECT_EQ(At(config, {"linux", "uidMappings"}),
            R"([{"containerID":0,"hostID":100000,"size":65536}])");
  EXPECT_EQ(At(config, {"linux", "gidMappings"}),
            R"([{"containerID":0,"hostID":200000,"size":65536}])");
}

TEST(OciConfiguration, ACommandIsAProcessAlone) {
  spec::Process process = Example().process;
  process.terminal = true;
  const Value config = Parse(ProcessConfiguration(process, -500));
  EXPECT_EQ(At(config, {"oomScoreAdj"}), "-500") << "no lower than this machine lets us";
  EXPECT_EQ(At(config, {"terminal"}), "true");
  EXPECT_EQ(At(config, {"consoleSize"}), R"({"height":24,"width":80})");
}

}  // namespace
}  // namespace keelson::oci
