// A Store in one SQLite database: WAL, synchronous=FULL, one writer, several readers.
//
// Tables: server/schema/NNNN_*.sql for what is the server's own, sync/tables for the records.
#ifndef SERVER_SQLITE_STORE_H_
#define SERVER_SQLITE_STORE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/store.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"
#include "sync/schema/schema.h"
#include "sync/sqlite/database.h"

namespace doorstep::server {

struct SqliteStoreOptions {
  // kOff and kNormal are for tests: kFull is what makes a receipt true.
  DatabaseOptions::Sync sync = DatabaseOptions::Sync::kFull;
  std::string vfs = "";    // a registered VFS by name, for tests
  std::string key = "";    // 32 bytes; empty: the database is plain
  Clock* clock = nullptr;  // null: the machine's; says since when a schema is in use
};

// Opens `path`, brings it to the newest table layout, and its tables to `own`, the schema of this
// program, unless that would take something away (sqlite_schemas.h): Store::schema() says which it
// is. With `create`, makes the file if there is none (`entropy` gives the epoch and the tenant's
// own key), else kNotFound. kFailedPrecondition when the file is another program's or newer than
// this one. About its key as OpenKeyed.
absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::string& path, bool create,
                                                       const std::shared_ptr<const Schema>& own,
                                                       Entropy& entropy,
                                                       const SqliteStoreOptions& options = {});

}  // namespace doorstep::server

#endif  // SERVER_SQLITE_STORE_H_
