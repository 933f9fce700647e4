// SPDX-License-Identifier: Apache-2.0
// What tests of workloads share: the controlled server's pods as a kubelet without a node would
// keep them, each Ready as soon as it is seen. One thread.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/master/controlled_server.h"

namespace keelson::golden {

// Namespaces have what pods need: none is refused for want of it.
class WorkloadServer : public ControlledServer {
 public:
  explicit WorkloadServer(controllers::Settings settings = {})
      : ControlledServer(std::move(settings)) {
    WaitForQuiet();
  }
};

// The pods of namespace default, by name; `query`: "?labelSelector=app%3Dweb", or nothing.
std::vector<json::Value> PodsOf(ControlledServer& server, const std::string& query = "");
void Patch(ControlledServer& server, const std::string& path, const std::string& type,
           const std::string& body);
// Their status, by merge patch: "phase", "conditions" and what else is given as JSON.
void SetPodStatus(ControlledServer& server, const std::string& name, const std::string& status);
void MakeReady(ControlledServer& server, const json::Value& pod);
// Ended: "Succeeded" or "Failed", with the exit code of its one container.
void EndPod(ControlledServer& server, const json::Value& pod, int exit_code);

// Makes every pod Ready that is not, again and again until `good` is true of `path`, a minute at
// most. `except`: the pods that it leaves alone, null: none.
json::Value ServeUntil(ControlledServer& server, const std::string& path,
                       const std::function<bool(const json::Value&)>& good,
                       const std::function<bool(const json::Value&)>& except = nullptr);
// The same without a kubelet. In both a little time passes, so that what was refused for a conflict
// is tried again.
json::Value Until(ControlledServer& server, const std::string& path,
                  const std::function<bool(const json::Value&)>& good);
// Messages of the events of this reason, in any order.
std::vector<std::string> EventsOf(ControlledServer& server, const std::string& reason);
// The status of this condition and its reason: "True MinimumReplicasAvailable"; empty: none.
std::string ConditionOf(const json::Value& object, const std::string& type);

}  // namespace keelson::golden
