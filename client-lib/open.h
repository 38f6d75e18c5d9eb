// A replica's files: making them, opening them, and setting a damaged database aside.
//
//   DIR/replica.db            everything (with -wal and -shm while it is open)
//   DIR/attachments.db        bytes of attachments, under keys that stand in replica.db
//   DIR/sync.lock             held by the process that syncs
//   DIR/replica.db.damaged-*  set aside with its keyring, never deleted by this library
#ifndef CLIENT_LIB_OPEN_H_
#define CLIENT_LIB_OPEN_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client-lib/store.h"
#include "doorstep/replica.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"

namespace doorstep::client {

std::string DatabasePath(const std::string& directory);

// Brings its tables to this program's, and says so if they are newer.
absl::Status MigrateReplica(Database& db);

// See Replica::Init and Replica::Open. `clock` and `entropy` of the environment may be null.
absl::Status InitStore(const std::string& directory, const InitOptions& options);
absl::StatusOr<std::unique_ptr<Store>> OpenStore(const std::string& directory,
                                                 const OpenOptions& options);
// See Replica::UseSchema.
absl::Status GiveSchema(const std::string& directory, absl::string_view descriptor_set,
                        const OpenOptions& options);

// `path` with the time behind it, as no file is called yet.
std::string FreeName(const std::string& path, Clock& clock);

Clock& ClockOf(const Environment& environment);
Entropy& EntropyOf(const Environment& environment);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_OPEN_H_
