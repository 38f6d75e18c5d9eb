// Any bytes as a unit's payload: no crash, and what parses can be written and read again.
//   input := changes:byte payload
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "sync/change/unit_codec.h"

namespace {

constexpr uint64_t kCounter = 40;

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace doorstep;  // NOLINT(google-build-using-namespace)
  if (size == 0) return 0;
  const Uuid own{{9}};
  const absl::string_view payload(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto unit = ParseUnit(*Schema::BuiltIn(), own, kCounter, data[0], payload);
  if (!unit.ok()) return 0;
  const auto written = EncodeUnit(*unit);
  Require(written.ok(), "what was read can be written");
  const auto again = ParseUnit(*Schema::BuiltIn(), own, kCounter, data[0], *written);
  Require(again.ok() && *again == *unit, "and read as the same");
  Require(*EncodeUnit(*again) == *written, "one unit has one encoding");
  return 0;
}
