// Whole records through Plan: a change applied to a state, and what its reader sees. Used by the
// server's admission and by a replica's fold alike.
#ifndef SYNC_MERGE_RECORD_H_
#define SYNC_MERGE_RECORD_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep {

// Applies each edit of `change` with Plan. `state` is the record's (for a creation: with id, kind
// and compartment set, and usually no fields). Edits of fields that the kind does not have are
// left out. Returns the gravest word: CONFLICT, then MERGED, then APPLIED.
Word PlanChange(const KindSpec& kind, const ChangeData& change, int64_t time_ms, uint64_t sequence,
                absl::string_view author, RecordState* state);

// The highest time among the heads that the change names as bases, INT64_MIN when none stands.
int64_t LatestBaseTime(const ChangeData& change, const RecordState& state);

// The effective values as one serialized message of the kind; fields that the kind does not have
// follow with all their heads. Marks are left out.
std::string EffectiveMessage(const KindSpec& kind, const RecordState& state);

}  // namespace doorstep

#endif  // SYNC_MERGE_RECORD_H_
