#include "sync/change/state.h"

#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "sync/change/row_codec.h"

namespace doorstep {
namespace {

Head MakeHead(int64_t time_ms, uint8_t incarnation, uint64_t counter, const char* value) {
  Head head;
  head.time_ms = time_ms;
  head.id = {Uuid{{incarnation}}, counter};
  head.value = value;
  return head;
}

TEST(HeadBefore, IsByTimeThenIdThenValue) {
  const std::vector<Head> ordered = {MakeHead(-1, 9, 9, "z"), MakeHead(1, 1, 2, "z"),
                                     MakeHead(1, 2, 1, "y"),  MakeHead(1, 2, 1, "z"),
                                     MakeHead(1, 2, 2, "a"),  MakeHead(2, 0, 0, "")};
  for (size_t i = 0; i < ordered.size(); ++i) {
    for (size_t j = 0; j < ordered.size(); ++j) {
      EXPECT_EQ(HeadBefore(ordered[i], ordered[j]), i < j) << i << " " << j;
    }
  }
}

TEST(RecordState, AtKeepsTheOrderOfFields) {
  RecordState state;
  for (const uint32_t field : {5u, 1u, 9u, 5u, 3u}) state.At(field).sequence = field;
  ASSERT_EQ(state.fields.size(), 4u);
  for (size_t i = 1; i < state.fields.size(); ++i) {
    EXPECT_LT(state.fields[i - 1].field, state.fields[i].field);
  }
  EXPECT_EQ(state.Find(4), nullptr);
  EXPECT_EQ(state.Find(9)->sequence, 9u);
  EXPECT_EQ(state.Sequence(), 9u);
  EXPECT_EQ(RecordState().Sequence(), 0u);
}

TEST(ApplyDelta, ReplacesAndInserts) {
  RecordState state;
  for (const uint32_t field : {1u, 3u, 5u}) state.At(field).sequence = 1;
  RecordState delta;
  for (const uint32_t field : {2u, 3u, 7u}) delta.At(field).sequence = 2;
  ApplyDelta(delta, &state);
  std::vector<std::pair<uint32_t, uint64_t>> got;
  for (const FieldState& field : state.fields) got.emplace_back(field.field, field.sequence);
  const std::vector<std::pair<uint32_t, uint64_t>> want = {{1, 1}, {2, 2}, {3, 2}, {5, 1}, {7, 2}};
  EXPECT_EQ(got, want);
}

TEST(ChangeId, ReadsAsIncarnationAndCounter) {
  EXPECT_EQ((ChangeId{Uuid{{1}}, 7}).ToString(), "01000000-0000-0000-0000-000000000000:7");
  EXPECT_TRUE(ChangeId().IsNil());
  EXPECT_FALSE((ChangeId{Uuid(), 1}).IsNil());
}

TEST(WordName, NamesEveryWord) {
  EXPECT_EQ(WordName(Word::kApplied), "APPLIED");
  EXPECT_EQ(WordName(Word::kWithdrawn), "WITHDRAWN");
  EXPECT_EQ(WordName(static_cast<Word>(99)), "UNSPECIFIED");
}

}  // namespace
}  // namespace doorstep
