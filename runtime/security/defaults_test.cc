// SPDX-License-Identifier: Apache-2.0
#include "runtime/security/defaults.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "lib/kernel/capabilities/capabilities.h"

namespace keelson::security {
namespace {

constexpr uint64_t kAll = (1ull << 41) - 1;

uint64_t Bit(std::string_view name) { return 1ull << capabilities::Find(name).value(); }

struct CapabilityCase {
  const char* name;
  CapabilityRequest request;
  uint64_t granted;
  uint64_t ambient = 0;
};

TEST(Capabilities, AddDropAllAndPrivileged) {
  const uint64_t usual = DefaultCapabilities();
  const CapabilityCase cases[] = {
      {"default", {}, usual},
      {"add one, with and without the prefix, any case",
       {false, {"net_admin", "CAP_SYS_TIME"}, {}, {}},
       usual | Bit("NET_ADMIN") | Bit("SYS_TIME")},
      {"drop one", {false, {}, {"CAP_CHOWN"}, {}}, usual & ~Bit("CHOWN")},
      {"drop all", {false, {}, {"ALL"}, {}}, 0},
      {"drop all, add one", {false, {"CHOWN"}, {"all"}, {}}, Bit("CHOWN")},
      {"add all", {false, {"ALL"}, {}, {}}, kAll},
      {"add all, drop one", {false, {"ALL"}, {"SYS_ADMIN"}, {}}, kAll & ~Bit("SYS_ADMIN")},
      {"dropped wins over added", {false, {"SYS_ADMIN"}, {"SYS_ADMIN"}, {}}, usual},
      {"privileged has everything, whatever is dropped", {true, {}, {"ALL"}, {}}, kAll},
      {"ambient",
       {false, {}, {"ALL"}, {"NET_BIND_SERVICE"}},
       Bit("NET_BIND_SERVICE"),
       Bit("NET_BIND_SERVICE")},
  };
  for (const CapabilityCase& c : cases) {
    SCOPED_TRACE(c.name);
    const auto sets = ResolveCapabilities(c.request, kAll);
    ASSERT_TRUE(sets.ok()) << sets.error().message();
    EXPECT_EQ(sets->bounding, c.granted);
    EXPECT_EQ(sets->permitted, c.granted);
    EXPECT_EQ(sets->effective, c.granted);
    EXPECT_EQ(sets->inheritable, c.ambient);
    EXPECT_EQ(sets->ambient, c.ambient);
  }
}

TEST(Capabilities, UnknownNamesAndWhatTheMachineLacksAreSaid) {
  for (const char* name : {"CAP_FLY", "", "21", "CAP_", "CAP_NET_ADMIN\n", "CAP_CAP_CHOWN"}) {
    const auto sets = ResolveCapabilities({false, {name}, {}, {}}, kAll);
    ASSERT_FALSE(sets.ok()) << name;
    EXPECT_EQ(sets.error().code(), base::Code::kInvalidArgument);
    EXPECT_FALSE(ResolveCapabilities({false, {}, {name}, {}}, kAll).ok()) << name;
  }
  const uint64_t less = kAll & ~Bit("SYS_RESOURCE") & ~Bit("MKNOD");
  EXPECT_EQ(ResolveCapabilities({false, {"SYS_RESOURCE"}, {}, {}}, less).error().code(),
            base::Code::kFailedPrecondition);
  EXPECT_EQ(ResolveCapabilities({true, {}, {}, {}}, less)->bounding, less);
  EXPECT_EQ(ResolveCapabilities({}, less)->bounding, DefaultCapabilities() & ~Bit("MKNOD"));
  EXPECT_NE(AvailableCapabilities().value(), 0u);
}

TEST(Paths, TheListsThatUsersRelyOn) {
  EXPECT_EQ(DefaultMaskedPaths().size(), 12u);
  EXPECT_EQ(DefaultReadOnlyPaths().size(), 5u);
}

TEST(Devices, TheDefaultOnesOpenAndOthersDoNot) {
  const auto rules = DefaultDeviceRules();
  for (const spec::Device& device : DefaultDevices()) EXPECT_EQ(device.uid, 0u);
  EXPECT_EQ(rules.size(), 9u);
  for (const auto& rule : rules)
    EXPECT_FALSE(rule.major == 5u && rule.minor == 1u) << "the console";
  EXPECT_FALSE(rules[0].allow);
  const auto extra = DefaultDeviceRules({{"/dev/sda", 0060660, 8, 0, 0, 0}});
  EXPECT_EQ(extra.back().type, 'b');
  EXPECT_EQ(extra.back().major, 8u);
}

TEST(Checks, NothingSmugglesASecondLineOrVariable) {
  EXPECT_TRUE(CheckEnvironment("A", "line\nline").ok());
  EXPECT_FALSE(CheckEnvironment("", "x").ok());
  EXPECT_FALSE(CheckEnvironment("A=B", "x").ok());
  EXPECT_FALSE(CheckEnvironment("A", std::string("x\0y", 3)).ok());
  EXPECT_TRUE(CheckHostname("web-0.example").ok());
  EXPECT_TRUE(CheckHostname("").ok());
  for (const char* bad : {"a b", "a\nb", "-a", "a/b", "ä", "a_b"})
    EXPECT_FALSE(CheckHostname(bad).ok()) << bad;
  EXPECT_FALSE(CheckHostname(std::string(65, 'a')).ok());
  EXPECT_FALSE(CheckFileText("HOME", "/root\nevil:x:0:0::/:").ok());
  EXPECT_TRUE(CheckFileText("HOME", "/home/ä").ok());
}

TEST(Checks, OnlySysctlsOfThePodsOwnNamespaces) {
  struct {
    const char* name;
    const char* value;
    bool host_network, host_ipc, fine;
  } const cases[] = {
      {"net.ipv4.ip_unprivileged_port_start", "0", false, false, true},
      {"net/ipv4/ip_forward", "1", false, false, true},
      {"net.ipv4.conf.eth0/1.forwarding", "1", false, false, true},
      {"net.ipv4.ip_forward", "1", true, false, false},
      {"kernel.shmmax", "1", false, false, true},
      {"kernel.shmmax", "1", false, true, false},
      {"fs.mqueue.msg_max", "10", false, false, true},
      {"kernel.core_pattern", "|/evil", false, false, false},
      {"kernel.shm_rmid_forced", "1+kernel.core_pattern=x", false, false, true},
      {"net.ipv4.ping_group_range", "0\t1", false, false, true},
      {"net.ipv4.tcp_rmem", "1\n2", false, false, false},
      {"net.../kernel.core_pattern", "x", false, false, false},
      {"net/../kernel/core_pattern", "x", false, false, false},
      {"net.ipv4.//.//.kernel.core_pattern", "x", false, false, false},
      {"net.", "1", false, false, false},
      {".net", "1", false, false, false},
      {"", "1", false, false, false},
      {"net.ipv4.ip_forward=1+kernel.core_pattern", "1", false, false, false},
  };
  for (const auto& c : cases)
    EXPECT_EQ(CheckSysctl(c.name, c.value, c.host_network, c.host_ipc).ok(), c.fine)
        << c.name << " " << c.value;
}

}  // namespace
}  // namespace keelson::security
