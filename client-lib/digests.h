// The digests of what a replica holds of the server's rows.
#ifndef CLIENT_LIB_DIGESTS_H_
#define CLIENT_LIB_DIGESTS_H_

#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client-lib/store.h"
#include "sync/change/digest.h"
#include "sync/change/state.h"
#include "sync/tables/record_tables.h"

namespace doorstep::client {

struct HeldCompartment {
  CompartmentId id;
  CompartmentDigest digest;
};

// As stored, in order of (file, tier); those without records are left out.
absl::StatusOr<std::vector<HeldCompartment>> StoredDigests(Database& db);
// From the rows themselves.
absl::StatusOr<std::vector<HeldCompartment>> ComputedDigests(Store& store);

// Over all compartments, as the server states it with a checkpoint.
Digest Total(const std::vector<HeldCompartment>& held);
absl::StatusOr<Digest> TotalDigest(Database& db);

// Every record that the server has, as it has it: shadows in place of rows with pending changes.
absl::Status ForEachServerState(Store& store,
                                absl::FunctionRef<absl::Status(const RecordState&)> visit);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_DIGESTS_H_
