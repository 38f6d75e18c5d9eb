#include "server/ingest.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/bases.h"
#include "server/decide.h"
#include "server/epoch.h"
#include "server/history.h"
#include "server/membership.h"
#include "server/seen.h"
#include "server/waiting.h"
#include "server/withdrawal.h"
#include "sync/base/status.h"
#include "sync/change/unit_codec.h"
#include "sync/merge/admission_time.h"
#include "sync/merge/record.h"

namespace doorstep::server {
namespace {

constexpr char kFaultyProgram[] = "the program that wrote this is faulty: report it";
constexpr char kHeldAdvice[] =
    "nothing: it is done by itself once that arrives from the device that wrote it. If that device "
    "is gone, export this, withdraw it, and record it again";

// What the history holds of a unit that is held; none when it cannot be read (any more), which must
// not stop whoever brings what it waits for.
absl::StatusOr<std::optional<std::string>> PayloadOf(uint64_t sequence, ReadView& view) {
  absl::StatusOr<std::optional<std::string>> payload = ReadPayload(sequence, view);
  if (absl::IsDataLoss(payload.status())) return std::optional<std::string>();
  return payload;
}

// One unit on its way through.
class Admission {
 public:
  Admission(const Schema& schema, const PushJob& job, const OfferedUnit& offered,
            const std::vector<EpochRow>& epochs, WriteTransaction& transaction, Entropy& entropy,
            CommitSummary* summary)
      : schema_(schema),
        job_(job),
        offered_(offered),
        epochs_(epochs),
        transaction_(transaction),
        entropy_(entropy),
        summary_(summary) {}

  absl::StatusOr<UnitReceipt> Run();
  // Tries a unit that is held again. It stays so, or is given its final outcome.
  absl::Status TryAgain(uint64_t held_sequence);

  // What has come into being, or been given a final outcome, by this unit: others may wait for it.
  const std::vector<Awaited>& arrived() const { return arrived_; }

 private:
  absl::StatusOr<std::optional<UnitReceipt>> CheckRepeat();
  absl::Status LoadStates();
  absl::StatusOr<UnitReceipt> Decide();
  std::optional<uint64_t> Restored() const;
  absl::Status DropReplacedEarly(Decision* decision);
  absl::StatusOr<UnitReceipt> Withdraw();
  absl::StatusOr<UnitReceipt> Hold(const std::vector<Awaited>& awaited);
  absl::Status TakeBackResolved();
  absl::Status TakeBack(const UnitRow& held, absl::string_view reason);
  absl::StatusOr<UnitReceipt> RefuseAllowed(const Refusal& refusal, const Access& access);
  AdmissionTime MadeAt(const Bases& bases) const;
  absl::StatusOr<UnitReceipt> Quarantine(const AccessEnd& ended, const AdmissionTime& made,
                                         const Refusal& refusal);
  absl::StatusOr<UnitReceipt> Refuse(const Refusal& refusal, bool may_write,
                                     const AdmissionTime* made = nullptr);
  absl::StatusOr<UnitReceipt> Store(const Access& access, Decision decision);
  absl::Status AddToLedger(const UnitRow& row);
  absl::Status Index(uint64_t sequence);
  absl::Status Tell(uint64_t sequence, CompartmentRef ref,
                    const std::vector<DisplacedValue>& displaced);
  UnitRow Row(uint64_t sequence) const;
  UnitReceipt Receipt(ReceiptStatus status, uint64_t sequence, std::string detail = "") const {
    return {offered_.counter, status, sequence, std::move(detail)};
  }

  const Schema& schema_;
  const PushJob& job_;
  const OfferedUnit& offered_;
  const std::vector<EpochRow>& epochs_;
  WriteTransaction& transaction_;
  Entropy& entropy_;
  CommitSummary* summary_;
  std::string hash_;
  std::optional<Unit> unit_;  // none: the payload cannot be read
  RecordStates states_;
  uint64_t held_sequence_ = 0;  // not 0: it is held, under this sequence
  std::vector<Awaited> arrived_;
};

absl::StatusOr<std::optional<UnitReceipt>> Admission::CheckRepeat() {
  DOORSTEP_ASSIGN_OR_RETURN(
      const std::optional<UnitRow> row,
      transaction_.FirstOverlap(job_.incarnation, offered_.counter, offered_.changes));
  std::optional<UnitReceipt> receipt;
  if (!row) return receipt;
  if (row->counter == offered_.counter && row->changes == offered_.changes && row->hash == hash_) {
    receipt = Receipt(ReceiptStatus::kRepeat, row->sequence);
  } else {
    receipt = Receipt(ReceiptStatus::kForkedId, 0,
                      absl::StrCat("counter: got ", offered_.counter,
                                   ", which holds other content since sequence ", row->sequence,
                                   ", wanted a new incarnation"));
  }
  return receipt;
}

absl::Status Admission::LoadStates() {
  for (const ChangeData& change : unit_->changes) {
    if (states_.contains(change.record)) continue;
    DOORSTEP_ASSIGN_OR_RETURN(std::optional<RecordState> state, transaction_.Load(change.record));
    if (state) states_.emplace(change.record, *std::move(state));
  }
  return absl::OkStatus();
}

absl::StatusOr<UnitReceipt> Admission::Run() {
  hash_ = UnitHash(offered_.author, offered_.schema_hash, offered_.payload);
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<UnitReceipt> repeat, CheckRepeat());
  if (repeat) return *repeat;
  absl::StatusOr<Unit> unit =
      ParseUnit(schema_, job_.incarnation, offered_.counter, offered_.changes, offered_.payload);
  if (absl::IsUnimplemented(unit.status())) {
    return Receipt(
        ReceiptStatus::kWaits, 0,
        absl::StrCat("the server does not know this schema yet: ", unit.status().message()));
  }
  if (absl::IsInvalidArgument(unit.status())) {
    return Refuse({std::string(unit.status().message()), kFaultyProgram}, false);
  }
  DOORSTEP_RETURN_IF_ERROR(unit.status());
  unit_ = *std::move(unit);
  if (unit_->changes.front().Withdraws()) return Withdraw();
  DOORSTEP_RETURN_IF_ERROR(LoadStates());
  return Decide();
}

absl::Status Admission::TryAgain(uint64_t held_sequence) {
  held_sequence_ = held_sequence;
  hash_ = UnitHash(offered_.author, offered_.schema_hash, offered_.payload);
  absl::StatusOr<Unit> unit =
      ParseUnit(schema_, job_.incarnation, offered_.counter, offered_.changes, offered_.payload);
  if (absl::IsInvalidArgument(unit.status())) {
    return Refuse({std::string(unit.status().message()), kFaultyProgram}, false).status();
  }
  if (!unit.ok()) return absl::OkStatus();
  unit_ = *std::move(unit);
  DOORSTEP_RETURN_IF_ERROR(LoadStates());
  return Decide().status();
}

absl::StatusOr<UnitReceipt> Admission::Decide() {
  DOORSTEP_ASSIGN_OR_RETURN(const Bases bases,
                            ResolveBases(schema_, states_, Restored(), transaction_, &*unit_));
  DOORSTEP_ASSIGN_OR_RETURN(const bool comes, ComesFromDevice(transaction_, job_.device,
                                                              job_.incarnation, bases.missing));
  if (comes && held_sequence_ == 0) {
    return Receipt(ReceiptStatus::kWaits, 0,
                   absl::StrCat("base: got ", bases.missing.front().ToString(),
                                ", wanted changes that have an outcome"));
  }
  DOORSTEP_ASSIGN_OR_RETURN(const Access access,
                            AccessOf(transaction_, job_.site, unit_->compartment));
  if (!access.allowed && !access.ended) {
    return Refuse({"file: got one that this site may not write to, wanted one of its own",
                   "ask for the record to be shared with your team, then record this again"},
                  false);
  }
  if (!access.allowed) {
    const AdmissionTime made = MadeAt(bases);
    if (!MadeBefore(*access.ended, Restored().value_or(offered_.checkpoint), made.time_ms)) {
      return Quarantine(*access.ended, made, AccessEndedRefusal());
    }
  }
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<AccessEnd> withdrawn,
                            WithdrawnFrom(transaction_, *unit_, states_));
  if (withdrawn) return Quarantine(*withdrawn, MadeAt(bases), WithdrawnRefusal());
  std::optional<Uuid> waits;
  if (offered_.earlier_waits && held_sequence_ == 0) {
    DOORSTEP_ASSIGN_OR_RETURN(waits, RecordThatIsNotHere(transaction_, *unit_, states_));
  }
  if (waits) {
    return Receipt(ReceiptStatus::kWaits, 0,
                   absl::StrCat("record: got ", waits->ToString(),
                                ", wanted one that is here: it waits on the device"));
  }
  std::vector<Awaited> awaited;
  // A server that was never restored has lost nothing.
  if (epochs_.size() > 1) {
    DOORSTEP_ASSIGN_OR_RETURN(awaited, LostRecords(transaction_, job_.site, *unit_, states_));
  }
  for (const ChangeId& id : bases.missing) awaited.push_back({id.incarnation, id.counter});
  if (!awaited.empty()) return Hold(awaited);
  if (bases.refusal) return RefuseAllowed(*bases.refusal, access);
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t head, transaction_.Head());
  DOORSTEP_ASSIGN_OR_RETURN(const ReplacedVersions replaced,
                            ReadReplaced(schema_, states_, transaction_, *unit_));
  const Sight sight{job_.device, Restored().value_or(offered_.checkpoint),
                    epochs_.size() < 2 ? std::numeric_limits<uint64_t>::max()
                                       : CommonSequence(epochs_, offered_.epoch)};
  const absl::StatusOr<VisibleVersions> visible =
      ReadVisible(schema_, states_, sight, transaction_, *unit_);
  if (absl::IsResourceExhausted(visible.status())) {
    return RefuseAllowed({"bases: got ones with too many versions since, wanted recent ones",
                          "look at the record as it is now, then record this again"},
                         access);
  }
  DOORSTEP_RETURN_IF_ERROR(visible.status());
  Question question;
  question.schema = &schema_;
  question.unit = &*unit_;
  question.author = offered_.author;
  question.sequence = head + access.grants.size() + 1;
  question.sending = job_.sending;
  question.receipt_ms = job_.receipt_ms;
  question.states = &states_;
  question.base_times = &bases.times_ms;
  question.base_values = &bases.values;
  question.unchecked = &bases.unchecked;
  question.replaced = &replaced;
  question.visible = &*visible;
  Decision decision = DecideUnit(question);
  if (decision.refusal) return RefuseAllowed(*decision.refusal, access);
  DOORSTEP_RETURN_IF_ERROR(DropReplacedEarly(&decision));
  for (const auto& [change, field] : bases.lost) {
    DOORSTEP_RETURN_IF_ERROR(transaction_.AddReplacedEarly(change, field));
  }
  return Store(access, std::move(decision));
}

// Whether something of what the author had seen may be lost, and up to which sequence nothing is.
std::optional<uint64_t> Admission::Restored() const {
  if (epochs_.size() < 2) return std::nullopt;
  return std::min(offered_.checkpoint, CommonSequence(epochs_, offered_.epoch));
}

// After a restore a change may come back later than one that replaced it: then it is no head.
absl::Status Admission::DropReplacedEarly(Decision* decision) {
  if (epochs_.size() < 2 || offered_.epoch == epochs_.back().epoch) return absl::OkStatus();
  for (const ChangeData& change : unit_->changes) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<uint32_t> fields,
                              transaction_.ReplacedEarly(change.id));
    for (RecordState& state : decision->changed) {
      if (fields.empty() || state.id != change.record) continue;
      for (const uint32_t field : fields) {
        std::vector<Head>& heads = state.At(field).heads;
        if (heads.size() < 2) continue;
        std::erase_if(heads, [&](const Head& head) { return head.id == change.id; });
      }
    }
  }
  return absl::OkStatus();
}

// Who withdraws, and why, goes into the history beside what was refused or held; no state changes.
// Asks for no access to the file: an author may always take back what was not admitted.
absl::StatusOr<UnitReceipt> Admission::Withdraw() {
  for (const ChangeData& change : unit_->changes) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::optional<UnitRow> row,
                              transaction_.UnitOf(change.resolves->change));
    // A device does not hand over again what it has withdrawn.
    if (!row && epochs_.size() > 1) continue;
    if (!row || row->device != job_.device || !(row->Refused() || row->Held())) {
      return Refuse(
          {"changes.resolves: got a change that this device has not or that was admitted, "
           "wanted one of its own that was refused or is held",
           "look at the record: if the change stands there and is wrong, correct it"},
          false);
    }
  }
  DOORSTEP_ASSIGN_OR_RETURN(const Access access,
                            AccessOf(transaction_, job_.site, unit_->compartment));
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t sequence, transaction_.NextSequence());
  UnitRow row = Row(sequence);
  row.words = {Word::kApplied};
  row.times_ms = {job_.receipt_ms};
  row.uncertainty_ms = 0;
  DOORSTEP_RETURN_IF_ERROR(AddToLedger(row));
  // Others see it where they see the refusal.
  if (access.allowed && !access.new_file) DOORSTEP_RETURN_IF_ERROR(Index(sequence));
  DOORSTEP_RETURN_IF_ERROR(TakeBackResolved());
  return Receipt(ReceiptStatus::kStored, sequence);
}

// Durable, and out of everybody's way, until what it waits for is here.
absl::StatusOr<UnitReceipt> Admission::Hold(const std::vector<Awaited>& awaited) {
  HeldRow held{held_sequence_, {job_.incarnation, offered_.counter}, job_.sending};
  if (held_sequence_ == 0) {
    DOORSTEP_ASSIGN_OR_RETURN(held.sequence, transaction_.NextSequence());
    const Awaited& first = awaited.front();
    UnitRow row = Row(held.sequence);
    row.words = {Word::kHeld};
    row.reason = absl::StrCat(
        first.counter == 0 ? "record: got " : "base: got ",
        first.counter == 0 ? first.id.ToString() : ChangeId{first.id, first.counter}.ToString(),
        awaited.size() == 1 ? "" : absl::StrCat(" and ", awaited.size() - 1, " more"),
        ", which this server does not have, wanted it to be here first");
    row.what_to_do = kHeldAdvice;
    row.times_ms = {job_.receipt_ms};
    row.uncertainty_ms = std::numeric_limits<int64_t>::max();
    DOORSTEP_RETURN_IF_ERROR(AddToLedger(row));
    DOORSTEP_RETURN_IF_ERROR(TakeBackResolved());
  }
  DOORSTEP_RETURN_IF_ERROR(transaction_.AddHeld(held, awaited));
  return Receipt(ReceiptStatus::kStored, held.sequence);
}

// What this unit withdraws, or stands in place of, is not to come later: if it is held, that ends.
absl::Status Admission::TakeBackResolved() {
  for (const ChangeData& change : unit_->changes) {
    if (!change.resolves) continue;
    DOORSTEP_ASSIGN_OR_RETURN(const std::optional<UnitRow> row,
                              transaction_.UnitOf(change.resolves->change));
    if (!row || row->device != job_.device || !row->Held()) continue;
    const std::string reason = change.Withdraws()
                                   ? change.resolves->reason
                                   : absl::StrCat("sent again as ", change.id.ToString());
    DOORSTEP_RETURN_IF_ERROR(TakeBack(*row, reason));
  }
  return absl::OkStatus();
}

absl::Status Admission::TakeBack(const UnitRow& held, absl::string_view reason) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<std::string> payload,
                            PayloadOf(held.sequence, transaction_));
  DOORSTEP_RETURN_IF_ERROR(transaction_.EndHeld(held.sequence));
  UnitRow row = held;
  DOORSTEP_ASSIGN_OR_RETURN(row.sequence, transaction_.NextSequence());
  row.words = {Word::kWithdrawn};
  row.reason = std::string(reason);
  row.what_to_do.clear();
  DOORSTEP_RETURN_IF_ERROR(transaction_.AddUnit(row));
  DOORSTEP_RETURN_IF_ERROR(
      AppendHistory(row, unit_->compartment.file, payload.value_or(""), transaction_, entropy_));
  for (uint32_t i = 0; i < row.changes; ++i) arrived_.push_back({row.incarnation, row.counter + i});
  summary_->head = row.sequence;
  return absl::OkStatus();
}

UnitRow Admission::Row(uint64_t sequence) const {
  UnitRow row;
  row.sequence = sequence;
  row.device = job_.device;
  row.incarnation = job_.incarnation;
  row.counter = offered_.counter;
  row.changes = offered_.changes;
  row.author = std::string(offered_.author);
  row.schema_hash = std::string(offered_.schema_hash);
  row.epoch = offered_.epoch;
  row.checkpoint = offered_.checkpoint;
  row.hash = hash_;
  row.received_ms = job_.receipt_ms;
  return row;
}

absl::Status Admission::Index(uint64_t sequence) {
  for (size_t i = 0; i < unit_->changes.size(); ++i) {
    DOORSTEP_RETURN_IF_ERROR(
        transaction_.AddHistoryOf(unit_->changes[i].record, {sequence, static_cast<uint32_t>(i)}));
  }
  return absl::OkStatus();
}

// Into the ledgers of the devices on which the displaced values were written.
absl::Status Admission::Tell(uint64_t sequence, CompartmentRef ref,
                             const std::vector<DisplacedValue>& displaced) {
  uint32_t place = 0;
  for (const DisplacedValue& value : displaced) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::optional<Uuid> device,
                              transaction_.DeviceOf(value.what.change.incarnation));
    if (!device) continue;
    NoticeRow row;
    row.device = *device;
    row.sequence = sequence;
    row.place = place++;
    row.compartment = ref;
    row.record = value.record;
    row.kind = value.kind;
    row.field = value.field;
    row.what = value.what;
    DOORSTEP_RETURN_IF_ERROR(transaction_.AddNotice(row));
    summary_->devices.insert(*device);
  }
  return absl::OkStatus();
}

// The unit's line, in place of the one that held it, and its entry in the history.
absl::Status Admission::AddToLedger(const UnitRow& row) {
  if (held_sequence_ != 0) DOORSTEP_RETURN_IF_ERROR(transaction_.EndHeld(held_sequence_));
  DOORSTEP_RETURN_IF_ERROR(transaction_.AddUnit(row));
  const Uuid file = unit_ ? unit_->compartment.file : Uuid();
  DOORSTEP_RETURN_IF_ERROR(AppendHistory(row, file, offered_.payload, transaction_, entropy_));
  if (!row.Held()) {
    for (uint32_t i = 0; i < row.changes; ++i) {
      arrived_.push_back({row.incarnation, row.counter + i});
    }
  }
  summary_->devices.insert(job_.device);
  summary_->head = row.sequence;
  return absl::OkStatus();
}

// For what a site may write to but for the reason given: edits of what it would have created are
// refused in their turn.
absl::StatusOr<UnitReceipt> Admission::RefuseAllowed(const Refusal& refusal, const Access& access) {
  for (const ChangeData& change : unit_->changes) {
    if (!change.create || states_.contains(change.record)) continue;
    DOORSTEP_RETURN_IF_ERROR(transaction_.AddRefusedCreation(change.record));
  }
  return Refuse(refusal, !access.new_file);
}

// The highest time that a change of the unit can have.
AdmissionTime Admission::MadeAt(const Bases& bases) const {
  int64_t latest_base_ms = std::numeric_limits<int64_t>::min();
  for (const auto& [unused, time_ms] : bases.times_ms) {
    latest_base_ms = std::max(latest_base_ms, time_ms);
  }
  for (const ChangeData& change : unit_->changes) {
    const auto state = states_.find(change.record);
    if (state == states_.end()) continue;
    latest_base_ms = std::max(latest_base_ms, LatestBaseTime(change, state->second));
  }
  return Admit(unit_->stamp, job_.sending, job_.receipt_ms, latest_base_ms);
}

// Nothing of it is told to its author, who may not look into the file any more; those who hold the
// file now find it in the records' history, and the operator under `quarantine`.
absl::StatusOr<UnitReceipt> Admission::Quarantine(const AccessEnd& ended, const AdmissionTime& made,
                                                  const Refusal& refusal) {
  for (const ChangeData& change : unit_->changes) {
    if (!change.create || states_.contains(change.record)) continue;
    DOORSTEP_RETURN_IF_ERROR(transaction_.AddRefusedCreation(change.record));
  }
  DOORSTEP_ASSIGN_OR_RETURN(UnitReceipt receipt, Refuse(refusal, true, &made));
  DOORSTEP_RETURN_IF_ERROR(transaction_.PutQuarantine(
      {receipt.sequence, unit_->compartment, job_.site, ended, 0, "", ""}));
  return receipt;
}

// A refusal is kept as safely as an admission: its author's words are in the history. Others see
// them there only if the author may write to the file. `made`: when, as far as that was asked.
absl::StatusOr<UnitReceipt> Admission::Refuse(const Refusal& refusal, bool may_write,
                                              const AdmissionTime* made) {
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t sequence, transaction_.NextSequence());
  UnitRow row = Row(sequence);
  row.words = {Word::kRejected};
  row.reason = refusal.reason;
  row.what_to_do = refusal.what_to_do;
  row.times_ms = {made != nullptr ? made->time_ms : job_.receipt_ms};
  row.uncertainty_ms = made != nullptr ? made->uncertainty_ms : std::numeric_limits<int64_t>::max();
  DOORSTEP_RETURN_IF_ERROR(AddToLedger(row));
  if (unit_ && may_write) DOORSTEP_RETURN_IF_ERROR(Index(sequence));
  if (unit_) DOORSTEP_RETURN_IF_ERROR(TakeBackResolved());
  return Receipt(ReceiptStatus::kStored, sequence);
}

absl::StatusOr<UnitReceipt> Admission::Store(const Access& access, Decision decision) {
  DOORSTEP_RETURN_IF_ERROR(GrantAccess(access, unit_->compartment, transaction_, entropy_));
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t sequence, transaction_.NextSequence());
  for (const RecordState& after : decision.changed) {
    const auto before = states_.find(after.id);
    DOORSTEP_RETURN_IF_ERROR(
        transaction_.Save(before == states_.end() ? nullptr : &before->second, after));
  }
  UnitRow row = Row(sequence);
  row.words = std::move(decision.words);
  row.times_ms = std::move(decision.times_ms);
  row.uncertainty_ms = decision.uncertainty_ms;
  DOORSTEP_RETURN_IF_ERROR(AddToLedger(row));
  DOORSTEP_RETURN_IF_ERROR(Index(sequence));
  for (const RecordState& after : decision.changed) {
    if (!states_.contains(after.id)) arrived_.push_back({after.id, 0});
  }
  DOORSTEP_RETURN_IF_ERROR(TakeBackResolved());
  DOORSTEP_ASSIGN_OR_RETURN(const CompartmentRef ref, transaction_.RefOf(unit_->compartment));
  DOORSTEP_RETURN_IF_ERROR(Tell(sequence, ref, decision.displaced));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<std::string> sites, transaction_.SitesOf(ref));
  summary_->sites.insert(sites.begin(), sites.end());
  return Receipt(ReceiptStatus::kStored, sequence);
}

// Gives every held unit that waited for something of `arrived` its outcome, if nothing else is
// missing; and what waited for that, and so on.
absl::Status Release(const Schema& schema, const std::vector<EpochRow>& epochs,
                     std::vector<Awaited> arrived, WriteTransaction& transaction, Entropy& entropy,
                     CommitSummary* summary) {
  if (arrived.empty()) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const bool any, transaction.AnyHeld());
  if (!any) return absl::OkStatus();
  for (size_t i = 0; i < arrived.size(); ++i) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<HeldRow> waiting, transaction.HeldFor(arrived[i]));
    for (const HeldRow& held : waiting) {
      DOORSTEP_ASSIGN_OR_RETURN(const std::optional<UnitRow> row, transaction.UnitOf(held.first));
      if (!row || row->sequence != held.sequence) continue;  // released meanwhile
      DOORSTEP_ASSIGN_OR_RETURN(const std::optional<DeviceRow> device,
                                transaction.FindDevice(row->device));
      DOORSTEP_ASSIGN_OR_RETURN(const std::optional<std::string> payload,
                                PayloadOf(held.sequence, transaction));
      // What cannot be read stays where it is: it must not keep from others what they wait for.
      if (!device || !payload) continue;
      const PushJob job{row->device,  device->site,     row->incarnation,
                        held.sending, row->received_ms, {}};
      const OfferedUnit offered{row->counter, row->changes,    row->author, row->schema_hash,
                                row->epoch,   row->checkpoint, *payload,    false};
      Admission again(schema, job, offered, epochs, transaction, entropy, summary);
      DOORSTEP_RETURN_IF_ERROR(again.TryAgain(held.sequence));
      arrived.insert(arrived.end(), again.arrived().begin(), again.arrived().end());
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<UnitReceipt> Ingest(const Schema& schema, const PushJob& job,
                                   const OfferedUnit& unit, const std::vector<EpochRow>& epochs,
                                   WriteTransaction& transaction, Entropy& entropy,
                                   CommitSummary* summary) {
  Admission admission(schema, job, unit, epochs, transaction, entropy, summary);
  DOORSTEP_ASSIGN_OR_RETURN(UnitReceipt receipt, admission.Run());
  DOORSTEP_RETURN_IF_ERROR(
      Release(schema, epochs, admission.arrived(), transaction, entropy, summary));
  return receipt;
}

}  // namespace doorstep::server
