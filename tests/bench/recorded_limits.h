// What one operation of each limit took when it was recorded, in time of the processor, as a
// multiple of a row of the bare loop of the same run (an insert of 600 bytes by rowid). A limit
// that has become slower makes the product look better than it is, so the program warns. README.md
// has the figures behind these.
#ifndef TESTS_BENCH_RECORDED_LIMITS_H_
#define TESTS_BENCH_RECORDED_LIMITS_H_

#include "absl/strings/string_view.h"

namespace doorstep::bench {

struct RecordedLimit {
  absl::string_view workload;
  absl::string_view name;
  double times_bare;
};

inline constexpr RecordedLimit kRecordedLimits[] = {
    {"local-write", "bulk insert", 6.5}, {"local-write", "open", 3.0},
    {"local-write", "bulk edit", 3.0},   {"local-write", "one edit, NORMAL", 8.8},
    {"first-sync", "all records", 6.0},  {"push", "single-field edits", 3.1},
    {"growth", "first sync, 1x", 7.5},   {"growth", "first sync, 2x", 5.7},
    {"growth", "first sync, 4x", 5.7},
};

}  // namespace doorstep::bench

#endif  // TESTS_BENCH_RECORDED_LIMITS_H_
