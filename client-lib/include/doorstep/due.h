// What has to be done by a day or by an instant: fields of the schema that are marked as due
// (doorstep/v1/due.proto, due_more.proto), of records that are held here. It stops, by itself,
// while those whom a record is about are closed (somebody has died), and goes on, by itself, when
// that is taken back: nothing is changed for it.
//
// Threads and errors: as the Replica.
#ifndef DOORSTEP_DUE_H_
#define DOORSTEP_DUE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace doorstep {

class Replica;

struct DueItem {
  std::string record;
  std::string kind;
  std::string title;  // "Peter Hall - Going out"
  std::string field;
  std::string label;
  std::string day;               // YYYY-MM-DD; of an instant: its day in UTC
  std::optional<int64_t> at_ms;  // of an instant
  bool overdue = false;          // before today; before now
  bool stopped = false;          // not due any more; listed only when asked for
};

struct DueOptions {
  std::string until;     // the last day, YYYY-MM-DD (of instants to its end in UTC); empty: today
  bool stopped = false;  // also what has stopped
};

// In order of day (and moment, where there is one: before what is due in the course of that day),
// then record. Hidden records, those in which nothing is due (done, replaced, answered, corrected,
// entered in error) are left out. kInvalidArgument for a day that is none.
absl::StatusOr<std::vector<DueItem>> Due(Replica& replica, const DueOptions& options = {});

}  // namespace doorstep

#endif  // DOORSTEP_DUE_H_
