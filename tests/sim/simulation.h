// Runs a script, with the oracles after every step.
#ifndef TESTS_SIM_SIMULATION_H_
#define TESTS_SIM_SIMULATION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "tests/sim/plants.h"
#include "tests/sim/script.h"
#include "tests/sim/world.h"

namespace doorstep::sim {

struct RunOptions {
  const Plant* plant = nullptr;
  std::set<std::string> without;  // oracles that do not look
  bool verbose = false;           // every step, and what the server made of it, to standard error
};

struct Result {
  std::optional<Violation> violation;
  size_t failed_step = 0;  // its place in the script
  uint64_t trace_hash = 0;
  Counts counts;
};

Result RunScript(const Script& script, const RunOptions& options);

}  // namespace doorstep::sim

#endif  // TESTS_SIM_SIMULATION_H_
