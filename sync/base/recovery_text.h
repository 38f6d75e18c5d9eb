// What passes between a device that nobody can open any more and the operator who holds the
// tenant's recovery key: a line of text each way, fit for an e-mail.
//
//   request = "doorstep-recovery-1." base64url(keyring id (16) | public key (32) | sealed (80)…)
//   answer  = "doorstep-answer-1."   base64url(keyring id (16) | sealed (80)…)
//
// In a request the key of the replica's database is sealed to the tenant's recovery key (twice
// while it is being changed); in the answer to the public key of the request, whose private half
// never leaves the device. So neither line tells anybody the key.
#ifndef SYNC_BASE_RECOVERY_TEXT_H_
#define SYNC_BASE_RECOVERY_TEXT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace doorstep {

inline constexpr size_t kRecoverySealedBytes = 80;

struct RecoveryRequest {
  std::string keyring;     // 16 bytes
  std::string public_key;  // 32 bytes
  std::vector<std::string> sealed;
};
struct RecoveryAnswer {
  std::string keyring;
  std::vector<std::string> sealed;
};

std::string FormatRecoveryRequest(const RecoveryRequest& request);
std::string FormatRecoveryAnswer(const RecoveryAnswer& answer);
// White space around it does not matter. kInvalidArgument: it is no such line, or not the whole.
absl::StatusOr<RecoveryRequest> ParseRecoveryRequest(absl::string_view text);
absl::StatusOr<RecoveryAnswer> ParseRecoveryAnswer(absl::string_view text);

}  // namespace doorstep

#endif  // SYNC_BASE_RECOVERY_TEXT_H_
