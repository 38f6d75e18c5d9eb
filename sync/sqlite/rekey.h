// Another key for a database file.
#ifndef SYNC_SQLITE_REKEY_H_
#define SYNC_SQLITE_REKEY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace doorstep {

// Whether a file begins as a database that is not encrypted does. Short files do not. kNotFound,
// and the other codes of sync/base/file.h.
absl::StatusOr<bool> IsPlainDatabase(const std::string& path);

// Encrypts the database at `path`, plain so far when `old_key` is empty, with `new_key`. The whole
// is made as a copy beside it, "PATH.rekeying", checked, and takes its name in one step: a crash or
// a power cut at any moment leaves a whole database that opens with one of the two keys and holds
// the same. A plain file is overwritten once it has been replaced. Needs as much free space as the
// file has, and when it was plain as much memory: SQLite makes it anew to have room for a checksum
// in each page.
//
// The caller sees to it that no connection is open, and none begins, in any process: one that began
// would go on with the old file. kAborted when there is one; kDataLoss when the old key does not
// open it, or a check finds damage, and then nothing has changed; kResourceExhausted: disk full.
absl::Status RekeyFile(const std::string& path, const std::string& old_key,
                       const std::string& new_key);

}  // namespace doorstep

#endif  // SYNC_SQLITE_REKEY_H_
