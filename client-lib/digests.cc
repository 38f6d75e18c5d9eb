#include "client-lib/digests.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "client-lib/fold.h"
#include "client-lib/outbox.h"
#include "sync/base/status.h"

namespace doorstep::client {

absl::StatusOr<std::vector<HeldCompartment>> StoredDigests(Database& db) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * list,
                            db.Prepared("SELECT file, tier, digest, records FROM _compartment"
                                        " ORDER BY file, tier"));
  ScopedReset done(list);
  std::vector<HeldCompartment> held;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return held;
    HeldCompartment compartment;
    DOORSTEP_ASSIGN_OR_RETURN(compartment.id.file, Uuid::FromBytes(list->Blob(0)));
    compartment.id.tier = static_cast<uint8_t>(list->Int(1));
    DOORSTEP_ASSIGN_OR_RETURN(compartment.digest.digest, Digest::FromBytes(list->Blob(2)));
    compartment.digest.records = list->Int(3);
    if (compartment.digest.records == 0 && compartment.digest.digest == Digest()) continue;
    held.push_back(compartment);
  }
}

absl::StatusOr<std::vector<HeldCompartment>> ComputedDigests(Store& store) {
  absl::flat_hash_map<CompartmentId, CompartmentDigest> digests;
  DOORSTEP_RETURN_IF_ERROR(ForEachServerState(store, [&](const RecordState& state) {
    CompartmentDigest& digest = digests[state.compartment];
    digest.digest.Add(DigestOf(state));
    ++digest.records;
    return absl::OkStatus();
  }));
  std::vector<HeldCompartment> held;
  held.reserve(digests.size());
  for (const auto& [id, digest] : digests) held.push_back({id, digest});
  std::sort(held.begin(), held.end(),
            [](const HeldCompartment& a, const HeldCompartment& b) { return a.id < b.id; });
  return held;
}

Digest Total(const std::vector<HeldCompartment>& held) {
  Digest total;
  for (const HeldCompartment& compartment : held) {
    total.Add(DigestOf(compartment.id, compartment.digest.digest));
  }
  return total;
}

absl::StatusOr<Digest> TotalDigest(Database& db) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<HeldCompartment> held, StoredDigests(db));
  return Total(held);
}

absl::Status ForEachServerState(Store& store,
                                absl::FunctionRef<absl::Status(const RecordState&)> visit) {
  Fold fold(store);
  Outbox outbox(store);
  return store.tables().ForEach([&](const RecordState& row) -> absl::Status {
    DOORSTEP_ASSIGN_OR_RETURN(const bool is_pending, outbox.IsPending(row.id));
    if (!is_pending) return visit(row);
    // A record with pending changes always has a row: the shadow alone stands behind none.
    DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> server, fold.ServerState(row.id));
    return server.has_value() ? visit(*server) : absl::OkStatus();
  });
}

}  // namespace doorstep::client
