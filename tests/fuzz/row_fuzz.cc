// Any bytes as a batch of rows: no crash, and each row that is read can be written and read again.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "doorstep/v1/sync.pb.h"
#include "google/protobuf/stubs/logging.h"
#include "sync/change/digest.h"
#include "sync/change/row_codec.h"
#include "sync/change/wire.h"

namespace {

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace doorstep;  // NOLINT(google-build-using-namespace)
  static google::protobuf::LogHandler* const silent = google::protobuf::SetLogHandler(nullptr);
  static_cast<void>(silent);
  v1::PullRows rows;
  if (!rows.ParseFromArray(data, static_cast<int>(size))) return 0;
  for (int i = 0; i < rows.records_size(); ++i) {
    const auto state = ReadRow(rows, i);
    if (!state.ok()) continue;
    const auto again = DecodeState(EncodeState(*state));
    Require(again.ok() && *again == *state, "what was read can be written and read as the same");
    Require(DigestOf(*again) == DigestOf(*state), "with the same digest");
    const KindSpec* kind = Schema::BuiltIn()->Find(state->kind);
    if (kind == nullptr) continue;
    for (const FieldState& field : state->fields) {
      const FieldSpec* spec = kind->Find(field.field);
      for (const Head& head : field.heads) {
        if (spec == nullptr || head.value.empty()) continue;
        const auto value = ParseValue(*kind, *spec, head.value, Unknown::kKeep);
        if (!value.ok()) continue;
        const auto same = ParseValue(*kind, *spec, *value, Unknown::kKeep);
        Require(same.ok() && *same == *value, "a canonical value is left alone");
        CompareKey(*spec, *value);
      }
    }
  }
  return 0;
}
