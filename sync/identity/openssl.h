// Owners of OpenSSL's objects, and its errors in words. For the files that call OpenSSL.
#ifndef SYNC_IDENTITY_OPENSSL_H_
#define SYNC_IDENTITY_OPENSSL_H_

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace doorstep {

template <auto kFree>
struct OpenSslFree {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

using EvpKeyPtr = std::unique_ptr<EVP_PKEY, OpenSslFree<EVP_PKEY_free>>;
using EvpDigestPtr = std::unique_ptr<EVP_MD_CTX, OpenSslFree<EVP_MD_CTX_free>>;
using X509Ptr = std::unique_ptr<X509, OpenSslFree<X509_free>>;
using X509RequestPtr = std::unique_ptr<X509_REQ, OpenSslFree<X509_REQ_free>>;
using BioPtr = std::unique_ptr<BIO, OpenSslFree<BIO_free_all>>;

// kInternal "doing: OpenSSL's last word", and forgets what else OpenSSL remembers of this thread:
// nothing of it may show in the next connection's errors.
absl::Status OpenSslError(absl::string_view doing);

// Reads from `text`, which must stay.
BioPtr ReadFrom(absl::string_view text);
// What was written to a memory BIO.
std::string WrittenTo(BIO* bio);

// The first certificate of a PEM text. kInvalidArgument.
absl::StatusOr<X509Ptr> ParseX509(absl::string_view pem);
absl::StatusOr<std::string> X509ToPem(X509* certificate);

// "Subject public key info" in DER: one spelling for one key.
absl::StatusOr<std::string> PublicKeyBytes(EVP_PKEY* key);

}  // namespace doorstep

#endif  // SYNC_IDENTITY_OPENSSL_H_
