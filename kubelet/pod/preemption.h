// SPDX-License-Identifier: Apache-2.0
// Which pods make room for a critical one: of less priority, and as few and as small as will do,
// best effort ones before burstable and guaranteed ones. Pure. Rules: upstream's kubelet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/kube/pod.h"

namespace keelson::pod {

// A static pod, or one of the system's priority classes.
bool IsCritical(const kube::Pod& pod);
// As upstream, a pod without a priority neither pushes another critical one out nor is pushed out
// by one.
bool MayPreempt(const kube::Pod& pod, const kube::Pod& other);

struct Lack {
  std::string resource;
  int64_t amount = 0;  // milli-CPUs, bytes, pods
};
// What a pod asks for of a resource, in the same units; each is one of "pods".
int64_t RequestOf(const kube::Pod& pod, const std::string& resource);
// Nothing: not even all of them are enough.
std::optional<std::vector<const kube::Pod*>> ToPreempt(
    const std::vector<const kube::Pod*>& candidates, const std::vector<Lack>& lacks);

}  // namespace keelson::pod
