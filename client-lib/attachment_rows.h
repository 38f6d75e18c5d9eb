// Which attachments a replica's records name, what is known of each, and which go because nothing
// names them any more.
#ifndef CLIENT_LIB_ATTACHMENT_ROWS_H_
#define CLIENT_LIB_ATTACHMENT_ROWS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client-lib/shelf.h"
#include "client-lib/store.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"
#include "sync/tables/attachments.h"

namespace doorstep::client {

struct NamedAttachment {
  BlobId id;
  uint64_t size = 0;
  Shelved shelved;
};

// Each once, of the newest record first.
absl::StatusOr<std::vector<NamedAttachment>> NamedAttachments(Store& store, Entropy& entropy);

struct WaitingAttachments {
  uint64_t count = 0;  // here, and not confirmed by the server as it lives now
  uint64_t bytes = 0;  // of these, what it has not acknowledged
};
absl::StatusOr<WaitingAttachments> CountWaiting(Store& store, Entropy& entropy);

// When records were taken away, or a day has passed: removes attachments that no record names, nor
// an own change that waits or is parked. Not in a transaction.
absl::Status CollectAttachments(Store& store, Clock& clock, Entropy& entropy);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_ATTACHMENT_ROWS_H_
