// The register of devices and their invitations, by SQL.
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/sqlite_reading.h"
#include "sync/base/status.h"

namespace doorstep::server::internal {
namespace {

#define DOORSTEP_ENROLMENT_COLUMNS                                                         \
  "SELECT e.device, s.id, e.name, e.public_key, e.enrolled_ms, e.until_ms, e.revoked_ms, " \
  "e.revoked_reason FROM _enrolment AS e JOIN _site AS s ON s.ref = e.site "

absl::StatusOr<EnrolmentRow> ReadRow(const Statement& s) {
  EnrolmentRow row;
  DOORSTEP_ASSIGN_OR_RETURN(row.device, Uuid::FromBytes(s.Blob(0)));
  row.site = std::string(s.Text(1));
  row.name = std::string(s.Text(2));
  row.public_key = std::string(s.Blob(3));
  row.enrolled_ms = s.Int(4);
  row.until_ms = s.Int(5);
  row.revoked_ms = s.Int(6);
  row.revoked_reason = std::string(s.Text(7));
  return row;
}

}  // namespace

absl::StatusOr<int64_t> ReadSiteRef(Database& db, absl::string_view site) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find, db.Prepared("SELECT ref FROM _site WHERE id = ?1"));
  ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->BindText(1, site).Step());
  if (!found) return absl::NotFoundError(absl::StrCat("site: got ", Quoted(site)));
  return find->Int(0);
}

absl::StatusOr<std::optional<InviteRow>> ReadInvite(Database& db, absl::string_view id) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find,
      db.Prepared("SELECT i.secret_hash, s.id, i.name, i.created_ms, i.expires_ms, i.used_ms, "
                  "i.used_by FROM _invite AS i JOIN _site AS s ON s.ref = i.site WHERE i.id = ?1"));
  ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->BindBlob(1, id).Step());
  if (!found) return std::optional<InviteRow>();
  InviteRow row;
  row.id = std::string(id);
  row.secret_hash = std::string(find->Blob(0));
  row.site = std::string(find->Text(1));
  row.name = std::string(find->Text(2));
  row.created_ms = find->Int(3);
  row.expires_ms = find->Int(4);
  row.used_ms = find->Int(5);
  if (!find->IsNull(6)) {
    DOORSTEP_ASSIGN_OR_RETURN(row.used_by, Uuid::FromBytes(find->Blob(6)));
  }
  return std::optional<InviteRow>(std::move(row));
}

absl::StatusOr<std::optional<EnrolmentRow>> ReadEnrolment(Database& db, const Uuid& device) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db.Prepared(DOORSTEP_ENROLMENT_COLUMNS "WHERE e.device = ?1"));
  ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->BindBlob(1, device.AsBytes()).Step());
  if (!found) return std::optional<EnrolmentRow>();
  DOORSTEP_ASSIGN_OR_RETURN(EnrolmentRow row, ReadRow(*find));
  return std::optional<EnrolmentRow>(std::move(row));
}

absl::StatusOr<std::vector<EnrolmentRow>> ReadEnrolments(Database& db) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * list,
                            db.Prepared(DOORSTEP_ENROLMENT_COLUMNS "ORDER BY e.device"));
  std::vector<EnrolmentRow> rows;
  ScopedReset done(list);
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return rows;
    DOORSTEP_ASSIGN_OR_RETURN(EnrolmentRow row, ReadRow(*list));
    rows.push_back(std::move(row));
  }
}

absl::StatusOr<std::vector<Uuid>> ReadRevokedDevices(Database& db) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      db.Prepared("SELECT device FROM _enrolment WHERE revoked_ms != 0 ORDER BY device"));
  std::vector<Uuid> devices;
  ScopedReset done(list);
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return devices;
    DOORSTEP_ASSIGN_OR_RETURN(const Uuid device, Uuid::FromBytes(list->Blob(0)));
    devices.push_back(device);
  }
}

absl::Status WriteInvite(Database& db, const InviteRow& invite) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t site, ReadSiteRef(db, invite.site));
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * put,
      db.Prepared("INSERT INTO _invite(id, secret_hash, site, name, created_ms, expires_ms, "
                  "used_ms, used_by) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(id) DO "
                  "UPDATE SET secret_hash = ?2, site = ?3, name = ?4, created_ms = ?5, "
                  "expires_ms = ?6, used_ms = ?7, used_by = ?8"));
  ScopedReset done(put);
  put->BindBlob(1, invite.id).BindBlob(2, invite.secret_hash).BindInt(3, site);
  put->BindText(4, invite.name).BindInt(5, invite.created_ms).BindInt(6, invite.expires_ms);
  put->BindInt(7, invite.used_ms);
  if (invite.used_by.IsNil()) {
    put->BindNull(8);
  } else {
    put->BindBlob(8, invite.used_by.AsBytes());
  }
  return put->Run();
}

absl::Status WriteEnrolment(Database& db, const EnrolmentRow& enrolment) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t site, ReadSiteRef(db, enrolment.site));
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * put,
      db.Prepared("INSERT INTO _enrolment(device, site, name, public_key, enrolled_ms, until_ms, "
                  "revoked_ms, revoked_reason) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON "
                  "CONFLICT(device) DO UPDATE SET site = ?2, name = ?3, public_key = ?4, "
                  "enrolled_ms = ?5, until_ms = ?6, revoked_ms = ?7, revoked_reason = ?8"));
  ScopedReset done(put);
  put->BindBlob(1, enrolment.device.AsBytes()).BindInt(2, site).BindText(3, enrolment.name);
  put->BindBlob(4, enrolment.public_key).BindInt(5, enrolment.enrolled_ms);
  put->BindInt(6, enrolment.until_ms).BindInt(7, enrolment.revoked_ms);
  return put->BindText(8, enrolment.revoked_reason).Run();
}

}  // namespace doorstep::server::internal
