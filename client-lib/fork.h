// Two lives of one replica: when a replica was copied or restored, both copies give out the same
// ids. Whoever notices takes a new incarnation, and every own unit that the server has not taken
// gets a new id (rule "idempotence").
#ifndef CLIENT_LIB_FORK_H_
#define CLIENT_LIB_FORK_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client-lib/store.h"
#include "sync/base/entropy.h"
#include "sync/change/state.h"

namespace doorstep::client {

// In a write transaction of its own. Units without outcome and without a receipt of this epoch are
// issued again, in the same order; references among them follow, references to what the server has
// taken keep the old incarnation. Returns how many changes got a new id.
absl::StatusOr<uint64_t> TakeNewIncarnation(Store& store, Entropy& entropy);
// The same inside a Write that the caller has open.
absl::StatusOr<uint64_t> ReissueWaiting(Store& store, Entropy& entropy);

// The id that an own pending change has now.
absl::StatusOr<ChangeId> CurrentId(Store& store, ChangeId id);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_FORK_H_
