// SPDX-License-Identifier: Apache-2.0
// The last readings of every node, and what follows from two of them. Thread-safe. Bounded by what
// kubelets report of their own pods; a node that was not read for a while is not told of.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "minimal-master/usage/resource_metrics.h"

namespace keelson::usage {

// Over the time between two readings.
struct Use {
  double cores = 0;
  double memory_bytes = 0;
};
struct NodeUse {
  std::string node;
  Use use;
  int64_t at_millis = 0;
  int64_t window_millis = 0;
};
// A node's use at one time: what is drawn of its last quarter of an hour.
struct Point {
  int64_t at_millis = 0;
  float cores = 0;
  float memory_bytes = 0;
};
struct PodUse {
  PodName pod;
  std::map<std::string, Use> containers;
  int64_t at_millis = 0;
  int64_t window_millis = 0;
};

class Usage {
 public:
  static constexpr size_t kPoints = 60;  // that are kept of a node: a kilobyte

  // `now_millis` stands in where the kubelet does not say when it read.
  void Put(const std::string& node, NodeReading reading, int64_t now_millis);
  void Forget(const std::string& node);

  // What is younger than `since_millis`. A container counts once it was read twice, a pod once all
  // of its containers count.
  std::vector<NodeUse> Nodes(int64_t since_millis) const;
  std::vector<PodUse> Pods(int64_t since_millis, const std::string& ns) const;  // "": all
  std::optional<PodUse> Pod(int64_t since_millis, const PodName& pod) const;
  // By node, the oldest first; of all nodes that are not forgotten.
  std::map<std::string, std::vector<Point>> Past() const;

 private:
  struct Readings {
    NodeReading last, before;
    std::deque<Point> past;
  };
  void Leave(const PodName& pod, const std::string& node);

  mutable std::mutex mutex_;
  std::map<std::string, Readings> nodes_;   // guarded by mutex_
  std::map<PodName, std::string> node_of_;  // guarded by mutex_
};

}  // namespace keelson::usage
