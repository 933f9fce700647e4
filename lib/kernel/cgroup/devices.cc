// SPDX-License-Identifier: Apache-2.0
#include "lib/kernel/cgroup/devices.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <string>

#include "lib/os/files.h"

namespace keelson::cgroup {
namespace {

static_assert(sizeof(Instruction) == sizeof(bpf_insn));

// Registers: 1 context, 2 type, 3 access, 4 major, 5 minor (struct bpf_cgroup_dev_ctx).
Instruction Load(uint8_t to, int16_t offset) {
  return {BPF_LDX | BPF_MEM | BPF_W, static_cast<uint8_t>(to | 1 << 4), offset, 0};
}
Instruction JumpIfNot(uint8_t reg, int32_t value, int16_t skip) {
  return {BPF_JMP32 | BPF_JNE | BPF_K, reg, skip, value};
}
Instruction Return(int32_t value) { return {BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, value}; }
constexpr Instruction kExit{BPF_JMP | BPF_EXIT, 0, 0, 0};

int32_t AccessBits(std::string_view access) {
  int32_t bits = 0;
  if (access.find('m') != std::string_view::npos) bits |= BPF_DEVCG_ACC_MKNOD;
  if (access.find('r') != std::string_view::npos) bits |= BPF_DEVCG_ACC_READ;
  if (access.find('w') != std::string_view::npos) bits |= BPF_DEVCG_ACC_WRITE;
  return bits;
}

constexpr int32_t kAllAccess = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;

void AppendRule(std::vector<Instruction>& program, const DeviceRule& rule) {
  std::vector<Instruction> checks;
  std::vector<size_t> jumps;
  const auto check = [&](uint8_t reg, int32_t value) {
    jumps.push_back(checks.size());
    checks.push_back(JumpIfNot(reg, value, 0));
  };
  if (rule.type != 'a') check(2, rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
  const int32_t bits = rule.type == 'a' ? kAllAccess : AccessBits(rule.access);
  if (bits != kAllAccess) {
    // The rule speaks of this request when (allow) no bit is beyond it, (deny) any bit is in it.
    checks.push_back({BPF_ALU | BPF_MOV | BPF_X, 0 | 3 << 4, 0, 0});
    checks.push_back({BPF_ALU | BPF_AND | BPF_K, 0, 0, rule.allow ? ~bits & kAllAccess : bits});
    jumps.push_back(checks.size());
    checks.push_back(rule.allow ? Instruction{BPF_JMP32 | BPF_JNE | BPF_K, 0, 0, 0}
                                : Instruction{BPF_JMP32 | BPF_JEQ | BPF_K, 0, 0, 0});
  }
  if (rule.type != 'a' && rule.major) check(4, static_cast<int32_t>(*rule.major));
  if (rule.type != 'a' && rule.minor) check(5, static_cast<int32_t>(*rule.minor));
  checks.push_back(Return(rule.allow ? 1 : 0));
  checks.push_back(kExit);
  for (const size_t at : jumps) checks[at].offset = static_cast<int16_t>(checks.size() - at - 1);
  program.insert(program.end(), checks.begin(), checks.end());
}

}  // namespace

std::vector<Instruction> BuildDeviceProgram(const std::vector<DeviceRule>& rules) {
  std::vector<Instruction> program = {
      Load(2, 0), {BPF_ALU | BPF_AND | BPF_K, 2, 0, 0xffff},  // access_type: type in the low half,
      Load(3, 0), {BPF_ALU | BPF_RSH | BPF_K, 3, 0, 16},      // access in the high
      Load(4, 4), Load(5, 8)};
  // The last rule that matches decides: asked in reverse, the first answer is the answer.
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    AppendRule(program, *rule);
    if (rule->type == 'a') return program;
  }
  program.push_back(Return(0));
  program.push_back(kExit);
  return program;
}

bool IsAllowed(const std::vector<DeviceRule>& rules, char type, uint32_t major, uint32_t minor,
               std::string_view access) {
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    if (rule->type == 'a') return rule->allow;
    if (rule->type != type || (rule->major && *rule->major != major) ||
        (rule->minor && *rule->minor != minor))
      continue;
    const int32_t asked = AccessBits(access);
    const int32_t covered = AccessBits(rule->access);
    if (rule->allow ? (asked & ~covered) == 0 : (asked & covered) != 0) return rule->allow;
  }
  return false;
}

namespace {

// The verifier is asked once per set of rules: nearly every container has the same. Programs are
// few and stay loaded.
base::Result<os::UniqueFd> Loaded(const std::vector<Instruction>& program) {
  static std::mutex mutex;
  static std::map<std::string, os::UniqueFd> programs;
  constexpr size_t kMost = 32;
  const std::string key(reinterpret_cast<const char*>(program.data()),
                        program.size() * sizeof(Instruction));
  const std::lock_guard lock(mutex);
  if (const auto found = programs.find(key); found != programs.end())
    return os::Duplicate(found->second.get());
  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insns = reinterpret_cast<uint64_t>(program.data());
  load.insn_cnt = static_cast<uint32_t>(program.size());
  load.license = reinterpret_cast<uint64_t>("Apache-2.0");
  os::UniqueFd loaded(static_cast<int>(syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load)));
  if (!loaded) return base::Error::FromErrno(errno, "load a program of device rules");
  if (programs.size() >= kMost) programs.erase(programs.begin());
  ASSIGN_OR_RETURN(os::UniqueFd copy, os::Duplicate(loaded.get()));
  programs.emplace(key, std::move(loaded));
  return copy;
}

uint32_t IdOf(int program) {
  bpf_prog_info info{};
  bpf_attr attr{};
  attr.info.bpf_fd = static_cast<uint32_t>(program);
  attr.info.info_len = sizeof info;
  attr.info.info = reinterpret_cast<uint64_t>(&info);
  return syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof attr) == 0 ? info.id : 0;
}

// Programs on this group itself, not its parents'.
std::vector<uint32_t> AttachedTo(int group) {
  std::vector<uint32_t> ids(64);
  bpf_attr attr{};
  attr.query.target_fd = static_cast<uint32_t>(group);
  attr.query.attach_type = BPF_CGROUP_DEVICE;
  attr.query.prog_ids = reinterpret_cast<uint64_t>(ids.data());
  attr.query.prog_cnt = static_cast<uint32_t>(ids.size());
  if (syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof attr) != 0) return {};
  ids.resize(attr.query.prog_cnt);
  return ids;
}

void Detach(int group, uint32_t id) {
  bpf_attr get{};
  get.prog_id = id;
  const os::UniqueFd program(
      static_cast<int>(syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &get, sizeof get)));
  bpf_attr attr{};
  attr.target_fd = static_cast<uint32_t>(group);
  attr.attach_bpf_fd = static_cast<uint32_t>(program.get());
  attr.attach_type = BPF_CGROUP_DEVICE;
  if (program) (void)syscall(SYS_bpf, BPF_PROG_DETACH, &attr, sizeof attr);
}

}  // namespace

base::Status AttachDeviceRules(const std::string& directory, const std::vector<DeviceRule>& rules) {
  const base::Result<os::UniqueFd> program = Loaded(BuildDeviceProgram(rules));
  if (!program.ok()) return program.error().WithContext("device rules of '" + directory + "'");
  ASSIGN_OR_RETURN(const os::UniqueFd group, os::Open(directory, O_RDONLY | O_DIRECTORY));
  // A group may be given its rules again, also by a restarted daemon: the new program comes before
  // the old ones go.
  const std::vector<uint32_t> before = AttachedTo(group.get());
  const uint32_t id = IdOf(program->get());
  if (std::find(before.begin(), before.end(), id) == before.end()) {
    bpf_attr attach{};
    attach.target_fd = static_cast<uint32_t>(group.get());
    attach.attach_bpf_fd = static_cast<uint32_t>(program->get());
    attach.attach_type = BPF_CGROUP_DEVICE;
    attach.attach_flags = BPF_F_ALLOW_MULTI;
    if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach) != 0) {
      return base::Error::FromErrno(errno, "attach the device rules of '{}'", directory);
    }
  }
  for (const uint32_t old : before) {
    if (old != id) Detach(group.get(), old);
  }
  return base::Ok();
}

}  // namespace keelson::cgroup
