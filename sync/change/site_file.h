// The case file of a site itself: for records that are about no person. Derived, so that every
// device of the site and the server name the same one without having met.
#ifndef SYNC_CHANGE_SITE_FILE_H_
#define SYNC_CHANGE_SITE_FILE_H_

#include "absl/strings/string_view.h"
#include "sync/base/bytes.h"

namespace doorstep {

// BLAKE2b-128 of "doorstep site file" 0x00 tenant 0x00 site, with the version and variant bits of
// a UUID of version 8.
Uuid SiteFile(absl::string_view tenant, absl::string_view site);

}  // namespace doorstep

#endif  // SYNC_CHANGE_SITE_FILE_H_
