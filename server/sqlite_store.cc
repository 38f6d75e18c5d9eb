#include "server/sqlite_store.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/keyed_database.h"
#include "server/migrations.h"
#include "server/sqlite_reading.h"
#include "server/sqlite_schemas.h"
#include "server/sqlite_writing.h"
#include "sync/base/clock.h"
#include "sync/base/file.h"
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
  database.key = options.key;
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
  SqliteStore(std::string path, std::optional<FileLock> lock, std::unique_ptr<Connection> writer,
              std::shared_ptr<const Schema> schema, const SqliteStoreOptions& options)
      : path_(std::move(path)),
        lock_(std::move(lock)),
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
    return internal::BeginWrite(writer_.get(), &writer_mu_, /*synced=*/true);
  }

  absl::StatusOr<std::unique_ptr<WriteTransaction>> WriteUnsynced() override {
    return internal::BeginWrite(writer_.get(), &writer_mu_, /*synced=*/false);
  }

  std::shared_ptr<const Schema> schema() const override { return schema_; }

  absl::StatusOr<bool> SchemaIsInUse() override {
    DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Connection> reader, TakeReader());
    absl::StatusOr<bool> in_use = internal::IsInUse(*reader->db, schema_->hash());
    GiveBack(std::move(reader));
    return in_use;
  }

  absl::Status NoteServed(int64_t now_ms) override {
    MutexLock lock(writer_mu_);
    return internal::NoteServed(*writer_->db, now_ms);
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
  const std::optional<FileLock> lock_;  // outlives the connections
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

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::string& path, bool create,
                                                       const std::shared_ptr<const Schema>& own,
                                                       Entropy& entropy,
                                                       const SqliteStoreOptions& options) {
  DOORSTEP_ASSIGN_OR_RETURN(KeyedDatabase opened, OpenKeyed(path, OptionsFor(options, create)));
  Database& db = *opened.db;
  const std::vector<Migration> ladder = Migrations();
  DOORSTEP_RETURN_IF_ERROR(Migrate(db, kApplicationId, ladder));
  Clock& clock = options.clock == nullptr ? *SystemClock() : *options.clock;
  DOORSTEP_ASSIGN_OR_RETURN(std::shared_ptr<const Schema> schema,
                            internal::PrepareSchema(db, own, entropy, clock.Read().wall_ms));
  auto writer = std::make_unique<Connection>(std::move(opened.db), schema);
  return std::make_unique<SqliteStore>(path, std::move(opened.lock), std::move(writer),
                                       std::move(schema), options);
}

}  // namespace doorstep::server
