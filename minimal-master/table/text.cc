// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/table/text.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/rfc3339.h"
#include "lib/base/strings.h"

namespace keelson::table {
namespace {

using json::Value;

constexpr int64_t kMinute = 60;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kYear = 365 * kDay;

std::string Two(int64_t seconds, int64_t large, char large_sign, int64_t small, char small_sign) {
  const int64_t rest = seconds % large / small;
  std::string out = fmt::format("{}{}", seconds / large, large_sign);
  if (rest != 0) out += fmt::format("{}{}", rest, small_sign);
  return out;
}

std::string Requirement(const Value& expression) {
  const std::string key = TextAt(expression, {"key"});
  const std::string op = TextAt(expression, {"operator"});
  if (op == "Exists") return key;
  if (op == "DoesNotExist") return "!" + key;
  std::vector<std::string> values = TextsAt(expression, {"values"});
  std::sort(values.begin(), values.end());
  return fmt::format("{} {} ({})", key, op == "NotIn" ? "notin" : "in", base::Join(values, ","));
}

}  // namespace

std::string TextAt(const Value& object, Path path) { return object.At(path).AsString(); }
int64_t NumberAt(const Value& object, Path path) { return object.At(path).AsInt(); }
bool TrueAt(const Value& object, Path path) { return object.At(path).AsBool(); }

std::string TextAtOr(const Value& object, Path path, std::string_view otherwise) {
  std::string text = TextAt(object, path);
  return text.empty() ? std::string(otherwise) : text;
}

std::vector<std::string> TextsAt(const Value& object, Path path) {
  std::vector<std::string> out;
  for (const Value& item : object.At(path).items()) out.push_back(item.AsString());
  return out;
}

std::string HumanDuration(int64_t seconds) {
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 2 * kMinute) return fmt::format("{}s", seconds);
  if (seconds < 10 * kMinute) return Two(seconds, kMinute, 'm', 1, 's');
  if (seconds < 3 * kHour) return fmt::format("{}m", seconds / kMinute);
  if (seconds < 8 * kHour) return Two(seconds, kHour, 'h', kMinute, 'm');
  if (seconds < 2 * kDay) return fmt::format("{}h", seconds / kHour);
  if (seconds < 8 * kDay) return Two(seconds, kDay, 'd', kHour, 'h');
  if (seconds < 2 * kYear) return fmt::format("{}d", seconds / kDay);
  if (seconds < 8 * kYear) return Two(seconds, kYear, 'y', kDay, 'd');
  return fmt::format("{}y", seconds / kYear);
}

std::string Since(std::string_view time, int64_t now_nanos) {
  const std::optional<int64_t> then = base::ParseRfc3339(time);
  if (!then) return "<unknown>";
  return HumanDuration((now_nanos - *then) / 1'000'000'000);
}

std::string Age(const Value& object, int64_t now_nanos) {
  return Since(object.At({"metadata", "creationTimestamp"}).AsString(), now_nanos);
}

std::string Labels(const Value& labels) {
  std::vector<std::string> all;
  for (const auto& [key, value] : labels.members()) all.push_back(key + "=" + value.AsString());
  if (all.empty()) return "<none>";
  std::sort(all.begin(), all.end());
  return base::Join(all, ",");
}

std::string LabelSelector(const Value& selector) {
  std::vector<std::pair<std::string, std::string>> all;  // by key
  for (const auto& [key, value] : selector.At({"matchLabels"}).members())
    all.emplace_back(key, key + "=" + value.AsString());
  for (const Value& expression : selector.At({"matchExpressions"}).items())
    all.emplace_back(TextAt(expression, {"key"}), Requirement(expression));
  if (all.empty()) return "<none>";
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> texts;
  for (auto& [key, text] : all) texts.push_back(std::move(text));
  return base::Join(texts, ",");
}

std::string Shortened(const std::vector<std::string>& all, size_t most) {
  if (all.size() <= most) return base::Join(all, ",");
  const std::vector<std::string> first(all.begin(), all.begin() + static_cast<ptrdiff_t>(most));
  return fmt::format("{} + {} more...", base::Join(first, ","), all.size() - most);
}

ContainerTexts Containers(const Value& pod_spec) {
  std::vector<std::string> names;
  std::vector<std::string> images;
  for (const Value& container : pod_spec.At({"containers"}).items()) {
    names.push_back(TextAt(container, {"name"}));
    images.push_back(TextAt(container, {"image"}));
  }
  return {base::Join(names, ","), base::Join(images, ",")};
}

const Value* Condition(const Value& object, std::string_view type) {
  for (const Value& condition : object.At({"status", "conditions"}).items()) {
    if (condition.At({"type"}).AsString() == type) return &condition;
  }
  return nullptr;
}

bool ConditionIsTrue(const Value& object, std::string_view type) {
  const Value* condition = Condition(object, type);
  return condition != nullptr && condition->At({"status"}).AsString() == "True";
}

}  // namespace keelson::table
