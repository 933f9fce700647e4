// SPDX-License-Identifier: Apache-2.0
#include "minimal-master/store/sqlite/database.h"

#include <sqlite3.h>

#include <cerrno>

namespace keelson::store {
namespace {

base::Error ErrorOf(sqlite3* database, int result) {
  const int os_errno = database == nullptr ? 0 : sqlite3_system_errno(database);
  const char* text = database == nullptr ? sqlite3_errstr(result) : sqlite3_errmsg(database);
  base::Code code = base::Code::kInternal;
  switch (result & 0xff) {
    case SQLITE_FULL:
      code = base::Code::kResourceExhausted;
      break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      code = base::Code::kDataLoss;
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      code = base::Code::kUnavailable;
      break;
    case SQLITE_CANTOPEN:
      code = base::Code::kNotFound;
      break;
    case SQLITE_PERM:
    case SQLITE_READONLY:
      code = base::Code::kPermissionDenied;
      break;
    case SQLITE_IOERR:
      code = os_errno == ENOSPC || os_errno == EDQUOT ? base::Code::kResourceExhausted
                                                      : base::Code::kUnavailable;
      break;
    default:
      break;
  }
  return base::Error(code, text, os_errno);
}

// sqlite.org/uri.html: what ends a path there is escaped.
std::string ImmutableUri(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    c == '%' || c == '?' || c == '#' ? uri += fmt::format("%{:02x}", static_cast<unsigned char>(c))
                                     : uri += c;
  }
  return uri + "?immutable=1";
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
void Database::Close::operator()(sqlite3* database) const { sqlite3_close(database); }

Statement& Statement::Bind(int at, int64_t value) {
  sqlite3_bind_int64(statement_.get(), at, value);
  return *this;
}

Statement& Statement::BindText(int at, std::string_view value) {
  sqlite3_bind_text(statement_.get(), at, value.data() == nullptr ? "" : value.data(),
                    static_cast<int>(value.size()), SQLITE_STATIC);
  return *this;
}

Statement& Statement::BindBlob(int at, std::string_view value) {
  if (value.empty()) {
    sqlite3_bind_zeroblob(statement_.get(), at, 0);
  } else {
    sqlite3_bind_blob(statement_.get(), at, value.data(), static_cast<int>(value.size()),
                      SQLITE_STATIC);
  }
  return *this;
}

Statement& Statement::BindNull(int at) {
  sqlite3_bind_null(statement_.get(), at);
  return *this;
}

base::Result<bool> Statement::Step() {
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  return ErrorOf(sqlite3_db_handle(statement_.get()), result);
}

base::Status Statement::Run() {
  const ResetAtEnd reset(*this);
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, Step());
    if (!row) return base::Ok();
  }
}

void Statement::Reset() { sqlite3_reset(statement_.get()); }

int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_.get(), column); }

std::string_view Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (text == nullptr) return {};
  return {text, static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

std::string_view Statement::Blob(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

base::Result<Database> Database::Open(const std::string& path, Mode mode) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE;
  std::string name = path;
  switch (mode) {
    case Mode::kFileAlone:
      flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
      name = ImmutableUri(path);
      break;
    case Mode::kReadOnly:
      flags |= SQLITE_OPEN_READONLY;
      break;
    case Mode::kReadWrite:
      flags |= SQLITE_OPEN_READWRITE;
      break;
    case Mode::kCreate:
      flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
      break;
  }
  sqlite3* raw = nullptr;
  const int result = sqlite3_open_v2(name.c_str(), &raw, flags, nullptr);
  Database database(raw);
  if (result != SQLITE_OK) {
    return ErrorOf(raw, result).WithContext(fmt::format("open '{}'", path));
  }
  sqlite3_busy_timeout(raw, 5'000);
  // In the place of SQLite's own, which makes checkpoints: those are ours to choose.
  sqlite3_wal_hook(
      raw,
      [](void* log, sqlite3*, const char*, int count) {
        *static_cast<Log*>(log) = {.pages = count, .frames = count};
        return SQLITE_OK;
      },
      database.log_.get());
  return database;
}

base::Status Database::Run(const std::string& sql) {
  const int result = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) return ErrorOf(database_.get(), result);
  return base::Ok();
}

base::Result<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const int result = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (result != SQLITE_OK) return ErrorOf(database_.get(), result);
  Statement statement;
  statement.statement_.reset(raw);
  return statement;
}

base::Result<int64_t> Database::Number(const std::string& sql) {
  ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.Int(0) : 0;
}

base::Result<std::string> Database::Text(const std::string& sql) {
  ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? std::string(statement.Text(0)) : std::string();
}

bool Database::InTransaction() const { return sqlite3_get_autocommit(database_.get()) == 0; }

base::Status Database::Checkpoint(bool truncate) {
  int in_log = 0, done = 0;
  const int result = sqlite3_wal_checkpoint_v2(
      database_.get(), nullptr, truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
      &in_log, &done);
  if (result != SQLITE_OK) return ErrorOf(database_.get(), result);
  // All of it is in the database: the next commit begins the log anew, unless a reader needs it.
  *log_ = {.pages = in_log - done, .frames = in_log};
  return base::Ok();
}

}  // namespace keelson::store
