#include "sync/base/clock.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace doorstep {
namespace {

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock(1000);
  const ClockReading first = clock.Read();
  EXPECT_EQ(first.wall_ms, 1000);
  EXPECT_EQ(clock.Read(), first);
  clock.Advance(250);
  EXPECT_EQ(clock.Read().wall_ms, 1250);
  EXPECT_EQ(clock.Read().mono_ms, first.mono_ms + 250);
  EXPECT_EQ(clock.Read().boot, first.boot);
}

TEST(ManualClock, WallClockMayJumpWhileTheOtherDoesNot) {
  ManualClock clock(1'000'000);
  const int64_t mono = clock.Read().mono_ms;
  clock.SetWall(-5);
  EXPECT_EQ(clock.Read().wall_ms, -5);
  EXPECT_EQ(clock.Read().mono_ms, mono);
}

TEST(ManualClock, RebootStartsTheMonotonicClockAgain) {
  ManualClock clock(7);
  const ClockReading before = clock.Read();
  clock.Reboot();
  EXPECT_NE(clock.Read().boot, before.boot);
  EXPECT_EQ(clock.Read().mono_ms, 0);
  EXPECT_EQ(clock.Read().wall_ms, 7);
}

TEST(SystemClock, IsOfThisCenturyAndDoesNotGoBack) {
  const ClockReading first = SystemClock()->Read();
  const ClockReading second = SystemClock()->Read();
  EXPECT_GT(first.wall_ms, *ParseUtc("2024-01-01T00:00:00Z"));
  EXPECT_GT(first.mono_ms, 0);
  EXPECT_GE(second.mono_ms, first.mono_ms);
  EXPECT_EQ(second.boot, first.boot);
  EXPECT_NE(first.boot, 0u);
}

struct Instant {
  int64_t ms;
  const char* text;
};

TEST(Utc, FormatsAndParses) {
  const std::vector<Instant> instants = {
      {0, "1970-01-01T00:00:00.000Z"},
      {-1, "1969-12-31T23:59:59.999Z"},
      {1795338000123, "2026-11-22T09:00:00.123Z"},
      {951782400000, "2000-02-29T00:00:00.000Z"},
      {-2203891200000, "1900-03-01T00:00:00.000Z"},
      {-62167219200000, "0000-01-01T00:00:00.000Z"},
      {253402300799999, "9999-12-31T23:59:59.999Z"},
  };
  for (const Instant& instant : instants) {
    EXPECT_EQ(FormatUtc(instant.ms), instant.text);
    const auto parsed = ParseUtc(instant.text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, instant.ms);
  }
}

TEST(Utc, EveryDayOfFourCenturiesComesBack) {
  constexpr int64_t kDay = 24 * 60 * 60 * 1000;
  for (int64_t day = -146097; day < 146097; day += 1) {
    const int64_t ms = day * kDay + 12345678;
    ASSERT_EQ(*ParseUtc(FormatUtc(ms)), ms) << FormatUtc(ms);
  }
}

TEST(Utc, SaysWhenATimeHasNoText) {
  EXPECT_EQ(FormatUtc(253402300800000), "(time out of range: 253402300800000)");
  EXPECT_EQ(FormatUtc(INT64_MIN), "(time out of range: -9223372036854775808)");
  EXPECT_EQ(FormatUtc(INT64_MAX), "(time out of range: 9223372036854775807)");
}

TEST(Utc, ParsesFractionsAndOffsets) {
  EXPECT_EQ(*ParseUtc("1970-01-01T00:00:01Z"), 1000);
  EXPECT_EQ(*ParseUtc("1970-01-01T00:00:01.5Z"), 1500);
  EXPECT_EQ(*ParseUtc("1970-01-01T00:00:01.05Z"), 1050);
  EXPECT_EQ(*ParseUtc("1970-01-01T00:00:01.123456789Z"), 1123);
  EXPECT_EQ(*ParseUtc("1970-01-01T01:00:00+01:00"), 0);
  EXPECT_EQ(*ParseUtc("1969-12-31T18:30:00-05:30"), 0);
}

TEST(Utc, RefusesWhatIsNoInstant) {
  for (const char* text : {"",
                           "2026-11-22",
                           "2026-11-22T09:00:00",
                           "2026-11-22 09:00:00Z",
                           "2026-11-22T09:00Z",
                           "2026-11-22T09:00:00.Z",
                           "2026-11-22T09:00:00.1234567890Z",
                           "2026-11-22T09:00:00ZZ",
                           "2026-11-22T24:00:00Z",
                           "2026-11-22T09:60:00Z",
                           "2026-11-22T23:59:60Z",
                           "2026-02-29T00:00:00Z",
                           "2100-02-29T00:00:00Z",
                           "2026-13-01T00:00:00Z",
                           "2026-00-01T00:00:00Z",
                           "2026-01-00T00:00:00Z",
                           "2026-11-22T09:00:00+24:00",
                           "2026-11-22T09:00:00+0100",
                           "+2026-11-22T09:00:00Z",
                           "-026-11-22T09:00:00Z",
                           "0000-01-01T00:00:00+00:01",
                           "9999-12-31T23:59:59-00:01",
                           "2026-11-22T09:00:00z"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseUtc(text).status())) << text;
  }
}

}  // namespace
}  // namespace doorstep
