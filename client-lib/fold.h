// What a record's row shows: the server's row with the own changes that have no outcome yet planned
// on top, in order of commit (rule "outcomes are pulled").
//
// The server's row of a record with pending changes stands in _shadow, else in the record tables
// themselves. Threads and transactions as the store.
#ifndef CLIENT_LIB_FOLD_H_
#define CLIENT_LIB_FOLD_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client-lib/outbox.h"
#include "client-lib/store.h"
#include "sync/change/state.h"

namespace doorstep::client {

// One pending unit, decoded: the whole, or its changes to one record.
struct PendingUnit {
  Unit unit;
  std::string author;
};
using PendingUnits = std::vector<std::shared_ptr<const PendingUnit>>;  // in order of commit

// Plans the changes that a unit makes to the record on top of `state`. The heads have sequence 0
// and the replica's own estimate of their time.
void PlanOnto(const Schema& schema, const PendingUnit& unit, RecordState* state);

// The server's row (null: it has none) with `pending` on top. nullopt when both are empty.
std::optional<RecordState> FoldOf(const Schema& schema, const Uuid& record,
                                  const RecordState* server, const PendingUnits& pending);

// Keeps a few decoded units: use one for a transaction, not longer.
class Fold {
 public:
  explicit Fold(Store& store) : store_(&store), outbox_(store) {}

  // nullopt: the server has none, as far as is known.
  absl::StatusOr<std::optional<RecordState>> ServerState(const Uuid& record);

  // Before the first pending change of a record is added: sets its row aside.
  absl::Status SetAside(const Uuid& record);
  // Stores what the server now has, in the shadow or in the row. The row of a record with pending
  // changes is not touched: Refold follows. Null: the server has it no longer.
  absl::Status SetServerState(const Uuid& record, bool is_pending, const RecordState* state);
  // Makes the row what the server's row and the pending changes say; drops a shadow that is no
  // longer needed.
  absl::Status Refold(const Uuid& record);

  // The pending units of a record, in order. A unit that is asked for once is decoded only where it
  // touches the record; one that is asked for again is decoded whole, and kept.
  absl::StatusOr<PendingUnits> Pending(const Uuid& record);

 private:
  absl::StatusOr<std::optional<RecordState>> Shadow(const Uuid& record);
  absl::Status DropShadow(const Uuid& record);
  absl::Status SaveRow(const RecordState& state);
  Store* store_;
  Outbox outbox_;
  absl::flat_hash_map<int64_t, std::shared_ptr<const PendingUnit>> decoded_;
};

}  // namespace doorstep::client

#endif  // CLIENT_LIB_FOLD_H_
