// Attachments that this device owes the server: their records were written here, were admitted (or
// are held there), and have been taken from this device before the bytes had arrived. Nobody reads
// them here any more; they are sent, and then they go.
//
// Threads and transactions as the store: what writes belongs to the Write that its caller has open,
// unless it says otherwise.
#ifndef CLIENT_LIB_OWED_H_
#define CLIENT_LIB_OWED_H_

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client-lib/store.h"
#include "sync/blobs/chunk.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep::client {

// The attachment that a change of a record in this file names; nullopt: none.
std::optional<BlobId> NamedBy(const Schema& schema, const Uuid& file, const ChangeData& change);

// Before the content of the compartment's own units leaves this device: what those of them that
// were not refused name is owed from now on.
absl::Status NoteOwed(Store& store, const CompartmentId& compartment);

struct Owed {
  BlobId id;
  bool held = false;  // a record that names it waits on the server for something
};
// Each once, in order.
absl::StatusOr<std::vector<Owed>> ListOwed(Store& store);

// It is owed no more: the server has it, or will never take it. Its bytes go with the next
// collection. In a Write of its own.
absl::Status EndOwed(Store& store, const BlobId& id);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_OWED_H_
