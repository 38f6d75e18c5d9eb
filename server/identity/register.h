// The register of devices: who may call at all. A certificate opens the connection; the register
// decides each call.
#ifndef SERVER_IDENTITY_REGISTER_H_
#define SERVER_IDENTITY_REGISTER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/store.h"
#include "server/tenant.h"
#include "server/validate.h"
#include "sync/base/bytes.h"

namespace doorstep::server {

// Who calls, as the connection shows it. Without a certificate nobody is known.
struct Caller {
  bool has_certificate = false;
  // Of the certificate. It was verified when the connection was made; all of it is compared with
  // the register again, key included, so that it need not be believed.
  std::string tenant;
  Uuid device;
  std::string public_key;
  int64_t until_ms = 0;
};

// What the certificate of a connection says. One that says nothing of a device: a caller whom no
// register knows.
Caller CallerOf(absl::string_view certificate_pem);

// What whoever is not known hears, whatever the reason is.
absl::Status RefuseStranger();

// That who calls is the sender that a request names, and may: enrolled, with this key, at this
// site, not revoked, with a certificate that has not expired. kPermissionDenied (the words for
// strangers are all the same) or, of a certificate that has expired, kUnauthenticated.
absl::Status CheckCaller(ReadView& view, const Caller& caller, const CheckedSender& sender,
                         int64_t now_ms);

// Lets the device in, or in again with the key that it had. kPermissionDenied: it was revoked, or
// is registered with another key or site.
absl::Status Register(WriteTransaction& transaction, const EnrolmentRow& device);

// Takes a device out of use, for whatever reason; and takes that back. kNotFound: it never
// enrolled. kAlreadyExists: it is so already.
absl::Status Revoke(Tenant& tenant, const Uuid& device, absl::string_view reason, int64_t now_ms);
absl::Status Reinstate(Tenant& tenant, const Uuid& device);

// In order.
absl::StatusOr<std::vector<Uuid>> RevokedDevices(Tenant& tenant);

// For the person in front of a device that was taken out of use.
inline constexpr char kRevokedWords[] = "this device was taken out of use";
inline constexpr char kRevokedAdvice[] =
    "give it to your administrator: what was recorded here and not yet sent is still on it";

}  // namespace doorstep::server

#endif  // SERVER_IDENTITY_REGISTER_H_
