#include "server/sqlite_store.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "server/epoch.h"
#include "server/migrations.h"
#include "server/sqlite_reading.h"
#include "server/sqlite_writing.h"
#include "sync/base/limits.h"
#include "sync/base/mutex.h"
#include "sync/base/status.h"
#include "sync/sqlite/migrate.h"

namespace doorstep::server {
namespace {

using internal::Connection;

// "DSrv": whose database a file is.
constexpr int32_t kApplicationId = 0x44537276;

DatabaseOptions OptionsFor(const SqliteStoreOptions& options, bool create) {
  DatabaseOptions database;
  database.create = create;
  database.sync = options.sync;
  database.vfs = options.vfs;
  return database;
}

class SqliteStore;

// A reader that goes back to its store's pool.
class SqliteReadView : public internal::SqliteReading<ReadView> {
 public:
  SqliteReadView(SqliteStore* store, std::unique_ptr<Connection> connection,
                 Transaction transaction)
      : SqliteReading(connection.get()),
        store_(store),
        connection_(std::move(connection)),
        transaction_(std::make_unique<Transaction>(std::move(transaction))) {}
  ~SqliteReadView() override;

 private:
  SqliteStore* store_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<Transaction> transaction_;
};

class SqliteStore : public Store {
 public:
  SqliteStore(std::string path, std::unique_ptr<Connection> writer,
              std::shared_ptr<const Schema> schema, const SqliteStoreOptions& options)
      : path_(std::move(path)),
        schema_(std::move(schema)),
        options_(options),
        writer_(std::move(writer)) {}

  absl::StatusOr<std::unique_ptr<ReadView>> Read() override {
    DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Connection> reader, TakeReader());
    DOORSTEP_ASSIGN_OR_RETURN(Transaction transaction,
                              Transaction::Begin(*reader->db, Transaction::Mode::kRead));
    return std::make_unique<SqliteReadView>(this, std::move(reader), std::move(transaction));
  }

  absl::StatusOr<std::unique_ptr<WriteTransaction>> Write() override {
    return internal::BeginWrite(writer_.get(), &writer_mu_);
  }

  void GiveBack(std::unique_ptr<Connection> reader) {
    MutexLock lock(pool_mu_);
    if (idle_.size() < kMaxIdleReaders) idle_.push_back(std::move(reader));
  }

 private:
  absl::StatusOr<std::unique_ptr<Connection>> TakeReader() {
    {
      MutexLock lock(pool_mu_);
      if (!idle_.empty()) {
        std::unique_ptr<Connection> reader = std::move(idle_.back());
        idle_.pop_back();
        return reader;
      }
    }
    DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Database> db,
                              Database::Open(path_, OptionsFor(options_, false)));
    return std::make_unique<Connection>(std::move(db), schema_);
  }

  const std::string path_;
  const std::shared_ptr<const Schema> schema_;
  const SqliteStoreOptions options_;

  Mutex writer_mu_;  // held for as long as a WriteTransaction lives
  const std::unique_ptr<Connection> writer_;

  Mutex pool_mu_;
  std::vector<std::unique_ptr<Connection>> idle_ ABSL_GUARDED_BY(pool_mu_);
};

SqliteReadView::~SqliteReadView() {
  transaction_.reset();
  store_->GiveBack(std::move(connection_));
}

std::string RandomBytes(Entropy& entropy, size_t size) {
  std::string bytes(size, '\0');
  entropy.Fill(absl::MakeSpan(reinterpret_cast<uint8_t*>(bytes.data()), size));
  return bytes;
}

// The row of _server and the tenant's own key.
absl::Status FillNew(Connection& connection, Entropy& entropy) {
  const std::string zeros(32, '\0');
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * insert,
      connection.db->Prepared("INSERT INTO _server(one, head, schema_hash, history_sequence, "
                              "history_chain) VALUES(1, 0, x'', 0, ?1)"));
  DOORSTEP_RETURN_IF_ERROR(insert->BindBlob(1, zeros).Run());
  DOORSTEP_ASSIGN_OR_RETURN(
      insert, connection.db->Prepared("INSERT INTO _epoch(epoch, from_sequence) VALUES(?1, 0)"));
  DOORSTEP_RETURN_IF_ERROR(insert->BindInt(1, static_cast<int64_t>(NewEpoch(entropy))).Run());
  const std::string key = RandomBytes(entropy, 32);
  DOORSTEP_ASSIGN_OR_RETURN(insert, connection.db->Prepared("INSERT INTO _file_key(file, key) "
                                                            "VALUES(?1, ?2)"));
  const Uuid nil;
  return insert->BindBlob(1, nil.AsBytes()).BindBlob(2, key).Run();
}

// Brings the record tables to the schema, if they were last made for another.
absl::Status Prepare(Connection& connection, Entropy& entropy) {
  Database& db = *connection.db;
  auto is_current = [&]() -> absl::StatusOr<bool> {
    DOORSTEP_ASSIGN_OR_RETURN(Statement * find, db.Prepared("SELECT schema_hash FROM _server"));
    ScopedReset done(find);
    DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
    return found && find->Blob(0) == connection.tables.schema().hash();
  };
  DOORSTEP_ASSIGN_OR_RETURN(bool current, is_current());
  if (current) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(Transaction transaction,
                            Transaction::Begin(db, Transaction::Mode::kWrite));
  DOORSTEP_ASSIGN_OR_RETURN(current, is_current());  // another process may have been quicker
  if (current) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t rows, db.QueryInt("SELECT count(*) FROM _server"));
  if (rows == 0) DOORSTEP_RETURN_IF_ERROR(FillNew(connection, entropy));
  DOORSTEP_RETURN_IF_ERROR(connection.tables.Create());
  DOORSTEP_ASSIGN_OR_RETURN(Statement * update, db.Prepared("UPDATE _server SET schema_hash = ?1"));
  DOORSTEP_RETURN_IF_ERROR(update->BindBlob(1, connection.tables.schema().hash()).Run());
  return transaction.Commit();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::string& path, bool create,
                                                       std::shared_ptr<const Schema> schema,
                                                       Entropy& entropy,
                                                       const SqliteStoreOptions& options) {
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Database> db,
                            Database::Open(path, OptionsFor(options, create)));
  const std::vector<Migration> ladder = Migrations();
  DOORSTEP_RETURN_IF_ERROR(Migrate(*db, kApplicationId, ladder));
  auto writer = std::make_unique<Connection>(std::move(db), schema);
  DOORSTEP_RETURN_IF_ERROR(Prepare(*writer, entropy));
  return std::make_unique<SqliteStore>(path, std::move(writer), std::move(schema), options);
}

}  // namespace doorstep::server
