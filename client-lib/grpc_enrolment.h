// The calls to a server's enrolment listener.
#ifndef CLIENT_LIB_GRPC_ENROLMENT_H_
#define CLIENT_LIB_GRPC_ENROLMENT_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "doorstep/grpc_transport.h"
#include "doorstep/transport.h"
#include "sync/identity/enrolment_code.h"

namespace doorstep::client {

// In all of them, kUnauthenticated when whoever answers is not the server: nothing was sent to it.

// The identity that the code's server gives for the key in `identity`; the name is what the device
// calls itself. The server is known by the code's fingerprint.
absl::StatusOr<DeviceIdentity> EnrolIdentity(const DeviceIdentity& identity,
                                             const EnrolmentCode& code, const std::string& name,
                                             const GrpcOptions& options);

// Another certificate for the same key.
absl::StatusOr<DeviceIdentity> RenewIdentity(const DeviceIdentity& identity,
                                             const GrpcOptions& options);

// Why there is no link, as the enrolment listener says: kPermissionDenied (this device was taken
// out of use), kUnauthenticated (its certificate has expired, or its key is unknown), or
// kUnavailable (whoever answers there is not its server). nullopt: not because of who is who, as
// far as is known.
std::optional<absl::Status> WhyNoLink(const DeviceIdentity& identity, const GrpcOptions& options);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_GRPC_ENROLMENT_H_
