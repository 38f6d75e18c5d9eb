// What must hold of a device at any moment, and of everybody once all is quiet. Each violation
// names the law that it breaks.
#ifndef TESTS_SIM_ORACLES_H_
#define TESTS_SIM_ORACLES_H_

#include "absl/status/status.h"
#include "tests/sim/world.h"

namespace doorstep::sim {

// L5, L6: rows = the server's as of the checkpoint, with the pending changes on top, and nothing
// else; what people are shown and asked to decide follows from the heads.
void CheckDevice(World& world, SimDevice& device);

// R1: what a new unit says that its author saw is what the form showed. `seen`: by field.
void CheckBases(World& world, SimDevice& device, const Entry& entry, const Form& form);

// The id that a change has now; a fork gives new ones to what is pending.
Id IdNow(const SimDevice& device, Id id);

// R16: `status` is what signing the form answered, `entry` the unit that came of it, if any.
void CheckSigned(World& world, SimDevice& device, const std::string& record, const Form& form,
                 const absl::Status& status, const Entry* entry);

// Before a sync begins; and after it, whether the device may have been sent everything again: it
// had stood on a past of the server, or has met another one.
void BeginSync(SimDevice& device);
bool MayRepair(const SimDevice& device);

// Faults are over: everybody syncs until nothing moves (L9), and then L1, L3, L4, L8.
void CheckQuiet(World& world);

}  // namespace doorstep::sim

#endif  // TESTS_SIM_ORACLES_H_
