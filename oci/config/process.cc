// SPDX-License-Identifier: Apache-2.0
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <set>

#include "lib/base/strings.h"
#include "lib/kernel/capabilities/capabilities.h"
#include "oci/config/config.h"
#include "oci/config/parts.h"

namespace keelson::oci {

using base::Result;
using base::Status;

namespace {

constexpr std::pair<std::string_view, int> kLimits[] = {{"RLIMIT_AS", RLIMIT_AS},
                                                        {"RLIMIT_CORE", RLIMIT_CORE},
                                                        {"RLIMIT_CPU", RLIMIT_CPU},
                                                        {"RLIMIT_DATA", RLIMIT_DATA},
                                                        {"RLIMIT_FSIZE", RLIMIT_FSIZE},
                                                        {"RLIMIT_LOCKS", RLIMIT_LOCKS},
                                                        {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
                                                        {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
                                                        {"RLIMIT_NICE", RLIMIT_NICE},
                                                        {"RLIMIT_NOFILE", RLIMIT_NOFILE},
                                                        {"RLIMIT_NPROC", RLIMIT_NPROC},
                                                        {"RLIMIT_RSS", RLIMIT_RSS},
                                                        {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
                                                        {"RLIMIT_RTTIME", RLIMIT_RTTIME},
                                                        {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
                                                        {"RLIMIT_STACK", RLIMIT_STACK}};

constexpr std::pair<std::string_view, uint32_t> kPolicies[] = {
    {"SCHED_OTHER", 0}, {"SCHED_FIFO", 1}, {"SCHED_RR", 2},      {"SCHED_BATCH", 3},
    {"SCHED_ISO", 4},   {"SCHED_IDLE", 5}, {"SCHED_DEADLINE", 6}};

constexpr std::pair<std::string_view, uint64_t> kFlags[] = {
    {"SCHED_FLAG_RESET_ON_FORK", 0x01}, {"SCHED_FLAG_RECLAIM", 0x02},
    {"SCHED_FLAG_DL_OVERRUN", 0x04},    {"SCHED_FLAG_KEEP_POLICY", 0x08},
    {"SCHED_FLAG_KEEP_PARAMS", 0x10},   {"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
    {"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40}};

template <typename Table>
auto FindIn(const Table& table, std::string_view name) {
  return std::find_if(std::begin(table), std::end(table),
                      [&](const auto& item) { return item.first == name; });
}

// A limit is a whole number of 64 bits without a sign, which JSON's reader has as a double above
// 2^63.
Result<uint64_t> LimitValue(const Field& owner, const char* name) {
  ASSIGN_OR_RETURN(const Field field, owner.Need(name));
  if (field.value().IsInt() && field.value().AsInt() >= 0)
    return static_cast<uint64_t>(field.value().AsInt());
  if (field.value().IsNumber() && field.value().AsDouble() >= 18446744073709549568.0)
    return UINT64_MAX;
  if (field.value().IsNumber() && field.value().AsDouble() >= 9223372036854775808.0)
    return static_cast<uint64_t>(field.value().AsDouble());
  return field.Bad("must be a whole number that is not negative");
}

Status ReadLimits(const Field& field, spec::Process& out) {
  const std::optional<Field> list = field.Find("rlimits");
  if (!list) return base::Ok();
  ASSIGN_OR_RETURN(const std::vector<Field> items, list->Items());
  std::set<std::string> seen;
  for (const Field& item : items) {
    std::string type;
    RETURN_IF_ERROR(item.IsObject());
    RETURN_IF_ERROR(item.Read("type", type));
    const auto found = FindIn(kLimits, type);
    if (found == std::end(kLimits)) return item.Bad("unknown type {}", base::QuoteIfNeeded(type));
    if (!seen.insert(type).second) return item.Bad("a second one of type {}", type);
    spec::Rlimit limit;
    limit.resource = found->second;
    ASSIGN_OR_RETURN(limit.soft, LimitValue(item, "soft"));
    ASSIGN_OR_RETURN(limit.hard, LimitValue(item, "hard"));
    if (limit.soft > limit.hard) return item.Bad("soft is above hard");
    out.rlimits.push_back(limit);
  }
  return base::Ok();
}

Status ReadUser(const Field& field, spec::Process& out) {
  const std::optional<Field> user = field.Find("user");
  if (!user) return base::Ok();
  RETURN_IF_ERROR(user->IsObject());
  RETURN_IF_ERROR(user->Read("uid", out.identity.uid));
  RETURN_IF_ERROR(user->Read("gid", out.identity.gid));
  std::optional<int64_t> umask;
  RETURN_IF_ERROR(user->Read("umask", umask, 0, 0777));
  if (umask) out.further.umask = static_cast<uint32_t>(*umask);
  if (const std::optional<Field> groups = user->Find("additionalGids")) {
    ASSIGN_OR_RETURN(const std::vector<Field> items, groups->Items());
    for (const Field& item : items) {
      ASSIGN_OR_RETURN(const uint32_t group, item.Uint32());
      out.identity.groups.push_back(group);
    }
  }
  if (out.identity.uid == UINT32_MAX || out.identity.gid == UINT32_MAX)
    return user->Bad("4294967295 is no user and no group");
  return base::Ok();
}

Status ReadCapabilities(const Field& field, Process& whole) {
  spec::Process& out = whole.process;
  const std::optional<Field> sets = field.Find("capabilities");
  if (!sets) return base::Ok();
  RETURN_IF_ERROR(sets->IsObject());
  const std::pair<const char*, uint64_t*> kinds[] = {{"bounding", &out.capabilities.bounding},
                                                     {"effective", &out.capabilities.effective},
                                                     {"permitted", &out.capabilities.permitted},
                                                     {"inheritable", &out.capabilities.inheritable},
                                                     {"ambient", &out.capabilities.ambient}};
  for (const auto& [name, mask] : kinds) {
    std::vector<std::string> names;
    RETURN_IF_ERROR(sets->Read(name, names));
    // What this kernel does not know cannot be granted, which is no error (runtime-spec).
    ASSIGN_OR_RETURN(*mask, CapabilityMask(names, &whole.unknown_capabilities));
  }
  std::vector<std::string>& unknown = whole.unknown_capabilities;
  std::sort(unknown.begin(), unknown.end());
  unknown.erase(std::unique(unknown.begin(), unknown.end()), unknown.end());
  return base::Ok();
}

Status ReadScheduler(const Field& field, spec::Process& out) {
  const std::optional<Field> scheduler = field.Find("scheduler");
  if (!scheduler) return base::Ok();
  RETURN_IF_ERROR(scheduler->IsObject());
  std::string policy;
  std::vector<std::string> flags;
  std::optional<int64_t> nice, priority, runtime, deadline, period;
  RETURN_IF_ERROR(scheduler->Read("policy", policy));
  RETURN_IF_ERROR(scheduler->Read("flags", flags));
  RETURN_IF_ERROR(scheduler->Read("nice", nice, -20, 19));
  RETURN_IF_ERROR(scheduler->Read("priority", priority, 0, 99));
  RETURN_IF_ERROR(scheduler->Read("runtime", runtime, 0));
  RETURN_IF_ERROR(scheduler->Read("deadline", deadline, 0));
  RETURN_IF_ERROR(scheduler->Read("period", period, 0));
  spec::Process::Further::Scheduler result;
  const auto known = FindIn(kPolicies, policy);
  if (known == std::end(kPolicies))
    return scheduler->Bad("unknown policy {}", base::QuoteIfNeeded(policy));
  result.policy = known->second;
  for (const std::string& flag : flags) {
    const auto bit = FindIn(kFlags, flag);
    if (bit == std::end(kFlags))
      return scheduler->Bad("unknown flag {}", base::QuoteIfNeeded(flag));
    result.flags |= bit->second;
  }
  const bool realtime = result.policy == 1 || result.policy == 2;
  const bool has_deadline = result.policy == 6;
  if (priority.value_or(0) != 0 && !realtime)
    return scheduler->Bad("priority is for SCHED_FIFO and SCHED_RR alone");
  // With SCHED_DEADLINE the kernel passes over it.
  if (nice.value_or(0) != 0 && result.policy != 0 && result.policy != 3 && !has_deadline)
    return scheduler->Bad("nice is for SCHED_OTHER and SCHED_BATCH alone");
  if (!has_deadline &&
      (runtime.value_or(0) != 0 || deadline.value_or(0) != 0 || period.value_or(0) != 0))
    return scheduler->Bad("runtime, deadline and period are for SCHED_DEADLINE alone");
  result.nice = static_cast<int32_t>(nice.value_or(0));
  result.priority = static_cast<uint32_t>(priority.value_or(0));
  result.runtime = static_cast<uint64_t>(runtime.value_or(0));
  result.deadline = static_cast<uint64_t>(deadline.value_or(0));
  result.period = static_cast<uint64_t>(period.value_or(0));
  out.further.scheduler = result;
  return base::Ok();
}

Status ReadIoPriority(const Field& field, spec::Process& out) {
  const std::optional<Field> priority = field.Find("ioPriority");
  if (!priority) return base::Ok();
  std::string name;
  std::optional<int64_t> level;
  RETURN_IF_ERROR(priority->IsObject());
  RETURN_IF_ERROR(priority->Read("class", name));
  RETURN_IF_ERROR(priority->Read("priority", level, 0, 7));
  const int kind = name == "IOPRIO_CLASS_RT"     ? 1
                   : name == "IOPRIO_CLASS_BE"   ? 2
                   : name == "IOPRIO_CLASS_IDLE" ? 3
                                                 : 0;
  if (kind == 0) return priority->Bad("unknown class {}", base::QuoteIfNeeded(name));
  out.further.io_priority =
      kind << IOPRIO_CLASS_SHIFT | static_cast<int>(kind == 3 ? 0 : level.value_or(0));
  return base::Ok();
}

Status ReadConsole(const Field& field, Process& out) {
  RETURN_IF_ERROR(field.Read("terminal", out.process.terminal));
  const std::optional<Field> size = field.Find("consoleSize");
  if (!size) return base::Ok();
  RETURN_IF_ERROR(size->IsObject());
  std::optional<int64_t> height, width;
  RETURN_IF_ERROR(size->Read("height", height, 0, UINT16_MAX));
  RETURN_IF_ERROR(size->Read("width", width, 0, UINT16_MAX));
  if (!height || !width) return size->Bad("{} is missing", height ? "width" : "height");
  out.console_size = {static_cast<uint32_t>(*height), static_cast<uint32_t>(*width)};
  return base::Ok();
}

}  // namespace

Result<uint64_t> CapabilityMask(const std::vector<std::string>& names,
                                std::vector<std::string>* unknown) {
  uint64_t mask = 0;
  for (const std::string& name : names) {
    const std::optional<int> bit =
        name.starts_with("CAP_") ? capabilities::Find(name) : std::nullopt;
    if (bit && *bit < 64) {
      mask |= uint64_t{1} << *bit;
    } else if (unknown != nullptr) {
      unknown->push_back(name);
    } else {
      return base::InvalidArgument("unknown capability {}", base::QuoteIfNeeded(name));
    }
  }
  return mask & capabilities::AllOfThisKernel();
}

Result<Process> ReadProcess(const Field& field) {
  RETURN_IF_ERROR(field.IsObject());
  Process out;
  spec::Process& process = out.process;
  process.cwd.clear();
  RETURN_IF_ERROR(ReadConsole(field, out));
  RETURN_IF_ERROR(field.Read("args", process.args));
  RETURN_IF_ERROR(field.Read("env", process.env));
  RETURN_IF_ERROR(field.Read("cwd", process.cwd));
  RETURN_IF_ERROR(field.Read("noNewPrivileges", process.no_new_privileges));
  RETURN_IF_ERROR(field.Read("apparmorProfile", process.apparmor_profile));
  RETURN_IF_ERROR(field.Read("selinuxLabel", process.selinux_label));
  RETURN_IF_ERROR(ReadUser(field, process));
  RETURN_IF_ERROR(ReadCapabilities(field, out));
  RETURN_IF_ERROR(ReadLimits(field, process));
  RETURN_IF_ERROR(ReadScheduler(field, process));
  RETURN_IF_ERROR(ReadIoPriority(field, process));
  RETURN_IF_ERROR(field.Read("oomScoreAdj", out.oom_score_adj, -1000, 1000));
  if (const std::optional<Field> affinity = field.Find("execCPUAffinity")) {
    RETURN_IF_ERROR(affinity->IsObject());
    RETURN_IF_ERROR(affinity->Read("initial", out.cpus_at_first));
    RETURN_IF_ERROR(affinity->Read("final", out.cpus_at_last));
  }
  if (process.args.empty()) return field.Bad("args must not be empty");
  if (process.args.front().empty()) return field.Bad("args[0] must not be empty");
  if (!process.cwd.starts_with('/')) return field.Bad("cwd must be an absolute path");
  if (process.apparmor_profile == "unconfined") process.apparmor_profile.clear();
  for (const std::string& variable : process.env) {
    if (variable.find('=') == std::string::npos || variable.starts_with('='))
      return field.Bad("env: {} is not of the form NAME=value", base::QuoteIfNeeded(variable));
  }
  process.further.keep_oom_score = !out.oom_score_adj.has_value();
  process.oom_score_adj = static_cast<int32_t>(out.oom_score_adj.value_or(0));
  return out;
}

Result<Process> ParseProcess(std::string_view text) {
  ASSIGN_OR_RETURN(const json::Value value,
                   json::ParseJson(text, {.bytes = size_t{4} << 20, .depth = 16}));
  return ReadProcess(Field(value, ""));
}

}  // namespace keelson::oci
