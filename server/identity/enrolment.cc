#include "server/identity/enrolment.h"

#include <sodium.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "server/audit/audit.h"
#include "server/errors.h"
#include "server/identity/invites.h"
#include "server/identity/register.h"
#include "server/validate.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/identity/certificate.h"
#include "sync/identity/enrolment_code.h"
#include "sync/identity/proof.h"

namespace doorstep::server {
namespace {

constexpr int64_t kSecondMs = 1000;
constexpr int64_t kChallengeMs = 60'000;
constexpr size_t kMaxSignatureBytes = 128;  // one of P-256 in DER takes at most 72

absl::Status Wrong(absl::string_view path, absl::string_view got, absl::string_view wanted) {
  return ForCaller(
      absl::InvalidArgumentError(absl::StrCat(path, ": got ", got, ", wanted ", wanted)));
}

absl::Status CheckBytes(absl::string_view path, absl::string_view bytes, size_t min, size_t max) {
  if (bytes.size() >= min && bytes.size() <= max) return absl::OkStatus();
  return Wrong(path, absl::StrCat(bytes.size(), " bytes"),
               min == max ? absl::StrCat(min) : absl::StrCat(min, " to ", max));
}

absl::StatusOr<Uuid> CheckDevice(const std::string& path, absl::string_view bytes) {
  DOORSTEP_RETURN_IF_ERROR(CheckBytes(path, bytes, sizeof(Uuid::b), sizeof(Uuid::b)));
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid device, Uuid::FromBytes(bytes));
  if (device.IsNil()) return Wrong(path, "only zeros", "an id");
  return device;
}

// What a caller without the key hears, whatever the reason is.
absl::Status NoProof() {
  return ForCaller(absl::PermissionDeniedError(
      "this server does not know this device's key: ask your administrator for a new code"));
}

}  // namespace

EnrolmentCore::EnrolmentCore(Tenants* tenants, const Authority* authority, EnrolmentOptions options)
    : tenants_(*tenants),
      authority_(*authority),
      options_(std::move(options)),
      secret_(crypto_auth_KEYBYTES, '\0') {
  tenants_.entropy().Fill(
      absl::MakeSpan(reinterpret_cast<uint8_t*>(secret_.data()), secret_.size()));
}

template <typename Response, typename Work>
absl::StatusOr<Response> EnrolmentCore::Limited(const std::string& peer, const Work& work) {
  const int64_t now_ms = tenants_.clock().Read().mono_ms;
  if (!attempts_.MayTry(peer, now_ms)) {
    return ForCaller(absl::ResourceExhaustedError(
        "too many wrong codes from this address: try again in a minute"));
  }
  absl::StatusOr<Response> response = work();
  if (response.ok()) return response;
  if (absl::IsPermissionDenied(response.status())) attempts_.NoteWrong(peer, now_ms);
  return Outward(response.status());
}

absl::StatusOr<v1::EnrolResponse> EnrolmentCore::Enrol(const v1::EnrolRequest& request,
                                                       const std::string& peer) {
  return Limited<v1::EnrolResponse>(peer, [&] { return DoEnrol(request); });
}

absl::StatusOr<v1::ChallengeResponse> EnrolmentCore::Challenge(
    const v1::ChallengeRequest& request) {
  absl::StatusOr<v1::ChallengeResponse> response = DoChallenge(request);
  if (!response.ok()) return Outward(response.status());
  return response;
}

absl::StatusOr<v1::RenewResponse> EnrolmentCore::Renew(const v1::RenewRequest& request,
                                                       const std::string& peer) {
  return Limited<v1::RenewResponse>(peer, [&] { return DoRenew(request); });
}

absl::StatusOr<v1::StandingResponse> EnrolmentCore::Standing(const v1::StandingRequest& request,
                                                             const std::string& peer) {
  absl::StatusOr<v1::StandingResponse> response =
      Limited<v1::StandingResponse>(peer, [&] { return DoStanding(request); });
  if (!absl::IsPermissionDenied(response.status())) return response;
  v1::StandingResponse unknown;
  unknown.set_standing(v1::StandingResponse::UNKNOWN);
  unknown.set_words("this server does not know this device's key");
  unknown.set_what_to_do("ask your administrator for a code, and enrol with it");
  return unknown;
}

absl::StatusOr<v1::DeviceCertificate> EnrolmentCore::Issue(const std::string& tenant,
                                                           EnrolmentRow* row) {
  const int64_t now_ms = tenants_.clock().Read().wall_ms;
  // A certificate counts seconds, and the register says the same of it.
  row->until_ms = (now_ms + options_.certificate_ms) / kSecondMs * kSecondMs;
  v1::DeviceCertificate out;
  DOORSTEP_ASSIGN_OR_RETURN(
      *out.mutable_chain(),
      authority_.IssueForDevice(tenant, row->device, row->public_key, now_ms, row->until_ms));
  out.set_authority(authority_.certificate());
  out.set_from_ms(now_ms);
  out.set_until_ms(row->until_ms);
  out.set_address(options_.address);
  out.set_enrolment_address(options_.enrolment_address);
  out.set_server_name(authority_.server_name());
  return out;
}

absl::StatusOr<v1::EnrolResponse> EnrolmentCore::DoEnrol(const v1::EnrolRequest& request) {
  DOORSTEP_RETURN_IF_ERROR(CheckBytes("EnrolRequest.code_id", request.code_id(),
                                      EnrolmentCode::kIdBytes, EnrolmentCode::kIdBytes));
  DOORSTEP_RETURN_IF_ERROR(CheckBytes("EnrolRequest.secret", request.secret(),
                                      EnrolmentCode::kSecretBytes, EnrolmentCode::kSecretBytes));
  DOORSTEP_RETURN_IF_ERROR(CheckBytes("EnrolRequest.tenant", request.tenant(), 1, kMaxNameBytes));
  DOORSTEP_RETURN_IF_ERROR(CheckBytes("EnrolRequest.name", request.name(), 0, kMaxTitleBytes));
  if (!IsOneLine(request.name())) {
    return Wrong("EnrolRequest.name", Quoted(request.name()), "text without control characters");
  }
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid device,
                            CheckDevice("EnrolRequest.device", request.device()));
  const absl::StatusOr<std::string> key = KeyOfRequest(request.request());
  if (!key.ok()) return ForCaller(Annotate(key.status(), "EnrolRequest"));
  const absl::StatusOr<Tenant*> tenant = tenants_.Find(request.tenant());
  if (!tenant.ok() && !absl::IsNotFound(tenant.status())) return tenant.status();
  if (!tenant.ok()) return NoProof();
  const Tenant::InUse use(*tenant);
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTransaction> transaction,
                            (*tenant)->store().Write());
  const int64_t now_ms = tenants_.clock().Read().wall_ms;
  DOORSTEP_ASSIGN_OR_RETURN(const InviteRow invite, UseInvite(*transaction, request.code_id(),
                                                              request.secret(), device, now_ms));
  EnrolmentRow row;
  row.device = device;
  row.site = invite.site;
  row.name = request.name().empty() ? invite.name : request.name();
  row.public_key = *key;
  row.enrolled_ms = now_ms;
  v1::EnrolResponse response;
  DOORSTEP_ASSIGN_OR_RETURN(*response.mutable_certificate(), Issue(request.tenant(), &row));
  DOORSTEP_RETURN_IF_ERROR(Register(*transaction, row));
  AuditEntry entry;
  entry.time_ms = now_ms;
  entry.device = device;
  entry.verb = "device enrolled";
  entry.about = absl::StrCat("site=", row.site, " code=", ToHex(request.code_id()),
                             " key_sha256=", ToHex(Sha256Of(row.public_key)));
  DOORSTEP_RETURN_IF_ERROR(AppendAudit(std::move(entry), *transaction));
  DOORSTEP_RETURN_IF_ERROR(transaction->Commit());
  response.set_tenant(request.tenant());
  response.set_site(row.site);
  response.set_name(row.name);
  return response;
}

// challenge := expires_ms in decimal, a space, and the tag. It names one device and needs no
// memory: who floods this call costs it no more than an answer.
std::string EnrolmentCore::Tag(const std::string& tenant, const Uuid& device,
                               absl::string_view head) const {
  const std::string text = absl::StrCat(head, " ", device.AsBytes(), tenant);
  std::string tag(crypto_auth_BYTES, '\0');
  crypto_auth(reinterpret_cast<unsigned char*>(tag.data()),
              reinterpret_cast<const unsigned char*>(text.data()), text.size(),
              reinterpret_cast<const unsigned char*>(secret_.data()));
  return tag;
}

absl::StatusOr<v1::ChallengeResponse> EnrolmentCore::DoChallenge(
    const v1::ChallengeRequest& request) {
  DOORSTEP_RETURN_IF_ERROR(
      CheckBytes("ChallengeRequest.tenant", request.tenant(), 1, kMaxNameBytes));
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid device,
                            CheckDevice("ChallengeRequest.device", request.device()));
  const std::string head = absl::StrCat(tenants_.clock().Read().mono_ms + kChallengeMs);
  v1::ChallengeResponse response;
  response.set_challenge(absl::StrCat(head, " ", Tag(request.tenant(), device, head)));
  return response;
}

absl::StatusOr<EnrolmentCore::Proven> EnrolmentCore::CheckProof(const v1::DeviceProof& proof,
                                                                const std::string& path,
                                                                absl::string_view purpose,
                                                                absl::string_view request) {
  DOORSTEP_RETURN_IF_ERROR(CheckBytes(path + ".tenant", proof.tenant(), 1, kMaxNameBytes));
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid device, CheckDevice(path + ".device", proof.device()));
  DOORSTEP_RETURN_IF_ERROR(
      CheckBytes(path + ".signature", proof.signature(), 1, kMaxSignatureBytes));
  const absl::string_view challenge = proof.challenge();
  const absl::string_view head = challenge.substr(0, challenge.find(' '));
  int64_t expires_ms = 0;
  if (challenge.size() != head.size() + 1 + crypto_auth_BYTES ||
      !absl::SimpleAtoi(head, &expires_ms) ||
      !EqualSecrets(challenge.substr(head.size() + 1), Tag(proof.tenant(), device, head))) {
    return Wrong(path + ".challenge", "another", "one of this server for this device");
  }
  if (tenants_.clock().Read().mono_ms >= expires_ms) {
    return Wrong(path + ".challenge", "one that is too old", "one of the last minute");
  }
  Proven proven;
  const absl::StatusOr<Tenant*> tenant = tenants_.Find(proof.tenant());
  if (!tenant.ok() && !absl::IsNotFound(tenant.status())) return tenant.status();
  if (!tenant.ok()) return NoProof();
  proven.tenant = *tenant;
  const Tenant::InUse use(*tenant);
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, (*tenant)->store().Read());
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<EnrolmentRow> row, view->FindEnrolment(device));
  const std::string text = ProofText(purpose, proof.tenant(), device, challenge, request);
  if (!row || !IsSignedBy(row->public_key, text, proof.signature())) return NoProof();
  proven.row = *row;
  return proven;
}

absl::StatusOr<v1::RenewResponse> EnrolmentCore::DoRenew(const v1::RenewRequest& request) {
  const absl::StatusOr<std::string> key = KeyOfRequest(request.request());
  if (!key.ok()) return ForCaller(Annotate(key.status(), "RenewRequest"));
  DOORSTEP_ASSIGN_OR_RETURN(Proven proven, CheckProof(request.proof(), "RenewRequest.proof",
                                                      kProofOfRenewal, request.request()));
  if (proven.row.public_key != *key) {
    return Wrong("RenewRequest.request", "another key", "the one that is registered");
  }
  const Tenant::InUse use(proven.tenant);
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTransaction> transaction,
                            proven.tenant->store().Write());
  // Again, now that nobody else writes: it may have been revoked meanwhile.
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<EnrolmentRow> row,
                            transaction->FindEnrolment(proven.row.device));
  if (!row) return NoProof();
  if (row->revoked_ms != 0) {
    return ForCaller(
        absl::PermissionDeniedError(absl::StrCat(kRevokedWords, ": ", kRevokedAdvice)));
  }
  v1::RenewResponse response;
  DOORSTEP_ASSIGN_OR_RETURN(*response.mutable_certificate(),
                            Issue(request.proof().tenant(), &*row));
  DOORSTEP_RETURN_IF_ERROR(transaction->PutEnrolment(*row));
  AuditEntry entry;
  entry.time_ms = tenants_.clock().Read().wall_ms;
  entry.device = row->device;
  entry.verb = "certificate renewed";
  entry.about = absl::StrCat("until=", FormatUtc(row->until_ms));
  DOORSTEP_RETURN_IF_ERROR(AppendAudit(std::move(entry), *transaction));
  DOORSTEP_RETURN_IF_ERROR(transaction->Commit());
  return response;
}

absl::StatusOr<v1::StandingResponse> EnrolmentCore::DoStanding(const v1::StandingRequest& request) {
  const absl::StatusOr<Proven> proven =
      CheckProof(request.proof(), "StandingRequest.proof", kProofOfStanding, "");
  if (!proven.ok()) return proven.status();
  const EnrolmentRow& row = proven->row;
  v1::StandingResponse response;
  if (row.revoked_ms != 0) {
    response.set_standing(v1::StandingResponse::REVOKED);
    response.set_words(kRevokedWords);
    response.set_what_to_do(kRevokedAdvice);
    return response;
  }
  response.set_until_ms(row.until_ms);
  if (row.until_ms <= tenants_.clock().Read().wall_ms) {
    response.set_standing(v1::StandingResponse::EXPIRED);
    response.set_words("this device's certificate has expired");
    response.set_what_to_do("sync again: it is renewed by itself");
    return response;
  }
  response.set_standing(v1::StandingResponse::ENROLLED);
  response.set_words("this device is enrolled");
  return response;
}

}  // namespace doorstep::server
