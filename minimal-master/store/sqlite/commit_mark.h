// SPDX-License-Identifier: Apache-2.0
// What has been answered, noted outside of the write-ahead log: SQLite takes a log up to its first
// bad frame and says nothing, so that a spoilt one would be a cluster of yesterday. Written over in
// place after each group of commits, never synced: a process that dies leaves it exact, a power cut
// older, and never newer than what is on the disk. By the writer's thread alone.
//
//   <dir>/store.db-answered   magic, durable, latest, log, frames, state, CRC-32C
#pragma once

#include <optional>
#include <string>

#include "lib/os/unique_fd.h"
#include "minimal-master/store/store.h"

namespace keelson::store {

struct Answered {
  enum class State : uint8_t {
    kInLog,          // what is in the log counts
    kCheckpointing,  // as before, and the file may be of two times
    kInFile,         // all of it is in the file, synced: the log is not needed
  };
  Revision durable = 0, latest = 0;  // the latest may be a relaxed one
  uint64_t log = 0;                  // of which log the frames are
  uint32_t frames = 0;               // that are synced
  State state = State::kInLog;
};

std::string AnsweredPath(const std::string& store);  // of the database's file
// nullopt: there is none, as of an older program. DataLoss: it cannot be read.
base::Result<std::optional<Answered>> ReadAnswered(const std::string& path);

class CommitMark {
 public:
  // Goes on with what is there; what cannot be read is put aside by name. Without room for it the
  // store goes unmarked, and says so.
  static CommitMark Open(const std::string& store);

  // `frames` are in the log. Costs a read of 8 bytes and a write of some 50, both cached.
  void Committed(Revision revision, int frames, bool durable);
  void CheckpointBegins();
  void CheckpointEnded(bool whole, Revision revision, int frames);
  const Answered& now() const { return now_; }

 private:
  CommitMark() = default;
  void Write();
  std::string log_path_;
  os::UniqueFd file_, log_;
  Answered now_;
};

// Before SQLite opens the store in `dir`, which would take what it can read for all: DataLoss
// unless what was answered durably is there; then nothing was changed. A log that is spoilt and not
// needed is put aside and named.
base::Status CheckAnswered(const std::string& dir);

}  // namespace keelson::store
