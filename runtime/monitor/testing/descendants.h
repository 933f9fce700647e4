// SPDX-License-Identifier: Apache-2.0
// For tests that failed: ends every process below this one, as an anchor and monitors that hang
// and would stay for ever. Nothing else is touched, whatever it is called.
#pragma once
#include <signal.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::monitor {

inline void CollectDescendants(const std::string& pid, std::vector<pid_t>& found) {
  const std::string tasks = "/proc/" + pid + "/task";
  const base::Result<std::vector<os::DirEntry>> threads = os::ListDir(tasks);
  if (!threads.ok()) return;
  for (const os::DirEntry& thread : *threads) {
    const std::string children = os::ReadFile(tasks + "/" + thread.name + "/children").ValueOr("");
    for (const std::string_view word : base::Split(children, ' ')) {
      const auto child = base::ParseUint64(std::string(word));
      if (!child) continue;
      found.push_back(static_cast<pid_t>(*child));
      CollectDescendants(std::string(word), found);
    }
  }
}

inline void KillDescendants() {
  std::vector<pid_t> found;
  CollectDescendants(std::to_string(getpid()), found);
  for (const pid_t pid : found) (void)kill(pid, SIGKILL);
}

}  // namespace keelson::monitor
