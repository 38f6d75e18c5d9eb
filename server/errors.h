// Which errors a caller may read. Everything else tells an outsider nothing.
#ifndef SERVER_ERRORS_H_
#define SERVER_ERRORS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace doorstep::server {

// Marks an error as the caller's own: code and message are meant for the caller.
absl::Status ForCaller(absl::Status status);
bool IsForCaller(const absl::Status& status);

// What leaves this server. An error for the caller goes as it is. Of the rest kAborted,
// kUnavailable and kResourceExhausted become kUnavailable ("try again later"), all others
// kInternal; the message says no more, and Detail() keeps the words for the log.
absl::Status Outward(const absl::Status& status);

// The operator's words of an error that went through Outward; empty when there are none.
std::string Detail(const absl::Status& status);

}  // namespace doorstep::server

#endif  // SERVER_ERRORS_H_
