#include "server/identity/invites.h"

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "server/errors.h"
#include "server/validate.h"
#include "sync/base/status.h"
#include "sync/identity/enrolment_code.h"
#include "sync/identity/limits.h"
#include "sync/identity/private_key.h"

namespace doorstep::server {
namespace {

constexpr int64_t kMsPerMinute = 60'000;
// A code holds one byte of length.
constexpr size_t kMaxDeviceNameBytes = 255;

std::string Random(size_t size, Entropy& entropy) {
  std::string out(size, '\0');
  entropy.Fill(absl::MakeSpan(reinterpret_cast<uint8_t*>(out.data()), out.size()));
  return out;
}

absl::Status WrongCode() {
  return ForCaller(absl::PermissionDeniedError(
      "code: got one that was used, has expired, or is none of this server's: ask your "
      "administrator for a new one"));
}

}  // namespace

absl::StatusOr<Invitation> Invite(Tenant& tenant, absl::string_view site, absl::string_view name,
                                  int64_t valid_minutes, int64_t now_ms, Entropy& entropy) {
  if (name.empty() || name.size() > kMaxDeviceNameBytes || !IsOneLine(name)) {
    return InvalidField("--name", name,
                        absl::StrCat("1 to ", kMaxDeviceNameBytes, " bytes of one line of text"));
  }
  if (valid_minutes < 1 || valid_minutes > kMaxInviteMinutes) {
    return InvalidField("--valid", absl::StrCat(valid_minutes),
                        absl::StrCat("1 to ", kMaxInviteMinutes, " minutes"));
  }
  Invitation out;
  out.id = Random(EnrolmentCode::kIdBytes, entropy);
  out.secret = Random(EnrolmentCode::kSecretBytes, entropy);
  out.expires_ms = now_ms + valid_minutes * kMsPerMinute;
  InviteRow row;
  row.id = out.id;
  row.secret_hash = Sha256Of(out.secret);
  row.site = std::string(site);
  row.name = std::string(name);
  row.created_ms = now_ms;
  row.expires_ms = out.expires_ms;
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTransaction> transaction,
                            tenant.store().Write());
  DOORSTEP_RETURN_IF_ERROR(transaction->PutInvite(row));
  DOORSTEP_RETURN_IF_ERROR(transaction->Commit());
  return out;
}

absl::StatusOr<InviteRow> UseInvite(WriteTransaction& transaction, absl::string_view id,
                                    absl::string_view secret, const Uuid& device, int64_t now_ms) {
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<InviteRow> invite, transaction.FindInvite(id));
  // An id that is not there costs the same comparison.
  const std::string wanted = invite.has_value() ? invite->secret_hash : Sha256Of("");
  const bool same = EqualSecrets(wanted, Sha256Of(secret));
  if (!invite.has_value() || !same || now_ms >= invite->expires_ms) return WrongCode();
  if (invite->used_ms != 0) {
    if (invite->used_by != device) return WrongCode();
    return *invite;
  }
  invite->used_ms = now_ms;
  invite->used_by = device;
  DOORSTEP_RETURN_IF_ERROR(transaction.PutInvite(*invite));
  return *invite;
}

}  // namespace doorstep::server
