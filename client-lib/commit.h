// How a transaction's edits become durable: rows, units with their bases and stamp, and the outbox,
// in one SQLite transaction.
#ifndef CLIENT_LIB_COMMIT_H_
#define CLIENT_LIB_COMMIT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client-lib/edits.h"
#include "client-lib/store.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"

namespace doorstep::client {

// Writes the edits into the Write that the caller has open: one unit for each compartment, in order
// of first appearance. kResourceExhausted when a unit would exceed a limit.
absl::Status WriteUnits(Store& store, std::vector<Edit> edits, const std::string& author,
                        const ClockReading& now, Entropy& entropy);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_COMMIT_H_
