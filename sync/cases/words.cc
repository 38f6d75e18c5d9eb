#include "sync/cases/words.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "sync/base/bytes.h"
#include "sync/base/moment.h"
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

// A hash is shown, a photograph is not.
constexpr size_t kMaxShownBytes = 32;

// By its name: see "Ids, times, values" in proto/README.md.
bool IsMoment(const ScalarSpec& spec) {
  return spec.type == ValueType::kInt && !spec.is_32_bit && absl::EndsWith(spec.name, "_ms");
}

std::string ScalarWords(const ScalarSpec& spec, const Scalar& scalar) {
  if (!scalar.present) return "no value";
  switch (spec.type) {
    case ValueType::kBool:
      return scalar.integer != 0 ? "yes" : "no";
    case ValueType::kInt:
      return IsMoment(spec) ? absl::StrCat(FormatMoment(scalar.integer, 0), " UTC")
                            : absl::StrCat(scalar.integer);
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

// Nothing is cut.
std::string ScalarText(const ScalarSpec& spec, const Scalar& scalar) {
  if (!scalar.present) return "no value";
  if (spec.type == ValueType::kString) return std::string(scalar.bytes);
  if (spec.type == ValueType::kBytes && scalar.bytes.size() <= kMaxShownBytes) {
    return ToHex(scalar.bytes);
  }
  return ScalarWords(spec, scalar);
}

// The parts of an atomic value, of which some have been told already.
class Parts {
 public:
  Parts(const FieldSpec& field, const std::vector<Scalar>& scalars)
      : field_(field), scalars_(scalars), told_(scalars.size()) {}

  // Null: the value has no such part. It counts as told.
  const Scalar* Take(size_t place) {
    if (place >= scalars_.size() || !scalars_[place].present) return nullptr;
    told_[place] = true;
    return &scalars_[place];
  }
  const Scalar* Take(absl::string_view name) {
    const auto part = std::find_if(field_.parts.begin(), field_.parts.end(),
                                   [&](const ScalarSpec& spec) { return spec.name == name; });
    return Take(static_cast<size_t>(part - field_.parts.begin()));
  }
  // Of all others: first what is short, then what somebody wrote.
  std::string Rest() const {
    std::string rest;
    std::string prose;
    for (size_t i = 0; i < scalars_.size(); ++i) {
      const ScalarSpec& spec = field_.parts[i];
      if (told_[i] || !scalars_[i].present) continue;
      const std::string text = ScalarText(spec, scalars_[i]);
      if (spec.type == ValueType::kString && spec.format == StringFormat::kNone) {
        absl::StrAppend(&prose, " - \"", text, "\"");
      } else {
        absl::StrAppend(&rest, "; ", spec.label, " ", text);
      }
    }
    return rest + prose;
  }

 private:
  const FieldSpec& field_;
  const std::vector<Scalar>& scalars_;
  std::vector<bool> told_;
};

// As the clocks stood where it was: "Sun 22 Nov 2026 09:00 (Europe/London, that day)".
std::string MomentText(const FieldSpec& field, int64_t ms, Parts* parts) {
  const Scalar* offset = parts->Take("offset_minutes");
  const Scalar* zone = parts->Take("zone");
  const int64_t minutes_east = offset == nullptr ? 0 : offset->integer;
  std::string beside;
  if (zone != nullptr) {
    absl::StrAppend(&beside, zone->bytes);
  } else if (offset != nullptr) {
    beside = FormatOffset(minutes_east);
  }
  for (const ScalarSpec& part : field.parts) {
    if (part.type != ValueType::kEnum) continue;
    const Scalar* exact = parts->Take(part.name);
    if (exact == nullptr) continue;
    absl::StrAppend(&beside, beside.empty() ? "" : ", ", ScalarText(part, *exact));
  }
  if (!beside.empty()) beside = absl::StrCat(" (", beside, ")");
  return absl::StrCat(FormatMoment(ms, minutes_east), offset == nullptr ? " UTC" : "", beside);
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

std::string ValueText(const FieldSpec& field, absl::string_view value) {
  if (value.empty()) return "no value";
  if (field.scalar.type != ValueType::kAtomic) {
    const auto scalar = DecodeScalar(field.scalar, value);
    return scalar.ok() ? ScalarText(field.scalar, *scalar) : "a value";
  }
  const auto scalars = DecodeParts(field, value);
  if (!scalars.ok()) return "a value";
  Parts parts(field, *scalars);
  if (const Scalar* instant = parts.Take("instant_ms"); instant != nullptr) {
    const std::string text = MomentText(field, instant->integer, &parts);
    return text + parts.Rest();
  }
  if (IsRating(field)) {
    const Scalar* likelihood = parts.Take(static_cast<size_t>(field.likelihood));
    const Scalar* severity = parts.Take(static_cast<size_t>(field.severity));
    std::string text = ValueWords(field, value);
    if (likelihood != nullptr && severity != nullptr) {
      absl::StrAppend(&text, " (", likelihood->integer, " x ", severity->integer, ")");
    }
    return text + parts.Rest();
  }
  for (const int place : field.compare) {
    const auto i = static_cast<size_t>(place);
    if (const Scalar* first = parts.Take(i); first != nullptr) {
      return ScalarText(field.parts[i], *first) + parts.Rest();
    }
  }
  return "a value" + parts.Rest();
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
