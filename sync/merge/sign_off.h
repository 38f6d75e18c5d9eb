// Sign-off: what a signature covers, and whether it still holds. Pure functions.
#ifndef SYNC_MERGE_SIGN_OFF_H_
#define SYNC_MERGE_SIGN_OFF_H_

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/change/state.h"
#include "sync/merge/judgement.h"

namespace doorstep {

struct SignedHead {
  Uuid record;
  uint32_t field = 0;
  ChangeId id;
  std::string value_hash;  // 16 bytes

  auto operator<=>(const SignedHead&) const = default;
};

// Every head of every field of the judgement, but for marks.
std::vector<SignedHead> HeadsToSign(const Judgement& judgement);

// A serialized doorstep.v1.SignedHeads, and back. kInvalidArgument for bytes that are none.
std::string EncodeSigned(const std::vector<SignedHead>& heads);
absl::StatusOr<std::vector<SignedHead>> DecodeSigned(absl::string_view bytes);

// A field of a record of the judgement.
struct SignedField {
  Uuid record;
  uint32_t field = 0;

  auto operator<=>(const SignedField&) const = default;
};
struct Coverage {
  std::vector<SignedField> amended;      // signed, and no longer as it was signed
  std::vector<SignedField> not_covered;  // has a value, and was not signed
};
// A field is as it was signed while its heads, with their values, are exactly those signed. A
// signature holds while nothing is amended; what is not covered was added later and is not vouched
// for. Ascending.
Coverage CoverageOf(const std::vector<SignedHead>& heads, const Judgement& now);

}  // namespace doorstep

#endif  // SYNC_MERGE_SIGN_OFF_H_
