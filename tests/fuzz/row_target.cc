// Any bytes as a batch of rows: no crash, each row that is read can be written and read again, and
// whatever its heads are, it shows something.
//   input := PullRows
#include "doorstep/v1/sync.pb.h"
#include "sync/change/digest.h"
#include "sync/change/row_codec.h"
#include "sync/change/wire.h"
#include "sync/merge/plan.h"
#include "sync/merge/record.h"
#include "tests/fuzz/target.h"

namespace doorstep::fuzz {
namespace {

void Look(const KindSpec& kind, const RecordState& state) {
  EffectiveMessage(kind, state);
  for (const FieldState& field : state.fields) {
    const FieldSpec* spec = kind.Find(field.field);
    if (spec == nullptr) continue;
    bool canonical = true;
    for (const Head& head : field.heads) {
      if (head.value.empty()) continue;
      const auto value = ParseValue(kind, *spec, head.value, Unknown::kKeep);
      canonical = canonical && value.ok() && *value == head.value;
      if (!value.ok()) continue;
      const auto same = ParseValue(kind, *spec, *value, Unknown::kKeep);
      Require(same.ok() && *same == *value, "a canonical value is left alone");
      CompareKey(*spec, *value);
    }
    if (!canonical) continue;
    const Effective effective = EffectiveOf(*spec, field);
    Require(effective.provisional || !IsConflict(*spec, field) || !spec->needs_person(),
            "over a conflict a value is provisional");
    if (spec->carries_agreed()) AgreedFor(*spec, field);
  }
}

}  // namespace

void Row(absl::string_view input) {
  v1::PullRows rows;
  if (!rows.ParseFromArray(input.data(), static_cast<int>(input.size()))) return;
  for (int i = 0; i < rows.records_size(); ++i) {
    const auto state = ReadRow(rows, i);
    if (!state.ok()) continue;
    const auto again = DecodeState(EncodeState(*state));
    Require(again.ok() && *again == *state, "what was read can be written and read as the same");
    Require(DigestOf(*again) == DigestOf(*state), "with the same digest");
    const KindSpec* kind = doorstep::Schema::BuiltIn()->Find(state->kind);
    if (kind != nullptr) Look(*kind, *state);
  }
}

}  // namespace doorstep::fuzz
