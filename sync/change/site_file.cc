#include "sync/change/site_file.h"

#include <sodium.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace doorstep {

Uuid SiteFile(absl::string_view tenant, absl::string_view site) {
  const absl::string_view nul("\0", 1);
  const std::string input = absl::StrCat("doorstep site file", nul, tenant, nul, site);
  Uuid id;
  // Cannot fail: the length is within the function's fixed bounds and there is no key.
  crypto_generichash(id.b.data(), id.b.size(), reinterpret_cast<const unsigned char*>(input.data()),
                     input.size(), nullptr, 0);
  id.b[6] = static_cast<uint8_t>((id.b[6] & 0x0F) | 0x80);
  id.b[8] = static_cast<uint8_t>((id.b[8] & 0x3F) | 0x80);
  return id;
}

}  // namespace doorstep
