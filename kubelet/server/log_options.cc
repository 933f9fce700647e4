// SPDX-License-Identifier: Apache-2.0
#include "kubelet/server/log_options.h"

#include <limits>

#include "lib/base/rfc3339.h"
#include "lib/base/strings.h"

namespace keelson::server {

using base::Result;

namespace {

using Query = std::map<std::string, std::string>;

const std::string* Find(const Query& query, const char* name) {
  const auto found = query.find(name);
  return found == query.end() || found->second.empty() ? nullptr : &found->second;
}

// Everything but these four is true: "follow" and "follow=yes" are written, too.
bool Flag(const Query& query, const char* name) {
  const auto found = query.find(name);
  if (found == query.end()) return false;
  const std::string text = base::ToLower(found->second);
  return text != "0" && text != "false";
}

Result<std::optional<int64_t>> Number(const Query& query, const char* name, int64_t lowest) {
  const std::string* text = Find(query, name);
  if (text == nullptr) return std::optional<int64_t>();
  const std::optional<int64_t> value = base::ParseInt64(*text);
  if (!value)
    return base::InvalidArgument("{} is not a number: {}", name, base::QuoteIfNeeded(*text));
  if (*value < lowest)
    return base::OutOfRange("{} is {}; it must be at least {}", name, *value, lowest);
  return value;
}

}  // namespace

Result<LogOptions> ParseLogOptions(const Query& query, int64_t now) {
  LogOptions options;
  options.follow = Flag(query, "follow");
  options.previous = Flag(query, "previous");
  options.timestamps = Flag(query, "timestamps");
  const std::string* tail = Find(query, "tail");  // the old name
  if (tail == nullptr) {
    ASSIGN_OR_RETURN(options.tail_lines, Number(query, "tailLines", 0));
  } else if (*tail != "all") {
    ASSIGN_OR_RETURN(options.tail_lines, Number(query, "tail", 0));
  }
  ASSIGN_OR_RETURN(options.limit_bytes, Number(query, "limitBytes", 1));
  ASSIGN_OR_RETURN(const std::optional<int64_t> seconds, Number(query, "sinceSeconds", 1));
  if (seconds) {
    constexpr int64_t kSecond = 1'000'000'000;
    const int64_t span =
        *seconds > std::numeric_limits<int64_t>::max() / kSecond ? now : *seconds * kSecond;
    options.since = now > span ? now - span : 0;
  }
  if (const std::string* time = Find(query, "sinceTime")) {
    if (seconds) return base::OutOfRange("at most one of sinceTime and sinceSeconds may be given");
    options.since = base::ParseRfc3339(*time);
    if (!options.since)
      return base::InvalidArgument("sinceTime is not like 2026-01-02T03:04:05Z: {}",
                                   base::QuoteIfNeeded(*time));
  }
  if (const std::string* stream = Find(query, "stream"); stream != nullptr && *stream != "All") {
    if (*stream != "Stdout" && *stream != "Stderr")
      return base::OutOfRange("stream must be All, Stdout or Stderr");
    options.stream = base::ToLower(*stream);
  }
  return options;
}

}  // namespace keelson::server
