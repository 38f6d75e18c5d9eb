// What a unit names and this server does not have (yet): whether it waits on its device, or here.
#ifndef SERVER_WAITING_H_
#define SERVER_WAITING_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/decide.h"
#include "server/store.h"
#include "sync/change/state.h"

namespace doorstep::server {

// Records that the unit edits and that a restored server has lost. A creation that was refused is
// waited for by nobody. What is in a place that the site may not see is answered like what is not
// here.
absl::StatusOr<std::vector<Awaited>> LostRecords(ReadView& view, absl::string_view site,
                                                 const Unit& unit, const RecordStates& states);

// A record that the unit edits and that is not here: where an earlier unit of its device waits for
// a newer schema, that one may create it, and both wait there.
absl::StatusOr<std::optional<Uuid>> RecordThatIsNotHere(ReadView& view, const Unit& unit,
                                                        const RecordStates& states);

// Whether the device has a change that is missing here in its own outbox: then both wait there, as
// what is pending, and nobody is alarmed.
absl::StatusOr<bool> ComesFromDevice(ReadView& view, const Uuid& device, const Uuid& incarnation,
                                     const std::vector<ChangeId>& missing);

}  // namespace doorstep::server

#endif  // SERVER_WAITING_H_
