// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/sqlite/commit_mark.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/codec.h"
#include "lib/base/crc32c.h"
#include "lib/base/log.h"
#include "lib/os/files.h"
#include "lib/os/set_aside.h"
#include "minimal-master/store/sqlite/log_file.h"
#include "minimal-master/store/sqlite/maintenance.h"
#include "minimal-master/store/sqlite/schema.h"

namespace keelson::store {

using State = Answered::State;

namespace {

constexpr uint64_t kMagic = 0x316b72616d6c6b6b;  // "kklmark1"

std::string Encode(const Answered& answered) {
  base::Writer out;
  out.U64(kMagic);
  out.I64(answered.durable);
  out.I64(answered.latest);
  out.U64(answered.log);
  out.U32(answered.frames);
  out.U8(static_cast<uint8_t>(answered.state));
  out.U32(base::Crc32c(out.bytes()));
  return out.Take();
}

base::Error Lost(const std::string& path, const std::string& what) {
  return base::DataLoss(
      "'{}' {}: restore a backup, or remove '{}' to go on with what can be read, without changes "
      "that were answered",
      path + "-wal", what, AnsweredPath(path));
}

base::Result<Revision> RevisionOf(const std::string& path, Database::Mode mode) {
  ASSIGN_OR_RETURN(Database database, Database::Open(path, mode));
  ASSIGN_OR_RETURN(const int64_t version, database.Number("PRAGMA user_version"));
  if (version > kSchemaVersion)
    return base::FailedPrecondition("it is of a newer program, schema {}", version);
  // Before the first checkpoint not even the tables are in the file.
  return version == 0 ? base::Result<Revision>(0) : LastRevision(database);
}

}  // namespace

std::string AnsweredPath(const std::string& store) { return store + "-answered"; }

base::Result<std::optional<Answered>> ReadAnswered(const std::string& path) {
  const auto text = os::ReadFile(path, 4096);
  if (!text.ok() && text.error().code() == base::Code::kNotFound) return std::optional<Answered>();
  if (!text.ok()) return base::DataLoss("{}", text.error().message());
  base::Reader in(*text);
  Answered out;
  const uint64_t magic = in.U64();
  out.durable = in.I64();
  out.latest = in.I64();
  out.log = in.U64();
  out.frames = in.U32();
  out.state = static_cast<State>(in.U8());
  if (!in.ok() || magic != kMagic || out.state > State::kInFile || *text != Encode(out))
    return base::DataLoss("it is no mark of commits");
  return std::optional<Answered>(out);
}

CommitMark CommitMark::Open(const std::string& store) {
  CommitMark mark;
  mark.log_path_ = store + "-wal";
  const std::string path = AnsweredPath(store);
  const auto open = [&]() -> base::Status {
    const auto there = ReadAnswered(path);
    if (!there.ok()) {
      base::LogWarn("the mark of what was answered cannot be used, put aside and begun anew",
                    {{"path", path}, {"aside", os::AsidePath(path)}, {"error", there.error()}});
      RETURN_IF_ERROR(os::SetAside(path));
    } else if (*there) {
      mark.now_ = **there;
    }
    ASSIGN_OR_RETURN(mark.file_, os::Open(path, O_RDWR | O_CREAT, 0600));
    return base::Ok();
  };
  if (const base::Status opened = open(); !opened.ok())
    base::LogWarn("what is answered is not marked", {{"path", path}, {"error", opened.error()}});
  return mark;
}

// Without room it stays as it was, which asks for less.
void CommitMark::Write() {
  if (!file_) return;
  const std::string text = Encode(now_);
  (void)!::pwrite(file_.get(), text.data(), text.size(), 0);
}

void CommitMark::Committed(Revision revision, int frames, bool durable) {
  // The file of the log stays the same one as long as the database is open.
  if (!log_) {
    auto opened = os::Open(log_path_, O_RDONLY);
    if (opened.ok()) log_ = std::move(*opened);
  }
  const std::optional<uint64_t> log = log_ ? NameOfLog(log_.get()) : std::nullopt;
  if (!log) return;
  // All of one before is in the file.
  if (*log != now_.log) now_.frames = 0;
  now_.log = *log;
  now_.latest = revision;
  if (durable) {
    now_.durable = revision;
    now_.frames = static_cast<uint32_t>(frames);
  }
  now_.state = State::kInLog;
  Write();
}

void CommitMark::CheckpointBegins() {
  if (now_.state == State::kInFile) return;
  now_.state = State::kCheckpointing;
  Write();
}

void CommitMark::CheckpointEnded(bool whole, Revision revision, int frames) {
  now_.state = whole ? State::kInFile : State::kInLog;
  if (whole) {
    now_.durable = now_.latest = revision;
    now_.frames = static_cast<uint32_t>(frames);
  }
  Write();
}

base::Status CheckAnswered(const std::string& dir) {
  const std::string path = StorePath(dir);
  const auto read = ReadAnswered(AnsweredPath(path));
  if (!read.ok() || !*read || !os::Exists(path)) return base::Ok();
  const Answered& answered = **read;
  const LogFile log = ReadLogFile(path + "-wal");
  const bool same = log.is_log && log.name == answered.log;
  if (same && log.frames >= answered.frames) return base::Ok();
  if (same && answered.state != State::kInFile)
    return Lost(path, fmt::format("is damaged: it can be read up to frame {}, and {} are synced",
                                  log.frames, answered.frames));
  // Another log began when all before was in the file. No log: the file alone has to have it.
  const bool another = log.is_log && !same;
  if (!another && answered.state == State::kCheckpointing)
    return Lost(path, "is gone or damaged, while it was being brought into the database");
  const auto last =
      RevisionOf(path, another ? Database::Mode::kReadOnly : Database::Mode::kFileAlone);
  if (!last.ok()) {
    // Told by who opens it, in its own words.
    if (last.error().code() == base::Code::kFailedPrecondition) return base::Ok();
    return base::DataLoss("'{}' cannot be read ({}): restore a backup", path,
                          last.error().message());
  }
  if (*last < answered.durable)
    return Lost(path, fmt::format("is gone or damaged: changes were answered up to revision {}, "
                                  "and without it they end at {}",
                                  answered.durable, *last));
  struct stat file{};
  if (!another && ::lstat((path + "-wal").c_str(), &file) == 0 && S_ISREG(file.st_mode) &&
      file.st_size > 0) {
    const std::string aside = os::AsidePath(path + "-wal");
    base::LogWarn("the store's log is damaged and not needed, put aside",
                  {{"path", path + "-wal"}, {"aside", aside}});
    return os::SetAside(path + "-wal");
  }
  return base::Ok();
}

}  // namespace keelson::store
