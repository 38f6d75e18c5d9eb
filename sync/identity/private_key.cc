#include "sync/identity/private_key.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include <array>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sync/base/status.h"
#include "sync/identity/limits.h"

namespace doorstep {
namespace {

// An encrypted key asks for its passphrase at the terminal, unless somebody answers.
int NoPassphrase(char*, int, int, void*) { return -1; }

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

absl::StatusOr<PrivateKey> PrivateKey::Generate() {
  EvpKeyPtr key(EVP_EC_gen("P-256"));
  if (key == nullptr) return OpenSslError("make a key");
  return PrivateKey(std::move(key));
}

absl::StatusOr<PrivateKey> PrivateKey::FromPem(absl::string_view pem) {
  if (pem.size() > kMaxPemBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("key: got ", pem.size(), " bytes, wanted at most ", kMaxPemBytes));
  }
  const BioPtr in = ReadFrom(pem);
  EvpKeyPtr key(PEM_read_bio_PrivateKey(in.get(), nullptr, NoPassphrase, nullptr));
  if (key != nullptr) return PrivateKey(std::move(key));
  ERR_clear_error();
  // Nothing of a key is ever quoted.
  return absl::InvalidArgumentError("key: got no private key in PEM without a passphrase");
}

absl::StatusOr<std::string> PrivateKey::ToPem() const {
  const BioPtr out(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PrivateKey(out.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return OpenSslError("write a key");
  }
  std::string pem = WrittenTo(out.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  OPENSSL_cleanse(data, static_cast<size_t>(size));
  return pem;
}

absl::StatusOr<std::string> PrivateKey::Sign(absl::string_view message) const {
  const EvpDigestPtr context(EVP_MD_CTX_new());
  size_t size = 0;
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, Bytes(message), message.size()) != 1) {
    return OpenSslError("sign");
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     Bytes(message), message.size()) != 1) {
    return OpenSslError("sign");
  }
  signature.resize(size);
  return signature;
}

bool IsSignedBy(absl::string_view public_key, absl::string_view message,
                absl::string_view signature) {
  const unsigned char* at = Bytes(public_key);
  const EvpKeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(public_key.size())));
  const EvpDigestPtr context(EVP_MD_CTX_new());
  const bool good =
      key != nullptr &&
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
      EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(message),
                       message.size()) == 1;
  ERR_clear_error();
  return good;
}

std::string Sha256Of(absl::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  SHA256(Bytes(bytes), bytes.size(), hash.data());
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

bool EqualSecrets(absl::string_view a, absl::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace doorstep
