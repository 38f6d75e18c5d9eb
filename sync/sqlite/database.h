// SQLite behind Status: connections, statements, transactions.
//
// Threads: a Database, with its statements and transactions, is used by one thread at a time; only
// Interrupt() may be called from another. Different connections, also to one file, are independent.
//
// Codes, and what they ask of the caller:
//   kAborted             another connection or process holds the database, or the snapshot of this
//                        transaction is too old to write: roll back, try again
//   kResourceExhausted   the disk is full, or memory, or a limit of SQLite, or the budget of
//                        RestrictToReading is used up
//   kPermissionDenied    the file or its directory may not be read or written, or an authorizer
//                        (RestrictToReading) refuses the statement
//   kNotFound            no such database, and `create` was not asked for
//   kDataLoss            corrupt, not a database, or wrong key (the last two look alike)
//   kAlreadyExists       a UNIQUE or PRIMARY KEY constraint
//   kFailedPrecondition  any other constraint
//   kUnavailable         the file system failed; what was being written is not stored
//   kCancelled           Interrupt() was called
//   kInvalidArgument     the SQL does not compile, or a value does not fit its column's type
//   kInternal            a mistake in the calling program
// Messages hold SQLite's words and the first words of the SQL, and never a bound value.
#ifndef SYNC_SQLITE_DATABASE_H_
#define SYNC_SQLITE_DATABASE_H_

#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/sqlite/statement.h"

struct sqlite3;

namespace doorstep {

struct DatabaseOptions {
  // kOff loses committed transactions, and can corrupt the file, at a power cut; kNormal (in WAL
  // mode) loses the latest ones only; kFull loses nothing that Commit acknowledged.
  enum class Sync { kOff, kNormal, kFull };

  bool create = false;     // make the file (mode 0600 less the umask) if there is none
  bool read_only = false;  // refuse every write; the file must exist
  bool wal = true;         // write-ahead log: readers and the writer do not wait for each other
  Sync sync = Sync::kFull;
  int busy_timeout_ms = 10000;  // wait for another writer, then kAborted; 0: do not wait
  int cache_kib = 8 * 1024;     // page cache of this connection
  bool secure_delete = false;   // overwrite what is deleted with zeros
  std::string key;  // encryption: 32 raw bytes, or empty for a plain file; never in a message
  std::string vfs;  // a registered VFS by name; empty: the default
};

class Database {
 public:
  // Opens and applies: journal mode, synchronous, busy timeout, cell_size_check, no trusted schema,
  // no foreign keys (references are not foreign keys), no memory map, no load_extension, temporary
  // tables in memory. Reads the header, so a file that is no database, or a wrong key, shows here.
  // The path is a file name, never a URI; ":memory:" works (and then `wal` is ignored).
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path,
                                                        const DatabaseOptions& options);

  // Rolls back what is open. Statements from Prepare() must be gone by then.
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs several statements; rows are dropped. Stops at the first error.
  absl::Status Exec(absl::string_view sql);

  // One statement, compiled once per SQL text and kept. It comes back reset and without bindings,
  // belongs to the database, and stays valid until kMaxCachedStatements other texts have been
  // prepared: ask again for each use, do not keep it. Asking for the text of a statement that is
  // still between rows resets that one too: two loops over one text need Prepare().
  absl::StatusOr<Statement*> Prepared(absl::string_view sql);

  // One statement of the caller's own, which must not outlive the database.
  absl::StatusOr<std::unique_ptr<Statement>> Prepare(absl::string_view sql);

  // The first column of the first row. kNotFound without a row. For a pragma too.
  absl::StatusOr<int64_t> QueryInt(absl::string_view sql);
  absl::StatusOr<std::string> QueryText(absl::string_view sql);

  int64_t LastInsertRowid() const;
  // Rows touched by the latest INSERT, UPDATE or DELETE.
  int64_t Changes() const;
  bool InTransaction() const;

  // What commits wait for from now on. Not while a transaction is open (kInternal).
  absl::Status SetSync(DatabaseOptions::Sync sync);
  DatabaseOptions::Sync sync() const { return sync_; }
  const std::string& path() const { return path_; }

  // Copies as much of the WAL into the database file as readers allow, and syncs it. With
  // `truncate`: waits for readers up to the busy timeout, copies all, and leaves the WAL file
  // empty, also after a power cut, so that nothing deleted stays readable in it; kAborted when a
  // reader prevented that.
  absl::Status CheckpointWal(bool truncate);

  // Encrypts a plain database, or encrypts it anew, with another key: 32 raw bytes. Not with a WAL
  // (kFailedPrecondition), and by nobody else meanwhile. Rewrites every page in place: what a crash
  // leaves is of no use, so work on a copy (rekey.h). Afterwards this connection uses the new key.
  absl::Status Rekey(absl::string_view key);

  // PRAGMA quick_check: kDataLoss with the first finding. Reads the whole file.
  absl::Status QuickCheck();

  // Copies this database into `to`, a new and empty one with the same key, `pages` at a time: what
  // the transaction sees that is open here, log included (kInternal without one). Others write
  // meanwhile; the log cannot be emptied until the transaction ends. `after_step` gets the bytes
  // that are copied and those that there are; an error of it ends the copy, which is of no use
  // then.
  absl::Status CopyTo(Database& to, int pages,
                      absl::FunctionRef<absl::Status(int64_t, int64_t)> after_step);

  // From here on, and for ever, this connection only reads: statements that write, attach, begin or
  // end a transaction, use a pragma, or call a function that reaches outside the database do not
  // compile (kPermissionDenied), and an execution that takes more than about `max_steps`
  // virtual-machine steps ends with kResourceExhausted (0: no limit). For SQL that a person typed.
  // Transaction::Begin(kRead) still works. Statements from Prepared() before this are finalized;
  // those from Prepare() must be gone.
  absl::Status RestrictToReading(int64_t max_steps);

  // From any thread: the statements that run now end with kCancelled, and a write transaction that
  // one of them wrote in is rolled back. Nothing happens when nothing runs.
  void Interrupt();

 private:
  friend class Transaction;
  using Recent = std::list<std::unique_ptr<Statement>>;

  Database(sqlite3* db, std::string path);
  absl::Status Configure(const DatabaseOptions& options);
  absl::Status ApplyKey(absl::string_view key, bool anew);
  absl::Status SetJournalMode(const DatabaseOptions& options);
  absl::StatusOr<std::unique_ptr<Statement>> Compile(absl::string_view sql, bool persistent,
                                                     absl::string_view* tail);
  // As Prepared("BEGIN") and so on, also on a restricted connection.
  absl::Status ControlTransaction(absl::string_view sql);
  void EvictOldStatements();

  sqlite3* db_;
  const std::string path_;
  // The latest used first. The map's keys view the SQL texts that the statements own.
  Recent recent_;
  absl::flat_hash_map<absl::string_view, Recent::iterator> cache_;
  std::unique_ptr<internal::Restriction> restriction_;  // null: not restricted
  DatabaseOptions::Sync sync_ = DatabaseOptions::Sync::kFull;
  bool wal_ = true;
};

// While it lives, commits wait for no more than the log's order (Sync::kNormal): for what can be
// had again. The next commit that waits for the disk takes them along. Begins and ends outside
// transactions; must not outlive the database.
class CommitsUnsynced {
 public:
  static absl::StatusOr<CommitsUnsynced> Begin(Database& db);
  CommitsUnsynced(CommitsUnsynced&& other) noexcept;
  CommitsUnsynced& operator=(CommitsUnsynced&&) = delete;
  ~CommitsUnsynced();

 private:
  CommitsUnsynced(Database* db, DatabaseOptions::Sync before) : db_(db), before_(before) {}
  Database* db_;
  const DatabaseOptions::Sync before_;
};

// A transaction, rolled back unless committed. Not nested: kInternal when one is open. Must not
// outlive the database.
class Transaction {
 public:
  enum class Mode {
    kRead,   // a snapshot as of Begin; a write in it may fail with kAborted
    kWrite,  // takes the writer's lock at once; waits up to the busy timeout, then kAborted
  };

  static absl::StatusOr<Transaction> Begin(Database& db, Mode mode);

  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&& other) noexcept;
  ~Transaction();

  // After OK in a database opened with Sync::kFull the effects survive a power cut. After an error
  // the transaction is over, and nothing of it is visible (after kUnavailable it may yet appear
  // when the file is opened again), except kAborted: it is then still open, and Commit may be
  // called again. kFailedPrecondition when an error of a statement in it (disk full, file system
  // fault, interrupt) has rolled it back already; kInternal when it was committed already. Ends a
  // read transaction too.
  absl::Status Commit();

 private:
  explicit Transaction(Database& db) : db_(&db) {}
  void Rollback();
  Database* db_;  // null when over
};

}  // namespace doorstep

#endif  // SYNC_SQLITE_DATABASE_H_
