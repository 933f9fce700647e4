// SPDX-License-Identifier: Apache-2.0
// Use as objects of metrics.k8s.io/v1beta1, with the labels of the node or pod that they tell of.
// Pure. Source: k8s.io/metrics/pkg/apis/metrics.
#pragma once

#include <functional>
#include <vector>

#include "lib/json/value.h"
#include "minimal-master/usage/usage.h"

namespace keelson::usage {

// Labels of a node (ns is empty) or a pod; nothing: there is none of that name (any more).
using LabelsOf =
    std::function<std::optional<json::Value>(const std::string& ns, const std::string& name)>;
std::vector<json::Value> NodeMetrics(const std::vector<NodeUse>& nodes, const LabelsOf& labels,
                                     int64_t now_nanos);
std::vector<json::Value> PodMetrics(const std::vector<PodUse>& pods, const LabelsOf& labels,
                                    int64_t now_nanos);

// "123456789n" of cores, "1024Ki" of bytes: as a metrics server writes them.
std::string CoresText(double cores);
std::string BytesText(double bytes);

}  // namespace keelson::usage
