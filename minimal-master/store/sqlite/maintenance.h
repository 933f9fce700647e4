// SPDX-License-Identifier: Apache-2.0
// What is done to a store's files as a whole: the lock, backup, restore, the step back to an older
// program. Blocking, any thread; all but BackupStore need the store closed, and take its lock.
#pragma once

#include <string>

#include "lib/base/clock.h"
#include "lib/os/unique_fd.h"
#include "minimal-master/store/store.h"

namespace keelson::store {

std::string StorePath(const std::string& dir);
// Makes the folder. FailedPrecondition: somebody has the store open.
base::Result<os::UniqueFd> LockStore(const std::string& dir);
// DataLoss: a store was made here, which its lock remembers, and its file is gone or empty: an
// empty cluster in its place would end every pod of every node.
base::Status CheckNotLost(const std::string& dir, const os::UniqueFd& lock);
// What SQLite keeps beside the file is a file, or goes to NAME.bad and is named.
base::Status ClearBeside(const std::string& dir);
void RememberStore(const os::UniqueFd& lock);

// A whole copy as of one moment, while the store is open and written to. It appears under its name
// when it is complete and on the disk.
base::Status BackupStore(const std::string& dir, const std::string& path, const base::Clock& clock);

struct BackupInfo {
  Revision revision = 0;
  int64_t keys = 0;
  int64_t written = 0;  // Unix seconds
};
// Reads all of it: DataLoss with a sentence when it is damaged or no backup.
base::Result<BackupInfo> VerifyBackup(const std::string& path);

// Puts a backup in the place of the store in `dir`, whose file stays as store.db.before-restore.
// Its revisions go on above all that either has given out. Refuses a damaged backup before anything
// changes.
base::Result<BackupInfo> RestoreStore(const std::string& path, const std::string& dir);

// As an older program knows it.
base::Status StepBackStore(const std::string& dir, int version);

}  // namespace keelson::store
