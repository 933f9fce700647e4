// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/api/options.h"

#include <fmt/format.h>

#include <charconv>

#include "lib/json/text.h"
#include "minimal-master/api/selectable.h"

namespace keelson::api {
namespace {

using kube::Problem;
using kube::ProblemKind;
using status::Failure;

constexpr char kMetaGroup[] = "meta.k8s.io";
constexpr size_t kLongestManager = 128;

std::string Get(const service::Fields& query, std::string_view name) {
  const std::string* value = service::FindField(query, name);
  return value == nullptr ? "" : *value;
}

// As Go reads a truth out of a query: only what says no is no.
bool IsTrue(const std::string* text) {
  return text != nullptr && *text != "false" && *text != "0" && *text != "False" && *text != "f" &&
         *text != "F" && *text != "FALSE";
}

status::Or<int64_t> Number(const std::string& text) {
  if (text.empty()) return int64_t{0};
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  return status::BadRequest(fmt::format(
      "strconv.ParseInt: parsing {}: {}", json::Quote(text),
      error == std::errc::result_out_of_range ? "value out of range" : "invalid syntax"));
}

void CheckManager(const std::string& manager, std::vector<Problem>& problems) {
  if (manager.size() > kLongestManager)
    problems.push_back({ProblemKind::kTooLong, "fieldManager",
                        fmt::format("Too long: may not be more than {} bytes", kLongestManager),
                        0});
  for (size_t i = 0; i < manager.size(); ++i) {
    const auto byte = static_cast<unsigned char>(manager[i]);
    if (byte >= 0x20 && byte != 0x7f) continue;
    std::string shown;
    for (const char c : manager) {
      const auto b = static_cast<unsigned char>(c);
      shown += b < 0x20 || b == 0x7f ? fmt::format("\\x{:02x}", b) : std::string(1, c);
    }
    problems.push_back(
        {ProblemKind::kInvalid, "fieldManager",
         fmt::format("Invalid value: \"{}\": invalid character U+{:04X} (at position {})", shown,
                     byte, i),
         0});
    return;
  }
}

}  // namespace

status::Or<int64_t> ReadRevision(const std::string& text) {
  if (text.empty()) return int64_t{0};
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number <= INT64_MAX)
    return static_cast<int64_t>(number);
  Failure failure;
  failure.message = fmt::format(
      "resourceVersion: Invalid value: {}: strconv.ParseUint: parsing {}: {}", json::Quote(text),
      json::Quote(text),
      error == std::errc::result_out_of_range ? "value out of range" : "invalid syntax");
  return failure;
}

status::Or<WriteOptions> ReadWriteOptions(const service::Fields& query, std::string_view kind) {
  WriteOptions options;
  std::vector<Problem> problems;
  options.manager = Get(query, "fieldManager");
  options.force =
      service::FindField(query, "force") != nullptr && IsTrue(service::FindField(query, "force"));
  std::vector<std::string> runs;
  for (const auto& [name, value] : query) {
    if (name == "dryRun") runs.push_back(value);
  }
  bool good = true;
  std::string shown;
  for (const std::string& run : runs) {
    good = good && run == "All";
    shown += (shown.empty() ? "" : ",") + json::Quote(run);
  }
  if (!good)
    problems.push_back({ProblemKind::kNotSupported, "dryRun",
                        fmt::format("Unsupported value: [{}]: supported values: \"All\"", shown),
                        0});
  options.dry_run = !runs.empty();
  CheckManager(options.manager, problems);
  const std::string validation = Get(query, "fieldValidation");
  if (validation == "Strict") {
    options.validation = Validation::kStrict;
  } else if (validation == "Ignore") {
    options.validation = Validation::kIgnore;
  } else if (!validation.empty() && validation != "Warn") {
    problems.push_back(
        {ProblemKind::kNotSupported, "fieldValidation",
         fmt::format("Unsupported value: {}: supported values: \"\", \"Ignore\", \"Strict\", "
                     "\"Warn\"",
                     json::Quote(validation)),
         0});
  }
  if (!problems.empty()) return status::Invalid(kMetaGroup, kind, "", problems);
  return options;
}

bool Selection::Matches(const schema::Resource& resource, const watch::Object& object) const {
  if (!labels.Matches(object)) return false;
  return fields.Matches([&](std::string_view field) -> std::string_view {
    if (field == "metadata.name") return object.name();
    if (field == "metadata.namespace") return object.ns();
    const std::optional<size_t> index = SelectableIndex(resource, field);
    return index ? object.field(*index) : std::string_view();
  });
}

namespace {

// Kinds that name their own fields; those in no namespace don't name it then.
bool HasOwnFields(const schema::Resource& resource) {
  return !SelectableFields(resource).empty() || resource.name() == "events";
}

bool IsSelectable(const schema::Resource& resource, std::string_view field) {
  if (field == "metadata.name") return true;
  if (field == "metadata.namespace") return resource.namespaced() || !HasOwnFields(resource);
  return SelectableIndex(resource, field).has_value();
}

Failure UnknownField(const schema::Resource& resource, std::string_view field) {
  if (resource.group() == "batch" && resource.name() == "jobs")
    return status::BadRequest(
        fmt::format("field label {} not supported for Job", json::Quote(field)));
  if (resource.group() == "resource.k8s.io" && HasOwnFields(resource))
    return status::BadRequest(fmt::format("field label not supported for {}/{}, Kind={}: {}",
                                          resource.group(), resource.version(), resource.kind(),
                                          field));
  return status::BadRequest(
      watch::selectors::UnknownField(field, HasOwnFields(resource)).message());
}

}  // namespace

status::Or<Selection> ReadSelection(const service::Fields& query,
                                    const schema::Resource& resource) {
  Selection selection;
  auto labels = watch::selectors::LabelSelector::Parse(Get(query, "labelSelector"));
  if (!labels.ok()) return status::BadRequest(labels.error().message());
  selection.labels = *std::move(labels);
  auto fields = watch::selectors::FieldSelector::Parse(Get(query, "fieldSelector"));
  if (!fields.ok()) return status::BadRequest(fields.error().message());
  selection.fields = *std::move(fields);
  for (const watch::selectors::FieldTerm& term : selection.fields.terms()) {
    if (!IsSelectable(resource, term.field)) return UnknownField(resource, term.field);
  }
  return selection;
}

status::Or<ListOptions> ReadListOptions(const service::Fields& query,
                                        const schema::Resource& resource, bool watching) {
  ListOptions options;
  const status::Or<Selection> selection = ReadSelection(query, resource);
  if (!selection.ok()) return selection.failure();
  options.selection = *selection;
  const status::Or<int64_t> limit = Number(Get(query, "limit"));
  if (!limit.ok()) return limit.failure();
  options.limit = *limit;
  const status::Or<int64_t> timeout = Number(Get(query, "timeoutSeconds"));
  if (!timeout.ok()) return timeout.failure();
  options.timeout_seconds = *timeout;
  options.resume = Get(query, "continue");
  options.resource_version = Get(query, "resourceVersion");
  options.match = Get(query, "resourceVersionMatch");
  options.bookmarks = IsTrue(service::FindField(query, "allowWatchBookmarks"));
  if (const std::string* initial = service::FindField(query, "sendInitialEvents"))
    options.send_initial_events = IsTrue(initial);

  std::vector<Problem> problems;
  const auto forbid = [&](const char* field, std::string why) {
    problems.push_back({ProblemKind::kForbidden, field, "Forbidden: " + why, 0});
  };
  const auto unsupported = [&](const char* supported) {
    problems.push_back({ProblemKind::kNotSupported, "resourceVersionMatch",
                        fmt::format("Unsupported value: {}: supported values: {}",
                                    json::Quote(options.match), supported),
                        0});
  };
  const bool initial = options.send_initial_events.has_value();
  if (watching) {
    if (initial && options.match != "NotOlderThan")
      forbid("resourceVersionMatch",
             "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    if (!options.match.empty()) {
      if (!initial)
        forbid("resourceVersionMatch",
               "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
      if (options.match != "NotOlderThan") unsupported("\"NotOlderThan\"");
    }
    if (!options.resume.empty())
      forbid("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided");
  } else {
    if (initial) forbid("sendInitialEvents", "sendInitialEvents is forbidden for list");
    if (!options.match.empty()) {
      if (options.resource_version.empty())
        forbid("resourceVersionMatch",
               "resourceVersionMatch is forbidden unless resourceVersion is provided");
      if (!options.resume.empty())
        forbid("resourceVersionMatch",
               "resourceVersionMatch is forbidden when continue is provided");
      if (options.match != "Exact" && options.match != "NotOlderThan")
        unsupported("\"Exact\", \"NotOlderThan\", \"\"");
      if (options.match == "Exact" && options.resource_version == "0")
        forbid("resourceVersionMatch",
               "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
    }
  }
  if (!problems.empty()) return status::Invalid(kMetaGroup, "ListOptions", "", problems);
  return options;
}

namespace {

// Empty: it is a duration, and `nanos` is what it says, roughly and not beyond some centuries.
std::string ReadDuration(std::string_view text, double& nanos) {
  nanos = 0;
  std::string_view rest = text;
  const std::string whole = json::Quote(std::string(text));
  const double sign = rest.starts_with('-') ? -1 : 1;
  if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return "";
  double number = 0;
  // Whether there were any; each weighs `step` of the one before.
  const auto digits = [&](double step) {
    size_t count = 0;
    double weight = 1;
    for (; !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; ++count) {
      if (step < 1) weight *= step;
      number =
          step < 1 ? number + (rest.front() - '0') * weight : number * step + (rest.front() - '0');
      rest.remove_prefix(1);
    }
    return count > 0;
  };
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"ns", 1},   {"us", 1e3}, {"\u00b5s", 1e3}, {"\u03bcs", 1e3},
      {"ms", 1e6}, {"s", 1e9},  {"m", 60e9},      {"h", 3600e9}};
  do {
    number = 0;
    bool some = digits(10);
    if (rest.starts_with('.')) {
      rest.remove_prefix(1);
      some = digits(0.1) || some;
    }
    if (!some) return "time: invalid duration " + whole;
    const std::string_view unit = rest.substr(0, rest.find_first_of(".0123456789"));
    if (unit.empty()) return "time: missing unit in duration " + whole;
    double scale = 0;
    for (const auto& [name, value] : kUnits) {
      if (name == unit) scale = value;
    }
    if (scale == 0)
      return fmt::format("time: unknown unit {} in duration {}", json::Quote(std::string(unit)),
                         whole);
    nanos += sign * number * scale;
    rest.remove_prefix(unit.size());
  } while (!rest.empty());
  constexpr double kMost = 9e18;
  return nanos > kMost || nanos < -kMost ? "time: invalid duration " + whole : "";
}

}  // namespace

status::Or<std::chrono::nanoseconds> ReadTimeout(const service::Fields& query) {
  const std::string* timeout = service::FindField(query, "timeout");
  if (timeout == nullptr || timeout->empty()) return std::chrono::nanoseconds(0);
  double nanos = 0;
  const std::string problem = ReadDuration(*timeout, nanos);
  if (problem.empty()) return std::chrono::nanoseconds(static_cast<int64_t>(nanos));
  return status::BadRequest("invalid timeout specified in the request URL - " + problem);
}

}  // namespace keelson::api
