// A server that was restored from a backup (rule "restore"): own work that it lacks is handed over
// again under the same ids, every record is received again, and what only this replica still holds
// of others' work is kept for somebody to look at.
//
// Transactions as the store: all but the readers belong to the Write that their caller has open.
#ifndef CLIENT_LIB_RESTORED_H_
#define CLIENT_LIB_RESTORED_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client-lib/store.h"
#include "doorstep/types.h"
#include "sync/blobs/chunk.h"
#include "sync/change/state.h"

namespace doorstep::client {

// `common_sequence`: up to it the server has what it had when this replica last spoke to it.
absl::Status MeetRestoredServer(Store& store, uint64_t common_sequence);
// The digests differ, and nobody knows why: perhaps the server was restored and does not know it.
// All own work is handed over again (a repeat changes nothing), every record is received again.
absl::Status MeetDifferentRows(Store& store);

absl::StatusOr<bool> AnyRescued(Store& store);
// The server has these heads again.
absl::Status ForgetRescued(Store& store, const RecordState& row);
// Nothing of the compartment, or of the record, is kept any more: it was taken away.
absl::Status ForgetRescued(Store& store, const CompartmentId& compartment);
// Attachments that records name of which the server has lost what others wrote: they stay here
// until their authors' devices have handed the records over again.
absl::StatusOr<std::vector<BlobId>> NamedByRescued(Store& store);
absl::Status ForgetRescued(Store& store, const Uuid& record);
// By record and change.
absl::StatusOr<std::vector<Rescued>> ListRescued(Store& store);
// kNotFound when nothing was rescued under this change id.
absl::Status DismissRescued(Store& store, const ChangeId& change);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_RESTORED_H_
