#include "client-lib/tries.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
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

}  // namespace

int64_t WaitAfterMs(int failures) {
  if (failures <= 0) return 0;
  return failures < kMaxUnlockFailures ? kWaits[static_cast<size_t>(failures)] : kLastWait;
}

int64_t WaitLeftMs(int failures, const ClockReading& tried, const ClockReading& now) {
  int64_t passed = now.wall_ms - tried.wall_ms;
  if (now.boot != 0) passed = now.boot == tried.boot ? now.mono_ms - tried.mono_ms : now.mono_ms;
  return std::max<int64_t>(0, WaitAfterMs(failures) - std::max<int64_t>(0, passed));
}

std::string WaitText(int64_t ms) {
  if (ms <= kMinute) return Count(ms, kSecond, "second");
  if (ms <= 2 * kHour) return Count(ms, kMinute, "minute");
  return Count(ms, kHour, "hour");
}

}  // namespace doorstep::client
