#include "doorstep/enrolment.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "client-lib/device_identity.h"
#include "client-lib/grpc_enrolment.h"
#include "client-lib/replica_impl.h"
#include "doorstep/json.h"
#include "nlohmann/json.hpp"
#include "sync/base/bytes.h"
#include "sync/base/status.h"
#include "sync/identity/certificate.h"
#include "sync/identity/enrolment_code.h"
#include "sync/identity/private_key.h"

namespace doorstep {
namespace {

absl::Status OtherPlace(absl::string_view what, absl::string_view got, absl::string_view wanted) {
  return absl::FailedPreconditionError(
      absl::StrCat("code: got one for the ", what, " ", Quoted(got), ", wanted ", Quoted(wanted),
                   ", to which this replica belongs: ask for another code"));
}

}  // namespace

absl::StatusOr<EnrolmentOffer> ReadEnrolmentCode(absl::string_view code) {
  DOORSTEP_ASSIGN_OR_RETURN(const EnrolmentCode parsed, ParseEnrolmentCode(code));
  return EnrolmentOffer{parsed.tenant, parsed.site, parsed.name, parsed.address};
}

absl::Status Enrol(Replica& replica, absl::string_view code, const GrpcOptions& options) {
  DOORSTEP_ASSIGN_OR_RETURN(const EnrolmentCode parsed, ParseEnrolmentCode(code));
  client::Store& store = *replica.inside().store;
  DOORSTEP_ASSIGN_OR_RETURN(DeviceIdentity identity, client::LoadIdentity(store));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string site, store.Text(client::key::kSite));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string name, store.Text(client::key::kDeviceName));
  if (parsed.tenant != identity.tenant) {
    return OtherPlace("organisation", parsed.tenant, identity.tenant);
  }
  if (parsed.site != site) return OtherPlace("site", parsed.site, site);
  if (identity.key.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(const PrivateKey key, PrivateKey::Generate());
    DOORSTEP_ASSIGN_OR_RETURN(identity.key, key.ToPem());
    // Before anyone is asked: an answer that is lost is asked for again with the same key.
    DOORSTEP_RETURN_IF_ERROR(client::SaveIdentity(store, identity));
  }
  DOORSTEP_ASSIGN_OR_RETURN(const DeviceIdentity enrolled,
                            client::EnrolIdentity(identity, parsed, name, options));
  return client::SaveIdentity(store, enrolled);
}

absl::StatusOr<IdentityInfo> ReadIdentity(Replica& replica) {
  DOORSTEP_ASSIGN_OR_RETURN(const DeviceIdentity identity,
                            client::LoadIdentity(*replica.inside().store));
  IdentityInfo info;
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid device, Uuid::FromBytes(identity.device));
  info.device = device.ToString();
  info.enrolled = identity.enrolled();
  info.server = identity.address;
  info.server_name = identity.server_name;
  info.enrolment_address = identity.enrolment_address;
  if (!identity.key.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(const PrivateKey key, PrivateKey::FromPem(identity.key));
    DOORSTEP_ASSIGN_OR_RETURN(const std::string public_key, key.PublicKey());
    info.key_sha256 = ToHex(Sha256Of(public_key));
  }
  if (!info.enrolled) return info;
  DOORSTEP_ASSIGN_OR_RETURN(const Certificate certificate, ReadCertificate(identity.chain));
  DOORSTEP_ASSIGN_OR_RETURN(const Certificate authority, ReadCertificate(identity.authority));
  info.from_ms = certificate.from_ms;
  info.until_ms = certificate.until_ms;
  info.authority_sha256 = ToHex(authority.fingerprint);
  return info;
}

nlohmann::json ToJson(const IdentityInfo& identity) {
  nlohmann::json out = {{"enrolled", identity.enrolled}, {"device", identity.device}};
  if (!identity.key_sha256.empty()) out["key_sha256"] = identity.key_sha256;
  if (!identity.enrolled) return out;
  out["certificate_from"] = Utc(identity.from_ms);
  out["certificate_until"] = Utc(identity.until_ms);
  out["authority_sha256"] = identity.authority_sha256;
  out["server"] = identity.server;
  out["server_name"] = identity.server_name;
  out["enrolment_address"] = identity.enrolment_address;
  return out;
}

}  // namespace doorstep
