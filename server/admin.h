// What an operator does to a tenant: sites, people, sharing. Each is one transaction, also while a
// server runs on the same data.
#ifndef SERVER_ADMIN_H_
#define SERVER_ADMIN_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store.h"
#include "server/tenant.h"
#include "sync/base/bytes.h"
#include "sync/base/entropy.h"

namespace doorstep::server {

// The site and its own file. kAlreadyExists; kInvalidArgument for an id that is no name
// (tenants.h).
absl::Status AddSite(Tenant& tenant, const SiteRow& site, Entropy& entropy);

// Somebody whom the server knows by name. Until access rules arrive it admits authors whom it does
// not know. kAlreadyExists.
absl::Status AddPerson(Tenant& tenant, const PersonRow& person);

// How many compartments changed hands. kNotFound: no such site or file.
absl::StatusOr<int> Share(Tenant& tenant, const Uuid& file, absl::string_view site);
// `now_ms`: what the site's devices made until then is admitted when it comes.
absl::StatusOr<int> Unshare(Tenant& tenant, const Uuid& file, absl::string_view site,
                            int64_t now_ms);

}  // namespace doorstep::server

#endif  // SERVER_ADMIN_H_
