// SPDX-License-Identifier: Apache-2.0
// Device access on cgroup v2: a BPF_PROG_TYPE_CGROUP_DEVICE program, made from the same rules that
// v1 takes as lines. Building it is pure; loading and attaching are one bpf(2) each. Later rules
// win, no rule means no access.
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/kernel/cgroup/cgroup.h"

namespace keelson::cgroup {

struct Instruction {  // struct bpf_insn
  uint8_t code;
  uint8_t registers;  // destination in the low half, source in the high
  int16_t offset;
  int32_t immediate;
};
std::vector<Instruction> BuildDeviceProgram(const std::vector<DeviceRule>& rules);
// What the program decides, computed from the rules: the tests' oracle.
bool IsAllowed(const std::vector<DeviceRule>& rules, char type, uint32_t major, uint32_t minor,
               std::string_view access);

base::Status AttachDeviceRules(const std::string& directory, const std::vector<DeviceRule>& rules);

}  // namespace keelson::cgroup
