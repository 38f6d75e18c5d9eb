// The versions of one record.
#ifndef CLIENT_LIB_HISTORY_H_
#define CLIENT_LIB_HISTORY_H_

#include <vector>

#include "absl/status/statusor.h"
#include "client-lib/store.h"
#include "doorstep/transport.h"
#include "doorstep/types.h"
#include "doorstep/v1/sync.pb.h"
#include "sync/base/bytes.h"

namespace doorstep::client {

// What is known here: own changes and current heads; unordered.
absl::StatusOr<std::vector<HistoryLine>> LocalHistory(Store& store, const Uuid& record);
// What the server has; unordered.
absl::StatusOr<std::vector<HistoryLine>> ServerHistory(Store& store, const Uuid& record,
                                                       const v1::Sender& sender,
                                                       Transport& transport);

// Joined by change, the server's lines instead of local ones; oldest first, what is pending last.
std::vector<HistoryLine> Join(std::vector<HistoryLine> local, std::vector<HistoryLine> server);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_HISTORY_H_
