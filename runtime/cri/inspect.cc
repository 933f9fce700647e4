// SPDX-License-Identifier: Apache-2.0
#include "runtime/cri/inspect.h"

#include <google/protobuf/util/json_util.h>

#include "cri-api/cri.h"
#include "lib/json/value.h"

namespace keelson::cri_server {

using json::Value;

namespace {

// The request as it came; null when it cannot be shown.
Value AsJson(const google::protobuf::Message& message) {
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text).ok()) return {};
  return json::ParseJson(text).ValueOr(Value());
}

Value Strings(const std::vector<std::string>& items) {
  Value out = Value::Array();
  for (const std::string& item : items) out.Append(Value(item));
  return out;
}

const char* NameOf(container::SandboxState state) {
  static constexpr const char* kNames[] = {"creating", "ready", "stopping", "stopped", "removing"};
  return kNames[static_cast<size_t>(state)];
}

const char* NameOf(container::ContainerState state) {
  static constexpr const char* kNames[] = {"creating", "created", "starting",
                                           "running",  "exited",  "removing"};
  return kNames[static_cast<size_t>(state)];
}

}  // namespace

std::string Inspect(const SandboxView& view) {
  return json::WriteJson(Value::Object({{"state", Value(NameOf(view.record.state))},
                                        {"addresses", Strings(view.record.addresses)},
                                        {"bootID", Value(view.record.boot_id)},
                                        {"config", AsJson(view.config)}}));
}

std::string Inspect(const ContainerView& view) {
  const container::ContainerRecord& record = view.record;
  return json::WriteJson(Value::Object({{"sandboxID", Value(record.sandbox_id)},
                                        {"state", Value(NameOf(record.state))},
                                        {"pid", Value(record.pid)},
                                        {"cgroupPath", Value(record.cgroup_path)},
                                        {"imageID", Value(record.image_id)},
                                        {"stopSignal", Value(record.stop_signal)},
                                        {"config", AsJson(view.config)}}));
}

std::string Runtime::Describe() const {
  size_t pods = 0;
  size_t containers = 0;
  {
    const std::lock_guard lock(mutex_);
    pods = sandboxes_.size();
    containers = containers_.size();
  }
  Value under_way = Value::Array();
  const auto milliseconds = [](std::chrono::nanoseconds time) {
    return Value(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
  };
  for (const operations::UnderWay& operation : d_.operations.List()) {
    under_way.Append(Value::Object({{"call", Value(operation.call)},
                                    {"object", Value(operation.object)},
                                    {"stage", Value(operation.stage)},
                                    {"stageMilliseconds", milliseconds(operation.age_of_stage)},
                                    {"milliseconds", milliseconds(operation.age)}}));
  }
  Value network = Value::Array();
  for (const std::string& note : d_.network.Notes()) network.Append(Value(note));
  return json::WriteJson(Value::Object({{"version", Value(KEELSON_VERSION)},
                                        {"stateDir", Value(d_.state_dir)},
                                        {"runDir", Value(d_.run_dir)},
                                        {"cgroupVersion", Value(d_.cgroups.v2 ? 2 : 1)},
                                        {"cgroupDriver", Value(cgroup_driver())},
                                        {"bootID", Value(d_.boot_id)},
                                        {"podSandboxes", Value(static_cast<int64_t>(pods))},
                                        {"containers", Value(static_cast<int64_t>(containers))},
                                        {"underWay", std::move(under_way)},
                                        {"network", std::move(network)}}));
}

std::map<std::string, double> Runtime::Gauges() const {
  std::map<std::string, double> gauges = {{"keelson_pods", 0},
                                          {"keelson_pods_ready", 0},
                                          {"keelson_containers", 0},
                                          {"keelson_containers_running", 0},
                                          {"keelson_operations_under_way", 0},
                                          {"keelson_oldest_stage_seconds", 0}};
  {
    const std::lock_guard lock(mutex_);
    gauges["keelson_pods"] = static_cast<double>(sandboxes_.size());
    for (const auto& [id, sandbox] : sandboxes_) {
      gauges["keelson_pods_ready"] +=
          sandbox->view.record.state == container::SandboxState::kReady ? 1 : 0;
    }
    gauges["keelson_containers"] = static_cast<double>(containers_.size());
    for (const auto& [id, container] : containers_) {
      gauges["keelson_containers_running"] +=
          container->view.record.state == container::ContainerState::kRunning ? 1 : 0;
    }
  }
  for (const operations::UnderWay& operation : d_.operations.List()) {
    gauges["keelson_operations_under_way"] += 1;
    double& oldest = gauges["keelson_oldest_stage_seconds"];
    oldest = std::max(oldest, std::chrono::duration<double>(operation.age_of_stage).count());
  }
  return gauges;
}

}  // namespace keelson::cri_server
