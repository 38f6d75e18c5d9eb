#include "client-lib/attachment_rows.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "client-lib/outbox.h"
#include "sync/base/status.h"

namespace doorstep::client {
namespace {

constexpr int64_t kDayMs = int64_t{24} * 60 * 60 * 1000;

std::string KeyOf(const BlobId& id) { return absl::StrCat(id.file.AsBytes(), id.sha256); }

// What own changes without a final answer name: such a change is in no row when it was refused, and
// somebody may yet mend it.
absl::StatusOr<absl::flat_hash_set<std::string>> NamedByOpenChanges(Store& store) {
  absl::flat_hash_set<std::string> keys;
  Outbox outbox(store);
  const auto visit = [&](const OwnUnit& own) -> absl::StatusOr<bool> {
    const absl::StatusOr<Unit> unit = outbox.Decode(own);
    if (!unit.ok()) return true;  // of a schema that this program cannot read
    for (const ChangeData& change : unit->changes) {
      const KindSpec* kind = store.schema().Find(change.kind);
      const FieldSpec* hash =
          kind == nullptr ? nullptr : kind->FindAttachment(AttachmentPart::kSha256);
      if (hash == nullptr) continue;
      for (const FieldEdit& edit : change.edits) {
        // The value is one field with its tag: the hash ends it.
        if (edit.field != hash->number() || edit.value.size() <= kSha256Bytes) continue;
        keys.insert(
            KeyOf({unit->compartment.file, edit.value.substr(edit.value.size() - kSha256Bytes)}));
      }
    }
    return true;
  };
  DOORSTEP_RETURN_IF_ERROR(outbox.ForEach(Which::kOpen, 0, visit));
  return keys;
}

}  // namespace

absl::StatusOr<std::vector<NamedAttachment>> NamedAttachments(Store& store, Entropy& entropy) {
  DOORSTEP_ASSIGN_OR_RETURN(Shelf * shelf, store.Attachments(/*create=*/false, entropy));
  std::vector<NamedAttachment> out;
  absl::flat_hash_set<std::string> seen;
  const auto visit = [&](const NamingRecord& record) -> absl::StatusOr<bool> {
    NamedAttachment one;
    one.id = {record.compartment.file, record.sha256};
    one.size = record.size;
    if (!seen.insert(KeyOf(one.id)).second) return true;
    one.shelved.id = one.id;
    if (shelf != nullptr) {
      DOORSTEP_ASSIGN_OR_RETURN(one.shelved, shelf->Find(one.id));
    }
    out.push_back(std::move(one));
    return true;
  };
  DOORSTEP_RETURN_IF_ERROR(ForEachNaming(store.db(), store.schema(), visit));
  return out;
}

absl::StatusOr<WaitingAttachments> CountWaiting(Store& store, Entropy& entropy) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t epoch, store.Int(key::kEpoch));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<NamedAttachment> all,
                            NamedAttachments(store, entropy));
  WaitingAttachments out;
  for (const NamedAttachment& one : all) {
    const bool confirmed =
        epoch != 0 && one.shelved.confirmed_epoch == static_cast<uint64_t>(epoch);
    if (!one.shelved.whole || confirmed) continue;
    ++out.count;
    out.bytes += one.size - std::min(one.size, one.shelved.sent);
  }
  return out;
}

absl::Status CollectAttachments(Store& store, Clock& clock, Entropy& entropy) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t due, store.Int(key::kCollect));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t last_ms, store.Int(key::kCollectedAt));
  const int64_t now_ms = clock.Read().wall_ms;
  const bool fresh = last_ms <= now_ms && now_ms - last_ms < kDayMs;
  if (due == 0 && fresh) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(Shelf * shelf, store.Attachments(/*create=*/false, entropy));
  if (shelf == nullptr) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const absl::flat_hash_set<std::string> open, NamedByOpenChanges(store));
  const auto named = [&](const BlobId& id) -> absl::StatusOr<bool> {
    if (open.contains(KeyOf(id))) return true;
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<NamingRecord> records,
                              RecordsNaming(store.db(), store.schema(), id.file, id.sha256));
    return !records.empty();
  };
  DOORSTEP_RETURN_IF_ERROR(shelf->Collect(named, now_ms).status());
  DOORSTEP_ASSIGN_OR_RETURN(Write write, Write::Begin(store));
  DOORSTEP_RETURN_IF_ERROR(store.SetInt(key::kCollect, 0));
  DOORSTEP_RETURN_IF_ERROR(store.SetInt(key::kCollectedAt, now_ms));
  return write.Commit();
}

}  // namespace doorstep::client
