// Signatures over records: what Replica::SignOffs hands out.
#ifndef CLIENT_LIB_SIGN_OFF_H_
#define CLIENT_LIB_SIGN_OFF_H_

#include <vector>

#include "absl/status/statusor.h"
#include "client-lib/store.h"
#include "doorstep/types.h"
#include "sync/change/state.h"

namespace doorstep::client {

// All signatures of a record, oldest first, each held against the record as it is now.
absl::StatusOr<std::vector<SignOffInfo>> SignOffsOf(Store& store, const RecordState& record);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_SIGN_OFF_H_
