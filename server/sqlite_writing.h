// The writing half of the SQLite store. Private to the store's files.
#ifndef SERVER_SQLITE_WRITING_H_
#define SERVER_SQLITE_WRITING_H_

#include <memory>

#include "absl/status/statusor.h"
#include "server/sqlite_reading.h"
#include "server/store.h"
#include "sync/base/mutex.h"

namespace doorstep::server::internal {

// Begins the one write transaction of a connection; `mu` is held until it is destroyed. Borrows
// both. Unless `synced`, its commit does not wait for the disk.
absl::StatusOr<std::unique_ptr<WriteTransaction>> BeginWrite(Connection* connection, Mutex* mu,
                                                             bool synced);

}  // namespace doorstep::server::internal

#endif  // SERVER_SQLITE_WRITING_H_
