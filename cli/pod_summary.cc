// SPDX-License-Identifier: Apache-2.0
#include "cli/pod_summary.h"

#include <algorithm>

#include "cli/duration.h"
#include "lib/base/rfc3339.h"

namespace keelson::cli {
namespace {

using json::Value;

bool IsSidecar(const Value& init_container) {
  return init_container.At({"restartPolicy"}).AsString() == "Always";
}

const Value& ByName(const Value& list, const std::string& name) {
  static const Value none;
  for (const Value& item : list.items()) {
    if (item.At({"name"}).AsString() == name) return item;
  }
  return none;
}

bool Condition(const Value& pod, std::string_view type) {
  for (const Value& condition : pod.At({"status", "conditions"}).items()) {
    if (condition.At({"type"}).AsString() == type)
      return condition.At({"status"}).AsString() == "True";
  }
  return false;
}

// Why a container that has ended did so; the figure where nobody said it in a word.
std::string EndOf(const Value& terminated) {
  if (const std::string& reason = terminated.At({"reason"}).AsString(); !reason.empty())
    return reason;
  const int64_t signal = terminated.At({"signal"}).AsInt();
  return signal != 0 ? "Signal:" + std::to_string(signal)
                     : "ExitCode:" + std::to_string(terminated.At({"exitCode"}).AsInt());
}

struct Restarts {
  int64_t count = 0;
  int64_t last = 0;  // wall nanoseconds; 0: not known
  void Add(const Value& status) {
    count += status.At({"restartCount"}).AsInt();
    last = std::max(
        last, base::ParseRfc3339(status.At({"lastState", "terminated", "finishedAt"}).AsString())
                  .value_or(0));
  }
  std::string Text(int64_t now) const {
    return std::to_string(count) +
           (count == 0 || last == 0 ? "" : " (" + FormatSpan(now - last) + " ago)");
  }
};

// What the init containers make of the pod's line.
struct InitView {
  std::string reason;  // "Init:…": the first that is not done; empty: all are
  int64_t ready_sidecars = 0;
  Restarts all, sidecars;  // whose restarts count while the pod initializes, and later
};

InitView LookAtInit(const Value& pod) {
  InitView view;
  const Value& specs = pod.At({"spec", "initContainers"});
  const std::vector<Value>& statuses = pod.At({"status", "initContainerStatuses"}).items();
  for (size_t i = 0; i < statuses.size(); ++i) {
    const Value& status = statuses[i];
    const bool sidecar = IsSidecar(ByName(specs, status.At({"name"}).AsString()));
    view.all.Add(status);
    if (sidecar) view.sidecars.Add(status);
    const Value* terminated = status.At({"state"}).Find("terminated");
    if (terminated != nullptr && terminated->At({"exitCode"}).AsInt() == 0) continue;
    if (sidecar && status.At({"started"}).AsBool()) {
      if (status.At({"ready"}).AsBool()) ++view.ready_sidecars;
      continue;
    }
    const std::string& waits = status.At({"state", "waiting", "reason"}).AsString();
    if (terminated != nullptr) {
      view.reason = "Init:" + EndOf(*terminated);
    } else if (!waits.empty() && waits != "PodInitializing") {
      view.reason = "Init:" + waits;
    } else {
      view.reason = "Init:" + std::to_string(i) + "/" + std::to_string(specs.items().size());
    }
    break;
  }
  return view;
}

// What the main containers make of it: each one's trouble hides the later ones'.
struct MainView {
  std::string reason;  // empty: none has anything to say
  int64_t ready = 0;
  Restarts restarts;
};

MainView LookAtMain(const Value& pod) {
  MainView view;
  const std::vector<Value>& statuses = pod.At({"status", "containerStatuses"}).items();
  for (auto status = statuses.rbegin(); status != statuses.rend(); ++status) {
    view.restarts.Add(*status);
    const Value& state = status->At({"state"});
    if (const std::string& waits = state.At({"waiting", "reason"}).AsString(); !waits.empty()) {
      view.reason = waits;
    } else if (const Value* terminated = state.Find("terminated")) {
      view.reason = EndOf(*terminated);
    } else if (state.Find("running") != nullptr && status->At({"ready"}).AsBool()) {
      ++view.ready;
    }
  }
  return view;
}

std::string LastExit(const Value& terminated, int64_t now) {
  std::string text = "exit " + std::to_string(terminated.At({"exitCode"}).AsInt());
  if (const std::string& reason = terminated.At({"reason"}).AsString(); !reason.empty())
    text += ", " + reason;
  if (const std::string& at = terminated.At({"finishedAt"}).AsString(); !at.empty())
    text += ", " + FormatSince(at, now) + " ago";
  return text;
}

ContainerSummary SummarizeContainer(const std::string& name, const Value& status, int64_t now) {
  ContainerSummary out{.name = name, .status = "Waiting", .restarts = "0"};
  const Value& state = status.At({"state"});
  const Value *waiting = state.Find("waiting"), *running = state.Find("running"),
              *terminated = state.Find("terminated");
  const Value& before = status.At({"lastState", "terminated"});
  Restarts restarts;
  restarts.Add(status);
  out.restarts = restarts.Text(now);
  out.ready = status.At({"ready"}).AsBool();
  out.running = running != nullptr;
  const std::string& id = status.At({"containerID"}).AsString();
  const size_t scheme = id.find("://");
  out.id = scheme == std::string::npos ? id : id.substr(scheme + 3);
  const Value* ended = terminated != nullptr ? terminated : before.IsObject() ? &before : nullptr;
  if (ended != nullptr) {
    out.last_exit = LastExit(*ended, now);
    out.message = ended->At({"message"}).AsString();
    out.message.erase(out.message.find_last_not_of(" \n") + 1);
  }
  if (running != nullptr) {
    out.status = "Running";
    out.age = FormatSince(running->At({"startedAt"}).AsString(), now);
  } else if (terminated != nullptr) {
    out.status = EndOf(*terminated);
  } else if (waiting != nullptr) {
    if (const std::string& reason = waiting->At({"reason"}).AsString(); !reason.empty())
      out.status = reason;
    if (const std::string& message = waiting->At({"message"}).AsString(); !message.empty()) {
      out.message = out.message.empty() ? message : "last run: " + out.message + "; " + message;
    }
  }
  return out;
}

}  // namespace

PodSummary Summarize(const Value& pod, int64_t now) {
  const Value &metadata = pod.At({"metadata"}), &status = pod.At({"status"});
  const std::string& phase = status.At({"phase"}).AsString();
  PodSummary out{.name_space = metadata.At({"namespace"}).AsString(),
                 .name = metadata.At({"name"}).AsString()};
  out.over = phase == "Succeeded" || phase == "Failed";
  out.age = FormatSince(metadata.At({"creationTimestamp"}).AsString(), now);
  out.ip = status.At({"podIP"}).AsString();
  out.node = pod.At({"spec", "nodeName"}).AsString();

  out.status = status.At({"reason"}).AsString();
  if (out.status.empty()) out.status = phase.empty() ? "Unknown" : phase;
  const std::vector<Value>& inits = pod.At({"spec", "initContainers"}).items();
  const std::vector<Value>& containers = pod.At({"spec", "containers"}).items();
  const InitView init = LookAtInit(pod);
  int64_t ready = init.ready_sidecars;
  Restarts restarts = init.all;
  if (!init.reason.empty()) out.status = init.reason;
  if (init.reason.empty() || Condition(pod, "Initialized")) {
    const MainView main = LookAtMain(pod);
    restarts = init.sidecars;
    restarts.count += main.restarts.count;
    restarts.last = std::max(restarts.last, main.restarts.last);
    ready += main.ready;
    if (!main.reason.empty()) out.status = main.reason;
    // One container that is done does not make the pod done.
    if (out.status == "Completed" && main.ready > 0)
      out.status = Condition(pod, "Ready") ? "Running" : "NotReady";
  }
  if (!metadata.At({"deletionTimestamp"}).AsString().empty()) {
    if (status.At({"reason"}).AsString() == "NodeLost") {
      out.status = "Unknown";
    } else if (!out.over) {
      out.status = "Terminating";
    }
  }
  out.restarts = restarts.Text(now);
  const auto sidecars = std::count_if(inits.begin(), inits.end(), IsSidecar);
  out.ready = std::to_string(ready) + "/" +
              std::to_string(static_cast<int64_t>(containers.size()) + sidecars);
  for (const Value& container : containers)
    out.images += (out.images.empty() ? "" : ",") + container.At({"image"}).AsString();
  return out;
}

std::vector<ContainerSummary> SummarizeContainers(const Value& pod, int64_t now) {
  std::vector<ContainerSummary> out;
  for (const bool init : {true, false}) {
    const Value& statuses =
        pod.At({"status", init ? "initContainerStatuses" : "containerStatuses"});
    for (const Value& container :
         pod.At({"spec", init ? "initContainers" : "containers"}).items()) {
      const std::string& name = container.At({"name"}).AsString();
      out.push_back(SummarizeContainer(name, ByName(statuses, name), now));
      out.back().image = container.At({"image"}).AsString();
      out.back().init = init;
    }
  }
  return out;
}

}  // namespace keelson::cli
