// A private key: made here, kept as PEM, and used to sign. Devices' keys are EC P-256.
#ifndef SYNC_IDENTITY_PRIVATE_KEY_H_
#define SYNC_IDENTITY_PRIVATE_KEY_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/identity/openssl.h"

namespace doorstep {

class PrivateKey {
 public:
  // EC P-256, of OpenSSL's own randomness.
  static absl::StatusOr<PrivateKey> Generate();
  // Of any sort that OpenSSL knows, without a passphrase. kInvalidArgument.
  static absl::StatusOr<PrivateKey> FromPem(absl::string_view pem);

  // PKCS #8, not encrypted: whoever keeps it keeps it safe.
  absl::StatusOr<std::string> ToPem() const;
  absl::StatusOr<std::string> PublicKey() const { return PublicKeyBytes(key_.get()); }
  // Over SHA-256 of the message.
  absl::StatusOr<std::string> Sign(absl::string_view message) const;

  EVP_PKEY* get() const { return key_.get(); }

 private:
  explicit PrivateKey(EvpKeyPtr key) : key_(std::move(key)) {}
  EvpKeyPtr key_;
};

// Whether `signature` is what the owner of the key made of the message. `public_key` as
// PrivateKey::PublicKey gives it; false for bytes that are none.
bool IsSignedBy(absl::string_view public_key, absl::string_view message,
                absl::string_view signature);

// 32 bytes.
std::string Sha256Of(absl::string_view bytes);

// Takes as long wherever they differ; false at once for other lengths.
bool EqualSecrets(absl::string_view a, absl::string_view b);

}  // namespace doorstep

#endif  // SYNC_IDENTITY_PRIVATE_KEY_H_
