// The schemas of a tenant: the one in use, those before it, and how the next takes over.
//
// They stand in the tenant's own database, with its tables: one transaction checks a new one,
// brings the tables to it and notes it, so that there is never one without the other. A server that
// runs meanwhile finds it there (Tenants::TakeNewSchemas).
#ifndef SERVER_SQLITE_SCHEMAS_H_
#define SERVER_SQLITE_SCHEMAS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/base/entropy.h"
#include "sync/schema/compare.h"
#include "sync/schema/schema.h"
#include "sync/sqlite/database.h"

namespace doorstep::server {

struct SchemaRow {
  int64_t number = 0;
  std::string hash;
  uint64_t sequence = 0;  // 0: it came with a program
  int64_t since_ms = 0;
  std::string by;
  int64_t served_ms = 0;  // 0: no server has begun to serve with it
};

// Oldest first; the last is in use. `db` is a tenant's database.
absl::StatusOr<std::vector<SchemaRow>> ReadSchemas(Database& db);

struct SchemaPush {
  std::vector<SchemaChange> changes;  // of the schema that was in use
  bool done = false;                  // false: a change breaks a rule, or there is none to make
};
// Brings the tenant to `schema` when it only adds to the one in use; else changes nothing. Wakes
// the tenant's devices, so that units which wait for it are offered again. kAborted when the
// database is busy for too long: nothing has changed then.
absl::StatusOr<SchemaPush> PushSchema(Database& db, const std::shared_ptr<const Schema>& schema,
                                      absl::string_view by, int64_t now_ms);

namespace internal {

// Brings a database that is about to be opened by a program whose own schema is `own` to the one
// that is to be in use (SchemaInUse), and returns it. Fills a new database.
absl::StatusOr<std::shared_ptr<const Schema>> PrepareSchema(
    Database& db, const std::shared_ptr<const Schema>& own, Entropy& entropy, int64_t now_ms);

// Whether this is the hash of the schema in use.
absl::StatusOr<bool> IsInUse(Database& db, absl::string_view hash);

// Notes that a server serves with the schema in use, once.
absl::Status NoteServed(Database& db, int64_t now_ms);

}  // namespace internal
}  // namespace doorstep::server

#endif  // SERVER_SQLITE_SCHEMAS_H_
