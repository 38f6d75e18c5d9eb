#include "server/attachments.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/errors.h"
#include "server/membership.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

// What is known of one before its bytes are touched.
struct Permitted {
  std::vector<uint64_t>
      sizes;              // that the records by which the device may send it say; may be empty
  bool may_read = false;  // one of them it may see
  std::string key;        // of the file
};

// Whether it was on this device that the record came to name its attachment. It was admitted, so it
// was made before the device's access ended, where that has ended: what is still to come of it may
// come.
absl::StatusOr<bool> Wrote(ReadView& view, const Schema& schema, const Uuid& device,
                           const NamingRecord& naming) {
  const KindSpec* kind = schema.Find(naming.kind);
  const FieldSpec* hash = kind == nullptr ? nullptr : kind->FindAttachment(AttachmentPart::kSha256);
  if (hash == nullptr) return false;
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> state, view.Load(naming.record));
  const FieldState* field = state ? state->Find(hash->number()) : nullptr;
  if (field == nullptr) return false;
  for (const Head& head : field->heads) {
    // The value is one field with its tag: the hash ends it.
    if (!absl::EndsWith(head.value, naming.sha256)) continue;
    DOORSTEP_ASSIGN_OR_RETURN(const std::optional<Uuid> owner, view.DeviceOf(head.id.incarnation));
    if (owner == device) return true;
  }
  return false;
}

absl::StatusOr<Permitted> PermittedOf(ReadView& view, const Schema& schema,
                                      const AskingDevice& asking, const BlobId& id) {
  Permitted out;
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<std::string> key, view.FileKey(id.file));
  if (!key || id.file.IsNil()) return out;  // unknown, or erased
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<NamingRecord> records,
                            view.Naming(id.file, id.sha256));
  for (const NamingRecord& record : records) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool may_see, MaySee(view, asking.site, record.compartment));
    bool may_send = may_see;
    if (!may_see) {
      DOORSTEP_ASSIGN_OR_RETURN(may_send, Wrote(view, schema, asking.device, record));
    }
    if (may_send) out.sizes.push_back(record.size);
    out.may_read |= may_see;
  }
  out.key = *key;
  return out;
}

absl::Status Unknown(absl::string_view message) {
  return ForCaller(absl::NotFoundError(absl::StrCat(
      message,
      ".attachment: got one that no record which this device may see names in its file, "
      "wanted the record first")));
}

}  // namespace

absl::StatusOr<std::vector<std::optional<AttachmentProgress>>> AskAttachments(
    Tenant& tenant, const AskingDevice& asking, const std::vector<BlobId>& ids) {
  std::vector<std::optional<AttachmentProgress>> out;
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, tenant.store().Read());
  for (const BlobId& id : ids) {
    out.emplace_back();
    DOORSTEP_ASSIGN_OR_RETURN(const Permitted permitted,
                              PermittedOf(*view, tenant.schema(), asking, id));
    if (permitted.sizes.empty()) continue;
    DOORSTEP_ASSIGN_OR_RETURN(AttachmentStore * store, tenant.Attachments());
    DOORSTEP_ASSIGN_OR_RETURN(out.back(), store->Find(id, permitted.key));
  }
  return out;
}

absl::StatusOr<AttachmentProgress> PutAttachmentChunk(Tenant& tenant, const AskingDevice& asking,
                                                      const AttachmentChunk& chunk,
                                                      int64_t now_ms) {
  Permitted permitted;
  {
    DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, tenant.store().Read());
    DOORSTEP_ASSIGN_OR_RETURN(permitted, PermittedOf(*view, tenant.schema(), asking, chunk.id));
  }
  const std::vector<uint64_t>& sizes = permitted.sizes;
  if (sizes.empty()) return Unknown("PutChunkRequest");
  if (std::find(sizes.begin(), sizes.end(), chunk.size) == sizes.end()) {
    return ForCaller(absl::InvalidArgumentError(
        absl::StrCat("PutChunkRequest.size: got ", chunk.size,
                     ", wanted what a record says: ", absl::StrJoin(sizes, " or "))));
  }
  DOORSTEP_ASSIGN_OR_RETURN(AttachmentStore * store, tenant.Attachments());
  return store->Put(chunk, permitted.key, asking.device, now_ms);
}

absl::StatusOr<AttachmentPiece> GetAttachmentChunk(Tenant& tenant, const AskingDevice& asking,
                                                   const BlobId& id, uint64_t offset, size_t max) {
  Permitted permitted;
  {
    DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, tenant.store().Read());
    DOORSTEP_ASSIGN_OR_RETURN(permitted, PermittedOf(*view, tenant.schema(), asking, id));
  }
  if (!permitted.may_read) return Unknown("GetChunkRequest");
  DOORSTEP_ASSIGN_OR_RETURN(AttachmentStore * store, tenant.Attachments());
  AttachmentPiece piece;
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<std::string> data,
                            store->Read(id, offset, max, permitted.key, &piece.size));
  piece.whole = data.has_value();
  if (data) piece.data = *std::move(data);
  return piece;
}

absl::StatusOr<int> CollectAttachments(Tenant& tenant, int64_t now_ms) {
  const Tenant::InUse use(&tenant);
  DOORSTEP_ASSIGN_OR_RETURN(AttachmentStore * store, tenant.AttachmentsIfAny());
  if (store == nullptr) return 0;
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, tenant.store().Read());
  return store->Collect(
      [&](const BlobId& id) -> absl::StatusOr<bool> {
        DOORSTEP_ASSIGN_OR_RETURN(const std::optional<std::string> key, view->FileKey(id.file));
        if (!key) return false;
        DOORSTEP_ASSIGN_OR_RETURN(const std::vector<NamingRecord> records,
                                  view->Naming(id.file, id.sha256));
        return !records.empty();
      },
      now_ms);
}

absl::StatusOr<MissingAttachments> CountMissingAttachments(Tenant& tenant, Database& records,
                                                           absl::string_view site) {
  const Tenant::InUse use(&tenant);
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, tenant.store().Read());
  DOORSTEP_ASSIGN_OR_RETURN(AttachmentStore * store, tenant.AttachmentsIfAny());
  absl::flat_hash_set<CompartmentId> held;
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<MembershipRow> memberships, HeldBy(*view, site));
  for (const MembershipRow& row : memberships) held.insert(row.compartment);
  absl::flat_hash_set<std::string> seen;
  MissingAttachments missing;
  const auto visit = [&](const NamingRecord& record) -> absl::StatusOr<bool> {
    const Uuid& file = record.compartment.file;
    if (!held.contains(record.compartment)) return true;
    if (!seen.insert(absl::StrCat(file.AsBytes(), record.sha256)).second) return true;
    DOORSTEP_ASSIGN_OR_RETURN(const std::optional<std::string> key, view->FileKey(file));
    if (!key) return true;  // erased: nothing is to come
    AttachmentProgress progress;
    if (store != nullptr) {
      DOORSTEP_ASSIGN_OR_RETURN(progress, store->Find({file, record.sha256}, *key));
    }
    if (progress.whole) return true;
    ++missing.count;
    missing.bytes += record.size - std::min(record.size, progress.received);
    return true;
  };
  DOORSTEP_RETURN_IF_ERROR(ForEachNaming(records, tenant.schema(), visit));
  return missing;
}

}  // namespace doorstep::server
