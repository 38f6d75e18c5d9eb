// Conflict cases that are open on this replica, read from its rows.
#ifndef CLIENT_LIB_CONFLICTS_H_
#define CLIENT_LIB_CONFLICTS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client-lib/store.h"
#include "doorstep/types.h"
#include "sync/base/clock.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep::client {

struct OpenCase {
  RecordState record;
  const KindSpec* kind = nullptr;
  const FieldSpec* field = nullptr;
  // Of a case over a whole assessment (kAssessedField): the records that belong to it.
  std::vector<RecordState> children;
};

// By id, or by first digits that only one open case has. kNotFound: none; kInvalidArgument:
// several.
absl::StatusOr<OpenCase> FindCase(Store& store, absl::string_view case_id);

// In order of due time, then of case id. `now`: the device's clocks; deadlines are told by the
// server's time where the last contact gives it. `user`: for whom `you_may_settle` is said.
absl::StatusOr<std::vector<Conflict>> AllConflicts(Store& store, const ClockReading& now,
                                                   const std::string& user);

absl::StatusOr<Conflict> Describe(Store& store, const OpenCase& open, const ClockReading& now,
                                  const std::string& user);

// Conflict::seen of the versions that stand now.
absl::StatusOr<std::string> SeenNow(Store& store, const OpenCase& open);

// kPermissionDenied when `author` may not settle the case alone; says who may. `takes_out`: the
// elements of a SET that the decision takes out.
absl::Status CheckMaySettle(Store& store, const OpenCase& open,
                            const std::vector<std::string>& takes_out, const ClockReading& now,
                            const std::string& author);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_CONFLICTS_H_
