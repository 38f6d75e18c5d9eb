// The key of the server's databases, as the operator gives it.
#ifndef SERVER_DATABASE_KEY_H_
#define SERVER_DATABASE_KEY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace doorstep::server {

// From a file of 32 bytes or 64 hexadecimal digits (white space after them does not matter), which
// nobody but its owner may read; or from what a shell command prints, for a key that is kept
// elsewhere. Empty when both are. kInvalidArgument: both, or no such key; kPermissionDenied: others
// may read the file. No message quotes any of it.
absl::StatusOr<std::string> ReadDatabaseKey(const std::string& file, const std::string& command);

// The same for text that was read already.
absl::StatusOr<std::string> ParseKey(absl::string_view where, absl::string_view text);

}  // namespace doorstep::server

#endif  // SERVER_DATABASE_KEY_H_
