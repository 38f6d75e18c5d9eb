// Which attachments a replica's records name, what is known of each, and which go because nothing
// names them any more and the server has them, or will never take them.
#ifndef CLIENT_LIB_ATTACHMENT_ROWS_H_
#define CLIENT_LIB_ATTACHMENT_ROWS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client-lib/shelf.h"
#include "client-lib/store.h"
#include "doorstep/replica.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"
#include "sync/tables/attachments.h"

namespace doorstep::client {

struct NamedAttachment {
  BlobId id;
  uint64_t size = 0;
  Shelved shelved;
  bool owed = false;  // its record was taken from this device: sent, and nothing else (owed.h)
  bool held = false;  // of one that is owed: its record waits on the server for something
};

// Each once, of the newest record first; then what is owed.
absl::StatusOr<std::vector<NamedAttachment>> NamedAttachments(Store& store, Entropy& entropy);

struct WaitingAttachments {
  uint64_t count = 0;  // here, and not confirmed by the server as it lives now
  uint64_t bytes = 0;  // of these, what it has not acknowledged
};
absl::StatusOr<WaitingAttachments> CountWaiting(Store& store, Entropy& entropy);

// The largest attachment that comes unasked: as the last sync had it, and before the first as one
// has it that was told nothing.
absl::StatusOr<uint64_t> UnaskedBytes(Store& store);
// What a sync does about attachments, for UnaskedBytes. Not in a transaction.
absl::Status NoteLimits(Store& store, const AttachmentLimits& limits);

// When records were taken away, or a day has passed: removes attachments that no record names, nor
// an own change that waits or is parked, nor what a restored server has lost, and that are not
// owed. Not in a transaction.
absl::Status CollectAttachments(Store& store, Clock& clock, Entropy& entropy);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_ATTACHMENT_ROWS_H_
