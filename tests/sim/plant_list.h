// The parts of the list of plants. For plants*.cc only.
#ifndef TESTS_SIM_PLANT_LIST_H_
#define TESTS_SIM_PLANT_LIST_H_

#include <memory>
#include <vector>

#include "tests/sim/plants.h"

namespace doorstep::sim {

std::vector<Plant> ServerPlants();
std::vector<Plant> LinkPlants();
std::vector<Plant> DevicePlants();

// The units of each push in reverse order: no mistake by itself.
std::unique_ptr<Transport> ReorderedUnits(Transport* server);

}  // namespace doorstep::sim

#endif  // TESTS_SIM_PLANT_LIST_H_
