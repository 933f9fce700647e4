// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/sqlite/schema.h"

#include <algorithm>

#include "lib/base/codec.h"
#include "lib/base/crc32c.h"

namespace keelson::store {
namespace {

constexpr int64_t kApplicationId = 0x4b65656c;  // "Keel"

// A transaction that is undone unless it is committed.
class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database) {}
  base::Status Begin() { return database_.Run("BEGIN IMMEDIATE"); }
  base::Status Commit() { return database_.Run("COMMIT"); }
  ~Transaction() {
    if (database_.InTransaction()) (void)database_.Run("ROLLBACK");
  }

 private:
  Database& database_;
};

base::Status SetVersion(Database& database, int version) {
  return database.Run(fmt::format("PRAGMA user_version = {}", version));
}

// From version - 1 to version.
base::Status Upgrade(Database& database, int version) {
  switch (version) {
    case 1:
      RETURN_IF_ERROR(database.Run(
          "CREATE TABLE kv (key TEXT PRIMARY KEY, rev INTEGER NOT NULL, crc INTEGER NOT NULL, "
          "val BLOB NOT NULL) WITHOUT ROWID;"
          "CREATE TABLE log (id INTEGER PRIMARY KEY, key TEXT NOT NULL, prev_rev INTEGER NOT NULL, "
          "prev BLOB, crc INTEGER NOT NULL);"
          "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
          "INSERT INTO meta VALUES ('base', 1), ('compacted', 1), ('clean', 1)"));
      return database.Run(fmt::format("PRAGMA application_id = {}", kApplicationId));
    case 2:
      return database.Run(
          "CREATE TABLE hole (low INTEGER PRIMARY KEY, high INTEGER NOT NULL) WITHOUT ROWID");
    default:
      return base::Internal("no schema {}", version);
  }
}

// From version to version - 1.
base::Status StepBack(Database& database, int version) {
  switch (version) {
    case 2: {
      // The older program knows no holes: whoever would resume before the last one begins anew.
      ASSIGN_OR_RETURN(const Holes holes, GetHoles(database));
      if (!holes.empty()) {
        ASSIGN_OR_RETURN(const int64_t compacted, GetMeta(database, "compacted"));
        RETURN_IF_ERROR(SetMeta(database, "compacted", std::max(compacted, holes.back().second)));
      }
      return database.Run("DROP TABLE hole");
    }
    default:
      return base::InvalidArgument("there is no schema before {}", version);
  }
}

}  // namespace

base::Status CheckSchema(Database& database) {
  ASSIGN_OR_RETURN(const int64_t id, database.Number("PRAGMA application_id"));
  ASSIGN_OR_RETURN(const int64_t version, database.Number("PRAGMA user_version"));
  if (id != kApplicationId) {
    return base::DataLoss("it is an SQLite file, but not a store of Keelson");
  }
  if (version > kSchemaVersion) {
    return base::FailedPrecondition(
        "its schema is {}, this program knows {}: use the newer program, or take the step back "
        "with "
        "it",
        version, kSchemaVersion);
  }
  if (version < 1) return base::DataLoss("its schema is {}", version);
  return base::Ok();
}

base::Status PrepareSchema(Database& database) {
  ASSIGN_OR_RETURN(const int64_t tables, database.Number("SELECT count(*) FROM sqlite_schema"));
  if (tables == 0) {
    // Before the first table, in this order: they are of the file.
    RETURN_IF_ERROR(database.Run("PRAGMA auto_vacuum = INCREMENTAL; VACUUM"));
  } else {
    RETURN_IF_ERROR(CheckSchema(database));
  }
  RETURN_IF_ERROR(database.Run("PRAGMA journal_mode = WAL"));
  ASSIGN_OR_RETURN(int64_t version, database.Number("PRAGMA user_version"));
  if (version == kSchemaVersion) return base::Ok();
  Transaction transaction(database);
  RETURN_IF_ERROR(transaction.Begin());
  while (version < kSchemaVersion) {
    ++version;
    RETURN_IF_ERROR(Upgrade(database, static_cast<int>(version)));
  }
  RETURN_IF_ERROR(SetVersion(database, kSchemaVersion));
  return transaction.Commit();
}

base::Status StepBackSchema(Database& database, int version) {
  RETURN_IF_ERROR(CheckSchema(database));
  ASSIGN_OR_RETURN(int64_t current, database.Number("PRAGMA user_version"));
  if (version < 1 || version > current) {
    return base::InvalidArgument("no way from schema {} back to {}", current, version);
  }
  Transaction transaction(database);
  RETURN_IF_ERROR(transaction.Begin());
  for (; current > version; --current) {
    RETURN_IF_ERROR(StepBack(database, static_cast<int>(current)));
  }
  RETURN_IF_ERROR(SetVersion(database, version));
  return transaction.Commit();
}

base::Result<int64_t> GetMeta(Database& database, std::string_view name) {
  ASSIGN_OR_RETURN(Statement get, database.Prepare("SELECT value FROM meta WHERE name = ?1"));
  ASSIGN_OR_RETURN(const bool there, get.BindText(1, name).Step());
  return there ? get.Int(0) : 0;
}

base::Status SetMeta(Database& database, std::string_view name, int64_t value) {
  ASSIGN_OR_RETURN(Statement set, database.Prepare("INSERT OR REPLACE INTO meta VALUES (?1, ?2)"));
  return set.BindText(1, name).Bind(2, value).Run();
}

base::Result<Holes> GetHoles(Database& database) {
  Holes holes;
  ASSIGN_OR_RETURN(Statement get, database.Prepare("SELECT low, high FROM hole ORDER BY low"));
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, get.Step());
    if (!row) return holes;
    holes.emplace_back(get.Int(0), get.Int(1));
  }
}

base::Status AddHole(Database& database, Revision low, Revision high) {
  ASSIGN_OR_RETURN(Statement add, database.Prepare("INSERT OR REPLACE INTO hole VALUES (?1, ?2)"));
  return add.Bind(1, low).Bind(2, high).Run();
}

base::Result<Revision> LastRevision(Database& database) {
  ASSIGN_OR_RETURN(const int64_t base, GetMeta(database, "base"));
  ASSIGN_OR_RETURN(const int64_t last, database.Number("SELECT max(id) FROM log"));
  return std::max(base, last / kLogPlaces);
}

uint32_t RowSum(std::string_view key, Revision revision, std::string_view value) {
  base::Writer head;
  head.String(key);
  head.I64(revision);
  return base::Crc32c(value, base::Crc32c(head.bytes()));
}

uint32_t LogSum(int64_t id, std::string_view key, Revision revision, const Bytes& value) {
  base::Writer head;
  head.I64(id);
  head.String(key);
  head.I64(revision);
  head.Bool(static_cast<bool>(value));
  return base::Crc32c(value.view(), base::Crc32c(head.bytes()));
}

}  // namespace keelson::store
