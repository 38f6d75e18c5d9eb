#include "sync/schema/due.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "doorstep/v1/due.pb.h"
#include "google/protobuf/descriptor.h"
#include "sync/base/status.h"
#include "sync/schema/field_rules.h"

namespace doorstep {

std::optional<ClosingWords> ClosingOf(const FieldSpec& field) {
  if (field.descriptor == nullptr || !field.descriptor->options().HasExtension(v1::closing)) {
    return std::nullopt;
  }
  const v1::Closing& closing = field.descriptor->options().GetExtension(v1::closing);
  return ClosingWords{closing.told(), closing.taken_back()};
}

const FieldSpec* ClosingField(const KindSpec& kind) {
  const auto found =
      std::find_if(kind.fields.begin(), kind.fields.end(),
                   [](const FieldSpec& field) { return ClosingOf(field).has_value(); });
  return found == kind.fields.end() ? nullptr : &*found;
}

bool IsDue(const FieldSpec& field) {
  return field.descriptor != nullptr && field.descriptor->options().GetExtension(v1::due);
}

bool NothingDue(const FieldSpec& field, int64_t state) {
  if (field.merge != MergeClass::kState || field.scalar.enum_type == nullptr) return false;
  const int64_t in = state == 0 ? field.initial_state : state;
  const auto* value = field.scalar.enum_type->FindValueByNumber(static_cast<int>(in));
  return value != nullptr && value->options().GetExtension(v1::nothing_due);
}

bool Voids(const FieldSpec& field) {
  return field.descriptor != nullptr && field.descriptor->options().GetExtension(v1::voids);
}

absl::Status CheckDueOptions(const FieldSpec& field) {
  const std::string& path = field.descriptor->full_name();
  if (IsDue(field) && field.scalar.format != StringFormat::kCivilDate) {
    return Contradiction(path, "due on what is no day", "a string with format CIVIL_DATE");
  }
  if (Voids(field) && field.scalar.type != ValueType::kBool) {
    return Contradiction(path, "voids on what is neither true nor false", "a bool");
  }
  const std::optional<ClosingWords> words = ClosingOf(field);
  if (!words.has_value()) return absl::OkStatus();
  DOORSTEP_RETURN_IF_ERROR(
      CheckNoUnknownOptions(path, field.descriptor->options().GetExtension(v1::closing)));
  if (field.effective != EffectiveRule::kNone || !field.safety) {
    return Contradiction(path, "closing on what may be settled in silence",
                         "merge REVIEW with effective NONE, and safety");
  }
  if (!absl::StrContains(words->told, "{title}") ||
      !absl::StrContains(words->taken_back, "{title}")) {
    return Contradiction(path, "closing without words that name {title}", "told and taken_back");
  }
  return absl::OkStatus();
}

absl::Status CheckClosingField(const KindSpec& kind) {
  const auto closes = [](const FieldSpec& field) { return ClosingOf(field).has_value(); };
  if (std::count_if(kind.fields.begin(), kind.fields.end(), closes) <= 1) return absl::OkStatus();
  return Contradiction(kind.full_name, "closing on two fields", "one in a kind");
}

}  // namespace doorstep
