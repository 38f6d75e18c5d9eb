// Who may hold and write what: the one place that decides it.
//
// In this release a site holds files: every device of the site holds all compartments (tiers) of
// every file that was given to it, and may write them. Access by person, and tiers that only some
// people open, come in a later release and replace this file.
#ifndef SERVER_MEMBERSHIP_H_
#define SERVER_MEMBERSHIP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/store.h"
#include "sync/base/entropy.h"

namespace doorstep::server {

struct Access {
  bool allowed = false;
  // Not allowed any more: when that ended. What was made before is admitted all the same
  // (MadeBefore). A device that is lost, and not just reassigned, is sent away before it gets here.
  std::optional<AccessEnd> ended;
  // Admission makes the file known first.
  bool new_file = false;
  // Sites to which admission grants the compartment first, in order.
  std::vector<std::string> grants;
};

// Whether a device of `site` may write to the compartment. A file that nobody has written to
// belongs to the site that writes first; a tier that is new in a file belongs to the sites that
// hold the file. The answer for a file of others is the same as for one that cannot be.
absl::StatusOr<Access> AccessOf(ReadView& view, absl::string_view site, const CompartmentId& id);

// Whether a unit was made before access ended: its author had not heard of the end (`checkpoint`,
// which is evidence), and its admitted time, which is bounded by evidence, does not exceed it.
bool MadeBefore(const AccessEnd& end, uint64_t checkpoint, int64_t time_ms);

// Does what `access` says: one sequence for each grant.
absl::Status GrantAccess(const Access& access, const CompartmentId& id,
                         WriteTransaction& transaction, Entropy& entropy);

// What the devices of a site hold, in order of compartment number.
absl::StatusOr<std::vector<MembershipRow>> HeldBy(ReadView& view, absl::string_view site);

// Whether the devices of `site` may see the compartment.
absl::StatusOr<bool> MaySee(ReadView& view, absl::string_view site, const CompartmentId& id);

// Gives all that exists of a file to a site, or takes it. The sites that hold it afterwards get new
// tiers too. Returns how many compartments changed hands. `now_ms`: see AccessEnd.
// kNotFound: no such site; ShareFile: no such file.
absl::StatusOr<int> ShareFile(const Uuid& file, absl::string_view site,
                              WriteTransaction& transaction);
absl::StatusOr<int> UnshareFile(const Uuid& file, absl::string_view site, int64_t now_ms,
                                WriteTransaction& transaction);

// The site's own file, made known and given to the site alone.
absl::Status GiveOwnFile(absl::string_view tenant, absl::string_view site,
                         WriteTransaction& transaction, Entropy& entropy);

}  // namespace doorstep::server

#endif  // SERVER_MEMBERSHIP_H_
