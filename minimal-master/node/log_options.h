// SPDX-License-Identifier: Apache-2.0
// What a request says of the log it wants, and how that is said to a kubelet. Pure, any thread.
// Source: k8s.io/kubernetes, PodLogOptions and its validation (1.35).
#pragma once

#include <optional>
#include <string>

#include "lib/http/service/message.h"
#include "minimal-master/status/failure.h"

namespace keelson::node {

struct LogOptions {
  std::string container;
  bool follow = false;
  bool previous = false;
  bool timestamps = false;
  std::optional<int64_t> since_seconds;
  std::optional<std::string> since_time;
  std::optional<int64_t> tail_lines;
  std::optional<int64_t> limit_bytes;
};

// `pod` names the log in refusals.
status::Or<LogOptions> ReadLogOptions(const service::Fields& query, const std::string& pod);
// "follow=true&tailLines=3".
std::string QueryOf(const LogOptions& options);

// As upstream reads a flag: there and neither "0" nor "false".
bool Flag(const service::Fields& query, std::string_view name);
// As Go's url.Values: sorted by name, escaped.
std::string EncodeQuery(service::Fields fields);

}  // namespace keelson::node
