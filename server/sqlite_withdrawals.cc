// Records that were withdrawn, who has held what, and what each device was sent, by SQL.
#include <cstdint>
#include <string>
#include <vector>

#include "server/sqlite_reading.h"
#include "sync/base/status.h"

namespace doorstep::server::internal {
namespace {

// Columns of every select that makes a WithdrawalRow.
#define DOORSTEP_WITHDRAWAL_COLUMNS                                                             \
  "SELECT w.sequence, w.record, w.compartment, c.file, c.tier, w.time_ms, w.by, w.reason, "     \
  "w.restored_sequence, w.restored_ms, w.restored_by, w.restored_reason FROM _withdrawal AS w " \
  "JOIN _compartment AS c ON c.ref = w.compartment "

absl::StatusOr<std::vector<WithdrawalRow>> ReadRows(Statement* select) {
  const ScopedReset done(select);
  std::vector<WithdrawalRow> rows;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, select->Step());
    if (!more) return rows;
    WithdrawalRow& row = rows.emplace_back();
    row.sequence = static_cast<uint64_t>(select->Int(0));
    DOORSTEP_ASSIGN_OR_RETURN(row.record, Uuid::FromBytes(select->Blob(1)));
    row.ref = select->Int(2);
    DOORSTEP_ASSIGN_OR_RETURN(row.compartment.file, Uuid::FromBytes(select->Blob(3)));
    row.compartment.tier = static_cast<uint8_t>(select->Int(4));
    row.withdrawn = {select->Int(5), std::string(select->Text(6)), std::string(select->Text(7))};
    row.restored_sequence = static_cast<uint64_t>(select->Int(8));
    row.restored = {select->Int(9), std::string(select->Text(10)), std::string(select->Text(11))};
  }
}

}  // namespace

absl::StatusOr<std::vector<WithdrawalRow>> ReadWithdrawals(Database& db, absl::string_view site,
                                                           uint64_t after) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      db.Prepared(DOORSTEP_WITHDRAWAL_COLUMNS
                  "WHERE w.sequence > ?2 AND w.restored_sequence = 0 AND EXISTS "
                  "(SELECT 1 FROM _membership AS m JOIN _site AS s ON s.ref = m.site "
                  "WHERE m.compartment = w.compartment AND s.id = ?1) ORDER BY w.sequence"));
  return ReadRows(&list->BindText(1, site).BindInt(2, static_cast<int64_t>(after)));
}

absl::StatusOr<std::vector<WithdrawalRow>> ReadWithdrawalsOf(Database& db, const Uuid& record) {
  if (record.IsNil()) {
    DOORSTEP_ASSIGN_OR_RETURN(Statement * all,
                              db.Prepared(DOORSTEP_WITHDRAWAL_COLUMNS "ORDER BY w.sequence"));
    return ReadRows(all);
  }
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      db.Prepared(DOORSTEP_WITHDRAWAL_COLUMNS "WHERE w.record = ?1 ORDER BY w.sequence"));
  return ReadRows(&list->BindBlob(1, record.AsBytes()));
}

absl::Status WriteWithdrawal(Database& db, const WithdrawalRow& row) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * put,
      db.Prepared("INSERT INTO _withdrawal(sequence, record, compartment, time_ms, by, reason, "
                  "restored_sequence, restored_ms, restored_by, restored_reason) VALUES(?1, ?2, "
                  "?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT(sequence) DO UPDATE SET "
                  "restored_sequence = excluded.restored_sequence, restored_ms = "
                  "excluded.restored_ms, restored_by = excluded.restored_by, restored_reason = "
                  "excluded.restored_reason"));
  put->BindInt(1, static_cast<int64_t>(row.sequence)).BindBlob(2, row.record.AsBytes());
  put->BindInt(3, row.ref).BindInt(4, row.withdrawn.time_ms).BindText(5, row.withdrawn.by);
  put->BindText(6, row.withdrawn.reason);
  put->BindInt(7, static_cast<int64_t>(row.restored_sequence));
  put->BindInt(8, row.restored.time_ms).BindText(9, row.restored.by);
  return put->BindText(10, row.restored.reason).Run();
}

absl::StatusOr<std::vector<AccessSpan>> ReadAccess(Database& db, CompartmentRef compartment) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      db.Prepared("SELECT s.id, a.since_sequence, a.until_sequence FROM _access AS a "
                  "JOIN _site AS s ON s.ref = a.site WHERE a.compartment = ?1 "
                  "ORDER BY s.id, a.since_sequence"));
  const ScopedReset done(list);
  list->BindInt(1, compartment);
  std::vector<AccessSpan> spans;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return spans;
    spans.push_back({std::string(list->Text(0)), static_cast<uint64_t>(list->Int(1)),
                     static_cast<uint64_t>(list->Int(2))});
  }
}

absl::StatusOr<std::vector<SentRow>> ReadSent(Database& db, const Uuid& device) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      db.Prepared(
          "SELECT sequence, head, time_ms, begun FROM _sent WHERE device = "
          "(SELECT ref FROM _device WHERE id = ?1) ORDER BY time_ms, sequence, head, begun DESC"));
  const ScopedReset done(list);
  list->BindBlob(1, device.AsBytes());
  std::vector<SentRow> rows;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return rows;
    rows.push_back({device, static_cast<uint64_t>(list->Int(0)),
                    static_cast<uint64_t>(list->Int(1)), list->Int(2), list->Int(3) != 0});
  }
}

absl::Status WriteSent(Database& db, const SentRow& row) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * add,
      db.Prepared("INSERT INTO _sent(device, sequence, head, time_ms, begun) "
                  "SELECT d.ref, ?2, ?3, ?4, ?5 FROM _device AS d WHERE d.id = ?1 AND NOT EXISTS "
                  "(SELECT 1 FROM _sent AS s WHERE s.device = d.ref AND s.sequence >= ?2 "
                  "AND s.head >= ?3 AND s.begun <= ?5)"));
  add->BindBlob(1, row.device.AsBytes()).BindInt(2, static_cast<int64_t>(row.sequence));
  add->BindInt(3, static_cast<int64_t>(row.head)).BindInt(4, row.time_ms);
  return add->BindInt(5, row.begun ? 1 : 0).Run();
}

}  // namespace doorstep::server::internal
