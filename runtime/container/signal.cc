// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/signal.h"

#include <signal.h>

#include <string>
#include <tuple>
#include <utility>

#include "lib/base/strings.h"

namespace keelson::container {

std::optional<int> ParseSignal(std::string_view text) {
  if (const std::optional<uint64_t> number = base::ParseUint64(text)) {
    return *number >= 1 && *number <= 64 ? std::optional<int>(static_cast<int>(*number))
                                         : std::nullopt;
  }
  static constexpr std::pair<std::string_view, int> kNames[] = {
      {"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"BUS", SIGBUS},       {"CHLD", SIGCHLD},
      {"CLD", SIGCHLD},  {"CONT", SIGCONT}, {"FPE", SIGFPE},       {"HUP", SIGHUP},
      {"ILL", SIGILL},   {"INT", SIGINT},   {"IO", SIGIO},         {"IOT", SIGIOT},
      {"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"POLL", SIGPOLL},     {"PROF", SIGPROF},
      {"PWR", SIGPWR},   {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV},     {"STKFLT", SIGSTKFLT},
      {"STOP", SIGSTOP}, {"SYS", SIGSYS},   {"TERM", SIGTERM},     {"TRAP", SIGTRAP},
      {"TSTP", SIGTSTP}, {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},     {"URG", SIGURG},
      {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"VTALRM", SIGVTALRM}, {"WINCH", SIGWINCH},
      {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ}};
  std::string name(text);
  for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  if (name.starts_with("SIGNAL_")) name = name.substr(7);  // the CRI's enumerators
  if (name.starts_with("SIG")) name = name.substr(3);
  for (const auto& [known, number] : kNames) {
    if (name == known) return number;
  }
  // RTMIN is the kernel's 34 for programs of every libc; a client may write RTMIN+3, the CRI writes
  // RTMINPLUS3.
  for (const auto& [prefix, base_number, sign] :
       {std::tuple{std::string_view("RTMIN"), 34, 1}, {std::string_view("RTMAX"), 64, -1}}) {
    if (!name.starts_with(prefix)) continue;
    std::string_view rest = std::string_view(name).substr(prefix.size());
    if (rest.empty()) return base_number;
    const std::string_view words[] = {sign > 0 ? "PLUS" : "MINUS", sign > 0 ? "+" : "-"};
    for (const std::string_view word : words) {
      if (!rest.starts_with(word)) continue;
      const std::optional<uint64_t> offset = base::ParseUint64(rest.substr(word.size()));
      if (offset && *offset <= 30) return base_number + sign * static_cast<int>(*offset);
    }
  }
  return std::nullopt;
}

}  // namespace keelson::container
