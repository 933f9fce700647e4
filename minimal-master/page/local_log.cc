// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/page/local_log.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "lib/base/strings.h"

namespace keelson::page {
namespace {

constexpr uint64_t kMostLines = 5000;

// Ours say it once: what a kubelet or the API says of the same is left out.
service::Fields Guarded(service::Fields headers) {
  service::Fields safety = SafetyHeaders();
  std::erase_if(headers, [&](const service::Field& field) {
    const std::string name = base::ToLower(field.first);
    return std::any_of(safety.begin(), safety.end(), [&](const service::Field& ours) {
      return base::ToLower(ours.first) == name;
    });
  });
  headers.insert(headers.end(), safety.begin(), safety.end());
  return headers;
}

}  // namespace

std::optional<Refused> CheckLog(const service::Request& request, const api::Route& route) {
  if (!route.is_resource || !route.allowed || route.resource != "pods" ||
      route.subresource != "log" || route.verb != "get" || !route.group.empty())
    return Refused{404, "there is no such page"};
  constexpr std::array<std::string_view, 5> kMay = {"container", "follow", "previous", "tailLines",
                                                    "timestamps"};
  bool bounded = false;
  for (const auto& [name, value] : request.query) {
    if (std::find(kMay.begin(), kMay.end(), name) == kMay.end())
      return Refused{400,
                     "a log is asked for with container, follow, previous, tailLines and "
                     "timestamps alone"};
    if (name != "tailLines") continue;
    const auto lines = base::ParseUint64(value);
    bounded = lines && *lines <= kMostLines;
    if (!bounded) break;
  }
  if (!bounded) return Refused{400, "tailLines must say how many lines, 5000 at most"};
  return std::nullopt;
}

std::shared_ptr<LocalLog> LocalLog::Begin(std::shared_ptr<service::Exchange> inner,
                                          std::shared_ptr<std::atomic<size_t>> count, size_t most) {
  if (count->fetch_add(1) >= most) {
    --*count;
    return nullptr;
  }
  return std::shared_ptr<LocalLog>(new LocalLog(std::move(inner), std::move(count)));
}

void LocalLog::Respond(int status, service::Fields headers, std::vector<service::Buffer> body) {
  inner_->Respond(status, Guarded(std::move(headers)), std::move(body));
}

void LocalLog::Begin(int status, service::Fields headers) {
  inner_->Begin(status, Guarded(std::move(headers)));
}

base::Result<std::shared_ptr<service::Tunnel>> LocalLog::Upgrade(service::Fields) {
  return base::FailedPrecondition("a log is no tunnel");
}

}  // namespace keelson::page
