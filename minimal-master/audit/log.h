// SPDX-License-Identifier: Apache-2.0
// A file of lines, written by one thread: whoever has a line never waits for a disk. What waits is
// bounded; beyond that lines are lost and counted. Grows to a bound and is then moved aside (FILE.1
// is the newest of those), or is reopened by name after somebody else has moved it. Thread-safe;
// the destructor writes what waits.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::audit {

class Log {
 public:
  struct Options {
    std::string path;
    size_t max_waiting_bytes = 8u << 20;
    int64_t max_file_bytes = int64_t{100} << 20;  // 0: never moved aside
    int max_backups = 10;
  };
  static base::Result<std::unique_ptr<Log>> Open(Options options);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // `line` with its end. False: it is lost.
  bool Write(std::string_view line);
  // With the next line. Any thread.
  void Reopen();

  struct Stats {
    uint64_t written = 0;
    uint64_t lost = 0;
  };
  Stats stats() const;

 private:
  explicit Log(Options options) : options_(std::move(options)) {}
  void Run();
  base::Status OpenFile();
  base::Status WriteBatch(std::string_view batch);
  void MoveAside();

  const Options options_;
  // Of the writing thread.
  os::UniqueFd file_;
  int64_t size_ = 0;
  bool cut_ = false;  // a line may have been written in part
  bool failing_ = false;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string waiting_;   // guarded by mutex_
  uint64_t lines_ = 0;    // in waiting_
  size_t under_way_ = 0;  // bytes that the thread has taken
  bool reopen_ = false;   // guarded by mutex_
  bool stop_ = false;     // guarded by mutex_
  Stats stats_;           // guarded by mutex_
  std::thread thread_;
};

}  // namespace keelson::audit
