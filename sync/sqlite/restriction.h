// What a connection for SQL that a person typed may do: read, and not tables whose names begin with
// "_secret". Private to this room.
#ifndef SYNC_SQLITE_RESTRICTION_H_
#define SYNC_SQLITE_RESTRICTION_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"

struct sqlite3;

namespace doorstep::internal {

// Installed once on a connection, and destroyed after it. One thread at a time, as the connection.
struct Restriction {
  // Registers the authorizer and the step counter on `db`, which keeps a pointer to the result.
  static absl::StatusOr<std::unique_ptr<Restriction>> Install(sqlite3* db, int64_t max_steps);

  // A new execution starts with the whole budget.
  void StartExecution() {
    steps = 0;
    exceeded = false;
  }

  int64_t max_steps = 0;  // per execution; 0: no limit
  int64_t steps = 0;      // of the running one, counted in kSqlProgressSteps
  bool exceeded = false;
  bool allow_transaction = false;  // while Transaction itself begins or ends one

  // Lower case. Functions that neither write nor look outside the database.
  absl::flat_hash_set<std::string> functions;
  // Lower case. Virtual-table modules that may look outside, by whose name they can be queried.
  absl::flat_hash_set<std::string> forbidden_modules;
};

}  // namespace doorstep::internal

#endif  // SYNC_SQLITE_RESTRICTION_H_
