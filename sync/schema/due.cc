#include "sync/schema/due.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "doorstep/v1/due.pb.h"
#include "doorstep/v1/due_more.pb.h"
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

bool IsDueAt(const FieldSpec& field) {
  return field.descriptor != nullptr && field.descriptor->options().GetExtension(v1::due_at);
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

bool Answers(const FieldSpec& field) {
  return field.descriptor != nullptr && field.descriptor->options().GetExtension(v1::answered);
}

std::optional<std::string> EndsWhen(const FieldSpec& field) {
  if (field.descriptor == nullptr || !field.descriptor->options().HasExtension(v1::ends)) {
    return std::nullopt;
  }
  return field.descriptor->options().GetExtension(v1::ends).when();
}

absl::Status CheckDueOptions(const FieldSpec& field) {
  const std::string& path = field.descriptor->full_name();
  if (IsDue(field) && field.scalar.format != StringFormat::kCivilDate) {
    return Contradiction(path, "due on what is no day", "a string with format CIVIL_DATE");
  }
  if (Voids(field) && field.scalar.type != ValueType::kBool) {
    return Contradiction(path, "voids on what is neither true nor false", "a bool");
  }
  if (IsDueAt(field) && (field.scalar.type != ValueType::kInt || field.is_set())) {
    return Contradiction(path, "due_at on what is no instant", "an int64");
  }
  if (Answers(field) && field.is_set()) {
    return Contradiction(path, "answered on a SET", "a field with one value");
  }
  if (EndsWhen(field).has_value()) {
    DOORSTEP_RETURN_IF_ERROR(
        CheckNoUnknownOptions(path, field.descriptor->options().GetExtension(v1::ends)));
    if (field.reference.empty() || field.is_set()) {
      return Contradiction(path, "ends on what names no record", "a reference");
    }
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

absl::Status CheckDueFields(const KindSpec& kind) {
  const auto closes = [](const FieldSpec& field) { return ClosingOf(field).has_value(); };
  if (std::count_if(kind.fields.begin(), kind.fields.end(), closes) > 1) {
    return Contradiction(kind.full_name, "closing on two fields", "one in a kind");
  }
  for (const FieldSpec& field : kind.fields) {
    const std::optional<std::string> when = EndsWhen(field);
    if (!when || when->empty()) continue;
    const FieldSpec* named = kind.FindByName(*when);
    if (named != nullptr && !named->is_set()) continue;
    return Contradiction(absl::StrCat(kind.full_name, ".", field.scalar.name),
                         absl::StrCat("ends when ", Quoted(*when)),
                         "a field of the kind with one value");
  }
  return absl::OkStatus();
}

}  // namespace doorstep
