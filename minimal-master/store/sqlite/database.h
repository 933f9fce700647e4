// SPDX-License-Identifier: Apache-2.0
// One connection to an SQLite file, and its statements, as values with our errors:
// ResourceExhausted when there is no room, DataLoss when the file is damaged or none of SQLite's,
// Unavailable when another holds it. The only place that sees sqlite3.h. A Database and its
// Statements are used by one thread at a time; Statements end before their Database.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace keelson::store {

class Statement {
 public:
  Statement() = default;
  Statement& Bind(int at, int64_t value);
  Statement& BindText(int at, std::string_view value);  // stays valid until the next Reset
  Statement& BindBlob(int at, std::string_view value);
  Statement& BindNull(int at);
  base::Result<bool> Step();  // false: no more rows
  base::Status Run();         // to its end, and Reset
  void Reset();

  int64_t Int(int column) const;
  std::string_view Text(int column) const;  // until the next Step or Reset
  std::string_view Blob(int column) const;
  bool IsNull(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
 public:
  enum class Mode {
    kFileAlone,  // read as if nothing lay beside it and nobody wrote; changes nothing
    kReadOnly,
    kReadWrite,
    kCreate
  };
  static base::Result<Database> Open(const std::string& path, Mode mode);

  base::Status Run(const std::string& sql);  // one or more statements without rows of interest
  base::Result<Statement> Prepare(std::string_view sql);
  base::Result<int64_t> Number(const std::string& sql);  // of the first row
  base::Result<std::string> Text(const std::string& sql);
  bool InTransaction() const;
  // Frames of the write-ahead log are brought into the database; `truncate` waits for readers and
  // empties the log's file.
  base::Status Checkpoint(bool truncate);
  // As of the last commit or checkpoint on this connection: pages of the log that are not in the
  // database, and all its frames.
  int wal_pages() const { return log_->pages; }
  int wal_frames() const { return log_->frames; }

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  explicit Database(sqlite3* database) : database_(database) {}
  struct Log {
    int pages = 0, frames = 0;
  };
  std::unique_ptr<Log> log_ = std::make_unique<Log>();
  std::unique_ptr<sqlite3, Close> database_;
};

// Leaves a statement as it was found: no lock stays behind an early return.
class ResetAtEnd {
 public:
  explicit ResetAtEnd(Statement& statement) : statement_(statement) {}
  ~ResetAtEnd() { statement_.Reset(); }
  ResetAtEnd(const ResetAtEnd&) = delete;

 private:
  Statement& statement_;
};

}  // namespace keelson::store
