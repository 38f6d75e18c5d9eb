// Invitations: each lets one device of one site in, once, within its time.
#ifndef SERVER_IDENTITY_INVITES_H_
#define SERVER_IDENTITY_INVITES_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/store.h"
#include "server/tenant.h"
#include "sync/base/bytes.h"
#include "sync/base/entropy.h"

namespace doorstep::server {

struct Invitation {
  std::string id;      // EnrolmentCode::id
  std::string secret;  // shown once, and nowhere kept
  int64_t expires_ms = 0;
};

// kNotFound: no such site. kInvalidArgument: a name that is none, or a time out of range.
absl::StatusOr<Invitation> Invite(Tenant& tenant, absl::string_view site, absl::string_view name,
                                  int64_t valid_minutes, int64_t now_ms, Entropy& entropy);

// Marks the invitation as used by the device and returns it. Again by the same device, within its
// time: as the first time. kPermissionDenied for everything else, always in the same words: who
// guesses learns nothing.
absl::StatusOr<InviteRow> UseInvite(WriteTransaction& transaction, absl::string_view id,
                                    absl::string_view secret, const Uuid& device, int64_t now_ms);

}  // namespace doorstep::server

#endif  // SERVER_IDENTITY_INVITES_H_
