#include "sync/change/state.h"

#include <algorithm>
#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace doorstep {
namespace {

bool FieldBefore(const FieldState& field, uint32_t number) { return field.field < number; }

}  // namespace

std::string ChangeId::ToString() const {
  return absl::StrCat(incarnation.ToString(), ":", counter);
}

bool HeadBefore(const Head& a, const Head& b) {
  return std::tie(a.time_ms, a.id, a.value) < std::tie(b.time_ms, b.id, b.value);
}

const FieldState* RecordState::Find(uint32_t field) const {
  const auto it = std::lower_bound(fields.begin(), fields.end(), field, FieldBefore);
  return it != fields.end() && it->field == field ? &*it : nullptr;
}

FieldState& RecordState::At(uint32_t field) {
  auto it = std::lower_bound(fields.begin(), fields.end(), field, FieldBefore);
  if (it == fields.end() || it->field != field) {
    it = fields.insert(it, FieldState{});
    it->field = field;
  }
  return *it;
}

uint64_t RecordState::Sequence() const {
  uint64_t highest = 0;
  for (const FieldState& field : fields) highest = std::max(highest, field.sequence);
  return highest;
}

absl::string_view WordName(Word word) {
  switch (word) {
    case Word::kUnspecified:
      return "UNSPECIFIED";
    case Word::kApplied:
      return "APPLIED";
    case Word::kMerged:
      return "MERGED";
    case Word::kConflict:
      return "CONFLICT";
    case Word::kHeld:
      return "HELD";
    case Word::kRejected:
      return "REJECTED";
    case Word::kWithdrawn:
      return "WITHDRAWN";
  }
  return "UNSPECIFIED";
}

}  // namespace doorstep
