// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/sqlite/maintenance.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "lib/base/log.h"
#include "lib/os/files.h"
#include "lib/os/set_aside.h"
#include "minimal-master/store/sqlite/commit_mark.h"
#include "minimal-master/store/sqlite/schema.h"

namespace keelson::store {
namespace {

// When what a store has given out cannot be read any more.
constexpr Revision kBlindJump = Revision{1} << 30;
constexpr Revision kJump = 1'000'000;

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

base::Status SyncFile(const std::string& path) {
  ASSIGN_OR_RETURN(const os::UniqueFd file, os::Open(path, O_RDONLY));
  if (::fsync(file.get()) != 0) return base::Error::FromErrno(errno, "fsync '{}'", path);
  return base::Ok();
}

base::Status Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    return base::Error::FromErrno(errno, "rename '{}' to '{}'", from, to);
  }
  return SyncFile(FolderOf(to));
}

base::Status RemoveDatabase(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    RETURN_IF_ERROR(os::RemoveFile(path + suffix));
  }
  return base::Ok();
}

base::Status CopyFile(const std::string& from, const std::string& to) {
  ASSIGN_OR_RETURN(const os::UniqueFd in, os::Open(from, O_RDONLY));
  ASSIGN_OR_RETURN(const os::UniqueFd out, os::Open(to, O_WRONLY | O_CREAT | O_EXCL, 0600));
  std::string buffer(1 << 20, '\0');
  for (;;) {
    const ssize_t size = ::read(in.get(), buffer.data(), buffer.size());
    if (size == 0) break;
    if (size < 0) {
      if (errno == EINTR) continue;
      return base::Error::FromErrno(errno, "read '{}'", from);
    }
    RETURN_IF_ERROR(
        os::WriteAll(out.get(), std::string_view(buffer).substr(0, static_cast<size_t>(size))));
  }
  if (::fsync(out.get()) != 0) return base::Error::FromErrno(errno, "fsync '{}'", to);
  return base::Ok();
}

base::Status CheckSums(Database& database) {
  ASSIGN_OR_RETURN(Statement rows, database.Prepare("SELECT key, rev, crc, val FROM kv"));
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return base::Ok();
    if (RowSum(rows.Text(0), rows.Int(1), rows.Blob(3)) != rows.Int(2)) {
      return base::DataLoss("the row of key '{}' is damaged", rows.Text(0));
    }
  }
}

base::Result<BackupInfo> Verify(const std::string& path) {
  ASSIGN_OR_RETURN(Database database, Database::Open(path, Database::Mode::kReadOnly));
  RETURN_IF_ERROR(CheckSchema(database));
  ASSIGN_OR_RETURN(const std::string sound, database.Text("PRAGMA integrity_check(1)"));
  if (sound != "ok") return base::DataLoss("it is damaged: {}", sound);
  RETURN_IF_ERROR(CheckSums(database));
  BackupInfo info;
  ASSIGN_OR_RETURN(info.revision, LastRevision(database));
  ASSIGN_OR_RETURN(info.keys, database.Number("SELECT count(*) FROM kv"));
  ASSIGN_OR_RETURN(info.written, GetMeta(database, "written"));
  return info;
}

// The highest revision that the store in place has given out.
base::Result<Revision> HighestOf(const std::string& path) {
  ASSIGN_OR_RETURN(Database database, Database::Open(path, Database::Mode::kReadWrite));
  RETURN_IF_ERROR(CheckSchema(database));
  ASSIGN_OR_RETURN(const Revision last, LastRevision(database));
  RETURN_IF_ERROR(database.Checkpoint(true));  // the file alone is then all of it
  return last;
}

base::Status JumpTo(const std::string& path, Revision last, Revision next) {
  ASSIGN_OR_RETURN(Database database, Database::Open(path, Database::Mode::kReadWrite));
  RETURN_IF_ERROR(PrepareSchema(database));
  RETURN_IF_ERROR(AddHole(database, last, next));
  RETURN_IF_ERROR(SetMeta(database, "base", next));
  RETURN_IF_ERROR(SetMeta(database, "clean", 1));
  return database.Checkpoint(true);
}

}  // namespace

std::string StorePath(const std::string& dir) { return dir + "/store.db"; }

base::Result<os::UniqueFd> LockStore(const std::string& dir) {
  RETURN_IF_ERROR(os::MakeDirs(dir, 0700));
  ASSIGN_OR_RETURN(os::UniqueFd lock, os::Open(dir + "/lock", O_RDWR | O_CREAT, 0600));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return base::FailedPrecondition("it is in use by another process (lock '{}/lock')", dir);
    }
    return base::Error::FromErrno(errno, "lock '{}/lock'", dir);
  }
  return lock;
}

base::Status CheckNotLost(const std::string& dir, const os::UniqueFd& lock) {
  struct stat mark{}, file{};
  if (::fstat(lock.get(), &mark) != 0 || mark.st_size == 0) return base::Ok();
  const std::string path = StorePath(dir);
  const bool there = ::lstat(path.c_str(), &file) == 0;
  if (there && (!S_ISREG(file.st_mode) || file.st_size > 0)) return base::Ok();
  return base::DataLoss(
      "'{}' is {}, and a store was there: restore a backup, or move '{}' away to begin an empty "
      "cluster",
      path, there ? "empty" : "gone", dir);
}

base::Status ClearBeside(const std::string& dir) {
  for (const char* suffix : {"-wal", "-shm"}) {
    const std::string path = StorePath(dir) + suffix;
    struct stat file{};
    if (::lstat(path.c_str(), &file) != 0 || S_ISREG(file.st_mode)) continue;
    base::LogError("it is no file, put aside; commits that were in one are lost",
                   {{"path", path}, {"aside", os::AsidePath(path)}});
    RETURN_IF_ERROR(os::SetAside(path));
  }
  return base::Ok();
}

// Without room for it the next start says it.
void RememberStore(const os::UniqueFd& lock) {
  constexpr std::string_view kMark = "a store was made here\n";
  struct stat mark{};
  if (::fstat(lock.get(), &mark) == 0 && mark.st_size == 0)
    (void)!::pwrite(lock.get(), kMark.data(), kMark.size(), 0);
}

base::Status BackupStore(const std::string& dir, const std::string& path,
                         const base::Clock& clock) {
  if (os::Exists(path)) return base::AlreadyExists("it is there already");
  const std::string partial = path + ".partial";
  RETURN_IF_ERROR(RemoveDatabase(partial));
  const auto write = [&]() -> base::Status {
    {
      // Secrets are in it: nobody else's from the first byte on. SQLite takes an empty file.
      ASSIGN_OR_RETURN(const os::UniqueFd made,
                       os::Open(partial, O_WRONLY | O_CREAT | O_EXCL, 0600));
      ASSIGN_OR_RETURN(Database database,
                       Database::Open(StorePath(dir), Database::Mode::kReadOnly));
      ASSIGN_OR_RETURN(Statement copy, database.Prepare("VACUUM INTO ?1"));
      RETURN_IF_ERROR(copy.BindText(1, partial).Run());
    }
    {
      ASSIGN_OR_RETURN(Database database, Database::Open(partial, Database::Mode::kReadWrite));
      RETURN_IF_ERROR(SetMeta(database, "written", clock.WallNanos() / 1'000'000'000));
    }
    if (auto sound = Verify(partial); !sound.ok()) return sound.error();
    RETURN_IF_ERROR(SyncFile(partial));
    return Rename(partial, path);
  };
  const base::Status written = write();
  if (!written.ok()) (void)RemoveDatabase(partial);
  return written;
}

base::Result<BackupInfo> VerifyBackup(const std::string& path) {
  return Verify(path).WithContext(fmt::format("read the backup '{}'", path));
}

base::Result<BackupInfo> RestoreStore(const std::string& path, const std::string& dir) {
  ASSIGN_OR_RETURN(const BackupInfo info, VerifyBackup(path));
  const std::string context = fmt::format("restore the store in '{}'", dir);
  const auto restore = [&]() -> base::Status {
    ASSIGN_OR_RETURN(const os::UniqueFd lock, LockStore(dir));
    const std::string place = StorePath(dir);
    const std::string incoming = place + ".incoming";
    Revision next = info.revision + kBlindJump;
    if (os::Exists(place)) {
      // Of a log that is spoilt no part is brought into what is kept.
      const base::Status readable = CheckAnswered(dir);
      const auto highest =
          readable.ok() ? HighestOf(place) : base::Result<Revision>(readable.error());
      if (highest.ok()) next = std::max(info.revision, *highest) + kJump;
    }
    RETURN_IF_ERROR(RemoveDatabase(incoming));
    RETURN_IF_ERROR(CopyFile(path, incoming));
    RETURN_IF_ERROR(JumpTo(incoming, info.revision, next));
    for (const char* suffix : {"-wal", "-shm"}) RETURN_IF_ERROR(os::RemoveFile(incoming + suffix));
    RETURN_IF_ERROR(SyncFile(incoming));
    // It is of the store that goes.
    RETURN_IF_ERROR(os::RemoveTree(AnsweredPath(place)));
    if (os::Exists(place)) {
      // What is in a log that could not be read goes along.
      RETURN_IF_ERROR(RemoveDatabase(place + ".before-restore"));
      for (const char* suffix : {"-wal", "-shm"}) {
        if (os::Exists(place + suffix)) {
          RETURN_IF_ERROR(Rename(place + suffix, place + ".before-restore" + suffix));
        }
      }
      // A second name first: there is never a moment without a store.
      if (::link(place.c_str(), (place + ".before-restore").c_str()) != 0) {
        return base::Error::FromErrno(errno, "keep '{}'", place);
      }
    }
    return Rename(incoming, place);
  };
  const base::Status restored = restore().WithContext(context);
  if (!restored.ok()) return restored.error();
  return info;
}

base::Status StepBackStore(const std::string& dir, int version) {
  const auto step = [&]() -> base::Status {
    ASSIGN_OR_RETURN(const os::UniqueFd lock, LockStore(dir));
    ASSIGN_OR_RETURN(Database database, Database::Open(StorePath(dir), Database::Mode::kReadWrite));
    RETURN_IF_ERROR(StepBackSchema(database, version));
    RETURN_IF_ERROR(os::RemoveTree(AnsweredPath(StorePath(dir))));  // the older one keeps none
    return database.Checkpoint(true);
  };
  return step().WithContext(fmt::format("step back the store in '{}'", dir));
}

}  // namespace keelson::store
