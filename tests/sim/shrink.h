// A shorter script that fails in the same way.
#ifndef TESTS_SIM_SHRINK_H_
#define TESTS_SIM_SHRINK_H_

#include <string>

#include "tests/sim/script.h"
#include "tests/sim/simulation.h"

namespace doorstep::sim {

// Delta debugging: leaves out ever smaller pieces as long as the same oracle is violated, with at
// most `max_runs` runs. What makes the world (world, site, device) stays where it is needed.
Script Shrink(const Script& script, const std::string& oracle, const RunOptions& options,
              int max_runs);

}  // namespace doorstep::sim

#endif  // TESTS_SIM_SHRINK_H_
