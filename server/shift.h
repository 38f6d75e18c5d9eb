// The ledger of a shift's end: which of a site's tablets have handed over what they hold, for the
// manager who wants to know that nothing is outstanding.
#ifndef SERVER_SHIFT_H_
#define SERVER_SHIFT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/base/bytes.h"
#include "sync/sqlite/database.h"

namespace doorstep::server {

// How long before now a shift's end began, when nobody says.
inline constexpr int64_t kShiftMinutes = 60;
inline constexpr int64_t kMaxShiftMinutes = int64_t{31} * 24 * 60;

// A tablet that was silent for longer is lost or put away: nobody waits for it, and no site is
// stale because of it. The one place that says so; measures count by it too.
inline constexpr int64_t kExpectedMs = int64_t{14} * 24 * 60 * 60 * 1000;

struct ShiftTablet {
  Uuid id;
  std::string name;
  int64_t last_seen_ms = 0;
  // Changes that it had when it was last seen and that have not arrived. Exact: what has arrived
  // since is taken off. Not exact, for programs that say no more than a number: what it said.
  int64_t pending = 0;
  bool exact = false;
  int64_t received = 0;   // changes, since the shift's end began
  int64_t people = 0;     // who made them
  bool in = false;        // seen since then, and nothing pending
  bool expected = false;  // see kExpectedMs
};

struct Shift {
  std::string site;
  std::string name;  // of the site
  int64_t as_of_ms = 0;
  int64_t since_ms = 0;
  int64_t in = 0;
  int64_t expected = 0;  // tablets
  int64_t pending = 0;   // changes, of tablets that are expected
  int64_t received = 0;
  int64_t people = 0;
  // Attachments of records that have arrived, which have not (attachments.h): apart from changes.
  int64_t attachments_missing = 0;
  uint64_t attachment_bytes_missing = 0;
  std::vector<ShiftTablet> tablets;  // those that are not in first, then by name

  std::string ToText() const;
  std::string ToJson() const;
};

// The tablets of a site in order of name, without what was received from them; none: no such site.
// In the transaction that its caller has open.
absl::StatusOr<std::vector<ShiftTablet>> ReadTablets(Database& db, absl::string_view site,
                                                     int64_t now_ms);

// What a tablet that is silent has done since it was last seen, nobody can know: so it is in only
// when it was seen within `within_ms`. kNotFound: no such site.
absl::StatusOr<Shift> ReadShift(Database& db, absl::string_view site, int64_t within_ms,
                                int64_t now_ms);

}  // namespace doorstep::server

#endif  // SERVER_SHIFT_H_
