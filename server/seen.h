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

// What an author had before them: the versions that stood, as far as this server can tell, when a
// unit was made. `checkpoint`: that the author had seen, in this database's present sequences
// (after a restore: as far as it still has what it had then); `common`: sequences beyond it may
// have been given anew since. A base that another device wrote proves that everything up to its
// sequence had been seen, so that a faulty program cannot pretend to have seen less. Earlier
// changes of its own incarnation it had before it too, also those that were pending then.
struct Sight {
  Uuid device;
  uint64_t checkpoint = 0;
  uint64_t common = 0;
};

// The versions that the author of each edit of a REVIEW field had before them, where the unit names
// some of the field's versions and not all that stand now. kResourceExhausted: more would have to
// be read than is followed.
absl::StatusOr<VisibleVersions> ReadVisible(const Schema& schema, const RecordStates& states,
                                            const Sight& sight, ReadView& view, const Unit& unit);

// The versions of REVIEW fields that the unit's edits name as base, and the proposals that its
// decisions to take something out name, as far as they are heads no more: read from the history.
// Of a REVIEW field only where there may have been something to decide. What was erased, and what
// lies beyond the limits for inherited bases (limits.h), is left out.
absl::StatusOr<ReplacedVersions> ReadReplaced(const Schema& schema, const RecordStates& states,
                                              ReadView& view, const Unit& unit);

}  // namespace doorstep::server

#endif  // SERVER_SEEN_H_
