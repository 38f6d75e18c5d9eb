// What the author of an edit had before them, also where it has been replaced since: so that what
// is asked of a decision has one answer in whatever order things arrive.
#ifndef SERVER_SEEN_H_
#define SERVER_SEEN_H_

#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "server/decide.h"
#include "server/store.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep::server {

// The versions of REVIEW fields that the unit's edits name as base, two or more of one field, and
// that are heads no more, read from the history. What was erased, and what lies beyond the limits
// for inherited bases (limits.h), is left out.
absl::StatusOr<ReplacedVersions> ReadReplaced(const Schema& schema, const RecordStates& states,
                                              ReadView& view, const Unit& unit);

}  // namespace doorstep::server

#endif  // SERVER_SEEN_H_
