// SPDX-License-Identifier: Apache-2.0
#include "runtime/security/seccomp_profile.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <set>

#include "lib/base/strings.h"
#include "lib/json/value.h"
#include "lib/kernel/capabilities/capabilities.h"

namespace keelson::security {
namespace {

using base::Error;
using base::Result;
using base::Status;
using json::Value;
using seccomp::Action;
using seccomp::Compare;

constexpr uint64_t kMaxErrno = 4095;
constexpr size_t kMaxRules = 4096;
constexpr std::string_view kArchitecturePrefix = "SCMP_ARCH_";

template <typename T>
using Names = std::initializer_list<std::pair<std::string_view, T>>;

const Names<Action> kActions = {
    {"SCMP_ACT_ALLOW", Action::kAllow},
    {"SCMP_ACT_ERRNO", Action::kErrno},
    {"SCMP_ACT_KILL", Action::kKillThread},
    {"SCMP_ACT_KILL_THREAD", Action::kKillThread},
    {"SCMP_ACT_KILL_PROCESS", Action::kKillProcess},
    {"SCMP_ACT_TRAP", Action::kTrap},
    {"SCMP_ACT_LOG", Action::kLog},
};
const Names<Compare> kComparisons = {
    {"SCMP_CMP_NE", Compare::kNotEqual},           {"SCMP_CMP_LT", Compare::kLess},
    {"SCMP_CMP_LE", Compare::kLessOrEqual},        {"SCMP_CMP_EQ", Compare::kEqual},
    {"SCMP_CMP_GE", Compare::kGreaterOrEqual},     {"SCMP_CMP_GT", Compare::kGreater},
    {"SCMP_CMP_MASKED_EQ", Compare::kMaskedEqual},
};
constexpr std::string_view kArchitectures[] = {
    "X86_64",      "X86",       "X32",    "ARM",      "AARCH64", "LOONGARCH64", "M68K", "MIPS",
    "MIPS64",      "MIPS64N32", "MIPSEL", "MIPSEL64", "PPC",     "PPC64",       "S390", "S390X",
    "MIPSEL64N32", "PPC64LE",   "PARISC", "PARISC64", "RISCV64", "SH",          "SHEB"};

// What a machine runs, its own first. A program made for any other cannot be started, so that it
// needs no rules.
struct Machine {
  std::string_view go_name;
  std::vector<std::string> architectures;
};
const std::array kMachines = {Machine{"amd64", {"x86_64", "x86", "x32"}},
                              Machine{"arm64", {"aarch64", "arm"}}};

std::vector<std::string> ArchitecturesOf(const std::string& go_name) {
  for (const Machine& machine : kMachines) {
    if (machine.go_name == go_name) return machine.architectures;
  }
  return {};
}

// A value with the way that led to it.
class Field {
 public:
  Field(const Value& value, std::string path) : value_(value), path_(std::move(path)) {}

  template <typename... Args>
  Error Bad(fmt::format_string<Args...> format, Args&&... args) const {
    return base::InvalidArgument("line {}: {}{}{}", value_.line(), path_, path_.empty() ? "" : ": ",
                                 fmt::format(format, std::forward<Args>(args)...));
  }
  // A member that is there and not null, as Go's writers leave empty ones.
  std::optional<Field> Find(std::string_view name) const {
    const Value* found = value_.Find(name);
    if (found == nullptr || found->IsNull()) return std::nullopt;
    return Field(*found, path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name));
  }
  Status IsObjectOf(std::initializer_list<std::string_view> known) const {
    if (!value_.IsObject()) return Bad("must be an object");
    for (const auto& [name, member] : value_.members()) {
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      return Field(member, path_).Bad("unknown field {}", base::QuoteIfNeeded(name.substr(0, 100)));
    }
    return base::Ok();
  }
  Result<std::vector<Field>> Items() const {
    if (!value_.IsArray()) return Bad("must be a list");
    std::vector<Field> items;
    for (const Value& item : value_.items())
      items.emplace_back(item, fmt::format("{}[{}]", path_, items.size()));
    return items;
  }
  Result<std::string> String() const {
    if (!value_.IsString()) return Bad("must be a string");
    if (value_.AsString().empty()) return Bad("must not be empty");
    return value_.AsString();
  }
  Result<std::vector<std::string>> Strings() const {
    ASSIGN_OR_RETURN(const std::vector<Field> items, Items());
    std::vector<std::string> out;
    for (const Field& item : items) {
      ASSIGN_OR_RETURN(out.emplace_back(), item.String());
    }
    return out;
  }
  Result<uint64_t> Number(uint64_t most) const {
    if (!value_.IsInt() || value_.AsInt() < 0)
      return Bad("must be a whole number from 0 to {}", most);
    const auto number = static_cast<uint64_t>(value_.AsInt());
    if (number > most) return Bad("must not be above {}, it is {}", most, number);
    return number;
  }
  template <typename T>
  Result<T> OneOf(const Names<T>& names, std::string_view what) const {
    ASSIGN_OR_RETURN(const std::string text, String());
    std::string known;
    for (const auto& [name, meaning] : names) {
      if (name == text) return meaning;
      known += fmt::format("{}{}", known.empty() ? "" : ", ", name);
    }
    return Bad("unknown {} {}; known: {}", what, base::QuoteIfNeeded(text.substr(0, 100)), known);
  }

 private:
  const Value& value_;
  std::string path_;
};

class Parser {
 public:
  explicit Parser(const Circumstances& circumstances) : circumstances_(circumstances) {}

  Result<seccomp::Profile> Parse(const Field& top) {
    RETURN_IF_ERROR(
        top.IsObjectOf({"defaultAction", "defaultErrnoRet", "defaultErrno", "architectures",
                        "archMap", "flags", "syscalls", "listenerPath", "listenerMetadata"}));
    const std::optional<Field> action = top.Find("defaultAction");
    if (!action) return top.Bad("defaultAction is missing");
    ASSIGN_OR_RETURN(profile_.default_action, ReadAction(*action, false));
    ASSIGN_OR_RETURN(profile_.default_error,
                     ReadErrno(top, "defaultErrnoRet", "defaultErrno", profile_.default_action));
    RETURN_IF_ERROR(ReadArchitectures(top));
    RETURN_IF_ERROR(CheckFlags(top));
    const std::optional<Field> rules = top.Find("syscalls");
    if (!rules) return std::move(profile_);
    ASSIGN_OR_RETURN(const std::vector<Field> items, rules->Items());
    if (items.size() > kMaxRules) return rules->Bad("more than {} rules", kMaxRules);
    for (const Field& item : items) RETURN_IF_ERROR(ReadRule(item));
    return std::move(profile_);
  }

 private:
  static Result<Action> ReadAction(const Field& field, bool listener) {
    ASSIGN_OR_RETURN(const std::string text, field.String());
    if (text == "SCMP_ACT_NOTIFY" && listener) return Action::kNotify;
    if (text == "SCMP_ACT_NOTIFY")
      return field.Bad("SCMP_ACT_NOTIFY needs a listening program, which is not supported");
    if (text == "SCMP_ACT_TRACE")
      return field.Bad("SCMP_ACT_TRACE needs a tracing program, which is not supported");
    return field.OneOf(kActions, "action");
  }

  // The number, or podman's name for it, or both if they agree.
  static Result<uint32_t> ReadErrno(const Field& owner, std::string_view number_name,
                                    std::string_view name_name, Action action) {
    const std::optional<Field> number = owner.Find(number_name), name = owner.Find(name_name);
    if (!number && !name) return uint32_t{EPERM};
    const Field& given = number ? *number : *name;
    if (action != Action::kErrno) return given.Bad("only SCMP_ACT_ERRNO has an error number");
    std::optional<uint64_t> value;
    if (number) {
      ASSIGN_OR_RETURN(value, number->Number(kMaxErrno));
    }
    if (!name) return static_cast<uint32_t>(*value);
    ASSIGN_OR_RETURN(const std::string text, name->String());
    for (int candidate = 1; candidate < 200; ++candidate) {
      const char* known = strerrorname_np(candidate);
      if (known == nullptr || text != known) continue;
      if (value && *value != static_cast<uint64_t>(candidate))
        return name->Bad("{} is {}, not {}", text, candidate, *value);
      return static_cast<uint32_t>(candidate);
    }
    return name->Bad("unknown error {}", base::QuoteIfNeeded(text.substr(0, 100)));
  }

  static Result<std::string> ReadArchitecture(const Field& field) {
    ASSIGN_OR_RETURN(const std::string text, field.String());
    const bool known =
        text.starts_with(kArchitecturePrefix) &&
        std::find(std::begin(kArchitectures), std::end(kArchitectures),
                  text.substr(kArchitecturePrefix.size())) != std::end(kArchitectures);
    if (!known)
      return field.Bad("unknown architecture {}", base::QuoteIfNeeded(text.substr(0, 100)));
    return base::ToLower(text.substr(kArchitecturePrefix.size()));
  }

  // The machine's own always counts, as it does for everybody who reads these profiles; others when
  // they are named and can run here.
  Status ReadArchitectures(const Field& top) {
    const std::vector<std::string> here = ArchitecturesOf(circumstances_.architecture);
    const std::optional<Field> list = top.Find("architectures"), map = top.Find("archMap");
    std::set<std::string> named;
    std::vector<Field> plain, entries;
    if (list) {
      ASSIGN_OR_RETURN(plain, list->Items());
    }
    if (map) {
      ASSIGN_OR_RETURN(entries, map->Items());
    }
    if (!plain.empty() && !entries.empty())
      return map->Bad("stands beside architectures: one of them only");
    for (const Field& item : plain) {
      ASSIGN_OR_RETURN(const std::string name, ReadArchitecture(item));
      named.insert(name);
    }
    for (const Field& entry : entries) {
      RETURN_IF_ERROR(entry.IsObjectOf({"architecture", "subArchitectures"}));
      const std::optional<Field> own = entry.Find("architecture"),
                                 below = entry.Find("subArchitectures");
      if (!own) return entry.Bad("architecture is missing");
      ASSIGN_OR_RETURN(const std::string name, ReadArchitecture(*own));
      std::vector<Field> subs;
      if (below) {
        ASSIGN_OR_RETURN(subs, below->Items());
      }
      for (const Field& sub : subs) {
        ASSIGN_OR_RETURN(const std::string sub_name, ReadArchitecture(sub));
        if (!here.empty() && name == here.front()) named.insert(sub_name);
      }
    }
    for (const std::string& architecture : here) {
      if (architecture == here.front() || named.contains(architecture))
        profile_.architectures.push_back(architecture);
    }
    return base::Ok();
  }

  static Status CheckFlags(const Field& top) {
    for (const char* name : {"listenerPath", "listenerMetadata"}) {
      if (const std::optional<Field> field = top.Find(name))
        return field->Bad("listening programs are not supported");
    }
    const std::optional<Field> flags = top.Find("flags");
    if (!flags) return base::Ok();
    ASSIGN_OR_RETURN(const std::vector<Field> items, flags->Items());
    for (const Field& item : items) {
      // A filter is installed by a process of one thread, and a mitigation left on harms nobody:
      // both change nothing.
      RETURN_IF_ERROR(item.OneOf<bool>(
          {{"SECCOMP_FILTER_FLAG_TSYNC", true}, {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", true}}, "flag"));
    }
    return base::Ok();
  }

  // Whether `conditions` (of includes or excludes) hold: every kind for includes, any of them for
  // excludes.
  Result<bool> Holds(const Field& conditions, bool including) const {
    RETURN_IF_ERROR(conditions.IsObjectOf({"caps", "arches", "minKernel"}));
    bool all = true, any = false;
    const auto count = [&all, &any](bool holds) {
      all = all && holds;
      any = any || holds;
    };
    if (const std::optional<Field> field = conditions.Find("arches")) {
      ASSIGN_OR_RETURN(const std::vector<std::string> names, field->Strings());
      if (!names.empty())
        count(std::find(names.begin(), names.end(), circumstances_.architecture) != names.end());
    }
    if (const std::optional<Field> field = conditions.Find("caps")) {
      ASSIGN_OR_RETURN(const std::vector<Field> items, field->Items());
      for (const Field& item : items) {
        ASSIGN_OR_RETURN(const std::string name, item.String());
        const std::optional<int> bit =
            name.starts_with("CAP_") ? capabilities::Find(name) : std::nullopt;
        if (!bit)
          return item.Bad("unknown capability {}", base::QuoteIfNeeded(name.substr(0, 100)));
        count((circumstances_.capabilities >> *bit & 1) != 0);
      }
    }
    if (const std::optional<Field> field = conditions.Find("minKernel")) {
      ASSIGN_OR_RETURN(const std::string text, field->String());
      const std::vector<std::string_view> parts = base::Split(text, '.');
      const std::optional<uint64_t> major = base::ParseUint64(parts[0]);
      const std::optional<uint64_t> minor =
          parts.size() == 2 ? base::ParseUint64(parts[1]) : std::nullopt;
      if (!major || !minor)
        return field->Bad("{} is not a kernel version like 4.8",
                          base::QuoteIfNeeded(text.substr(0, 100)));
      count(circumstances_.kernel >= KernelVersion{*major, *minor});
    }
    return including ? all : any;
  }

  static Result<seccomp::Argument> ReadArgument(const Field& field) {
    RETURN_IF_ERROR(field.IsObjectOf({"index", "value", "valueTwo", "op"}));
    const std::optional<Field> index = field.Find("index"), op = field.Find("op"),
                               value = field.Find("value"), second = field.Find("valueTwo");
    if (!index || !op || !value)
      return field.Bad("{} is missing", !index ? "index" : !op ? "op" : "value");
    seccomp::Argument argument;
    ASSIGN_OR_RETURN(const uint64_t position, index->Number(5));
    argument.index = static_cast<uint32_t>(position);
    ASSIGN_OR_RETURN(argument.compare, op->OneOf(kComparisons, "comparison"));
    ASSIGN_OR_RETURN(argument.value, value->Number(INT64_MAX));
    if (second) {
      ASSIGN_OR_RETURN(argument.value_two, second->Number(INT64_MAX));
      if (argument.value_two != 0 && argument.compare != Compare::kMaskedEqual)
        return second->Bad("only SCMP_CMP_MASKED_EQ has a second value");
    }
    return argument;
  }

  Status ReadRule(const Field& field) {
    RETURN_IF_ERROR(field.IsObjectOf({"names", "name", "action", "errnoRet", "errno", "args",
                                      "comment", "includes", "excludes"}));
    seccomp::Rule rule;
    const std::optional<Field> names = field.Find("names"), name = field.Find("name"),
                               action = field.Find("action");
    if (names) {
      ASSIGN_OR_RETURN(rule.names, names->Strings());
    }
    if (name) {
      if (!rule.names.empty()) return name->Bad("stands beside names: one of them only");
      ASSIGN_OR_RETURN(rule.names.emplace_back(), name->String());
    }
    if (rule.names.empty()) return field.Bad("names no system call");
    if (!action) return field.Bad("action is missing");
    ASSIGN_OR_RETURN(rule.action, ReadAction(*action, circumstances_.listener));
    ASSIGN_OR_RETURN(rule.error, ReadErrno(field, "errnoRet", "errno", rule.action));
    if (const std::optional<Field> arguments = field.Find("args")) {
      ASSIGN_OR_RETURN(const std::vector<Field> items, arguments->Items());
      for (const Field& item : items) {
        ASSIGN_OR_RETURN(rule.arguments.emplace_back(), ReadArgument(item));
      }
    }
    bool counts = true;
    if (const std::optional<Field> conditions = field.Find("includes")) {
      ASSIGN_OR_RETURN(counts, Holds(*conditions, true));
    }
    if (const std::optional<Field> conditions = field.Find("excludes")) {
      ASSIGN_OR_RETURN(const bool excluded, Holds(*conditions, false));
      counts = counts && !excluded;
    }
    if (!counts) return base::Ok();
    Add(std::move(rule));
    return base::Ok();
  }

  // Several conditions on one argument mean: any of them, each on its own. So it has always been
  // read.
  void Add(seccomp::Rule rule) {
    std::set<uint32_t> seen;
    const bool repeats =
        std::any_of(rule.arguments.begin(), rule.arguments.end(),
                    [&](const seccomp::Argument& a) { return !seen.insert(a.index).second; });
    if (!repeats) return profile_.rules.push_back(std::move(rule));
    for (const seccomp::Argument& argument : rule.arguments) {
      seccomp::Rule one = rule;
      one.arguments = {argument};
      profile_.rules.push_back(std::move(one));
    }
  }

  const Circumstances& circumstances_;
  seccomp::Profile profile_;
};

}  // namespace

Circumstances OfThisMachine(uint64_t capabilities) {
  Circumstances out;
  out.capabilities = capabilities;
#if defined(__x86_64__)
  out.architecture = "amd64";
#elif defined(__aarch64__)
  out.architecture = "arm64";
#endif
  utsname names{};
  if (uname(&names) == 0) {
    const std::string_view release = names.release;
    const size_t dot = release.find('.');
    if (dot != std::string_view::npos) {
      const std::string_view rest = release.substr(dot + 1);
      out.kernel.major = base::ParseUint64(release.substr(0, dot)).value_or(0);
      out.kernel.minor =
          base::ParseUint64(rest.substr(0, rest.find_first_not_of("0123456789"))).value_or(0);
    }
  }
  return out;
}

Result<seccomp::Profile> ParseSeccompProfile(std::string_view text,
                                             const Circumstances& circumstances) {
  ASSIGN_OR_RETURN(
      const Value document,
      json::ParseJson(text, {.bytes = size_t{1} << 20, .depth = 8, .values = 100'000}));
  return Parser(circumstances).Parse(Field(document, ""));
}

}  // namespace keelson::security
