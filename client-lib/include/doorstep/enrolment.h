// How a replica's device becomes known to its server: once, with a code that an operator gives
// (`doorstep-server device invite`). From then on every sync goes over TLS, and the certificate is
// renewed by itself.
//
//   auto offer = ReadEnrolmentCode(code);              // tenant and site, for Replica::Init
//   DOORSTEP_RETURN_IF_ERROR(Enrol(*replica, code));   // asks the server
//   (*replica)->Sync(*MakeGrpcTransport(server), {});
//
// The device's private key is made on the device and kept in the replica; it never leaves it.
#ifndef DOORSTEP_ENROLMENT_H_
#define DOORSTEP_ENROLMENT_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "doorstep/grpc_transport.h"
#include "doorstep/replica.h"
#include "nlohmann/json_fwd.hpp"

namespace doorstep {

// What an enrolment code says. The code is a secret; this is not.
struct EnrolmentOffer {
  std::string tenant;
  std::string site;
  std::string device_name;
  std::string address;  // where to enrol
};

// kInvalidArgument: it is no code, or one with a slip. Needs no network.
absl::StatusOr<EnrolmentOffer> ReadEnrolmentCode(absl::string_view code);

// Makes the device's key, if it has none, asks for a certificate, and keeps it. After an error it
// may be tried again with the same code. kPermissionDenied: the code was used, has expired or is
// wrong, or the device was taken out of use; kFailedPrecondition: the code is for another tenant or
// site than the replica's; kUnauthenticated: whoever answers there is not the code's server;
// kUnavailable: no link. `options.identity` is not read.
absl::Status Enrol(Replica& replica, absl::string_view code, const GrpcOptions& options = {});

struct IdentityInfo {
  bool enrolled = false;
  std::string device;            // as text
  std::string key_sha256;        // of the public key, in hexadecimal; empty = no key
  std::string authority_sha256;  // of the authority's certificate
  int64_t from_ms = 0;           // the certificate's, by the server's clock
  int64_t until_ms = 0;
  std::string server;  // HOST:PORT for sync
  std::string server_name;
  std::string enrolment_address;
};

absl::StatusOr<IdentityInfo> ReadIdentity(Replica& replica);
nlohmann::json ToJson(const IdentityInfo& identity);

}  // namespace doorstep

#endif  // DOORSTEP_ENROLMENT_H_
