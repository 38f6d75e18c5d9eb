// Time, as evidence. This is the only place that reads a clock.
//
// A reading holds the wall clock, which may be wrong or jump, and a clock that counts milliseconds
// since the machine started, which cannot, together with the name of that start. Two readings of
// one boot tell how much time passed between them whatever happened to the wall clock.
#ifndef SYNC_BASE_CLOCK_H_
#define SYNC_BASE_CLOCK_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/base/mutex.h"

namespace doorstep {

struct ClockReading {
  int64_t wall_ms = 0;  // since 1970-01-01T00:00:00Z, UTC, may be anything
  uint64_t boot = 0;    // names one start of the machine; 0: unknown, compare with nothing
  int64_t mono_ms = 0;  // since that start, suspended time included; never decreases

  bool operator==(const ClockReading&) const = default;
};

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual ClockReading Read() = 0;
};

// The machine's. Never null, never destroyed.
Clock* SystemClock();

// A clock that moves only when told to: for tests and the simulator. Thread-safe.
class ManualClock : public Clock {
 public:
  // Starts at `wall_ms` in boot 1, one minute after its start.
  explicit ManualClock(int64_t wall_ms = 0);

  ClockReading Read() override;

  // Time passes: both clocks move. `ms` must not be negative.
  void Advance(int64_t ms);
  // Somebody sets the wall clock: the monotonic clock does not notice.
  void SetWall(int64_t wall_ms);
  // The machine restarts: another boot, monotonic clock at zero, wall clock as it was.
  void Reboot();

 private:
  Mutex mu_;
  ClockReading now_ ABSL_GUARDED_BY(mu_);
};

// "2026-11-22T09:00:00.123Z": always UTC, always three decimals, so that text order is time order
// for the years 0000 to 9999. Outside them the text is "(time out of range: <ms>)".
std::string FormatUtc(int64_t ms);

// Reads what FormatUtc writes; also without the fraction, with one to nine decimals (cut to the
// millisecond), and with an offset such as +01:00 in place of Z. kInvalidArgument for all else,
// including days that do not exist and a leap second.
absl::StatusOr<int64_t> ParseUtc(absl::string_view text);

}  // namespace doorstep

#endif  // SYNC_BASE_CLOCK_H_
