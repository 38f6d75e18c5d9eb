#include "sync/sqlite/statement.h"

#include <sqlite3.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "sync/sqlite/restriction.h"
#include "sync/sqlite/result_code.h"

namespace doorstep {

Statement::Statement(sqlite3* db, sqlite3_stmt* stmt, std::string sql,
                     internal::Restriction* restriction)
    : db_(db), stmt_(stmt), sql_(std::move(sql)), restriction_(restriction) {}

Statement::~Statement() { sqlite3_finalize(stmt_); }

void Statement::NoteBind(int rc) {
  if (bind_error_ == SQLITE_OK) bind_error_ = rc;
}

Statement& Statement::BindInt(int i, int64_t value) {
  NoteBind(sqlite3_bind_int64(stmt_, i, value));
  return *this;
}

Statement& Statement::BindText(int i, absl::string_view value) {
  const char* data = value.empty() ? "" : value.data();  // a null pointer would bind NULL
  NoteBind(sqlite3_bind_text64(stmt_, i, data, value.size(), SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}

Statement& Statement::BindBlob(int i, absl::string_view value) {
  const char* data = value.empty() ? "" : value.data();
  NoteBind(sqlite3_bind_blob64(stmt_, i, data, value.size(), SQLITE_STATIC));
  return *this;
}

Statement& Statement::BindDouble(int i, double value) {
  NoteBind(sqlite3_bind_double(stmt_, i, value));
  return *this;
}

Statement& Statement::BindNull(int i) {
  NoteBind(sqlite3_bind_null(stmt_, i));
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  if (bind_error_ != SQLITE_OK) {
    const int code = bind_error_;
    Reset();
    return absl::Status(internal::CodeOf(code), absl::StrCat("bind: ", sqlite3_errstr(code),
                                                             ", in: ", internal::FirstWords(sql_)));
  }
  if (!running_ && restriction_ != nullptr) restriction_->StartExecution();
  running_ = true;
  const int rc = sqlite3_step(stmt_);
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) {
    Reset();
    return false;
  }
  absl::Status error = internal::RunErrorOf(db_, rc, sql_);
  if (rc == SQLITE_INTERRUPT && restriction_ != nullptr && restriction_->exceeded) {
    error = absl::ResourceExhaustedError(
        absl::StrCat("query: got more than ", restriction_->max_steps,
                     " steps of work, wanted fewer (narrow it, or look for a recursion without "
                     "end), in: ",
                     internal::FirstWords(sql_)));
  }
  Reset();
  return error;
}

absl::Status Statement::Run() {
  while (true) {
    const absl::StatusOr<bool> row = Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
  }
}

void Statement::Reset() {
  sqlite3_reset(stmt_);  // repeats the error of the latest step, which was reported then
  sqlite3_clear_bindings(stmt_);
  running_ = false;
  bind_error_ = SQLITE_OK;
}

int64_t Statement::Int(int col) const { return sqlite3_column_int64(stmt_, col); }

double Statement::Double(int col) const { return sqlite3_column_double(stmt_, col); }

absl::string_view Statement::Text(int col) const {
  // The order matters: the first call may convert the value and change its size.
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(stmt_, col));
  if (data == nullptr) return "";
  return absl::string_view(data, static_cast<size_t>(sqlite3_column_bytes(stmt_, col)));
}

absl::string_view Statement::Blob(int col) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(stmt_, col));
  if (data == nullptr) return "";
  return absl::string_view(data, static_cast<size_t>(sqlite3_column_bytes(stmt_, col)));
}

bool Statement::IsNull(int col) const { return Type(col) == ColumnType::kNull; }

ColumnType Statement::Type(int col) const {
  switch (sqlite3_column_type(stmt_, col)) {
    case SQLITE_INTEGER:
      return ColumnType::kInt;
    case SQLITE_FLOAT:
      return ColumnType::kDouble;
    case SQLITE_TEXT:
      return ColumnType::kText;
    case SQLITE_BLOB:
      return ColumnType::kBlob;
    default:
      return ColumnType::kNull;
  }
}

int Statement::ColumnCount() const { return sqlite3_column_count(stmt_); }

absl::string_view Statement::ColumnName(int col) const {
  const char* name = sqlite3_column_name(stmt_, col);
  return name == nullptr ? "" : name;
}

int Statement::ParameterCount() const { return sqlite3_bind_parameter_count(stmt_); }

bool Statement::ReadOnly() const { return sqlite3_stmt_readonly(stmt_) != 0; }

}  // namespace doorstep
