#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "doorstep/v1/sync.pb.h"
#include "google/protobuf/stubs/logging.h"
#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"
#include "sync/base/entropy.h"
#include "sync/change/digest.h"
#include "sync/change/row_codec.h"
#include "sync/change/wire.h"
#include "tests/change/arbitrary.h"

namespace doorstep {
namespace {

RC_GTEST_PROP(Rows, AStateReadsBackWhole, ()) {
  const RecordState state = AnyState();
  const auto back = DecodeState(EncodeState(state));
  if (!back.ok()) RC_FAIL(back.status().ToString());
  RC_ASSERT(*back == state);
  RC_ASSERT(DigestOf(*back) == DigestOf(state));
}

RC_GTEST_PROP(Rows, ABatchReadsBackRowByRow, ()) {
  std::vector<RecordState> states;
  for (int n = *rc::gen::inRange(1, 6); n > 0; --n) states.push_back(AnyState());
  v1::PullRows rows;
  RowWriter writer(&rows);
  for (const RecordState& state : states) writer.AddWhole(state);
  v1::PullRows sent;
  RC_ASSERT(sent.ParseFromString(rows.SerializeAsString()));
  for (size_t i = 0; i < states.size(); ++i) {
    const auto back = ReadRow(sent, static_cast<int>(i));
    if (!back.ok()) RC_FAIL(back.status().ToString());
    RC_ASSERT(*back == states[i]);
  }
  RC_ASSERT(!ReadRow(sent, static_cast<int>(states.size())).ok());
  RC_ASSERT(!ReadRow(sent, -1).ok());
}

// What was before, with what is beyond the cursor, is what is now.
RC_GTEST_PROP(Rows, ADeltaBringsAnOldStateUpToDate, ()) {
  const RecordState now = AnyState();
  const auto after = static_cast<uint64_t>(*rc::gen::inRange(0, 6));
  RecordState old = now;
  for (FieldState& field : old.fields) {
    if (field.sequence > after) field = FieldState{field.field, 0, {}};
  }
  v1::PullRows rows;
  const size_t bytes = RowWriter(&rows).AddRecord(now, after);
  if (now.Sequence() <= after) {
    RC_ASSERT(bytes == 0u);
    RC_ASSERT(rows.records_size() == 0);
    return;
  }
  auto delta = ReadRow(rows, 0);
  if (!delta.ok()) RC_FAIL(delta.status().ToString());
  for (const FieldState& field : delta->fields) RC_ASSERT(field.sequence > after);
  ApplyDelta(*std::move(delta), &old);
  RC_ASSERT(old == now);
}

RC_GTEST_PROP(Rows, TheSizeIsAboutRight, ()) {
  v1::PullRows rows;
  const size_t said = RowWriter(&rows).AddWhole(AnyState());
  const size_t is = rows.records(0).ByteSizeLong();
  RC_ASSERT(is <= said + 100);
  RC_ASSERT(said <= 4 * is + 100);
}

TEST(HostileRows, RandomMutationsAreSafe) {
  const google::protobuf::LogSilencer silence;  // it logs every text that is not UTF-8
  constexpr uint64_t kSeed = 20260702;
  SeededEntropy entropy(kSeed);
  rc::Random random(kSeed);
  std::vector<std::string> blobs;
  for (int i = 0; i < 40; ++i) {
    blobs.push_back(
        EncodeState(rc::gen::exec(&AnyState)(random.split(), rc::kNominalSize).value()));
  }
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = blobs[entropy.Below(blobs.size())];
    for (uint64_t n = 1 + entropy.Below(4); n > 0; --n) {
      char& byte = bytes[entropy.Below(bytes.size())];
      byte = static_cast<char>(entropy.Below(2) == 0 ? entropy.Below(256)
                                                     : static_cast<uint64_t>(byte) + 1);
    }
    if (entropy.Below(4) == 0) bytes.resize(entropy.Below(bytes.size()));
    const auto state = DecodeState(bytes);
    if (!state.ok()) continue;
    ++accepted;
    const auto again = DecodeState(EncodeState(*state));
    ASSERT_TRUE(again.ok()) << "round " << round << ": " << again.status();
    ASSERT_TRUE(*again == *state) << "round " << round;
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace doorstep
