// Parked changes: what was refused or is held, until somebody fixes, exports or withdraws it.
#ifndef CLIENT_LIB_PARKED_H_
#define CLIENT_LIB_PARKED_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client-lib/edits.h"
#include "client-lib/outbox.h"
#include "client-lib/store.h"
#include "sync/change/state.h"

namespace doorstep::client {

// A parked change in its unit.
struct Parked {
  OwnUnit own;
  Unit unit;
  size_t place = 0;
};

// By the change's id, the beginning of it, or its counter. kNotFound; kInvalidArgument: several.
absl::StatusOr<Parked> FindParked(Store& store, absl::string_view change);

// What the change asks for on top of the record as it is now, as JSON: null for a field that it
// clears, whole lists for SETs, and of a mark its reason ({"_hidden":"twice"}; null: taken back).
absl::StatusOr<std::string> ParkedJson(Store& store, const ChangeData& change);

// Puts the edits of a new unit that stands in the parked one's place into `edits`, which collects
// them in `collected`. Each names what its record shows now; but a version that named none (it was
// put beside others, or was the first) names none again, so that what came in meanwhile is never
// replaced by it. Of what stands already nothing is made. `json`: in place of the values of the
// change at `parked.place`; empty: as they were. `open` opens a record that is held here.
absl::Status SendAgain(Edits& edits, Store& store, std::vector<Edit>& collected,
                       const Parked& parked, absl::string_view json, const AddOptions& place,
                       absl::FunctionRef<absl::StatusOr<OpenRecord>(const std::string& id)> open);

// The edits of a unit that withdraws the parked one.
std::vector<Edit> Withdrawal(const Parked& parked, absl::string_view reason);

// Everything that is known of the change at `parked.place`.
absl::StatusOr<std::string> ExportJson(Store& store, const Parked& parked);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_PARKED_H_
