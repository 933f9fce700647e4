// SPDX-License-Identifier: Apache-2.0
// httpGet of a probe or hook: one GET without proxy, kept connection or certificate check;
// redirects are followed within the same host only. What of an answer counts: spec of upstream's
// kubelet. Blocks up to the timeout in all; any thread.
#pragma once

#include <chrono>
#include <string>

#include "kubelet/probe/prober.h"

namespace keelson::probe {

constexpr size_t kMaxBodyBytes = 10u << 10;
constexpr int kMaxRequests = 10;  // the first and those it is redirected to
inline constexpr const char* kApiVersion = "1.35";

// The URL of `action` at a pod whose address is `address`, its port by number.
base::Result<std::string> HttpUrl(const kube::HttpGetAction& action, const Target& target);

// With what upstream adds: a User-Agent ("kube-probe/1.35") and "Accept: */*" where the pod does
// not say otherwise.
std::vector<kube::HttpHeader> HttpHeaders(const kube::HttpGetAction& action,
                                          const std::string& agent);

struct HttpReply {
  int status = 0;
  std::string body;          // at most kMaxBodyBytes of it
  bool body_broken = false;  // the answer began, but its end did not come
  bool left_host = false;    // a redirect that was not followed
};
// An error with code FailedPrecondition: the server of an https URL spoke plain HTTP.
base::Result<HttpReply> HttpGet(const std::string& url,
                                const std::vector<kube::HttpHeader>& headers,
                                std::chrono::milliseconds timeout);

Answer ProbeHttp(const kube::HttpGetAction& action, const Target& target,
                 std::chrono::milliseconds timeout);

}  // namespace keelson::probe
