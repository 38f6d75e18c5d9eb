// How long people have to decide. In milliseconds.
#ifndef SYNC_CASES_DEADLINES_H_
#define SYNC_CASES_DEADLINES_H_

#include <cstdint>

namespace doorstep {

inline constexpr int64_t kHourMs = 3600 * 1000;

// Where harm can hang on the value: by the next working shift at the latest, and the person who
// decides may have to see somebody first. From the admitted time of the latest version.
inline constexpr int64_t kSafetyDueMs = 24 * kHourMs;
// Everything else: the week in which a caseload is looked through.
inline constexpr int64_t kOtherDueMs = 7 * 24 * kHourMs;
// When it is due it goes to the second person, who has as long again; then to the duty contact.
inline constexpr int kEscalationLevels = 3;

}  // namespace doorstep

#endif  // SYNC_CASES_DEADLINES_H_
