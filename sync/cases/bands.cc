#include "sync/cases/bands.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "sync/schema/bands.h"

namespace doorstep {

Band BandOf(const FieldSpec& field, int64_t score) {
  const BandLimits limits = BandLimitsOf(field);
  if (score <= 0) return Band::kNone;
  if (score <= limits.low) return Band::kLow;
  if (score <= limits.moderate) return Band::kModerate;
  if (score <= limits.high) return Band::kHigh;
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

std::string BandWords(const FieldSpec& field, Band band) {
  const BandLimits limits = BandLimitsOf(field);
  switch (band) {
    case Band::kNone:
      break;
    case Band::kLow:
      return absl::StrCat(BandName(band), " (to ", limits.low, ")");
    case Band::kModerate:
      return absl::StrCat(BandName(band), " (to ", limits.moderate, ")");
    case Band::kHigh:
      return absl::StrCat(BandName(band), " (to ", limits.high, ")");
    case Band::kExtreme:
      return absl::StrCat(BandName(band), " (above ", limits.high, ")");
  }
  return std::string(BandName(Band::kNone));
}

bool IsRating(const FieldSpec& field) { return field.likelihood >= 0 && field.severity >= 0; }

}  // namespace doorstep
