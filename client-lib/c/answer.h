// How a question to a replica becomes JSON: one value, or a list of them.
#ifndef CLIENT_LIB_C_ANSWER_H_
#define CLIENT_LIB_C_ANSWER_H_

#include "client-lib/c/handles.h"
#include "doorstep/json.h"
#include "nlohmann/json.hpp"
#include "sync/base/status.h"

namespace doorstep::c {

// Asks the replica and gives the answer. `more`: further arguments that must be given, as for
// Given().
template <typename Ask, typename... More>
int Answer(doorstep_replica* replica, char** out, doorstep_error** error, Ask ask, More... more) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica, more..., "json", out));
    DOORSTEP_ASSIGN_OR_RETURN(const auto found, ask(*replica->replica));
    if constexpr (requires { found.begin(); }) {
      nlohmann::json list = nlohmann::json::array();
      for (const auto& each : found) list.push_back(ToJson(each));
      return GiveJson(list, out);
    } else {
      return GiveJson(ToJson(found), out);
    }
  });
}

}  // namespace doorstep::c

#endif  // CLIENT_LIB_C_ANSWER_H_
