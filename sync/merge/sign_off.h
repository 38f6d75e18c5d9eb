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
#include "sync/schema/schema.h"

namespace doorstep {

struct SignedHead {
  Uuid record;
  uint32_t field = 0;
  ChangeId id;
  std::string value_hash;  // 16 bytes

  auto operator<=>(const SignedHead&) const = default;
};

// Every head of every field of the judgement, and of the marks that hide its records: who signs
// signs for what they see, and does not see what is hidden.
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
// A field is as it was signed while its heads, with their values, are exactly those signed; a mark
// that hides one of the records amends what was signed without it. A signature holds while nothing
// is amended; what is not covered was added later and is not vouched for. Ascending.
Coverage CoverageOf(const std::vector<SignedHead>& heads, const Judgement& now);

// The fields of a record of `kind` that the schema demands and that a signature over `heads` does
// not cover with a value.
std::vector<const FieldSpec*> DemandedNotCovered(const KindSpec& kind, const Uuid& record,
                                                 const std::vector<SignedHead>& heads);

// Why a doorstep.v1.SignOff (serialized) is no signature, as "covers: got ..., wanted ..."; empty:
// it may be one. Asks only what it says itself, so the answer is the same in whatever order things
// arrive. What a schema does not know is not judged.
std::string SignOffProblem(const Schema& schema, absl::string_view sign_off);

}  // namespace doorstep

#endif  // SYNC_MERGE_SIGN_OFF_H_
