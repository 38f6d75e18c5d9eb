#include "server/admin.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/membership.h"
#include "server/tenants.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/base/utf8.h"

namespace doorstep::server {
namespace {

absl::Status CheckTitle(absl::string_view path, absl::string_view title, size_t min) {
  if (title.size() >= min && title.size() <= kMaxTitleBytes && IsValidUtf8(title) &&
      title.find('\0') == absl::string_view::npos) {
    return absl::OkStatus();
  }
  return InvalidField(path, title, absl::StrCat(min, " to ", kMaxTitleBytes, " bytes of text"));
}

}  // namespace

absl::Status AddSite(Tenant& tenant, const SiteRow& site, Entropy& entropy) {
  DOORSTEP_RETURN_IF_ERROR(CheckName("site", site.id));
  DOORSTEP_RETURN_IF_ERROR(CheckTitle("name", site.name, 1));
  DOORSTEP_RETURN_IF_ERROR(CheckTitle("type", site.type, 0));
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTransaction> transaction,
                            tenant.store().Write());
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<SiteRow> old, transaction->FindSite(site.id));
  if (old) {
    return absl::AlreadyExistsError(
        absl::StrCat("site: got ", Quoted(site.id), ", wanted a new one"));
  }
  DOORSTEP_RETURN_IF_ERROR(transaction->AddSite(site));
  DOORSTEP_RETURN_IF_ERROR(GiveOwnFile(tenant.name(), site.id, *transaction, entropy));
  return transaction->Commit();
}

absl::Status AddPerson(Tenant& tenant, const PersonRow& person) {
  DOORSTEP_RETURN_IF_ERROR(CheckTitle("user", person.id, 1));
  DOORSTEP_RETURN_IF_ERROR(CheckTitle("name", person.name, 1));
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTransaction> transaction,
                            tenant.store().Write());
  const absl::Status added = transaction->AddPerson(person);
  if (absl::IsAlreadyExists(added)) {
    return absl::AlreadyExistsError(
        absl::StrCat("user: got ", Quoted(person.id), ", wanted a new one"));
  }
  DOORSTEP_RETURN_IF_ERROR(added);
  return transaction->Commit();
}

absl::StatusOr<int> Share(Tenant& tenant, const Uuid& file, absl::string_view site) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTransaction> transaction,
                            tenant.store().Write());
  DOORSTEP_ASSIGN_OR_RETURN(const int changed, ShareFile(file, site, *transaction));
  DOORSTEP_RETURN_IF_ERROR(transaction->Commit());
  return changed;
}

absl::StatusOr<int> Unshare(Tenant& tenant, const Uuid& file, absl::string_view site,
                            int64_t now_ms) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<WriteTransaction> transaction,
                            tenant.store().Write());
  DOORSTEP_ASSIGN_OR_RETURN(const int changed, UnshareFile(file, site, now_ms, *transaction));
  DOORSTEP_RETURN_IF_ERROR(transaction->Commit());
  return changed;
}

}  // namespace doorstep::server
