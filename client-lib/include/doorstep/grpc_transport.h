// The link to a server over gRPC.
#ifndef DOORSTEP_GRPC_TRANSPORT_H_
#define DOORSTEP_GRPC_TRANSPORT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "doorstep/transport.h"

namespace doorstep {

struct GrpcOptions {
  int64_t connect_timeout_ms = 10'000;
  // For the answer to a call (hello, push, one batch), beside the time that its bytes take on the
  // slowest link that counts as one (16 kbit/s).
  int64_t call_timeout_ms = 30'000;
};

// `address` is HOST:PORT. Connects when first used. Plain text, for addresses of this machine
// (127.0.0.0/8, [::1], localhost) only: any other is refused with kFailedPrecondition at the first
// call, until transport security has arrived.
std::unique_ptr<Transport> MakeGrpcTransport(const std::string& address,
                                             const GrpcOptions& options = {});

}  // namespace doorstep

#endif  // DOORSTEP_GRPC_TRANSPORT_H_
