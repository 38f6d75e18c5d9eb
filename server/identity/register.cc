#include "server/identity/register.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/errors.h"
#include "sync/base/status.h"
#include "sync/identity/certificate.h"
#include "sync/identity/limits.h"
#include "sync/identity/private_key.h"

namespace doorstep::server {
namespace {

absl::Status NotEnrolled(const Uuid& device) {
  return absl::NotFoundError(absl::StrCat("device: got ", device.ToString(),
                                          ", wanted one that has enrolled (see device list)"));
}

}  // namespace

absl::Status RefuseStranger() {
  return ForCaller(absl::PermissionDeniedError(
      "this device's certificate does not let it do that: enrol it with a new code (doorstep "
      "enrol), or ask your administrator"));
}

Caller CallerOf(absl::string_view certificate_pem) {
  Caller caller;
  caller.has_certificate = true;
  const absl::StatusOr<Certificate> certificate = ReadCertificate(certificate_pem);
  if (!certificate.ok()) return caller;
  const absl::StatusOr<Uuid> device = Uuid::Parse(certificate->common_name);
  if (!device.ok()) return caller;
  caller.tenant = certificate->organisation;
  caller.device = *device;
  caller.public_key = certificate->public_key;
  caller.until_ms = certificate->until_ms;
  return caller;
}

absl::Status CheckCaller(ReadView& view, const Caller& caller, const CheckedSender& sender,
                         int64_t now_ms) {
  if (!caller.has_certificate || caller.tenant != sender.tenant || caller.device != sender.device) {
    return RefuseStranger();
  }
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<EnrolmentRow> device,
                            view.FindEnrolment(sender.device));
  if (!device || !EqualSecrets(device->public_key, caller.public_key)) return RefuseStranger();
  if (device->revoked_ms != 0) {
    return ForCaller(
        absl::PermissionDeniedError(absl::StrCat(kRevokedWords, ": ", kRevokedAdvice)));
  }
  if (device->site != sender.site) return RefuseStranger();
  if (caller.until_ms <= now_ms) {
    return ForCaller(absl::UnauthenticatedError("this device's certificate has expired: renew it"));
  }
  return absl::OkStatus();
}

absl::Status Register(WriteTransaction& transaction, const EnrolmentRow& device) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<EnrolmentRow> old,
                            transaction.FindEnrolment(device.device));
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<DeviceRow> seen,
                            transaction.FindDevice(device.device));
  const bool other_site = seen && seen->site != device.site;
  if (other_site || (old && (old->revoked_ms != 0 || old->site != device.site ||
                             old->public_key != device.public_key))) {
    return ForCaller(absl::PermissionDeniedError(
        "device: got one that this server knows otherwise (another key, another site, or taken out "
        "of use): make a new replica and enrol that, or ask your administrator"));
  }
  EnrolmentRow row = device;
  if (old) row.enrolled_ms = old->enrolled_ms;
  return transaction.PutEnrolment(row);
}

absl::Status Revoke(Tenant& tenant, const Uuid& device, absl::string_view reason, int64_t now_ms) {
  if (reason.size() > kMaxRevokeReasonBytes || !IsOneLine(reason)) {
    return InvalidField(
        "--reason", reason,
        absl::StrCat("at most ", kMaxRevokeReasonBytes, " bytes of one line of text"));
  }
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTransaction> transaction,
                            tenant.store().Write());
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<EnrolmentRow> row, transaction->FindEnrolment(device));
  if (!row) return NotEnrolled(device);
  if (row->revoked_ms != 0) {
    return absl::AlreadyExistsError(
        absl::StrCat("device: ", device.ToString(), " was taken out of use before"));
  }
  row->revoked_ms = now_ms;
  row->revoked_reason = std::string(reason);
  DOORSTEP_RETURN_IF_ERROR(transaction->PutEnrolment(*row));
  return transaction->Commit();
}

absl::Status Reinstate(Tenant& tenant, const Uuid& device) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTransaction> transaction,
                            tenant.store().Write());
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<EnrolmentRow> row, transaction->FindEnrolment(device));
  if (!row) return NotEnrolled(device);
  if (row->revoked_ms == 0) {
    return absl::AlreadyExistsError(absl::StrCat("device: ", device.ToString(), " is in use"));
  }
  row->revoked_ms = 0;
  row->revoked_reason.clear();
  DOORSTEP_RETURN_IF_ERROR(transaction->PutEnrolment(*row));
  return transaction->Commit();
}

absl::StatusOr<std::vector<Uuid>> RevokedDevices(Tenant& tenant) {
  const Tenant::InUse use(&tenant);
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<ReadView> view, tenant.store().Read());
  return view->RevokedDevices();
}

}  // namespace doorstep::server
