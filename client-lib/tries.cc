#include "client-lib/tries.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "sync/base/limits.h"

namespace doorstep::client {
namespace {

constexpr int64_t kSecond = 1'000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;

// By the number of failures.
constexpr std::array<int64_t, kMaxUnlockFailures> kWaits = {
    0, 0, 0, 0, 30 * kSecond, kMinute, 5 * kMinute, 15 * kMinute, kHour, 4 * kHour};
constexpr int64_t kLastWait = 24 * kHour;

std::string Count(int64_t ms, int64_t unit, const char* name) {
  const int64_t count = (ms + unit - 1) / unit;
  return absl::StrCat(count, " ", name, count == 1 ? "" : "s");
}

// Also of clocks that a file makes up; 0: none.
int64_t Passed(int64_t since, int64_t now) {
  if (now <= since) return 0;
  const uint64_t passed = static_cast<uint64_t>(now) - static_cast<uint64_t>(since);
  return static_cast<int64_t>(std::min<uint64_t>(passed, std::numeric_limits<int64_t>::max()));
}

}  // namespace

int64_t WaitAfterMs(int failures) {
  if (failures <= 0) return 0;
  return failures < kMaxUnlockFailures ? kWaits[static_cast<size_t>(failures)] : kLastWait;
}

int64_t WaitLeftMs(int failures, const ClockReading& tried, const ClockReading& now) {
  int64_t passed = Passed(tried.wall_ms, now.wall_ms);
  if (now.boot != 0) passed = Passed(now.boot == tried.boot ? tried.mono_ms : 0, now.mono_ms);
  return std::max<int64_t>(0, WaitAfterMs(failures) - passed);
}

std::string WaitText(int64_t ms) {
  if (ms <= kMinute) return Count(ms, kSecond, "second");
  if (ms <= 2 * kHour) return Count(ms, kMinute, "minute");
  return Count(ms, kHour, "hour");
}

}  // namespace doorstep::client
