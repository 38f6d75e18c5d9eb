// Held units, by SQL.
#include <cstdint>
#include <vector>

#include "server/sqlite_reading.h"
#include "sync/base/status.h"

namespace doorstep::server::internal {

absl::StatusOr<bool> ReadAnyHeld(Database& db) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find, db.Prepared("SELECT 1 FROM _held LIMIT 1"));
  ScopedReset done(find);
  return find->Step();
}

absl::StatusOr<std::vector<HeldRow>> ReadHeldFor(Database& db, const Awaited& what) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      db.Prepared("SELECT h.sequence, h.incarnation, h.counter, h.wall_ms, h.boot, h.mono_ms "
                  "FROM _awaited AS a JOIN _held AS h ON h.sequence = a.sequence "
                  "WHERE a.id = ?1 AND a.counter = ?2 ORDER BY h.sequence"));
  ScopedReset done(list);
  list->BindBlob(1, what.id.AsBytes()).BindInt(2, static_cast<int64_t>(what.counter));
  std::vector<HeldRow> rows;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return rows;
    HeldRow& row = rows.emplace_back();
    row.sequence = static_cast<uint64_t>(list->Int(0));
    DOORSTEP_ASSIGN_OR_RETURN(row.first.incarnation, Uuid::FromBytes(list->Blob(1)));
    row.first.counter = static_cast<uint64_t>(list->Int(2));
    row.sending.wall_ms = list->Int(3);
    row.sending.boot = static_cast<uint64_t>(list->Int(4));
    row.sending.mono_ms = list->Int(5);
  }
}

absl::StatusOr<bool> ReadCreationRefused(Database& db, const Uuid& record) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db.Prepared("SELECT 1 FROM _refused_creation WHERE record = ?1"));
  ScopedReset done(find);
  return find->BindBlob(1, record.AsBytes()).Step();
}

absl::Status WriteHeld(Database& db, const HeldRow& held, const std::vector<Awaited>& awaited) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * hold,
      db.Prepared("INSERT INTO _held(sequence, incarnation, counter, wall_ms, boot, mono_ms) "
                  "VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(sequence) DO NOTHING"));
  hold->BindInt(1, static_cast<int64_t>(held.sequence));
  hold->BindBlob(2, held.first.incarnation.AsBytes());
  hold->BindInt(3, static_cast<int64_t>(held.first.counter)).BindInt(4, held.sending.wall_ms);
  hold->BindInt(5, static_cast<int64_t>(held.sending.boot)).BindInt(6, held.sending.mono_ms);
  DOORSTEP_RETURN_IF_ERROR(hold->Run());
  for (const Awaited& what : awaited) {
    DOORSTEP_ASSIGN_OR_RETURN(
        Statement * wait,
        db.Prepared("INSERT OR IGNORE INTO _awaited(id, counter, sequence) VALUES(?1, ?2, ?3)"));
    wait->BindBlob(1, what.id.AsBytes()).BindInt(2, static_cast<int64_t>(what.counter));
    DOORSTEP_RETURN_IF_ERROR(wait->BindInt(3, static_cast<int64_t>(held.sequence)).Run());
  }
  return absl::OkStatus();
}

absl::Status RemoveHeld(Database& db, uint64_t sequence) {
  for (const absl::string_view sql :
       {"DELETE FROM _awaited WHERE sequence = ?1", "DELETE FROM _held WHERE sequence = ?1",
        "DELETE FROM _unit WHERE sequence = ?1"}) {
    DOORSTEP_ASSIGN_OR_RETURN(Statement * remove, db.Prepared(sql));
    DOORSTEP_RETURN_IF_ERROR(remove->BindInt(1, static_cast<int64_t>(sequence)).Run());
  }
  return absl::OkStatus();
}

absl::Status WriteRefusedCreation(Database& db, const Uuid& record) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * note, db.Prepared("INSERT OR IGNORE INTO _refused_creation(record) VALUES(?1)"));
  return note->BindBlob(1, record.AsBytes()).Run();
}

}  // namespace doorstep::server::internal
