// SPDX-License-Identifier: Apache-2.0
#include "oci/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace keelson::oci {
namespace {

using testing::HasSubstr;

constexpr char kStart[] = R"({"ociVersion":"1.0.2","root":{"path":"rootfs"},)";
constexpr char kProcess[] = R"("process":{"args":["sh"],"cwd":"/"},)";
constexpr char kNamespaces[] =
    R"("linux":{"namespaces":[{"type":"mount"},{"type":"pid"},{"type":"uts"}]})";

std::string Whole(const std::string& more) {
  return std::string(kStart) + kProcess + more + kNamespaces + "}";
}

TEST(Config, ReadsWhatABundleSays) {
  const auto config = ParseConfig(R"({"ociVersion":"1.2.0-rc.1","hostname":"box","unheard":"of",
    "root":{"path":"/r","readonly":true},"annotations":{"a.b":"c"},
    "process":{"terminal":true,"consoleSize":{"height":3,"width":4},"args":["a","b"],"cwd":"/w",
      "env":["A=b="],"user":{"uid":7,"gid":8,"umask":18,"additionalGids":[9]},
      "capabilities":{"bounding":["CAP_KILL","CAP_OF_TOMORROW"],"permitted":["CAP_KILL","CAP_CHOWN"],
        "inheritable":["CAP_KILL"],"ambient":["CAP_KILL","CAP_CHOWN"]},"oomScoreAdj":5,
      "rlimits":[{"type":"RLIMIT_NOFILE","soft":1,"hard":18446744073709551615}]},
    "mounts":[{"destination":"data","type":"bind","source":"src","options":["ro"]}],
    "hooks":{"poststop":[{"path":"/x","timeout":2}]},
    "linux":{"namespaces":[{"type":"mount"},{"type":"uts"},{"type":"network","path":"/n"}],
      "devices":[{"path":"/dev/f","type":"p","fileMode":384}],"cgroupsPath":"/a/b"}})");
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->hostname, "box");
  EXPECT_TRUE(config->read_only_root);
  EXPECT_EQ(config->process->process.identity.groups, std::vector<uint32_t>{9});
  EXPECT_EQ(config->process->process.capabilities.bounding, uint64_t{1} << 5);
  EXPECT_EQ(config->process->process.capabilities.ambient, (uint64_t{1} << 5 | 1))
      << "what cannot be granted of it is taken away, and told, by LimitCapabilities";
  EXPECT_EQ(config->process->process.rlimits[0].hard, RLIM_INFINITY);
  EXPECT_EQ(config->process->process.further.umask, 022u);
  EXPECT_EQ(config->process->console_size, (std::pair<uint32_t, uint32_t>(3, 4)));
  EXPECT_EQ(config->mounts[0].destination, "/data");
  EXPECT_EQ(config->hooks.poststop[0].timeout, 2);
  EXPECT_EQ(config->system.devices[0].mode, uint32_t{S_IFIFO | 0600});
  EXPECT_TRUE(config->HasNew("uts"));
  EXPECT_FALSE(config->HasNew("network"));
}

TEST(Config, RefusesWithThePlace) {
  const struct {
    std::string text;
    const char* error;
  } cases[] = {
      {"{", "line 1"},
      {R"({"root":{"path":"r"}})", "ociVersion"},
      {R"({"ociVersion":"2.0.0","root":{"path":"r"}})", "ociVersion: 2.0.0"},
      {R"({"ociVersion":"1.0","root":{"path":"r"}})", "ociVersion: 1.0"},
      {R"({"ociVersion":"1.0.0"})", "root.path is missing"},
      {std::string(kStart) + R"("process":{"cwd":"/"},)" + kNamespaces + "}", "process: args"},
      {std::string(kStart) + R"("process":{"args":["a"],"cwd":"x"},)" + kNamespaces + "}",
       "process: cwd must be an absolute path"},
      {std::string(kStart) + R"("process":{"args":["a",1],"cwd":"/"},)" + kNamespaces + "}",
       "process.args[1]: must be a string"},
      {std::string(kStart) + R"("process":{"args":["a"],"cwd":"/","oomScoreAdj":1001},)" +
           kNamespaces + "}",
       "process.oomScoreAdj: must be from -1000 to 1000, it is 1001"},
      {std::string(kStart) +
           R"("process":{"args":["a"],"cwd":"/","rlimits":[{"type":"RLIMIT_X","soft":1,"hard":1}]},)" +
           kNamespaces + "}",
       "process.rlimits[0]: unknown type RLIMIT_X"},
      {Whole(R"("hooks":{"prestart":[{"path":"x"}]},)"),
       "hooks.prestart[0]: path must be absolute"},
      {Whole(R"("domainname":7,)"), "domainname: must be a string"},
      {std::string(kStart) + kProcess + R"("linux":{"namespaces":[{"type":"pid"}]}})",
       "needs linux.namespaces to name a mount namespace"},
      {std::string(kStart) + kProcess +
           R"("hostname":"a","linux":{"namespaces":[{"type":"mount"}]}})",
       "hostname needs"},
      {std::string(kStart) + kProcess +
           R"("linux":{"namespaces":[{"type":"mount"},{"type":"mount"}]}})",
       "a second one of type mount"},
      {std::string(kStart) + kProcess +
           R"("linux":{"namespaces":[{"type":"mount"}],"sysctl":{"kernel.core_pattern":"|/x"}}})",
       "it would change the host"},
      {std::string(kStart) + kProcess +
           R"("linux":{"namespaces":[{"type":"mount"},{"type":"uts"}],"sysctl":{"kernel/hostname":"x"}}})",
       "kernel.hostname is not allowed"},
      {std::string(kStart) + kProcess +
           R"("linux":{"namespaces":[{"type":"mount"}],"intelRdt":{"closID":"a"}}})",
       "linux.intelRdt: intelRdt is specified in config, but Intel RDT is not enabled"},
      {std::string(kStart) + kProcess +
           R"("linux":{"namespaces":[{"type":"mount"}],"memoryPolicy":{"mode":"BIND"}}})",
       "invalid memory policy mode BIND"},
      {std::string(kStart) + kProcess +
           R"("linux":{"namespaces":[{"type":"mount"}],"memoryPolicy":{"mode":"MPOL_BIND","nodes":"0-1024"}}})",
       "invalid memory policy nodes 0-1024"},
      {std::string(kStart) + kProcess +
           R"("linux":{"namespaces":[{"type":"mount"}],"netDevices":{"eth0":{}}}})",
       "linux.netDevices needs linux.namespaces to name a network namespace"},
      {std::string(kStart) + kProcess +
           R"("linux":{"namespaces":[{"type":"mount"},{"type":"network"}],"netDevices":{"a":{"name":"b"},"b":{}}}})",
       "two devices of the name b"},
      {std::string(kStart) + kProcess +
           R"("linux":{"namespaces":[{"type":"mount"},{"type":"network"}],"netDevices":{"../x":{}}}})",
       "invalid network device name"},
      {std::string(kStart) + kProcess +
           R"("linux":{"namespaces":[{"type":"mount"},{"type":"user"}]}})",
       "needs linux.uidMappings"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto config = ParseConfig(c.text);
    ASSERT_FALSE(config.ok());
    EXPECT_THAT(config.error().message(), HasSubstr(c.error));
  }
}

TEST(Resources, BecomeLimitsOfBothLayouts) {
  const auto resources = ParseResources(R"({"memory":{"limit":1048576,"reservation":524288},
    "cpu":{"shares":1024,"quota":50000,"period":100000},"pids":{"limit":32},
    "blockIO":{"weight":500,"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":1024}]}})");
  ASSERT_TRUE(resources.ok()) << resources.error().message();
  const auto v1 = LimitsOf(*resources, false), v2 = LimitsOf(*resources, true);
  ASSERT_TRUE(v1.ok() && v2.ok());
  EXPECT_EQ(v1->memory_limit, 1048576);
  EXPECT_EQ(v1->pids_limit, 32);
  EXPECT_EQ(v1->further[0], (cgroup::Write{"memory", "memory.soft_limit_in_bytes", "524288"}));
  EXPECT_EQ(v2->further[0], (cgroup::Write{"", "memory.low", "524288"}));
  EXPECT_EQ(v2->further.back(), (cgroup::Write{"", "io.max", "8:0 rbps=1024"}));
}

TEST(Resources, MemoryThatIsInUseIsLookedAtWhenThatIsAskedFor) {
  EXPECT_TRUE(LimitsOf(ParseResources(R"({"memory":{"limit":1024}})").value(), true)->may_kill);
  const auto careful = ParseResources(R"({"memory":{"limit":1024,"checkBeforeUpdate":true}})");
  EXPECT_FALSE(LimitsOf(careful.value(), true)->may_kill);
}

TEST(Resources, WeightsAreThoseOfTheSchedulerThatIsThere) {
  const auto resources = ParseResources(
      R"({"blockIO":{"weight":333,"weightDevice":[{"major":7,"minor":0,"weight":444}]}})");
  ASSERT_TRUE(resources.ok()) << resources.error().message();
  const auto v1 = LimitsOf(*resources, false), v2 = LimitsOf(*resources, true);
  ASSERT_TRUE(v1.ok() && v2.ok());
  using Writes = std::vector<cgroup::Write>;
  EXPECT_EQ(
      v1->further,
      (Writes{{"blkio", "blkio.weight", "333", false, false, false, "blkio.bfq.weight", "333"},
              {"blkio", "blkio.weight_device", "7:0 444", false, false, false,
               "blkio.bfq.weight_device", "7:0 444"}}));
  EXPECT_EQ(v2->further,
            (Writes{{"", "io.bfq.weight", "333", true, false, false, "io.weight", "3263"},
                    {"", "io.bfq.weight", "7:0 444", true}}));
}

TEST(Resources, LettersThatMeanNothingGiveNothing) {
  const auto resources = ParseResources(
      R"({"devices":[{"allow":false,"type":"c","major":1,"minor":11,"access":"rwa"},
                     {"allow":true,"type":"c","major":1,"minor":11,"access":"x"}]})");
  ASSERT_TRUE(resources.ok()) << resources.error().message();
  ASSERT_EQ(resources->devices.size(), 1u);
  EXPECT_EQ(resources->devices[0].access, "rw");
}

TEST(Resources, EverythingThatIsNotNamedIsForbidden) {
  const auto rules = DeviceRules(Resources{});
  EXPECT_FALSE(rules.front().allow);
  EXPECT_EQ(rules.front().type, 'a');
  EXPECT_GT(rules.size(), 5u);
}

}  // namespace
}  // namespace keelson::oci
