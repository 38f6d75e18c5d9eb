// Values in canonical form, and what they hold.
//
// Canonical: tag and varints in their shortest form; enums, bools and integers as varint; doubles
// as fixed64, finite, never -0; an atomic message has its parts in order of number, each at most
// once, at least one; strings are UTF-8 without NUL. One value has one encoding, so equality of
// bytes is equality of values. All functions are pure.
#ifndef SYNC_CHANGE_WIRE_H_
#define SYNC_CHANGE_WIRE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/schema/schema.h"

namespace doorstep {

// One field of a serialized message: its number and its bytes, tag included.
struct WireEntry {
  uint32_t field = 0;
  absl::string_view bytes;
};

// Splits a serialized message into its top-level fields, in the order in which they stand; a
// packed repeated scalar stays one entry. Looks at no schema; group wire types, truncation, field
// number 0 and varints that are not in their shortest form are kInvalidArgument.
absl::Status SplitMessage(absl::string_view message, std::vector<WireEntry>* out);

// The canonical values of the fields of one serialized message of the kind, in order of number:
// known fields are checked against the schema (wire type, UTF-8, NUL, format, range, length, enum
// numbers known and not 0) and made canonical; packed SET elements are taken apart; repeats of an
// equal SET element collapse. Errors name the field: `Person.date_of_birth: got "1.2.1930", wanted
// YYYY-MM-DD`. A field given twice that is no SET is an error. What a newer schema may know, fields
// and enum numbers, is `kKeep` (returned as it stands, one value per entry) or `kRefuse`d with
// kUnimplemented; everything else that is wrong is kInvalidArgument.
enum class Unknown { kKeep, kRefuse };
struct FieldValues {
  uint32_t field = 0;
  std::vector<std::string> values;  // one, or the elements of a SET in order of bytes
};
absl::StatusOr<std::vector<FieldValues>> ParseValues(const KindSpec& kind,
                                                     absl::string_view message, Unknown unknown);

// The same for one value of `field` (one element of a SET). `value` is one field with its tag, of
// that number.
absl::StatusOr<std::string> ParseValue(const KindSpec& kind, const FieldSpec& field,
                                       absl::string_view value, Unknown unknown);

// What a scalar value holds, decoded. Values given to these must be canonical (they come from
// ParseValues or from the functions below); a mistake shows as kInternal, never as a crash.
struct Scalar {
  bool present = false;
  int64_t integer = 0;      // kInt, kBool, kEnum
  double real = 0;          // kDouble
  absl::string_view bytes;  // kString, kBytes: points into the value
};
absl::StatusOr<Scalar> DecodeScalar(const ScalarSpec& spec, absl::string_view value);
// One Scalar for each part, in the order of `field.parts`. An empty value has no part.
absl::StatusOr<std::vector<Scalar>> DecodeParts(const FieldSpec& field, absl::string_view value);

// The inverse: the canonical value; empty when not present.
std::string EncodeScalar(const ScalarSpec& spec, const Scalar& scalar);
std::string EncodeParts(const FieldSpec& field, const std::vector<Scalar>& parts);

// What of a value its class compares: two values are distinct when these differ. Empty value,
// empty key.
std::string CompareKey(const FieldSpec& field, absl::string_view value);

}  // namespace doorstep

#endif  // SYNC_CHANGE_WIRE_H_
