#include "client-lib/urgent.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "sync/base/link_limits.h"
#include "sync/base/status.h"
#include "sync/change/wire.h"

namespace doorstep::client {
namespace {

bool TouchesSafety(const Schema& schema, const Unit& unit) {
  return std::any_of(unit.changes.begin(), unit.changes.end(), [&](const ChangeData& change) {
    const KindSpec* kind = schema.Find(change.kind);
    return kind != nullptr &&
           std::any_of(change.edits.begin(), change.edits.end(), [&](const FieldEdit& edit) {
             const FieldSpec* field = kind->Find(edit.field);
             return field != nullptr && field->safety;
           });
  });
}

// The records to which a change refers.
std::vector<Uuid> Targets(const KindSpec& kind, const ChangeData& change) {
  std::vector<Uuid> targets;
  for (const FieldEdit& edit : change.edits) {
    const FieldSpec* field = kind.Find(edit.field);
    if (field == nullptr || field->reference.empty()) continue;
    const auto add = [&](const std::string& value) {
      const absl::StatusOr<Scalar> scalar = DecodeScalar(field->scalar, value);
      if (!scalar.ok() || !scalar->present) return;
      const absl::StatusOr<Uuid> target = Uuid::Parse(scalar->bytes);
      if (target.ok()) targets.push_back(*target);
    };
    add(edit.value);
    std::for_each(edit.adds.begin(), edit.adds.end(), add);
  }
  return targets;
}

// The waiting units on which one stands, and so on.
class Closure {
 public:
  explicit Closure(Store& store) : store_(store), outbox_(store) {}

  absl::Status PutFirst(int64_t place, const Unit& unit);

 private:
  absl::Status AddBeneath(int64_t place, const Unit& unit);
  absl::Status Add(int64_t place);

  Store& store_;
  Outbox outbox_;
  absl::flat_hash_set<int64_t> looked_at_;
  std::vector<int64_t> beneath_;                     // all of them are to go first
  std::vector<std::pair<int64_t, Unit>> undecided_;  // of which it is not known what they stand on
  size_t bytes_ = 0;
  bool too_much_ = false;
};

absl::Status Closure::Add(int64_t place) {
  if (place == 0 || too_much_ || !looked_at_.insert(place).second) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const OwnUnit own, outbox_.Load(place));
  const bool is_first = own.urgency == Urgency::kFirst || own.urgency == Urgency::kOffered;
  if (!own.waiting() || own.gone() || is_first) return absl::OkStatus();
  bytes_ += own.payload.size();
  too_much_ = own.urgency == Urgency::kInTurn || beneath_.size() >= kMaxUnitsBeneath ||
              bytes_ > kMaxBytesBeneath;
  if (too_much_) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(Unit unit, outbox_.Decode(own));
  beneath_.push_back(place);
  undecided_.emplace_back(place, std::move(unit));
  return absl::OkStatus();
}

absl::Status Closure::AddBeneath(int64_t place, const Unit& unit) {
  for (const ChangeData& change : unit.changes) {
    if (change.resolves.has_value()) {
      DOORSTEP_ASSIGN_OR_RETURN(const int64_t answered,
                                outbox_.WaitingWith(change.resolves->change));
      DOORSTEP_RETURN_IF_ERROR(Add(answered));
    }
    for (const ChangeId& id : change.seen) {
      DOORSTEP_ASSIGN_OR_RETURN(const int64_t seen, outbox_.WaitingWith(id));
      if (seen != place) DOORSTEP_RETURN_IF_ERROR(Add(seen));
    }
    if (!change.create) {
      DOORSTEP_ASSIGN_OR_RETURN(const std::vector<int64_t> units, outbox_.PendingOf(change.record));
      for (const int64_t earlier : units) {
        if (earlier < place) DOORSTEP_RETURN_IF_ERROR(Add(earlier));
      }
    }
    const KindSpec* kind = store_.schema().Find(change.kind);
    if (kind == nullptr) continue;
    for (const Uuid& target : Targets(*kind, change)) {
      // The oldest that waits has brought it into being, or else it is on the server.
      DOORSTEP_ASSIGN_OR_RETURN(const std::vector<int64_t> units, outbox_.PendingOf(target));
      if (!units.empty() && units.front() != place) DOORSTEP_RETURN_IF_ERROR(Add(units.front()));
    }
  }
  return absl::OkStatus();
}

absl::Status Closure::PutFirst(int64_t place, const Unit& unit) {
  looked_at_.insert(place);
  DOORSTEP_RETURN_IF_ERROR(AddBeneath(place, unit));
  while (!undecided_.empty() && !too_much_) {
    const auto [at, next] = std::move(undecided_.back());
    undecided_.pop_back();
    DOORSTEP_RETURN_IF_ERROR(AddBeneath(at, next));
  }
  if (too_much_) return outbox_.SetUrgency(place, Urgency::kInTurn);
  for (const int64_t each : beneath_) {
    DOORSTEP_RETURN_IF_ERROR(outbox_.SetUrgency(each, Urgency::kFirst));
  }
  return outbox_.SetUrgency(place, Urgency::kFirst);
}

}  // namespace

absl::Status PutFirst(Store& store, int64_t place, const Unit& unit) {
  if (!TouchesSafety(store.schema(), unit)) return absl::OkStatus();
  return Closure(store).PutFirst(place, unit);
}

absl::Status PutFirstAnew(Store& store) {
  Outbox outbox(store);
  DOORSTEP_RETURN_IF_ERROR(outbox.ForgetUrgency());
  return outbox.ForEach(Which::kWaiting, 0, [&](const OwnUnit& own) -> absl::StatusOr<bool> {
    if (own.gone()) return true;
    DOORSTEP_ASSIGN_OR_RETURN(const Unit unit, outbox.Decode(own));
    DOORSTEP_RETURN_IF_ERROR(PutFirst(store, own.unit, unit));
    return true;
  });
}

}  // namespace doorstep::client
