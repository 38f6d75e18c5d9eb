// A database file of the server's, with the key that the operator gives for all of them.
#ifndef SERVER_KEYED_DATABASE_H_
#define SERVER_KEYED_DATABASE_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "sync/base/file.h"
#include "sync/sqlite/database.h"

namespace doorstep::server {

struct KeyedDatabase {
  // Held together by all that have the file open: nobody puts another in its place meanwhile.
  // First, so that it outlives the connection. None with a VFS.
  std::optional<FileLock> lock;
  std::unique_ptr<Database> db;
};

// As Database::Open, but that SQLite says the same of a wrong key, of none, and of damage, and this
// says what is known: kFailedPrecondition when the file has a key and none was given, or the
// reverse; kPermissionDenied when it does not open with this key: a wrong key, or damage.
absl::StatusOr<KeyedDatabase> OpenKeyed(const std::string& path, const DatabaseOptions& options);

// The database to oneself, be it to put another file in its place. kAborted: a program has it open,
// and still had after a while.
absl::StatusOr<FileLock> LockDatabase(const std::string& path);

// Gives the database at `path`, which is plain or has `old_key`, another key; false when it has
// that one already. kNotFound: there is none. kAborted: a program has it open. Crash-safe as
// RekeyFile.
absl::StatusOr<bool> RekeyDatabase(const std::string& path, const std::string& old_key,
                                   const std::string& new_key);

}  // namespace doorstep::server

#endif  // SERVER_KEYED_DATABASE_H_
