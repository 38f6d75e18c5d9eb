#include "sync/base/entropy.h"

#include <array>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "gtest/gtest.h"

namespace doorstep {
namespace {

std::vector<uint8_t> Take(Entropy& entropy, size_t count) {
  std::vector<uint8_t> bytes(count);
  entropy.Fill(absl::MakeSpan(bytes));
  return bytes;
}

TEST(SeededEntropy, RepeatsForASeedAndDiffersBetweenSeeds) {
  SeededEntropy a(1), again(1), b(2);
  const auto first = Take(a, 100);
  EXPECT_EQ(first, Take(again, 100));
  EXPECT_NE(first, Take(b, 100));
  EXPECT_NE(first, Take(a, 100));
}

// Recorded seeds must replay for ever, on every machine: these values may not change.
TEST(SeededEntropy, NeverChangesItsStream) {
  SeededEntropy entropy(42);
  EXPECT_EQ(entropy.Next(), 1546998764402558742u);
  EXPECT_EQ(entropy.Next(), 6990951692964543102u);
  SeededEntropy bytes(42);
  const uint64_t first = 1546998764402558742u;
  const auto taken = Take(bytes, 3);
  for (size_t i = 0; i < taken.size(); ++i) {
    EXPECT_EQ(taken[i], static_cast<uint8_t>(first >> (8 * i)));
  }
}

TEST(SeededEntropy, BelowIsWithinBoundsAndReachesAll) {
  SeededEntropy entropy(3);
  std::array<int, 7> counts{};
  for (int i = 0; i < 7000; ++i) {
    const uint64_t value = entropy.Below(counts.size());
    ASSERT_LT(value, counts.size());
    ++counts[value];
  }
  for (const int count : counts) EXPECT_NEAR(count, 1000, 200);
  EXPECT_EQ(entropy.Below(1), 0u);
  EXPECT_LT(entropy.Below(UINT64_MAX), UINT64_MAX);
}

TEST(SystemEntropy, FillsAnyLengthDifferently) {
  EXPECT_EQ(Take(*SystemEntropy(), 0).size(), 0u);
  EXPECT_NE(Take(*SystemEntropy(), 16), Take(*SystemEntropy(), 16));
  const auto large = Take(*SystemEntropy(), 100'000);  // more than getrandom gives at once
  int zeros = 0;
  for (const uint8_t byte : large) zeros += byte == 0 ? 1 : 0;
  EXPECT_LT(zeros, 1000);
}

TEST(Uuid7, HoldsTimeVersionAndVariant) {
  SeededEntropy entropy(4);
  const Uuid id = NewUuidV7(0x0190a5c27f31, entropy);
  EXPECT_EQ(id.ToString().substr(0, 15), "0190a5c2-7f31-7");
  EXPECT_EQ(id.b[8] & 0xc0, 0x80);
}

TEST(Uuid7, SortsByTimeAndClampsIt) {
  SeededEntropy entropy(5);
  EXPECT_LT(NewUuidV7(1000, entropy), NewUuidV7(1001, entropy));
  EXPECT_EQ(NewUuidV7(-1, entropy).ToString().substr(0, 13), "00000000-0000");
  EXPECT_EQ(NewUuidV7(INT64_MAX, entropy).ToString().substr(0, 13), "ffffffff-ffff");
}

TEST(Uuid4, HoldsVersionAndVariantAndRepeatsNever) {
  absl::flat_hash_set<Uuid> seen;
  for (int i = 0; i < 10000; ++i) {
    const Uuid id = NewUuidV4(*SystemEntropy());
    ASSERT_EQ(id.b[6] >> 4, 4);
    ASSERT_EQ(id.b[8] & 0xc0, 0x80);
    ASSERT_TRUE(seen.insert(id).second);
  }
}

}  // namespace
}  // namespace doorstep
