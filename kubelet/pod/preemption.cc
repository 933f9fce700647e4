// SPDX-License-Identifier: Apache-2.0
#include "kubelet/pod/preemption.h"

#include <algorithm>

#include "kubelet/cgroup/resources.h"

namespace keelson::pod {
namespace {

using Pods = std::vector<const kube::Pod*>;
using Lacks = std::vector<Lack>;

constexpr int32_t kSystemCriticalPriority = 2'000'000'000;

Lacks Without(const Lacks& lacks, const Pods& pods) {
  Lacks left;
  for (const Lack& lack : lacks) {
    kube::Wide amount = lack.amount;
    for (const kube::Pod* pod : pods) amount -= RequestOf(*pod, lack.resource);
    if (amount > 0) left.push_back({lack.resource, static_cast<int64_t>(amount)});
  }
  return left;
}

// How much would still be lacking, each resource by its share.
double Distance(const Lacks& lacks, const kube::Pod& pod) {
  double distance = 0;
  for (const Lack& lack : lacks) {
    const auto amount = static_cast<double>(lack.amount);
    const double rest =
        std::max(0.0, amount - static_cast<double>(RequestOf(pod, lack.resource))) / amount;
    distance += rest * rest;
  }
  return distance;
}

bool IsSmaller(const kube::Pod& a, const kube::Pod& b) {
  for (const char* resource : {"memory", "cpu"}) {
    const int64_t of_a = RequestOf(a, resource), of_b = RequestOf(b, resource);
    if (of_a != of_b) return of_a < of_b;
  }
  return false;
}

// The nearest first, until nothing is lacking; the pods are enough.
Pods Nearest(Pods pods, Lacks lacks) {
  Pods taken;
  while (!lacks.empty() && !pods.empty()) {
    const auto best =
        std::min_element(pods.begin(), pods.end(), [&](const kube::Pod* a, const kube::Pod* b) {
          const double of_a = Distance(lacks, *a), of_b = Distance(lacks, *b);
          return of_a != of_b ? of_a < of_b : IsSmaller(*a, *b);
        });
    taken.push_back(*best);
    pods.erase(best);
    lacks = Without(lacks, {taken.back()});
  }
  return taken;
}

Pods Together(Pods a, const Pods& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

bool IsCritical(const kube::Pod& pod) {
  const auto& annotations = pod.metadata.annotations;
  const auto source = annotations.find("kubernetes.io/config.source");
  return (source != annotations.end() && source->second != "api") ||
         annotations.contains("kubernetes.io/config.mirror") ||
         pod.spec.priority.value_or(0) >= kSystemCriticalPriority;
}

bool MayPreempt(const kube::Pod& pod, const kube::Pod& other) {
  if (IsCritical(pod) && !IsCritical(other)) return true;
  return pod.spec.priority && other.spec.priority && *pod.spec.priority > *other.spec.priority;
}

int64_t RequestOf(const kube::Pod& pod, const std::string& resource) {
  if (resource == "pods") return 1;
  const kube::ResourceList requests = node_cgroup::PodRequests(pod);
  const auto found = requests.find(resource);
  if (found == requests.end()) return 0;
  return resource == "cpu" ? found->second.MilliValue() : found->second.Value();
}

std::optional<Pods> ToPreempt(const Pods& candidates, const Lacks& lacks) {
  if (!Without(lacks, candidates).empty()) return std::nullopt;
  Pods best_effort, burstable, guaranteed;
  for (const kube::Pod* pod : candidates) {
    const node_cgroup::QosClass qos = node_cgroup::QosOf(*pod);
    (qos == node_cgroup::QosClass::kBestEffort  ? best_effort
     : qos == node_cgroup::QosClass::kBurstable ? burstable
                                                : guaranteed)
        .push_back(pod);
  }
  // Each class only for what the ones before it cannot give even as a whole; then of the lower ones
  // only what is still needed.
  const Pods of_guaranteed = Nearest(guaranteed, Without(lacks, Together(best_effort, burstable)));
  const Pods of_burstable =
      Nearest(burstable, Without(lacks, Together(best_effort, of_guaranteed)));
  const Pods of_best_effort =
      Nearest(best_effort, Without(lacks, Together(of_burstable, of_guaranteed)));
  return Together(Together(of_best_effort, of_burstable), of_guaranteed);
}

}  // namespace keelson::pod
