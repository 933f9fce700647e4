// SPDX-License-Identifier: Apache-2.0
#include "oci/container/scope.h"

#include <algorithm>
#include <optional>

#include "lib/base/strings.h"

namespace keelson::oci {

using base::Result;
using systemd::Properties;
using systemd::PropertyValue;

namespace {

constexpr std::string_view kPrefix = "org.systemd.property.";
constexpr uint64_t kSecond = 1'000'000;

uint64_t Limit(int64_t value) {
  return value < 0 ? systemd::kInfinity : static_cast<uint64_t>(value);
}

std::optional<uint64_t> Number(std::string_view text) {
  for (const std::string_view type : {"uint64 ", "uint32 ", "int64 ", "int32 "}) {
    if (text.starts_with(type)) text.remove_prefix(type.size());
  }
  return base::ParseUint64(base::Trim(text));
}

std::optional<PropertyValue> Value(std::string_view text) {
  if (text == "true") return PropertyValue(true);
  if (text == "false") return PropertyValue(false);
  if (const auto number = Number(text)) return PropertyValue(*number);
  const bool quoted = text.size() >= 2 && text.front() == text.back() &&
                      (text.front() == '\'' || text.front() == '"');
  if (quoted) return PropertyValue(std::string(text.substr(1, text.size() - 2)));
  return std::nullopt;
}

// systemd keeps whole percents of a CPU: up, so that nobody gets less than was asked for.
uint64_t PerSecond(uint64_t quota, uint64_t period) {
  constexpr uint64_t kPercent = kSecond / 100;
  return (quota * kSecond / period + kPercent - 1) / kPercent * kPercent;
}

// A file of cgroup v2 that a property of systemd's stands for; "max" is no limit.
void AddUnified(const std::string& file, const std::string& text, Properties& out) {
  static constexpr std::pair<std::string_view, const char*> kSame[] = {
      {"cpu.weight", "CPUWeight"}, {"memory.min", "MemoryMin"},
      {"memory.low", "MemoryLow"}, {"memory.high", "MemoryHigh"},
      {"memory.max", "MemoryMax"}, {"memory.swap.max", "MemorySwapMax"},
      {"pids.max", "TasksMax"}};
  const auto number = [](std::string_view word) -> std::optional<uint64_t> {
    return word == "max" ? std::optional<uint64_t>(systemd::kInfinity) : base::ParseUint64(word);
  };
  for (const auto& [name, property] : kSame) {
    if (file != name) continue;
    if (const auto value = number(base::Trim(text))) Overlay(out, {{property, *value}});
  }
  if (file != "cpu.max") return;
  const std::vector<std::string_view> words = base::Split(base::Trim(text), ' ');
  const auto quota = number(words[0]);
  const auto period =
      words.size() > 1 ? base::ParseUint64(words[1]) : std::optional<uint64_t>(100'000);
  if (!quota || !period || *period == 0) return;
  Overlay(out, {{"CPUQuotaPeriodUSec", *period}});
  const bool none = *quota == systemd::kInfinity || *quota > UINT64_MAX / kSecond;
  Overlay(out, {{"CPUQuotaPerSecUSec", none ? systemd::kInfinity : PerSecond(*quota, *period)}});
}

}  // namespace

void RoundQuota(cgroup::Resources& resources) {
  if (resources.cpu_quota <= 0) return;
  const auto period =
      static_cast<uint64_t>(resources.cpu_period > 0 ? resources.cpu_period : 100'000);
  const uint64_t share = PerSecond(static_cast<uint64_t>(resources.cpu_quota), period);
  resources.cpu_quota = static_cast<int64_t>(share * period / kSecond);
}

bool IsIdle(const cgroup::Resources& resources) {
  const auto unified = resources.unified.find("cpu.idle");
  if (unified != resources.unified.end()) return base::Trim(unified->second) == "1";
  return std::any_of(resources.further.begin(), resources.further.end(), [](const auto& write) {
    return write.file == "cpu.idle" && write.value == "1";
  });
}

Properties LimitsOfScope(const cgroup::Resources& resources) {
  Properties out;
  if (resources.cpu_shares != 0)
    out.push_back({"CPUWeight", cgroup::SharesToWeight(resources.cpu_shares)});
  if (resources.cpu_period != 0)
    out.push_back({"CPUQuotaPeriodUSec", static_cast<uint64_t>(resources.cpu_period)});
  if (resources.cpu_quota < 0) out.push_back({"CPUQuotaPerSecUSec", systemd::kInfinity});
  if (resources.cpu_quota > 0) {
    const auto period =
        static_cast<uint64_t>(resources.cpu_period > 0 ? resources.cpu_period : 100'000);
    out.push_back(
        {"CPUQuotaPerSecUSec", PerSecond(static_cast<uint64_t>(resources.cpu_quota), period)});
  }
  if (resources.memory_limit != 0) out.push_back({"MemoryMax", Limit(resources.memory_limit)});
  // systemd's is swap alone.
  if (resources.memory_swap_limit < 0) out.push_back({"MemorySwapMax", systemd::kInfinity});
  if (resources.memory_swap_limit > 0 && resources.memory_limit > 0 &&
      resources.memory_swap_limit >= resources.memory_limit)
    out.push_back({"MemorySwapMax",
                   static_cast<uint64_t>(resources.memory_swap_limit - resources.memory_limit)});
  if (resources.pids_limit != 0) out.push_back({"TasksMax", Limit(resources.pids_limit)});
  for (const cgroup::Write& write : resources.further) AddUnified(write.file, write.value, out);
  for (const auto& [file, text] : resources.unified) AddUnified(file, text, out);
  // A weight is what takes an idle group's idleness away.
  if (IsIdle(resources))
    std::erase_if(out, [](const systemd::Property& one) { return one.name == "CPUWeight"; });
  return out;
}

Result<Properties> AnnotatedProperties(
    const std::vector<std::pair<std::string, std::string>>& annotations) {
  Properties out;
  for (const auto& [key, text] : annotations) {
    if (!key.starts_with(kPrefix)) continue;
    std::string name = key.substr(kPrefix.size());
    std::optional<PropertyValue> value = Value(base::Trim(text));
    if (name.empty() || !value)
      return base::InvalidArgument("annotation {}: {} is no boolean, number or 'text'", key,
                                   base::QuoteIfNeeded(text));
    if (name.ends_with("Sec") && !name.ends_with("USec")) {
      const uint64_t* seconds = std::get_if<uint64_t>(&*value);
      if (seconds == nullptr || *seconds > UINT64_MAX / kSecond)
        return base::InvalidArgument("annotation {}: {} is no number of seconds", key,
                                     base::QuoteIfNeeded(text));
      value = PropertyValue(*seconds * kSecond);
      name.replace(name.size() - 3, 3, "USec");
    }
    out.push_back({std::move(name), std::move(*value)});
  }
  return out;
}

void Overlay(Properties& base, Properties more) {
  for (systemd::Property& property : more) {
    const auto same = std::find_if(base.begin(), base.end(), [&](const systemd::Property& one) {
      return one.name == property.name;
    });
    if (same == base.end())
      base.push_back(std::move(property));
    else
      *same = std::move(property);
  }
}

}  // namespace keelson::oci
