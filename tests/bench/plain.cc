#include "tests/bench/plain.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "sync/base/status.h"

namespace doorstep::bench {
namespace {

// As the kind declares: an index by case, by day of review and by status.
constexpr const char* kTable = R"sql(
CREATE TABLE risk_assessment(
  _row INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  case_study TEXT, activity TEXT, hazard TEXT, harm_of_not_doing TEXT, category TEXT,
  location TEXT, value_to_person INTEGER, residual_rating_likelihood INTEGER,
  residual_rating_severity INTEGER, residual_rating_rationale TEXT, review_due TEXT,
  status INTEGER
) STRICT;
CREATE INDEX by_case_study ON risk_assessment(case_study);
CREATE INDEX by_review_due ON risk_assessment(review_due);
CREATE INDEX by_status ON risk_assessment(status);
)sql";

// What sync/sqlite sets on every connection.
constexpr const char* kSettings =
    "PRAGMA journal_mode = WAL; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;"
    "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192; PRAGMA trusted_schema = OFF;";

constexpr const char* kInsert =
    "INSERT INTO risk_assessment(id, case_study, activity, hazard, harm_of_not_doing, category,"
    " location, value_to_person, residual_rating_likelihood, residual_rating_severity,"
    " residual_rating_rationale, review_due, status) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)";

void BindText(sqlite3_stmt* statement, int i, const std::string& value) {
  sqlite3_bind_text(statement, i, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
}

void BindId(sqlite3_stmt* statement, int i, const Uuid& id) {
  sqlite3_bind_blob(statement, i, id.b.data(), static_cast<int>(id.b.size()), SQLITE_STATIC);
}

std::string Text(sqlite3_stmt* statement, int column) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
  return text == nullptr ? "" : std::string(text, sqlite3_column_bytes(statement, column));
}

absl::Status ErrorOf(sqlite3* db) { return absl::InternalError(sqlite3_errmsg(db)); }

}  // namespace

absl::StatusOr<std::unique_ptr<PlainDatabase>> PlainDatabase::Make(const std::string& path,
                                                                   Sync sync) {
  sqlite3* db = nullptr;
  const int rc = sqlite3_open(path.c_str(), &db);
  auto plain = std::unique_ptr<PlainDatabase>(new PlainDatabase(db));
  if (rc != SQLITE_OK) return Annotate(ErrorOf(db), path);
  DOORSTEP_RETURN_IF_ERROR(plain->Exec(kSettings));
  DOORSTEP_RETURN_IF_ERROR(plain->SetSync(sync));
  DOORSTEP_RETURN_IF_ERROR(plain->Exec(kTable));
  return plain;
}

PlainDatabase::~PlainDatabase() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(db_);
}

absl::Status PlainDatabase::Error() const { return ErrorOf(db_); }

absl::Status PlainDatabase::SetSync(Sync sync) {
  return Exec(sync == Sync::kFull ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
}

absl::Status PlainDatabase::Exec(const std::string& sql) {
  return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK ? absl::OkStatus()
                                                                                : Error();
}

absl::StatusOr<sqlite3_stmt*> PlainDatabase::Prepared(const std::string& sql) {
  sqlite3_stmt*& statement = statements_[sql];
  if (statement == nullptr && sqlite3_prepare_v3(db_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT,
                                                 &statement, nullptr) != SQLITE_OK) {
    return Error();
  }
  return statement;
}

absl::Status PlainDatabase::Insert(const Row& row) {
  static const auto& sql = *new std::string(kInsert);
  DOORSTEP_ASSIGN_OR_RETURN(sqlite3_stmt * insert, Prepared(sql));
  BindId(insert, 1, row.id);
  BindText(insert, 2, row.case_study);
  BindText(insert, 3, row.activity);
  BindText(insert, 4, row.hazard);
  BindText(insert, 5, row.harm_of_not_doing);
  BindText(insert, 6, row.category);
  BindText(insert, 7, row.location);
  sqlite3_bind_int64(insert, 8, row.value_to_person);
  sqlite3_bind_int64(insert, 9, row.likelihood);
  sqlite3_bind_int64(insert, 10, row.severity);
  BindText(insert, 11, row.rationale);
  BindText(insert, 12, row.review_due);
  sqlite3_bind_int64(insert, 13, row.status);
  const int rc = sqlite3_step(insert);
  sqlite3_reset(insert);
  return rc == SQLITE_DONE ? absl::OkStatus() : Error();
}

absl::Status PlainDatabase::UpdateLocation(const Uuid& id, const std::string& location) {
  static const auto& sql = *new std::string("UPDATE risk_assessment SET location=? WHERE id=?");
  DOORSTEP_ASSIGN_OR_RETURN(sqlite3_stmt * update, Prepared(sql));
  BindText(update, 1, location);
  BindId(update, 2, id);
  const int rc = sqlite3_step(update);
  sqlite3_reset(update);
  if (rc != SQLITE_DONE) return Error();
  return sqlite3_changes64(db_) == 1 ? absl::OkStatus() : absl::NotFoundError(id.ToString());
}

absl::StatusOr<Row> PlainDatabase::Read(const Uuid& id) {
  static const auto& sql = *new std::string(
      "SELECT case_study, activity, hazard, harm_of_not_doing, category, location,"
      " value_to_person, residual_rating_likelihood, residual_rating_severity,"
      " residual_rating_rationale, review_due, status FROM risk_assessment WHERE id=?");
  DOORSTEP_ASSIGN_OR_RETURN(sqlite3_stmt * select, Prepared(sql));
  BindId(select, 1, id);
  if (sqlite3_step(select) != SQLITE_ROW) {
    sqlite3_reset(select);
    return absl::NotFoundError(id.ToString());
  }
  Row row;
  row.id = id;
  row.case_study = Text(select, 0);
  row.activity = Text(select, 1);
  row.hazard = Text(select, 2);
  row.harm_of_not_doing = Text(select, 3);
  row.category = Text(select, 4);
  row.location = Text(select, 5);
  row.value_to_person = sqlite3_column_int64(select, 6);
  row.likelihood = sqlite3_column_int64(select, 7);
  row.severity = sqlite3_column_int64(select, 8);
  row.rationale = Text(select, 9);
  row.review_due = Text(select, 10);
  row.status = sqlite3_column_int64(select, 11);
  sqlite3_reset(select);
  return row;
}

absl::StatusOr<int64_t> PlainDatabase::Count() {
  DOORSTEP_ASSIGN_OR_RETURN(sqlite3_stmt * count, Prepared("SELECT count(*) FROM risk_assessment"));
  if (sqlite3_step(count) != SQLITE_ROW) return Error();
  const int64_t n = sqlite3_column_int64(count, 0);
  sqlite3_reset(count);
  return n;
}

absl::StatusOr<int64_t> PlainDatabase::CountLocation(const std::string& location) {
  DOORSTEP_ASSIGN_OR_RETURN(sqlite3_stmt * count,
                            Prepared("SELECT count(*) FROM risk_assessment WHERE location=?"));
  BindText(count, 1, location);
  if (sqlite3_step(count) != SQLITE_ROW) return Error();
  const int64_t n = sqlite3_column_int64(count, 0);
  sqlite3_reset(count);
  return n;
}

absl::Status PlainDatabase::InsertAll(absl::Span<const Row> rows, int64_t per_transaction) {
  for (size_t i = 0; i < rows.size(); i += per_transaction) {
    DOORSTEP_RETURN_IF_ERROR(Begin());
    for (const Row& row : rows.subspan(i, per_transaction)) DOORSTEP_RETURN_IF_ERROR(Insert(row));
    DOORSTEP_RETURN_IF_ERROR(Commit());
  }
  return absl::OkStatus();
}

std::string SqliteVersion() { return sqlite3_libversion(); }

namespace {

bool IsPlain(const std::string& path) {
  char magic[15] = {};
  std::ifstream(path, std::ios::binary).read(magic, sizeof(magic));
  return absl::string_view(magic, sizeof(magic)) == "SQLite format 3";
}

// The key that replicas have here (product_roles.cc).
int GiveKey(sqlite3* db, const std::string& path) {
  const std::string key = "raw:" + std::string(32, 'b');
  return IsPlain(path) ? SQLITE_OK : sqlite3_key(db, key.data(), static_cast<int>(key.size()));
}

}  // namespace

absl::StatusOr<int64_t> SizeOf(const std::string& path) {
  sqlite3* db = nullptr;
  sqlite3_stmt* statement = nullptr;
  int64_t size = -1;
  if (sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK &&
      GiveKey(db, path) == SQLITE_OK &&
      sqlite3_wal_checkpoint_v2(db, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr) ==
          SQLITE_OK &&
      sqlite3_prepare_v2(db,
                         "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
                         -1, &statement, nullptr) == SQLITE_OK &&
      sqlite3_step(statement) == SQLITE_ROW) {
    size = sqlite3_column_int64(statement, 0);
  }
  absl::Status status = size >= 0 ? absl::OkStatus() : Annotate(ErrorOf(db), path);
  sqlite3_finalize(statement);
  sqlite3_close(db);
  if (!status.ok()) return status;
  return size;
}

absl::StatusOr<int64_t> SizeOfAllIn(const std::string& directory) {
  int64_t size = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory, error)) {
    if (!entry.is_regular_file()) continue;
    if (entry.path().extension() != ".db" && !IsPlain(entry.path().string())) continue;
    DOORSTEP_ASSIGN_OR_RETURN(const int64_t one, SizeOf(entry.path().string()));
    size += one;
  }
  if (size == 0) return absl::NotFoundError(absl::StrCat(directory, ": no SQLite database"));
  return size;
}

absl::Status BareInsert(const std::string& path, int64_t n) {
  sqlite3* db = nullptr;
  sqlite3_stmt* insert = nullptr;
  const std::string body(600, 'x');
  bool ok = sqlite3_open(path.c_str(), &db) == SQLITE_OK &&
            sqlite3_exec(db,
                         "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
                         "CREATE TABLE t(id INTEGER PRIMARY KEY, body BLOB) STRICT; BEGIN",
                         nullptr, nullptr, nullptr) == SQLITE_OK &&
            sqlite3_prepare_v2(db, "INSERT INTO t VALUES(?,?)", -1, &insert, nullptr) == SQLITE_OK;
  for (int64_t i = 1; ok && i <= n; ++i) {
    sqlite3_bind_int64(insert, 1, i);
    sqlite3_bind_blob(insert, 2, body.data(), static_cast<int>(body.size()), SQLITE_STATIC);
    ok = sqlite3_step(insert) == SQLITE_DONE && sqlite3_reset(insert) == SQLITE_OK;
  }
  sqlite3_finalize(insert);
  ok = ok && sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr) == SQLITE_OK;
  const absl::Status status = ok ? absl::OkStatus() : ErrorOf(db);
  sqlite3_close(db);
  return status;
}

absl::Status BareSync(const std::string& path, int64_t n) {
  const int fd = open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  const std::string page(4096, 'x');
  bool ok = fd >= 0;
  for (int64_t i = 0; ok && i < n; ++i) {
    ok = write(fd, page.data(), page.size()) == static_cast<ssize_t>(page.size()) &&
         fdatasync(fd) == 0;
  }
  if (fd >= 0) close(fd);
  return ok ? absl::OkStatus() : absl::UnavailableError(path);
}

}  // namespace doorstep::bench
