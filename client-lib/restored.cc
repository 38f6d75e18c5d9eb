#include "client-lib/restored.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "client-lib/apply.h"
#include "client-lib/digests.h"
#include "client-lib/fold.h"
#include "client-lib/names.h"
#include "client-lib/outbox.h"
#include "client-lib/urgent.h"
#include "client-lib/value_words.h"
#include "sync/base/status.h"
#include "sync/change/record_json.h"

namespace doorstep::client {
namespace {

absl::Status Rescue(Store& store, const RecordState& state, uint32_t field, const Head& head) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * add,
      store.db().Prepared("INSERT OR IGNORE INTO _rescued(record, kind, file, tier, field,"
                          " incarnation, counter, value, author, time_ms)"
                          " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"));
  add->BindBlob(1, state.id.AsBytes()).BindInt(2, state.kind);
  add->BindBlob(3, state.compartment.file.AsBytes()).BindInt(4, state.compartment.tier);
  add->BindInt(5, field).BindBlob(6, head.id.incarnation.AsBytes());
  add->BindInt(7, static_cast<int64_t>(head.id.counter)).BindBlob(8, head.value);
  return add->BindText(9, head.author).BindInt(10, head.time_ms).Run();
}

// The ids of all own changes that the server is given again.
using Ids = absl::flat_hash_set<ChangeId>;

// The units with an outcome that the server has lost, each with its records.
absl::Status ReopenLost(Store& store, uint64_t common_sequence, Ids* ids,
                        absl::flat_hash_set<Uuid>* records) {
  Outbox outbox(store);
  Fold fold(store);
  return outbox.ForEach(Which::kAll, 0, [&](const OwnUnit& own) -> absl::StatusOr<bool> {
    if (!own.waiting() && own.sequence <= common_sequence) return true;
    if (own.gone()) return true;
    // What was taken back, or sent again in other words, must not come to life.
    if (own.resolution != Resolution::kNone) return true;
    for (uint32_t i = 0; i < own.changes; ++i) ids->insert({own.incarnation, own.counter + i});
    if (own.waiting()) return true;
    DOORSTEP_ASSIGN_OR_RETURN(const Unit unit, outbox.Decode(own));
    std::vector<Uuid> touched;
    for (const ChangeData& change : unit.changes) {
      if (change.Withdraws()) continue;
      DOORSTEP_ASSIGN_OR_RETURN(const bool is_pending, outbox.IsPending(change.record));
      if (!is_pending) DOORSTEP_RETURN_IF_ERROR(fold.SetAside(change.record));
      touched.push_back(change.record);
    }
    DOORSTEP_RETURN_IF_ERROR(outbox.Reopen(own.unit, touched));
    records->insert(touched.begin(), touched.end());
    return true;
  });
}

// `rescue`: heads beyond `common_sequence` that are not own are noted.
absl::Status BeginAnew(Store& store, uint64_t common_sequence, bool rescue) {
  Ids own;
  absl::flat_hash_set<Uuid> records;
  DOORSTEP_RETURN_IF_ERROR(ReopenLost(store, common_sequence, &own, &records));
  DOORSTEP_RETURN_IF_ERROR(PutFirstAnew(store));
  // Own heads leave the server's rows: they are pending on top of them. Others' are noted.
  std::vector<RecordState> stripped;
  const absl::Status walked =
      ForEachServerState(store, [&](const RecordState& state) -> absl::Status {
        RecordState rest = state;
        for (FieldState& field : rest.fields) {
          for (const Head& head : field.heads) {
            if (!rescue || head.sequence <= common_sequence || own.contains(head.id)) continue;
            DOORSTEP_RETURN_IF_ERROR(Rescue(store, state, field.field, head));
          }
          std::erase_if(field.heads, [&](const Head& head) { return own.contains(head.id); });
        }
        if (!records.contains(state.id)) return absl::OkStatus();
        std::erase_if(rest.fields, [](const FieldState& field) { return field.heads.empty(); });
        stripped.push_back(std::move(rest));
        return absl::OkStatus();
      });
  DOORSTEP_RETURN_IF_ERROR(walked);
  Fold fold(store);
  for (const RecordState& rest : stripped) {
    DOORSTEP_RETURN_IF_ERROR(
        fold.SetServerState(rest.id, /*is_pending=*/true, rest.fields.empty() ? nullptr : &rest));
  }
  for (const Uuid& record : records) DOORSTEP_RETURN_IF_ERROR(fold.Refold(record));
  return BeginRepair(store);
}

}  // namespace

absl::Status MeetRestoredServer(Store& store, uint64_t common_sequence) {
  return BeginAnew(store, common_sequence, /*rescue=*/true);
}

absl::Status MeetDifferentRows(Store& store) {
  return BeginAnew(store, /*common_sequence=*/0, /*rescue=*/false);
}

absl::StatusOr<bool> AnyRescued(Store& store) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            store.db().Prepared("SELECT 1 FROM _rescued LIMIT 1"));
  ScopedReset done(find);
  return find->Step();
}

absl::Status ForgetRescued(Store& store, const RecordState& row) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * forget,
      store.db().Prepared("DELETE FROM _rescued WHERE record = ?1 AND field = ?2"
                          " AND incarnation = ?3 AND counter = ?4"));
  for (const FieldState& field : row.fields) {
    for (const Head& head : field.heads) {
      forget->BindBlob(1, row.id.AsBytes()).BindInt(2, field.field);
      forget->BindBlob(3, head.id.incarnation.AsBytes());
      DOORSTEP_RETURN_IF_ERROR(forget->BindInt(4, static_cast<int64_t>(head.id.counter)).Run());
    }
  }
  return absl::OkStatus();
}

absl::Status ForgetRescued(Store& store, const CompartmentId& compartment) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * forget,
      store.db().Prepared("DELETE FROM _rescued WHERE file = ?1 AND tier = ?2"));
  return forget->BindBlob(1, compartment.file.AsBytes()).BindInt(2, compartment.tier).Run();
}

absl::StatusOr<std::vector<BlobId>> NamedByRescued(Store& store) {
  std::vector<BlobId> named;
  for (const KindSpec& kind : store.schema().kinds()) {
    const FieldSpec* hash = kind.FindAttachment(AttachmentPart::kSha256);
    if (hash == nullptr) continue;
    // The value is one field with its tag: the hash ends it.
    DOORSTEP_ASSIGN_OR_RETURN(
        std::unique_ptr<Statement> list,
        store.db().Prepare("SELECT file, substr(value, -32) FROM _rescued"
                           " WHERE kind = ?1 AND field = ?2 AND length(value) > 32"
                           " ORDER BY record, incarnation, counter, value"));
    list->BindInt(1, kind.number).BindInt(2, hash->number());
    while (true) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
      if (!more) break;
      BlobId id;
      DOORSTEP_ASSIGN_OR_RETURN(id.file, Uuid::FromBytes(list->Blob(0)));
      id.sha256 = std::string(list->Blob(1));
      named.push_back(std::move(id));
    }
  }
  return named;
}

absl::Status ForgetRescued(Store& store, const Uuid& record) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * forget,
                            store.db().Prepared("DELETE FROM _rescued WHERE record = ?1"));
  return forget->BindBlob(1, record.AsBytes()).Run();
}

absl::StatusOr<std::vector<Rescued>> ListRescued(Store& store) {
  DOORSTEP_ASSIGN_OR_RETURN(
      std::unique_ptr<Statement> rows,
      store.db().Prepare("SELECT record, kind, file, tier, incarnation, counter, author, time_ms,"
                         " value FROM _rescued"
                         " ORDER BY record, incarnation, counter, field, value"));
  std::vector<Rescued> out;
  std::string message;  // the values of the change so far, as one message of the kind
  uint32_t kind_number = 0;
  const auto finish = [&]() -> absl::Status {
    if (out.empty()) return absl::OkStatus();
    const KindSpec* kind = store.schema().Find(kind_number);
    if (kind == nullptr) return absl::OkStatus();
    DOORSTEP_ASSIGN_OR_RETURN(out.back().json,
                              ValuesToJson(store.schema(), *kind, message, /*pretty=*/false));
    DOORSTEP_ASSIGN_OR_RETURN(out.back().words, WordsOf(*kind, message));
    return absl::OkStatus();
  };
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, rows->Step());
    if (!more) break;
    DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, Uuid::FromBytes(rows->Blob(0)));
    DOORSTEP_ASSIGN_OR_RETURN(const Uuid incarnation, Uuid::FromBytes(rows->Blob(4)));
    const std::string change =
        ChangeId{incarnation, static_cast<uint64_t>(rows->Int(5))}.ToString();
    if (out.empty() || out.back().change != change || out.back().record != record.ToString()) {
      DOORSTEP_RETURN_IF_ERROR(finish());
      message.clear();
      DOORSTEP_ASSIGN_OR_RETURN(const Uuid file, Uuid::FromBytes(rows->Blob(2)));
      kind_number = static_cast<uint32_t>(rows->Int(1));
      Rescued& rescued = out.emplace_back();
      rescued.change = change;
      rescued.record = record.ToString();
      rescued.kind = store.KindName(kind_number);
      rescued.file = file.ToString();
      rescued.tier = TierName(static_cast<uint8_t>(rows->Int(3)));
      rescued.author = std::string(rows->Text(6));
      rescued.time_ms = rows->Int(7);
    }
    message.append(rows->Blob(8).data(), rows->Blob(8).size());
  }
  DOORSTEP_RETURN_IF_ERROR(finish());
  return out;
}

absl::Status DismissRescued(Store& store, const ChangeId& change) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * forget,
      store.db().Prepared("DELETE FROM _rescued WHERE incarnation = ?1 AND counter = ?2"));
  forget->BindBlob(1, change.incarnation.AsBytes());
  DOORSTEP_RETURN_IF_ERROR(forget->BindInt(2, static_cast<int64_t>(change.counter)).Run());
  if (store.db().Changes() != 0) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("change: got ", change.ToString(), ", wanted one that was rescued"));
}

}  // namespace doorstep::client
