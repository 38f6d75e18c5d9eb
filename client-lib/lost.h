// Compartments that were taken away and records that were withdrawn, and what leaves this device
// with them.
//
// Rows of others go with the checkpoint that brings the loss. What was written here and has no
// outcome yet stays, in the record's row and in the outbox, until the server has said what became
// of it; then its content goes too, and the outbox keeps only that there was a change. The bytes of
// attachments that it named go when the server has them (owed.h).
//
// Threads and transactions as the store: every write belongs to the Write that its caller has open.
#ifndef CLIENT_LIB_LOST_H_
#define CLIENT_LIB_LOST_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client-lib/store.h"
#include "sync/change/state.h"

namespace doorstep::client {

// Taken, and given (again).
absl::Status MarkLost(Store& store, const CompartmentId& compartment);
absl::Status UnmarkLost(Store& store, const CompartmentId& compartment);
// Also of a tier of which this replica never had anything, in a file of which another was taken.
absl::StatusOr<bool> IsLost(Store& store, const CompartmentId& compartment);
// Whether any compartment of the file was taken.
absl::StatusOr<bool> IsFileLost(Store& store, const Uuid& file);

// The content of own units that have an outcome, in those compartments of the file that are lost.
absl::Status ForgetContent(Store& store, const Uuid& file);

// Withdrawn, and given back.
absl::Status MarkWithdrawn(Store& store, const Uuid& record);
absl::Status UnmarkWithdrawn(Store& store, const Uuid& record);
absl::StatusOr<bool> IsWithdrawn(Store& store, const Uuid& record);
absl::StatusOr<bool> AnyWithdrawn(Store& store);
// The content of own units that have an outcome and touch the record: the whole of each, for its
// bytes are one payload. The server has them.
absl::Status ForgetContentOf(Store& store, const Uuid& record);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_LOST_H_
