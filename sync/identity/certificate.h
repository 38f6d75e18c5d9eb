// What a certificate says, and the request by which a device asks for one.
#ifndef SYNC_IDENTITY_CERTIFICATE_H_
#define SYNC_IDENTITY_CERTIFICATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/identity/private_key.h"

namespace doorstep {

struct Certificate {
  std::string common_name;   // of a device: its id as text
  std::string organisation;  // of a device: the tenant
  int64_t from_ms = 0;       // valid from and until, by the clock of who looks
  int64_t until_ms = 0;
  std::string public_key;   // as PrivateKey::PublicKey
  std::string fingerprint;  // SHA-256 of the certificate, 32 bytes
  bool authority = false;   // may issue others
};

// The first certificate of a PEM text. What it says is not thereby true: whoever reads it has
// verified it, or compares its key with one that is known. kInvalidArgument.
absl::StatusOr<Certificate> ReadCertificate(absl::string_view pem);

// Each certificate of a PEM text as PEM of its own, in order; at most kMaxChainCertificates.
absl::StatusOr<std::vector<std::string>> SplitChain(absl::string_view pem);

// OK when the first certificate of `chain` is a server's, issued (by way of the others) by
// `authority`, and `name` (of a host, or an address) is among its names. Reads the machine's
// clock, inside OpenSSL.
absl::Status VerifyServerChain(absl::string_view chain, absl::string_view authority,
                               const std::string& name);

// PKCS #10 in DER, signed by the key. It names nobody: the issuer knows who asks.
absl::StatusOr<std::string> MakeCertificateRequest(const PrivateKey& key);
// The public key of a request that its owner has signed. kInvalidArgument, naming what is wrong:
// too long, not a request, not signed by its own key, or a key that is not EC P-256.
absl::StatusOr<std::string> KeyOfRequest(absl::string_view request);

}  // namespace doorstep

#endif  // SYNC_IDENTITY_CERTIFICATE_H_
