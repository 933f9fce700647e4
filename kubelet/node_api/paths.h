// SPDX-License-Identifier: Apache-2.0
// What a path of the node's API is, and what its query asks for. Pure, any thread. Source: the
// kubelet's paths (k8s.io/kubernetes, pkg/kubelet/server, 1.35).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kubelet/node_api/streams.h"
#include "lib/base/result.h"
#include "lib/http/service/message.h"

namespace keelson::node_api {

// Which of the paths a server has, by the kubelet's settings; /healthz, /pods, /stats and /metrics
// are always there.
struct Offer {
  bool debugging = true;    // enableDebuggingHandlers: all below and the sessions
  bool system_logs = true;  // enableSystemLogHandler
  bool profiling = true;    // enableProfilingHandler
  bool verbosity = true;    // enableDebugFlagsHandler
  bool checkpoint = true;   // the gate ContainerCheckpoint
  bool statusz = false;     // the gate ComponentStatusz, not one of debugging
  bool flagz = false;       // the gate ComponentFlagz
};

struct Route {
  enum class Kind {
    kNotFound,
    kNotAllowed,  // the path is there, the method is not
    kDisabled,    // it would be there: `rest` says so
    kView,        // pods, logs, health: what the owner's socket answers too
    kExec,
    kAttach,
    kPortForward,
    kMetrics,
    kResourceMetrics,
    kProbeMetrics,
    kCadvisorMetrics,
    kSummary,
    kRun,
    kCheckpoint,
    kNodeLogs,   // `rest`: below the folder of logs
    kProfile,    // `rest`: its name
    kVerbosity,  // of the log
    kStatusz,
    kFlagz,
  };
  Kind kind = Kind::kNotFound;
  PodRef pod;
  std::string container;
  std::string rest;
};
Route RouteOf(std::string_view method, std::string_view path, const Offer& offer = {});

// Of exec and attach: what the session is to be joined to. Nothing asked for is InvalidArgument.
base::Result<Wanted> WantedOf(const service::Fields& query);
std::vector<std::string> CommandOf(const service::Fields& query);
// Of portForward: a WebSocket names its ports in the query ("port=80,443"), SPDY with each stream.
base::Result<std::vector<int32_t>> PortsOf(const service::Request& request);

bool AsksForUpgrade(const service::Fields& headers);

}  // namespace keelson::node_api
