#include "server/identity/authority.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "server/identity/issue.h"
#include "sync/base/file.h"
#include "sync/base/status.h"
#include "sync/identity/certificate.h"
#include "sync/identity/limits.h"

namespace doorstep::server {
namespace {

using Purpose = CertificatePlan::Purpose;

// A tablet's clock may be wrong by years, and that must not keep it from syncing: what this server
// makes for itself is valid from here on and for ever. Devices know the authority by its
// fingerprint, and a device's own certificate is judged by the server's clock alone.
constexpr int64_t kFromMs = 0;
// The clocks of two servers of one authority.
constexpr int64_t kSkewMs = 60 * 60 * 1000;
constexpr char kDefaultName[] = "doorstep-server";
constexpr size_t kMaxHostNameBytes = 253;

absl::Status Unfit(const std::string& path, absl::string_view words) {
  return absl::FailedPreconditionError(absl::StrCat(path, ": ", words));
}

absl::StatusOr<std::string> ReadPem(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxPemBytes);
  if (absl::IsNotFound(text.status()) || text.ok()) return text;
  return Unfit(path, text.status().message());
}

absl::StatusOr<PrivateKey> ReadKey(const std::string& path) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::string pem, ReadPem(path));
  absl::StatusOr<PrivateKey> key = PrivateKey::FromPem(pem);
  if (!key.ok()) return Unfit(path, key.status().message());
  return key;
}

// The certificate at `path`, which must be for `key`.
absl::StatusOr<std::string> ReadCertificateOf(const std::string& path, const PrivateKey& key,
                                              Certificate* facts) {
  DOORSTEP_ASSIGN_OR_RETURN(std::string pem, ReadPem(path));
  absl::StatusOr<Certificate> certificate = ReadCertificate(pem);
  if (!certificate.ok()) return Unfit(path, certificate.status().message());
  DOORSTEP_ASSIGN_OR_RETURN(const std::string public_key, key.PublicKey());
  if (certificate->public_key != public_key) {
    return Unfit(path, "got a certificate of another key than the one given with it");
  }
  *facts = *std::move(certificate);
  return pem;
}

absl::Status MakeAuthority(const std::string& directory, Entropy& entropy) {
  DOORSTEP_ASSIGN_OR_RETURN(const PrivateKey key, PrivateKey::Generate());
  DOORSTEP_ASSIGN_OR_RETURN(const std::string public_key, key.PublicKey());
  CertificatePlan plan;
  plan.purpose = Purpose::kAuthority;
  std::array<uint8_t, 4> random{};
  entropy.Fill(absl::MakeSpan(random));
  plan.common_name = absl::StrCat(
      "Doorstep authority ",
      ToHex(absl::string_view(reinterpret_cast<const char*>(random.data()), random.size())));
  plan.from_ms = kFromMs;
  DOORSTEP_ASSIGN_OR_RETURN(const std::string certificate,
                            IssueCertificate(plan, public_key, "", key, entropy));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string pem, key.ToPem());
  // The key first: a certificate without one would look like a given authority's.
  DOORSTEP_RETURN_IF_ERROR(WriteFileAtomically(directory + "/ca.key", pem, 0600));
  return WriteFileAtomically(directory + "/ca.pem", certificate, 0644);
}

absl::Status CheckNames(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const bool fit = !name.empty() && name.size() <= kMaxHostNameBytes &&
                     std::all_of(name.begin(), name.end(), [](char c) {
                       return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' ||
                              c == '-' || c == ':';
                     });
    if (!fit) return InvalidField("--name", name, "a host name or an address");
  }
  return absl::OkStatus();
}

absl::Status CheckPairs(const AuthorityOptions& options) {
  if (options.ca_cert.empty() != options.ca_key.empty()) {
    return absl::InvalidArgumentError("--ca-cert, --ca-key: got one of them, wanted both");
  }
  if (options.server_cert.empty() != options.server_key.empty()) {
    return absl::InvalidArgumentError("--server-cert, --server-key: got one of them, wanted both");
  }
  if (!options.server_cert.empty() && options.names.empty()) {
    return absl::InvalidArgumentError(
        "--name: got none, wanted a name that the given server certificate has");
  }
  return CheckNames(options.names);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Authority>> Authority::Open(const AuthorityOptions& options,
                                                           int64_t now_ms, Entropy& entropy) {
  DOORSTEP_RETURN_IF_ERROR(CheckPairs(options));
  DOORSTEP_RETURN_IF_ERROR(EnsureDirectory(options.directory, 0700));
  const bool given = !options.ca_cert.empty();
  const std::string key_path = given ? options.ca_key : options.directory + "/ca.key";
  const std::string certificate_path = given ? options.ca_cert : options.directory + "/ca.pem";
  if (!given && absl::IsNotFound(ReadPem(certificate_path).status())) {
    DOORSTEP_RETURN_IF_ERROR(MakeAuthority(options.directory, entropy));
  }
  absl::StatusOr<PrivateKey> key = ReadKey(key_path);
  if (!key.ok()) {
    return Unfit(key_path, absl::StrCat(key.status().message(),
                                        " (the authority's key; --ca-key names a given one)"));
  }
  auto authority = std::unique_ptr<Authority>(new Authority(*std::move(key), &entropy));
  Certificate facts;
  DOORSTEP_ASSIGN_OR_RETURN(authority->certificate_,
                            ReadCertificateOf(certificate_path, authority->key_, &facts));
  if (!facts.authority) {
    return Unfit(certificate_path, "got a certificate that may issue no others");
  }
  if (facts.until_ms <= now_ms) {
    return Unfit(certificate_path, "got a certificate that has expired");
  }
  authority->fingerprint_ = facts.fingerprint;
  DOORSTEP_RETURN_IF_ERROR(authority->OpenServerCertificate(options));
  return authority;
}

// A given one is used as it is. One of its own is made anew at each start: names may have changed,
// and devices look at name and issuer only.
absl::Status Authority::OpenServerCertificate(const AuthorityOptions& options) {
  server_name_ = options.names.empty() ? kDefaultName : options.names.front();
  if (!options.server_cert.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(const PrivateKey key, ReadKey(options.server_key));
    Certificate facts;
    DOORSTEP_ASSIGN_OR_RETURN(server_chain_, ReadCertificateOf(options.server_cert, key, &facts));
    DOORSTEP_ASSIGN_OR_RETURN(server_key_, key.ToPem());
    // A device that enrols finds the authority in the chain, by its fingerprint.
    absl::StrAppend(&server_chain_, certificate_);
    const absl::Status good = VerifyServerChain(server_chain_, certificate_, server_name_);
    if (good.ok()) return absl::OkStatus();
    return Unfit(options.server_cert,
                 absl::StrCat(good.message(), ", for ", server_name_, " and the authority given"));
  }
  DOORSTEP_ASSIGN_OR_RETURN(const PrivateKey key, PrivateKey::Generate());
  DOORSTEP_ASSIGN_OR_RETURN(const std::string public_key, key.PublicKey());
  CertificatePlan plan;
  plan.purpose = Purpose::kServer;
  plan.common_name = "Doorstep server";
  plan.names = options.names;
  if (plan.names.empty()) plan.names.emplace_back(kDefaultName);
  plan.from_ms = kFromMs;
  DOORSTEP_ASSIGN_OR_RETURN(server_chain_,
                            IssueCertificate(plan, public_key, certificate_, key_, entropy_));
  absl::StrAppend(&server_chain_, certificate_);
  DOORSTEP_ASSIGN_OR_RETURN(server_key_, key.ToPem());
  DOORSTEP_RETURN_IF_ERROR(
      WriteFileAtomically(options.directory + "/server.key", server_key_, 0600));
  return WriteFileAtomically(options.directory + "/server.pem", server_chain_, 0644);
}

absl::StatusOr<std::string> Authority::IssueForDevice(absl::string_view tenant, const Uuid& device,
                                                      absl::string_view public_key, int64_t now_ms,
                                                      int64_t until_ms) const {
  CertificatePlan plan;
  plan.purpose = Purpose::kDevice;
  plan.common_name = device.ToString();
  plan.organisation = std::string(tenant);
  plan.from_ms = now_ms - kSkewMs;
  plan.until_ms = until_ms;
  DOORSTEP_ASSIGN_OR_RETURN(const std::string certificate,
                            IssueCertificate(plan, public_key, certificate_, key_, entropy_));
  return absl::StrCat(certificate, certificate_);
}

}  // namespace doorstep::server
