// SPDX-License-Identifier: Apache-2.0
// What containers wrote to their own layers: counted by a thread of low priority that takes its
// time, one directory after the other, each about once a minute (a new one sooner), and remembered.
// Reading answers from memory. A container can shape what lies there: nothing is followed, crossed
// or opened but directories, and depth and number are bounded. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace keelson::stats {

struct DiskUsage {
  uint64_t bytes = 0;  // blocks taken; a file with several names counts once
  uint64_t inodes = 0;
  int64_t counted_at = 0;  // wall nanoseconds
  bool whole = true;       // false: deeper or more than is counted
};

struct DiskLimits {
  uint64_t most_inodes = 5'000'000;
  int deepest = 100;  // a descriptor each
};
// `pause` is called now and then and says whether to go on.
base::Result<DiskUsage> CountDisk(const std::string& directory, const DiskLimits& limits,
                                  const std::function<bool()>& pause);

class DiskCounter {
 public:
  DiskCounter(const base::Clock& clock, std::chrono::milliseconds period);
  ~DiskCounter();
  DiskCounter(const DiskCounter&) = delete;
  DiskCounter& operator=(const DiskCounter&) = delete;

  // What there is to count from now on, id → directory; others are forgotten. Empty: rest.
  void Want(std::map<std::string, std::string> directories);
  std::optional<DiskUsage> Find(const std::string& id) const;

 private:
  struct Entry {
    std::string directory;
    std::optional<DiskUsage> usage;
    base::SteadyTime due;
    std::chrono::nanoseconds wait;  // until it is counted again
  };
  void Run();

  const base::Clock& clock_;
  const std::chrono::milliseconds period_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Entry> entries_;  // guarded by mutex_
  bool stop_ = false;                     // guarded by mutex_
  std::thread thread_;
};

}  // namespace keelson::stats
