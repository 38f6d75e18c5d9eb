#include "server/withdrawal.h"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sync/base/status.h"
#include "sync/merge/marks.h"

namespace doorstep::server {
namespace {

bool IsWithdrawn(const RecordState& state) { return state.compartment.tier == kWithdrawnTier; }

absl::StatusOr<RecordState> Find(const Uuid& record, ReadView& view) {
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<RecordState> state, view.Load(record));
  if (state) return *std::move(state);
  return absl::NotFoundError(
      absl::StrCat("record: got ", record.ToString(), ", wanted one that is here"));
}

}  // namespace

absl::StatusOr<uint64_t> WithdrawRecord(const Uuid& record, const Deed& deed,
                                        WriteTransaction& transaction) {
  DOORSTEP_ASSIGN_OR_RETURN(const RecordState before, Find(record, transaction));
  if (IsWithdrawn(before)) {
    return absl::AlreadyExistsError(
        absl::StrCat("record: got ", record.ToString(), ", which is withdrawn already"));
  }
  if (!HiddenBecause(before)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "record: got ", record.ToString(),
        ", wanted one that somebody has hidden as wrong (doorstep hide): people use this one"));
  }
  WithdrawalRow row;
  DOORSTEP_ASSIGN_OR_RETURN(row.sequence, transaction.NextSequence());
  row.record = record;
  row.compartment = before.compartment;
  DOORSTEP_ASSIGN_OR_RETURN(row.ref, transaction.RefOf(before.compartment));
  row.withdrawn = deed;
  RecordState after = before;
  after.compartment.tier = kWithdrawnTier;
  DOORSTEP_RETURN_IF_ERROR(transaction.Save(&before, after));
  DOORSTEP_RETURN_IF_ERROR(transaction.PutWithdrawal(row));
  return row.sequence;
}

absl::StatusOr<uint64_t> GiveBackRecord(const Uuid& record, const Deed& deed,
                                        WriteTransaction& transaction) {
  DOORSTEP_ASSIGN_OR_RETURN(const RecordState before, Find(record, transaction));
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<WithdrawalRow> row,
                            WithdrawalInForce(transaction, record));
  if (!row) {
    return absl::AlreadyExistsError(
        absl::StrCat("record: got ", record.ToString(), ", which is not withdrawn"));
  }
  DOORSTEP_ASSIGN_OR_RETURN(row->restored_sequence, transaction.NextSequence());
  row->restored = deed;
  RecordState after = before;
  after.compartment = row->compartment;
  // Replicas that gave it up have a cursor beyond all of its fields: each is told anew, with the
  // heads that it has.
  for (FieldState& field : after.fields) field.sequence = row->restored_sequence;
  DOORSTEP_RETURN_IF_ERROR(transaction.Save(&before, after));
  DOORSTEP_RETURN_IF_ERROR(transaction.PutWithdrawal(*row));
  return row->restored_sequence;
}

absl::StatusOr<std::optional<WithdrawalRow>> WithdrawalInForce(ReadView& view, const Uuid& record) {
  DOORSTEP_ASSIGN_OR_RETURN(std::vector<WithdrawalRow> rows, view.WithdrawalsOf(record));
  if (rows.empty() || rows.back().restored_sequence != 0) return std::optional<WithdrawalRow>();
  return std::optional<WithdrawalRow>(std::move(rows.back()));
}

absl::StatusOr<std::optional<AccessEnd>> WithdrawnFrom(ReadView& view, const Unit& unit,
                                                       const RecordStates& states) {
  for (const ChangeData& change : unit.changes) {
    const auto state = states.find(change.record);
    if (state == states.end() || !IsWithdrawn(state->second)) continue;
    DOORSTEP_ASSIGN_OR_RETURN(const std::optional<WithdrawalRow> row,
                              WithdrawalInForce(view, change.record));
    if (row && row->compartment == unit.compartment) {
      return std::optional<AccessEnd>({row->sequence, row->withdrawn.time_ms});
    }
  }
  return std::optional<AccessEnd>();
}

Refusal WithdrawnRefusal() {
  return {
      "record: got a change of one that was withdrawn because it does not belong there, wanted "
      "one that is in use",
      "nothing: it is kept for whoever answers for information governance. Tell them, if it "
      "matters"};
}

Refusal AccessEndedRefusal() {
  return {
      "file: got a change that was made after your team's access to it had ended, wanted one that "
      "was made before",
      "nothing: it is kept for the team that holds the record now. Tell them, if it matters"};
}

}  // namespace doorstep::server
