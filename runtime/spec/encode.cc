// SPDX-License-Identifier: Apache-2.0
#include "runtime/spec/encode.h"

#include "lib/base/codec.h"
#include "lib/base/weakness.h"

namespace keelson::spec {
namespace {

using base::Reader;
using base::Writer;

constexpr uint32_t kVersion = 1;

void Put(Writer& w, const Process& p) {
  w.Strings(p.args);
  if (KEELSON_WEAKENED_AT("lengths")) {
    std::vector<std::string> cut = p.env;
    for (std::string& text : cut) text.resize(static_cast<uint16_t>(text.size()));
    w.Strings(cut);
  } else {
    w.Strings(p.env);
  }
  w.String(p.cwd);
  w.U32(p.identity.uid);
  w.U32(p.identity.gid);
  w.U32(static_cast<uint32_t>(p.identity.groups.size()));
  for (const uint32_t group : p.identity.groups) w.U32(group);
  for (const uint64_t set :
       {p.capabilities.bounding, p.capabilities.effective, p.capabilities.permitted,
        p.capabilities.inheritable, p.capabilities.ambient}) {
    w.U64(set);
  }
  w.U32(static_cast<uint32_t>(p.rlimits.size()));
  for (const Rlimit& limit : p.rlimits) {
    w.I32(limit.resource);
    w.U64(limit.soft);
    w.U64(limit.hard);
  }
  w.Bool(p.no_new_privileges);
  w.String(p.seccomp_program);
  w.Bool(p.terminal);
  w.I32(p.oom_score_adj);
}

Process GetProcess(Reader& r) {
  Process p;
  p.args = r.Strings();
  p.env = r.Strings();
  p.cwd = r.String();
  p.identity.uid = r.U32();
  p.identity.gid = r.U32();
  for (uint32_t n = r.Count(4); n > 0; --n) p.identity.groups.push_back(r.U32());
  for (uint64_t* set :
       {&p.capabilities.bounding, &p.capabilities.effective, &p.capabilities.permitted,
        &p.capabilities.inheritable, &p.capabilities.ambient}) {
    *set = r.U64();
  }
  for (uint32_t n = r.Count(20); n > 0; --n) {
    Rlimit limit;
    limit.resource = r.I32();
    limit.soft = r.U64();
    limit.hard = r.U64();
    p.rlimits.push_back(limit);
  }
  p.no_new_privileges = r.Bool();
  p.seccomp_program = r.String();
  p.terminal = r.Bool();
  p.oom_score_adj = r.I32();
  return p;
}

template <typename E>
E GetEnum(Reader& r, E last, bool& bad) {
  const uint8_t value = r.U8();
  if (value > static_cast<uint8_t>(last)) bad = true;
  return static_cast<E>(value);
}

void Put(Writer& w, const Mount& m) {
  w.U8(static_cast<uint8_t>(m.kind));
  w.String(m.destination);
  w.U32(m.source_fd);
  w.String(m.options);
  w.U64(m.attributes);
  w.Bool(m.recursive_attributes);
  w.U8(static_cast<uint8_t>(m.propagation));
}

Mount GetMount(Reader& r, bool& bad) {
  Mount m;
  m.kind = GetEnum(r, Mount::Kind::kPodShm, bad);
  m.destination = r.String();
  m.source_fd = r.U32();
  m.options = r.String();
  m.attributes = r.U64();
  m.recursive_attributes = r.Bool();
  m.propagation = GetEnum(r, Propagation::kShared, bad);
  return m;
}

void Put(Writer& w, const OtherRuntime& other) {
  w.String(other.program);
  w.String(other.state_root);
  w.U32(other.host_mounts);
  w.String(other.cgroup_path);
  w.U32(static_cast<uint32_t>(other.device_rules.size()));
  for (const DeviceRule& rule : other.device_rules) {
    w.Bool(rule.allow);
    w.U8(static_cast<uint8_t>(rule.type));
    w.I64(rule.major);
    w.I64(rule.minor);
    w.String(rule.access);
  }
  w.String(other.seccomp);
  w.U32(static_cast<uint32_t>(other.annotations.size()));
  for (const auto& [name, value] : other.annotations) {
    w.String(name);
    w.String(value);
  }
}

OtherRuntime GetOtherRuntime(Reader& r) {
  OtherRuntime other;
  other.program = r.String();
  other.state_root = r.String();
  other.host_mounts = r.U32();
  other.cgroup_path = r.String();
  for (uint32_t n = r.Count(22); n > 0; --n) {
    DeviceRule rule;
    rule.allow = r.Bool();
    rule.type = static_cast<char>(r.U8());
    rule.major = r.I64();
    rule.minor = r.I64();
    rule.access = r.String();
    other.device_rules.push_back(std::move(rule));
  }
  other.seccomp = r.String();
  for (uint32_t n = r.Count(8); n > 0; --n) {
    std::string name = r.String();
    other.annotations.emplace_back(std::move(name), r.String());
  }
  return other;
}

base::Error Malformed(const char* what) {
  return base::DataLoss("decode {}: malformed or of an unknown version", what);
}

}  // namespace

std::string Encode(const Process& process) {
  Writer w;
  w.U32(kVersion);
  Put(w, process);
  w.String(process.apparmor_profile);
  w.String(process.selinux_label);
  return w.Take();
}

base::Result<Process> DecodeProcess(std::string_view bytes) {
  Reader r(bytes);
  if (r.U32() != kVersion) return Malformed("process");
  Process process = GetProcess(r);
  if (!r.AtEnd()) {
    process.apparmor_profile = r.String();
    process.selinux_label = r.String();
  }
  if (!r.ok()) return Malformed("process");
  return process;
}

std::string Encode(const ContainerSpec& spec) {
  Writer w;
  w.U32(kVersion);
  w.String(spec.id);
  Put(w, spec.process);
  w.Strings(spec.lower_layers);
  w.String(spec.upper);
  w.String(spec.work);
  w.Bool(spec.read_only_root);
  w.U32(static_cast<uint32_t>(spec.mounts.size()));
  for (const Mount& m : spec.mounts) Put(w, m);
  w.U32(static_cast<uint32_t>(spec.devices.size()));
  for (const Device& d : spec.devices) {
    w.String(d.path);
    for (const uint32_t v : {d.mode, d.major, d.minor, d.uid, d.gid}) w.U32(v);
  }
  w.Strings(spec.masked_paths);
  w.Strings(spec.read_only_paths);
  w.U8(static_cast<uint8_t>(spec.pid_mode));
  w.String(spec.target_container_id);
  w.Bool(spec.host_ipc);
  w.Bool(spec.host_network);
  w.Bool(spec.own_cgroup_namespace);
  w.Strings(spec.cgroup_paths);
  w.String(spec.unified_cgroup);
  w.String(spec.memory_cgroup);
  w.String(spec.log_name);
  w.Bool(spec.open_stdin);
  w.Bool(spec.stdin_once);
  w.String(spec.process.apparmor_profile);
  w.String(spec.process.selinux_label);
  w.String(spec.mount_label);
  for (const Mount& m : spec.mounts) w.Bool(m.idmapped);
  Put(w, spec.other);
  w.Strings(spec.other.arguments);
  w.String(spec.other.hostname);
  w.U64(spec.log_limit.bytes_per_second);
  w.Bool(spec.log_limit.drop);
  return w.Take();
}

base::Result<ContainerSpec> DecodeContainerSpec(std::string_view bytes) {
  Reader r(bytes);
  if (r.U32() != kVersion) return Malformed("container spec");
  bool bad = false;
  ContainerSpec spec;
  spec.id = r.String();
  spec.process = GetProcess(r);
  spec.lower_layers = r.Strings();
  spec.upper = r.String();
  spec.work = r.String();
  spec.read_only_root = r.Bool();
  for (uint32_t n = r.Count(23); n > 0; --n) spec.mounts.push_back(GetMount(r, bad));
  for (uint32_t n = r.Count(24); n > 0; --n) {
    Device d;
    d.path = r.String();
    for (uint32_t* v : {&d.mode, &d.major, &d.minor, &d.uid, &d.gid}) *v = r.U32();
    spec.devices.push_back(std::move(d));
  }
  spec.masked_paths = r.Strings();
  spec.read_only_paths = r.Strings();
  spec.pid_mode = GetEnum(r, PidMode::kTarget, bad);
  spec.target_container_id = r.String();
  spec.host_ipc = r.Bool();
  spec.host_network = r.Bool();
  spec.own_cgroup_namespace = r.Bool();
  spec.cgroup_paths = r.Strings();
  spec.unified_cgroup = r.String();
  spec.memory_cgroup = r.String();
  spec.log_name = r.String();
  if (!r.AtEnd()) {
    spec.open_stdin = r.Bool();
    spec.stdin_once = r.Bool();
  }
  if (!r.AtEnd()) {
    spec.process.apparmor_profile = r.String();
    spec.process.selinux_label = r.String();
    spec.mount_label = r.String();
    for (Mount& m : spec.mounts) m.idmapped = r.Bool();
  }
  if (!r.AtEnd()) spec.other = GetOtherRuntime(r);
  if (!r.AtEnd()) {
    spec.other.arguments = r.Strings();
    spec.other.hostname = r.String();
  }
  if (!r.AtEnd()) {
    spec.log_limit.bytes_per_second = r.U64();
    spec.log_limit.drop = r.Bool();
  }
  if (!r.ok() || bad) return Malformed("container spec");
  return spec;
}

}  // namespace keelson::spec
