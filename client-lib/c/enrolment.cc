// doorstep.h: how a device becomes known to its server.
#include "doorstep/enrolment.h"

#include "client-lib/c/arguments.h"
#include "client-lib/c/handles.h"
#include "doorstep.h"
#include "doorstep/json.h"
#include "nlohmann/json.hpp"
#include "sync/base/status.h"

using doorstep::c::GiveJson;
using doorstep::c::Given;
using doorstep::c::Run;

extern "C" {

int doorstep_enrol(doorstep_replica* replica, const char* code, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica));
    DOORSTEP_RETURN_IF_ERROR(Given("code", code));
    return doorstep::Enrol(*replica->replica, code);
  });
}

int doorstep_identity(doorstep_replica* replica, char** out, doorstep_error** error) {
  return Run(error, [&]() -> absl::Status {
    DOORSTEP_RETURN_IF_ERROR(Given("replica", replica));
    DOORSTEP_RETURN_IF_ERROR(Given("json", out));
    DOORSTEP_ASSIGN_OR_RETURN(const doorstep::IdentityInfo identity,
                              doorstep::ReadIdentity(*replica->replica));
    return GiveJson(doorstep::ToJson(identity), out);
  });
}

}  // extern "C"
