// SPDX-License-Identifier: Apache-2.0
// The half of the log process that may wait for a disk: a bounded queue and one thread that writes
// it out. The reading half only ever appends: when the queue is full whole entries are dropped and
// counted; what the disk refuses is counted too. One marker line says how much was lost, as soon as
// there is room: before the next entry, or by itself when nothing more comes. Add, Append, Reopen,
// Drain and Remove never block on the disk; `reply` runs on the writer thread, in order.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "lib/base/clock.h"
#include "lib/base/result.h"
#include "lib/os/unique_fd.h"

namespace keelson::log {

constexpr size_t kQueueBytes = 1u << 20;

class LogWriter {
 public:
  LogWriter();
  ~LogWriter();  // writes what is queued, then ends

  using Reply = std::function<void(base::Status)>;
  // The file `name` below `dir` is opened for appending, made if it is not there. `resumed`: by a
  // log process whose predecessor died, and with it what it held.
  void Add(const std::string& id, os::UniqueFd dir, const std::string& name, bool resumed,
           const Reply& reply);
  // False: it is lost, for want of room.
  bool Append(const std::string& id, std::string_view stream, std::string entry);
  // Instead of Append(): an entry that its container's rate leaves no room for.
  void LoseByRate(const std::string& id, size_t bytes, uint64_t bytes_per_second);
  // What was lost last is said now, where there is room for it.
  bool SayLost(const std::string& id, std::string_view stream);
  // In any case: nothing more will come.
  void End(const std::string& id, std::string_view stream);
  // Not begun before `until` (0: any time) it is not done: nobody waits for it any more, and the
  // name may be another file's.
  void Reopen(const std::string& id, base::SteadyTime until, const Reply& reply);
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
  bool HasRoom(size_t bytes);
  void Run();
  void WriteEntries(const std::shared_ptr<File>& file, const std::string& bytes);
  static bool WriteMarker(File& file);
  static std::string TakeMarkers(File& file, std::string_view stream);
  static base::Status OpenFile(File& file);

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Item> queue_;                              // guarded by mutex_
  size_t queued_bytes_ = 0;                             // guarded by mutex_
  bool stop_ = false;                                   // guarded by mutex_
  std::map<std::string, std::shared_ptr<File>> files_;  // reader's side only
  std::set<std::shared_ptr<File>> owing_;               // writer thread only: a marker
  std::thread thread_;
};

}  // namespace keelson::log
