// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node_api/answers.h"

#include <fmt/format.h>
#include <unistd.h>

#include "kubelet/node_api/node_logs.h"
#include "kubelet/node_api/verbosity.h"
#include "lib/base/log.h"
#include "lib/base/strings.h"
#include "lib/http/client/url.h"
#include "lib/json/value.h"
#include "lib/os/files.h"

namespace keelson::node_api {

using base::Code;
using base::Result;
using service::Exchange;

namespace {

constexpr char kPrometheus[] = "text/plain; version=0.0.4; charset=utf-8";
// Each holds a thread.
constexpr int kMostCommands = 16;

int StatusOf(const base::Error& error) {
  if (error.code() == Code::kNotFound) return 404;
  if (error.code() == Code::kResourceExhausted) return 429;
  return error.code() == Code::kInvalidArgument ? 400 : 500;
}

// As the owner's socket has requests: of a name that comes twice the first counts.
http::Request Plain(const service::Request& request) {
  http::Request out{.method = request.method,
                    .path = request.path,
                    .query = {},
                    .headers = {},
                    .body = request.body};
  for (const auto& [name, value] : request.query) out.query.emplace(name, value);
  for (const auto& [name, value] : request.headers) out.headers.emplace(name, value);
  return out;
}

// Who asked is the node's to know, and the runtime is another host.
service::Fields ForRuntime(const service::Fields& headers) {
  service::Fields out;
  for (const service::Field& field : headers) {
    if (field.first != "authorization" && field.first != "host" &&
        !field.first.starts_with("impersonate-"))
      out.push_back(field);
  }
  return out;
}

// There is no Go in it, whose profiles these are.
void AnswerProfile(Exchange& exchange, const std::string& name) {
  if (name == "cmdline") {
    std::string words = os::ReadFile("/proc/self/cmdline").ValueOr("");
    if (words.ends_with('\0')) words.pop_back();
    return Say(exchange, 200, std::move(words));
  }
  Say(exchange, 404,
      fmt::format("this kubelet is not written in Go and has no such profiles; look at its process "
                  "with perf(1) on the node: perf record -g -p {}\n",
                  getpid()));
}

void SetVerbosity(Exchange& exchange) {
  constexpr char kType[] = "text/plain";
  if (exchange.request().method != "PUT")
    return Say(exchange, 406, "unsupported http method\n", kType);
  const std::string& wanted = exchange.request().body;
  const Result<base::LogLevel> level = LevelOf(wanted);
  if (!level.ok()) return Say(exchange, 400, level.error().message() + "\n", kType);
  base::SetLogLevel(*level);
  base::LogInfo("the log's verbosity is another", {{"klog", wanted}});
  Say(exchange, 200, "successfully set klog.logging.verbosity to " + wanted + "\n", kType);
}

std::vector<std::string> PathsOf(const Offer& offer) {
  std::vector<std::string> paths;
  if (offer.debugging && offer.checkpoint) paths.emplace_back("/checkpoint");
  if (offer.debugging)
    for (const char* path : {"/configz", "/containerLogs", "/debug", "/exec"})
      paths.emplace_back(path);
  if (offer.debugging && offer.flagz) paths.emplace_back("/flagz");
  paths.emplace_back("/healthz");
  if (offer.debugging && offer.system_logs) paths.emplace_back("/logs");
  paths.emplace_back("/metrics");
  paths.emplace_back("/pods");
  if (offer.debugging)
    for (const char* path : {"/portForward", "/run", "/runningpods"}) paths.emplace_back(path);
  paths.emplace_back("/stats");
  paths.emplace_back("/statusz");
  return paths;
}

}  // namespace

void Say(Exchange& exchange, int status, std::string text, const char* type) {
  exchange.Respond(status, {{"Content-Type", type}}, std::move(text));
}

service::ServerOptions KubeletServerOptions() {
  service::ServerOptions options;
  options.idle_timeout = std::chrono::seconds(90);
  options.body_timeout = options.write_timeout = std::chrono::hours(4);
  return options;
}

Answers::Answers(Views views, Offer offer, size_t most_readers, const base::Clock& clock,
                 std::unique_ptr<passage::Passages> passages, passage::Tls to_runtime)
    : views_(std::move(views)),
      offer_(offer),
      clock_(clock),
      view_routes_(server::NodeRoutes(views_.node, clock)),
      passages_(std::move(passages)),
      to_runtime_(std::move(to_runtime)),
      readers_(most_readers) {}

Answers::~Answers() = default;

Result<std::unique_ptr<Answers>> Answers::Make(Views views, Offer offer, size_t most_readers,
                                               const base::Clock& clock) {
  ASSIGN_OR_RETURN(auto passages, passage::Passages::Start({}));
  // The runtime is the node's own and gave the address itself.
  ASSIGN_OR_RETURN(passage::Tls to_runtime, passage::MakeTls("", "", ""));
  return std::unique_ptr<Answers>(new Answers(std::move(views), offer, most_readers, clock,
                                              std::move(passages), std::move(to_runtime)));
}

void Answers::Answer(ExchangePtr exchange) {
  const service::Request& request = exchange->request();
  const Route route = RouteOf(request.method, request.path, offer_);
  switch (route.kind) {
    case Route::Kind::kNotFound:
      return Say(*exchange, 404, "404 page not found\n");
    case Route::Kind::kNotAllowed:
      return Say(*exchange, 405, "405: Method Not Allowed");
    case Route::Kind::kDisabled:
      return Say(*exchange, 405, route.rest + "\n");
    case Route::Kind::kView:
      return AnswerView(exchange);
    case Route::Kind::kMetrics:
      return Say(*exchange, 200, views_.metrics ? views_.metrics() : "", kPrometheus);
    case Route::Kind::kProbeMetrics:
      return Say(*exchange, 200, views_.probe_metrics ? views_.probe_metrics() : "", kPrometheus);
    case Route::Kind::kResourceMetrics:
      return Say(*exchange, 200, ResourceMetrics(views_.figures.Read()), kPrometheus);
    case Route::Kind::kCadvisorMetrics:
      return AnswerContainerMetrics(*exchange);
    case Route::Kind::kSummary:
      return AnswerSummary(*exchange);
    case Route::Kind::kRun:
      return AnswerRun(*exchange, route);
    case Route::Kind::kCheckpoint:
      return AnswerCheckpoint(*exchange, route);
    case Route::Kind::kNodeLogs:
      return AnswerLog(exchange, route.rest);
    case Route::Kind::kProfile:
      return AnswerProfile(*exchange, route.rest);
    case Route::Kind::kVerbosity:
      return SetVerbosity(*exchange);
    case Route::Kind::kStatusz:
      return Say(*exchange, 200, Statusz(views_.program, PathsOf(offer_), clock_.WallNanos()));
    case Route::Kind::kFlagz:
      return Say(*exchange, 200, Flagz(views_.program));
    case Route::Kind::kExec:
    case Route::Kind::kAttach:
    case Route::Kind::kPortForward:
      return AnswerSession(std::move(exchange), route);
  }
}

void Answers::AnswerView(const ExchangePtr& exchange) {
  Respond(exchange, view_routes_(Plain(exchange->request())));
}

void Answers::AnswerLog(const ExchangePtr& exchange, const std::string& path) {
  Respond(exchange, NodeLog(views_.logs, path));
}

void Answers::Respond(const ExchangePtr& exchange, http::Response response) {
  if (response.stream) {
    if (!readers_.Begin(exchange, std::move(response)))
      Say(*exchange, 429, "too many logs are being read\n");
    return;
  }
  service::Fields headers = response.headers;
  headers.emplace_back("Content-Type", response.content_type);
  exchange->Respond(response.status, std::move(headers), std::move(response.body));
}

void Answers::AnswerSummary(Exchange& exchange) {
  const Result<Figures> figures = views_.figures.Read();
  if (!figures.ok()) return Say(exchange, 500, "Internal Error: " + figures.error().message());
  const std::string* only = service::FindField(exchange.request().query, "only_cpu_and_memory");
  Say(exchange, 200, Summary(*figures, only != nullptr && *only == "true"), "application/json");
}

void Answers::AnswerContainerMetrics(Exchange& exchange) {
  const Result<std::string> text =
      views_.container_metrics ? views_.container_metrics() : Result<std::string>(std::string());
  if (!text.ok()) return Say(exchange, 500, text.error().message() + "\n");
  Say(exchange, 200, *text, kPrometheus);
}

// The command is one word of the query, split at its spaces, as upstream's.
void Answers::AnswerRun(Exchange& exchange, const Route& route) {
  const std::string* line = service::FindField(exchange.request().query, "cmd");
  if (line == nullptr || line->empty()) return Say(exchange, 400, "cmd is missing\n");
  std::vector<std::string> command;
  for (const std::string_view word : base::Split(std::string_view(*line), ' '))
    command.emplace_back(word);
  Result<std::string> said = base::ResourceExhausted("too many commands run");
  if (++running_ <= kMostCommands) said = views_.streams.Run(route.pod, route.container, command);
  --running_;
  if (!said.ok()) return Say(exchange, StatusOf(said.error()), said.error().message() + "\n");
  Say(exchange, 200, *said, "application/json");
}

void Answers::AnswerCheckpoint(Exchange& exchange, const Route& route) {
  std::chrono::seconds timeout{0};
  for (const auto& [name, value] : exchange.request().query) {
    if (name != "timeout") continue;
    const std::optional<int64_t> seconds = base::ParseInt64(value);
    if (!seconds || *seconds < 0 || *seconds > 86400)
      return Say(exchange, 404, "cannot parse value of timeout parameter\n");
    timeout = std::chrono::seconds(*seconds);
  }
  const Result<std::string> file =
      views_.streams.Checkpoint(route.pod, route.container, views_.checkpoints, timeout);
  if (file.ok()) {
    const json::Value answer =
        json::Value::Object({{"items", json::Value::Array({json::Value(*file)})}});
    return Say(exchange, 200, json::WriteJson(answer), "application/json");
  }
  if (file.error().code() == Code::kNotFound)
    return Say(exchange, 404, file.error().message() + "\n");
  Say(exchange, 500,
      fmt::format("checkpointing of {}/{}/{} failed ({})\n", route.pod.ns, route.pod.name,
                  route.container, file.error().message()));
}

void Answers::AnswerSession(ExchangePtr exchange, const Route& route) {
  const service::Request& request = exchange->request();
  Result<std::string> url = std::string();
  if (route.kind == Route::Kind::kPortForward) {
    const Result<std::vector<int32_t>> ports = PortsOf(request);
    if (!ports.ok()) return Say(*exchange, 400, ports.error().message());
    url = views_.streams.PortForward(route.pod, *ports);
  } else {
    const Result<Wanted> wanted = WantedOf(request.query);
    if (!wanted.ok()) return Say(*exchange, 400, wanted.error().message());
    url = route.kind == Route::Kind::kExec
              ? views_.streams.Exec(route.pod, route.container, CommandOf(request.query), *wanted)
              : views_.streams.Attach(route.pod, route.container, *wanted);
  }
  if (!url.ok()) return Say(*exchange, StatusOf(url.error()), url.error().message() + "\n");
  if (!AsksForUpgrade(request.headers)) return Say(*exchange, 500, "Upgrade request required\n");
  HandOn(std::move(exchange), *url);
}

void Answers::HandOn(ExchangePtr exchange, const std::string& url) {
  const Result<http::Url> where = http::ParseUrl(url);
  if (!where.ok()) return Say(*exchange, 500, where.error().message() + "\n");
  passage::Outbound out;
  out.host = where->host;
  out.port = static_cast<int>(base::ParseUint64(where->port).value_or(0));
  out.target = where->path;
  if (where->scheme == "https") out.tls = to_runtime_;
  out.method = exchange->request().method;
  out.headers = ForRuntime(exchange->request().headers);
  out.upgrade = true;
  passage::Terms terms;
  terms.failed = [](Exchange& failed, const base::Error& error) {
    Say(failed, 500, "error dialing backend: " + error.message() + "\n");
  };
  terms.is_refusal = [](const passage::Head& head) { return head.status < 400; };
  terms.refuse = [](Exchange& refused, const passage::Head& head, const std::string&) {
    Say(refused, 500, fmt::format("invalid upgrade response: status code {}\n", head.status));
  };
  passages_->Begin(std::move(exchange), std::move(out), std::move(terms));
}

}  // namespace keelson::node_api
