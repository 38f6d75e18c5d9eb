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

// When somebody is in the office: Monday to Friday, 08:00 to 18:00 UTC. Public holidays count as
// days like others: who is away then has said so.
inline constexpr int64_t kOfficeOpensHour = 8;
inline constexpr int64_t kOfficeClosesHour = 18;
constexpr bool InOfficeHours(int64_t time_ms) {
  constexpr int64_t kDayMs = 24 * kHourMs;
  const int64_t of_day = (time_ms % kDayMs + kDayMs) % kDayMs;
  const int64_t day = (time_ms - of_day) / kDayMs;
  const int64_t weekday = ((day + 3) % 7 + 7) % 7;  // 1970-01-01 was a Thursday; 0 is Monday
  return weekday < 5 && of_day >= kOfficeOpensHour * kHourMs &&
         of_day < kOfficeClosesHour * kHourMs;
}

}  // namespace doorstep

#endif  // SYNC_CASES_DEADLINES_H_
