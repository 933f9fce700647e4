// SPDX-License-Identifier: Apache-2.0
// What reads the file: Get, List, Scan, and the checks of checksums.
#include "lib/base/log.h"
#include "minimal-master/store/sqlite/maintenance.h"
#include "minimal-master/store/sqlite/sqlite_store.h"

namespace keelson::store {
namespace {

constexpr int kCheckRows = 200;

// A read transaction: everything in it is as of one moment.
class Reading {
 public:
  explicit Reading(Database& database) : database_(database) {}
  base::Status Begin() { return database_.Run("BEGIN"); }
  ~Reading() {
    if (database_.InTransaction()) (void)database_.Run("ROLLBACK");
  }

 private:
  Database& database_;
};

}  // namespace

void SqliteStore::Damaged(std::string_view key) {
  {
    std::lock_guard lock(state_mutex_);
    if (!damaged_.emplace(key).second) return;
  }
  base::LogError("a row of the store is damaged: write the object anew, or restore a backup",
                 {{"key", key}});
}

base::Result<KeyValue> SqliteStore::Get(std::string_view key) {
  std::lock_guard lock(reader_mutex_);
  ASSIGN_OR_RETURN(Statement get, reader_.Prepare("SELECT rev, crc, val FROM kv WHERE key = ?1"));
  ASSIGN_OR_RETURN(const bool there, get.BindText(1, key).Step());
  if (!there) return base::NotFound("no key '{}'", key);
  if (RowSum(key, get.Int(0), get.Blob(2)) != get.Int(1)) {
    Damaged(key);
    return base::DataLoss("the row of key '{}' is damaged", key);
  }
  return KeyValue{std::string(key), get.Int(0), Bytes::Copy(get.Blob(2))};
}

base::Result<ListResult> SqliteStore::ReadRows(std::string_view prefix, std::string_view from,
                                               size_t limit,
                                               const std::function<void(KeyValue)>& row) {
  std::lock_guard lock(reader_mutex_);
  Reading reading(reader_);
  RETURN_IF_ERROR(reading.Begin());
  ListResult out;
  ASSIGN_OR_RETURN(out.revision, LastRevision(reader_));
  const std::string end = PrefixEnd(prefix);
  ASSIGN_OR_RETURN(
      Statement rows,
      reader_.Prepare(end.empty() ? "SELECT key, rev, crc, val FROM kv WHERE key >= ?1 ORDER BY key"
                                  : "SELECT key, rev, crc, val FROM kv WHERE key >= ?1 AND "
                                    "key < ?2 ORDER BY key"));
  rows.BindText(1, std::max(prefix, from));
  if (!end.empty()) rows.BindText(2, end);
  for (size_t count = 0;;) {
    ASSIGN_OR_RETURN(const bool there, rows.Step());
    if (!there) return out;
    const std::string_view key = rows.Text(0);
    if (RowSum(key, rows.Int(1), rows.Blob(3)) != rows.Int(2)) {
      Damaged(key);
      continue;
    }
    if (limit != 0 && count == limit) {
      out.more = true;
      return out;
    }
    ++count;
    row({std::string(key), rows.Int(1), Bytes::Copy(rows.Blob(3))});
  }
}

base::Result<ListResult> SqliteStore::List(std::string_view prefix, std::string_view from,
                                           size_t limit) {
  std::vector<KeyValue> items;
  auto result =
      ReadRows(prefix, from, limit, [&](KeyValue row) { items.push_back(std::move(row)); });
  if (result.ok()) result->items = std::move(items);
  return result;
}

base::Result<Revision> SqliteStore::Scan(std::string_view prefix,
                                         const std::function<void(KeyValue)>& row) {
  ASSIGN_OR_RETURN(const ListResult result, ReadRows(prefix, "", 0, row));
  return result.revision;
}

// Some rows behind `after`: false at the end.
base::Result<bool> SqliteStore::CheckSlice(Database& database, std::string& after) {
  ASSIGN_OR_RETURN(Statement rows,
                   database.Prepare("SELECT key, rev, crc, val FROM kv WHERE key > ?1 ORDER BY "
                                    "key LIMIT ?2"));
  const std::string from = after;
  rows.BindText(1, from).Bind(2, kCheckRows);
  for (int count = 0;; ++count) {
    ASSIGN_OR_RETURN(const bool there, rows.Step());
    if (!there) return count == kCheckRows;
    after = rows.Text(0);
    if (RowSum(after, rows.Int(1), rows.Blob(3)) != rows.Int(2)) Damaged(after);
  }
}

base::Result<int64_t> SqliteStore::Check() {
  ASSIGN_OR_RETURN(Database database,
                   Database::Open(StorePath(options_.dir), Database::Mode::kReadOnly));
  {
    std::lock_guard lock(state_mutex_);
    damaged_.clear();  // what was written anew is sound again
  }
  std::string after;
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(more, CheckSlice(database, after));
  }
  std::lock_guard lock(state_mutex_);
  return static_cast<int64_t>(damaged_.size());
}

void SqliteStore::CheckLoop() {
  auto database = Database::Open(StorePath(options_.dir), Database::Mode::kReadOnly);
  std::string after;
  std::unique_lock lock(check_mutex_);
  for (bool more = database.ok(); database.ok();) {
    const auto pause = more ? options_.check_pause : options_.check_period;
    if (check_wake_.wait_for(lock, pause, [this] { return check_stop_; })) return;
    lock.unlock();
    auto slice = CheckSlice(*database, after);
    if (!slice.ok()) {
      base::LogError("checking the store's rows", {{"error", slice.error()}});
    }
    more = slice.ok() && *slice;
    if (!more) after.clear();
    lock.lock();
  }
}

}  // namespace keelson::store
