// A moment as people read it. Formatting alone: nothing here asks what time it is.
#ifndef SYNC_BASE_MOMENT_H_
#define SYNC_BASE_MOMENT_H_

#include <cstdint>
#include <string>

namespace doorstep {

// "Sun 22 Nov 2026 09:00", as clocks stood so many minutes east of UTC.
std::string FormatMoment(int64_t ms, int64_t minutes_east);
// "UTC+01:00".
std::string FormatOffset(int64_t minutes_east);

}  // namespace doorstep

#endif  // SYNC_BASE_MOMENT_H_
