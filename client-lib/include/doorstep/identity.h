// Who a device is to its server, and a link that can show it.
#ifndef DOORSTEP_IDENTITY_H_
#define DOORSTEP_IDENTITY_H_

#include <string>

#include "absl/status/statusor.h"
#include "doorstep/transport.h"

namespace doorstep {

// By what a device is known to its server, and its server to it. A replica keeps it once it has
// enrolled (enrolment.h). Texts are PEM.
struct DeviceIdentity {
  std::string tenant;
  std::string device;             // 16 bytes
  std::string key;                // the device's private key; empty = it never asked to enrol
  std::string chain;              // its certificate and the issuer's; empty = not enrolled
  std::string authority;          // by whose certificate it knows the server
  std::string server_name;        // that the server's certificate must have
  std::string address;            // HOST:PORT for sync
  std::string enrolment_address;  // HOST:PORT for renewal

  bool enrolled() const { return !chain.empty(); }
  friend bool operator==(const DeviceIdentity&, const DeviceIdentity&) = default;
};

// A Transport that shows an identity. Replica::Sync, Watch and History use it when the replica has
// enrolled and the transport that they are given is one. Beside the codes of Transport:
// kUnauthenticated: the certificate has expired, or is not known; kPermissionDenied: the device may
// not call, as after it was taken out of use.
class IdentifiedTransport : public Transport {
 public:
  // By what the calls from now on are made.
  virtual void UseIdentity(const DeviceIdentity& identity) = 0;
  // Asks the server for another certificate for the key in use, also when the one in use has
  // expired, and uses it. Whoever asked keeps it. kPermissionDenied: the device was taken out of
  // use, or is not known. kUnauthenticated: whoever answers there is not its server.
  virtual absl::StatusOr<DeviceIdentity> Renew() = 0;
};

}  // namespace doorstep

#endif  // DOORSTEP_IDENTITY_H_
