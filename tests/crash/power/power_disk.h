// SPDX-License-Identifier: Apache-2.0
// A disk whose every write is written down, and what a power cut could have left of it. For tests
// in a mount namespace of their own, as root. Whatever happens to the test, nothing of it stays:
// the loop devices go with their last user, the recording process with its parent. Not thread-safe;
// failures are the test's.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/os/process.h"
#include "lib/os/unique_fd.h"

namespace keelson::power_test {

enum class FileSystem { kExt4, kXfs };
const char* NameOf(FileSystem kind);

// `image` (a file) by a loop device at `place`, until destroyed.
class LoopMount {
 public:
  static base::Result<LoopMount> Mount(FileSystem kind, const std::string& image,
                                       const std::string& place);
  LoopMount(LoopMount&& other) noexcept : place_(std::move(other.place_)) { other.place_.clear(); }
  LoopMount& operator=(LoopMount&&) = delete;
  ~LoopMount();
  // Waits for whoever still has something open there; the error names the place.
  base::Status Unmount();

 private:
  explicit LoopMount(std::string place) : place_(std::move(place)) {}
  std::string place_;
};

// Positions count the log's entries: a cut at N has seen the first N.
class RecordedDisk {
 public:
  // A fresh file system, mounted at `place`; everything else is kept below `dir`, which should be
  // in memory.
  static base::Result<std::unique_ptr<RecordedDisk>> Make(FileSystem kind, const std::string& dir,
                                                          const std::string& place);
  ~RecordedDisk();
  size_t Position();
  base::Status Sync();     // syncfs(2)
  base::Status Unmount();  // the log stays

  struct Entry {
    uint64_t offset = 0;  // on the disk
    std::string data;     // empty: a flush
  };
  const std::vector<Entry>& Log();
  const std::string& pristine() const { return pristine_; }  // the image before the first entry
  FileSystem kind() const { return kind_; }

 private:
  RecordedDisk() = default;
  base::Status Serve();
  void ReadLog();
  FileSystem kind_{};
  std::string dir_, place_, pristine_;
  std::unique_ptr<os::ChildProcess> server_;
  std::unique_ptr<LoopMount> mount_;
  std::vector<Entry> log_;
  uint64_t read_ = 0;  // bytes of the log's file
};

// Which of the writes that no flush has made durable are there nevertheless.
enum class Survivors { kAll, kNone, kSome };

// Images of the disk as cuts leave it. Positions must not go back.
class Cutter {
 public:
  Cutter(RecordedDisk& disk, const std::string& dir);
  // Makes `image`. kSome takes each with even odds, and of the last one some sectors.
  base::Status Cut(size_t position, Survivors survivors, std::mt19937& random,
                   const std::string& image);

 private:
  RecordedDisk& disk_;
  std::string durable_;  // the image as of the last flush up to `next_`
  size_t next_ = 0;      // the first entry that is not in it
};

}  // namespace keelson::power_test
