#include "sync/sqlite/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/sqlite/restriction.h"
#include "sync/sqlite/result_code.h"

namespace doorstep {
namespace {

constexpr char kMemory[] = ":memory:";
constexpr size_t kKeyBytes = 32;
// Wrapped around another VFS by name, it encrypts the pages that pass.
constexpr char kCipherVfsPrefix[] = "multipleciphers-";
// How long to wait between two attempts to switch a shared file to the write-ahead log.
constexpr int kJournalModeRetryMs = 5;

absl::Status CheckKey(absl::string_view key) {
  if (key.size() == kKeyBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("key: got ", key.size(), " bytes, wanted ", kKeyBytes));
}

absl::Status CheckOptions(const std::string& path, const DatabaseOptions& options) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    return InvalidField("path", path, "a file name");
  }
  if (!options.key.empty()) DOORSTEP_RETURN_IF_ERROR(CheckKey(options.key));
  if (options.create && options.read_only) {
    return absl::InvalidArgumentError("create: got true, wanted false when read_only");
  }
  return absl::OkStatus();
}

// Whether there is a file, as the VFS sees it.
bool Exists(const std::string& path, const std::string& vfs_name) {
  sqlite3_vfs* vfs = sqlite3_vfs_find(vfs_name.empty() ? nullptr : vfs_name.c_str());
  int found = 0;
  return vfs != nullptr &&
         vfs->xAccess(vfs, path.c_str(), SQLITE_ACCESS_EXISTS, &found) == SQLITE_OK && found != 0;
}

// SQLite would make the file readable by everybody; its journals take the mode of the file.
void CreatePrivateFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) close(fd);  // any error shows again, with its words, when SQLite opens the file
}

std::string VfsName(const DatabaseOptions& options) {
  if (options.vfs.empty() || options.key.empty()) return options.vfs;
  return absl::StrCat(kCipherVfsPrefix, options.vfs);
}

int OpenFlags(const DatabaseOptions& options) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  flags |= options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (options.create) flags |= SQLITE_OPEN_CREATE;
  return flags;
}

absl::string_view SynchronousWord(DatabaseOptions::Sync sync, bool wal) {
  switch (sync) {
    case DatabaseOptions::Sync::kOff:
      return "OFF";
    case DatabaseOptions::Sync::kNormal:
      return "NORMAL";
    case DatabaseOptions::Sync::kFull:
      // Without a WAL a commit is the removal of the journal, which only EXTRA makes durable.
      return wal ? "FULL" : "EXTRA";
  }
  return "FULL";
}

bool IsBlank(absl::string_view sql) { return sql.find_first_not_of(" \t\r\n;") == sql.npos; }

}  // namespace

Database::Database(sqlite3* db, std::string path) : db_(db), path_(std::move(path)) {}

Database::~Database() {
  cache_.clear();
  recent_.clear();
  sqlite3_close_v2(db_);
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path,
                                                         const DatabaseOptions& options) {
  DOORSTEP_RETURN_IF_ERROR(CheckOptions(path, options));
  const std::string vfs = VfsName(options);
  if (path != kMemory && !Exists(path, options.vfs)) {
    if (!options.create) return absl::NotFoundError(absl::StrCat(path, ": no such database"));
    if (options.vfs.empty()) CreatePrivateFile(path);
  }
  sqlite3* handle = nullptr;
  const int rc = sqlite3_open_v2(path.c_str(), &handle, OpenFlags(options),
                                 vfs.empty() ? nullptr : vfs.c_str());
  // SQLite hands out a handle even when it fails.
  std::unique_ptr<Database> db(new Database(handle, path));
  if (rc != SQLITE_OK) return Annotate(internal::ErrorOf(handle, rc, ""), path);
  if (absl::Status status = db->Configure(options); !status.ok()) {
    return Annotate(std::move(status), path);
  }
  return db;
}

absl::Status Database::Configure(const DatabaseOptions& options) {
  // With a wrong key the log looks empty, and whoever closes last removes an empty log: not before
  // it is known that this is a database, and that the key is its.
  sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_busy_timeout(db_, options.busy_timeout_ms);
  sqlite3_limit(db_, SQLITE_LIMIT_LENGTH, static_cast<int>(kMaxSqlValueBytes));
  sqlite3_limit(db_, SQLITE_LIMIT_SQL_LENGTH, static_cast<int>(kMaxSqlBytes));
  sqlite3_db_config(db_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_FKEY, 0, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  if (!options.key.empty()) {
    DOORSTEP_RETURN_IF_ERROR(ApplyKey(options.key, /*anew=*/false));
  }
  DOORSTEP_RETURN_IF_ERROR(
      Exec(absl::StrCat("PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;"
                        "PRAGMA temp_store = MEMORY;",
                        "PRAGMA secure_delete = ", options.secure_delete ? "ON" : "OFF", ";",
                        "PRAGMA cache_size = -", options.cache_kib, ";",
                        "PRAGMA synchronous = ", SynchronousWord(options.sync, options.wal), ";")));
  sync_ = options.sync;
  wal_ = options.wal;
  DOORSTEP_RETURN_IF_ERROR(QueryInt("SELECT count(*) FROM sqlite_schema").status());
  sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  if (options.read_only || path_ == kMemory) return absl::OkStatus();
  return SetJournalMode(options);
}

absl::Status Database::ApplyKey(absl::string_view key, bool anew) {
  std::string secret = absl::StrCat("raw:", key);  // "raw:": the key itself, not a passphrase
  const auto size = static_cast<int>(secret.size());
  const int rc =
      anew ? sqlite3_rekey(db_, secret.data(), size) : sqlite3_key(db_, secret.data(), size);
  explicit_bzero(secret.data(), secret.size());
  return rc == SQLITE_OK ? absl::OkStatus() : internal::ErrorOf(db_, rc, "");
}

absl::Status Database::SetJournalMode(const DatabaseOptions& options) {
  const absl::string_view wanted = options.wal ? "wal" : "delete";
  const std::string sql = absl::StrCat("PRAGMA journal_mode = ", wanted);
  // Two processes that open a new file at once may meet here, where SQLite does not wait by itself.
  for (int waited_ms = 0;; waited_ms += kJournalModeRetryMs) {
    const absl::StatusOr<std::string> mode = QueryText(sql);
    if (mode.ok() && *mode == wanted) return absl::OkStatus();
    if (mode.ok()) return InvalidField("journal_mode", *mode, wanted);
    if (!absl::IsAborted(mode.status()) || waited_ms >= options.busy_timeout_ms) {
      return mode.status();
    }
    sqlite3_sleep(kJournalModeRetryMs);
  }
}

absl::StatusOr<std::unique_ptr<Statement>> Database::Compile(absl::string_view sql, bool persistent,
                                                             absl::string_view* tail) {
  if (sql.size() > kMaxSqlBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("SQL: got ", sql.size(), " bytes, wanted at most ", kMaxSqlBytes));
  }
  sqlite3_stmt* stmt = nullptr;
  const char* end = nullptr;
  const int rc = sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()),
                                    persistent ? SQLITE_PREPARE_PERSISTENT : 0, &stmt, &end);
  if (rc != SQLITE_OK) return internal::ErrorOf(db_, rc, sql);
  const size_t used = stmt == nullptr ? sql.size() : static_cast<size_t>(end - sql.data());
  *tail = sql.substr(used);
  if (stmt == nullptr) return nullptr;  // only blanks and comments
  return std::unique_ptr<Statement>(
      new Statement(db_, stmt, std::string(sql.substr(0, used)), restriction_.get()));
}

absl::Status Database::Exec(absl::string_view sql) {
  while (!IsBlank(sql)) {
    absl::string_view tail;
    DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<Statement> statement,
                              Compile(sql, /*persistent=*/false, &tail));
    if (statement != nullptr) DOORSTEP_RETURN_IF_ERROR(statement->Run());
    sql = tail;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Statement>> Database::Prepare(absl::string_view sql) {
  absl::string_view tail;
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Statement> statement,
                            Compile(sql, /*persistent=*/true, &tail));
  if (statement == nullptr) return InvalidField("SQL", sql, "a statement");
  if (IsBlank(tail)) return statement;
  absl::string_view rest;
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<Statement> second,
                            Compile(tail, /*persistent=*/false, &rest));
  if (second == nullptr) return statement;  // a comment
  return absl::InvalidArgumentError(
      absl::StrCat("SQL: got several statements, wanted one: ", internal::FirstWords(sql)));
}

absl::StatusOr<Statement*> Database::Prepared(absl::string_view sql) {
  if (const auto found = cache_.find(sql); found != cache_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second);
    Statement* statement = found->second->get();
    statement->Reset();
    return statement;
  }
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Statement> statement, Prepare(sql));
  statement->sql_ = std::string(sql);  // with its tail, so that the same text finds it again
  EvictOldStatements();
  recent_.push_front(std::move(statement));
  cache_.emplace(recent_.front()->sql(), recent_.begin());
  return recent_.front().get();
}

void Database::EvictOldStatements() {
  auto it = recent_.end();
  while (recent_.size() >= kMaxCachedStatements && it != recent_.begin()) {
    --it;
    if ((*it)->running_) continue;  // somebody is between its rows
    cache_.erase((*it)->sql());
    it = recent_.erase(it);
  }
}

absl::StatusOr<int64_t> Database::QueryInt(absl::string_view sql) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<Statement> statement, Prepare(sql));
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, statement->Step());
  if (found) return statement->Int(0);
  return absl::NotFoundError(absl::StrCat("no row, in: ", internal::FirstWords(sql)));
}

absl::StatusOr<std::string> Database::QueryText(absl::string_view sql) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<Statement> statement, Prepare(sql));
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, statement->Step());
  if (found) return std::string(statement->Text(0));
  return absl::NotFoundError(absl::StrCat("no row, in: ", internal::FirstWords(sql)));
}

int64_t Database::LastInsertRowid() const { return sqlite3_last_insert_rowid(db_); }

int64_t Database::Changes() const { return sqlite3_changes64(db_); }

bool Database::InTransaction() const { return sqlite3_get_autocommit(db_) == 0; }

absl::Status Database::SetSync(DatabaseOptions::Sync sync) {
  if (sync == sync_) return absl::OkStatus();
  // SQLite would say so too, and call it another error.
  if (InTransaction()) return absl::InternalError("synchronous: a transaction is open");
  DOORSTEP_RETURN_IF_ERROR(
      Exec(absl::StrCat("PRAGMA synchronous = ", SynchronousWord(sync, wal_))));
  sync_ = sync;
  return absl::OkStatus();
}

absl::Status Database::CheckpointWal(bool truncate) {
  const int mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
  const int rc = sqlite3_wal_checkpoint_v2(db_, "main", mode, nullptr, nullptr);
  if (rc != SQLITE_OK) return Annotate(internal::ErrorOf(db_, rc, ""), "checkpoint");
  if (!truncate) return absl::OkStatus();
  // SQLite leaves it to chance whether a power cut undoes that.
  sqlite3_file* log = nullptr;
  sqlite3_file_control(db_, "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&log));
  if (log == nullptr || log->pMethods == nullptr) return absl::OkStatus();
  if (log->pMethods->xSync(log, SQLITE_SYNC_FULL) == SQLITE_OK) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(path_, ": checkpoint: the log could not be synced"));
}

absl::Status Database::Rekey(absl::string_view key) {
  DOORSTEP_RETURN_IF_ERROR(CheckKey(key));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string mode, QueryText("PRAGMA journal_mode"));
  if (mode == "wal") {
    return absl::FailedPreconditionError(
        absl::StrCat(path_, ": rekey: got journal mode wal, wanted another"));
  }
  cache_.clear();
  recent_.clear();
  return Annotate(ApplyKey(key, /*anew=*/true), absl::StrCat(path_, ": rekey"));
}

absl::Status Database::QuickCheck() {
  DOORSTEP_ASSIGN_OR_RETURN(const std::string finding, QueryText("PRAGMA quick_check(1)"));
  if (finding == "ok") return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path_, ": quick_check: ", finding));
}

absl::Status Database::RestrictToReading(int64_t max_steps) {
  if (restriction_ != nullptr) return absl::InternalError("RestrictToReading: called before");
  cache_.clear();
  recent_.clear();
  DOORSTEP_ASSIGN_OR_RETURN(restriction_, internal::Restriction::Install(db_, max_steps));
  return absl::OkStatus();
}

void Database::Interrupt() { sqlite3_interrupt(db_); }

absl::Status Database::ControlTransaction(absl::string_view sql) {
  if (restriction_ != nullptr) restriction_->allow_transaction = true;
  absl::StatusOr<Statement*> statement = Prepared(sql);
  absl::Status status = statement.ok() ? (*statement)->Run() : statement.status();
  if (restriction_ != nullptr) restriction_->allow_transaction = false;
  return status;
}

absl::StatusOr<Transaction> Transaction::Begin(Database& db, Mode mode) {
  if (db.InTransaction()) return absl::InternalError("transaction: begun inside another");
  if (mode == Mode::kWrite) {
    DOORSTEP_RETURN_IF_ERROR(db.ControlTransaction("BEGIN IMMEDIATE"));
    return Transaction(db);
  }
  DOORSTEP_RETURN_IF_ERROR(db.ControlTransaction("BEGIN"));
  Transaction transaction(db);
  // BEGIN alone takes no snapshot: the first read does.
  DOORSTEP_ASSIGN_OR_RETURN(Statement* const touch,
                            db.Prepared("SELECT 1 FROM sqlite_schema LIMIT 1"));
  DOORSTEP_RETURN_IF_ERROR(touch->Run());
  return transaction;
}

Transaction::Transaction(Transaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}

Transaction& Transaction::operator=(Transaction&& other) noexcept {
  if (this != &other) {
    Rollback();
    db_ = std::exchange(other.db_, nullptr);
  }
  return *this;
}

Transaction::~Transaction() { Rollback(); }

absl::Status Transaction::Commit() {
  if (db_ == nullptr) return absl::InternalError("transaction: committed or moved before");
  if (!db_->InTransaction()) {
    db_ = nullptr;
    return absl::FailedPreconditionError("transaction: rolled back by an earlier error");
  }
  absl::Status status = db_->ControlTransaction("COMMIT");
  if (absl::IsAborted(status) && db_->InTransaction()) return status;
  if (!status.ok()) Rollback();
  db_ = nullptr;
  return status;
}

void Transaction::Rollback() {
  Database* const db = std::exchange(db_, nullptr);
  // An error here means that SQLite has rolled back by itself, or will when the file is next
  // opened.
  if (db != nullptr && db->InTransaction()) db->ControlTransaction("ROLLBACK").IgnoreError();
}

absl::StatusOr<CommitsUnsynced> CommitsUnsynced::Begin(Database& db) {
  CommitsUnsynced scope(&db, db.sync());
  if (db.sync() == DatabaseOptions::Sync::kFull) {
    DOORSTEP_RETURN_IF_ERROR(db.SetSync(DatabaseOptions::Sync::kNormal));
  }
  return scope;
}

CommitsUnsynced::CommitsUnsynced(CommitsUnsynced&& other) noexcept
    : db_(std::exchange(other.db_, nullptr)), before_(other.before_) {}

// A pragma that was allowed before can only fail for want of memory; then commits wait again when
// the database is opened anew.
CommitsUnsynced::~CommitsUnsynced() {
  if (db_ != nullptr) db_->SetSync(before_).IgnoreError();
}

}  // namespace doorstep
