// A record that was written where it does not belong, taken off all replicas: by whoever answers
// for information governance, once somebody has hidden it as wrong (rules R14, R18). Nothing of it
// is deleted here: it stands at a tier of its file that nobody holds (kWithdrawnTier), with its
// history, and is given back in one step.
//
// What follows from the tier: the record is in no feed, no digest and no answer of any site. What
// the withdrawal adds: a line (_withdrawal) that pulls send to whoever holds the place where the
// record stood, so that it leaves replicas; and edits by those who had not heard go to quarantine,
// where somebody deals with them.
#ifndef SERVER_WITHDRAWAL_H_
#define SERVER_WITHDRAWAL_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "server/decide.h"
#include "server/store.h"
#include "sync/change/state.h"
#include "sync/tables/record_tables.h"

namespace doorstep::server {

// Each does it under a sequence of its own, which it returns. kNotFound: no such record;
// kFailedPrecondition: the record is not hidden; kAlreadyExists: it is withdrawn (is not).
absl::StatusOr<uint64_t> WithdrawRecord(const Uuid& record, const Deed& deed,
                                        WriteTransaction& transaction);
absl::StatusOr<uint64_t> GiveBackRecord(const Uuid& record, const Deed& deed,
                                        WriteTransaction& transaction);

// The withdrawal that is in force; none: it is not withdrawn.
absl::StatusOr<std::optional<WithdrawalRow>> WithdrawalInForce(ReadView& view, const Uuid& record);

// Whether a unit changes a record that was withdrawn from the place that it names: then when that
// was. `states`: of the records that it names.
absl::StatusOr<std::optional<AccessEnd>> WithdrawnFrom(ReadView& view, const Unit& unit,
                                                       const RecordStates& states);
// What the author of such a unit is told, and of one whose access to the whole file has ended.
Refusal WithdrawnRefusal();
Refusal AccessEndedRefusal();

}  // namespace doorstep::server

#endif  // SERVER_WITHDRAWAL_H_
