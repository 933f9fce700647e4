// SPDX-License-Identifier: Apache-2.0
// A NodeView that answers what a test put in. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "kubelet/server/node_view.h"

namespace keelson::server {

class FakeNodeView final : public NodeView {
 public:
  std::string Pods() const override {
    return R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[]})";
  }
  std::string RunningPods() const override { return R"({"kind":"PodList","items":["running"]})"; }
  std::string Configuration() const override { return R"({"kubeletconfig":{}})"; }
  base::Result<std::string> Explain(const std::string& name_space,
                                    const std::string& pod) const override {
    if (pod != "web") return base::NotFound("pod \"{}\" does not exist", pod);
    return "plan of " + name_space + "/" + pod + "\n";
  }
  base::Result<LogFile> Log(const std::string& name_space, const std::string& pod,
                            const std::string& container, bool previous) const override {
    const std::lock_guard lock(mutex_);
    if (name_space != "default" || pod != "web")
      return base::NotFound("pod \"{}\" does not exist", pod);
    const auto found = logs_.find(container + (previous ? "!" : ""));
    if (found != logs_.end()) return found->second;
    if (previous)
      return base::InvalidArgument("previous terminated container \"{}\" in pod \"{}\" not found",
                                   container, pod);
    return base::NotFound("container \"{}\" not found in pod \"{}\"", container, pod);
  }
  std::string Unhealthy() const override {
    const std::lock_guard lock(mutex_);
    return unhealthy_;
  }

  // "main" is the present run of main, "main!" the previous one.
  void SetLog(const std::string& container, LogFile log) {
    const std::lock_guard lock(mutex_);
    logs_[container] = std::move(log);
  }
  void SetUnhealthy(const std::string& lines) {
    const std::lock_guard lock(mutex_);
    unhealthy_ = lines;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, LogFile> logs_;
  std::string unhealthy_;
};

}  // namespace keelson::server
