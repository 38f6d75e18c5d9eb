#include "client-lib/fork.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "client-lib/fold.h"
#include "client-lib/outbox.h"
#include "sync/base/status.h"
#include "sync/change/unit_codec.h"

namespace doorstep::client {
namespace {

using NewIds = absl::flat_hash_map<ChangeId, ChangeId>;

void Map(const NewIds& ids, std::vector<ChangeId>* refs) {
  for (ChangeId& ref : *refs) {
    if (const auto it = ids.find(ref); it != ids.end()) ref = it->second;
  }
}

void Rename(const Uuid& incarnation, uint64_t counter, const NewIds& ids, Unit* unit) {
  unit->incarnation = incarnation;
  unit->counter = counter;
  for (ChangeData& change : unit->changes) {
    change.id = {incarnation, counter++};
    Map(ids, &change.seen);
    std::sort(change.seen.begin(), change.seen.end());
    for (FieldEdit& edit : change.edits) {
      Map(ids, &edit.base);
      for (FieldEdit::Removal& removal : edit.removals) Map(ids, &removal.adds);
    }
  }
}

absl::Status Remember(Store& store, const ChangeId& before, const ChangeId& after) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * add,
      store.db().Prepared("INSERT OR REPLACE INTO _reissued(incarnation, counter,"
                          " now_incarnation, now_counter) VALUES(?1, ?2, ?3, ?4)"));
  add->BindBlob(1, before.incarnation.AsBytes()).BindInt(2, static_cast<int64_t>(before.counter));
  add->BindBlob(3, after.incarnation.AsBytes()).BindInt(4, static_cast<int64_t>(after.counter));
  return add->Run();
}

}  // namespace

absl::StatusOr<uint64_t> ReissueWaiting(Store& store, Entropy& entropy) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t epoch, store.Int(key::kEpoch));
  const Uuid incarnation = NewUuidV4(entropy);
  uint64_t counter = 1;
  Outbox outbox(store);
  NewIds ids;
  absl::flat_hash_set<Uuid> records;
  const auto reissue = [&](const OwnUnit& own) -> absl::StatusOr<bool> {
    // The server has it under its old id, with the same content, and will say so.
    if (own.receipt_epoch != 0 && own.receipt_epoch == static_cast<uint64_t>(epoch)) return true;
    DOORSTEP_ASSIGN_OR_RETURN(Unit unit, outbox.Decode(own));
    for (uint32_t i = 0; i < own.changes; ++i) {
      const ChangeId before{own.incarnation, own.counter + i};
      const ChangeId after{incarnation, counter + i};
      ids.emplace(before, after);
      DOORSTEP_RETURN_IF_ERROR(Remember(store, before, after));
      records.insert(unit.changes[i].record);
    }
    Rename(incarnation, counter, ids, &unit);
    DOORSTEP_ASSIGN_OR_RETURN(const std::string payload, EncodeUnit(unit));
    const std::string hash = UnitHash(own.author, own.schema_hash, payload);
    DOORSTEP_RETURN_IF_ERROR(outbox.Reissue(own.unit, incarnation, counter, payload, hash));
    counter += own.changes;
    return true;
  };
  const absl::Status reissued = outbox.ForEach(Which::kWaiting, 0, reissue);
  if (!reissued.ok()) return reissued;
  DOORSTEP_RETURN_IF_ERROR(store.SetBlob(key::kIncarnation, incarnation.AsBytes()));
  DOORSTEP_RETURN_IF_ERROR(store.SetInt(key::kNextCounter, static_cast<int64_t>(counter)));
  Fold fold(store);
  for (const Uuid& record : records) DOORSTEP_RETURN_IF_ERROR(fold.Refold(record));
  return counter - 1;
}

absl::StatusOr<uint64_t> TakeNewIncarnation(Store& store, Entropy& entropy) {
  DOORSTEP_ASSIGN_OR_RETURN(Write write, Write::Begin(store));
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t changes, ReissueWaiting(store, entropy));
  DOORSTEP_RETURN_IF_ERROR(write.Commit());
  return changes;
}

absl::StatusOr<ChangeId> CurrentId(Store& store, ChangeId id) {
  // Every step leads to a younger incarnation, so this ends.
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(
        Statement * find, store.db().Prepared("SELECT now_incarnation, now_counter FROM _reissued"
                                              " WHERE incarnation = ?1 AND counter = ?2"));
    ScopedReset done(find);
    find->BindBlob(1, id.incarnation.AsBytes()).BindInt(2, static_cast<int64_t>(id.counter));
    DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
    if (!found) return id;
    DOORSTEP_ASSIGN_OR_RETURN(const Uuid incarnation, Uuid::FromBytes(find->Blob(0)));
    id = {incarnation, static_cast<uint64_t>(find->Int(1))};
  }
}

}  // namespace doorstep::client
