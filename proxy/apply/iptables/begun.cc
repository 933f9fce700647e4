// SPDX-License-Identifier: Apache-2.0
#include "proxy/apply/iptables/begun.h"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <string>

#include "lib/base/strings.h"
#include "lib/os/files.h"
#include "lib/os/process.h"

namespace keelson::proxy::iptables {
namespace {

// A proxy's copy becomes a command within a moment; one that is a whole proxy is not waited for.
constexpr std::chrono::seconds kOnItsWay{1};

std::string Link(const std::string& path) {
  char text[PATH_MAX];
  const ssize_t size = readlink(path.c_str(), text, sizeof text);
  return size < 0 ? "" : std::string(text, static_cast<size_t>(size));
}

bool IsCommand(const std::string& process) {
  const std::string words = os::ReadFile(process + "/cmdline", 4096).ValueOr("");
  const std::string first = words.substr(0, words.find('\0'));
  const std::string name = first.substr(first.rfind('/') + 1);
  return name.starts_with("iptables") || name.starts_with("ip6tables");
}

}  // namespace

void AwaitBegun(std::chrono::seconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  const std::string network = Link("/proc/thread-self/ns/net"), self = Link("/proc/self/exe");
  for (const auto& [name, type] : os::ListDir("/proc").ValueOr({})) {
    const auto pid = base::ParseUint64(name);
    const std::string process = "/proc/" + name;
    if (!pid || static_cast<pid_t>(*pid) == getpid() || Link(process + "/ns/net") != network)
      continue;
    const auto pidfd = os::OpenPidfd(static_cast<pid_t>(*pid));
    if (!pidfd.ok()) continue;
    const auto wait_for = [&](std::chrono::steady_clock::time_point until, auto still) {
      pollfd ended{pidfd->get(), POLLIN, 0};
      while (still() && std::chrono::steady_clock::now() < until && poll(&ended, 1, 10) == 0) {
      }
    };
    wait_for(std::min(end, std::chrono::steady_clock::now() + kOnItsWay),
             [&] { return Link(process + "/exe") == self; });
    wait_for(end, [&] { return IsCommand(process); });
  }
}

}  // namespace keelson::proxy::iptables
