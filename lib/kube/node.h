// SPDX-License-Identifier: Apache-2.0
// Where a Node object says that its kubelet is found. Pure. Source: k8s.io/kubernetes,
// pkg/kubelet/client (1.35).
#pragma once

#include <string>

#include "lib/json/value.h"

namespace keelson::kube {

struct KubeletPlace {
  std::string host;  // empty: the node has no address yet
  int port = 0;      // 10250 unless the node says otherwise
  friend bool operator==(const KubeletPlace&, const KubeletPlace&) = default;
};
KubeletPlace KubeletPlaceOf(const json::Value& node);

}  // namespace keelson::kube
