// SPDX-License-Identifier: Apache-2.0
#include "kubelet/node_api/paths.h"

#include <algorithm>

#include "lib/base/strings.h"

namespace keelson::node_api {
namespace {

using Kind = Route::Kind;
using Parts = std::vector<std::string_view>;

bool Reads(std::string_view method) { return method == "GET" || method == "HEAD"; }

// Segments; "/pods/" is "/pods".
Parts PartsOf(std::string_view path) {
  if (!path.starts_with('/')) return {};
  Parts parts = base::Split(path.substr(1), '/');
  while (!parts.empty() && parts.back().empty()) parts.pop_back();
  return parts;
}

// Namespace, pod, perhaps the pod's uid, container.
Route OfContainer(Kind kind, const Parts& parts) {
  Route route;
  if (parts.size() != 4 && parts.size() != 5) return route;
  route.kind = kind;
  route.pod = {std::string(parts[1]), std::string(parts[2]), ""};
  if (parts.size() == 5) route.pod.uid = parts[3];
  route.container = parts.back();
  return route;
}

Route OfPod(Kind kind, const Parts& parts) {
  Route route;
  if (parts.size() != 3 && parts.size() != 4) return route;
  route.kind = kind;
  route.pod = {std::string(parts[1]), std::string(parts[2]), ""};
  if (parts.size() == 4) route.pod.uid = parts[3];
  return route;
}

Route OfSession(const Parts& parts) {
  if (parts[0] == "exec") return OfContainer(Kind::kExec, parts);
  if (parts[0] == "attach") return OfContainer(Kind::kAttach, parts);
  return OfPod(Kind::kPortForward, parts);
}

Kind OfFigures(const Parts& parts) {
  if (parts[0] == "stats")
    return parts.size() == 2 && parts[1] == "summary" ? Kind::kSummary : Kind::kNotFound;
  if (parts.size() == 1) return Kind::kMetrics;
  if (parts.size() != 2) return Kind::kNotFound;
  if (parts[1] == "resource") return Kind::kResourceMetrics;
  if (parts[1] == "cadvisor") return Kind::kCadvisorMetrics;
  return parts[1] == "probes" ? Kind::kProbeMetrics : Kind::kNotFound;
}

Route Disabled(const char* why) {
  Route route;
  route.kind = Kind::kDisabled;
  route.rest = why;
  return route;
}

// What enableDebuggingHandlers takes away with a sentence.
bool IsDebugging(const Parts& parts) {
  constexpr std::string_view kFirst[] = {"run",           "exec",        "attach", "portForward",
                                         "containerLogs", "runningpods", "logs"};
  return std::find(std::begin(kFirst), std::end(kFirst), parts[0]) != std::end(kFirst) ||
         (parts.size() > 1 && parts[0] == "debug" && parts[1] == "pprof");
}

// Of the machine and of the kubelet itself.
Route OfMachine(std::string_view method, std::string_view path, const Parts& parts,
                const Offer& offer) {
  Route route;
  if (parts[0] == "logs") {
    if (!offer.system_logs) return Disabled("logs endpoint is disabled.");
    route.kind = Reads(method) ? Kind::kNodeLogs : Kind::kNotAllowed;
    route.rest = path.substr(std::string_view("/logs").size());
  } else if (parts.size() > 1 && parts[1] == "pprof") {
    if (!offer.profiling) return Disabled("profiling endpoint is disabled.");
    route.kind = Reads(method) ? Kind::kProfile : Kind::kNotAllowed;
    if (parts.size() > 2) route.rest = parts[2];
  } else if (parts.size() == 3 && parts[1] == "flags" && parts[2] == "v") {
    if (!offer.verbosity) return Disabled("flags endpoint is disabled.");
    route.kind = Kind::kVerbosity;
  }
  return route;
}

bool IsOne(const service::Fields& query, std::string_view name) {
  const std::string* value = service::FindField(query, name);
  return value != nullptr && *value == "1";
}

bool HasWord(const service::Fields& headers, std::string_view name, std::string_view word) {
  for (const auto& [key, value] : headers) {
    if (base::ToLower(key) != name) continue;
    for (const std::string_view one : base::Split(std::string_view(value), ','))
      if (base::ToLower(base::Trim(one)) == word) return true;
  }
  return false;
}

}  // namespace

Route RouteOf(std::string_view method, std::string_view path, const Offer& offer) {
  const Parts parts = PartsOf(path);
  Route route;
  if (parts.empty()) return route;
  const std::string_view first = parts[0];
  if (!offer.debugging && IsDebugging(parts)) return Disabled("Debug endpoints are disabled.");
  if (!offer.debugging &&
      (first == "configz" || first == "checkpoint" || first == "debug" || first == "flagz"))
    return route;
  if (first == "logs" || first == "debug") return OfMachine(method, path, parts, offer);
  if (first == "run" || first == "checkpoint") {
    if (first == "run") route = OfContainer(Kind::kRun, parts);
    if (first == "checkpoint" && offer.checkpoint && parts.size() == 4)
      route = OfContainer(Kind::kCheckpoint, parts);
    if (route.kind != Kind::kNotFound && method != "POST") route.kind = Kind::kNotAllowed;
    return route;
  }
  if (first == "exec" || first == "attach" || first == "portForward") {
    route = OfSession(parts);
    if (route.kind != Kind::kNotFound && method != "GET" && method != "POST")
      route.kind = Kind::kNotAllowed;
    return route;
  }
  if (first == "metrics" || first == "stats") {
    route.kind = OfFigures(parts);
  } else if (first == "statusz" || first == "flagz") {
    if (parts.size() == 1 && (first == "statusz" ? offer.statusz : offer.flagz))
      route.kind = first == "statusz" ? Kind::kStatusz : Kind::kFlagz;
  } else if (first == "pods" || first == "runningpods" || first == "configz") {
    if (parts.size() == 1) route.kind = Kind::kView;
  } else if (first == "healthz" || first == "containerLogs") {
    route.kind = Kind::kView;
  }
  if (route.kind != Kind::kNotFound && !Reads(method)) route.kind = Kind::kNotAllowed;
  return route;
}

base::Result<Wanted> WantedOf(const service::Fields& query) {
  Wanted wanted{.in = IsOne(query, "input"),
                .out = IsOne(query, "output"),
                .err = IsOne(query, "error"),
                .tty = IsOne(query, "tty")};
  // A terminal has one output.
  if (wanted.tty) wanted.err = false;
  if (!wanted.in && !wanted.out && !wanted.err)
    return base::InvalidArgument("you must specify at least 1 of stdin, stdout, stderr");
  return wanted;
}

std::vector<std::string> CommandOf(const service::Fields& query) {
  std::vector<std::string> command;
  for (const auto& [name, value] : query)
    if (name == "command") command.push_back(value);
  return command;
}

base::Result<std::vector<int32_t>> PortsOf(const service::Request& request) {
  std::vector<int32_t> ports;
  if (!HasWord(request.headers, "connection", "upgrade") ||
      !HasWord(request.headers, "upgrade", "websocket"))
    return ports;
  for (const auto& [name, value] : request.query) {
    if (name != "port") continue;
    for (const std::string_view text : base::Split(std::string_view(value), ',')) {
      const std::optional<uint64_t> port = base::ParseUint64(text);
      if (!port || *port > 65535)
        return base::InvalidArgument("unable to parse {} as a port", base::QuoteIfNeeded(value));
      if (*port == 0) return base::InvalidArgument("port \"0\" must be > 0");
      ports.push_back(static_cast<int32_t>(*port));
    }
  }
  if (ports.empty()) return base::InvalidArgument("query parameter \"port\" is required");
  return ports;
}

bool AsksForUpgrade(const service::Fields& headers) {
  return HasWord(headers, "connection", "upgrade") &&
         service::FindHeader(headers, "upgrade") != nullptr;
}

}  // namespace keelson::node_api
