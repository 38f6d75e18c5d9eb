#include "server/seen.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/node_hash_map.h"
#include "server/history.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/change/unit_codec.h"

namespace doorstep::server {
namespace {

class Reader {
 public:
  Reader(const Schema& schema, ReadView& view) : schema_(schema), view_(view) {}

  absl::Status Read(const ChangeId& id);
  ReplacedVersions Take() { return std::move(found_); }

 private:
  const Schema& schema_;
  ReadView& view_;
  absl::flat_hash_set<uint64_t> units_;  // sequences
  size_t bytes_ = 0;
  ReplacedVersions found_;
};

absl::Status Reader::Read(const ChangeId& id) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<UnitRow> row, view_.UnitOf(id));
  if (!row || row->Refused() || row->Held() || units_.size() >= kMaxInheritedUnits ||
      bytes_ >= kMaxInheritedBytes || !units_.insert(row->sequence).second) {
    return absl::OkStatus();
  }
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<Unit> unit, ReadUnit(schema_, *row, view_, &bytes_));
  if (!unit) return absl::OkStatus();
  for (ChangeData& change : unit->changes) {
    for (FieldEdit& edit : change.edits) {
      SeenVersion version{row->author, std::move(edit.value), change.settle.has_value()};
      if (!change.settle) {
        for (const FieldEdit::Removal& removal : edit.removals) {
          version.proposes.push_back(removal.element);
        }
      }
      found_.emplace(std::pair(change.id, edit.field), std::move(version));
    }
  }
  return absl::OkStatus();
}

// Walks back from the versions that stand now to those that an author had before them.
class Sighting {
 public:
  Sighting(const Schema& schema, const Sight& sight, const ChangeId& first, ReadView& view)
      : schema_(schema), sight_(sight), first_(first), view_(view) {}

  absl::StatusOr<FieldState> Of(const Uuid& record, const FieldState& now, const FieldEdit& edit);

 private:
  struct Version {
    uint64_t sequence = 0;
    bool refused = false;  // it never stood: what it replaced did
    std::string author;
    std::string value;
    Settle settle;
    std::vector<ChangeId> base;
  };

  absl::StatusOr<uint64_t> SeenUpTo(const std::vector<ChangeId>& base);
  absl::StatusOr<const Version*> Load(const ChangeId& id);
  absl::StatusOr<const Unit*> Read(const UnitRow& row);
  absl::Status DropReplaced(std::vector<ChangeId>* visible);
  // A change has seen all earlier ones of its own incarnation, also those that were pending.
  bool IsOwn(const ChangeId& id) const {
    return id.incarnation == first_.incarnation && id.counter < first_.counter;
  }

  const Schema& schema_;
  const Sight& sight_;
  const ChangeId first_;  // of the unit
  ReadView& view_;
  Uuid record_;
  uint32_t field_ = 0;
  absl::node_hash_map<ChangeId, Version> versions_;           // of one field
  absl::node_hash_map<uint64_t, std::optional<Unit>> units_;  // by sequence; of all fields
  size_t bytes_ = 0;                                          // of them
};

// Each unit once, however many fields lead to it. Null: it cannot be read any more.
absl::StatusOr<const Unit*> Sighting::Read(const UnitRow& row) {
  auto [it, first] = units_.try_emplace(row.sequence);
  if (first) {
    if (bytes_ > kMaxInheritedBytes) {
      return absl::ResourceExhaustedError("too much history to look back over");
    }
    DOORSTEP_ASSIGN_OR_RETURN(it->second, ReadUnit(schema_, row, view_, &bytes_));
  }
  const Unit* unit = it->second ? &*it->second : nullptr;
  return unit;
}

// Null: nothing is known of it.
absl::StatusOr<const Sighting::Version*> Sighting::Load(const ChangeId& id) {
  const Version* none = nullptr;
  if (const auto it = versions_.find(id); it != versions_.end()) return &it->second;
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<UnitRow> row, view_.UnitOf(id));
  if (!row || row->Held()) return none;
  if (versions_.size() >= kMaxInheritedUnits) {
    return absl::ResourceExhaustedError("too many versions to look back over");
  }
  Version& version = versions_[id];
  version.sequence = row->sequence;
  version.refused = row->Refused();
  version.author = row->author;
  DOORSTEP_ASSIGN_OR_RETURN(const Unit* unit, Read(*row));
  if (unit == nullptr) return &version;
  const ChangeData& change = unit->changes[id.counter - row->counter];
  for (const FieldEdit& edit : change.edits) {
    if (change.record != record_ || edit.field != field_) continue;
    version.value = edit.value;
    version.base = edit.base;
    if (change.settle) version.settle = *change.settle;
  }
  return &version;
}

absl::StatusOr<uint64_t> Sighting::SeenUpTo(const std::vector<ChangeId>& base) {
  uint64_t seen = sight_.checkpoint;
  for (const ChangeId& id : base) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::optional<Uuid> device, view_.DeviceOf(id.incarnation));
    if (device == sight_.device) continue;  // pending, then: it proves nothing
    DOORSTEP_ASSIGN_OR_RETURN(const std::optional<UnitRow> row, view_.UnitOf(id));
    if (row && row->sequence <= sight_.common) seen = std::max(seen, row->sequence);
  }
  return seen;
}

// Leaves those that none of the others had replaced.
absl::Status Sighting::DropReplaced(std::vector<ChangeId>* visible) {
  if (visible->size() < 2) return absl::OkStatus();
  uint64_t oldest = std::numeric_limits<uint64_t>::max();
  std::vector<ChangeId> rest;
  for (const ChangeId& id : *visible) {
    DOORSTEP_ASSIGN_OR_RETURN(const Version* version, Load(id));
    if (version == nullptr) continue;
    oldest = std::min(oldest, version->sequence);
    rest.insert(rest.end(), version->base.begin(), version->base.end());
  }
  absl::flat_hash_set<ChangeId> replaced;
  while (!rest.empty()) {
    const ChangeId id = rest.back();
    rest.pop_back();
    if (!replaced.insert(id).second) continue;
    DOORSTEP_ASSIGN_OR_RETURN(const Version* version, Load(id));
    if (version == nullptr || (version->sequence < oldest && !version->refused)) continue;
    rest.insert(rest.end(), version->base.begin(), version->base.end());
  }
  std::erase_if(*visible, [&](const ChangeId& id) { return replaced.contains(id); });
  return absl::OkStatus();
}

absl::StatusOr<FieldState> Sighting::Of(const Uuid& record, const FieldState& now,
                                        const FieldEdit& edit) {
  versions_.clear();
  record_ = record;
  field_ = edit.field;
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t seen, SeenUpTo(edit.base));
  const absl::flat_hash_set<ChangeId> named(edit.base.begin(), edit.base.end());
  std::vector<ChangeId> visible;
  std::vector<ChangeId> rest;
  absl::flat_hash_set<ChangeId> looked_at;
  for (const Head& head : now.heads) {
    looked_at.insert(head.id);
    const bool before = named.contains(head.id) || IsOwn(head.id) || head.sequence <= seen;
    (before ? visible : rest).push_back(head.id);
  }
  while (!rest.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(const Version* version, Load(rest.back()));
    rest.pop_back();
    if (version == nullptr) continue;
    for (const ChangeId& id : version->base) {
      if (!looked_at.insert(id).second) continue;
      DOORSTEP_ASSIGN_OR_RETURN(const Version* replaced, Load(id));
      if (replaced == nullptr) continue;
      const bool stood =
          !replaced->refused && (named.contains(id) || IsOwn(id) || replaced->sequence <= seen);
      (stood ? visible : rest).push_back(id);
    }
  }
  DOORSTEP_RETURN_IF_ERROR(DropReplaced(&visible));
  FieldState out;
  out.field = edit.field;
  for (const ChangeId& id : visible) {
    const auto head = std::find_if(now.heads.begin(), now.heads.end(),
                                   [&](const Head& candidate) { return candidate.id == id; });
    if (head != now.heads.end()) {
      out.heads.push_back(*head);
      continue;
    }
    DOORSTEP_ASSIGN_OR_RETURN(const Version* version, Load(id));
    Head& added = out.heads.emplace_back();
    added.id = id;
    added.author = version->author;
    added.value = version->value;
    added.settle = version->settle;
  }
  return out;
}

// The versions of which a decision about the field asks: who wrote them, and what they say.
std::vector<ChangeId> AskedFor(const FieldSpec& field, const FieldEdit& edit, bool settles) {
  if (field.merge == MergeClass::kReview) {
    // Who saw one version saw no conflict, but for a pause.
    const bool pause = field.effective == EffectiveRule::kLastAgreed && field.dominant != 0;
    return edit.base.size() >= 2 || pause ? edit.base : std::vector<ChangeId>();
  }
  std::vector<ChangeId> ids;
  if (!field.removal_reviewed || !settles) return ids;
  for (const FieldEdit::Removal& removal : edit.removals) {
    ids.insert(ids.end(), removal.adds.begin(), removal.adds.end());
  }
  return ids;
}

bool IsHead(const FieldState* state, const ChangeId& id) {
  return state != nullptr && std::any_of(state->heads.begin(), state->heads.end(),
                                         [&](const Head& head) { return head.id == id; });
}

}  // namespace

absl::StatusOr<ReplacedVersions> ReadReplaced(const Schema& schema, const RecordStates& states,
                                              ReadView& view, const Unit& unit) {
  Reader reader(schema, view);
  for (const ChangeData& change : unit.changes) {
    const KindSpec* kind = schema.Find(change.kind);
    const auto state = states.find(change.record);
    if (kind == nullptr || state == states.end()) continue;
    for (const FieldEdit& edit : change.edits) {
      const FieldSpec* field = kind->Find(edit.field);
      if (field == nullptr) continue;
      for (const ChangeId& id : AskedFor(*field, edit, change.settle.has_value())) {
        // Of a SET a change may stand for one element, and no longer for another.
        if (!field->is_set() && IsHead(state->second.Find(edit.field), id)) continue;
        DOORSTEP_RETURN_IF_ERROR(reader.Read(id));
      }
    }
  }
  return reader.Take();
}

absl::StatusOr<VisibleVersions> ReadVisible(const Schema& schema, const RecordStates& states,
                                            const Sight& sight, ReadView& view, const Unit& unit) {
  Sighting sighting(schema, sight, {unit.incarnation, unit.counter}, view);
  VisibleVersions found;
  for (const ChangeData& change : unit.changes) {
    const KindSpec* kind = schema.Find(change.kind);
    const auto state = states.find(change.record);
    if (kind == nullptr || state == states.end()) continue;
    for (const FieldEdit& edit : change.edits) {
      const FieldSpec* field = kind->Find(edit.field);
      const FieldState* now = state->second.Find(edit.field);
      if (field == nullptr || field->merge != MergeClass::kReview || now == nullptr) continue;
      // Who names nothing replaces nothing; who names all that stands has overlooked nothing.
      const bool names_all =
          std::all_of(now->heads.begin(), now->heads.end(),
                      [&](const Head& head) { return absl::c_linear_search(edit.base, head.id); });
      if (edit.base.empty() || names_all) continue;
      DOORSTEP_ASSIGN_OR_RETURN(FieldState visible, sighting.Of(change.record, *now, edit));
      found.emplace(std::pair(change.id, edit.field), std::move(visible));
    }
  }
  return found;
}

}  // namespace doorstep::server
