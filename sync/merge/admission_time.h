// The time of a change, computed once, by the server, when it admits it (rule "time is evidence").
// Pure functions; any reading may be nonsense or hostile, and arithmetic saturates.
#ifndef SYNC_MERGE_ADMISSION_TIME_H_
#define SYNC_MERGE_ADMISSION_TIME_H_

#include <cstdint>

#include "sync/base/clock.h"
#include "sync/change/state.h"

namespace doorstep {

enum class TimeSource : uint8_t {
  kSameBoot = 1,      // the device has not restarted since the edit: monotonic difference
  kSinceContact = 2,  // same boot as the last server contact: contact time + monotonic difference
  kWallOffset = 3,    // wall clock, corrected by its offset at the moment of sending
  kLowerBound = 4,    // the estimate was impossible: a bound was taken
};

struct AdmissionTime {
  int64_t time_ms = 0;
  // The true time lies within time ± this, as far as can be told. INT64_MAX: it cannot be told.
  int64_t uncertainty_ms = 0;
  TimeSource source = TimeSource::kSameBoot;
};

// `stamp`: from the unit. `sending`: the device's clocks when it sent the push that carries the
// unit. `receipt_ms`: the server's time at that moment. `latest_base_ms`: the highest time among
// the heads and changes that the change names as base; INT64_MIN when none.
//
// The estimate of the first source (in the order above) for which there are readings, when it lies
// within [max(latest_base + 1, last contact), receipt], else the lower bound. When there is no
// lower bound at all the estimate is cut to the receipt. A contact later than the receipt is no
// evidence and is ignored.
//
// So the result is always greater than latest_base (unless that is INT64_MAX), and never later than
// the receipt unless latest_base is.
AdmissionTime Admit(const Stamp& stamp, const ClockReading& sending, int64_t receipt_ms,
                    int64_t latest_base_ms);

// A replica's own estimate for a pending change, until admission: the time since the last contact
// where the monotonic clock tells it, else the wall clock as it stands; never below the lower
// bound. `latest_base_ms` as above, with the replica's own estimates for what is pending: compute
// it again whenever a base was admitted.
int64_t EstimateTime(const Stamp& stamp, int64_t latest_base_ms);

}  // namespace doorstep

#endif  // SYNC_MERGE_ADMISSION_TIME_H_
