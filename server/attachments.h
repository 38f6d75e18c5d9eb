// The three calls about attachments: what a device may ask for, send and receive.
//
// An attachment belongs to a file, and is seen by whoever may see a record of that file that names
// it. Records come first: until one has been admitted the attachment is unknown, in the same words
// as one that does not exist. The device that wrote such a record may send what it names also after
// its access to the file has ended (what was made before the end counts), and reads nothing of it.
#ifndef SERVER_ATTACHMENTS_H_
#define SERVER_ATTACHMENTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/attachment_store.h"
#include "server/store.h"
#include "server/tenant.h"
#include "sync/sqlite/database.h"

namespace doorstep::server {

// Who asks, sends or receives.
struct AskingDevice {
  std::string site;
  Uuid device;
};

// One state for each, in order; nullopt: the device may neither see a record that names it nor has
// written one.
absl::StatusOr<std::vector<std::optional<AttachmentProgress>>> AskAttachments(
    Tenant& tenant, const AskingDevice& asking, const std::vector<BlobId>& ids);

// kNotFound: as there. kInvalidArgument: no such record says this size.
absl::StatusOr<AttachmentProgress> PutAttachmentChunk(Tenant& tenant, const AskingDevice& asking,
                                                      const AttachmentChunk& chunk, int64_t now_ms);

struct AttachmentPiece {
  bool whole = false;  // false: it is not whole here, and there is nothing more to say
  uint64_t size = 0;
  std::string data;
};
// kNotFound: the device may not see a record that names it.
absl::StatusOr<AttachmentPiece> GetAttachmentChunk(Tenant& tenant, const AskingDevice& asking,
                                                   const BlobId& id, uint64_t offset, size_t max);

// A step of the collection of what nobody refers to; nothing when the tenant has no attachments.
// Returns how many went.
absl::StatusOr<int> CollectAttachments(Tenant& tenant, int64_t now_ms);

// Attachments that records of the site's files name and that have not arrived, whole: they are
// still on a tablet. Each counts once.
struct MissingAttachments {
  int64_t count = 0;
  uint64_t bytes = 0;  // that are missing
};
// `records`: the tenant's database.
absl::StatusOr<MissingAttachments> CountMissingAttachments(Tenant& tenant, Database& records,
                                                           absl::string_view site);

}  // namespace doorstep::server

#endif  // SERVER_ATTACHMENTS_H_
