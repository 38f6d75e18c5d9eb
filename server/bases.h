// What a unit stands on: that every change it names as base has an outcome, and what a change
// inherits whose base was refused.
#ifndef SERVER_BASES_H_
#define SERVER_BASES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "server/decide.h"
#include "server/store.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep::server {

struct Bases {
  // Changes that have no final outcome: the unit cannot be admitted yet.
  std::vector<ChangeId> missing;
  // More refused changes than are followed.
  std::optional<Refusal> refusal;
  // Admitted times of bases that are not among the heads of the unit's records.
  absl::flat_hash_map<ChangeId, int64_t> times_ms;
  // Bases, with their fields, that this database lost when it was restored. `unit` names them no
  // more.
  std::vector<std::pair<ChangeId, uint32_t>> lost;
  // What admitted changes that are no longer heads set STATE fields to, where the unit names them.
  BaseValues values;
  // Edits of STATE fields (change and field) that stood on what this database lost: nobody can tell
  // any more what they follow.
  absl::flat_hash_set<std::pair<ChangeId, uint32_t>> unchecked;
};

// Looks up what `unit` names and `states` (the unit's records) do not hold as heads. A base that
// was refused is replaced, in `unit`, by the bases that it had itself; a refused add of a SET is
// dropped.
//
// `restored`: set when this database was restored from a backup; up to that sequence it has what
// the author had seen. A base that is lost gives way to the heads that its author must have seen
// replaced: those at or below that sequence, which the unit would name if they had still stood.
absl::StatusOr<Bases> ResolveBases(const Schema& schema, const RecordStates& states,
                                   std::optional<uint64_t> restored, ReadView& view, Unit* unit);

}  // namespace doorstep::server

#endif  // SERVER_BASES_H_
