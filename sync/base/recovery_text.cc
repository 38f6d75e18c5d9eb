#include "sync/base/recovery_text.h"

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "sync/base/status.h"

namespace doorstep {
namespace {

constexpr char kRequest[] = "doorstep-recovery-1.";
constexpr char kAnswer[] = "doorstep-answer-1.";
constexpr size_t kKeyringBytes = 16;
constexpr size_t kPublicBytes = 32;
constexpr size_t kMaxSealed = 2;

std::string Format(absl::string_view prefix, absl::string_view head,
                   const std::vector<std::string>& sealed) {
  return absl::StrCat(prefix,
                      absl::WebSafeBase64Escape(absl::StrCat(head, absl::StrJoin(sealed, ""))));
}

// Everything after the prefix: `head_bytes`, then the sealed keys.
absl::StatusOr<std::string> Parse(absl::string_view prefix, absl::string_view text,
                                  size_t head_bytes, std::vector<std::string>* sealed) {
  absl::string_view rest = absl::StripAsciiWhitespace(text);
  std::string bytes;
  if (absl::ConsumePrefix(&rest, prefix) && absl::WebSafeBase64Unescape(rest, &bytes) &&
      bytes.size() > head_bytes && (bytes.size() - head_bytes) % kRecoverySealedBytes == 0 &&
      (bytes.size() - head_bytes) / kRecoverySealedBytes <= kMaxSealed) {
    for (size_t at = head_bytes; at < bytes.size(); at += kRecoverySealedBytes) {
      sealed->push_back(bytes.substr(at, kRecoverySealedBytes));
    }
    return bytes.substr(0, head_bytes);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "got ", text.size(), " characters, wanted the whole line that begins with ", prefix));
}

}  // namespace

std::string FormatRecoveryRequest(const RecoveryRequest& request) {
  return Format(kRequest, absl::StrCat(request.keyring, request.public_key), request.sealed);
}

std::string FormatRecoveryAnswer(const RecoveryAnswer& answer) {
  return Format(kAnswer, answer.keyring, answer.sealed);
}

absl::StatusOr<RecoveryRequest> ParseRecoveryRequest(absl::string_view text) {
  RecoveryRequest request;
  DOORSTEP_ASSIGN_OR_RETURN(const std::string head,
                            Parse(kRequest, text, kKeyringBytes + kPublicBytes, &request.sealed));
  request.keyring = head.substr(0, kKeyringBytes);
  request.public_key = head.substr(kKeyringBytes);
  return request;
}

absl::StatusOr<RecoveryAnswer> ParseRecoveryAnswer(absl::string_view text) {
  RecoveryAnswer answer;
  DOORSTEP_ASSIGN_OR_RETURN(answer.keyring, Parse(kAnswer, text, kKeyringBytes, &answer.sealed));
  return answer;
}

}  // namespace doorstep
