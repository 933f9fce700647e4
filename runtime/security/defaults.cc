// SPDX-License-Identifier: Apache-2.0
#include "runtime/security/defaults.h"

#include <sys/prctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>

#include "lib/base/strings.h"
#include "lib/base/weakness.h"
#include "lib/kernel/capabilities/capabilities.h"

namespace keelson::security {

using base::InvalidArgument;
using base::Result;
using base::Status;

namespace {

constexpr std::string_view kDefaultCapabilities[] = {
    "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
    "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
    "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
    "CAP_KILL",    "CAP_AUDIT_WRITE"};

// "ALL" apart, names to bits.
Result<uint64_t> Bits(std::string_view field, const std::vector<std::string>& names, bool& all) {
  uint64_t bits = 0;
  for (const std::string& name : names) {
    if (base::ToLower(name) == "all") {
      all = true;
      continue;
    }
    // Looked up only when it is a word: the library's parser is more forgiving than a security
    // setting should be.
    const bool word = std::all_of(name.begin(), name.end(),
                                  [](unsigned char c) { return std::isalnum(c) || c == '_'; });
    const std::optional<int> bit = word ? capabilities::Find(name) : std::nullopt;
    if (!bit || *bit < 0 || *bit > 63)
      return InvalidArgument("{}: unknown capability {}", field, base::QuoteIfNeeded(name));
    bits |= 1ull << *bit;
  }
  return bits;
}

Status CheckAvailable(std::string_view field, uint64_t asked, uint64_t available) {
  for (int bit = 0; bit < 64; ++bit) {
    if ((asked & ~available) >> bit & 1) {
      return base::FailedPrecondition("{}: this machine does not have {} to give", field,
                                      capabilities::NameOf(bit));
    }
  }
  return base::Ok();
}

}  // namespace

uint64_t DefaultCapabilities() {
  uint64_t bits = 0;
  for (const std::string_view name : kDefaultCapabilities)
    bits |= 1ull << capabilities::Find(name).value();
  return bits;
}

Result<uint64_t> AvailableCapabilities() {
  uint64_t bits = 0;
  for (int bit = 0; bit < 64; ++bit) {
    const int answer = prctl(PR_CAPBSET_READ, bit, 0, 0, 0);
    if (answer < 0) break;
    if (answer == 1) bits |= 1ull << bit;
  }
  return bits;
}

Result<spec::Capabilities> ResolveCapabilities(const CapabilityRequest& request,
                                               uint64_t available) {
  bool add_all = false;
  bool drop_all = false;
  bool ambient_all = false;
  ASSIGN_OR_RETURN(const uint64_t add, Bits("add_capabilities", request.add, add_all));
  ASSIGN_OR_RETURN(const uint64_t drop, Bits("drop_capabilities", request.drop, drop_all));
  ASSIGN_OR_RETURN(const uint64_t ambient,
                   Bits("add_ambient_capabilities", request.add_ambient, ambient_all));
  uint64_t granted = DefaultCapabilities() & available;
  if (request.privileged || KEELSON_WEAKENED_AT("privileges")) {
    granted = available;
  } else {
    if (add_all) granted = available;
    if (drop_all) granted = 0;
    RETURN_IF_ERROR(CheckAvailable("add_capabilities", add & ~drop, available));
    granted |= add;
    granted &= ~drop;
  }
  spec::Capabilities out;
  out.bounding = out.effective = out.permitted = granted;
  if (ambient_all) {
    out.ambient = granted;
  } else {
    RETURN_IF_ERROR(CheckAvailable("add_ambient_capabilities", ambient, available));
    out.ambient = ambient;
    out.bounding |= ambient;
    out.permitted |= ambient;
    out.effective |= ambient;
  }
  out.inheritable = out.ambient;  // the kernel's condition for an ambient capability
  return out;
}

std::vector<std::string> DefaultMaskedPaths() {
  return {"/proc/acpi",
          "/proc/asound",
          "/proc/interrupts",
          "/proc/kcore",
          "/proc/keys",
          "/proc/latency_stats",
          "/proc/timer_list",
          "/proc/timer_stats",
          "/proc/sched_debug",
          "/sys/firmware",
          "/sys/devices/virtual/powercap",
          "/proc/scsi"};
}

std::vector<std::string> DefaultReadOnlyPaths() {
  return {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
}

std::vector<spec::Device> DefaultDevices() {
  std::vector<spec::Device> out;
  const auto character = [&out](const char* path, uint32_t major, uint32_t minor) {
    out.push_back({path, S_IFCHR | 0666, major, minor, 0, 0});
  };
  character("/dev/null", 1, 3);
  character("/dev/zero", 1, 5);
  character("/dev/full", 1, 7);
  character("/dev/random", 1, 8);
  character("/dev/urandom", 1, 9);
  character("/dev/tty", 5, 0);
  return out;
}

std::vector<cgroup::DeviceRule> DefaultDeviceRules(const std::vector<spec::Device>& extra) {
  std::vector<cgroup::DeviceRule> rules = {{false, 'a', {}, {}, "rwm"}};
  for (const spec::Device& device : DefaultDevices())
    rules.push_back({true, 'c', device.major, device.minor, "rwm"});
  // Not 5:1: that console is the machine's, a container's own is its pseudo-terminal.
  rules.push_back({true, 'c', 5, 2, "rwm"});     // ptmx
  rules.push_back({true, 'c', 136, {}, "rwm"});  // pts
  for (const spec::Device& device : extra) {
    rules.push_back({true, S_ISBLK(device.mode) ? 'b' : 'c', device.major, device.minor, "rwm"});
  }
  return rules;
}

std::vector<cgroup::DeviceRule> PrivilegedDeviceRules() { return {{true, 'a', {}, {}, "rwm"}}; }

}  // namespace keelson::security
