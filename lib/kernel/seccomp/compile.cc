// SPDX-License-Identifier: Apache-2.0
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "lib/kernel/seccomp/numbers.h"
#include "lib/kernel/seccomp/prologue.h"
#include "lib/kernel/seccomp/seccomp.h"
#include "lib/kernel/seccomp/shorten.h"
#include "lib/os/files.h"

namespace keelson::seccomp {

using base::Error;
using base::Result;
using base::Status;

namespace {

constexpr uint32_t kX32Base = 0x40000000;

struct Release {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

struct Architecture {
  std::string name;
  uint32_t token = 0;
  uint32_t base() const { return token == SCMP_ARCH_X32 ? kX32Base : 0; }
  // x32 calls carry the token of x86_64.
  uint32_t audit_token() const { return token == SCMP_ARCH_X32 ? SCMP_ARCH_X86_64 : token; }
};

uint32_t LibraryAction(Action action, uint32_t error) {
  switch (action) {
    case Action::kAllow:
      return SCMP_ACT_ALLOW;
    case Action::kErrno:
      return SCMP_ACT_ERRNO(error);
    case Action::kKillProcess:
      return SCMP_ACT_KILL_PROCESS;
    case Action::kKillThread:
      return SCMP_ACT_KILL_THREAD;
    case Action::kTrap:
      return SCMP_ACT_TRAP;
    case Action::kLog:
      return SCMP_ACT_LOG;
    case Action::kNotify:
      return SCMP_ACT_NOTIFY;
  }
  return SCMP_ACT_KILL_PROCESS;
}

uint32_t KernelAction(Action action, uint32_t error) {
  switch (action) {
    case Action::kAllow:
      return SECCOMP_RET_ALLOW;
    case Action::kErrno:
      return SECCOMP_RET_ERRNO | (error & SECCOMP_RET_DATA);
    case Action::kKillProcess:
      return SECCOMP_RET_KILL_PROCESS;
    case Action::kKillThread:
      return SECCOMP_RET_KILL_THREAD;
    case Action::kTrap:
      return SECCOMP_RET_TRAP;
    case Action::kLog:
      return SECCOMP_RET_LOG;
    case Action::kNotify:
      return SECCOMP_RET_USER_NOTIF;
  }
  return SECCOMP_RET_KILL_PROCESS;
}

scmp_compare LibraryCompare(Compare compare) {
  switch (compare) {
    case Compare::kNotEqual:
      return SCMP_CMP_NE;
    case Compare::kLess:
      return SCMP_CMP_LT;
    case Compare::kLessOrEqual:
      return SCMP_CMP_LE;
    case Compare::kEqual:
      return SCMP_CMP_EQ;
    case Compare::kGreaterOrEqual:
      return SCMP_CMP_GE;
    case Compare::kGreater:
      return SCMP_CMP_GT;
    case Compare::kMaskedEqual:
      return SCMP_CMP_MASKED_EQ;
  }
  return SCMP_CMP_EQ;
}

Result<std::vector<Architecture>> ResolveArchitectures(const std::vector<std::string>& names) {
  std::vector<Architecture> out;
  for (const std::string& name : names) {
    const uint32_t token = seccomp_arch_resolve_name(name.c_str());
    if (token == 0) return base::InvalidArgument("seccomp: unknown architecture '{}'", name);
    if (std::none_of(out.begin(), out.end(),
                     [&](const Architecture& known) { return known.token == token; }))
      out.push_back({name, token});
  }
  if (out.empty()) {
#if defined(__x86_64__)
    out.push_back({"x86_64", SCMP_ARCH_X86_64});
#elif defined(__aarch64__)
    out.push_back({"aarch64", SCMP_ARCH_AARCH64});
#else
    out.push_back({"native", seccomp_arch_native()});
#endif
  }
  return out;
}

// Without the x32 bit; nothing when this architecture has no such call.
std::optional<uint32_t> NumberOn(const Architecture& architecture, const std::string& name) {
  const int known = seccomp_syscall_resolve_name_arch(architecture.token, name.c_str());
  if (known >= 0) return static_cast<uint32_t>(known) & ~kX32Base;
  if (known != __NR_SCMP_ERROR) return std::nullopt;
  return NewNumber(name, architecture.name);
}

Status AddRule(const Context& context, const Rule& rule, const std::string& name, int number) {
  std::vector<scmp_arg_cmp> arguments;
  for (const Argument& argument : rule.arguments) {
    if (argument.index > 5)
      return base::InvalidArgument("seccomp: '{}' has no argument {}", name, argument.index);
    arguments.push_back(
        {argument.index, LibraryCompare(argument.compare), argument.value, argument.value_two});
  }
  const int result =
      seccomp_rule_add_array(context.get(), LibraryAction(rule.action, rule.error), number,
                             static_cast<unsigned>(arguments.size()), arguments.data());
  // Said before, in the same words: nothing to add.
  if (result == 0 || result == -EEXIST) return base::Ok();
  return Error::FromErrno(-result, "seccomp: add the rule for '{}'", name);
}

Result<std::string> Export(const Context& context) {
  const os::UniqueFd memory(memfd_create("seccomp", MFD_CLOEXEC));
  if (!memory) return Error::FromErrno(errno, "seccomp: memfd_create");
  if (const int result = seccomp_export_bpf(context.get(), memory.get()); result != 0) {
    return Error::FromErrno(-result, "seccomp: compile the profile");
  }
  if (lseek(memory.get(), 0, SEEK_SET) != 0)
    return Error::FromErrno(errno, "seccomp: rewind the program");
  return os::ReadAll(memory.get());
}

}  // namespace

Result<std::string> Compile(const Profile& profile, bool strict) {
  ASSIGN_OR_RETURN(const std::vector<Architecture> architectures,
                   ResolveArchitectures(profile.architectures));
  const Context context(seccomp_init(LibraryAction(profile.default_action, profile.default_error)));
  if (context == nullptr)
    return base::InvalidArgument("seccomp: libseccomp refuses the default action");
  for (const Architecture& architecture : architectures) {
    const int result = seccomp_arch_add(context.get(), architecture.token);
    if (result != 0 && result != -EEXIST)
      return Error::FromErrno(-result, "seccomp: add architecture '{}'", architecture.name);
  }
  const bool has_native =
      std::any_of(architectures.begin(), architectures.end(),
                  [](const Architecture& each) { return each.token == seccomp_arch_native(); });
  if (!has_native) (void)seccomp_arch_remove(context.get(), SCMP_ARCH_NATIVE);

  const bool default_allows =
      profile.default_action == Action::kAllow || profile.default_action == Action::kLog;
  std::vector<Answers> answers;
  for (const Architecture& architecture : architectures)
    answers.push_back({architecture.audit_token(), architecture.base(), {}, 0});
  size_t added = 0;
  for (const Rule& rule : profile.rules) {
    const bool as_default = rule.action == profile.default_action &&
                            (rule.action != Action::kErrno || rule.error == profile.default_error);
    for (const std::string& name : rule.names) {
      const int number = seccomp_syscall_resolve_name(name.c_str());
      bool found = number != __NR_SCMP_ERROR;
      for (size_t i = 0; i < architectures.size(); ++i) {
        const std::optional<uint32_t> own = NumberOn(architectures[i], name);
        if (!own) continue;
        if (!default_allows)
          answers[i].newest = std::max(answers[i].newest, *own | architectures[i].base());
        if (number != __NR_SCMP_ERROR) continue;
        found = true;
        if (!rule.arguments.empty()) {
          return base::Unimplemented(
              "seccomp: '{}' is newer than libseccomp here and cannot have argument conditions",
              name);
        }
        answers[i].extra.emplace(*own | architectures[i].base(),
                                 KernelAction(rule.action, rule.error));
      }
      if (!found && strict) return base::InvalidArgument("seccomp: unknown system call '{}'", name);
      // libseccomp refuses a rule that says what the default says.
      if (number == __NR_SCMP_ERROR || as_default) continue;
      RETURN_IF_ERROR(AddRule(context, rule, name, number));
      ++added;
    }
  }
  // A binary tree pays from some rules on; with none, old libraries make a broken one.
  if (added > 8) (void)seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  ASSIGN_OR_RETURN(const std::string body, Export(context));
  std::vector<sock_filter> whole = BuildPrologue(answers);
  const auto* rest = reinterpret_cast<const sock_filter*>(body.data());
  whole.insert(whole.end(), rest, rest + body.size() / sizeof(sock_filter));
  whole = Shorten(whole);
  std::string program(reinterpret_cast<const char*>(whole.data()),
                      whole.size() * sizeof(sock_filter));
  if (program.size() / sizeof(sock_filter) > BPF_MAXINSNS) {
    return base::ResourceExhausted(
        "seccomp: the profile makes {} instructions, the kernel takes {}",
        program.size() / sizeof(sock_filter), BPF_MAXINSNS);
  }
  return program;
}

}  // namespace keelson::seccomp
