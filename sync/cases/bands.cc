#include "sync/cases/bands.h"

namespace doorstep {

Band BandOf(int64_t score) {
  if (score <= 0) return Band::kNone;
  if (score <= 3) return Band::kLow;
  if (score <= 6) return Band::kModerate;
  if (score <= 12) return Band::kHigh;
  return Band::kExtreme;
}

absl::string_view BandName(Band band) {
  switch (band) {
    case Band::kNone:
      return "no rating";
    case Band::kLow:
      return "low";
    case Band::kModerate:
      return "moderate";
    case Band::kHigh:
      return "high";
    case Band::kExtreme:
      return "extreme";
  }
  return "no rating";
}

bool IsRating(const FieldSpec& field) { return field.likelihood >= 0 && field.severity >= 0; }

}  // namespace doorstep
