#include "sync/identity/proof.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "sync/identity/private_key.h"

namespace doorstep {

std::string ProofText(absl::string_view purpose, absl::string_view tenant, const Uuid& device,
                      absl::string_view challenge, absl::string_view request) {
  const absl::string_view end("\0", 1);
  return absl::StrCat("doorstep device proof 1", end, purpose, end, tenant, end, device.AsBytes(),
                      Sha256Of(challenge), Sha256Of(request));
}

}  // namespace doorstep
