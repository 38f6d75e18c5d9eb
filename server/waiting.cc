#include "server/waiting.h"

#include <optional>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "server/membership.h"
#include "sync/base/status.h"

namespace doorstep::server {

absl::StatusOr<std::vector<Awaited>> LostRecords(ReadView& view, absl::string_view site,
                                                 const Unit& unit, const RecordStates& states) {
  std::vector<Awaited> missing;
  absl::flat_hash_set<Uuid> looked_at;
  for (const ChangeData& change : unit.changes) {
    if (change.create) looked_at.insert(change.record);
  }
  for (const ChangeData& change : unit.changes) {
    if (!looked_at.insert(change.record).second) continue;
    const auto state = states.find(change.record);
    bool known = false;
    if (state != states.end()) {
      known = state->second.compartment == unit.compartment;  // where it may write
      if (!known) {
        DOORSTEP_ASSIGN_OR_RETURN(known, MaySee(view, site, state->second.compartment));
      }
    } else {
      DOORSTEP_ASSIGN_OR_RETURN(known, view.CreationRefused(change.record));
    }
    if (!known) missing.push_back({change.record, 0});
  }
  return missing;
}

absl::StatusOr<std::optional<Uuid>> RecordThatIsNotHere(ReadView& view, const Unit& unit,
                                                        const RecordStates& states) {
  std::optional<Uuid> found;
  absl::flat_hash_set<Uuid> created;
  for (const ChangeData& change : unit.changes) {
    if (change.create) created.insert(change.record);
  }
  for (const ChangeData& change : unit.changes) {
    if (created.contains(change.record) || states.contains(change.record)) continue;
    DOORSTEP_ASSIGN_OR_RETURN(const bool refused, view.CreationRefused(change.record));
    if (!refused) found = change.record;
  }
  return found;
}

absl::StatusOr<bool> ComesFromDevice(ReadView& view, const Uuid& device, const Uuid& incarnation,
                                     const std::vector<ChangeId>& missing) {
  for (const ChangeId& id : missing) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::optional<UnitRow> row, view.UnitOf(id));
    if (row) continue;
    DOORSTEP_ASSIGN_OR_RETURN(const std::optional<Uuid> owner, view.DeviceOf(id.incarnation));
    if (id.incarnation == incarnation || owner == device) return true;
  }
  return false;
}

}  // namespace doorstep::server
