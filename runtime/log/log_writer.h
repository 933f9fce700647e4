// SPDX-License-Identifier: Apache-2.0
// The half of the log process that may wait for a disk: a bounded queue and one thread that writes
// it out. The reading half only ever appends: when the queue is full whole entries are dropped and
// counted, and one marker line says how much was lost once there is room. Add, Append, Reopen,
// Drain and Remove never block on the disk; `reply` runs on the writer thread, in order.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::log {

constexpr size_t kQueueBytes = 1u << 20;

class LogWriter {
 public:
  LogWriter();
  ~LogWriter();  // writes what is queued, then ends

  using Reply = std::function<void(base::Status)>;
  // The file `name` below `dir` is opened for appending, made if it is not there.
  void Add(const std::string& id, os::UniqueFd dir, const std::string& name, const Reply& reply);
  void Append(const std::string& id, std::string_view stream, std::string entry);
  void End(const std::string& id,
           std::string_view stream);  // nothing more will come: what was lost last is said now
  void Reopen(const std::string& id, const Reply& reply);
  void Drain(const Reply& reply);
  void Remove(const std::string& id, const Reply& reply);

 private:
  struct File;
  struct Item {
    std::shared_ptr<File> file;
    std::string entry;  // empty: `work`
    std::function<void()> work;
  };
  void Push(Item item);
  void Run();
  static void WriteEntries(File& file, const std::string& bytes);
  static std::string TakeMarker(File& file, std::string_view stream);
  static base::Status OpenFile(File& file);

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Item> queue_;                              // guarded by mutex_
  size_t queued_bytes_ = 0;                             // guarded by mutex_
  bool stop_ = false;                                   // guarded by mutex_
  std::map<std::string, std::shared_ptr<File>> files_;  // reader's side only
  std::thread thread_;
};

}  // namespace keelson::log
