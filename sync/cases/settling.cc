#include "sync/cases/settling.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sync/cases/bands.h"
#include "sync/cases/words.h"
#include "sync/change/wire.h"
#include "sync/merge/plan.h"

namespace doorstep {

std::vector<SeenVersion> SeenVersions(const FieldState& state) {
  std::vector<SeenVersion> seen;
  seen.reserve(state.heads.size());
  for (const Head& head : state.heads) {
    SeenVersion& version = seen.emplace_back();
    version.author = head.author;
    version.value = head.value;
    version.settled = head.settle.mode != SettleMode::kNone;
    if (head.IsProposal()) version.proposes.push_back(head.value);
  }
  return seen;
}

bool AcrossBands(const FieldSpec& field, absl::Span<const SeenVersion> seen) {
  if (field.merge != MergeClass::kReview || seen.empty()) return false;
  const bool unreviewed = std::all_of(seen.begin(), seen.end(), [&](const SeenVersion& version) {
    return !version.settled && IsDominant(field, version.value);
  });
  if (field.effective == EffectiveRule::kLastAgreed && unreviewed) return true;
  if (IsRating(field)) {
    const Band first = BandOf(field, RatingScore(field, seen.front().value));
    return std::any_of(seen.begin() + 1, seen.end(), [&](const SeenVersion& version) {
      return BandOf(field, RatingScore(field, version.value)) != first;
    });
  }
  const std::string first = CompareKey(field, seen.front().value);
  return std::any_of(seen.begin() + 1, seen.end(), [&](const SeenVersion& version) {
    return CompareKey(field, version.value) != first;
  });
}

bool MaySettle(const FieldSpec& field, absl::Span<const SeenVersion> seen,
               absl::string_view author) {
  if (field.is_set()) {
    return std::all_of(seen.begin(), seen.end(), [&](const SeenVersion& version) {
      return std::all_of(
          version.proposes.begin(), version.proposes.end(),
          [&](const std::string& element) { return MayTakeOut(element, seen, author); });
    });
  }
  const bool own = std::any_of(seen.begin(), seen.end(), [author](const SeenVersion& version) {
    return version.author == author;
  });
  return !own || !AcrossBands(field, seen);
}

bool MayTakeOut(absl::string_view element, absl::Span<const SeenVersion> seen,
                absl::string_view author) {
  return std::any_of(seen.begin(), seen.end(), [&](const SeenVersion& version) {
    return version.author != author && std::find(version.proposes.begin(), version.proposes.end(),
                                                 element) != version.proposes.end();
  });
}

std::string MayNotSettle(const FieldSpec& field, absl::Span<const SeenVersion> seen,
                         absl::string_view author) {
  if (field.is_set()) {
    return absl::StrCat(field.label, ": got a decision by ", author,
                        " to take out what nobody else proposed to take out, wanted somebody "
                        "else's");
  }
  if (seen.size() == 1) {
    return absl::StrCat(field.label, ": got a decision on ", ValueWords(field, seen.front().value),
                        " by ", author, ", who wrote it, wanted somebody else's");
  }
  std::vector<std::string> values;
  values.reserve(seen.size());
  for (const SeenVersion& version : seen) values.push_back(ValueWords(field, version.value));
  return absl::StrCat(field.label, ": got a decision between ", absl::StrJoin(values, " and "),
                      " by ", author, ", who wrote one of them, wanted somebody else's");
}

}  // namespace doorstep
