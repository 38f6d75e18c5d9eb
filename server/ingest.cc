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
#include "sync/base/status.h"
#include "sync/change/unit_codec.h"

namespace doorstep::server {
namespace {

constexpr char kFaultyProgram[] = "the program that wrote this is faulty: report it";

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

 private:
  absl::StatusOr<std::optional<UnitReceipt>> CheckRepeat();
  absl::Status LoadStates();
  absl::StatusOr<UnitReceipt> Decide();
  std::optional<uint64_t> Restored() const;
  absl::Status DropReplacedEarly(Decision* decision);
  absl::StatusOr<UnitReceipt> Withdraw();
  absl::StatusOr<UnitReceipt> Refuse(const Refusal& refusal, bool may_write);
  absl::StatusOr<UnitReceipt> Store(const Access& access, Decision decision);
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

absl::StatusOr<UnitReceipt> Admission::Decide() {
  DOORSTEP_ASSIGN_OR_RETURN(const Bases bases,
                            ResolveBases(schema_, states_, Restored(), transaction_, &*unit_));
  if (bases.missing) {
    return Receipt(ReceiptStatus::kWaits, 0,
                   absl::StrCat("base: got ", bases.missing->ToString(),
                                ", wanted changes that have an outcome"));
  }
  DOORSTEP_ASSIGN_OR_RETURN(const Access access,
                            AccessOf(transaction_, job_.site, unit_->compartment));
  if (!access.allowed) {
    return Refuse({"file: got one that this site may not write to, wanted one of its own",
                   "ask for the record to be shared with your team, then record this again"},
                  false);
  }
  if (bases.refusal) return Refuse(*bases.refusal, !access.new_file);
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t head, transaction_.Head());
  DOORSTEP_ASSIGN_OR_RETURN(const ReplacedVersions replaced,
                            ReadReplaced(schema_, states_, transaction_, *unit_));
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
  Decision decision = DecideUnit(question);
  if (decision.refusal) return Refuse(*decision.refusal, !access.new_file);
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

// Who withdraws, and why, goes into the history beside what was refused; no state changes. Asks for
// no access to the file: an author may always take back what was refused.
absl::StatusOr<UnitReceipt> Admission::Withdraw() {
  for (const ChangeData& change : unit_->changes) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::optional<UnitRow> row,
                              transaction_.UnitOf(change.resolves->change));
    if (!row || row->device != job_.device || !row->Refused()) {
      return Refuse(
          {"changes.resolves: got a change that this device has not or that was admitted, "
           "wanted one of its own that was refused",
           "nothing: it does not need to be withdrawn"},
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
  DOORSTEP_RETURN_IF_ERROR(transaction_.AddUnit(row));
  DOORSTEP_RETURN_IF_ERROR(
      AppendHistory(row, unit_->compartment.file, offered_.payload, transaction_, entropy_));
  // Others see it where they see the refusal.
  if (access.allowed && !access.new_file) DOORSTEP_RETURN_IF_ERROR(Index(sequence));
  summary_->devices.insert(job_.device);
  summary_->head = sequence;
  return Receipt(ReceiptStatus::kStored, sequence);
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

// A refusal is kept as safely as an admission: its author's words are in the history. Others see
// them there only if the author may write to the file.
absl::StatusOr<UnitReceipt> Admission::Refuse(const Refusal& refusal, bool may_write) {
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t sequence, transaction_.NextSequence());
  UnitRow row = Row(sequence);
  row.words = {Word::kRejected};
  row.reason = refusal.reason;
  row.what_to_do = refusal.what_to_do;
  row.times_ms = {job_.receipt_ms};
  row.uncertainty_ms = std::numeric_limits<int64_t>::max();
  DOORSTEP_RETURN_IF_ERROR(transaction_.AddUnit(row));
  const Uuid file = unit_ ? unit_->compartment.file : Uuid();
  DOORSTEP_RETURN_IF_ERROR(AppendHistory(row, file, offered_.payload, transaction_, entropy_));
  if (unit_ && may_write) DOORSTEP_RETURN_IF_ERROR(Index(sequence));
  summary_->devices.insert(job_.device);
  summary_->head = sequence;
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
  DOORSTEP_RETURN_IF_ERROR(transaction_.AddUnit(row));
  DOORSTEP_RETURN_IF_ERROR(
      AppendHistory(row, unit_->compartment.file, offered_.payload, transaction_, entropy_));
  DOORSTEP_RETURN_IF_ERROR(Index(sequence));
  DOORSTEP_ASSIGN_OR_RETURN(const CompartmentRef ref, transaction_.RefOf(unit_->compartment));
  DOORSTEP_RETURN_IF_ERROR(Tell(sequence, ref, decision.displaced));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<std::string> sites, transaction_.SitesOf(ref));
  summary_->sites.insert(sites.begin(), sites.end());
  summary_->devices.insert(job_.device);
  summary_->head = sequence;
  return Receipt(ReceiptStatus::kStored, sequence);
}

}  // namespace

absl::StatusOr<UnitReceipt> Ingest(const Schema& schema, const PushJob& job,
                                   const OfferedUnit& unit, const std::vector<EpochRow>& epochs,
                                   WriteTransaction& transaction, Entropy& entropy,
                                   CommitSummary* summary) {
  return Admission(schema, job, unit, epochs, transaction, entropy, summary).Run();
}

}  // namespace doorstep::server
