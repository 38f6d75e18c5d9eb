// The upgrade ladder of a database file.
//
// A file carries two numbers in its header: application_id says whose it is, user_version how far
// up the ladder it stands. Rungs are append-only: a released rung never changes.
#ifndef SYNC_SQLITE_MIGRATE_H_
#define SYNC_SQLITE_MIGRATE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "sync/sqlite/database.h"

namespace doorstep {

struct Migration {
  int version;             // 1, 2, 3, … without gaps
  absl::string_view name;  // "0002_add_markers", for messages
  absl::string_view sql;   // several statements; no BEGIN, COMMIT or VACUUM
};

// Brings the database to the last rung, in one transaction, version number last: a crash or an
// error at any moment leaves it as it was. Nothing is written when it is there already. Processes
// that do this at once wait for each other, and the second finds the work done.
//
// `application_id` must not be zero. kFailedPrecondition when the file is another program's
// (another application_id, or none but with tables in it) or newer than the ladder, with a message
// that says which; kInternal when the ladder has gaps or a rung ends the transaction; a rung's own
// error, prefixed by its name.
absl::Status Migrate(Database& db, int32_t application_id, absl::Span<const Migration> ladder);

// The rung on which the database stands; 0 for a new one.
absl::StatusOr<int> SchemaVersion(Database& db);

}  // namespace doorstep

#endif  // SYNC_SQLITE_MIGRATE_H_
