// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/node/log_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/rfc3339.h"
#include "lib/base/strings.h"

namespace keelson::node {
namespace {

using kube::ProblemKind;

struct Numbers {
  const service::Fields& query;
  std::string problem;

  std::optional<int64_t> Read(std::string_view name) {
    const std::string* text = service::FindField(query, name);
    if (text == nullptr || !problem.empty()) return std::nullopt;
    const std::string_view digits =
        text->starts_with('+') ? std::string_view(*text).substr(1) : std::string_view(*text);
    const std::optional<int64_t> value = base::ParseInt64(digits);
    if (value) return value;
    const std::string_view bare = digits.starts_with('-') ? digits.substr(1) : digits;
    const bool number = !bare.empty() && std::all_of(bare.begin(), bare.end(),
                                                     [](char c) { return c >= '0' && c <= '9'; });
    problem = fmt::format("strconv.ParseInt: parsing \"{}\": {}", *text,
                          number ? "value out of range" : "invalid syntax");
    return std::nullopt;
  }
};

void AtLeast(std::vector<kube::Problem>& problems, const char* field,
             const std::optional<int64_t>& value, int64_t least, const char* why) {
  if (!value || *value >= least) return;
  problems.push_back(
      {ProblemKind::kInvalid, field, fmt::format("Invalid value: {}: {}", *value, why), 0});
}

std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain)
      out += c;
    else if (c == ' ')
      out += '+';
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace

bool Flag(const service::Fields& query, std::string_view name) {
  const std::string* value = service::FindField(query, name);
  return value != nullptr && *value != "0" && base::ToLower(*value) != "false";
}

std::string EncodeQuery(service::Fields fields) {
  std::stable_sort(fields.begin(), fields.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string out;
  for (const auto& [name, value] : fields) {
    if (!out.empty()) out += '&';
    out += Escape(name) + "=" + Escape(value);
  }
  return out;
}

status::Or<LogOptions> ReadLogOptions(const service::Fields& query, const std::string& pod) {
  LogOptions options;
  if (const std::string* container = service::FindField(query, "container"))
    options.container = *container;
  options.follow = Flag(query, "follow");
  options.previous = Flag(query, "previous");
  options.timestamps = Flag(query, "timestamps");
  Numbers numbers{query, ""};
  options.since_seconds = numbers.Read("sinceSeconds");
  options.tail_lines = numbers.Read("tailLines");
  options.limit_bytes = numbers.Read("limitBytes");
  if (!numbers.problem.empty()) return status::BadRequest(numbers.problem);
  if (const std::string* time = service::FindField(query, "sinceTime")) {
    if (!base::ParseRfc3339(*time))
      return status::BadRequest(
          fmt::format("parsing time \"{0}\" as \"2006-01-02T15:04:05Z07:00\": cannot parse "
                      "\"{0}\" as \"2006\"",
                      *time));
    options.since_time = *time;
  }
  std::vector<kube::Problem> problems;
  AtLeast(problems, "tailLines", options.tail_lines, 0, "must be greater than or equal to 0");
  AtLeast(problems, "limitBytes", options.limit_bytes, 1, "must be greater than 0");
  if (options.since_seconds && options.since_time) {
    problems.push_back({ProblemKind::kForbidden, "[]",
                        "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified",
                        0});
  } else {
    AtLeast(problems, "sinceSeconds", options.since_seconds, 1, "must be greater than 0");
  }
  if (service::FindField(query, "stream") != nullptr)
    problems.push_back({ProblemKind::kForbidden, "stream", "Forbidden: may not be specified", 0});
  if (!problems.empty()) return status::Invalid("", "PodLogOptions", pod, problems);
  return options;
}

std::string QueryOf(const LogOptions& options) {
  service::Fields fields;
  const auto flag = [&fields](const char* name, bool value) {
    if (value) fields.emplace_back(name, "true");
  };
  const auto number = [&fields](const char* name, const std::optional<int64_t>& value) {
    if (value) fields.emplace_back(name, std::to_string(*value));
  };
  flag("follow", options.follow);
  flag("previous", options.previous);
  flag("timestamps", options.timestamps);
  number("sinceSeconds", options.since_seconds);
  if (options.since_time) fields.emplace_back("sinceTime", *options.since_time);
  number("tailLines", options.tail_lines);
  number("limitBytes", options.limit_bytes);
  return EncodeQuery(std::move(fields));
}

}  // namespace keelson::node
