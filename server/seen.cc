#include "server/seen.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
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
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<HistoryRow> entry, view_.History(row->sequence));
  if (!entry || !entry->body) return absl::OkStatus();
  absl::StatusOr<std::string> payload = OpenEntry(*entry, view_);
  if (absl::IsNotFound(payload.status())) return absl::OkStatus();
  DOORSTEP_RETURN_IF_ERROR(payload.status());
  bytes_ += payload->size();
  absl::StatusOr<Unit> unit =
      ParseUnit(schema_, row->incarnation, row->counter, row->changes, *payload);
  if (!unit.ok()) return absl::OkStatus();
  for (ChangeData& change : unit->changes) {
    for (FieldEdit& edit : change.edits) {
      found_.emplace(std::pair(change.id, edit.field),
                     SeenVersion{row->author, std::move(edit.value)});
    }
  }
  return absl::OkStatus();
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
      // Who saw one version saw no conflict.
      if (field == nullptr || field->merge != MergeClass::kReview || edit.base.size() < 2) continue;
      for (const ChangeId& id : edit.base) {
        if (IsHead(state->second.Find(edit.field), id)) continue;
        DOORSTEP_RETURN_IF_ERROR(reader.Read(id));
      }
    }
  }
  return reader.Take();
}

}  // namespace doorstep::server
