#include "client-lib/owed.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client-lib/outbox.h"
#include "sync/base/status.h"

namespace doorstep::client {
namespace {

// A unit is refused whole.
bool IsRefused(const OwnUnit& own) {
  const auto word = own.words.empty() ? Word::kUnspecified : static_cast<Word>(own.words[0]);
  return word == Word::kRejected || word == Word::kWithdrawn;
}

absl::Status Insert(Store& store, const BlobId& id, int64_t unit) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * insert,
      store.db().Prepared("INSERT OR IGNORE INTO _owed(file, sha256, unit) VALUES(?1, ?2, ?3)"));
  return insert->BindBlob(1, id.file.AsBytes()).BindBlob(2, id.sha256).BindInt(3, unit).Run();
}

}  // namespace

std::optional<BlobId> NamedBy(const Schema& schema, const Uuid& file, const ChangeData& change) {
  const KindSpec* kind = schema.Find(change.kind);
  const FieldSpec* hash = kind == nullptr ? nullptr : kind->FindAttachment(AttachmentPart::kSha256);
  if (hash == nullptr) return std::nullopt;
  for (const FieldEdit& edit : change.edits) {
    // The value is one field with its tag: the hash ends it.
    if (edit.field != hash->number() || edit.value.size() <= kSha256Bytes) continue;
    return BlobId{file, edit.value.substr(edit.value.size() - kSha256Bytes)};
  }
  return std::nullopt;
}

absl::Status NoteOwed(Store& store, const CompartmentId& compartment) {
  std::vector<int64_t> units;
  {
    DOORSTEP_ASSIGN_OR_RETURN(
        std::unique_ptr<Statement> list,
        store.db().Prepare(
            "SELECT unit FROM _outbox WHERE words IS NOT NULL AND length(payload) > 0"
            " AND compartment = (SELECT ref FROM _compartment WHERE file = ?1 AND tier = ?2)"
            " ORDER BY unit"));
    list->BindBlob(1, compartment.file.AsBytes()).BindInt(2, compartment.tier);
    while (true) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
      if (!more) break;
      units.push_back(list->Int(0));
    }
  }
  Outbox outbox(store);
  for (const int64_t unit : units) {
    DOORSTEP_ASSIGN_OR_RETURN(const OwnUnit own, outbox.Load(unit));
    if (IsRefused(own)) continue;
    const absl::StatusOr<Unit> decoded = outbox.Decode(own);
    // Of a schema that this program cannot read: what it names cannot be told, and its content goes
    // all the same.
    if (!decoded.ok()) continue;
    for (const ChangeData& change : decoded->changes) {
      const std::optional<BlobId> id = NamedBy(store.schema(), compartment.file, change);
      if (id) DOORSTEP_RETURN_IF_ERROR(Insert(store, *id, unit));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Owed>> ListOwed(Store& store) {
  DOORSTEP_ASSIGN_OR_RETURN(
      std::unique_ptr<Statement> list,
      store.db().Prepare("SELECT o.file, o.sha256, max(substr(u.words, 1, 1) = x'04')"
                         " FROM _owed AS o JOIN _outbox AS u ON u.unit = o.unit"
                         " GROUP BY o.file, o.sha256 ORDER BY o.file, o.sha256"));
  std::vector<Owed> out;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return out;
    Owed owed;
    DOORSTEP_ASSIGN_OR_RETURN(owed.id.file, Uuid::FromBytes(list->Blob(0)));
    owed.id.sha256 = std::string(list->Blob(1));
    owed.held = list->Int(2) != 0;
    out.push_back(std::move(owed));
  }
}

absl::Status EndOwed(Store& store, const BlobId& id) {
  DOORSTEP_ASSIGN_OR_RETURN(Write write, Write::Begin(store));
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * end, store.db().Prepared("DELETE FROM _owed WHERE file = ?1 AND sha256 = ?2"));
  DOORSTEP_RETURN_IF_ERROR(end->BindBlob(1, id.file.AsBytes()).BindBlob(2, id.sha256).Run());
  DOORSTEP_RETURN_IF_ERROR(store.SetInt(key::kCollect, 1));
  return write.Commit();
}

}  // namespace doorstep::client
