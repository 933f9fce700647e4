// SPDX-License-Identifier: Apache-2.0
#include "runtime/stats/links.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <thread>

#include "lib/base/strings.h"
#include "lib/os/files.h"

namespace keelson::stats {

using base::Result;

namespace {

constexpr size_t kMostLinks = 64;
constexpr size_t kMostBytes = 65536;

Result<os::UniqueFd> OpenInside(const std::string& netns_path) {
  ASSIGN_OR_RETURN(const os::UniqueFd netns, os::Open(netns_path, O_RDONLY));
  if (setns(netns.get(), CLONE_NEWNET) != 0)
    return base::Error::FromErrno(errno, "enter the network namespace '{}'", netns_path);
  return os::Open("/proc/thread-self/net/dev", O_RDONLY);
}

}  // namespace

std::vector<Link> ParseLinks(std::string_view text) {
  std::vector<Link> links;
  for (const std::string_view line : base::Split(text.substr(0, kMostBytes), '\n')) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || links.size() >= kMostLinks) continue;
    const std::string_view name = base::Trim(line.substr(0, colon));
    if (name == "lo" || name.empty()) continue;
    // Receive: bytes packets errs drop fifo frame compressed multicast; transmit: bytes packets
    // errs drop …
    std::array<uint64_t, 12> numbers{};
    size_t count = 0;
    for (const std::string_view word : base::Split(line.substr(colon + 1), ' ')) {
      if (word.empty() || count == numbers.size()) continue;
      const std::optional<uint64_t> number = base::ParseUint64(word);
      if (!number) break;
      numbers[count++] = *number;
    }
    if (count < numbers.size()) continue;
    links.push_back({std::string(name), numbers[0], numbers[1], numbers[2], numbers[3], numbers[8],
                     numbers[9], numbers[10], numbers[11]});
  }
  return links;
}

Result<std::vector<Link>> ReadLinks(int net_dev) {
  std::string text(8192, '\0');
  size_t length = 0;
  for (;;) {
    const ssize_t got =
        pread(net_dev, text.data() + length, text.size() - length, static_cast<off_t>(length));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::Error::FromErrno(errno, "read link counters");
    if (got == 0) break;
    length += static_cast<size_t>(got);
    if (length < 2048) break;  // the kernel fills half a page before it gives less than is wanted
    if (length == text.size()) {
      if (length >= kMostBytes) break;
      text.resize(text.size() * 2);
    }
  }
  return ParseLinks(std::string_view(text).substr(0, length));
}

std::vector<Result<os::UniqueFd>> OpenLinks(const std::vector<std::string>& netns_paths) {
  std::vector<Result<os::UniqueFd>> files;
  if (netns_paths.empty()) return files;
  // setns(2) would move the caller for good; this thread ends.
  std::thread thread([&] {
    for (const std::string& path : netns_paths) files.push_back(OpenInside(path));
  });
  thread.join();
  return files;
}

}  // namespace keelson::stats
