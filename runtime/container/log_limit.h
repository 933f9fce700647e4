// SPDX-License-Identifier: Apache-2.0
// How much of a container's output goes into its log: the node's setting, or the pod's annotations
// where the node lets them. Pure, any thread.
#pragma once

#include "lib/base/result.h"
#include "runtime/spec/container_spec.h"

namespace runtime::v1 {
class PodSandboxConfig;
}  // namespace runtime::v1

namespace keelson::container {

constexpr const char* kLogRateAnnotation = "keelson.io/log-rate";           // bytes a second
constexpr const char* kLogPolicyAnnotation = "keelson.io/log-rate-policy";  // wait, drop

struct LogLimits {
  spec::LogLimit node;
  bool by_annotation = false;  // otherwise annotations say nothing
};

// InvalidArgument names the annotation.
base::Result<spec::LogLimit> PlanLogLimit(const LogLimits& limits,
                                          const ::runtime::v1::PodSandboxConfig& sandbox);

}  // namespace keelson::container
