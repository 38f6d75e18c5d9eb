// Which own units are offered before all others: those that touch a safety-critical field, with
// everything that they stand on.
//
// Threads and transactions as the outbox.
#ifndef CLIENT_LIB_URGENT_H_
#define CLIENT_LIB_URGENT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "client-lib/outbox.h"
#include "client-lib/store.h"
#include "sync/change/state.h"

namespace doorstep::client {

// If the unit at `place`, just added, touches a safety-critical field: puts it first, with the
// waiting units that it stands on and those that these stand on. They are older, so that all of
// them can be offered in the order of their commits. A unit stands on all earlier ones of its
// records, on those whose changes it names as seen or answers, and on what brought the records into
// being to which it refers.
absl::Status PutFirst(Store& store, int64_t place, const Unit& unit);

// Anew for every waiting unit, after some that had an outcome have lost it.
absl::Status PutFirstAnew(Store& store);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_URGENT_H_
