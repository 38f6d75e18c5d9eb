// Certificates as they are made: one function, with all that goes into one.
#ifndef SERVER_IDENTITY_ISSUE_H_
#define SERVER_IDENTITY_ISSUE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/base/entropy.h"
#include "sync/identity/private_key.h"

namespace doorstep::server {

struct CertificatePlan {
  enum class Purpose { kAuthority, kServer, kDevice } purpose = Purpose::kDevice;
  std::string common_name;
  std::string organisation;        // empty: none
  std::vector<std::string> names;  // of a server
  int64_t from_ms = 0;
  std::optional<int64_t> until_ms;  // nullopt: never (RFC 5280, 4.1.2.5)
};

// `public_key` is what the certificate is for; `issuer` the authority's certificate in PEM, empty
// for one that signs itself. PEM.
absl::StatusOr<std::string> IssueCertificate(const CertificatePlan& plan,
                                             absl::string_view public_key, absl::string_view issuer,
                                             const PrivateKey& signer, Entropy& entropy);

}  // namespace doorstep::server

#endif  // SERVER_IDENTITY_ISSUE_H_
