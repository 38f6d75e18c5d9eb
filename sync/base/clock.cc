#include "sync/base/clock.h"

#include <time.h>

#include <chrono>
#include <cstddef>
#include <fstream>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "sync/base/bytes.h"
#include "sync/base/status.h"

namespace doorstep {
namespace {

constexpr int64_t kMsPerSecond = 1000;
constexpr int64_t kMsPerMinute = 60 * kMsPerSecond;
constexpr int64_t kMsPerHour = 60 * kMsPerMinute;
constexpr int64_t kMsPerDay = 24 * kMsPerHour;

constexpr int64_t kFirstMs = -62167219200000;  // 0000-01-01T00:00:00.000Z
constexpr int64_t kLastMs = 253402300799999;   // 9999-12-31T23:59:59.999Z

int64_t ReadMs(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return int64_t{t.tv_sec} * kMsPerSecond + t.tv_nsec / 1'000'000;
}

uint64_t ReadBootId() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  if (!std::getline(file, text)) return 0;
  const absl::StatusOr<Uuid> id = Uuid::Parse(text);
  if (!id.ok()) return 0;
  uint64_t boot = 0;
  for (size_t i = 0; i < 8; ++i) boot = boot << 8 | id->b[i];
  return boot;
}

class RealClock : public Clock {
 public:
  ClockReading Read() override {
    ClockReading reading;
    reading.wall_ms = ReadMs(CLOCK_REALTIME);
    reading.boot = boot_;
    reading.mono_ms = ReadMs(CLOCK_BOOTTIME);
    return reading;
  }

 private:
  const uint64_t boot_ = ReadBootId();
};

// Takes fixed parts off the front of a text.
class Scanner {
 public:
  explicit Scanner(absl::string_view text) : rest_(text) {}

  bool Digits(size_t count, int* out) {
    if (rest_.size() < count) return false;
    int value = 0;
    for (size_t i = 0; i < count; ++i) {
      if (!IsDigit(rest_[i])) return false;
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    *out = value;
    return true;
  }

  bool Char(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // One to nine digits, as milliseconds.
  bool Fraction(int* ms) {
    size_t count = 0;
    *ms = 0;
    while (count < rest_.size() && IsDigit(rest_[count])) {
      if (count < 3) *ms = *ms * 10 + (rest_[count] - '0');
      ++count;
    }
    for (size_t i = count; i < 3; ++i) *ms *= 10;
    rest_.remove_prefix(count);
    return count >= 1 && count <= 9;
  }

  bool AtEnd() const { return rest_.empty(); }

 private:
  static bool IsDigit(char c) { return c >= '0' && c <= '9'; }
  absl::string_view rest_;
};

bool ScanDate(Scanner& scan, int64_t* ms) {
  int year, month, day;
  if (!scan.Digits(4, &year) || !scan.Char('-') || !scan.Digits(2, &month) || !scan.Char('-') ||
      !scan.Digits(2, &day)) {
    return false;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return false;
  *ms = int64_t{std::chrono::sys_days(date).time_since_epoch().count()} * kMsPerDay;
  return true;
}

bool ScanTime(Scanner& scan, int64_t* ms) {
  int hour, minute, second, fraction = 0;
  if (!scan.Digits(2, &hour) || !scan.Char(':') || !scan.Digits(2, &minute) || !scan.Char(':') ||
      !scan.Digits(2, &second)) {
    return false;
  }
  if (scan.Char('.') && !scan.Fraction(&fraction)) return false;
  if (hour > 23 || minute > 59 || second > 59) return false;
  *ms = hour * kMsPerHour + minute * kMsPerMinute + second * kMsPerSecond + fraction;
  return true;
}

bool ScanOffset(Scanner& scan, int64_t* ms) {
  *ms = 0;
  if (scan.Char('Z')) return true;
  const bool east = scan.Char('+');
  int hour, minute;
  if (!east && !scan.Char('-')) return false;
  if (!scan.Digits(2, &hour) || !scan.Char(':') || !scan.Digits(2, &minute)) return false;
  if (hour > 23 || minute > 59) return false;
  *ms = (east ? 1 : -1) * (hour * kMsPerHour + minute * kMsPerMinute);
  return true;
}

}  // namespace

Clock* SystemClock() {
  static RealClock* const clock = new RealClock;
  return clock;
}

ManualClock::ManualClock(int64_t wall_ms) {
  now_.wall_ms = wall_ms;
  now_.boot = 1;
  now_.mono_ms = kMsPerMinute;
}

ClockReading ManualClock::Read() {
  MutexLock lock(mu_);
  return now_;
}

void ManualClock::Advance(int64_t ms) {
  if (ms < 0) return;
  MutexLock lock(mu_);
  now_.wall_ms += ms;
  now_.mono_ms += ms;
}

void ManualClock::SetWall(int64_t wall_ms) {
  MutexLock lock(mu_);
  now_.wall_ms = wall_ms;
}

void ManualClock::Reboot() {
  MutexLock lock(mu_);
  ++now_.boot;
  now_.mono_ms = 0;
}

std::string FormatUtc(int64_t ms) {
  if (ms < kFirstMs || ms > kLastMs) return absl::StrCat("(time out of range: ", ms, ")");
  const auto time = std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(ms));
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const int64_t in_day = (time - day).count();
  return absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                         static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                         in_day / kMsPerHour, in_day / kMsPerMinute % 60,
                         in_day / kMsPerSecond % 60, in_day % kMsPerSecond);
}

absl::StatusOr<int64_t> ParseUtc(absl::string_view text) {
  Scanner scan(text);
  int64_t date, time, offset;
  if (ScanDate(scan, &date) && scan.Char('T') && ScanTime(scan, &time) &&
      ScanOffset(scan, &offset) && scan.AtEnd()) {
    const int64_t ms = date + time - offset;
    if (ms >= kFirstMs && ms <= kLastMs) return ms;
  }
  return InvalidField("time", text, "a time such as 2026-11-22T09:00:00.123Z");
}

}  // namespace doorstep
