// State machines: which transitions follow, and what concurrent ones come to.
#ifndef SYNC_MERGE_STATES_H_
#define SYNC_MERGE_STATES_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep {

struct Replayed {
  size_t effective = 0;  // place in the heads
  bool all_fit = true;
};
// Concurrent transitions, one after the other: see STATE in plan.h. `heads` in canonical order, not
// empty.
Replayed Replay(const FieldSpec& field, absl::Span<const Head> heads);

// Whether an author who saw `seen` (values of the heads that the change names; none: the field had
// no value) may set `value`: it is one of them, or follows directly from one of them. A record that
// has said nothing is in the initial state; one that is created (`create`) may be in any, for what
// is long under way is recorded late. To clear a state is no transition. nullopt: allowed; else
// what is wrong, as `got X, wanted what may follow Y: A, B`.
std::optional<std::string> TransitionProblem(const FieldSpec& field,
                                             const std::vector<std::string>& seen,
                                             absl::string_view value, bool create);

}  // namespace doorstep

#endif  // SYNC_MERGE_STATES_H_
