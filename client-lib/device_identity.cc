#include "client-lib/device_identity.h"

#include <string>

#include "sync/base/status.h"
#include "sync/identity/certificate.h"

namespace doorstep::client {
namespace {

// Keys of _secret. The address for sync is key::kServer of _state.
constexpr char kKey[] = "device_key";
constexpr char kChain[] = "device_certificate";
constexpr char kAuthority[] = "authority";
constexpr char kServerName[] = "server_name";
constexpr char kEnrolment[] = "enrolment_address";

// One part of so many is left when it is renewed.
constexpr int64_t kRenewalParts = 3;

// Empty when there is none.
absl::StatusOr<std::string> ReadSecret(Store& store, absl::string_view key) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            store.db().Prepared("SELECT value FROM _secret WHERE key = ?1"));
  ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->BindText(1, key).Step());
  return found ? std::string(find->Blob(0)) : std::string();
}

absl::Status KeepSecret(Store& store, absl::string_view key, absl::string_view value) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * put,
                            store.db().Prepared("INSERT INTO _secret(key, value) VALUES(?1, ?2) "
                                                "ON CONFLICT(key) DO UPDATE SET value = ?2"));
  ScopedReset done(put);
  return put->BindText(1, key).BindBlob(2, value).Run();
}

// Null: it shows none.
IdentifiedTransport* Identified(Transport& transport) {
  return dynamic_cast<IdentifiedTransport*>(&transport);
}

absl::StatusOr<DeviceIdentity> Renew(Store& store, IdentifiedTransport& transport) {
  DOORSTEP_ASSIGN_OR_RETURN(DeviceIdentity renewed, transport.Renew());
  DOORSTEP_RETURN_IF_ERROR(SaveIdentity(store, renewed));
  return renewed;
}

}  // namespace

absl::StatusOr<DeviceIdentity> LoadIdentity(Store& store) {
  DOORSTEP_ASSIGN_OR_RETURN(const Read read, Read::Begin(store));
  DeviceIdentity identity;
  DOORSTEP_ASSIGN_OR_RETURN(identity.tenant, store.Text(key::kTenant));
  DOORSTEP_ASSIGN_OR_RETURN(identity.device, store.Text(key::kDevice));
  DOORSTEP_ASSIGN_OR_RETURN(identity.key, ReadSecret(store, kKey));
  DOORSTEP_ASSIGN_OR_RETURN(identity.chain, ReadSecret(store, kChain));
  DOORSTEP_ASSIGN_OR_RETURN(identity.authority, ReadSecret(store, kAuthority));
  DOORSTEP_ASSIGN_OR_RETURN(identity.server_name, ReadSecret(store, kServerName));
  DOORSTEP_ASSIGN_OR_RETURN(identity.address, store.Text(key::kServer));
  DOORSTEP_ASSIGN_OR_RETURN(identity.enrolment_address, ReadSecret(store, kEnrolment));
  return identity;
}

absl::Status SaveIdentity(Store& store, const DeviceIdentity& identity) {
  DOORSTEP_ASSIGN_OR_RETURN(Write write, Write::Begin(store));
  DOORSTEP_RETURN_IF_ERROR(KeepSecret(store, kKey, identity.key));
  DOORSTEP_RETURN_IF_ERROR(KeepSecret(store, kChain, identity.chain));
  DOORSTEP_RETURN_IF_ERROR(KeepSecret(store, kAuthority, identity.authority));
  DOORSTEP_RETURN_IF_ERROR(KeepSecret(store, kServerName, identity.server_name));
  DOORSTEP_RETURN_IF_ERROR(store.SetText(key::kServer, identity.address));
  DOORSTEP_RETURN_IF_ERROR(KeepSecret(store, kEnrolment, identity.enrolment_address));
  return write.Commit();
}

bool IsRenewalDue(const DeviceIdentity& identity, int64_t server_ms) {
  const absl::StatusOr<Certificate> certificate = ReadCertificate(identity.chain);
  if (!certificate.ok()) return true;
  const int64_t whole_ms = certificate->until_ms - certificate->from_ms;
  return certificate->until_ms - server_ms <= whole_ms / kRenewalParts;
}

absl::Status Identify(Store& store, Transport& transport) {
  IdentifiedTransport* const identified = Identified(transport);
  if (identified == nullptr) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const DeviceIdentity identity, LoadIdentity(store));
  if (identity.enrolled()) identified->UseIdentity(identity);
  return absl::OkStatus();
}

absl::Status IdentifyForSync(Store& store, Transport& transport) {
  IdentifiedTransport* const identified = Identified(transport);
  if (identified == nullptr) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const DeviceIdentity identity, LoadIdentity(store));
  if (!identity.enrolled()) return absl::OkStatus();
  identified->UseIdentity(identity);
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t server_ms, store.Int(key::kContact));
  if (IsRenewalDue(identity, server_ms)) Renew(store, *identified).status().IgnoreError();
  return absl::OkStatus();
}

absl::StatusOr<bool> RenewAfterRefusal(Store& store, Transport& transport) {
  IdentifiedTransport* const identified = Identified(transport);
  if (identified == nullptr) return false;
  DOORSTEP_ASSIGN_OR_RETURN(const DeviceIdentity identity, LoadIdentity(store));
  if (!identity.enrolled()) return false;
  const absl::StatusOr<DeviceIdentity> renewed = Renew(store, *identified);
  if (renewed.ok()) return true;
  if (absl::IsPermissionDenied(renewed.status())) return renewed.status();
  return false;
}

}  // namespace doorstep::client
