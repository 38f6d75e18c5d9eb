#include "sync/base/moment.h"

#include <string>

#include "absl/time/time.h"

namespace doorstep {
namespace {

constexpr int64_t kSecondsPerMinute = 60;

absl::TimeZone Zone(int64_t minutes_east) {
  return absl::FixedTimeZone(static_cast<int>(minutes_east * kSecondsPerMinute));
}

}  // namespace

std::string FormatMoment(int64_t ms, int64_t minutes_east) {
  return absl::FormatTime("%a %d %b %Y %H:%M", absl::FromUnixMillis(ms), Zone(minutes_east));
}

std::string FormatOffset(int64_t minutes_east) {
  return absl::FormatTime("UTC%Ez", absl::UnixEpoch(), Zone(minutes_east));
}

}  // namespace doorstep
