// SPDX-License-Identifier: Apache-2.0
#include "oci/container/seccomp.h"

#include <linux/seccomp.h>

#include "lib/kernel/seccomp/seccomp.h"
#include "runtime/security/seccomp_profile.h"

namespace keelson::oci {

using base::Result;
using base::Status;

namespace {

// The kernel's own flags; the reader of profiles takes no others than those that change nothing.
Status TakeFlags(json::Value& profile, spec::Process& process) {
  json::Value* flags = profile.Find("flags");
  if (flags == nullptr || flags->IsNull()) return base::Ok();
  if (!flags->IsArray()) return base::InvalidArgument("flags: must be a list");
  for (const json::Value& flag : flags->items()) {
    const std::string& name = flag.AsString();
    if (name == "SECCOMP_FILTER_FLAG_LOG") {
      process.further.seccomp_flags |= SECCOMP_FILTER_FLAG_LOG;
    } else if (name == "SECCOMP_FILTER_FLAG_SPEC_ALLOW") {
      process.further.seccomp_flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    } else if (name == "SECCOMP_FILTER_FLAG_TSYNC") {
      process.further.seccomp_flags |= SECCOMP_FILTER_FLAG_TSYNC;
    } else {
      return base::InvalidArgument("flags: unknown flag {}", name.substr(0, 100));
    }
  }
  profile.Erase("flags");
  return base::Ok();
}

}  // namespace

Status CompileSeccomp(const Config& config, spec::Process& process) {
  json::Value profile = *config.system.seccomp;
  RETURN_IF_ERROR(TakeFlags(profile, process).WithContext("linux.seccomp"));
  const auto parsed = security::ParseSeccompProfile(
      json::WriteJson(profile), security::OfThisMachine(process.capabilities.bounding));
  if (!parsed.ok()) return parsed.error().WithContext("linux.seccomp");
  Result<std::string> program = seccomp::Compile(*parsed);
  if (!program.ok()) return program.error().WithContext("linux.seccomp");
  process.seccomp_program = std::move(program).value();
  return base::Ok();
}

}  // namespace keelson::oci
