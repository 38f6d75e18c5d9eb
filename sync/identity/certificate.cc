#include "sync/identity/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sync/base/status.h"
#include "sync/identity/limits.h"
#include "sync/identity/openssl.h"

namespace doorstep {
namespace {

using StorePtr = std::unique_ptr<X509_STORE, OpenSslFree<X509_STORE_free>>;
using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, OpenSslFree<X509_STORE_CTX_free>>;

void FreeAll(STACK_OF(X509) * stack) { sk_X509_pop_free(stack, X509_free); }
using StackPtr = std::unique_ptr<STACK_OF(X509), OpenSslFree<FreeAll>>;

constexpr int64_t kMsPerSecond = 1000;

absl::StatusOr<int64_t> ToMs(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return OpenSslError("read a time");
  return int64_t{timegm(&parts)} * kMsPerSecond;
}

// "" when there is none.
std::string NamePart(X509* certificate, int nid) {
  X509_NAME* name = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(name, nid, -1);
  if (at < 0) return "";
  unsigned char* text = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  if (size < 0) return "";
  std::string out(reinterpret_cast<const char*>(text), static_cast<size_t>(size));
  OPENSSL_free(text);
  return out;
}

absl::Status WrongRequest(absl::string_view got) {
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat(
      "request: got ", got, ", wanted PKCS #10 in DER for an EC P-256 key, signed by it"));
}

}  // namespace

absl::StatusOr<Certificate> ReadCertificate(absl::string_view pem) {
  DOORSTEP_ASSIGN_OR_RETURN(const X509Ptr certificate, ParseX509(pem));
  Certificate out;
  out.common_name = NamePart(certificate.get(), NID_commonName);
  out.organisation = NamePart(certificate.get(), NID_organizationName);
  DOORSTEP_ASSIGN_OR_RETURN(out.from_ms, ToMs(X509_get0_notBefore(certificate.get())));
  DOORSTEP_ASSIGN_OR_RETURN(out.until_ms, ToMs(X509_get0_notAfter(certificate.get())));
  DOORSTEP_ASSIGN_OR_RETURN(out.public_key, PublicKeyBytes(X509_get0_pubkey(certificate.get())));
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  if (X509_digest(certificate.get(), EVP_sha256(), hash.data(), &size) != 1) {
    return OpenSslError("hash a certificate");
  }
  out.fingerprint = std::string(reinterpret_cast<const char*>(hash.data()), size);
  out.authority = X509_check_ca(certificate.get()) == 1;
  return out;
}

absl::StatusOr<std::vector<std::string>> SplitChain(absl::string_view pem) {
  if (pem.size() > kMaxPemBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("certificates: got ", pem.size(), " bytes, wanted at most ", kMaxPemBytes));
  }
  const BioPtr in = ReadFrom(pem);
  std::vector<std::string> chain;
  while (true) {
    const X509Ptr next(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    if (next == nullptr) break;
    if (chain.size() == kMaxChainCertificates) {
      return absl::InvalidArgumentError(
          absl::StrCat("certificates: got more than ", kMaxChainCertificates));
    }
    DOORSTEP_ASSIGN_OR_RETURN(std::string text, X509ToPem(next.get()));
    chain.push_back(std::move(text));
  }
  ERR_clear_error();
  if (chain.empty()) return absl::InvalidArgumentError("certificates: got none in PEM");
  return chain;
}

absl::Status VerifyServerChain(absl::string_view chain, absl::string_view authority,
                               const std::string& name) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<std::string> parts, SplitChain(chain));
  DOORSTEP_ASSIGN_OR_RETURN(const X509Ptr leaf, ParseX509(parts[0]));
  DOORSTEP_ASSIGN_OR_RETURN(const X509Ptr root, ParseX509(authority));
  const StackPtr others(sk_X509_new_null());
  for (size_t i = 1; i < parts.size(); ++i) {
    DOORSTEP_ASSIGN_OR_RETURN(X509Ptr other, ParseX509(parts[i]));
    if (sk_X509_push(others.get(), other.get()) > 0) (void)other.release();
  }
  const StorePtr store(X509_STORE_new());
  const StoreContextPtr context(X509_STORE_CTX_new());
  if (X509_STORE_add_cert(store.get(), root.get()) != 1 ||
      X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), others.get()) != 1) {
    return OpenSslError("verify");
  }
  X509_VERIFY_PARAM* wanted = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_flags(wanted, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_purpose(wanted, X509_PURPOSE_SSL_SERVER);
  if (X509_VERIFY_PARAM_set1_ip_asc(wanted, name.c_str()) != 1 &&
      X509_VERIFY_PARAM_set1_host(wanted, name.c_str(), name.size()) != 1) {
    return OpenSslError("verify");
  }
  const bool good = X509_verify_cert(context.get()) == 1;
  const int error = X509_STORE_CTX_get_error(context.get());
  ERR_clear_error();
  if (good) return absl::OkStatus();
  return absl::UnauthenticatedError(
      absl::StrCat("the server's certificate: ", X509_verify_cert_error_string(error)));
}

absl::StatusOr<std::string> MakeCertificateRequest(const PrivateKey& key) {
  const X509RequestPtr request(X509_REQ_new());
  if (X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) <= 0) {
    return OpenSslError("make a certificate request");
  }
  unsigned char* der = nullptr;
  const int size = i2d_X509_REQ(request.get(), &der);
  if (size <= 0) return OpenSslError("write a certificate request");
  std::string bytes(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

absl::StatusOr<std::string> KeyOfRequest(absl::string_view request) {
  if (request.empty() || request.size() > kMaxCertificateRequestBytes) {
    return WrongRequest(absl::StrCat(request.size(), " bytes"));
  }
  const auto* at = reinterpret_cast<const unsigned char*>(request.data());
  const unsigned char* const end = at + request.size();
  const X509RequestPtr parsed(d2i_X509_REQ(nullptr, &at, static_cast<long>(request.size())));
  if (parsed == nullptr || at != end) return WrongRequest("other bytes");
  EVP_PKEY* key = X509_REQ_get0_pubkey(parsed.get());
  std::array<char, 32> group{};
  if (key == nullptr || EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) != 1 ||
      absl::string_view(group.data()) != "prime256v1") {
    return WrongRequest("another key");
  }
  if (X509_REQ_verify(parsed.get(), key) != 1) return WrongRequest("one that its key did not sign");
  return PublicKeyBytes(key);
}

}  // namespace doorstep
