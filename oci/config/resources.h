// SPDX-License-Identifier: Apache-2.0
// linux.resources, for create and for `update --resources`, and what of it becomes limits of a
// group on either layout. Pure, any thread. Source: runtime-spec config-linux.md#control-groups.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "lib/kernel/cgroup/cgroup.h"
#include "oci/config/field.h"

namespace keelson::oci {

struct Resources {
  struct {
    std::optional<int64_t> limit, reservation, swap, kernel, kernel_tcp, swappiness;
    std::optional<bool> disable_oom_killer;
    std::optional<bool> check_before_update;
  } memory;
  struct {
    std::optional<int64_t> shares, quota, burst, period, realtime_runtime, realtime_period, idle;
    std::string cpus, mems;
  } cpu;
  std::optional<int64_t> pids;
  struct {
    std::optional<int64_t> weight, leaf_weight;
    std::vector<std::pair<std::string, std::string>> devices;  // v1 file → line, in order
  } block;
  std::vector<std::pair<std::string, int64_t>> hugepages;  // "2MB" → bytes
  std::optional<int64_t> network_class;
  std::vector<std::pair<std::string, int64_t>> network_priorities;
  std::vector<std::pair<std::string, std::string>> rdma;  // device → "hca_handle=1 hca_object=2"
  std::map<std::string, std::string> unified;
  std::vector<cgroup::DeviceRule> devices;
};

base::Result<Resources> ParseResources(const Field& field);
base::Result<Resources> ParseResources(std::string_view json);

// With the default devices' rules behind those asked for.
std::vector<cgroup::DeviceRule> DeviceRules(const Resources& resources);
// InvalidArgument: what this layout cannot do. Without device rules.
base::Result<cgroup::Resources> LimitsOf(const Resources& resources, bool v2);

}  // namespace keelson::oci
