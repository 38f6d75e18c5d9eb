#include "sync/cases/words.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "sync/cases/bands.h"
#include "sync/change/wire.h"
#include "sync/merge/plan.h"

namespace doorstep {
namespace {

// Characters of a text on a line: enough to tell two versions apart.
constexpr size_t kMaxWords = 60;

std::string Cut(absl::string_view text) {
  std::string line(text.substr(0, text.find('\n')));
  if (line.size() <= kMaxWords && line.size() == text.size()) return line;
  size_t end = std::min(line.size(), kMaxWords);
  // Not in the middle of a character.
  while (end > 0 && end < line.size() && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) {
    --end;
  }
  return absl::StrCat(line.substr(0, end), "...");
}

std::string ScalarWords(const ScalarSpec& spec, const Scalar& scalar) {
  if (!scalar.present) return "no value";
  switch (spec.type) {
    case ValueType::kBool:
      return scalar.integer != 0 ? "yes" : "no";
    case ValueType::kInt:
      return absl::StrCat(scalar.integer);
    case ValueType::kEnum: {
      const EnumValueSpec* value = spec.FindValue(scalar.integer);
      return value == nullptr ? absl::StrCat(scalar.integer) : value->label;
    }
    case ValueType::kDouble:
      return absl::StrCat(scalar.real);
    case ValueType::kString:
      return spec.format == StringFormat::kNone ? absl::StrCat("\"", Cut(scalar.bytes), "\"")
                                                : std::string(scalar.bytes);
    case ValueType::kBytes:
      return absl::StrCat(scalar.bytes.size(), " bytes");
    case ValueType::kAtomic:
      break;
  }
  return "a value";
}

}  // namespace

std::string ValueWords(const FieldSpec& field, absl::string_view value) {
  if (value.empty()) return "no value";
  if (IsRating(field)) {
    const int64_t score = RatingScore(field, value);
    return score == 0 ? "no rating" : absl::StrCat(score, " ", BandName(BandOf(field, score)));
  }
  if (field.scalar.type != ValueType::kAtomic) {
    const auto scalar = DecodeScalar(field.scalar, value);
    return scalar.ok() ? ScalarWords(field.scalar, *scalar) : "a value";
  }
  const auto parts = DecodeParts(field, value);
  if (!parts.ok()) return "a value";
  for (const int place : field.compare) {
    const auto i = static_cast<size_t>(place);
    if (i < parts->size() && (*parts)[i].present) return ScalarWords(field.parts[i], (*parts)[i]);
  }
  return "a value";
}

bool IsPaused(const FieldSpec& field, const FieldState& state) {
  return field.effective == EffectiveRule::kLastAgreed && IsConflict(field, state) &&
         IsDominant(field, EffectiveOf(field, state).value);
}

std::string UntilDecided(const FieldSpec& field, const FieldState& state) {
  const std::string value = EffectiveOf(field, state).value;
  const std::string words = ValueWords(field, value);
  if (IsPaused(field, state)) {
    return absl::StrCat("Until decided: ", words, ". Nothing has been refused.");
  }
  switch (field.merge) {
    case MergeClass::kText:
      return "Until decided, all versions are kept as they were written.";
    case MergeClass::kSet:
      return "Until decided, nothing is taken out.";
    case MergeClass::kReview:
      break;
    default:
      return absl::StrCat("Until decided, work to ", words, ".");
  }
  switch (field.effective) {
    case EffectiveRule::kNone:
      return absl::StrCat("Until decided: ", field.when_unsettled, ".");
    case EffectiveRule::kLastAgreed:
      return value.empty()
                 ? "Until decided nothing is agreed: none of the versions counts."
                 : absl::StrCat("Until decided: ", words, ". That decision has not changed.");
    default:
      return absl::StrCat("Until decided, work to ", words, ".");
  }
}

}  // namespace doorstep
