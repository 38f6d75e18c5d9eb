#include "server/pull_sources.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

// Rows read ahead: few at first, since most compartments have nothing new.
constexpr size_t kFirstChunk = 8;
constexpr size_t kNextChunk = 256;

// Of one compartment, items stand at
//   (since, membership, ref, 0, 0)              the grant
//   (since, membership, ref, sequence, record)  its records up to `since`
//   (sequence, record, ref, 0, record)          the later ones
class OfCompartment : public PullSource {
 public:
  OfCompartment(ReadView* view, const MembershipRow& held, uint64_t cursor, const Place& after)
      : view_(view), held_(held), cursor_(cursor), granted_(held.sequence > cursor) {
    const auto ref = static_cast<uint64_t>(held.ref);
    later_ = std::max(FeedPlace{cursor, kBeyondAll}, LaterAfter(after, ref));
    if (!granted_) return;
    later_ = std::max(later_, FeedPlace{held.sequence, kBeyondAll});
    const Place grant{held.sequence, kStageMembership, ref, 0, 0};
    const Place end{held.sequence, kStageMembership, ref, kBeyondAll, kBeyondAll};
    grant_due_ = after < grant;
    expanding_ = after < end;
    if (expanding_ && !grant_due_) earlier_ = FeedPlace{after.inner, after.row};
  }

  absl::StatusOr<uint64_t> Estimate(size_t exact) override {
    if (exhausted()) return 0;
    return view_->EstimateFeed(held_.ref, sent_, exact);
  }

 protected:
  absl::Status Fill(std::deque<PullItem>* items) override {
    if (grant_due_) {
      grant_due_ = false;
      PullItem item;
      item.what = PullItem::What::kGrant;
      item.place = {held_.sequence, kStageMembership, Ref(), 0, 0};
      item.membership = held_;
      items->push_back(std::move(item));
      return absl::OkStatus();
    }
    if (expanding_) {
      sent_ = earlier_;
      DOORSTEP_ASSIGN_OR_RETURN(const std::vector<FeedPlace> rows,
                                view_->Feed(held_.ref, earlier_, held_.sequence, Chunk()));
      for (const FeedPlace& row : rows) {
        Add({held_.sequence, kStageMembership, Ref(), row.sequence, row.record}, row, items);
      }
      if (!rows.empty()) {
        earlier_ = rows.back();
        return absl::OkStatus();
      }
      expanding_ = false;
    }
    sent_ = later_;
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<FeedPlace> rows,
                              view_->Feed(held_.ref, later_, kBeyondAll, Chunk()));
    for (const FeedPlace& row : rows) {
      Add({row.sequence, kStageRecord, Ref(), 0, row.record}, row, items);
    }
    if (!rows.empty()) later_ = rows.back();
    return absl::OkStatus();
  }

 private:
  // The last feed place whose own place is not after `after`.
  static FeedPlace LaterAfter(const Place& after, uint64_t ref) {
    if (after.stage == kStageRecord && after.compartment == ref) {
      return {after.sequence, after.row};
    }
    const bool passed =
        after.stage > kStageRecord || (after.stage == kStageRecord && after.compartment > ref);
    if (passed) return {after.sequence, kBeyondAll};
    return after.sequence == 0 ? FeedPlace{} : FeedPlace{after.sequence - 1, kBeyondAll};
  }

  uint64_t Ref() const { return static_cast<uint64_t>(held_.ref); }

  size_t Chunk() {
    const size_t chunk = probed_ ? kNextChunk : kFirstChunk;
    probed_ = true;
    return chunk;
  }

  void Add(const Place& place, const FeedPlace& row, std::deque<PullItem>* items) {
    PullItem item;
    item.place = place;
    item.membership = held_;
    item.record = row.record;
    item.floor = granted_ ? 0 : cursor_;
    items->push_back(std::move(item));
  }

  ReadView* view_;
  const MembershipRow held_;
  const uint64_t cursor_;
  const bool granted_;  // after the cursor
  bool grant_due_ = false;
  bool expanding_ = false;
  bool probed_ = false;
  FeedPlace earlier_;  // read so far of what the grant brings
  FeedPlace later_;    // read so far of what came after
  FeedPlace sent_;     // before the items that were read last
};

class OfLosses : public PullSource {
 public:
  OfLosses(ReadView* view, std::string site, const Place& after)
      : view_(view), site_(std::move(site)), after_(after) {}

 protected:
  absl::Status Fill(std::deque<PullItem>* items) override {
    if (read_) return absl::OkStatus();
    read_ = true;
    const uint64_t from = after_.sequence == 0 ? 0 : after_.sequence - 1;
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<MembershipRow> losses, view_->Losses(site_, from));
    for (const MembershipRow& loss : losses) {
      PullItem item;
      item.what = PullItem::What::kLoss;
      item.place = {loss.sequence, kStageMembership, static_cast<uint64_t>(loss.ref), 0, 0};
      item.membership = loss;
      if (item.place > after_) items->push_back(std::move(item));
    }
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<WithdrawalRow> withdrawals,
                              view_->Withdrawals(site_, from));
    for (const WithdrawalRow& row : withdrawals) {
      PullItem item;
      item.what = PullItem::What::kWithdrawal;
      item.place = {row.sequence, kStageMembership, static_cast<uint64_t>(row.ref), 0, 0};
      item.membership = {row.ref, row.compartment, row.sequence};
      item.withdrawn = row.record;
      if (item.place > after_) items->push_back(std::move(item));
    }
    // Each has a sequence of its own.
    std::sort(items->begin(), items->end(),
              [](const PullItem& a, const PullItem& b) { return a.place < b.place; });
    return absl::OkStatus();
  }

 private:
  ReadView* view_;
  const std::string site_;
  const Place after_;
  bool read_ = false;
};

class OfOutcomes : public PullSource {
 public:
  OfOutcomes(ReadView* view, const Uuid& device, const Place& after)
      : view_(view), device_(device), after_(after.sequence) {
    if (after.stage < kStageOutcome && after_ > 0) --after_;
  }

 protected:
  absl::Status Fill(std::deque<PullItem>* items) override {
    DOORSTEP_ASSIGN_OR_RETURN(std::vector<UnitRow> units,
                              view_->Outcomes(device_, after_, kNextChunk));
    for (UnitRow& unit : units) {
      after_ = unit.sequence;
      PullItem item;
      item.what = PullItem::What::kOutcome;
      item.place = {unit.sequence, kStageOutcome, 0, 0, 0};
      item.outcome = std::move(unit);
      items->push_back(std::move(item));
    }
    return absl::OkStatus();
  }

 private:
  ReadView* view_;
  const Uuid device_;
  uint64_t after_;
};

class OfNotices : public PullSource {
 public:
  OfNotices(ReadView* view, const Uuid& device, const std::vector<MembershipRow>& held,
            const Place& after)
      : view_(view), device_(device) {
    for (const MembershipRow& row : held) held_.insert(row.ref);
    if (after.stage == kStageNotice) {
      after_ = {after.sequence, after.inner};
    } else if (after.stage > kStageNotice || after.sequence == 0) {
      after_ = {after.sequence, kLastPlace};
    } else {
      after_ = {after.sequence - 1, kLastPlace};
    }
  }

 protected:
  absl::Status Fill(std::deque<PullItem>* items) override {
    while (items->empty()) {
      DOORSTEP_ASSIGN_OR_RETURN(const std::vector<NoticeRow> notices,
                                view_->Notices(device_, after_, kNextChunk));
      if (notices.empty()) return absl::OkStatus();
      after_ = {notices.back().sequence, notices.back().place};
      for (const NoticeRow& notice : notices) {
        if (!held_.contains(notice.compartment)) continue;
        PullItem item;
        item.what = PullItem::What::kNotice;
        item.place = {notice.sequence, kStageNotice, 0, notice.place, 0};
        item.notice = notice;
        items->push_back(std::move(item));
      }
    }
    return absl::OkStatus();
  }

 private:
  static constexpr uint64_t kLastPlace = std::numeric_limits<int64_t>::max();

  ReadView* view_;
  const Uuid device_;
  absl::flat_hash_set<CompartmentRef> held_;
  NoticePlace after_;
};

}  // namespace

absl::Status PullSource::Advance() {
  if (!items_.empty()) return absl::OkStatus();
  return Fill(&items_);
}

absl::StatusOr<uint64_t> PullSource::Estimate(size_t) { return 0; }

std::unique_ptr<PullSource> CompartmentSource(ReadView* view, const MembershipRow& held,
                                              uint64_t cursor, const Place& after) {
  return std::make_unique<OfCompartment>(view, held, cursor, after);
}

std::unique_ptr<PullSource> LossSource(ReadView* view, std::string site, const Place& after) {
  return std::make_unique<OfLosses>(view, std::move(site), after);
}

std::unique_ptr<PullSource> OutcomeSource(ReadView* view, const Uuid& device, const Place& after) {
  return std::make_unique<OfOutcomes>(view, device, after);
}

std::unique_ptr<PullSource> NoticeSource(ReadView* view, const Uuid& device,
                                         const std::vector<MembershipRow>& held,
                                         const Place& after) {
  return std::make_unique<OfNotices>(view, device, held, after);
}

}  // namespace doorstep::server
