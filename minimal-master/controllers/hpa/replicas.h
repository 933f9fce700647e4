// SPDX-License-Identifier: Apache-2.0
// How many replicas the use of a resource by pods asks for. Pure. Source: the arithmetic of
// upstream's replica calculator (k8s.io/kubernetes/pkg/controller/podautoscaler, 1.35).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/json/value.h"

namespace keelson::hpa {

// What a pod's containers used over a window: millicores, or thousandths of a byte.
struct Sample {
  int64_t seconds = 0;  // since the epoch: its end
  int64_t window_seconds = 30;
  std::map<std::string, std::map<std::string, int64_t>> containers;  // by name, then resource
};
// Nothing: none is known of that pod. Null: of no pod.
using Usage = std::function<std::optional<Sample>(const std::string& ns, const std::string& pod)>;

struct Request {
  std::string resource;                  // "cpu"
  std::string container;                 // empty: all of the pod
  std::optional<int64_t> utilization;    // percent of what is requested
  std::optional<int64_t> average_milli;  // or this much for each pod
  double tolerance_up = 0.1;
  double tolerance_down = 0.1;
};

struct Answer {
  int64_t replicas = 0;
  std::optional<int64_t> utilization;
  int64_t average_milli = 0;
};

struct Timing {
  int64_t now = 0;  // seconds since the epoch
  int64_t cpu_initialization = 300;
  int64_t initial_readiness = 30;
};

// `pods` are those that the target's selector selects. The error is upstream's sentence.
base::Result<Answer> ReplicasFor(const Request& request, int64_t current,
                                 const std::vector<json::Value>& pods, const Usage& usage,
                                 const Timing& timing);

// Since the epoch, of a time as objects have it; 0: it is none.
int64_t SecondsOf(std::string_view time);

}  // namespace keelson::hpa
