// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/api.h"
#include "cli/cluster/findings.h"
#include "cli/cluster/identity.h"
#include "cli/cluster/machine.h"
#include "cli/cluster/node_life.h"
#include "cli/cluster/watcher.h"
#include "cli/duration.h"
#include "cli/table.h"

namespace keelson::cluster {
namespace {

using supervise::ProcessStatus;
using supervise::State;

constexpr int64_t kSecond = 1'000'000'000;

const char* WordOf(State state) {
  switch (state) {
    case State::kRunning:
      return "runs";
    case State::kWaiting:
      return "waits to be started again";
    case State::kStopped:
      return "stopped";
  }
  return "?";
}

// What the API says of the node, as the node itself may ask.
std::string NodeProblem(const NodeOptions& options) {
  std::string problem;
  const base::Status asked = InNetwork(options.network, [&]() -> base::Status {
    ASSIGN_OR_RETURN(Access access, ReadAccess(options.node_kubeconfig()));
    Api api(std::move(access));
    ASSIGN_OR_RETURN(const json::Value node, api.Need("GET", "/api/v1/nodes/" + options.name));
    problem = "the node has no condition Ready";
    std::string pressures;
    for (const json::Value& one : node.At({"status", "conditions"}).items()) {
      const std::string& type = one.At({"type"}).AsString();
      if (type.ends_with("Pressure") && one.At({"status"}).AsString() == "True")
        pressures += "; " + one.At({"message"}).AsString() + ": it takes no new pods";
      if (type != "Ready") continue;
      problem = one.At({"status"}).AsString() == "True"
                    ? ""
                    : "the node is not Ready: " + one.At({"message"}).AsString();
    }
    if (!pressures.empty()) problem += (problem.empty() ? "the node is Ready" : "") + pressures;
    return base::Ok();
  });
  return asked.ok() ? problem
                    : "the API server at https://" + options.server_address() +
                          " does not tell of the node: " + asked.error().message();
}

// What its page says is wrong in the cluster: of the node that has the control plane.
std::vector<std::string> InTheCluster(const NodeOptions& options) {
  std::vector<std::string> lines;
  const base::Status asked = InNetwork(options.network, [&]() -> base::Status {
    ASSIGN_OR_RETURN(Access access, ReadAccess(options.admin_kubeconfig()));
    Api api(std::move(access));
    ASSIGN_OR_RETURN(const json::Value verdict, api.Need("GET", "/ui/findings.json"));
    lines = FindingLines(verdict);
    return base::Ok();
  });
  // That the API server does not answer is said of the node already.
  if (!asked.ok()) lines.clear();
  return lines;
}

}  // namespace

base::Result<bool> Status(const std::string& state_dir, const base::Clock& clock,
                          const cli::Console& console) {
  const auto record = ReadRecord(state_dir);
  if (!record.ok()) {
    return base::NotFound("no node of a cluster was brought up in {} (keelson up, keelson join)",
                          state_dir);
  }
  const NodeOptions& options = *record;
  std::vector<std::string> problems;
  const auto watcher = WatcherOf(options);
  const auto told = watcher.ok() ? (*watcher)->Tell() : base::Result<Watched>(watcher.error());
  console.out << "node " << options.name << " at " << options.address << ", API server https://"
              << options.server_address() << "\n";
  if (!told.ok()) {
    problems.push_back("nothing watches the node's processes: `keelson up` starts that again (" +
                       told.error().message() + ")");
  } else {
    cli::Table table({"PROCESS", "STATE", "PID", "SINCE", "RESTARTS", "LAST END"});
    for (const ProcessStatus& one : told->processes) {
      table.Add({(*watcher)->NameOf(one.name), WordOf(one.state),
                 one.pid == 0 ? "" : std::to_string(one.pid),
                 cli::FormatSpan(clock.WallNanos() - one.since), std::to_string(one.restarts),
                 one.last_end});
      const int64_t age = clock.WallNanos() - one.since;
      // Once is how it heals; that it ends soon again and again is not.
      if (one.state == State::kRunning && age > (one.restarts < 3 ? kSecond : 10 * kSecond))
        continue;
      if (one.state == State::kRunning && one.restarts == 0) continue;
      problems.push_back(fmt::format("{} {}, {} restarts: {}; {}", (*watcher)->NameOf(one.name),
                                     WordOf(one.state), one.restarts, one.last_end,
                                     (*watcher)->LastWords(one.name)));
    }
    problems.insert(problems.end(), told->problems.begin(), told->problems.end());
    console.out << table.Text() << told->by << "\n";
  }
  if (std::string problem = NodeProblem(options); !problem.empty())
    problems.push_back(std::move(problem));
  for (const std::string& problem : problems) console.out << "WRONG: " << problem << "\n";
  // Pods and the like are their owners' matter: said, and yet this node is well.
  if (options.has_master()) {
    for (const std::string& line : InTheCluster(options))
      console.out << "in the cluster: " << line << "\n";
    console.out << "the page: " << PageUrl(options.page_port, !options.network.empty()) << "\n";
  }
  if (problems.empty()) console.out << "all is well\n";
  return problems.empty();
}

}  // namespace keelson::cluster
