// How long a wrong PIN keeps people waiting.
#include "client-lib/tries.h"

#include <cstdint>
#include <limits>

#include "gtest/gtest.h"
#include "sync/base/limits.h"

namespace doorstep::client {
namespace {

TEST(Tries, EveryWaitIsAtLeastTheOneBefore) {
  for (int failures = 1; failures < 2 * kMaxUnlockFailures; ++failures) {
    EXPECT_GE(WaitAfterMs(failures), WaitAfterMs(failures - 1));
  }
  EXPECT_EQ(WaitAfterMs(3), 0);
  EXPECT_EQ(WaitLeftMs(4, {100, 7, 1'000}, {0, 7, 11'000}), 20'000);
  EXPECT_EQ(WaitLeftMs(4, {100, 7, 1'000}, {9'999'999, 8, 11'000}), 19'000);
  // Where the system names no boot there is only the wall clock.
  EXPECT_EQ(WaitLeftMs(4, {100, 0, 0}, {10'100, 0, 0}), 20'000);
  EXPECT_EQ(WaitLeftMs(4, {100, 0, 0}, {0, 0, 0}), 30'000);
  EXPECT_EQ(WaitText(30'000), "30 seconds");
  EXPECT_EQ(WaitText(1'000), "1 second");
  EXPECT_EQ(WaitText(299'999), "5 minutes");
  EXPECT_EQ(WaitText(86'400'000), "24 hours");
}

// Clocks that a file makes up: the wait may be long, and is one.
TEST(Tries, NoReadingIsTooFar) {
  EXPECT_GT(WaitLeftMs(10, {std::numeric_limits<int64_t>::max(), 0, 0},
                       {std::numeric_limits<int64_t>::min(), 0, 0}),
            0);
  EXPECT_EQ(WaitLeftMs(10, {std::numeric_limits<int64_t>::min(), 0, 0},
                       {std::numeric_limits<int64_t>::max(), 0, 0}),
            0);
}

}  // namespace
}  // namespace doorstep::client
