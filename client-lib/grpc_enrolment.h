// The calls to a server's enrolment listener.
#ifndef CLIENT_LIB_GRPC_ENROLMENT_H_
#define CLIENT_LIB_GRPC_ENROLMENT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "doorstep/grpc_transport.h"
#include "doorstep/transport.h"
#include "sync/identity/enrolment_code.h"

namespace doorstep::client {

// The identity that the code's server gives for the key in `identity`; the name is what the device
// calls itself. The server is known by the code's fingerprint.
absl::StatusOr<DeviceIdentity> EnrolIdentity(const DeviceIdentity& identity,
                                             const EnrolmentCode& code, const std::string& name,
                                             const GrpcOptions& options);

// Another certificate for the same key.
absl::StatusOr<DeviceIdentity> RenewIdentity(const DeviceIdentity& identity,
                                             const GrpcOptions& options);

// Why the main listener refuses this device: kPermissionDenied (taken out of use),
// kUnauthenticated (the certificate has expired, or the key is unknown), OK (it does not), or
// kUnavailable (nobody answers).
absl::Status AskStanding(const DeviceIdentity& identity, const GrpcOptions& options);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_GRPC_ENROLMENT_H_
