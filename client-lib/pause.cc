// A pause that something asks for which a decision names.
#include "sync/schema/pause.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client-lib/edits.h"
#include "sync/base/status.h"
#include "sync/cases/words.h"
#include "sync/change/wire.h"
#include "sync/merge/plan.h"
#include "sync/merge/record.h"

namespace doorstep {
namespace {

// The words for the value that pauses.
std::string DominantLabel(const FieldSpec& field) {
  const auto part =
      std::find_if(field.parts.begin(), field.parts.end(),
                   [](const ScalarSpec& each) { return each.type == ValueType::kEnum; });
  const EnumValueSpec* value =
      part == field.parts.end() ? nullptr : part->FindValue(field.dominant);
  return value == nullptr ? "a pause" : value->label;
}

}  // namespace

// While what a decision names asks for a pause, the decision is the pause: it is not written over
// with what one person thinks should come of it.
absl::Status Edits::Impl::CheckPause(const KindSpec& kind, const FieldSpec& field,
                                     absl::string_view value) const {
  const std::optional<PausedBy> by = PausedByOf(field);
  if (!by.has_value() || value.empty() || IsDominant(field, value)) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<Scalar> parts, DecodeParts(field, value));
  if (!parts[by->part].present) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid asking, Uuid::Parse(parts[by->part].bytes));
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<RecordState> record, store.tables().Load(asking));
  for (const client::Edit& edit : edits) {
    const KindSpec* of = store.schema().Find(edit.change.kind);
    if (edit.change.record != asking || of == nullptr) continue;
    if (!record.has_value()) {
      record.emplace();
      record->kind = edit.change.kind;
    }
    PlanChange(*of, edit.change, 0, 0, author, &*record);
  }
  const KindSpec* of = record.has_value() ? store.schema().Find(record->kind) : nullptr;
  const FieldSpec* asks = of == nullptr ? nullptr : of->FindByName(by->field);
  const FieldState* state = asks == nullptr ? nullptr : record->Find(asks->number());
  if (state == nullptr || asks->scalar.type != ValueType::kEnum) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const Scalar now,
                            DecodeScalar(asks->scalar, EffectiveOf(*asks, *state).value));
  const EnumValueSpec* said = now.present ? asks->scalar.FindValue(now.integer) : nullptr;
  if (said == nullptr || said->name != by->value) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      client::FieldPath(kind, field), ": got ", ValueWords(field, value), " because of ", of->label,
      " ", asking.ToString(), ", which says \"", said->label, "\", wanted ", DominantLabel(field),
      ": somebody decides what comes after it, and nothing is refused "
      "meanwhile"));
}

}  // namespace doorstep
