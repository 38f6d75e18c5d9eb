// Where the bands of a rating end: the one place where that is said, unless the schema says it of
// the message (doorstep/v1/bands.proto). What the bands are called stands in sync/cases/bands.h.
#ifndef SYNC_SCHEMA_BANDS_H_
#define SYNC_SCHEMA_BANDS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "sync/schema/schema.h"

namespace doorstep {

// The highest score, likelihood x severity, that is low, moderate and high; above it is extreme.
struct BandLimits {
  int64_t low = 3;
  int64_t moderate = 6;
  int64_t high = 12;

  bool operator==(const BandLimits&) const = default;
};

// Of a field whose values are ratings.
BandLimits BandLimitsOf(const FieldSpec& field);
// Whether the schema says them.
bool SaysBands(const FieldSpec& field);

// That the option stands where it means something, in order. kInvalidArgument "path: got, wanted".
absl::Status CheckBands(const FieldSpec& field);

}  // namespace doorstep

#endif  // SYNC_SCHEMA_BANDS_H_
