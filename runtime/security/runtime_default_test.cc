// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <linux/filter.h>

#include <algorithm>

#include "lib/kernel/capabilities/capabilities.h"
#include "runtime/security/defaults.h"
#include "runtime/security/seccomp.h"
#include "runtime/security/seccomp_default.h"

namespace keelson::security {
namespace {

bool Names(const seccomp::Profile& profile, std::string_view call, bool unconditional = true) {
  return std::any_of(profile.rules.begin(), profile.rules.end(), [&](const seccomp::Rule& rule) {
    return rule.action == seccomp::Action::kAllow && (!unconditional || rule.arguments.empty()) &&
           std::find(rule.names.begin(), rule.names.end(), call) != rule.names.end();
  });
}

uint64_t Bit(std::string_view name) { return 1ull << capabilities::Find(name).value(); }

TEST(RuntimeDefault, CapabilitiesOpenWhatBelongsToThem) {
  const seccomp::Profile none = RuntimeDefaultProfile(0);
  EXPECT_TRUE(Names(none, "read"));
  EXPECT_TRUE(Names(none, "clone", false));
  EXPECT_FALSE(Names(none, "clone"));
  for (const char* call : {"mount", "bpf", "reboot", "chroot", "setns", "keyctl", "add_key",
                           "userfaultfd", "io_uring_setup", "kexec_load"}) {
    EXPECT_FALSE(Names(none, call, false)) << call;
  }
  EXPECT_TRUE(Names(RuntimeDefaultProfile(DefaultCapabilities()), "chroot"));
  EXPECT_FALSE(Names(RuntimeDefaultProfile(DefaultCapabilities()), "mount", false));
  EXPECT_TRUE(Names(RuntimeDefaultProfile(Bit("SYS_BOOT")), "reboot"));
  const seccomp::Profile admin = RuntimeDefaultProfile(Bit("SYS_ADMIN"));
  for (const char* call : {"mount", "clone", "clone3", "setns"})
    EXPECT_TRUE(Names(admin, call)) << call;
  for (const seccomp::Rule& rule : admin.rules)
    EXPECT_NE(rule.action, seccomp::Action::kErrno) << "clone3 must no longer be refused";
}

TEST(RuntimeDefault, EveryRuleThatACapabilityRemovesIsThere) {
  const auto base_rules = DefaultRules();
  for (const CapabilityRules& change : DefaultCapabilityRules()) {
    EXPECT_TRUE(capabilities::Find(change.capability)) << change.capability;
    for (const seccomp::Rule& rule : change.removed) {
      EXPECT_NE(std::find(base_rules.begin(), base_rules.end(), rule), base_rules.end())
          << rule.names[0];
    }
  }
}

TEST(RuntimeDefault, CompilesForEverySetAndKnowsEveryName) {
  seccomp::ProgramCache cache;
  for (const uint64_t granted :
       {uint64_t{0}, DefaultCapabilities(), Bit("SYS_ADMIN"), ~uint64_t{0}}) {
    const auto program = seccomp::Compile(RuntimeDefaultProfile(granted), true);
    ASSERT_TRUE(program.ok()) << program.error().message();
    EXPECT_LE((*program).size() / sizeof(sock_filter), size_t{BPF_MAXINSNS});
    ASSERT_TRUE(cache.Get(RuntimeDefaultProfile(granted)).ok());
    ASSERT_TRUE(cache.Get(RuntimeDefaultProfile(granted)).ok());
  }
  EXPECT_EQ(cache.compiled(), 4u);
}

TEST(RuntimeDefault, ProgramsDifferOnlyWhereCapabilitiesMatter) {
  DefaultPrograms programs;
  const seccomp::Program usual = programs.For(DefaultCapabilities()).value();
  EXPECT_EQ(programs.For(DefaultCapabilities()).value(), usual);
  EXPECT_EQ(programs.For(DefaultCapabilities() & ~Bit("CHOWN")).value(), usual)
      << "no rule speaks of CAP_CHOWN";
  EXPECT_NE(*programs.For(DefaultCapabilities() | Bit("SYS_ADMIN")).value(), *usual);
  EXPECT_EQ(*usual, seccomp::Compile(RuntimeDefaultProfile(DefaultCapabilities())).value());
}

}  // namespace
}  // namespace keelson::security
