// SPDX-License-Identifier: Apache-2.0
#include "kubelet/server/routes.h"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "kubelet/server/log_options.h"
#include "kubelet/server/log_reader.h"
#include "lib/base/strings.h"
#include "lib/json/value.h"

namespace keelson::server {

using base::Code;
using base::Result;
using http::Request;
using http::Response;

namespace {

constexpr std::array kChecks = {"ping", "log", "syncloop"};

Response Text(int status, std::string body) { return {.status = status, .body = std::move(body)}; }
Response Json(std::string body) {
  return {.content_type = "application/json", .body = std::move(body)};
}
Response NotFound() { return Text(404, "404 page not found\n"); }

// {"message": "…"}, as the log path refuses queries.
Response Refusal(int status, const std::string& message) {
  json::Value object = json::Value::Object();
  object.Set("message", json::Value(message));
  return {.status = status, .content_type = "application/json", .body = json::WriteJson(object)};
}

int StatusOf(const base::Error& error) {
  switch (error.code()) {
    case Code::kNotFound:
      return 404;
    case Code::kInternal:
    case Code::kUnknown:
      return 500;
    case Code::kUnavailable:
      return 503;
    default:
      return 400;
  }
}

// Path segments without empty ones at the end: "/pods/" is "/pods".
std::vector<std::string> Segments(const std::string& path) {
  std::vector<std::string> out;
  for (const std::string_view part : base::Split(std::string_view(path).substr(1), '/'))
    out.emplace_back(part);
  while (!out.empty() && out.back().empty()) out.pop_back();
  return out;
}

Response Health(const NodeView& view, const Request& request,
                const std::vector<std::string>& path) {
  const std::string unhealthy = view.Unhealthy();
  const auto failure = [&unhealthy](const std::string& check) -> std::string {
    for (const std::string_view line : base::Split(unhealthy, '\n')) {
      if (line.starts_with(check + ":"))
        return std::string(base::Trim(line.substr(check.size() + 1)));
    }
    return "";
  };
  if (path.size() == 2) {
    for (const std::string check : kChecks) {
      if (path[1] != check) continue;
      const std::string reason = failure(check);
      return reason.empty() ? Text(200, "ok")
                            : Text(500, "internal server error: " + reason + "\n");
    }
  }
  if (path.size() != 1) return NotFound();
  std::string report;
  for (const std::string check : kChecks) {
    const std::string reason = failure(check);
    report +=
        reason.empty() ? "[+]" + check + " ok\n" : "[-]" + check + " failed: " + reason + "\n";
  }
  // What upstream has no path for, but a node without an API server has no other place to say.
  for (const std::string_view line : base::Split(unhealthy, '\n')) {
    const size_t colon = line.find(": ");
    if (colon == std::string_view::npos ||
        std::any_of(kChecks.begin(), kChecks.end(),
                    [&](const char* check) { return line.substr(0, colon) == check; }))
      continue;
    report += "[-]" + std::string(line.substr(0, colon)) +
              " failed: " + std::string(line.substr(colon + 2)) + "\n";
  }
  if (!base::Trim(unhealthy).empty()) return Text(500, report + "healthz check failed\n");
  return Text(200, request.query.contains("verbose") ? report + "healthz check passed\n" : "ok");
}

Response ContainerLog(const NodeView& view, const base::Clock& clock, const Request& request,
                      const std::vector<std::string>& path) {
  const std::string name_space = path.size() > 1 ? path[1] : "",
                    pod = path.size() > 2 ? path[2] : "";
  if (pod.empty()) return Refusal(400, "Missing podID.");
  if (path.size() < 4) return Refusal(400, "Missing container name.");
  if (name_space.empty()) return Refusal(400, "Missing podNamespace.");
  if (path.size() > 4) return NotFound();
  const std::string& container = path[3];
  const Result<LogOptions> options = ParseLogOptions(request.query, clock.WallNanos());
  if (!options.ok()) {
    const bool unreadable = options.error().code() == Code::kInvalidArgument;
    return unreadable ? Refusal(400, "Unable to decode query: " + options.error().message())
                      : Refusal(422, "Invalid request: " + options.error().message());
  }
  const Result<NodeView::LogFile> log = view.Log(name_space, pod, container, options->previous);
  if (!log.ok()) return Text(StatusOf(log.error()), log.error().message() + "\n");
  Result<os::UniqueFd> file = OpenLog(log->path);
  const bool to_come =
      !file.ok() && file.error().code() == Code::kNotFound && options->follow && log->running;
  if (!file.ok() && !to_come)
    return Text(400, "failed to open log file: " + file.error().message() + "\n");
  // A std::function must be copyable, so the descriptor is shared; the stream is called once.
  const auto shared =
      std::make_shared<os::UniqueFd>(to_come ? os::UniqueFd() : std::move(file).value());
  return {.stream = [&view, shared, log = *log, options = *options, name_space, pod,
                     container](http::BodyWriter& writer) {
    const LookAtLog look = [&] { return view.Log(name_space, pod, container, options.previous); };
    SendLog(std::move(*shared), log.path, options, look, writer);
  }};
}

Response Explanation(const NodeView& view, const std::vector<std::string>& path) {
  if (path.size() != 3) return NotFound();
  Result<std::string> text = view.Explain(path[1], path[2]);
  return text.ok() ? Text(200, std::move(text).value())
                   : Text(StatusOf(text.error()), text.error().message() + "\n");
}

bool ReadOnly(const Request& request) {
  return request.method == "GET" || request.method == "HEAD";
}
Response MethodNotAllowed() {
  return {.status = 405, .headers = {{"Allow", "GET, HEAD"}}, .body = "405: Method Not Allowed"};
}

}  // namespace

http::Handler NodeRoutes(const NodeView& view, const base::Clock& clock) {
  return [&view, &clock](const Request& request) -> Response {
    const std::vector<std::string> path = Segments(request.path);
    if (path.empty()) return NotFound();
    static const std::set<std::string> known = {"healthz", "pods",          "runningpods",
                                                "configz", "containerLogs", "explain"};
    if (!known.contains(path[0])) return NotFound();
    if (!ReadOnly(request)) return MethodNotAllowed();
    if (path[0] == "healthz") return Health(view, request, path);
    if (path[0] == "containerLogs") return ContainerLog(view, clock, request, path);
    if (path[0] == "explain") return Explanation(view, path);
    if (path.size() != 1) return NotFound();
    if (path[0] == "pods") return Json(view.Pods());
    if (path[0] == "runningpods") return Json(view.RunningPods());
    return Json(view.Configuration());
  };
}

http::Handler HealthRoutes(const NodeView& view) {
  return [&view](const Request& request) -> Response {
    const std::vector<std::string> path = Segments(request.path);
    if (path.empty() || path[0] != "healthz") return NotFound();
    return ReadOnly(request) ? Health(view, request, path) : MethodNotAllowed();
  };
}

}  // namespace keelson::server
