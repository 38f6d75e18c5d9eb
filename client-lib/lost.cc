#include "client-lib/lost.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "client-lib/outbox.h"
#include "client-lib/owed.h"
#include "sync/base/status.h"

namespace doorstep::client {

absl::Status MarkLost(Store& store, const CompartmentId& compartment) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * mark,
      store.db().Prepared("INSERT OR IGNORE INTO _lost(file, tier) VALUES(?1, ?2)"));
  return mark->BindBlob(1, compartment.file.AsBytes()).BindInt(2, compartment.tier).Run();
}

absl::Status UnmarkLost(Store& store, const CompartmentId& compartment) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * unmark,
                            store.db().Prepared("DELETE FROM _lost WHERE file = ?1 AND tier = ?2"));
  return unmark->BindBlob(1, compartment.file.AsBytes()).BindInt(2, compartment.tier).Run();
}

absl::StatusOr<bool> IsLost(Store& store, const CompartmentId& compartment) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find,
      store.db().Prepared(
          "SELECT 1 FROM _lost AS l WHERE l.file = ?1 AND (l.tier = ?2 OR NOT EXISTS"
          " (SELECT 1 FROM _compartment AS c WHERE c.file = ?1 AND c.tier = ?2 AND c.records > 0))"
          " LIMIT 1"));
  const ScopedReset done(find);
  return find->BindBlob(1, compartment.file.AsBytes()).BindInt(2, compartment.tier).Step();
}

absl::StatusOr<bool> IsFileLost(Store& store, const Uuid& file) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            store.db().Prepared("SELECT 1 FROM _lost WHERE file = ?1 LIMIT 1"));
  const ScopedReset done(find);
  return find->BindBlob(1, file.AsBytes()).Step();
}

absl::Status ForgetContent(Store& store, const Uuid& file) {
  for (uint8_t tier = 0; tier <= static_cast<uint8_t>(Tier::kSealed); ++tier) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool lost, IsLost(store, {file, tier}));
    if (!lost) continue;
    DOORSTEP_RETURN_IF_ERROR(NoteOwed(store, {file, tier}));
    DOORSTEP_ASSIGN_OR_RETURN(
        Statement * forget,
        store.db().Prepared(
            "UPDATE _outbox SET payload = x'', parked = 0 WHERE words IS NOT NULL"
            " AND length(payload) > 0"
            " AND compartment = (SELECT ref FROM _compartment WHERE file = ?1 AND tier = ?2)"));
    DOORSTEP_RETURN_IF_ERROR(forget->BindBlob(1, file.AsBytes()).BindInt(2, tier).Run());
  }
  return absl::OkStatus();
}

absl::Status MarkWithdrawn(Store& store, const Uuid& record) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * mark, store.db().Prepared("INSERT OR IGNORE INTO _withdrawn(record) VALUES(?1)"));
  return mark->BindBlob(1, record.AsBytes()).Run();
}

absl::Status UnmarkWithdrawn(Store& store, const Uuid& record) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * unmark,
                            store.db().Prepared("DELETE FROM _withdrawn WHERE record = ?1"));
  return unmark->BindBlob(1, record.AsBytes()).Run();
}

absl::StatusOr<bool> IsWithdrawn(Store& store, const Uuid& record) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            store.db().Prepared("SELECT 1 FROM _withdrawn WHERE record = ?1"));
  const ScopedReset done(find);
  return find->BindBlob(1, record.AsBytes()).Step();
}

absl::StatusOr<bool> AnyWithdrawn(Store& store) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t any,
                            store.db().QueryInt("SELECT EXISTS(SELECT 1 FROM _withdrawn)"));
  return any != 0;
}

absl::Status ForgetContentOf(Store& store, const Uuid& record) {
  Outbox outbox(store);
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<int64_t> naming, outbox.Naming(record));
  for (const int64_t place : naming) {
    DOORSTEP_ASSIGN_OR_RETURN(const OwnUnit own, outbox.Load(place));
    if (own.waiting() || own.gone()) continue;
    // The id of a person's record is that of their file, which every unit of the file names.
    const absl::StatusOr<Unit> unit = outbox.DecodeOf(own, record);
    const bool touches = !unit.ok() || std::any_of(unit->changes.begin(), unit->changes.end(),
                                                   [&](const ChangeData& change) {
                                                     return change.record == record;
                                                   });
    if (!touches) continue;
    DOORSTEP_ASSIGN_OR_RETURN(
        Statement * forget,
        store.db().Prepared("UPDATE _outbox SET payload = x'', parked = 0 WHERE unit = ?1"));
    DOORSTEP_RETURN_IF_ERROR(forget->BindInt(1, place).Run());
  }
  return absl::OkStatus();
}

}  // namespace doorstep::client
