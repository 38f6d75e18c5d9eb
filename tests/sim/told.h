// Whom a change has displaced who was not seen by its author: they must hear of it. Part of the
// model: written from sync/README.md (Who is told), in the plainest way.
#ifndef TESTS_SIM_TOLD_H_
#define TESTS_SIM_TOLD_H_

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/model.h"

namespace doorstep::sim {

// What one edit of a field did to others, or others to it. `before` and `after`: the versions
// around it. The change must have no refused bases any more.
std::vector<Told> WhoIsTold(const ModelChange& change, uint32_t field, const std::string& author,
                            const Heads& before, const Heads& after);

}  // namespace doorstep::sim

#endif  // TESTS_SIM_TOLD_H_
