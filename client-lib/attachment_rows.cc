#include "client-lib/attachment_rows.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "client-lib/outbox.h"
#include "client-lib/owed.h"
#include "client-lib/restored.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"

namespace doorstep::client {
namespace {

constexpr int64_t kDayMs = int64_t{24} * 60 * 60 * 1000;

std::string KeyOf(const BlobId& id) { return absl::StrCat(id.file.AsBytes(), id.sha256); }

using Keys = absl::flat_hash_set<std::string>;

// What own changes without a final answer name: such a change is in no row when it was refused, and
// somebody may yet mend it.
absl::Status AddNamedByOpenChanges(Store& store, Keys* keys) {
  Outbox outbox(store);
  const auto visit = [&](const OwnUnit& own) -> absl::StatusOr<bool> {
    const absl::StatusOr<Unit> unit = outbox.Decode(own);
    if (!unit.ok()) return true;  // of a schema that this program cannot read
    for (const ChangeData& change : unit->changes) {
      const auto id = NamedBy(store.schema(), unit->compartment.file, change);
      if (id) keys->insert(KeyOf(*id));
    }
    return true;
  };
  return outbox.ForEach(Which::kOpen, 0, visit);
}

absl::Status AddNamedByRescued(Store& store, Keys* keys) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<BlobId> named, NamedByRescued(store));
  for (const BlobId& id : named) keys->insert(KeyOf(id));
  return absl::OkStatus();
}

// What is known of the names of attachments at one moment. Between two, records may be taken away
// and what they named be owed: asked apart, both would say no.
struct View {
  Read snapshot;
  Keys kept;                 // beside what records name
  std::vector<BlobId> over;  // owed no more
};

// What is owed and can be sent stays.
absl::Status AddOwed(Store& store, Shelf& shelf, View* view) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t epoch, store.Int(key::kEpoch));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<Owed> all, ListOwed(store));
  for (const Owed& one : all) {
    DOORSTEP_ASSIGN_OR_RETURN(const Shelved shelved, shelf.Find(one.id));
    const bool confirmed = shelved.confirmed_epoch == static_cast<uint64_t>(epoch);
    if (shelved.whole && !confirmed) {
      view->kept.insert(KeyOf(one.id));
    } else {
      view->over.push_back(one.id);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<View>> Look(Store& store, Shelf& shelf) {
  DOORSTEP_ASSIGN_OR_RETURN(Read snapshot, Read::Begin(store));
  auto view = std::make_shared<View>(View{std::move(snapshot), {}, {}});
  DOORSTEP_RETURN_IF_ERROR(AddNamedByOpenChanges(store, &view->kept));
  DOORSTEP_RETURN_IF_ERROR(AddNamedByRescued(store, &view->kept));
  DOORSTEP_RETURN_IF_ERROR(AddOwed(store, shelf, view.get()));
  return view;
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
  if (shelf == nullptr) return out;
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<Owed> owed, ListOwed(store));
  for (const Owed& one : owed) {
    if (seen.contains(KeyOf(one.id))) continue;  // given again: as any other
    DOORSTEP_ASSIGN_OR_RETURN(const Shelved shelved, shelf->Find(one.id));
    if (shelved.whole) out.push_back({one.id, shelved.size, shelved, true, one.held});
  }
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

absl::StatusOr<uint64_t> UnaskedBytes(Store& store) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t more, store.Int(key::kUnaskedPlusOne));
  return more == 0 ? AttachmentLimits().unasked_bytes : static_cast<uint64_t>(more - 1);
}

absl::Status NoteLimits(Store& store, const AttachmentLimits& limits) {
  const bool any = !limits.none && !limits.only_asked;
  const uint64_t bytes = any ? std::min<uint64_t>(limits.unasked_bytes, kMaxAttachmentBytes) : 0;
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t before, UnaskedBytes(store));
  if (before == bytes) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(Write write, Write::Begin(store));
  DOORSTEP_RETURN_IF_ERROR(store.SetInt(key::kUnaskedPlusOne, static_cast<int64_t>(bytes) + 1));
  return write.Commit();
}

absl::Status CollectAttachments(Store& store, Clock& clock, Entropy& entropy) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t due, store.Int(key::kCollect));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t last_ms, store.Int(key::kCollectedAt));
  const int64_t now_ms = clock.Read().wall_ms;
  const bool fresh = last_ms <= now_ms && now_ms - last_ms < kDayMs;
  if (due == 0 && fresh) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(Shelf * shelf, store.Attachments(/*create=*/false, entropy));
  if (shelf == nullptr) return absl::OkStatus();
  std::vector<BlobId> over;
  const auto look = [&]() -> absl::StatusOr<Shelf::Question> {
    DOORSTEP_ASSIGN_OR_RETURN(const std::shared_ptr<View> view, Look(store, *shelf));
    over = view->over;
    return [&store, view](const BlobId& id) -> absl::StatusOr<bool> {
      if (view->kept.contains(KeyOf(id))) return true;
      DOORSTEP_ASSIGN_OR_RETURN(const std::vector<NamingRecord> records,
                                RecordsNaming(store.db(), store.schema(), id.file, id.sha256));
      return !records.empty();
    };
  };
  DOORSTEP_RETURN_IF_ERROR(shelf->Collect(look, now_ms).status());
  for (const BlobId& id : over) DOORSTEP_RETURN_IF_ERROR(EndOwed(store, id));
  DOORSTEP_ASSIGN_OR_RETURN(Write write, Write::Begin(store));
  DOORSTEP_RETURN_IF_ERROR(store.SetInt(key::kCollect, 0));
  DOORSTEP_RETURN_IF_ERROR(store.SetInt(key::kCollectedAt, now_ms));
  return write.Commit();
}

}  // namespace doorstep::client
