// One target under libFuzzer: compiled once for each, with its name.
#include <cstddef>
#include <cstdint>

#include "google/protobuf/stubs/logging.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static google::protobuf::LogHandler* const silent = google::protobuf::SetLogHandler(nullptr);
  static_cast<void>(silent);
  doorstep::fuzz::DOORSTEP_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
