// The bands of a rating, by name: the one place. Where they end, sync/schema/bands.h says, or the
// schema.
#ifndef SYNC_CASES_BANDS_H_
#define SYNC_CASES_BANDS_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "sync/schema/schema.h"

namespace doorstep {

enum class Band : uint8_t {
  kNone = 0,      // no rating, or one that lacks a part
  kLow = 1,       // score 1 to 3, unless the schema says otherwise
  kModerate = 2,  // 4 to 6
  kHigh = 3,      // 8 to 12
  kExtreme = 4,   // 15 to 25
};
inline constexpr std::array<Band, 4> kBands = {Band::kLow, Band::kModerate, Band::kHigh,
                                               Band::kExtreme};

// Of likelihood x severity, in a field whose values are ratings. Scores that two numbers from 1 to
// 5 cannot make belong to the band above the gap that they fall in.
Band BandOf(const FieldSpec& field, int64_t score);
absl::string_view BandName(Band band);  // "low"; "no rating" for kNone
// "low (to 3)", "extreme (above 12)": with the scores of the field that are in the band.
std::string BandWords(const FieldSpec& field, Band band);

// Whether the field's values are ratings, with a score and a band.
bool IsRating(const FieldSpec& field);

}  // namespace doorstep

#endif  // SYNC_CASES_BANDS_H_
