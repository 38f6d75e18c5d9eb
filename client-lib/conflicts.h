// Conflict cases that are open on this replica, read from its rows.
#ifndef CLIENT_LIB_CONFLICTS_H_
#define CLIENT_LIB_CONFLICTS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client-lib/store.h"
#include "doorstep/types.h"
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

// In order of due time, then of case id.
absl::StatusOr<std::vector<Conflict>> AllConflicts(Store& store);

absl::StatusOr<Conflict> Describe(const Schema& schema, const OpenCase& open);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_CONFLICTS_H_
