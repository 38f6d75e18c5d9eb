// Any bytes as a unit's payload: no crash, and what parses can be written and read again.
//   input := changes:byte payload
#include <cstdint>

#include "absl/strings/string_view.h"
#include "sync/change/unit_codec.h"
#include "tests/fuzz/target.h"

namespace doorstep::fuzz {

void Unit(absl::string_view input) {
  constexpr uint64_t kCounter = 40;
  if (input.empty()) return;
  const Uuid own{{9}};
  const auto changes = static_cast<unsigned char>(input[0]);
  const auto unit =
      ParseUnit(*doorstep::Schema::BuiltIn(), own, kCounter, changes, input.substr(1));
  if (!unit.ok()) return;
  const auto written = EncodeUnit(*unit);
  Require(written.ok(), "what was read can be written");
  const auto again = ParseUnit(*doorstep::Schema::BuiltIn(), own, kCounter, changes, *written);
  Require(again.ok() && *again == *unit, "and read as the same");
  Require(*EncodeUnit(*again) == *written, "one unit has one encoding");
}

}  // namespace doorstep::fuzz
