// The audit, by SQL.
#include <string>
#include <vector>

#include "server/sqlite_reading.h"
#include "sync/base/status.h"

namespace doorstep::server::internal {

absl::StatusOr<std::vector<AuditRow>> ReadAudit(Database& db, uint64_t after, size_t limit) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list, db.Prepared("SELECT sequence, entry, chain FROM _audit WHERE sequence > ?1 "
                                    "ORDER BY sequence LIMIT ?2"));
  list->BindInt(1, Column(after)).BindInt(2, Column(limit));
  ScopedReset done(list);
  std::vector<AuditRow> rows;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return rows;
    rows.push_back({static_cast<uint64_t>(list->Int(0)), std::string(list->Blob(1)),
                    std::string(list->Blob(2))});
  }
}

absl::StatusOr<AuditRow> ReadAuditEnd(Database& db) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db.Prepared("SELECT sequence, chain FROM _audit_end"));
  ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  if (!found) return absl::DataLossError("_audit_end: no row");
  AuditRow row;
  row.sequence = static_cast<uint64_t>(find->Int(0));
  row.chain = std::string(find->Blob(1));
  return row;
}

absl::Status WriteAudit(Database& db, const AuditRow& row) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * insert,
      db.Prepared("INSERT INTO _audit(sequence, entry, chain) VALUES(?1, ?2, ?3)"));
  DOORSTEP_RETURN_IF_ERROR(
      insert->BindInt(1, Column(row.sequence)).BindBlob(2, row.entry).BindBlob(3, row.chain).Run());
  DOORSTEP_ASSIGN_OR_RETURN(Statement * end,
                            db.Prepared("UPDATE _audit_end SET sequence = ?1, chain = ?2"));
  return end->BindInt(1, Column(row.sequence)).BindBlob(2, row.chain).Run();
}

}  // namespace doorstep::server::internal
