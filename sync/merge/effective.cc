// Which value people work to while several heads stand: one row per class and rule.
#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "sync/change/wire.h"
#include "sync/merge/plan.h"
#include "sync/merge/states.h"
#include "sync/merge/text_merge.h"

namespace doorstep {
namespace {

// Between texts that are shown one after the other.
constexpr absl::string_view kBetweenProse = "\n\n";

// In canonical order, never empty.
using Heads = absl::Span<const Head>;
using Choose = std::string (*)(const FieldSpec& field, Heads heads);
// Whether heads that are not one value need a person.
using NeedsPerson = bool (*)(const FieldSpec& field, Heads heads);

bool Distinct(const FieldSpec& field, Heads heads) {
  if (heads.size() < 2) return false;
  const std::string first = CompareKey(field, heads.front().value);
  return std::any_of(heads.begin() + 1, heads.end(),
                     [&](const Head& head) { return CompareKey(field, head.value) != first; });
}

// A value that stops something at once, and that nobody has decided on yet.
bool AwaitsReview(const FieldSpec& field, Heads heads) {
  return field.effective == EffectiveRule::kLastAgreed && !heads.empty() &&
         std::all_of(heads.begin(), heads.end(), [&](const Head& head) {
           return head.settle.mode == SettleMode::kNone && IsDominant(field, head.value);
         });
}

const Agreed* LowestAgreed(Heads heads) {
  const Agreed* lowest = nullptr;
  for (const Head& head : heads) {
    if (!head.agreed.has_value()) continue;
    const Agreed& own = *head.agreed;
    if (lowest == nullptr ||
        std::tie(own.sequence, own.value) < std::tie(lowest->sequence, lowest->value)) {
      lowest = &own;
    }
  }
  return lowest;
}

// --- Scalars ---

// Absent when there is no value; a value that is not canonical counts as none.
Scalar ScalarOf(const FieldSpec& field, absl::string_view value) {
  if (value.empty()) return Scalar();
  return DecodeScalar(field.scalar, value).value_or(Scalar());
}

// Part `i` of an atomic value; absent when there is none.
Scalar PartOf(const FieldSpec& field, absl::string_view value, int i) {
  const auto parts = DecodeParts(field, value);
  if (!parts.ok() || i < 0 || static_cast<size_t>(i) >= parts->size()) return Scalar();
  return (*parts)[i];
}

// Both are of one type. Civil dates compare as text.
bool Less(const Scalar& a, const Scalar& b) {
  return std::tie(a.integer, a.real, a.bytes) < std::tie(b.integer, b.real, b.bytes);
}

// --- Choices ---

std::string First(const FieldSpec&, Heads heads) { return heads.front().value; }

std::string Last(const FieldSpec&, Heads heads) { return heads.back().value; }

std::string Nothing(const FieldSpec&, Heads) { return ""; }

std::string Earliest(const FieldSpec& field, Heads heads) {
  const Head* best = &heads.front();
  for (const Head& head : heads) {
    if (head.value.empty()) continue;
    if (best->value.empty() || Less(ScalarOf(field, head.value), ScalarOf(field, best->value))) {
      best = &head;
    }
  }
  return best->value;
}

std::string Highest(const FieldSpec& field, Heads heads) {
  const Head* best = &heads.front();
  for (const Head& head : heads) {
    if (head.value.empty()) continue;
    if (best->value.empty() || Less(ScalarOf(field, best->value), ScalarOf(field, head.value))) {
      best = &head;
    }
  }
  return best->value;
}

std::string HighestRating(const FieldSpec& field, Heads heads) {
  const auto rank = [&](const Head& head) {
    return std::pair(RatingScore(field, head.value),
                     PartOf(field, head.value, field.severity).integer);
  };
  const Head* best = &heads.front();
  for (const Head& head : heads) {
    if (rank(head) >= rank(*best)) best = &head;
  }
  return best->value;
}

std::optional<std::string> LastDominant(const FieldSpec& field, Heads heads) {
  const auto found = std::find_if(heads.rbegin(), heads.rend(),
                                  [&](const Head& head) { return IsDominant(field, head.value); });
  if (found == heads.rend()) return std::nullopt;
  return found->value;
}

std::string Dominant(const FieldSpec& field, Heads heads) {
  if (const auto dominant = LastDominant(field, heads)) return *dominant;
  const auto present =
      std::find_if(heads.rbegin(), heads.rend(), [](const Head& h) { return !h.value.empty(); });
  return present == heads.rend() ? "" : present->value;
}

std::string LastAgreed(const FieldSpec& field, Heads heads) {
  if (const auto dominant = LastDominant(field, heads)) return *dominant;
  const Agreed* agreed = LowestAgreed(heads);
  return agreed == nullptr ? "" : agreed->value;
}

// --- Prose ---

absl::string_view Prose(const FieldSpec& field, absl::string_view value) {
  return ScalarOf(field, value).bytes;
}

std::string ProseValue(const FieldSpec& field, absl::string_view text) {
  Scalar scalar;
  scalar.present = !text.empty();
  scalar.bytes = text;
  return EncodeScalar(field.scalar, scalar);
}

// The heads' texts as one; nullopt when they overlap, or are longer together than the field may be.
std::optional<std::string> MergedProse(const FieldSpec& field, Heads heads) {
  // A creation carries no `agreed`: nothing was there before.
  const bool from_nothing = std::any_of(heads.begin(), heads.end(),
                                        [](const Head& head) { return !head.agreed.has_value(); });
  const Agreed* agreed = from_nothing ? nullptr : LowestAgreed(heads);
  const absl::string_view base = agreed == nullptr ? "" : Prose(field, agreed->value);
  std::vector<absl::string_view> texts;
  texts.reserve(heads.size());
  for (const Head& head : heads) texts.push_back(Prose(field, head.value));
  std::optional<std::string> merged = MergeTexts(base, texts);
  if (merged.has_value() && merged->size() > field.scalar.max_bytes) merged.reset();
  return merged;
}

// All texts whole, each once, one after the other; the last alone when that is too long.
std::string AllProse(const FieldSpec& field, Heads heads) {
  std::vector<absl::string_view> texts;
  size_t bytes = 0;
  for (const Head& head : heads) {
    const absl::string_view text = Prose(field, head.value);
    if (text.empty() || std::find(texts.begin(), texts.end(), text) != texts.end()) continue;
    texts.push_back(text);
    bytes += text.size() + kBetweenProse.size();
  }
  if (bytes > field.scalar.max_bytes) return heads.back().value;
  return ProseValue(field, absl::StrJoin(texts, kBetweenProse));
}

std::string MergeProse(const FieldSpec& field, Heads heads) {
  const std::optional<std::string> merged = MergedProse(field, heads);
  return merged.has_value() ? ProseValue(field, *merged) : AllProse(field, heads);
}

bool ProseOverlaps(const FieldSpec& field, Heads heads) {
  return !MergedProse(field, heads).has_value();
}

// --- States ---

std::string LastThatFits(const FieldSpec& field, Heads heads) {
  return heads[Replay(field, heads).effective].value;
}

bool SomeDoNotFollow(const FieldSpec& field, Heads heads) { return !Replay(field, heads).all_fit; }

// --- The table ---

bool Never(const FieldSpec&, Heads) { return false; }

bool Always(const FieldSpec&, Heads) { return true; }

struct Row {
  MergeClass merge;
  EffectiveRule rule;
  Choose when_one_value;  // the heads are equal in what the field compares
  Choose when_distinct;
  NeedsPerson needs_person;  // when distinct
};

constexpr Row kRows[] = {
    {MergeClass::kLatest, EffectiveRule::kUnspecified, Last, Last, Never},
    {MergeClass::kEarliest, EffectiveRule::kUnspecified, Last, Earliest, Never},
    {MergeClass::kHighest, EffectiveRule::kUnspecified, Last, Highest, Never},
    {MergeClass::kImmutable, EffectiveRule::kUnspecified, First, First, Always},
    {MergeClass::kText, EffectiveRule::kUnspecified, Last, MergeProse, ProseOverlaps},
    {MergeClass::kState, EffectiveRule::kUnspecified, Last, LastThatFits, SomeDoNotFollow},
    {MergeClass::kMark, EffectiveRule::kUnspecified, Last, Last, Never},
    {MergeClass::kReview, EffectiveRule::kHighestRating, Last, HighestRating, Always},
    {MergeClass::kReview, EffectiveRule::kDominant, Last, Dominant, Always},
    {MergeClass::kReview, EffectiveRule::kLastAgreed, Last, LastAgreed, Always},
    {MergeClass::kReview, EffectiveRule::kNone, Last, Nothing, Always},
};

// No row (a schema that validation would refuse) shows no value rather than a wrong one.
constexpr Row kNoRow = {MergeClass::kReview, EffectiveRule::kUnspecified, Nothing, Nothing, Always};

const Row& RowOf(const FieldSpec& field) {
  for (const Row& row : kRows) {
    if (row.merge != field.merge) continue;
    if (row.merge == MergeClass::kReview && row.rule != field.effective) continue;
    return row;
  }
  return kNoRow;
}

std::vector<std::string> Elements(Heads heads) {
  std::vector<std::string> elements;
  elements.reserve(heads.size());
  for (const Head& head : heads) {
    if (!head.IsProposal()) elements.push_back(head.value);
  }
  std::sort(elements.begin(), elements.end());
  elements.erase(std::unique(elements.begin(), elements.end()), elements.end());
  return elements;
}

// Elements that have both an add and a proposal to take them out.
std::vector<std::string> InQuestion(Heads heads) {
  std::vector<std::string> elements;
  for (const std::string& element : Elements(heads)) {
    const bool proposed = std::any_of(heads.begin(), heads.end(), [&](const Head& head) {
      return head.IsProposal() && head.value == element;
    });
    if (proposed) elements.push_back(element);
  }
  return elements;
}

}  // namespace

bool IsDominant(const FieldSpec& field, absl::string_view value) {
  if (field.dominant == 0 || value.empty()) return false;
  if (field.scalar.type != ValueType::kAtomic) {
    return ScalarOf(field, value).integer == field.dominant;
  }
  for (int i : field.compare) {
    if (!PartOf(field, value, i).present) return false;
  }
  const auto first_enum =
      std::find_if(field.parts.begin(), field.parts.end(),
                   [](const ScalarSpec& part) { return part.type == ValueType::kEnum; });
  const int i = static_cast<int>(first_enum - field.parts.begin());
  return PartOf(field, value, i).integer == field.dominant;
}

Effective EffectiveOf(const FieldSpec& field, const FieldState& state) {
  Effective effective;
  if (field.is_set()) {
    effective.elements = Elements(state.heads);
    effective.provisional = IsConflict(field, state);
    return effective;
  }
  if (state.heads.empty()) return effective;
  const bool distinct = Distinct(field, state.heads);
  const Row& row = RowOf(field);
  effective.value = (distinct ? row.when_distinct : row.when_one_value)(field, state.heads);
  effective.provisional = IsConflict(field, state);
  return effective;
}

bool IsConflict(const FieldSpec& field, const FieldState& state) {
  if (field.is_set()) return field.removal_reviewed && !InQuestion(state.heads).empty();
  if (!Distinct(field, state.heads)) return AwaitsReview(field, state.heads);
  return RowOf(field).needs_person(field, state.heads);
}

std::vector<size_t> CaseHeads(const FieldSpec& field, const FieldState& state) {
  std::vector<size_t> places;
  const std::vector<std::string> elements =
      field.is_set() ? InQuestion(state.heads) : std::vector<std::string>();
  for (size_t i = 0; i < state.heads.size(); ++i) {
    if (!field.is_set() ||
        std::binary_search(elements.begin(), elements.end(), state.heads[i].value)) {
      places.push_back(i);
    }
  }
  return places;
}

Agreed AgreedFor(const FieldSpec& field, const FieldState& state) {
  FieldState admitted;
  uint64_t sequence = 0;
  for (const Head& head : state.heads) {
    if (head.sequence == 0) continue;
    admitted.heads.push_back(head);
    sequence = std::max(sequence, head.sequence);
  }
  if (sequence > 0 && !IsConflict(field, state) && !IsConflict(field, admitted)) {
    return {sequence, EffectiveOf(field, admitted).value};
  }
  const Agreed* lowest = LowestAgreed(state.heads);
  return lowest == nullptr ? Agreed() : *lowest;
}

int64_t RatingScore(const FieldSpec& field, absl::string_view value) {
  const Scalar likelihood = PartOf(field, value, field.likelihood);
  const Scalar severity = PartOf(field, value, field.severity);
  if (!likelihood.present || !severity.present) return 0;
  int64_t score = 0;
  if (!__builtin_mul_overflow(likelihood.integer, severity.integer, &score)) return score;
  const bool negative = (likelihood.integer < 0) != (severity.integer < 0);
  return negative ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

}  // namespace doorstep
