// SPDX-License-Identifier: Apache-2.0
#include "oci/config/resources.h"

#include <algorithm>

#include "lib/base/strings.h"
#include "lib/json/value.h"

namespace keelson::oci {

using base::Result;
using base::Status;

namespace {

constexpr int64_t kMaxDevice = 0xffffffff;

Status ReadMemory(const Field& field, Resources& out) {
  RETURN_IF_ERROR(field.IsObject());
  RETURN_IF_ERROR(field.Read("limit", out.memory.limit, -1));
  RETURN_IF_ERROR(field.Read("reservation", out.memory.reservation, -1));
  RETURN_IF_ERROR(field.Read("swap", out.memory.swap, -1));
  RETURN_IF_ERROR(field.Read("kernel", out.memory.kernel, -1));
  RETURN_IF_ERROR(field.Read("kernelTCP", out.memory.kernel_tcp, -1));
  RETURN_IF_ERROR(field.Read("swappiness", out.memory.swappiness, 0, 100));
  RETURN_IF_ERROR(field.Read("disableOOMKiller", out.memory.disable_oom_killer));
  RETURN_IF_ERROR(field.Read("checkBeforeUpdate", out.memory.check_before_update));
  if (out.memory.swap.value_or(0) > 0 && out.memory.limit.value_or(0) > 0 &&
      *out.memory.swap < *out.memory.limit) {
    return field.Bad("swap, which is memory and swap together, is below limit");
  }
  return base::Ok();
}

Status ReadCpu(const Field& field, Resources& out) {
  RETURN_IF_ERROR(field.IsObject());
  RETURN_IF_ERROR(field.Read("shares", out.cpu.shares, 0));
  RETURN_IF_ERROR(field.Read("quota", out.cpu.quota, -1));
  RETURN_IF_ERROR(field.Read("burst", out.cpu.burst, 0));
  RETURN_IF_ERROR(field.Read("period", out.cpu.period, 0));
  RETURN_IF_ERROR(field.Read("realtimeRuntime", out.cpu.realtime_runtime));
  RETURN_IF_ERROR(field.Read("realtimePeriod", out.cpu.realtime_period, 0));
  RETURN_IF_ERROR(field.Read("idle", out.cpu.idle, 0, 1));
  RETURN_IF_ERROR(field.Read("cpus", out.cpu.cpus));
  return field.Read("mems", out.cpu.mems);
}

Result<std::string> DeviceOf(const Field& field) {
  std::optional<int64_t> major, minor;
  RETURN_IF_ERROR(field.IsObject());
  RETURN_IF_ERROR(field.Read("major", major, 0, kMaxDevice));
  RETURN_IF_ERROR(field.Read("minor", minor, 0, kMaxDevice));
  if (!major || !minor) return field.Bad("{} is missing", major ? "minor" : "major");
  return fmt::format("{}:{}", *major, *minor);
}

Status ReadBlock(const Field& field, Resources& out) {
  RETURN_IF_ERROR(field.IsObject());
  RETURN_IF_ERROR(field.Read("weight", out.block.weight, 0, 1000));
  RETURN_IF_ERROR(field.Read("leafWeight", out.block.leaf_weight, 0, 1000));
  if (const std::optional<Field> list = field.Find("weightDevice")) {
    ASSIGN_OR_RETURN(const std::vector<Field> items, list->Items());
    for (const Field& item : items) {
      ASSIGN_OR_RETURN(const std::string device, DeviceOf(item));
      std::optional<int64_t> weight, leaf;
      RETURN_IF_ERROR(item.Read("weight", weight, 0, 1000));
      RETURN_IF_ERROR(item.Read("leafWeight", leaf, 0, 1000));
      if (!weight && !leaf) return item.Bad("neither weight nor leafWeight is there");
      if (weight)
        out.block.devices.emplace_back("blkio.weight_device",
                                       fmt::format("{} {}", device, *weight));
      if (leaf)
        out.block.devices.emplace_back("blkio.leaf_weight_device",
                                       fmt::format("{} {}", device, *leaf));
    }
  }
  static constexpr std::pair<const char*, const char*> kThrottles[] = {
      {"throttleReadBpsDevice", "blkio.throttle.read_bps_device"},
      {"throttleWriteBpsDevice", "blkio.throttle.write_bps_device"},
      {"throttleReadIOPSDevice", "blkio.throttle.read_iops_device"},
      {"throttleWriteIOPSDevice", "blkio.throttle.write_iops_device"}};
  for (const auto& [name, file] : kThrottles) {
    const std::optional<Field> list = field.Find(name);
    if (!list) continue;
    ASSIGN_OR_RETURN(const std::vector<Field> items, list->Items());
    for (const Field& item : items) {
      ASSIGN_OR_RETURN(const std::string device, DeviceOf(item));
      std::optional<int64_t> rate;
      RETURN_IF_ERROR(item.Read("rate", rate, 0));
      if (!rate) return item.Bad("rate is missing");
      out.block.devices.emplace_back(file, fmt::format("{} {}", device, *rate));
    }
  }
  return base::Ok();
}

Status ReadDevices(const Field& field, Resources& out) {
  ASSIGN_OR_RETURN(const std::vector<Field> items, field.Items());
  for (const Field& item : items) {
    RETURN_IF_ERROR(item.IsObject());
    cgroup::DeviceRule rule;
    ASSIGN_OR_RETURN(const Field allow, item.Need("allow"));
    ASSIGN_OR_RETURN(rule.allow, allow.Bool());
    std::string type = "a", access;
    RETURN_IF_ERROR(item.Read("type", type));
    RETURN_IF_ERROR(item.Read("access", access));
    if (type.empty()) type.push_back('a');
    if (type.size() != 1 || std::string_view("abcu").find(type[0]) == std::string_view::npos)
      return item.Bad("type must be a, b, c or u, it is {}", base::QuoteIfNeeded(type));
    // Letters that mean nothing give nothing and take nothing: runc's configurations have some.
    const bool named = !access.empty();
    std::erase_if(access,
                  [](char c) { return std::string_view("rwm").find(c) == std::string_view::npos; });
    if (named && access.empty()) continue;
    std::optional<int64_t> major, minor;
    RETURN_IF_ERROR(item.Read("major", major, -1, kMaxDevice));
    RETURN_IF_ERROR(item.Read("minor", minor, -1, kMaxDevice));
    rule.type = type[0] == 'u' ? 'c' : type[0];
    rule.access = access.empty() ? "rwm" : access;
    if (major.value_or(-1) >= 0) rule.major = static_cast<uint32_t>(*major);
    if (minor.value_or(-1) >= 0) rule.minor = static_cast<uint32_t>(*minor);
    out.devices.push_back(std::move(rule));
  }
  return base::Ok();
}

Status ReadNetwork(const Field& field, Resources& out) {
  RETURN_IF_ERROR(field.IsObject());
  RETURN_IF_ERROR(field.Read("classID", out.network_class, 0, UINT32_MAX));
  const std::optional<Field> list = field.Find("priorities");
  if (!list) return base::Ok();
  ASSIGN_OR_RETURN(const std::vector<Field> items, list->Items());
  for (const Field& item : items) {
    std::string name;
    std::optional<int64_t> priority;
    RETURN_IF_ERROR(item.IsObject());
    RETURN_IF_ERROR(item.Read("name", name));
    RETURN_IF_ERROR(item.Read("priority", priority, 0, UINT32_MAX));
    if (name.empty() || !priority) return item.Bad("name or priority is missing");
    out.network_priorities.emplace_back(name, *priority);
  }
  return base::Ok();
}

Status ReadHugepages(const Field& field, Resources& out) {
  ASSIGN_OR_RETURN(const std::vector<Field> items, field.Items());
  for (const Field& item : items) {
    std::string size;
    std::optional<int64_t> limit;
    RETURN_IF_ERROR(item.IsObject());
    RETURN_IF_ERROR(item.Read("pageSize", size));
    // Those who read with Go's JSON take it in any case, and it is written so.
    if (size.empty()) RETURN_IF_ERROR(item.Read("pagesize", size));
    RETURN_IF_ERROR(item.Read("limit", limit, 0));
    const size_t digits = size.find_first_not_of("0123456789");
    if (digits == 0 || digits == std::string::npos ||
        (size.substr(digits) != "KB" && size.substr(digits) != "MB" && size.substr(digits) != "GB"))
      return item.Bad("pageSize must be like 64KB, 2MB or 1GB, it is {}",
                      base::QuoteIfNeeded(size));
    if (!limit) return item.Bad("limit is missing");
    out.hugepages.emplace_back(size, *limit);
  }
  return base::Ok();
}

Status ReadRdma(const Field& field, Resources& out) {
  ASSIGN_OR_RETURN(const auto members, field.Members());
  for (const auto& [device, item] : members) {
    std::optional<int64_t> handles, objects;
    RETURN_IF_ERROR(item.IsObject());
    RETURN_IF_ERROR(item.Read("hcaHandles", handles, 0, UINT32_MAX));
    RETURN_IF_ERROR(item.Read("hcaObjects", objects, 0, UINT32_MAX));
    if (!handles && !objects) return item.Bad("neither hcaHandles nor hcaObjects is there");
    std::string text = device;
    if (handles) text += fmt::format(" hca_handle={}", *handles);
    if (objects) text += fmt::format(" hca_object={}", *objects);
    out.rdma.emplace_back(device, text);
  }
  return base::Ok();
}

}  // namespace

Result<Resources> ParseResources(const Field& field) {
  RETURN_IF_ERROR(field.IsObject());
  Resources out;
  const auto part = [&](const char* name, Status (*read)(const Field&, Resources&)) -> Status {
    if (const std::optional<Field> found = field.Find(name)) return read(*found, out);
    return base::Ok();
  };
  RETURN_IF_ERROR(part("memory", ReadMemory));
  RETURN_IF_ERROR(part("cpu", ReadCpu));
  RETURN_IF_ERROR(part("blockIO", ReadBlock));
  RETURN_IF_ERROR(part("devices", ReadDevices));
  RETURN_IF_ERROR(part("network", ReadNetwork));
  RETURN_IF_ERROR(part("hugepageLimits", ReadHugepages));
  RETURN_IF_ERROR(part("rdma", ReadRdma));
  if (const std::optional<Field> pids = field.Find("pids")) {
    RETURN_IF_ERROR(pids->IsObject());
    RETURN_IF_ERROR(pids->Read("limit", out.pids, -1));
  }
  std::vector<std::pair<std::string, std::string>> unified;
  RETURN_IF_ERROR(field.Read("unified", unified));
  for (auto& [file, value] : unified) {
    // The name is joined to a directory of ours.
    if (file.find('/') != std::string::npos || file.find('.') == std::string::npos ||
        file.starts_with('.'))
      return field.Bad("unified: the specified key has not the form CONTROLLER.VALUE `{}`",
                       base::QuoteIfNeeded(file));
    out.unified.emplace(std::move(file), std::move(value));
  }
  return out;
}

Result<Resources> ParseResources(std::string_view text) {
  ASSIGN_OR_RETURN(const json::Value value, json::ParseJson(text, {.bytes = 1 << 20, .depth = 16}));
  return ParseResources(Field(value, ""));
}

std::vector<cgroup::DeviceRule> DeviceRules(const Resources& resources) {
  std::vector<cgroup::DeviceRule> rules = resources.devices;
  // Nothing that was not named may be used.
  if (rules.empty() || rules.front().allow || rules.front().type != 'a')
    rules.insert(rules.begin(), cgroup::DeviceRule{.allow = false});
  const auto allow = [&](std::optional<uint32_t> major, std::optional<uint32_t> minor,
                         const char* access,
                         char type = 'c') { rules.push_back({true, type, major, minor, access}); };
  allow({}, {}, "m");  // a node alone opens nothing
  allow({}, {}, "m", 'b');
  for (const uint32_t minor : {3u, 5u, 7u, 8u, 9u}) allow(1, minor, "rwm");
  // Not 5:1: that console is the machine's, a container's own is its pseudo-terminal.
  for (const uint32_t minor : {0u, 2u}) allow(5, minor, "rwm");
  allow(136, {}, "rwm");  // pseudo-terminals
  return rules;
}

namespace {

Result<cgroup::Resources> Common(const Resources& r) {
  cgroup::Resources out;
  out.cpu_shares = r.cpu.shares.value_or(0);
  out.cpu_quota = r.cpu.quota.value_or(0);
  out.cpu_period = r.cpu.period.value_or(0);
  out.cpuset_cpus = r.cpu.cpus;
  out.cpuset_mems = r.cpu.mems;
  out.memory_limit = r.memory.limit.value_or(0);
  out.memory_swap_limit = r.memory.swap.value_or(0);
  // None at all cannot be had: the first process is one.
  if (r.pids) out.pids_limit = *r.pids == 0 ? 1 : *r.pids;
  for (const auto& [size, limit] : r.hugepages) out.hugepages[size] = limit;
  out.unified = r.unified;
  out.oom_group = false;
  out.may_kill = !r.memory.check_before_update.value_or(false);
  return out;
}

void AddV1(const Resources& r, std::vector<cgroup::Write>& out) {
  for (const auto& [size, limit] : r.hugepages) {
    out.push_back(
        {"hugetlb", "hugetlb." + size + ".rsvd.limit_in_bytes", std::to_string(limit), true});
  }
  const auto add = [&](const char* controller, const char* file, const std::optional<int64_t>& v) {
    if (v && *v != 0) out.push_back({controller, file, std::to_string(*v)});
  };
  add("memory", "memory.soft_limit_in_bytes", r.memory.reservation);
  if (r.memory.swappiness)
    out.push_back({"memory", "memory.swappiness", std::to_string(*r.memory.swappiness)});
  if (r.memory.disable_oom_killer.value_or(false))
    out.push_back({"memory", "memory.oom_control", "1"});
  add("memory", "memory.kmem.tcp.limit_in_bytes", r.memory.kernel_tcp);
  if (r.cpu.burst)
    out.push_back({"cpu", "cpu.cfs_burst_us", std::to_string(*r.cpu.burst), *r.cpu.burst == 0});
  add("cpu", "cpu.rt_period_us", r.cpu.realtime_period);
  // A period below the run time of before is refused until that has changed.
  if (!out.empty() && out.back().file == "cpu.rt_period_us") out.back().partner = true;
  add("cpu", "cpu.rt_runtime_us", r.cpu.realtime_runtime);
  if (r.cpu.idle) out.push_back({"cpu", "cpu.idle", std::to_string(*r.cpu.idle)});
  // Where BFQ is the only scheduler that weighs, the weights are its own.
  const auto weigh = [&](const std::string& file, const std::string& value) {
    cgroup::Write write{"blkio", file, value};
    if (file == "blkio.weight" || file == "blkio.weight_device") {
      write.other_file = "blkio.bfq." + file.substr(6);
      write.other_value = value;
    }
    out.push_back(std::move(write));
  };
  if (r.block.weight.value_or(0) != 0) weigh("blkio.weight", std::to_string(*r.block.weight));
  add("blkio", "blkio.leaf_weight", r.block.leaf_weight);
  for (const auto& [file, line] : r.block.devices) weigh(file, line);
  add("net_cls", "net_cls.classid", r.network_class);
  for (const auto& [name, priority] : r.network_priorities)
    out.push_back({"net_prio", "net_prio.ifpriomap", fmt::format("{} {}", name, priority)});
  for (const auto& [device, line] : r.rdma) out.push_back({"rdma", "rdma.max", line});
}

// What v1 counts in lines of "8:0 1024" is in v2 "8:0 rbps=1024".
Status AddV2(const Resources& r, std::vector<cgroup::Write>& out) {
  if (r.memory.swappiness || r.network_class || !r.network_priorities.empty() ||
      r.cpu.realtime_period || r.cpu.realtime_runtime) {
    return base::InvalidArgument("linux.resources: {} is of cgroup v1, this machine has v2",
                                 r.memory.swappiness ? "memory.swappiness"
                                 : r.network_class || !r.network_priorities.empty()
                                     ? "network"
                                     : "cpu.realtimeRuntime or realtimePeriod");
  }
  for (const auto& [size, limit] : r.hugepages)
    out.push_back({"", "hugetlb." + size + ".rsvd.max", std::to_string(limit), true});
  if (r.memory.reservation.value_or(0) != 0) {
    out.push_back({"", "memory.low",
                   *r.memory.reservation < 0 ? "max" : std::to_string(*r.memory.reservation)});
  }
  if (r.cpu.burst) out.push_back({"", "cpu.max.burst", std::to_string(*r.cpu.burst)});
  if (r.cpu.idle) out.push_back({"", "cpu.idle", std::to_string(*r.cpu.idle)});
  if (r.block.weight.value_or(0) != 0) {
    // BFQ's own weight where that scheduler runs, else the general one on its wider scale.
    const int64_t general = 1 + (*r.block.weight - 10) * 9999 / 990;
    cgroup::Write write{"", "io.bfq.weight", std::to_string(*r.block.weight), true};
    write.other_file = "io.weight";
    write.other_value = std::to_string(std::clamp<int64_t>(general, 1, 10000));
    out.push_back(std::move(write));
  }
  for (const auto& [file, line] : r.block.devices) {
    const size_t space = line.find(' ');
    const std::string device = line.substr(0, space), number = line.substr(space + 1);
    const char* key = file.ends_with("read_bps_device")     ? "rbps"
                      : file.ends_with("write_bps_device")  ? "wbps"
                      : file.ends_with("read_iops_device")  ? "riops"
                      : file.ends_with("write_iops_device") ? "wiops"
                                                            : nullptr;
    if (key == nullptr) {
      if (file == "blkio.weight_device") out.push_back({"", "io.bfq.weight", line, true});
      continue;
    }
    out.push_back(
        {"", "io.max", fmt::format("{} {}={}", device, key, number == "0" ? "max" : number)});
  }
  for (const auto& [device, line] : r.rdma) out.push_back({"", "rdma.max", line});
  return base::Ok();
}

}  // namespace

Result<cgroup::Resources> LimitsOf(const Resources& resources, bool v2) {
  ASSIGN_OR_RETURN(cgroup::Resources out, Common(resources));
  if (v2) {
    RETURN_IF_ERROR(AddV2(resources, out.further));
  } else {
    AddV1(resources, out.further);
  }
  return out;
}

}  // namespace keelson::oci
