// The bands of a rating: the one place where they are said.
#ifndef SYNC_CASES_BANDS_H_
#define SYNC_CASES_BANDS_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "sync/schema/schema.h"

namespace doorstep {

enum class Band : uint8_t {
  kNone = 0,      // no rating, or one that lacks a part
  kLow = 1,       // score 1 to 3
  kModerate = 2,  // 4 to 6
  kHigh = 3,      // 8 to 12
  kExtreme = 4,   // 15 to 25
};

// Of likelihood x severity. Scores that two numbers from 1 to 5 cannot make belong to the band
// above the gap that they fall in.
Band BandOf(int64_t score);
absl::string_view BandName(Band band);  // "low"; "no rating" for kNone

// Whether the field's values are ratings, with a score and a band.
bool IsRating(const FieldSpec& field);

}  // namespace doorstep

#endif  // SYNC_CASES_BANDS_H_
