#include "server/bases.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "server/history.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/change/unit_codec.h"

namespace doorstep::server {
namespace {

Refusal TooMany() {
  return {"bases: got more refused changes than are followed, wanted fewer",
          "look at the record as it is now, then record this again"};
}

class Resolver {
 public:
  Resolver(const Schema& schema, const RecordStates& states, std::optional<uint64_t> restored,
           ReadView& view, Unit* unit)
      : schema_(schema), states_(states), restored_(restored), view_(view), unit_(*unit) {
    for (const auto& [id, state] : states) {
      for (const FieldState& field : state.fields) {
        for (const Head& head : field.heads) heads_.insert(head.id);
      }
    }
  }

  absl::StatusOr<Bases> Resolve();

 private:
  // What is known of a change that is no head.
  enum class Fate { kMissing, kAdmitted, kRefused, kLost };
  // What a refused change had as base, field by field.
  struct Refused {
    Uuid record;
    std::vector<std::pair<uint32_t, std::vector<ChangeId>>> bases;
  };

  bool done() const { return result_.refusal.has_value(); }
  absl::StatusOr<Fate> FateOf(const ChangeId& id);
  absl::StatusOr<std::optional<Unit>> Read(const UnitRow& row);
  absl::Status LoadRefused(const UnitRow& row);
  void AddSeenHeads(const Uuid& record, uint32_t field, std::vector<ChangeId>* base) const;
  absl::Status LoadStates(const ChangeId& id);
  absl::Status ResolveBase(const Uuid& record, uint32_t field, std::vector<ChangeId>* base);
  absl::Status ResolveRemovals(FieldEdit* edit);

  const Schema& schema_;
  const RecordStates& states_;
  const std::optional<uint64_t> restored_;
  ReadView& view_;
  Unit& unit_;
  absl::flat_hash_set<ChangeId> heads_;
  absl::flat_hash_map<ChangeId, Fate> fates_;
  absl::flat_hash_map<ChangeId, Refused> refused_;
  absl::flat_hash_set<uint64_t> loaded_;  // sequences of refused units
  size_t loaded_bytes_ = 0;
  size_t inherited_ = 0;
  Bases result_;
};

absl::StatusOr<Resolver::Fate> Resolver::FateOf(const ChangeId& id) {
  if (heads_.contains(id)) return Fate::kAdmitted;
  if (id.incarnation == unit_.incarnation && id.counter >= unit_.counter) {
    return Fate::kAdmitted;  // an earlier change of this unit
  }
  if (const auto it = fates_.find(id); it != fates_.end()) return it->second;
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<UnitRow> row, view_.UnitOf(id));
  Fate fate = Fate::kMissing;
  // A device names others' changes only after this server has told it of them: a restored one has
  // lost this one.
  if (!row && restored_ && id.incarnation != unit_.incarnation) fate = Fate::kLost;
  if (row && row->Refused()) {
    fate = Fate::kRefused;
    DOORSTEP_RETURN_IF_ERROR(LoadRefused(*row));
  } else if (row && !row->Held()) {
    fate = Fate::kAdmitted;
    const auto change = static_cast<uint32_t>(id.counter - row->counter);
    result_.times_ms.emplace(id, row->TimeOf(change));
  }
  if (fate == Fate::kMissing) result_.missing.push_back(id);
  fates_.emplace(id, fate);
  return fate;
}

// An earlier unit from the history; none when it cannot be read any more, or when as much has been
// read for this unit as may be.
absl::StatusOr<std::optional<Unit>> Resolver::Read(const UnitRow& row) {
  std::optional<Unit> none;
  if (loaded_.size() > kMaxInheritedUnits || loaded_bytes_ > kMaxInheritedBytes) return none;
  return ReadUnit(schema_, row, view_, &loaded_bytes_);
}

// Remembers what an admitted change that is no head set STATE fields to. When too much would have
// to be read, its followers' transitions are not checked.
absl::Status Resolver::LoadStates(const ChangeId& id) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<UnitRow> row, view_.UnitOf(id));
  if (!row || row->Refused() || row->Held() || !loaded_.insert(row->sequence).second) {
    return absl::OkStatus();
  }
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<Unit> unit, Read(*row));
  if (!unit) return absl::OkStatus();
  for (const ChangeData& change : unit->changes) {
    const KindSpec* kind = schema_.Find(change.kind);
    for (const FieldEdit& edit : change.edits) {
      const FieldSpec* field = kind == nullptr ? nullptr : kind->Find(edit.field);
      if (field == nullptr || field->merge != MergeClass::kState) continue;
      result_.values.emplace(std::pair(change.id, edit.field), edit.value);
    }
  }
  return absl::OkStatus();
}

// Remembers the bases of a refused unit's changes. A payload that cannot be read any more has none.
absl::Status Resolver::LoadRefused(const UnitRow& row) {
  if (!loaded_.insert(row.sequence).second) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<Unit> unit, Read(row));
  if (loaded_.size() > kMaxInheritedUnits || loaded_bytes_ > kMaxInheritedBytes) {
    result_.refusal = TooMany();
    return absl::OkStatus();
  }
  if (!unit) return absl::OkStatus();
  for (ChangeData& change : unit->changes) {
    Refused& refused = refused_[change.id];
    refused.record = change.record;
    for (FieldEdit& edit : change.edits) {
      if (!edit.base.empty()) refused.bases.emplace_back(edit.field, std::move(edit.base));
    }
  }
  return absl::OkStatus();
}

void Resolver::AddSeenHeads(const Uuid& record, uint32_t field, std::vector<ChangeId>* base) const {
  const auto state = states_.find(record);
  const FieldState* stored = state == states_.end() ? nullptr : state->second.Find(field);
  if (stored == nullptr) return;
  for (const Head& head : stored->heads) {
    if (head.sequence <= *restored_) base->push_back(head.id);
  }
}

// A refused id gives way to its own bases, and so on; each id is looked at once, so it ends.
absl::Status Resolver::ResolveBase(const Uuid& record, uint32_t field,
                                   std::vector<ChangeId>* base) {
  std::vector<ChangeId> rest = std::move(*base);
  absl::flat_hash_set<ChangeId> seen(rest.begin(), rest.end());
  base->clear();
  while (!rest.empty()) {
    const ChangeId id = rest.back();
    rest.pop_back();
    DOORSTEP_ASSIGN_OR_RETURN(const Fate fate, FateOf(id));
    if (done()) return absl::OkStatus();
    if (fate == Fate::kMissing) continue;
    if (fate == Fate::kAdmitted) {
      base->push_back(id);
      continue;
    }
    if (fate == Fate::kLost) {
      result_.lost.emplace_back(id, field);
      AddSeenHeads(record, field, base);
      continue;
    }
    const auto refused = refused_.find(id);
    if (refused == refused_.end() || refused->second.record != record) continue;
    for (const auto& [number, ids] : refused->second.bases) {
      if (number != field) continue;
      for (const ChangeId& inherited : ids) {
        if (!seen.insert(inherited).second) continue;
        rest.push_back(inherited);
        if (++inherited_ > kMaxInheritedBases) result_.refusal = TooMany();
      }
    }
  }
  std::sort(base->begin(), base->end());
  base->erase(std::unique(base->begin(), base->end()), base->end());
  return absl::OkStatus();
}

absl::Status Resolver::ResolveRemovals(FieldEdit* edit) {
  for (FieldEdit::Removal& removal : edit->removals) {
    std::vector<ChangeId> admitted;
    for (const ChangeId& id : removal.adds) {
      DOORSTEP_ASSIGN_OR_RETURN(const Fate fate, FateOf(id));
      if (done()) return absl::OkStatus();
      if (fate == Fate::kAdmitted) admitted.push_back(id);
    }
    removal.adds = std::move(admitted);
  }
  return absl::OkStatus();
}

absl::StatusOr<Bases> Resolver::Resolve() {
  for (ChangeData& change : unit_.changes) {
    for (FieldEdit& edit : change.edits) {
      const size_t lost = result_.lost.size();
      DOORSTEP_RETURN_IF_ERROR(ResolveBase(change.record, edit.field, &edit.base));
      if (result_.lost.size() > lost) result_.unchecked.emplace(change.id, edit.field);
      if (!done()) DOORSTEP_RETURN_IF_ERROR(ResolveRemovals(&edit));
      if (done()) return std::move(result_);
    }
  }
  // Last, so that what is read for it takes nothing from what refused changes need.
  for (const ChangeData& change : unit_.changes) {
    const KindSpec* kind = schema_.Find(change.kind);
    for (const FieldEdit& edit : change.edits) {
      const FieldSpec* field = kind == nullptr ? nullptr : kind->Find(edit.field);
      if (field == nullptr || field->merge != MergeClass::kState) continue;
      for (const ChangeId& id : edit.base) {
        if (!heads_.contains(id)) DOORSTEP_RETURN_IF_ERROR(LoadStates(id));
      }
    }
  }
  return std::move(result_);
}

}  // namespace

absl::StatusOr<Bases> ResolveBases(const Schema& schema, const RecordStates& states,
                                   std::optional<uint64_t> restored, ReadView& view, Unit* unit) {
  return Resolver(schema, states, restored, view, unit).Resolve();
}

}  // namespace doorstep::server
