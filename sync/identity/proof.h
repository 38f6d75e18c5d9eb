// What a device signs to show that it holds the key that the server has registered for it, and the
// challenge by which the server knows that it did so now.
#ifndef SYNC_IDENTITY_PROOF_H_
#define SYNC_IDENTITY_PROOF_H_

#include <string>

#include "absl/strings/string_view.h"
#include "sync/base/bytes.h"

namespace doorstep {

// For what the proof is: one for the one thing is none for the other.
inline constexpr absl::string_view kProofOfRenewal = "renew";
inline constexpr absl::string_view kProofOfStanding = "standing";

// The bytes to sign:
//
//   text     := "doorstep device proof 1" 0x00 purpose 0x00 tenant 0x00 device challenge request
//   device   := 16 bytes
//   challenge, request := SHA-256 of what was given, 32 bytes each
std::string ProofText(absl::string_view purpose, absl::string_view tenant, const Uuid& device,
                      absl::string_view challenge, absl::string_view request);

}  // namespace doorstep

#endif  // SYNC_IDENTITY_PROOF_H_
