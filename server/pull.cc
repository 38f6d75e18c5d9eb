#include "server/pull.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/epoch.h"
#include "server/errors.h"
#include "server/membership.h"
#include "server/pull_sources.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/change/pack.h"
#include "sync/change/row_codec.h"

namespace doorstep::server {
namespace {

constexpr size_t kFirstPullChunk = 256;
// In a first pull losses stand after all compartments.
constexpr uint64_t kLossesPlace = std::numeric_limits<int64_t>::max() - 2;
// Outcomes after those.
constexpr uint64_t kOutcomesPlace = std::numeric_limits<int64_t>::max() - 1;
// And notices after those.
constexpr uint64_t kNoticesPlace = std::numeric_limits<int64_t>::max();
// Rows counted exactly for the estimate of what is still to come.
constexpr uint64_t kExactEstimate = 2000;
// Bytes on the wire of a membership, and of an outcome beside its texts, about.
constexpr size_t kMembershipBytes = 32;
constexpr size_t kWithdrawalBytes = 24;
constexpr size_t kOutcomeBytes = 80;
constexpr size_t kNoticeBytes = 64;

void SetPosition(const Place& place, v1::Position* out) {
  out->set_sequence(place.sequence);
  out->set_stage(place.stage);
  out->set_compartment(place.compartment);
  out->set_inner(place.inner);
  out->set_row(place.row);
}

// Gathers rows up to the limits of a batch.
class Batch {
 public:
  Batch(size_t max_bytes, size_t max_items)
      : max_bytes_(max_bytes), max_items_(max_items), writer_(&rows_) {}

  bool full() const { return bytes_ >= max_bytes_ || items_ >= max_items_; }
  const v1::PullRows& rows() const { return rows_; }

  // False: the item does not fit any more, and was not added. The first one always fits.
  absl::StatusOr<bool> Add(ReadView& view, const PullItem& item) {
    if (full()) return false;
    switch (item.what) {
      case PullItem::What::kGrant:
      case PullItem::What::kLoss:
        AddMembership(item.membership, item.what == PullItem::What::kLoss);
        return true;
      case PullItem::What::kWithdrawal:
        AddWithdrawal(item);
        return true;
      case PullItem::What::kOutcome:
        AddOutcome(item.outcome);
        return true;
      case PullItem::What::kNotice:
        AddNotice(item.notice);
        return true;
      case PullItem::What::kRecord:
        return AddRecord(view, item);
    }
    return absl::InternalError("an item of no kind");
  }

 private:
  void AddMembership(const MembershipRow& row, bool taken) {
    v1::Membership* out = rows_.add_memberships();
    out->set_compartment(writer_.Compartment(row.compartment));
    out->set_sequence(row.sequence);
    out->set_taken(taken);
    Count(kMembershipBytes);
  }

  void AddWithdrawal(const PullItem& item) {
    v1::Withdrawal* out = rows_.add_withdrawals();
    out->set_record(std::string(item.withdrawn.AsBytes()));
    out->set_sequence(item.membership.sequence);
    Count(kWithdrawalBytes);
  }

  void AddOutcome(const UnitRow& unit) {
    v1::Outcome* out = rows_.add_outcomes();
    out->set_incarnation(writer_.Incarnation(unit.incarnation));
    out->set_counter(unit.counter);
    out->set_sequence(unit.sequence);
    out->set_hash(unit.hash);
    for (const Word word : unit.words) {
      out->add_words(static_cast<v1::Outcome::Word>(word));
    }
    out->set_reason(unit.reason);
    out->set_what_to_do(unit.what_to_do);
    out->set_time_ms(unit.TimeOf(0));
    out->set_received_ms(unit.received_ms);
    Count(kOutcomeBytes + unit.words.size() + unit.reason.size() + unit.what_to_do.size());
  }

  void AddNotice(const NoticeRow& row) {
    v1::Displacement* out = rows_.add_displacements();
    out->set_sequence(row.sequence);
    out->set_record(std::string(row.record.AsBytes()));
    out->set_kind(row.kind);
    out->set_field(row.field);
    out->set_incarnation(writer_.Incarnation(row.what.change.incarnation));
    out->set_counter(row.what.change.counter);
    out->set_author(writer_.Author(row.what.author));
    out->set_by_incarnation(writer_.Incarnation(row.what.by.incarnation));
    out->set_by_counter(row.what.by.counter);
    out->set_by_author(writer_.Author(row.what.by_author));
    out->set_by_time_ms(row.what.by_time_ms);
    out->set_word(static_cast<v1::Outcome::Word>(row.what.word));
    Count(kNoticeBytes);
  }

  absl::StatusOr<bool> AddRecord(ReadView& view, const PullItem& item) {
    DOORSTEP_ASSIGN_OR_RETURN(const RecordState state, view.LoadAt(item.record));
    if (state.compartment != item.membership.compartment) {
      return absl::DataLossError(
          absl::StrCat("feed: record ", state.id.ToString(), " stands in another compartment"));
    }
    const size_t bytes = writer_.AddRecord(state, item.floor);
    if (bytes == 0) return true;
    if (items_ > 0 && bytes_ + bytes > max_bytes_) {
      rows_.mutable_records()->RemoveLast();
      return false;
    }
    Count(bytes);
    return true;
  }

  void Count(size_t bytes) {
    bytes_ += bytes;
    ++items_;
  }

  const size_t max_bytes_;
  const size_t max_items_;
  v1::PullRows rows_;
  RowWriter writer_;
  size_t bytes_ = 0;
  size_t items_ = 0;
};

absl::Status Beyond(absl::string_view path, uint64_t got, uint64_t head) {
  return ForCaller(absl::FailedPreconditionError(
      absl::StrCat("PullRequest.", path, ": got ", got, ", wanted at most ", head,
                   ": this replica has seen what this server does not have")));
}

class Puller {
 public:
  Puller(ReadView& view, const PullQuestion& question)
      : view_(view), q_(question), batch_(question.max_bytes, question.max_items) {}

  absl::StatusOr<v1::PullBatch> Run();

 private:
  absl::Status Normal();
  absl::Status First();
  absl::StatusOr<bool> Stream(const MembershipRow& held, FeedPlace after, Place* last);
  absl::StatusOr<bool> FirstOutcomes(uint64_t from, Place* last);
  absl::StatusOr<bool> FirstNotices(uint64_t from, Place* last);
  absl::StatusOr<bool> FirstLosses(uint64_t from, Place* last);
  absl::Status EstimateFirst(size_t at, const Place& last);
  absl::Status FinishAtHead();

  ReadView& view_;
  const PullQuestion& q_;
  uint64_t head_ = 0;
  std::vector<MembershipRow> held_;
  Batch batch_;
  v1::PullBatch out_;
};

absl::StatusOr<v1::PullBatch> Puller::Run() {
  DOORSTEP_ASSIGN_OR_RETURN(head_, view_.Head());
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t epoch, view_.Epoch());
  out_.set_epoch(epoch);
  if (q_.cursor > head_) return Beyond("cursor", q_.cursor, head_);
  if (q_.first_from > head_) return Beyond("first_from", q_.first_from, head_);
  if (q_.resumed && q_.position.sequence > head_) {
    return Beyond("position.sequence", q_.position.sequence, head_);
  }
  DOORSTEP_ASSIGN_OR_RETURN(const HistoryRow end, view_.HistoryEnd());
  out_.set_history_end(EncodeHistoryEnd(end));
  DOORSTEP_ASSIGN_OR_RETURN(held_, HeldBy(view_, q_.site));
  DOORSTEP_RETURN_IF_ERROR(q_.first ? First() : Normal());
  Pack(batch_.rows(), q_.accept_zstd, out_.mutable_rows());
  return std::move(out_);
}

struct LaterPlace {
  bool operator()(const PullSource* a, const PullSource* b) const {
    return a->Next().place > b->Next().place;
  }
};

absl::Status Puller::Normal() {
  Place after{q_.cursor, kStageEnd, 0, 0, 0};
  if (q_.resumed) after = std::max(after, q_.position);
  std::vector<std::unique_ptr<PullSource>> sources;
  for (const MembershipRow& held : held_) {
    sources.push_back(CompartmentSource(&view_, held, q_.cursor, after));
  }
  sources.push_back(LossSource(&view_, q_.site, after));
  sources.push_back(OutcomeSource(&view_, q_.device, after));
  sources.push_back(NoticeSource(&view_, q_.device, held_, after));
  std::priority_queue<PullSource*, std::vector<PullSource*>, LaterPlace> next;
  for (const auto& source : sources) {
    DOORSTEP_RETURN_IF_ERROR(source->Advance());
    if (!source->exhausted()) next.push(source.get());
  }
  while (!next.empty()) {
    PullSource* source = next.top();
    DOORSTEP_ASSIGN_OR_RETURN(const bool added, batch_.Add(view_, source->Next()));
    if (!added) break;
    next.pop();
    after = source->Next().place;
    source->Pop();
    DOORSTEP_RETURN_IF_ERROR(source->Advance());
    if (!source->exhausted()) next.push(source);
  }
  if (next.empty()) return FinishAtHead();
  SetPosition(after, out_.mutable_next());
  uint64_t remaining = 0;
  for (const auto& source : sources) {
    const uint64_t exact = kExactEstimate - std::min(remaining, kExactEstimate - 1);
    DOORSTEP_ASSIGN_OR_RETURN(const uint64_t more, source->Estimate(exact));
    remaining += more;
  }
  out_.set_remaining(std::max<uint64_t>(remaining, 1));
  return absl::OkStatus();
}

absl::Status Puller::FinishAtHead() {
  out_.set_complete(true);
  out_.set_checkpoint(head_);
  SetPosition({head_, kStageEnd, 0, 0, 0}, out_.mutable_next());
  Digest sum;
  for (const MembershipRow& held : held_) {
    DOORSTEP_ASSIGN_OR_RETURN(const CompartmentTotals totals, view_.Totals(held.ref));
    sum.Add(DigestOf(held.compartment, totals.digest));
    if (!q_.with_compartment_digests) continue;
    v1::CompartmentDigest* digest = out_.add_compartment_digests();
    digest->set_file(std::string(held.compartment.file.AsBytes()));
    digest->set_tier(held.compartment.tier);
    digest->set_digest(totals.digest.ToBytes());
    digest->set_records(totals.records);
  }
  out_.set_digest(sum.ToBytes());
  return absl::OkStatus();
}

// Sends the records of one compartment. True when all are sent; `last` is the last place sent.
absl::StatusOr<bool> Puller::Stream(const MembershipRow& held, FeedPlace after, Place* last) {
  PullItem item;
  item.membership = held;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<FeedPlace> rows,
                              view_.Feed(held.ref, after, kBeyondAll, kFirstPullChunk));
    if (rows.empty()) return true;
    for (const FeedPlace& row : rows) {
      item.record = row.record;
      DOORSTEP_ASSIGN_OR_RETURN(const bool added, batch_.Add(view_, item));
      if (!added) return false;
      *last = {last->sequence, kStageFirst, static_cast<uint64_t>(held.ref), row.sequence,
               row.record};
    }
    after = rows.back();
  }
}

// The device's outcomes up to where the normal pull will begin, after all records, so that nothing
// that it waits for is lost. True when all are sent.
absl::StatusOr<bool> Puller::FirstOutcomes(uint64_t from, Place* last) {
  uint64_t after = last->compartment == kOutcomesPlace ? last->inner : 0;
  PullItem item;
  item.what = PullItem::What::kOutcome;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(std::vector<UnitRow> units,
                              view_.Outcomes(q_.device, after, kFirstPullChunk));
    for (UnitRow& unit : units) {
      if (unit.sequence > from) return true;
      after = unit.sequence;
      item.outcome = std::move(unit);
      DOORSTEP_ASSIGN_OR_RETURN(const bool added, batch_.Add(view_, item));
      if (!added) return false;
      *last = {last->sequence, kStageFirst, kOutcomesPlace, after, 0};
    }
    if (units.empty()) return true;
  }
}

// The same for notices.
absl::StatusOr<bool> Puller::FirstNotices(uint64_t from, Place* last) {
  Place after{0, kStageEnd, 0, 0, 0};
  if (last->compartment == kNoticesPlace) after = {last->inner, kStageNotice, 0, last->row, 0};
  const std::unique_ptr<PullSource> source = NoticeSource(&view_, q_.device, held_, after);
  while (true) {
    DOORSTEP_RETURN_IF_ERROR(source->Advance());
    if (source->exhausted() || source->Next().notice.sequence > from) return true;
    const NoticeRow& notice = source->Next().notice;
    DOORSTEP_ASSIGN_OR_RETURN(const bool added, batch_.Add(view_, source->Next()));
    if (!added) return false;
    *last = {last->sequence, kStageFirst, kNoticesPlace, notice.sequence, notice.place};
    source->Pop();
  }
}

// What the site lost and does not hold, and what was withdrawn: somebody may have written there
// before this device heard of it, or its replica is sent everything again.
absl::StatusOr<bool> Puller::FirstLosses(uint64_t from, Place* last) {
  Place after{0, kStageEnd, 0, 0, 0};
  if (last->compartment == kLossesPlace) {
    after = {last->inner, kStageMembership, last->row, 0, 0};
  }
  const std::unique_ptr<PullSource> source = LossSource(&view_, q_.site, after);
  while (true) {
    DOORSTEP_RETURN_IF_ERROR(source->Advance());
    if (source->exhausted() || source->Next().membership.sequence > from) return true;
    const MembershipRow& loss = source->Next().membership;
    // A record that was withdrawn is gone although its place is held.
    const bool whole = source->Next().what == PullItem::What::kLoss;
    const bool held =
        whole && std::any_of(held_.begin(), held_.end(),
                             [&](const MembershipRow& row) { return row.ref == loss.ref; });
    if (!held) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool added, batch_.Add(view_, source->Next()));
      if (!added) return false;
    }
    *last = {last->sequence, kStageFirst, kLossesPlace, loss.sequence,
             static_cast<uint64_t>(loss.ref)};
    source->Pop();
  }
}

// Compartments that came after the first batch began are left to the normal pull.
absl::Status Puller::First() {
  const uint64_t from = q_.first_from == 0 ? head_ : q_.first_from;
  out_.set_first_from(from);
  Place last{from, kStageFirst, 0, 0, 0};
  if (q_.resumed) last = q_.position;
  for (size_t i = 0; i < held_.size(); ++i) {
    const MembershipRow& held = held_[i];
    const auto ref = static_cast<uint64_t>(held.ref);
    if (ref < last.compartment || held.sequence > from) continue;
    FeedPlace after;
    if (ref == last.compartment) {
      after = {last.inner, last.row};
    } else {
      PullItem grant;
      grant.what = PullItem::What::kGrant;
      grant.membership = held;
      DOORSTEP_ASSIGN_OR_RETURN(const bool added, batch_.Add(view_, grant));
      if (!added) return EstimateFirst(i, last);
      last = {last.sequence, kStageFirst, ref, 0, 0};
    }
    DOORSTEP_ASSIGN_OR_RETURN(const bool all, Stream(held, after, &last));
    if (!all) return EstimateFirst(i, last);
  }
  bool all = true;
  if (last.compartment < kOutcomesPlace) {
    DOORSTEP_ASSIGN_OR_RETURN(all, FirstLosses(from, &last));
  }
  if (all && last.compartment < kNoticesPlace) {
    DOORSTEP_ASSIGN_OR_RETURN(all, FirstOutcomes(from, &last));
  }
  if (all) {
    DOORSTEP_ASSIGN_OR_RETURN(all, FirstNotices(from, &last));
  }
  if (!all) {
    SetPosition(last, out_.mutable_next());
    out_.set_remaining(1);
    return absl::OkStatus();
  }
  out_.set_first_done(true);
  SetPosition({from, kStageEnd, 0, 0, 0}, out_.mutable_next());
  return absl::OkStatus();
}

absl::Status Puller::EstimateFirst(size_t at, const Place& last) {
  SetPosition(last, out_.mutable_next());
  const FeedPlace sent = static_cast<uint64_t>(held_[at].ref) == last.compartment
                             ? FeedPlace{last.inner, last.row}
                             : FeedPlace{};
  DOORSTEP_ASSIGN_OR_RETURN(uint64_t remaining,
                            view_.EstimateFeed(held_[at].ref, sent, kExactEstimate));
  for (size_t i = at + 1; i < held_.size(); ++i) {
    DOORSTEP_ASSIGN_OR_RETURN(const CompartmentTotals totals, view_.Totals(held_[i].ref));
    remaining += totals.records;
  }
  out_.set_remaining(std::max<uint64_t>(remaining, 1));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::PullBatch> PullOneBatch(ReadView& view, const PullQuestion& question) {
  return Puller(view, question).Run();
}

}  // namespace doorstep::server
