#include "client-lib/apply.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "client-lib/digests.h"
#include "client-lib/fold.h"
#include "client-lib/fork.h"
#include "client-lib/lost.h"
#include "client-lib/news.h"
#include "client-lib/notices.h"
#include "client-lib/outbox.h"
#include "client-lib/restored.h"
#include "client-lib/staging.h"
#include "sync/base/status.h"
#include "sync/change/row_check.h"
#include "sync/change/row_codec.h"
#include "sync/tables/ddl.h"

namespace doorstep::client {
namespace {

absl::Status BadBatch(absl::string_view what) {
  return absl::InternalError(absl::StrCat("pull: the server sent ", what));
}

absl::StatusOr<Uuid> IncarnationAt(const v1::PullRows& rows, uint32_t place) {
  if (place >= static_cast<uint32_t>(rows.incarnations_size())) {
    return BadBatch("an incarnation that its dictionary lacks");
  }
  return Uuid::FromBytes(rows.incarnations(static_cast<int>(place)));
}

absl::StatusOr<CompartmentId> CompartmentAt(const v1::PullRows& rows, uint32_t place) {
  if (place >= static_cast<uint32_t>(rows.compartments_size())) {
    return BadBatch("a compartment that its dictionary lacks");
  }
  const v1::CompartmentRef& ref = rows.compartments(static_cast<int>(place));
  CompartmentId id;
  DOORSTEP_ASSIGN_OR_RETURN(id.file, Uuid::FromBytes(ref.file()));
  if (ref.tier() > static_cast<uint32_t>(Tier::kSealed)) return BadBatch("an unknown tier");
  id.tier = static_cast<uint8_t>(ref.tier());
  return id;
}

// A row that nobody could have committed refuses the batch: see "rows are checked" in the README.
absl::StatusOr<RecordState> CheckedRow(const Schema& schema, const v1::PullRows& rows, int i) {
  DOORSTEP_ASSIGN_OR_RETURN(RecordState row, ReadRow(rows, i));
  const absl::Status status = CheckRow(schema, row);
  if (!status.ok())
    return BadBatch(absl::StrCat("what no device can have written: ", status.message()));
  return row;
}

// The work of one transaction.
class Applier {
 public:
  explicit Applier(Store& store) : store_(store), fold_(store), outbox_(store) {}

  absl::Status Begin() {
    DOORSTEP_ASSIGN_OR_RETURN(any_pending_, outbox_.AnyPending());
    DOORSTEP_ASSIGN_OR_RETURN(const int64_t repair, store_.Int(key::kRepair));
    repairing_ = repair != 0;
    DOORSTEP_ASSIGN_OR_RETURN(any_rescued_, AnyRescued(store_));
    DOORSTEP_ASSIGN_OR_RETURN(any_withdrawn_, AnyWithdrawn(store_));
    DOORSTEP_ASSIGN_OR_RETURN(incarnation_, store_.Id(key::kIncarnation));
    return absl::OkStatus();
  }

  // A whole row, or with `delta` the fields of one that changed.
  absl::Status PutRow(RecordState row, bool delta);
  absl::Status PutOutcome(const Uuid& incarnation, const v1::Outcome& outcome);
  absl::Status Lose(const CompartmentId& compartment);
  absl::Status Withdraw(const Uuid& record);
  absl::Status Give(const CompartmentId& compartment) { return UnmarkLost(store_, compartment); }
  // Of a repair: removes the rows that the server did not send again.
  absl::Status Sweep();
  // After all of the above.
  absl::Status Finish();

  Applied& result() { return result_; }

 private:
  absl::StatusOr<std::optional<RecordState>> Before(const Uuid& record, bool is_pending,
                                                    std::optional<RecordTables::Place>* place);
  absl::StatusOr<bool> Confirm(const Uuid& record);
  absl::Status TakeAway(const Uuid& record);
  absl::Status ForgetOwn(const CompartmentId& compartment);
  absl::Status ForgetWithdrawn(const std::vector<Uuid>& records);
  void Count(const std::string& words);

  Store& store_;
  Fold fold_;
  Outbox outbox_;
  DigestLedger ledger_;
  absl::flat_hash_set<Uuid> touched_;  // own pending changes stand on them
  std::vector<CompartmentId> lost_;
  std::vector<Uuid> withdrawn_;
  bool any_pending_ = false;
  bool repairing_ = false;
  bool any_rescued_ = false;
  bool any_withdrawn_ = false;
  Uuid incarnation_;
  Applied result_;
};

// True when the record has been confirmed before.
absl::StatusOr<bool> Applier::Confirm(const Uuid& record) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * confirm,
      store_.db().Prepared("INSERT OR IGNORE INTO _confirmed(record) VALUES(?1)"));
  DOORSTEP_RETURN_IF_ERROR(confirm->BindBlob(1, record.AsBytes()).Run());
  return store_.db().Changes() == 0;
}

absl::StatusOr<std::optional<RecordState>> Applier::Before(
    const Uuid& record, bool is_pending, std::optional<RecordTables::Place>* place) {
  if (is_pending) return fold_.ServerState(record);
  DOORSTEP_ASSIGN_OR_RETURN(*place, store_.tables().Find(record));
  if (!place->has_value()) return std::optional<RecordState>();
  DOORSTEP_ASSIGN_OR_RETURN(RecordState state, store_.tables().LoadAt(**place));
  return std::optional<RecordState>(std::move(state));
}

absl::Status Applier::PutRow(RecordState row, bool delta) {
  const Uuid id = row.id;
  bool is_pending = false;
  if (any_pending_) {
    DOORSTEP_ASSIGN_OR_RETURN(is_pending, outbox_.IsPending(id));
  }
  std::optional<RecordTables::Place> place;
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> before,
                            Before(id, is_pending, &place));
  if (delta && before.has_value()) {
    RecordState after = *before;
    ApplyDelta(std::move(row), &after);
    row = std::move(after);
  }
  // A repair counts from zero: the digest of a row that it has not confirmed is not in the sum.
  bool counted = before.has_value();
  if (repairing_) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool again, Confirm(id));
    counted &= again;
  }
  ledger_.Replace(counted ? &*before : nullptr, &row);
  if (any_rescued_) DOORSTEP_RETURN_IF_ERROR(ForgetRescued(store_, row));
  if (any_withdrawn_) DOORSTEP_RETURN_IF_ERROR(UnmarkWithdrawn(store_, id));
  if (is_pending) {
    touched_.insert(id);
    return fold_.SetServerState(id, is_pending, &row);
  }
  if (!place.has_value()) return store_.tables().Insert(row).status();
  if (place->kind == row.kind) return store_.tables().Update(*place, row);
  return fold_.SetServerState(id, is_pending, &row);
}

void Applier::Count(const std::string& words) {
  for (const char word : words) {
    switch (static_cast<Word>(word)) {
      case Word::kUnspecified:
        break;
      case Word::kApplied:
        ++result_.applied;
        break;
      case Word::kMerged:
        ++result_.merged;
        break;
      case Word::kConflict:
        ++result_.conflict;
        break;
      case Word::kHeld:
        ++result_.held;
        break;
      case Word::kRejected:
        ++result_.rejected;
        break;
      case Word::kWithdrawn:
        ++result_.withdrawn;
        break;
    }
  }
}

absl::Status Applier::PutOutcome(const Uuid& incarnation, const v1::Outcome& outcome) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<OwnUnit> own,
                            outbox_.Find(incarnation, outcome.counter()));
  if (!own.has_value()) {
    // Of another life of this replica. If it has our present incarnation, our next ids are taken.
    result_.forked |= incarnation == incarnation_;
    return absl::OkStatus();
  }
  if (own->hash != outcome.hash()) {
    result_.forked = true;
    return outbox_.SetReceipt(own->unit, 0, 0);
  }
  if (outcome.words_size() != 1 && static_cast<uint32_t>(outcome.words_size()) != own->changes) {
    return BadBatch("an outcome with a wrong number of words");
  }
  UnitOutcome now;
  for (uint32_t i = 0; i < own->changes; ++i) {
    const int place = outcome.words_size() == 1 ? 0 : static_cast<int>(i);
    const int word = outcome.words(place);
    if (word <= 0 || word > static_cast<int>(Word::kWithdrawn)) {
      return BadBatch("an outcome with an unknown word");
    }
    now.words.push_back(static_cast<char>(word));
  }
  if (own->words == now.words) return absl::OkStatus();
  now.reason = outcome.reason();
  now.what_to_do = outcome.what_to_do();
  now.sequence = outcome.sequence();
  now.time_ms = outcome.time_ms();
  Count(now.words);
  DOORSTEP_RETURN_IF_ERROR(outbox_.SetOutcome(own->unit, now));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<Uuid> records, outbox_.RecordsOf(own->unit));
  touched_.insert(records.begin(), records.end());
  DOORSTEP_RETURN_IF_ERROR(outbox_.Settle(own->unit));
  if (any_withdrawn_) DOORSTEP_RETURN_IF_ERROR(ForgetWithdrawn(records));
  DOORSTEP_ASSIGN_OR_RETURN(const bool lost, IsLost(store_, own->compartment));
  return lost ? ForgetOwn(own->compartment) : absl::OkStatus();
}

// Words that stood in rows which own changes had kept go with them.
absl::Status Applier::ForgetOwn(const CompartmentId& compartment) {
  result_.lost = true;
  store_.search().Purge();
  return ForgetContent(store_, compartment.file);
}

absl::Status Applier::ForgetWithdrawn(const std::vector<Uuid>& records) {
  for (const Uuid& record : records) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool withdrawn, IsWithdrawn(store_, record));
    if (!withdrawn) continue;
    result_.lost = true;
    store_.search().Purge();
    DOORSTEP_RETURN_IF_ERROR(ForgetContentOf(store_, record));
  }
  return absl::OkStatus();
}

// The server's row goes; what was written here and has no outcome yet stays until it has.
absl::Status Applier::TakeAway(const Uuid& record) {
  DOORSTEP_ASSIGN_OR_RETURN(const bool is_pending, outbox_.IsPending(record));
  std::optional<RecordTables::Place> place;
  DOORSTEP_ASSIGN_OR_RETURN(const auto before, Before(record, is_pending, &place));
  bool counted = before.has_value();
  if (counted && repairing_) {  // see PutRow
    DOORSTEP_ASSIGN_OR_RETURN(counted, Confirm(record));
  }
  if (counted) ledger_.Replace(&*before, nullptr);
  if (is_pending) touched_.insert(record);
  DOORSTEP_RETURN_IF_ERROR(fold_.SetServerState(record, is_pending, nullptr));
  DOORSTEP_RETURN_IF_ERROR(ForgetNotices(store_, record));
  return ForgetTold(store_, record);
}

absl::Status Applier::Withdraw(const Uuid& record) {
  result_.lost = true;
  any_withdrawn_ = true;
  store_.search().Purge();
  DOORSTEP_RETURN_IF_ERROR(MarkWithdrawn(store_, record));
  DOORSTEP_RETURN_IF_ERROR(ForgetRescued(store_, record));
  withdrawn_.push_back(record);
  return TakeAway(record);
}

absl::Status Applier::Lose(const CompartmentId& compartment) {
  result_.lost = true;
  store_.search().Purge();
  DOORSTEP_RETURN_IF_ERROR(MarkLost(store_, compartment));
  DOORSTEP_RETURN_IF_ERROR(ForgetRescued(store_, compartment));
  lost_.push_back(compartment);
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t ref, store_.tables().dictionary().RefOf(compartment));
  std::vector<Uuid> records;
  std::vector<std::string> tables = {"_unknown_record"};
  for (const KindSpec& kind : store_.schema().kinds()) {
    tables.push_back(QuoteIdentifier(absl::StrCat("k_", kind.table)));
  }
  for (const std::string& table : tables) {
    DOORSTEP_ASSIGN_OR_RETURN(
        std::unique_ptr<Statement> list,
        store_.db().Prepare(absl::StrCat("SELECT id FROM ", table, " WHERE _compartment = ?1")));
    list->BindInt(1, ref);
    while (true) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
      if (!more) break;
      DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, Uuid::FromBytes(list->Blob(0)));
      records.push_back(record);
    }
  }
  for (const Uuid& record : records) DOORSTEP_RETURN_IF_ERROR(TakeAway(record));
  return absl::OkStatus();
}

absl::Status Applier::Sweep() {
  std::vector<Uuid> gone;
  {
    DOORSTEP_ASSIGN_OR_RETURN(
        std::unique_ptr<Statement> list,
        store_.db().Prepare("SELECT id FROM _record AS r WHERE NOT EXISTS"
                            " (SELECT 1 FROM _confirmed AS c WHERE c.record = r.id) ORDER BY id"));
    while (true) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
      if (!more) break;
      DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, Uuid::FromBytes(list->Blob(0)));
      gone.push_back(record);
    }
  }
  result_.lost |= !gone.empty();
  if (!gone.empty()) store_.search().Purge();
  for (const Uuid& record : gone) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool is_pending, outbox_.IsPending(record));
    if (is_pending) touched_.insert(record);
    DOORSTEP_RETURN_IF_ERROR(fold_.SetServerState(record, is_pending, nullptr));
  }
  return store_.db().Exec("DELETE FROM _confirmed");
}

absl::Status Applier::Finish() {
  if (result_.lost) {
    DOORSTEP_RETURN_IF_ERROR(store_.SetInt(key::kForget, 1));
    DOORSTEP_RETURN_IF_ERROR(store_.SetInt(key::kCollect, 1));
  }
  for (const Uuid& record : touched_) DOORSTEP_RETURN_IF_ERROR(fold_.Refold(record));
  DOORSTEP_RETURN_IF_ERROR(ledger_.Flush(store_.tables()));
  for (const CompartmentId& compartment : lost_) {
    DOORSTEP_RETURN_IF_ERROR(ForgetContent(store_, compartment.file));
  }
  return ForgetWithdrawn(withdrawn_);
}

// Of a batch that is not staged.
absl::Status PutRows(const Schema& schema, const v1::PullRows& rows, bool delta, Applier& applier) {
  for (const v1::Membership& membership : rows.memberships()) {
    DOORSTEP_ASSIGN_OR_RETURN(const CompartmentId compartment,
                              CompartmentAt(rows, membership.compartment()));
    DOORSTEP_RETURN_IF_ERROR(membership.taken() ? applier.Lose(compartment)
                                                : applier.Give(compartment));
  }
  for (const v1::Withdrawal& withdrawal : rows.withdrawals()) {
    DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, Uuid::FromBytes(withdrawal.record()));
    DOORSTEP_RETURN_IF_ERROR(applier.Withdraw(record));
  }
  for (int i = 0; i < rows.records_size(); ++i) {
    DOORSTEP_ASSIGN_OR_RETURN(RecordState row, CheckedRow(schema, rows, i));
    DOORSTEP_RETURN_IF_ERROR(applier.PutRow(std::move(row), delta));
  }
  return absl::OkStatus();
}

absl::Status StageRows(const Schema& schema, Staging& staging, const v1::PullRows& rows) {
  for (const v1::Membership& membership : rows.memberships()) {
    DOORSTEP_ASSIGN_OR_RETURN(const CompartmentId compartment,
                              CompartmentAt(rows, membership.compartment()));
    DOORSTEP_RETURN_IF_ERROR(membership.taken() ? staging.PutLoss(compartment)
                                                : staging.PutGrant(compartment));
  }
  for (const v1::Withdrawal& withdrawal : rows.withdrawals()) {
    DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, Uuid::FromBytes(withdrawal.record()));
    DOORSTEP_RETURN_IF_ERROR(staging.PutWithdrawal(record));
  }
  for (int i = 0; i < rows.records_size(); ++i) {
    DOORSTEP_ASSIGN_OR_RETURN(RecordState row, CheckedRow(schema, rows, i));
    DOORSTEP_RETURN_IF_ERROR(staging.PutRecord(std::move(row)));
  }
  return absl::OkStatus();
}

absl::Status StageOutcomes(Staging& staging, const v1::PullRows& rows) {
  for (const v1::Outcome& outcome : rows.outcomes()) {
    DOORSTEP_ASSIGN_OR_RETURN(const Uuid incarnation, IncarnationAt(rows, outcome.incarnation()));
    DOORSTEP_RETURN_IF_ERROR(staging.PutOutcome(incarnation, outcome));
  }
  return absl::OkStatus();
}

absl::Status SavePosition(Store& store, const Batch& batch) {
  DOORSTEP_RETURN_IF_ERROR(store.SetBlob(key::kPosition, batch.message.next().SerializeAsString()));
  DOORSTEP_RETURN_IF_ERROR(store.SetBlob(key::kHistoryEnd, batch.message.history_end()));
  return store.SetContact(batch.message.server_time_ms(), batch.received);
}

absl::Status ApplyStaged(Staging& staging, Applier& applier) {
  DOORSTEP_RETURN_IF_ERROR(staging.ForEachLoss(
      [&](const CompartmentId& compartment) { return applier.Lose(compartment); }));
  DOORSTEP_RETURN_IF_ERROR(
      staging.ForEachWithdrawal([&](const Uuid& record) { return applier.Withdraw(record); }));
  DOORSTEP_RETURN_IF_ERROR(staging.ForEachGrant(
      [&](const CompartmentId& compartment) { return applier.Give(compartment); }));
  DOORSTEP_RETURN_IF_ERROR(staging.ForEachRecord(
      [&](RecordState row) { return applier.PutRow(std::move(row), /*delta=*/true); }));
  DOORSTEP_RETURN_IF_ERROR(
      staging.ForEachOutcome([&](const Uuid& incarnation, const v1::Outcome& outcome) {
        return applier.PutOutcome(incarnation, outcome);
      }));
  return staging.Clear();
}

absl::Status SaveCheckpoint(Store& store, const Batch& batch) {
  DOORSTEP_RETURN_IF_ERROR(
      store.SetInt(key::kCursor, static_cast<int64_t>(batch.message.checkpoint())));
  DOORSTEP_RETURN_IF_ERROR(store.SetBlob(key::kPosition, ""));
  DOORSTEP_RETURN_IF_ERROR(store.SetBlob(key::kHistoryEnd, batch.message.history_end()));
  DOORSTEP_RETURN_IF_ERROR(store.SetInt(key::kComplete, 1));
  DOORSTEP_RETURN_IF_ERROR(store.SetInt(key::kUpToDateAt, batch.message.server_time_ms()));
  return store.SetContact(batch.message.server_time_ms(), batch.received);
}

}  // namespace

absl::Status Forget(Store& store) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t due, store.Int(key::kForget));
  if (due == 0) return absl::OkStatus();
  const absl::Status status = store.db().CheckpointWal(/*truncate=*/true);
  if (absl::IsAborted(status)) return absl::OkStatus();
  DOORSTEP_RETURN_IF_ERROR(status);
  DOORSTEP_ASSIGN_OR_RETURN(Write write, Write::Begin(store));
  DOORSTEP_RETURN_IF_ERROR(store.SetInt(key::kForget, 0));
  return write.Commit();
}

absl::Status BeginRepair(Store& store) {
  DOORSTEP_RETURN_IF_ERROR(Staging(store).Clear());
  DOORSTEP_RETURN_IF_ERROR(
      store.db().Exec("DELETE FROM _confirmed;"
                      "UPDATE _compartment SET digest = zeroblob(16), records = 0;"));
  DOORSTEP_RETURN_IF_ERROR(store.SetInt(key::kRepair, 1));
  DOORSTEP_RETURN_IF_ERROR(store.SetInt(key::kFirst, 1));
  DOORSTEP_RETURN_IF_ERROR(store.SetInt(key::kFirstFrom, 0));
  DOORSTEP_RETURN_IF_ERROR(store.SetInt(key::kComplete, 0));
  DOORSTEP_RETURN_IF_ERROR(store.SetInt(key::kCursor, 0));
  return store.SetBlob(key::kPosition, "");
}

absl::Status ApplyFirst(Store& store, const Batch& batch) {
  DOORSTEP_ASSIGN_OR_RETURN(Write write, Write::Begin(store));
  Applier applier(store);
  DOORSTEP_RETURN_IF_ERROR(applier.Begin());
  DOORSTEP_RETURN_IF_ERROR(PutRows(store.schema(), batch.rows, /*delta=*/false, applier));
  Staging staging(store);
  DOORSTEP_RETURN_IF_ERROR(StageOutcomes(staging, batch.rows));
  DOORSTEP_RETURN_IF_ERROR(StageNotices(store, batch.rows));
  DOORSTEP_RETURN_IF_ERROR(SavePosition(store, batch));
  DOORSTEP_RETURN_IF_ERROR(
      store.SetInt(key::kFirstFrom, static_cast<int64_t>(batch.message.first_from())));
  if (batch.message.first_done()) {
    DOORSTEP_ASSIGN_OR_RETURN(const int64_t repair, store.Int(key::kRepair));
    if (repair != 0) DOORSTEP_RETURN_IF_ERROR(applier.Sweep());
    DOORSTEP_RETURN_IF_ERROR(store.SetInt(key::kRepair, 0));
    DOORSTEP_RETURN_IF_ERROR(store.SetInt(key::kFirst, 0));
    DOORSTEP_RETURN_IF_ERROR(
        store.SetInt(key::kCursor, static_cast<int64_t>(batch.message.first_from())));
    DOORSTEP_RETURN_IF_ERROR(store.SetBlob(key::kPosition, ""));
  }
  DOORSTEP_RETURN_IF_ERROR(applier.Finish());
  DOORSTEP_ASSIGN_OR_RETURN(
      const int64_t held,
      store.db().QueryInt("SELECT coalesce(sum(records), 0) FROM _compartment"));
  DOORSTEP_RETURN_IF_ERROR(
      store.SetInt(key::kExpected, held + static_cast<int64_t>(batch.message.remaining())));
  DOORSTEP_RETURN_IF_ERROR(write.Commit());
  return Forget(store);
}

absl::Status Stage(Store& store, const Batch& batch) {
  DOORSTEP_ASSIGN_OR_RETURN(Write write, Write::Begin(store));
  Staging staging(store);
  DOORSTEP_RETURN_IF_ERROR(StageRows(store.schema(), staging, batch.rows));
  DOORSTEP_RETURN_IF_ERROR(StageOutcomes(staging, batch.rows));
  DOORSTEP_RETURN_IF_ERROR(StageNotices(store, batch.rows));
  DOORSTEP_RETURN_IF_ERROR(SavePosition(store, batch));
  return write.Commit();
}

absl::StatusOr<Applied> ApplyCheckpoint(Store& store, const Batch& batch, Entropy& entropy) {
  DOORSTEP_ASSIGN_OR_RETURN(Write write, Write::Begin(store));
  Applier applier(store);
  DOORSTEP_RETURN_IF_ERROR(applier.Begin());
  Staging staging(store);
  DOORSTEP_ASSIGN_OR_RETURN(const bool alone, staging.Empty());
  if (alone) {
    DOORSTEP_RETURN_IF_ERROR(PutRows(store.schema(), batch.rows, /*delta=*/true, applier));
    for (const v1::Outcome& outcome : batch.rows.outcomes()) {
      DOORSTEP_ASSIGN_OR_RETURN(const Uuid incarnation,
                                IncarnationAt(batch.rows, outcome.incarnation()));
      DOORSTEP_RETURN_IF_ERROR(applier.PutOutcome(incarnation, outcome));
    }
  } else {
    DOORSTEP_RETURN_IF_ERROR(StageRows(store.schema(), staging, batch.rows));
    DOORSTEP_RETURN_IF_ERROR(StageOutcomes(staging, batch.rows));
    DOORSTEP_RETURN_IF_ERROR(ApplyStaged(staging, applier));
  }
  DOORSTEP_RETURN_IF_ERROR(applier.Finish());
  DOORSTEP_RETURN_IF_ERROR(StageNotices(store, batch.rows));
  DOORSTEP_RETURN_IF_ERROR(ShowNotices(store));
  Applied result = applier.result();
  if (result.forked) DOORSTEP_RETURN_IF_ERROR(ReissueWaiting(store, entropy).status());
  DOORSTEP_RETURN_IF_ERROR(SaveCheckpoint(store, batch));
  if (!batch.message.digest().empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(const Digest theirs, Digest::FromBytes(batch.message.digest()));
    DOORSTEP_ASSIGN_OR_RETURN(const Digest ours, TotalDigest(store.db()));
    result.digests_agree = ours == theirs;
  }
  if (!result.digests_agree) DOORSTEP_RETURN_IF_ERROR(MeetDifferentRows(store));
  DOORSTEP_RETURN_IF_ERROR(write.Commit());
  DOORSTEP_RETURN_IF_ERROR(Forget(store));
  return result;
}

}  // namespace doorstep::client
