// SPDX-License-Identifier: Apache-2.0
// Seccomp profiles of a node's operators: what is read can be compiled or is refused, and a program
// is never longer than the kernel takes it.
#include <linux/filter.h>

#include <string_view>

#include "runtime/security/seccomp_profile.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keelson;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const security::Circumstances& circumstances :
       {security::Circumstances{0, "amd64", {4, 4}},
        security::Circumstances{~uint64_t{0}, "arm64", {6, 12}},
        security::Circumstances{1, "riscv64", {}}}) {
    const auto profile = security::ParseSeccompProfile(text, circumstances);
    if (!profile.ok()) {
      fuzz::RequireSentence(profile.error().message());
      fuzz::Require(profile.error().message().starts_with("line "), "a mistake without a line",
                    profile.error().message());
      continue;
    }
    if (circumstances.architecture != "amd64" || profile->rules.size() > 50) continue;
    const auto program = seccomp::Compile(*profile);
    if (!program.ok()) {
      fuzz::RequireSentence(program.error().message());
      continue;
    }
    fuzz::Require(!program->empty() && program->size() % sizeof(sock_filter) == 0,
                  "no whole instructions");
    fuzz::Require(program->size() / sizeof(sock_filter) <= BPF_MAXINSNS,
                  "more instructions than the kernel takes");
  }
  return 0;
}
