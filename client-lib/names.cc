#include "client-lib/names.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sync/base/status.h"

namespace doorstep::client {
namespace {

constexpr absl::string_view kTiers[] = {"NORMAL", "RESTRICTED", "SEALED"};

}  // namespace

std::string TierName(uint8_t tier) {
  return tier < std::size(kTiers) ? std::string(kTiers[tier]) : absl::StrCat("tier ", tier);
}

absl::StatusOr<uint8_t> ParseTier(absl::string_view name) {
  for (size_t i = 0; i < std::size(kTiers); ++i) {
    if (kTiers[i] == name) return static_cast<uint8_t>(i);
  }
  return InvalidField("tier", name, "NORMAL, RESTRICTED or SEALED");
}

ChangeState StateOf(Word word) {
  switch (word) {
    case Word::kUnspecified:
      return ChangeState::kWaiting;
    case Word::kApplied:
      return ChangeState::kApplied;
    case Word::kMerged:
      return ChangeState::kMerged;
    case Word::kConflict:
      return ChangeState::kConflict;
    case Word::kHeld:
      return ChangeState::kHeld;
    case Word::kRejected:
      return ChangeState::kRejected;
    case Word::kWithdrawn:
      return ChangeState::kWithdrawn;
  }
  return ChangeState::kWaiting;
}

absl::StatusOr<const KindSpec*> FindKind(const Schema& schema, absl::string_view name) {
  if (const KindSpec* kind = schema.FindByName(name); kind != nullptr) return kind;
  return absl::NotFoundError(absl::StrCat(
      "kind: got ", Quoted(name), ", wanted one of ",
      absl::StrJoin(schema.kinds(), ", ",
                    [](std::string* out, const KindSpec& kind) { out->append(kind.name); })));
}

absl::StatusOr<Uuid> ParseId(absl::string_view what, absl::string_view text) {
  absl::StatusOr<Uuid> id = Uuid::Parse(text);
  if (id.ok() && !id->IsNil()) return id;
  return InvalidField(what, text, "an id such as 0190a7c2-7f30-7c1e-9d2b-3a5f6c7d8e9f");
}

}  // namespace doorstep::client
