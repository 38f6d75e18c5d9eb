// Notices: what authors of this device are told of changes that displaced theirs.
#ifndef CLIENT_LIB_NOTICES_H_
#define CLIENT_LIB_NOTICES_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client-lib/store.h"
#include "doorstep/types.h"
#include "doorstep/v1/sync.pb.h"
#include "sync/base/bytes.h"
#include "sync/change/state.h"

namespace doorstep::client {

// Puts what a batch brings aside. What came before, read or not, stays as it is.
absl::Status StageNotices(Store& store, const v1::PullRows& rows);
// At a checkpoint: what was put aside is shown, if its record is held here.
absl::Status ShowNotices(Store& store);
// The record is no longer held.
absl::Status ForgetNotices(Store& store, const Uuid& record);

// Newest first; without `all` those that nobody has marked as read.
absl::StatusOr<std::vector<AuthorNotice>> ListNotices(Store& store, bool all);
// By field: the authors of versions that displaced those of a change, or stand beside them.
using Displacers = std::map<uint32_t, std::set<std::string>>;
absl::StatusOr<Displacers> WhoDisplaced(Store& store, const ChangeId& change);
absl::StatusOr<uint64_t> CountUnread(Store& store);
// kNotFound names the first that there is not; then none is marked. Empty: all.
absl::Status MarkRead(Store& store, const std::vector<int64_t>& notices, int64_t now_ms);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_NOTICES_H_
