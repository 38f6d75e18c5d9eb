// Where golden files are, and whether they are being written. See README.md.
#ifndef TESTS_GOLDEN_GOLDEN_H_
#define TESTS_GOLDEN_GOLDEN_H_

#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace doorstep::testing {

inline std::string GoldenPath(absl::string_view name) {
  return absl::StrCat(DOORSTEP_SOURCE_ROOT "/tests/golden/v1/", name);
}

inline bool WritesGolden() { return std::getenv("DOORSTEP_WRITE_GOLDEN") != nullptr; }

}  // namespace doorstep::testing

#endif  // TESTS_GOLDEN_GOLDEN_H_
