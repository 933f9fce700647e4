// SPDX-License-Identifier: Apache-2.0
#include "runtime/stats/disk_usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>
#include <vector>

#include "lib/os/files.h"
#include "lib/os/rooted_dir.h"

namespace keelson::stats {

using base::Error;
using base::Result;

namespace {

constexpr int kEntriesBetweenPauses = 256;
// Most of what a container writes for good it writes when it begins.
constexpr std::chrono::seconds kFirstWait(5);
constexpr size_t kMostSharedFiles = 65536;  // files with several names that are remembered

struct DirCloser {
  void operator()(DIR* dir) const { closedir(dir); }
};

// A directory on the way down: its descriptor for lookups, its entries not yet seen.
struct Level {
  os::RootedDir root;
  std::unique_ptr<DIR, DirCloser> entries;
};

Result<Level> OpenLevel(os::UniqueFd directory) {
  ASSIGN_OR_RETURN(os::UniqueFd listing, os::OpenAt(directory.get(), ".", O_RDONLY | O_DIRECTORY));
  DIR* const entries = fdopendir(listing.get());
  if (entries == nullptr) return Error::FromErrno(errno, "list a directory");
  (void)listing.release();
  return Level{os::RootedDir(std::move(directory)), std::unique_ptr<DIR, DirCloser>(entries)};
}

void AddInode(const struct stat& info, DiskUsage& usage, std::set<ino_t>& shared) {
  if (!S_ISDIR(info.st_mode) && info.st_nlink > 1) {
    if (shared.contains(info.st_ino)) return;
    if (shared.size() < kMostSharedFiles) shared.insert(info.st_ino);
  }
  usage.bytes += static_cast<uint64_t>(info.st_blocks) * 512;
  ++usage.inodes;
}

}  // namespace

Result<DiskUsage> CountDisk(const std::string& directory, const DiskLimits& limits,
                            const std::function<bool()>& pause) {
  ASSIGN_OR_RETURN(os::UniqueFd top, os::Open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  struct stat info{};
  if (fstat(top.get(), &info) != 0) return Error::FromErrno(errno, "look at '{}'", directory);
  const dev_t device = info.st_dev;
  DiskUsage usage;
  std::set<ino_t> shared;
  AddInode(info, usage, shared);
  std::vector<Level> levels;
  ASSIGN_OR_RETURN(Level first, OpenLevel(std::move(top)));
  levels.push_back(std::move(first));
  int until_pause = kEntriesBetweenPauses;
  while (!levels.empty()) {
    Level& level = levels.back();
    const dirent* const entry = readdir(level.entries.get());
    if (entry == nullptr) {
      levels.pop_back();
      continue;
    }
    const char* const name = entry->d_name;
    if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) continue;
    if (--until_pause == 0) {
      until_pause = kEntriesBetweenPauses;
      if (!pause()) return base::Cancelled("counting '{}' was ended", directory);
    }
    // What vanishes meanwhile is not there.
    if (fstatat(level.root.fd(), name, &info, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) continue;
    if (info.st_dev != device) continue;
    if (usage.inodes >= limits.most_inodes) {
      usage.whole = false;
      return usage;
    }
    AddInode(info, usage, shared);
    if (!S_ISDIR(info.st_mode)) continue;
    if (levels.size() >= static_cast<size_t>(limits.deepest)) {
      usage.whole = false;
      continue;
    }
    Result<os::UniqueFd> below = level.root.OpenAt(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                                                   {.no_xdev = true, .no_symlinks = true});
    if (!below.ok()) continue;
    Result<Level> next = OpenLevel(std::move(*below));
    if (next.ok()) levels.push_back(std::move(*next));
  }
  return usage;
}

DiskCounter::DiskCounter(const base::Clock& clock, std::chrono::milliseconds period)
    : clock_(clock), period_(period), thread_([this] { Run(); }) {}

DiskCounter::~DiskCounter() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void DiskCounter::Want(std::map<std::string, std::string> directories) {
  const base::SteadyTime now = clock_.Steady();
  bool fresh = false;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_, [&](const auto& entry) { return !directories.contains(entry.first); });
    for (auto& [id, directory] : directories) {
      const auto [at, added] = entries_.try_emplace(id);
      if (!added) continue;
      at->second.directory = std::move(directory);
      at->second.due = now;
      at->second.wait = std::min<std::chrono::nanoseconds>(period_, kFirstWait);
      fresh = true;
    }
  }
  if (fresh) changed_.notify_all();
}

std::optional<DiskUsage> DiskCounter::Find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(id);
  return found == entries_.end() ? std::nullopt : found->second.usage;
}

void DiskCounter::Run() {
  // For this thread alone, and low enough to be polite, not so low that who waits for its lock
  // waits long. Both may be refused.
  constexpr int kOneself = 1, kLowest = 2 << 13 | 7;  // best effort: ioprio_set(2)
  (void)syscall(SYS_ioprio_set, kOneself, 0, kLowest);
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), 10);
  std::unique_lock lock(mutex_);
  while (!stop_) {
    const auto next =
        std::min_element(entries_.begin(), entries_.end(),
                         [](const auto& a, const auto& b) { return a.second.due < b.second.due; });
    const base::SteadyTime now = clock_.Steady();
    if (next == entries_.end()) {
      changed_.wait(lock);
      continue;
    }
    if (next->second.due > now) {
      changed_.wait_for(lock, next->second.due - now);
      continue;
    }
    const std::string id = next->first, directory = next->second.directory;
    next->second.due = now + period_;
    lock.unlock();
    base::SteadyTime began = clock_.Steady();
    // At work a fifth of the time.
    const auto pause = [&] {
      std::unique_lock waiting(mutex_);
      const auto rest = std::min<std::chrono::nanoseconds>((clock_.Steady() - began) * 4,
                                                           std::chrono::seconds(1));
      changed_.wait_for(waiting, rest, [&] { return stop_ || !entries_.contains(id); });
      began = clock_.Steady();
      return !stop_ && entries_.contains(id);
    };
    Result<DiskUsage> usage = CountDisk(directory, {}, pause);
    lock.lock();
    const auto entry = entries_.find(id);
    if (entry == entries_.end()) continue;
    if (usage.ok()) {
      usage->counted_at = clock_.WallNanos();
      entry->second.usage = *usage;
    }
    entry->second.due = clock_.Steady() + entry->second.wait;
    entry->second.wait = std::min<std::chrono::nanoseconds>(entry->second.wait * 2, period_);
  }
}

}  // namespace keelson::stats
