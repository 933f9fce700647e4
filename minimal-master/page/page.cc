// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/page/page.h"

#include <fmt/format.h>

#include <array>

#include "lib/base/strings.h"
#include "minimal-master/page/files.h"
#include "minimal-master/page/local_log.h"
#include "minimal-master/page/view.h"

namespace keelson::page {
namespace {

using service::Exchange;
using service::Fields;

void Send(Exchange& exchange, int code, std::string_view type, service::Buffer body,
          Fields more = {}) {
  Fields headers = SafetyHeaders();
  headers.emplace_back("Content-Type", type);
  headers.insert(headers.end(), more.begin(), more.end());
  std::vector<service::Buffer> pieces;
  if (body.size() != 0) pieces.push_back(std::move(body));
  exchange.Respond(code, std::move(headers), std::move(pieces));
}

void SendText(Exchange& exchange, int code, const std::string& text) {
  Send(exchange, code, "text/plain; charset=utf-8", service::Buffer(text + "\n"));
}

void SendRefused(Exchange& exchange, const Refused& refused) {
  SendText(exchange, refused.code, refused.why);
}

void SendJson(Exchange& exchange, const json::Value& value) {
  std::string text = json::WriteJson(value);
  const std::string tag = fmt::format("\"{:016x}\"", std::hash<std::string_view>()(text));
  const std::string* known = service::FindHeader(exchange.request().headers, "if-none-match");
  if (known != nullptr && *known == tag)
    return Send(exchange, 304, "application/json", {}, {{"ETag", tag}});
  Send(exchange, 200, "application/json", service::Buffer(std::move(text)), {{"ETag", tag}});
}

}  // namespace

bool Page::Answer(Exchange& exchange) {
  const std::string& path = exchange.request().path;
  const bool ours = path == "/ui" || path.starts_with("/ui/");
  if (!ours) return false;
  if (const auto refused = Check(exchange.request(), Door::kApi)) {
    SendRefused(exchange, *refused);
  } else if (path == "/ui") {
    Send(exchange, 307, "text/plain", {}, {{"Location", "/ui/"}});
  } else if (path == "/ui/state.json") {
    State(exchange);
  } else if (path == "/ui/findings.json") {
    Findings(exchange);
  } else if (const File* file = FindFile(path.substr(4))) {
    Send(exchange, 200, file->type, service::Buffer::Static(file->bytes));
  } else {
    SendText(exchange, 404, "there is no such page");
  }
  return true;
}

void Page::HandleLocal(std::shared_ptr<Exchange> exchange, const std::string& address) {
  const service::Request& request = exchange->request();
  if (const auto refused = Check(request, Door::kLocal)) return SendRefused(*exchange, *refused);
  if (!options_.users.Has(OwnerOf(request.remote, address)))
    return SendText(*exchange, 403,
                    "This page shows its cluster to root and to whoever started keelson-master. "
                    "For others: keelson-master --page-users NAME,…");
  if (request.path == "/") return Send(*exchange, 307, "text/plain", {}, {{"Location", "/ui/"}});
  if (Answer(*exchange)) return;
  if (request.path.starts_with("/api/")) return Log(std::move(exchange));
  SendText(*exchange, 404, "there is no such page");
}

void Page::State(Exchange& exchange) {
  const Fields& query = exchange.request().query;
  const std::string* filter = service::FindField(query, "filter");
  const std::string* wrong = service::FindField(query, "wrong");
  json::Value view;
  model_.Look([&](const World& world, watch::Revision revision) {
    ViewOf of{.world = world,
              .revision = revision,
              .now = clock_.WallNanos() / 1'000'000'000,
              .version = options_.version,
              .filter = filter == nullptr ? "" : filter->substr(0, 200),
              .only_wrong = wrong != nullptr && *wrong == "1",
              .used = used_.Nodes(),
              .past = used_.Past(),
              .use_of = [this](const Pod& pod) { return used_.Pod(pod.ns, pod.name); },
              .bounds = {}};
    view = View(of);
  });
  SendJson(exchange, view);
}

void Page::Findings(Exchange& exchange) {
  json::Value verdict;
  model_.Look([&](const World& world, watch::Revision) {
    verdict = Verdict(world, clock_.WallNanos() / 1'000'000'000);
  });
  SendJson(exchange, verdict);
}

void Page::Log(std::shared_ptr<Exchange> exchange) {
  const api::Route route = api::RouteOf(exchange->request());
  if (const auto refused = CheckLog(exchange->request(), route))
    return SendRefused(*exchange, *refused);
  auto guarded = LocalLog::Begin(exchange, logs_, options_.max_logs);
  if (guarded == nullptr || !options_.log)
    return SendText(*exchange, 503, "too many logs are being followed");
  options_.log(std::move(guarded), route);
}

}  // namespace keelson::page
