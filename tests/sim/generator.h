// A script from a seed. Each seed draws a character first: which faults there are at all, how
// often, how many people and devices, how long they stay away; so that seeds differ in kind.
#ifndef TESTS_SIM_GENERATOR_H_
#define TESTS_SIM_GENERATOR_H_

#include <cstdint>

#include "tests/sim/script.h"

namespace doorstep::sim {

Script Generate(uint64_t seed);

}  // namespace doorstep::sim

#endif  // TESTS_SIM_GENERATOR_H_
