// One compiled SQL statement. Threads and codes: see database.h.
//
//   DOORSTEP_ASSIGN_OR_RETURN(Statement* find, db.Prepared("SELECT body FROM note WHERE id = ?1"));
//   ScopedReset done(find);
//   find->BindBlob(1, id.AsBytes());
//   DOORSTEP_ASSIGN_OR_RETURN(bool found, find->Step());
//   if (found) use(find->Text(0));
#ifndef SYNC_SQLITE_STATEMENT_H_
#define SYNC_SQLITE_STATEMENT_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct sqlite3;
struct sqlite3_stmt;

namespace doorstep {

enum class ColumnType { kNull, kInt, kDouble, kText, kBlob };

namespace internal {
struct Restriction;  // what a connection for SQL that a person typed may do; restriction.h
}  // namespace internal

class Statement {
 public:
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Parameters count from 1. Text and blobs are NOT copied: the bytes must stay where they are
  // until the next Reset (Run ends with one). An empty view binds an empty text or blob, not NULL.
  // A mistake (no such parameter, bound while between rows) shows at the next Step, as kInternal.
  Statement& BindInt(int i, int64_t value);
  Statement& BindText(int i, absl::string_view value);
  Statement& BindBlob(int i, absl::string_view value);
  Statement& BindDouble(int i, double value);
  Statement& BindNull(int i);

  // True: there is a row, and the columns may be read. False: done, and reset. After an error it is
  // reset too.
  absl::StatusOr<bool> Step();

  // Steps until done, dropping rows, and resets.
  absl::Status Run();

  // Ends the execution (and the read snapshot that it holds) and forgets all bindings.
  void Reset();

  // Columns count from 0 and hold their values until the next Step or Reset; so do the views.
  // SQLite converts between types (text "12" reads as 12; NULL as 0 or empty).
  int64_t Int(int col) const;
  double Double(int col) const;
  absl::string_view Text(int col) const;
  absl::string_view Blob(int col) const;
  bool IsNull(int col) const;
  ColumnType Type(int col) const;

  int ColumnCount() const;
  absl::string_view ColumnName(int col) const;
  int ParameterCount() const;
  // Whether it makes no direct change to the database file.
  bool ReadOnly() const;
  absl::string_view sql() const { return sql_; }

 private:
  friend class Database;
  Statement(sqlite3* db, sqlite3_stmt* stmt, std::string sql, internal::Restriction* restriction);
  void NoteBind(int rc);

  sqlite3* db_;
  sqlite3_stmt* stmt_;
  std::string sql_;
  internal::Restriction* restriction_;  // null: none
  bool running_ = false;
  int bind_error_ = 0;  // the first failed bind's result code
};

// Resets a statement at the end of a scope, so that no early return leaves a snapshot open.
class ScopedReset {
 public:
  explicit ScopedReset(Statement* statement) : statement_(statement) {}
  ~ScopedReset() { statement_->Reset(); }
  ScopedReset(const ScopedReset&) = delete;
  ScopedReset& operator=(const ScopedReset&) = delete;

 private:
  Statement* statement_;
};

}  // namespace doorstep

#endif  // SYNC_SQLITE_STATEMENT_H_
