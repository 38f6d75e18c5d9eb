// The recovery key of a tenant: what helps when nobody can open a replica any more.
//
//   DATA/recovery/TENANT.pub   the public key (X25519), hexadecimal: devices seal their key to it
//   DATA/recovery/TENANT.key   the private key, hexadecimal, mode 0600; not in any database, and
//                              needed by nobody but the operator who opens a sealed key: keep it
//                              elsewhere
#ifndef SERVER_RECOVERY_H_
#define SERVER_RECOVERY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/base/entropy.h"
#include "sync/base/recovery_text.h"

namespace doorstep::server {

std::string RecoveryPublicPath(const std::string& data_dir, absl::string_view tenant);
std::string RecoveryPrivatePath(const std::string& data_dir, absl::string_view tenant);

// Writes a new pair: the private key to `private_path`, the public one to its place in the data
// directory. Returns the public key, 32 bytes. kAlreadyExists: there is one; another would make
// what devices have sealed useless.
absl::StatusOr<std::string> MakeRecoveryKey(const std::string& data_dir, absl::string_view tenant,
                                            const std::string& private_path, Entropy& entropy);

// The public key, 32 bytes; empty: there is none.
absl::StatusOr<std::string> ReadRecoveryKey(const std::string& data_dir, absl::string_view tenant);

// The answer to a device's request. kPermissionDenied: it was sealed to another key.
absl::StatusOr<RecoveryAnswer> OpenSealed(const RecoveryRequest& request,
                                          const std::string& private_path);

}  // namespace doorstep::server

#endif  // SERVER_RECOVERY_H_
