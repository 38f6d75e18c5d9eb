#include "server/identity/issue.h"

#include <openssl/bn.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "sync/base/status.h"
#include "sync/identity/openssl.h"

namespace doorstep::server {
namespace {

using BigNumberPtr = std::unique_ptr<BIGNUM, OpenSslFree<BN_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, OpenSslFree<X509_EXTENSION_free>>;
using AddressPtr = std::unique_ptr<ASN1_OCTET_STRING, OpenSslFree<ASN1_OCTET_STRING_free>>;

constexpr int64_t kMsPerSecond = 1000;
constexpr long kVersion3 = 2;

absl::Status SetSerial(X509* certificate, Entropy& entropy) {
  std::array<uint8_t, 16> random{};
  entropy.Fill(absl::MakeSpan(random));
  random[0] = static_cast<uint8_t>((random[0] & 0x3fU) | 0x40U);  // positive, never 0
  const BigNumberPtr number(BN_bin2bn(random.data(), random.size(), nullptr));
  if (number == nullptr ||
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) == nullptr) {
    return OpenSslError("number a certificate");
  }
  return absl::OkStatus();
}

absl::Status AddNamePart(X509_NAME* name, const char* part, absl::string_view text) {
  if (text.empty()) return absl::OkStatus();
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  if (X509_NAME_add_entry_by_txt(name, part, MBSTRING_UTF8, bytes, static_cast<int>(text.size()),
                                 -1, 0) != 1) {
    return OpenSslError("name a certificate");
  }
  return absl::OkStatus();
}

absl::Status SetTimes(X509* certificate, const CertificatePlan& plan) {
  const bool set =
      ASN1_TIME_set(X509_getm_notBefore(certificate), plan.from_ms / kMsPerSecond) != nullptr &&
      (plan.until_ms.has_value()
           ? ASN1_TIME_set(X509_getm_notAfter(certificate), *plan.until_ms / kMsPerSecond) !=
                 nullptr
           : ASN1_TIME_set_string(X509_getm_notAfter(certificate), "99991231235959Z") == 1);
  return set ? absl::OkStatus() : OpenSslError("date a certificate");
}

// `value` in the words of openssl.cnf.
absl::Status Extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_nconf_nid(nullptr, &context, nid, value.c_str()));
  if (extension == nullptr || X509_add_ext(certificate, extension.get(), -1) != 1) {
    return OpenSslError(absl::StrCat("extend a certificate by ", value));
  }
  return absl::OkStatus();
}

std::string AlternativeNames(const std::vector<std::string>& names) {
  std::vector<std::string> parts;
  for (const std::string& name : names) {
    const AddressPtr address(a2i_IPADDRESS(name.c_str()));
    parts.push_back(absl::StrCat(address == nullptr ? "DNS:" : "IP:", name));
  }
  return absl::StrJoin(parts, ",");
}

absl::Status AddExtensions(const CertificatePlan& plan, X509* certificate, X509* issuer) {
  const auto extend = [&](int nid, const std::string& value) {
    return Extend(certificate, issuer, nid, value);
  };
  DOORSTEP_RETURN_IF_ERROR(extend(NID_subject_key_identifier, "hash"));
  DOORSTEP_RETURN_IF_ERROR(extend(NID_authority_key_identifier, "keyid"));
  if (plan.purpose == CertificatePlan::Purpose::kAuthority) {
    DOORSTEP_RETURN_IF_ERROR(extend(NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
    return extend(NID_key_usage, "critical,keyCertSign,cRLSign");
  }
  DOORSTEP_RETURN_IF_ERROR(extend(NID_basic_constraints, "critical,CA:FALSE"));
  DOORSTEP_RETURN_IF_ERROR(extend(NID_key_usage, "critical,digitalSignature"));
  if (plan.purpose == CertificatePlan::Purpose::kDevice) {
    return extend(NID_ext_key_usage, "clientAuth");
  }
  DOORSTEP_RETURN_IF_ERROR(extend(NID_ext_key_usage, "serverAuth"));
  return extend(NID_subject_alt_name, AlternativeNames(plan.names));
}

}  // namespace

absl::StatusOr<std::string> IssueCertificate(const CertificatePlan& plan,
                                             absl::string_view public_key, absl::string_view issuer,
                                             const PrivateKey& signer, Entropy& entropy) {
  const X509Ptr certificate(X509_new());
  const auto* at = reinterpret_cast<const unsigned char*>(public_key.data());
  const EvpKeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(public_key.size())));
  if (key == nullptr || X509_set_version(certificate.get(), kVersion3) != 1 ||
      X509_set_pubkey(certificate.get(), key.get()) != 1) {
    return OpenSslError("begin a certificate");
  }
  DOORSTEP_RETURN_IF_ERROR(SetSerial(certificate.get(), entropy));
  DOORSTEP_RETURN_IF_ERROR(SetTimes(certificate.get(), plan));
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  DOORSTEP_RETURN_IF_ERROR(AddNamePart(subject, "O", plan.organisation));
  DOORSTEP_RETURN_IF_ERROR(AddNamePart(subject, "CN", plan.common_name));
  X509Ptr parent;
  if (!issuer.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(parent, ParseX509(issuer));
  }
  X509* const by = parent == nullptr ? certificate.get() : parent.get();
  if (X509_set_issuer_name(certificate.get(), X509_get_subject_name(by)) != 1) {
    return OpenSslError("name the issuer");
  }
  DOORSTEP_RETURN_IF_ERROR(AddExtensions(plan, certificate.get(), by));
  if (X509_sign(certificate.get(), signer.get(), EVP_sha256()) <= 0) {
    return OpenSslError("sign a certificate");
  }
  return X509ToPem(certificate.get());
}

}  // namespace doorstep::server
