// Why is this record here, or missing, or not as somebody else sees it? What a replica can answer
// by itself, without a link.
//
// Threads and errors: as the Replica.
#ifndef DOORSTEP_WHY_H_
#define DOORSTEP_WHY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace doorstep {

class Replica;

// One reason. `code` is for programs and never changes its meaning; `text` is a sentence for
// people.
//
//   here        SHARED_WITH_SITE  WRITTEN_HERE
//   not shown   HIDDEN  UNKNOWN_KIND  UNKNOWN_FIELDS
//   not as      WAITING_TO_SEND  SENT_NO_ANSWER  REFUSED  HELD  UNDECIDED  NOT_ASSESSED
//   others see
//   not due     STOPPED
//   not here    ON_ITS_WAY  REFUSED  HELD  WITHDRAWN  NO_LONGER_SHARED  REFERRED_TO  FILE_ONLY
//               TAKEN_OFF  NEVER_SEEN
//   how fresh   AS_KNOWN_AT  NEVER_SYNCED  FIRST_SYNC_UNFINISHED  BEING_REPAIRED
struct WhyReason {
  std::string code;
  std::string text;
  int64_t time_ms = 0;  // since when, or of when; 0 = the reason has no time
  std::string todo;     // what can be done about it; empty = nothing, or nothing need be
};

struct RecordWhy {
  std::string id;
  bool here = false;
  std::string kind, title, file, tier;  // empty when it is not here
  std::vector<WhyReason> reasons;       // never empty
};

// kInvalidArgument for what is no id. A record that is not here is an answer, not an error.
absl::StatusOr<RecordWhy> Why(Replica& replica, absl::string_view id);

}  // namespace doorstep

#endif  // DOORSTEP_WHY_H_
