// SPDX-License-Identifier: Apache-2.0
#include "runtime/oci/seccomp_text.h"

#include <gtest/gtest.h>

namespace keelson::oci {
namespace {

TEST(SeccompText, IsTheProfileInTheWordsOfTheRuntimeSpec) {
  seccomp::Profile profile;
  profile.architectures = {"x86_64", "x86"};
  profile.rules = {
      {{"read", "write"}, seccomp::Action::kAllow, 1, {}},
      {{"clone"}, seccomp::Action::kAllow, 1, {{0, seccomp::Compare::kMaskedEqual, 0x7e020000, 0}}},
      {{"clone3"}, seccomp::Action::kErrno, 38, {}}};
  EXPECT_EQ(SeccompText(profile),
            R"({"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64",)"
            R"("SCMP_ARCH_X86"],"syscalls":[{"names":["read","write"],"action":"SCMP_ACT_ALLOW"},)"
            R"({"names":["clone"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,)"
            R"("value":2114060288,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}]},)"
            R"({"names":["clone3"],"action":"SCMP_ACT_ERRNO","errnoRet":38}]})");
}

TEST(SeccompText, AnotherDefaultErrorIsSaid) {
  seccomp::Profile profile;
  profile.default_error = 38;
  EXPECT_EQ(SeccompText(profile),
            R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"syscalls":[]})");
}

}  // namespace
}  // namespace keelson::oci
