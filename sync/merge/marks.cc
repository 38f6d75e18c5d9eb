#include "sync/merge/marks.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sync/change/wire.h"
#include "sync/schema/schema.h"

namespace doorstep {

std::vector<ChangeId> HeadsToHide(const RecordState& state) {
  std::vector<ChangeId> ids;
  for (const FieldState& field : state.fields) {
    if (MarkField(field.field) != nullptr) continue;
    for (const Head& head : field.heads) ids.push_back(head.id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

std::optional<std::string> HiddenBecause(const RecordState& state) {
  const FieldState* marks = state.Find(kHiddenField);
  if (marks == nullptr || marks->heads.empty()) return std::nullopt;
  const bool shown = std::any_of(marks->heads.begin(), marks->heads.end(),
                                 [](const Head& mark) { return mark.value.empty(); });
  if (shown) return std::nullopt;
  const std::vector<ChangeId> heads = HeadsToHide(state);
  const auto names_all = [&](const Head& mark) {
    return std::includes(mark.seen.begin(), mark.seen.end(), heads.begin(), heads.end());
  };
  const auto mark = std::find_if(marks->heads.rbegin(), marks->heads.rend(), names_all);
  if (mark == marks->heads.rend()) return std::nullopt;
  return MarkReason(kHiddenField, mark->value);
}

std::string MarkValue(uint32_t field, absl::string_view reason) {
  Scalar scalar;
  scalar.present = !reason.empty();
  scalar.bytes = reason;
  return EncodeScalar(MarkField(field)->scalar, scalar);
}

std::string MarkReason(uint32_t field, absl::string_view value) {
  const Scalar scalar = DecodeScalar(MarkField(field)->scalar, value).value_or(Scalar());
  return std::string(scalar.bytes);
}

}  // namespace doorstep
