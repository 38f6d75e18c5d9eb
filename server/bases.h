// What a unit stands on: that every change it names as base has an outcome, and what a change
// inherits whose base was refused.
#ifndef SERVER_BASES_H_
#define SERVER_BASES_H_

#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "server/decide.h"
#include "server/store.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep::server {

struct Bases {
  // A base that has no outcome yet: the unit waits.
  std::optional<ChangeId> missing;
  // More refused changes than are followed.
  std::optional<Refusal> refusal;
  // Admitted times of bases that are not among the heads of the unit's records.
  absl::flat_hash_map<ChangeId, int64_t> times_ms;
};

// Looks up what `unit` names and `states` (the unit's records) do not hold as heads. A base that
// was refused is replaced, in `unit`, by the bases that it had itself; a refused add of a SET is
// dropped.
absl::StatusOr<Bases> ResolveBases(const Schema& schema, const RecordStates& states, ReadView& view,
                                   Unit* unit);

}  // namespace doorstep::server

#endif  // SERVER_BASES_H_
