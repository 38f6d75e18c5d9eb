// Which records may be one that was recorded twice, and what people have said of such pairs. Part
// of the model: written from client-lib/README.md (Registered twice) and the options of the kinds.
#ifndef TESTS_SIM_SAME_H_
#define TESTS_SIM_SAME_H_

#include <map>
#include <string>
#include <utility>

#include "tests/sim/model.h"

namespace doorstep::sim {

enum class Same {
  kMaybe,  // equal in what identifies them
  kOne,    // somebody says so, and nobody that they are two
  kTwo,
};

// By the ids of both, as text and in order.
using Pairs = std::map<std::pair<std::string, std::string>, Same>;
Pairs PairsIn(const Rows& rows);

}  // namespace doorstep::sim

#endif  // TESTS_SIM_SAME_H_
