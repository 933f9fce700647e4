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

}  // namespace

Properties LimitsOfScope(const cgroup::Resources& resources) {
  Properties out;
  if (resources.cpu_shares != 0)
    out.push_back({"CPUWeight", cgroup::SharesToWeight(resources.cpu_shares)});
  if (resources.cpu_period != 0)
    out.push_back({"CPUQuotaPeriodUSec", static_cast<uint64_t>(resources.cpu_period)});
  if (resources.cpu_quota < 0) out.push_back({"CPUQuotaPerSecUSec", systemd::kInfinity});
  if (resources.cpu_quota > 0) {
    // systemd keeps whole percents of a CPU: up, so that nobody gets less than was asked for.
    constexpr uint64_t kPercent = kSecond / 100;
    const auto period =
        static_cast<uint64_t>(resources.cpu_period > 0 ? resources.cpu_period : 100'000);
    const uint64_t wanted = static_cast<uint64_t>(resources.cpu_quota) * kSecond / period;
    out.push_back({"CPUQuotaPerSecUSec", (wanted + kPercent - 1) / kPercent * kPercent});
  }
  if (resources.memory_limit != 0) out.push_back({"MemoryMax", Limit(resources.memory_limit)});
  // systemd's is swap alone.
  if (resources.memory_swap_limit < 0) out.push_back({"MemorySwapMax", systemd::kInfinity});
  if (resources.memory_swap_limit > 0 && resources.memory_limit > 0 &&
      resources.memory_swap_limit >= resources.memory_limit)
    out.push_back({"MemorySwapMax",
                   static_cast<uint64_t>(resources.memory_swap_limit - resources.memory_limit)});
  if (resources.pids_limit != 0) out.push_back({"TasksMax", Limit(resources.pids_limit)});
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
