// SPDX-License-Identifier: Apache-2.0
#include "oci/container/seccomp.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/socket.h>

#include <algorithm>

#include "lib/kernel/seccomp/seccomp.h"
#include "lib/os/files.h"
#include "lib/os/socket.h"
#include "oci/container/seccomp_memory.h"
#include "oci/log/log.h"
#include "runtime/security/seccomp_profile.h"

namespace keelson::oci {

using base::Result;
using base::Status;

namespace {

constexpr uint32_t kWaitKillable = 1u << 5;  // since 5.19, with a listener alone

// Whoever is asked about the call that hands him the listener could never answer.
Status CheckNotify(const seccomp::Profile& profile, bool listener) {
  for (const seccomp::Rule& rule : profile.rules) {
    if (rule.action != seccomp::Action::kNotify) continue;
    if (!listener) return base::InvalidArgument("SCMP_ACT_NOTIFY needs listenerPath");
    if (std::find(rule.names.begin(), rule.names.end(), "sendmsg") != rule.names.end())
      return base::InvalidArgument("SCMP_ACT_NOTIFY cannot be used for sendmsg");
  }
  return base::Ok();
}

Result<os::UniqueFd> ConnectAgent(const std::string& path) {
  ASSIGN_OR_RETURN(const os::UniqueFd place, os::Open(path, O_PATH));
  return os::ConnectUnix("/proc/self/fd/" + std::to_string(place.get()), SOCK_STREAM);
}

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
      continue;  // the process has one thread
    } else if (name == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV") {
      process.further.seccomp_flags |= kWaitKillable;
    } else {
      return base::InvalidArgument("flags: unknown flag {}", name.substr(0, 100));
    }
  }
  profile.Erase("flags");
  return base::Ok();
}

// All that a program follows from.
std::string KeyOf(const std::string& profile, const security::Circumstances& c) {
  const scmp_version* library = seccomp_version();
  return fmt::format("{} {}.{}.{} {} {}.{} {:x} {}", KEELSON_VERSION, library->major,
                     library->minor, library->micro, c.architecture, c.kernel.major, c.kernel.minor,
                     c.capabilities, profile);
}

}  // namespace

std::string ListenerText(const Config& config, pid_t process, const std::string& state) {
  if (!config.system.seccomp) return "";
  const json::Value* path = config.system.seccomp->Find("listenerPath");
  if (path == nullptr || path->AsString().empty()) return "";
  json::Value out = json::Value::Object();
  out.Set("ociVersion", json::Value(config.version));
  out.Set("fds", json::Value::Array({json::Value("seccompFd")}));
  out.Set("pid", json::Value(static_cast<int64_t>(process)));
  const json::Value* metadata = config.system.seccomp->Find("listenerMetadata");
  out.Set("metadata", json::Value(metadata == nullptr ? "" : metadata->AsString()));
  if (const auto parsed = json::ParseJson(state); parsed.ok()) out.Set("state", *parsed);
  return json::WriteJson(out);
}

Status CompileSeccomp(const std::string& root, const Config& config, spec::Process& process,
                      os::UniqueFd& agent) {
  json::Value profile = *config.system.seccomp;
  const json::Value* member = profile.Find("listenerPath");
  const std::string listener = member == nullptr ? "" : member->AsString();
  profile.Erase("listenerPath");
  profile.Erase("listenerMetadata");
  RETURN_IF_ERROR(TakeFlags(profile, process).WithContext("linux.seccomp"));
  security::Circumstances circumstances = security::OfThisMachine(process.capabilities.bounding);
  circumstances.listener = true;
  const std::string text = json::WriteJson(profile);
  const SeccompMemory memory(root);
  const std::string key = KeyOf(text, circumstances);
  if (std::optional<std::string> known = memory.Find(key)) {
    Debug("seccomp filter flags: {}", process.further.seccomp_flags);
    process.seccomp_program = std::move(*known);
    return base::Ok();
  }
  const auto parsed = security::ParseSeccompProfile(text, circumstances);
  if (!parsed.ok()) return parsed.error().WithContext("linux.seccomp");
  RETURN_IF_ERROR(CheckNotify(*parsed, !listener.empty()).WithContext("linux.seccomp"));
  Result<std::string> program = seccomp::Compile(*parsed);
  if (!program.ok()) return program.error().WithContext("linux.seccomp");
  process.seccomp_program = std::move(program).value();
  const bool asks = std::any_of(parsed->rules.begin(), parsed->rules.end(), [](const auto& rule) {
    return rule.action == seccomp::Action::kNotify;
  });
  Debug("seccomp filter flags: {}",
        process.further.seccomp_flags | (asks ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0));
  if (!asks) {
    // One that asks somebody is looked at anew each time: who that is belongs to the container.
    memory.Keep(key, process.seccomp_program);
    return base::Ok();
  }
  Result<os::UniqueFd> connected = ConnectAgent(listener);
  if (!connected.ok()) {
    return connected.error().WithContext(
        "linux.seccomp.listenerPath: failed to connect with seccomp agent");
  }
  agent = std::move(connected).value();
  process.further.seccomp_socket = agent.get();
  return base::Ok();
}

}  // namespace keelson::oci
