// Who is calling, as every request says it.
#ifndef CLIENT_LIB_SENDER_H_
#define CLIENT_LIB_SENDER_H_

#include "absl/status/statusor.h"
#include "client-lib/store.h"
#include "doorstep/v1/sync.pb.h"

namespace doorstep::client {

absl::StatusOr<v1::Sender> MakeSender(Store& store);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_SENDER_H_
