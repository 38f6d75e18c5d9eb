// Broken twins of the server's store.
#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sync/merge/marks.h"
#include "sync/schema/schema.h"
#include "tests/sim/forwarding.h"
#include "tests/sim/plant_list.h"

namespace doorstep::sim {
namespace {

using server::ReadView;
using server::Store;
using server::UnitRow;
using server::WriteTransaction;

// A store whose transactions are of a class.
template <typename Twin>
std::function<std::unique_ptr<Store>(std::unique_ptr<Store>)> WritesOf() {
  return [](std::unique_ptr<Store> inner) -> std::unique_ptr<Store> {
    return std::make_unique<ForwardingStore>(
        std::move(inner), nullptr, [](std::unique_ptr<WriteTransaction> write, Store* store) {
          return std::make_unique<Twin>(std::move(write), store);
        });
  };
}

const FieldSpec* SpecOf(const RecordState& record, uint32_t field) {
  const KindSpec* kind = Schema::BuiltIn()->Find(record.kind);
  return kind == nullptr ? nullptr : kind->Find(field);
}

class Twin : public ForwardingWrite {
 public:
  Twin(std::unique_ptr<WriteTransaction> inner, Store* store)
      : ForwardingWrite(std::move(inner)), store_(store) {}

 protected:
  Store* store_;
};

// Of fields of one class the last head alone is kept.
template <MergeClass kClass>
class KeepsLast : public Twin {
 public:
  using Twin::Twin;
  absl::Status Save(const RecordState* before, const RecordState& after) override {
    RecordState less = after;
    for (FieldState& field : less.fields) {
      const FieldSpec* spec = SpecOf(after, field.field);
      if (spec == nullptr || spec->merge != kClass || field.heads.size() < 2) continue;
      field.heads.erase(field.heads.begin(), field.heads.end() - 1);
    }
    return inner_->Save(before, less);
  }
};

class ForgetsAgreed : public Twin {
 public:
  using Twin::Twin;
  absl::Status Save(const RecordState* before, const RecordState& after) override {
    RecordState less = after;
    for (FieldState& field : less.fields) {
      for (doorstep::Head& head : field.heads) head.agreed.reset();
    }
    return inner_->Save(before, less);
  }
};

// A removal takes adds that its author never saw.
class RemovesUnseen : public Twin {
 public:
  using Twin::Twin;
  absl::Status Save(const RecordState* before, const RecordState& after) override {
    RecordState less = after;
    for (FieldState& field : less.fields) {
      const FieldSpec* spec = SpecOf(after, field.field);
      const FieldState* was = before == nullptr ? nullptr : before->Find(field.field);
      if (spec == nullptr || !spec->is_set() || was == nullptr) continue;
      std::set<std::string> removed;
      for (const doorstep::Head& head : was->heads) {
        const auto same = [&](const doorstep::Head& h) {
          return h.id == head.id && h.value == head.value;
        };
        if (std::none_of(field.heads.begin(), field.heads.end(), same)) removed.insert(head.value);
      }
      std::erase_if(field.heads,
                    [&](const doorstep::Head& head) { return removed.contains(head.value); });
    }
    return inner_->Save(before, less);
  }
};

// A proposal to take an element out takes it out.
class RemovesUnreviewed : public Twin {
 public:
  using Twin::Twin;
  absl::Status Save(const RecordState* before, const RecordState& after) override {
    RecordState less = after;
    for (FieldState& field : less.fields) {
      std::set<std::string> removed;
      for (const doorstep::Head& head : field.heads) {
        if (head.IsProposal()) removed.insert(head.value);
      }
      std::erase_if(field.heads,
                    [&](const doorstep::Head& head) { return removed.contains(head.value); });
    }
    return inner_->Save(before, less);
  }
};

// A record that was hidden stays so, whatever is changed by people who had not seen that.
class HidesUnseen : public Twin {
 public:
  using Twin::Twin;
  absl::Status Save(const RecordState* before, const RecordState& after) override {
    RecordState less = after;
    if (less.Find(kHiddenField) == nullptr) return inner_->Save(before, less);
    for (doorstep::Head& mark : less.At(kHiddenField).heads) {
      if (!mark.value.empty()) mark.seen = HeadsToHide(after);
    }
    return inner_->Save(before, less);
  }
};

// The ledger is written after the commit that applied the unit.
class LedgerLater : public Twin {
 public:
  using Twin::Twin;
  absl::Status AddUnit(const UnitRow& unit) override {
    later_.push_back(unit);
    return absl::OkStatus();
  }
  absl::Status Commit() override {
    if (absl::Status status = inner_->Commit(); !status.ok() || later_.empty()) return status;
    inner_.reset();
    auto write = store_->Write();
    if (!write.ok()) return write.status();
    for (const UnitRow& unit : later_) {
      if (absl::Status status = (*write)->AddUnit(unit); !status.ok()) return status;
    }
    return (*write)->Commit();
  }

 private:
  std::vector<UnitRow> later_;
};

class AppliesRepeats : public Twin {
 public:
  using Twin::Twin;
  absl::StatusOr<std::optional<UnitRow>> FirstOverlap(const Uuid&, uint64_t, uint32_t) override {
    return std::optional<UnitRow>();
  }
  absl::Status AddUnit(const UnitRow& unit) override {
    const absl::Status status = inner_->AddUnit(unit);
    return absl::IsAlreadyExists(status) ? absl::OkStatus() : status;
  }
};

// The second record of a unit is not written.
class HalfUnits : public Twin {
 public:
  using Twin::Twin;
  absl::StatusOr<uint64_t> NextSequence() override {
    saved_ = 0;
    return inner_->NextSequence();
  }
  absl::Status Save(const RecordState* before, const RecordState& after) override {
    return ++saved_ == 2 ? absl::OkStatus() : inner_->Save(before, after);
  }

 private:
  int saved_ = 0;
};

// A change's time is that of its receipt, whatever its device said.
class TimesByReceipt : public Twin {
 public:
  using Twin::Twin;
  absl::Status Save(const RecordState* before, const RecordState& after) override {
    saves_.push_back({before == nullptr ? std::optional<RecordState>() : *before, after});
    return absl::OkStatus();
  }
  absl::Status AddUnit(const UnitRow& unit) override {
    for (Saved& save : saves_) {
      for (FieldState& field : save.after.fields) {
        for (doorstep::Head& head : field.heads) {
          if (head.sequence == unit.sequence) head.time_ms = unit.received_ms;
        }
        std::sort(field.heads.begin(), field.heads.end(), HeadBefore);
      }
      const absl::Status status = inner_->Save(save.before ? &*save.before : nullptr, save.after);
      if (!status.ok()) return status;
    }
    saves_.clear();
    UnitRow late = unit;
    late.times_ms = {unit.received_ms};
    return inner_->AddUnit(late);
  }

 private:
  struct Saved {
    std::optional<RecordState> before;
    RecordState after;
  };
  std::vector<Saved> saves_;
};

// Everybody may write everywhere.
class WritesAnywhere : public Twin {
 public:
  using Twin::Twin;
  absl::StatusOr<bool> IsMember(absl::string_view, server::CompartmentRef) override { return true; }
};

// Access is asked for when a unit arrives, not when it was made.
class ForgetsEnds : public Twin {
 public:
  using Twin::Twin;
  absl::StatusOr<std::optional<server::AccessEnd>> LastLoss(absl::string_view,
                                                            const Uuid&) override {
    return std::optional<server::AccessEnd>();
  }
};

// Who had access once has it for ever.
class NeverEnds : public Twin {
 public:
  using Twin::Twin;
  absl::StatusOr<std::optional<server::AccessEnd>> LastLoss(absl::string_view site,
                                                            const Uuid& file) override {
    auto end = inner_->LastLoss(site, file);
    if (end.ok() && end->has_value()) **end = {kAlways, std::numeric_limits<int64_t>::max()};
    return end;
  }

 private:
  static constexpr uint64_t kAlways = std::numeric_limits<uint64_t>::max();
};

// Bases that nobody has heard of count as known.
class TakesAnyBase : public Twin {
 public:
  using Twin::Twin;
  absl::StatusOr<std::optional<UnitRow>> UnitOf(const ChangeId& change) override {
    auto row = inner_->UnitOf(change);
    if (!row.ok() || row->has_value()) return row;
    UnitRow made;
    made.counter = change.counter;
    made.words = {Word::kApplied};
    made.times_ms = {0};
    return std::optional<UnitRow>(made);
  }
};

// What was refused is not worth keeping.
class ForgetsRefused : public Twin {
 public:
  using Twin::Twin;
  absl::Status AddUnit(const UnitRow& unit) override {
    refused_ = unit.Refused();
    return inner_->AddUnit(unit);
  }
  absl::Status AddHistory(const server::HistoryRow& row) override {
    return refused_ ? absl::OkStatus() : inner_->AddHistory(row);
  }

 private:
  bool refused_ = false;
};

// What is held waits for nothing that could come.
class HoldsForEver : public Twin {
 public:
  using Twin::Twin;
  absl::Status AddHeld(const server::HeldRow& held,
                       const std::vector<server::Awaited>& /*awaited*/) override {
    return inner_->AddHeld(held, {});
  }
};

// What was taken back while it was held stays held, and is applied when it can be.
class TakesNothingBack : public Twin {
 public:
  using Twin::Twin;
  absl::Status EndHeld(uint64_t sequence) override {
    ending_ = sequence;
    return absl::OkStatus();
  }
  absl::Status AddUnit(const UnitRow& unit) override {
    const uint64_t ending = std::exchange(ending_, 0);
    if (unit.WordOf(0) == Word::kWithdrawn) return absl::OkStatus();
    if (ending != 0) {
      if (absl::Status status = inner_->EndHeld(ending); !status.ok()) return status;
    }
    return inner_->AddUnit(unit);
  }

 private:
  uint64_t ending_ = 0;
};

// A withdrawal also takes the last version of a field of the record.
class WithdrawsTooMuch : public Twin {
 public:
  using Twin::Twin;
  absl::StatusOr<uint64_t> NextSequence() override {
    saved_ = false;
    return inner_->NextSequence();
  }
  absl::Status Save(const RecordState* before, const RecordState& after) override {
    saved_ = true;
    return inner_->Save(before, after);
  }
  absl::Status AddUnit(const UnitRow& unit) override {
    admitted_ = unit.WordOf(0) == Word::kApplied;
    return inner_->AddUnit(unit);
  }
  // Others see it beside what was refused: it is the one unit that is admitted and saves nothing.
  absl::Status AddHistoryOf(const Uuid& record, server::HistoryPlace place) override {
    const absl::Status status = inner_->AddHistoryOf(record, place);
    if (!status.ok() || saved_ || !admitted_) return status;
    const auto stored = inner_->Load(record);
    if (!stored.ok() || !stored->has_value() || (*stored)->fields.empty()) return stored.status();
    RecordState less = **stored;
    FieldState& last = less.fields.back();
    last.heads.pop_back();
    last.sequence = place.sequence;
    if (last.heads.empty()) less.fields.pop_back();
    return inner_->Save(&**stored, less);
  }

 private:
  bool saved_ = false;
  bool admitted_ = false;
};

// Nobody is told whom a change has displaced.
class TellsNobody : public Twin {
 public:
  using Twin::Twin;
  absl::Status AddNotice(const server::NoticeRow& /*notice*/) override { return absl::OkStatus(); }
};

// Who holds what is looked up now and then, not for each batch.
class StaleMembership : public ForwardingView {
 public:
  using Cache = std::map<std::string, std::pair<int, std::vector<server::MembershipRow>>>;
  StaleMembership(std::unique_ptr<ReadView> inner, std::shared_ptr<Cache> cache)
      : ForwardingReading(std::move(inner)), cache_(std::move(cache)) {}

  absl::StatusOr<std::vector<server::MembershipRow>> Memberships(absl::string_view site) override {
    constexpr int kUses = 6;
    auto& [uses, rows] = (*cache_)[std::string(site)];
    if (uses++ % kUses == 0) {
      auto now = inner_->Memberships(site);
      if (!now.ok()) return now;
      rows = *now;
    }
    return rows;
  }

 private:
  std::shared_ptr<Cache> cache_;
};

std::unique_ptr<Store> WithStaleMembership(std::unique_ptr<Store> inner) {
  auto cache = std::make_shared<StaleMembership::Cache>();
  return std::make_unique<ForwardingStore>(
      std::move(inner),
      [cache](std::unique_ptr<ReadView> view) {
        return std::make_unique<StaleMembership>(std::move(view), cache);
      },
      nullptr);
}

}  // namespace

std::vector<Plant> ServerPlants() {
  std::vector<Plant> plants;
  const auto add = [&](const char* name, const char* rule, int within, const char* what,
                       std::function<std::unique_ptr<Store>(std::unique_ptr<Store>)> store) {
    Plant& plant = plants.emplace_back();
    plant.name = name;
    plant.rule = rule;
    plant.what = what;
    plant.within = within;
    plant.store = std::move(store);
  };
  add("last-writer-wins", "R1", 20, "of a REVIEW field the last head alone is kept",
      WritesOf<KeepsLast<MergeClass::kReview>>());
  add("text-overwritten", "R2", 10, "of a TEXT field the last head alone is kept",
      WritesOf<KeepsLast<MergeClass::kText>>());
  add("agreed-forgotten", "R2", 10, "the value that both sides knew is not kept with a head",
      WritesOf<ForgetsAgreed>());
  add("ledger-outside", "R5", 130, "an outcome is stored after the commit that applied the unit",
      WritesOf<LedgerLater>());
  add("held-for-ever", "R5", 110, "what is held stays so when all that it waits for has come",
      WritesOf<HoldsForEver>());
  add("withdrawn-applied", "R5", 70, "what was taken back while it was held is applied after all",
      WritesOf<TakesNothingBack>());
  add("withdraws-too-much", "R5", 30, "a withdrawal takes a version of the record with it",
      WritesOf<WithdrawsTooMuch>());
  add("untold", "R12", 20, "whose version was displaced is told nothing", WritesOf<TellsNobody>());
  add("repeat-applied", "R3", 10, "a unit that comes again is applied again",
      WritesOf<AppliesRepeats>());
  add("receipt-time", "R4", 10, "a change has the time of its receipt", WritesOf<TimesByReceipt>());
  add("stale-membership", "R7", 10,
      "who may see what is looked up before a batch is sent, not then", WithStaleMembership);
  add("half-unit", "R8", 60, "one record of a unit is not written", WritesOf<HalfUnits>());
  add("state-overwritten", "R9", 20, "of concurrent transitions the last alone is kept",
      WritesOf<KeepsLast<MergeClass::kState>>());
  add("refused-forgotten", "R10", 10, "what was refused is not in the history",
      WritesOf<ForgetsRefused>());
  add("remove-wins", "R13", 20, "a removal takes adds that its author had not seen",
      WritesOf<RemovesUnseen>());
  add("removal-unreviewed", "R13", 150, "what somebody proposes to take out is taken out",
      WritesOf<RemovesUnreviewed>());
  add("hidden-for-good", "R14", 60, "a hidden record stays so when somebody changes it unseen",
      WritesOf<HidesUnseen>());
  add("twin-overwritten", "R15", 60, "of two registrations under one id the last alone is kept",
      WritesOf<KeepsLast<MergeClass::kImmutable>>());
  add("write-anywhere", "R21", 10, "who may not see a file may write to it",
      WritesOf<WritesAnywhere>());
  add("before-refused", "R21", 60, "what was made before access ended is refused",
      WritesOf<ForgetsEnds>());
  add("after-applied", "R21", 60, "what was made after access had ended is applied",
      WritesOf<NeverEnds>());
  Plant& order = plants.emplace_back();
  order.name = "any-base";
  order.rule = "R9";
  order.what = "a unit is admitted before what it names as base";
  order.within = 10;
  order.store = WritesOf<TakesAnyBase>();
  order.transport = ReorderedUnits;
  Plant& unsynced = plants.emplace_back();
  unsynced.name = "server-unsynced";
  unsynced.rule = "R3";
  unsynced.what = "a receipt comes before the commit is on the disk";
  unsynced.within = 25;
  unsynced.server_sync = DatabaseOptions::Sync::kOff;
  return plants;
}

}  // namespace doorstep::sim
