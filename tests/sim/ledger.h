// Oracles of the ledger: that each change has one outcome, that what was refused is sent again or
// taken back as somebody said, and that authors are told what became of their versions.
#ifndef TESTS_SIM_LEDGER_H_
#define TESTS_SIM_LEDGER_H_

#include "tests/sim/world.h"

namespace doorstep::sim {

// At quiet: L4, and the part of L3 that is about what nobody shows any more.
void CheckOutcomes(World& world);
// At quiet: who must have been told has been, once, and nobody else.
void CheckNotices(World& world);
// After every step: what was taken back or sent again is so, whatever happened since.
void CheckAnswers(World& world, SimDevice& device);
// That a unit which was sent again asks for all that the parked one asked for, as far as that did
// not stand already. `before`: the device's rows when it was sent.
void CheckSentAgain(World& world, const SimDevice& device, const ModelUnit& parked,
                    const ModelUnit& again, const Rows& before);
// Whether a change put a version beside others, or was the first: it replaces none.
bool StandsBeside(const ModelChange& change);

}  // namespace doorstep::sim

#endif  // TESTS_SIM_LEDGER_H_
