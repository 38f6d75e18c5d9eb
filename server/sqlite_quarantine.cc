// When access ended, and what was made after that, by SQL.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/sqlite_reading.h"
#include "sync/base/status.h"

namespace doorstep::server::internal {

absl::StatusOr<std::optional<AccessEnd>> ReadLastLoss(Database& db, absl::string_view site,
                                                      const Uuid& file) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find,
      db.Prepared("SELECT l.sequence, l.time_ms FROM _loss AS l "
                  "JOIN _compartment AS c ON c.ref = l.compartment "
                  "WHERE l.site = (SELECT ref FROM _site WHERE id = ?1) AND c.file = ?2 "
                  "ORDER BY l.sequence DESC LIMIT 1"));
  ScopedReset done(find);
  std::optional<AccessEnd> end;
  DOORSTEP_ASSIGN_OR_RETURN(const bool found,
                            find->BindText(1, site).BindBlob(2, file.AsBytes()).Step());
  if (found) end = AccessEnd{static_cast<uint64_t>(find->Int(0)), find->Int(1)};
  return end;
}

absl::StatusOr<std::vector<QuarantineRow>> ReadQuarantine(Database& db, uint64_t after,
                                                          size_t limit) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      db.Prepared("SELECT sequence, file, tier, site, ended_sequence, ended_ms, closed_ms, "
                  "closed_by, closed_reason FROM _quarantine WHERE sequence > ?1 "
                  "ORDER BY sequence LIMIT ?2"));
  ScopedReset done(list);
  list->BindInt(1, static_cast<int64_t>(after)).BindInt(2, static_cast<int64_t>(limit));
  std::vector<QuarantineRow> rows;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return rows;
    QuarantineRow& row = rows.emplace_back();
    row.sequence = static_cast<uint64_t>(list->Int(0));
    DOORSTEP_ASSIGN_OR_RETURN(row.compartment.file, Uuid::FromBytes(list->Blob(1)));
    row.compartment.tier = static_cast<uint8_t>(list->Int(2));
    row.site = std::string(list->Text(3));
    row.ended = {static_cast<uint64_t>(list->Int(4)), list->Int(5)};
    row.closed_ms = list->Int(6);
    row.closed_by = std::string(list->Text(7));
    row.closed_reason = std::string(list->Text(8));
  }
}

absl::Status WriteQuarantine(Database& db, const QuarantineRow& row) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * put,
      db.Prepared("INSERT INTO _quarantine(sequence, file, tier, site, ended_sequence, ended_ms, "
                  "closed_ms, closed_by, closed_reason) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
                  "ON CONFLICT(sequence) DO UPDATE SET closed_ms = excluded.closed_ms, "
                  "closed_by = excluded.closed_by, closed_reason = excluded.closed_reason"));
  put->BindInt(1, static_cast<int64_t>(row.sequence));
  put->BindBlob(2, row.compartment.file.AsBytes()).BindInt(3, row.compartment.tier);
  put->BindText(4, row.site).BindInt(5, static_cast<int64_t>(row.ended.sequence));
  put->BindInt(6, row.ended.time_ms).BindInt(7, row.closed_ms).BindText(8, row.closed_by);
  return put->BindText(9, row.closed_reason).Run();
}

}  // namespace doorstep::server::internal
