// The link to a server over gRPC.
#ifndef DOORSTEP_GRPC_TRANSPORT_H_
#define DOORSTEP_GRPC_TRANSPORT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "doorstep/identity.h"
#include "doorstep/transport.h"

namespace doorstep {

struct GrpcOptions {
  int64_t connect_timeout_ms = 10'000;
  // For the answer to a call (hello, push, one batch), beside the time that its bytes take on the
  // slowest link that counts as one (16 kbit/s).
  int64_t call_timeout_ms = 30'000;
  // For an application that keeps the device's identity itself; a replica that has enrolled brings
  // its own.
  DeviceIdentity identity{};
};

// `address` is HOST:PORT. Connects when first used.
//
// With an identity: over TLS; the server must have a certificate of the identity's authority with
// the identity's server name, whatever `address` is. When there is no link, the enrolment listener
// is asked why, so that a certificate that was refused is not taken for a lost link. Where a
// stranger answers in the server's place the error stays kUnavailable, since another network may
// mend it, and says so.
//
// Without: plain text, for a server on this machine that was started for that (127.0.0.0/8, [::1],
// localhost); any other address is refused with kFailedPrecondition at the first call.
std::unique_ptr<Transport> MakeGrpcTransport(const std::string& address,
                                             const GrpcOptions& options = {});

// From now on this process speaks TLS 1.3 and nothing older, in every connection that it makes by
// OpenSSL, not only in Doorstep's. For programs that are a Doorstep client and nothing else; call
// it first of all. Doorstep's server speaks TLS 1.3 only, so without it a connection is no weaker.
absl::Status UseOnlyTls13();

}  // namespace doorstep

#endif  // DOORSTEP_GRPC_TRANSPORT_H_
