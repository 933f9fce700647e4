// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/log_limit.h"

#include <optional>
#include <string>

#include "cri-api/cri.h"
#include "cri-api/sandbox.pb.h"
#include "lib/base/strings.h"

namespace keelson::container {

base::Result<spec::LogLimit> PlanLogLimit(const LogLimits& limits,
                                          const ::runtime::v1::PodSandboxConfig& sandbox) {
  spec::LogLimit limit = limits.node;
  if (!limits.by_annotation) return limit;
  const auto& annotations = sandbox.annotations();
  if (const auto rate = annotations.find(kLogRateAnnotation); rate != annotations.end()) {
    const std::optional<uint64_t> bytes = base::ParseUint64(rate->second);
    if (!bytes)
      return base::InvalidArgument("annotation '{}': {} is no number of bytes a second",
                                   kLogRateAnnotation,
                                   base::QuoteIfNeeded(rate->second.substr(0, 200)));
    limit.bytes_per_second = *bytes;
  }
  if (const auto policy = annotations.find(kLogPolicyAnnotation); policy != annotations.end()) {
    if (policy->second != "wait" && policy->second != "drop")
      return base::InvalidArgument("annotation '{}': {} is neither 'wait' nor 'drop'",
                                   kLogPolicyAnnotation,
                                   base::QuoteIfNeeded(policy->second.substr(0, 200)));
    limit.drop = policy->second == "drop";
  }
  return limit;
}

}  // namespace keelson::container
