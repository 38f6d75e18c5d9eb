#include "sync/identity/openssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "sync/base/status.h"
#include "sync/identity/limits.h"

namespace doorstep {

absl::Status OpenSslError(absl::string_view doing) {
  std::array<char, 256> words{};
  const unsigned long code = ERR_peek_last_error();
  if (code != 0) ERR_error_string_n(code, words.data(), words.size());
  ERR_clear_error();
  return absl::InternalError(absl::StrCat(doing, ": ", code == 0 ? "no reason" : words.data()));
}

BioPtr ReadFrom(absl::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string WrittenTo(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

absl::StatusOr<X509Ptr> ParseX509(absl::string_view pem) {
  if (pem.size() > kMaxPemBytes) {
    return InvalidField("certificate", absl::StrCat(pem.size(), " bytes"),
                        absl::StrCat("at most ", kMaxPemBytes));
  }
  const BioPtr in = ReadFrom(pem);
  X509Ptr certificate(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
  if (certificate != nullptr) return certificate;
  ERR_clear_error();
  return InvalidField("certificate", pem.substr(0, 40), "one in PEM");
}

absl::StatusOr<std::string> X509ToPem(X509* certificate) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(out.get(), certificate) != 1) return OpenSslError("write a certificate");
  return WrittenTo(out.get());
}

absl::StatusOr<std::string> PublicKeyBytes(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return OpenSslError("write a public key");
  std::string bytes(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

}  // namespace doorstep
