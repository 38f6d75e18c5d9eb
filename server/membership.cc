#include "server/membership.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/strings/str_cat.h"
#include "server/history.h"
#include "sync/base/status.h"
#include "sync/change/site_file.h"

namespace doorstep::server {
namespace {

absl::Status CheckSite(ReadView& view, absl::string_view site) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<SiteRow> row, view.FindSite(site));
  if (row) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("site: got ", Quoted(site), ", wanted one that was added (site add)"));
}

// The sites that hold any tier of the file.
absl::StatusOr<absl::btree_set<std::string>> HoldersOf(ReadView& view, const Uuid& file) {
  absl::btree_set<std::string> holders;
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<MembershipRow> tiers, view.CompartmentsOf(file));
  for (const MembershipRow& tier : tiers) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<std::string> sites, view.SitesOf(tier.ref));
    holders.insert(sites.begin(), sites.end());
  }
  return holders;
}

}  // namespace

absl::StatusOr<Access> AccessOf(ReadView& view, absl::string_view site, const CompartmentId& id) {
  Access access;
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<CompartmentRef> ref, view.FindCompartment(id));
  if (ref) {
    DOORSTEP_ASSIGN_OR_RETURN(access.allowed, view.IsMember(site, *ref));
    if (access.allowed) return access;
  }
  DOORSTEP_ASSIGN_OR_RETURN(const bool known, view.FileKnown(id.file));
  if (!known) {
    access.allowed = true;
    access.new_file = true;
    access.grants.emplace_back(site);
    return access;
  }
  DOORSTEP_ASSIGN_OR_RETURN(const absl::btree_set<std::string> holders, HoldersOf(view, id.file));
  access.allowed = holders.contains(site);
  if (!access.allowed) {
    DOORSTEP_ASSIGN_OR_RETURN(access.ended, view.LastLoss(site, id.file));
    if (!access.ended) return access;
  }
  for (const std::string& holder : holders) {
    bool has = false;
    if (ref) {
      DOORSTEP_ASSIGN_OR_RETURN(has, view.IsMember(holder, *ref));
    }
    if (!has) access.grants.push_back(holder);
  }
  return access;
}

bool MadeBefore(const AccessEnd& end, uint64_t checkpoint, int64_t time_ms) {
  return checkpoint < end.sequence && time_ms <= end.time_ms;
}

absl::Status GrantAccess(const Access& access, const CompartmentId& id,
                         WriteTransaction& transaction, Entropy& entropy) {
  if (access.new_file) {
    DOORSTEP_RETURN_IF_ERROR(transaction.AddFileKey(id.file, NewFileKey(entropy)));
  }
  if (access.grants.empty()) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const CompartmentRef ref, transaction.RefOf(id));
  for (const std::string& site : access.grants) {
    DOORSTEP_RETURN_IF_ERROR(transaction.Grant(site, ref).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<MembershipRow>> HeldBy(ReadView& view, absl::string_view site) {
  return view.Memberships(site);
}

absl::StatusOr<bool> MaySee(ReadView& view, absl::string_view site, const CompartmentId& id) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<CompartmentRef> ref, view.FindCompartment(id));
  if (!ref) return false;
  return view.IsMember(site, *ref);
}

absl::StatusOr<int> ShareFile(const Uuid& file, absl::string_view site,
                              WriteTransaction& transaction) {
  DOORSTEP_RETURN_IF_ERROR(CheckSite(transaction, site));
  DOORSTEP_ASSIGN_OR_RETURN(const bool known, transaction.FileKnown(file));
  if (!known || file.IsNil()) {
    return absl::NotFoundError(
        absl::StrCat("file: got ", file.ToString(), ", wanted one that has records here"));
  }
  DOORSTEP_ASSIGN_OR_RETURN(std::vector<MembershipRow> tiers, transaction.CompartmentsOf(file));
  if (tiers.empty()) {
    // Somebody must hold it, or nobody could ever write to it.
    DOORSTEP_RETURN_IF_ERROR(transaction.RefOf(CompartmentId{file, 0}).status());
    DOORSTEP_ASSIGN_OR_RETURN(tiers, transaction.CompartmentsOf(file));
  }
  int changed = 0;
  for (const MembershipRow& tier : tiers) {
    DOORSTEP_ASSIGN_OR_RETURN(const uint64_t sequence, transaction.Grant(site, tier.ref));
    if (sequence != 0) ++changed;
  }
  return changed;
}

absl::StatusOr<int> UnshareFile(const Uuid& file, absl::string_view site, int64_t now_ms,
                                WriteTransaction& transaction) {
  DOORSTEP_RETURN_IF_ERROR(CheckSite(transaction, site));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<MembershipRow> tiers,
                            transaction.CompartmentsOf(file));
  int changed = 0;
  for (const MembershipRow& tier : tiers) {
    DOORSTEP_ASSIGN_OR_RETURN(const uint64_t sequence, transaction.Revoke(site, tier.ref, now_ms));
    if (sequence != 0) ++changed;
  }
  return changed;
}

absl::Status GiveOwnFile(absl::string_view tenant, absl::string_view site,
                         WriteTransaction& transaction, Entropy& entropy) {
  const Uuid file = SiteFile(tenant, site);
  DOORSTEP_ASSIGN_OR_RETURN(const bool known, transaction.FileKnown(file));
  if (!known) {
    DOORSTEP_RETURN_IF_ERROR(transaction.AddFileKey(file, NewFileKey(entropy)));
  }
  // Anyone can compute the id, so somebody may have written there before the site existed. It was
  // never theirs: all that they still have is after the end.
  DOORSTEP_ASSIGN_OR_RETURN(const absl::btree_set<std::string> holders,
                            HoldersOf(transaction, file));
  for (const std::string& holder : holders) {
    if (holder == site) continue;
    DOORSTEP_RETURN_IF_ERROR(UnshareFile(file, holder, /*now_ms=*/0, transaction).status());
  }
  return ShareFile(file, site, transaction).status();
}

}  // namespace doorstep::server
