#include "sync/merge/record.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "sync/merge/plan.h"

namespace doorstep {
namespace {

// In order of gravity.
int Gravity(Word word) {
  switch (word) {
    case Word::kConflict:
      return 3;
    case Word::kMerged:
      return 2;
    default:
      return 1;
  }
}

}  // namespace

Word PlanChange(const KindSpec& kind, const ChangeData& change, int64_t time_ms, uint64_t sequence,
                absl::string_view author, RecordState* state) {
  EditContext context;
  context.id = change.id;
  context.time_ms = time_ms;
  context.sequence = sequence;
  context.author = author;
  if (change.settle) context.settle = *change.settle;
  context.seen = &change.seen;
  Word gravest = Word::kApplied;
  for (const FieldEdit& edit : change.edits) {
    const FieldSpec* field = kind.FindWithMarks(edit.field);
    if (field == nullptr) continue;
    const Word word = Plan(*field, edit, context, &state->At(edit.field));
    if (Gravity(word) > Gravity(gravest)) gravest = word;
  }
  return gravest;
}

int64_t LatestBaseTime(const ChangeData& change, const RecordState& state) {
  int64_t latest = INT64_MIN;
  for (const FieldEdit& edit : change.edits) {
    const FieldState* field = state.Find(edit.field);
    if (field == nullptr) continue;
    for (const Head& head : field->heads) {
      bool seen = absl::c_linear_search(edit.base, head.id);
      for (const FieldEdit::Removal& removal : edit.removals) {
        seen = seen || absl::c_linear_search(removal.adds, head.id);
      }
      if (seen) latest = std::max(latest, head.time_ms);
    }
  }
  return latest;
}

std::string EffectiveMessage(const KindSpec& kind, const RecordState& state) {
  std::string message;
  for (const FieldState& field : state.fields) {
    if (MarkField(field.field) != nullptr) continue;
    const FieldSpec* spec = kind.Find(field.field);
    if (spec == nullptr) {
      // Of a SET that this schema does not know every head is an element; of any other field all
      // but the last would be overridden by it when parsed.
      for (const Head& head : field.heads) message += head.value;
      continue;
    }
    const Effective effective = EffectiveOf(*spec, field);
    message += effective.value;
    for (const std::string& element : effective.elements) message += element;
  }
  return message;
}

}  // namespace doorstep
