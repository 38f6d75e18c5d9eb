#include "sync/identity/enrolment_code.h"

#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "sync/base/utf8.h"
#include "sync/identity/limits.h"
#include "sync/identity/private_key.h"

namespace doorstep {
namespace {

constexpr absl::string_view kPrefix = "DOORSTEP";
constexpr absl::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr char kVersion = 1;
constexpr size_t kCheckBytes = 4;
constexpr int kBitsPerDigit = 5;
constexpr int kBitsPerByte = 8;

std::string ToBase32(absl::string_view bytes) {
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = (bits << kBitsPerByte) | static_cast<uint8_t>(c);
    count += kBitsPerByte;
    for (; count >= kBitsPerDigit; count -= kBitsPerDigit) {
      out.push_back(kDigits[(bits >> (count - kBitsPerDigit)) & 31U]);
    }
  }
  if (count > 0) out.push_back(kDigits[(bits << (kBitsPerDigit - count)) & 31U]);
  return out;
}

// False for a character that is no digit.
bool FromBase32(absl::string_view text, std::string* out) {
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const size_t digit = kDigits.find(c);
    if (digit == absl::string_view::npos) return false;
    bits = (bits << kBitsPerDigit) | static_cast<uint32_t>(digit);
    count += kBitsPerDigit;
    if (count < kBitsPerByte) continue;
    count -= kBitsPerByte;
    out->push_back(static_cast<char>((bits >> count) & 255U));
  }
  return true;
}

// Takes so many bytes off the front; false when there are fewer.
bool Take(size_t size, absl::string_view* from, std::string* out) {
  if (from->size() < size) return false;
  *out = std::string(from->substr(0, size));
  from->remove_prefix(size);
  return true;
}

bool TakeText(absl::string_view* from, std::string* out) {
  std::string size;
  return Take(1, from, &size) && Take(static_cast<uint8_t>(size[0]), from, out) &&
         IsValidUtf8(*out) && out->find('\0') == std::string::npos;
}

std::string Text(const std::string& text) {
  return absl::StrCat(std::string(1, static_cast<char>(text.size())), text);
}

absl::Status NoCode(absl::string_view got) {
  return absl::InvalidArgumentError(
      absl::StrCat("code: got ", got, ", wanted one as `doorstep-server device invite` shows it"));
}

}  // namespace

std::string FormatEnrolmentCode(const EnrolmentCode& code) {
  const std::string body = absl::StrCat(std::string(1, kVersion), code.id, code.secret,
                                        code.fingerprint, Text(code.address), Text(code.server),
                                        Text(code.tenant), Text(code.site), Text(code.name));
  return absl::StrCat(kPrefix, "-", ToBase32(body + Sha256Of(body).substr(0, kCheckBytes)));
}

absl::StatusOr<EnrolmentCode> ParseEnrolmentCode(absl::string_view text) {
  if (text.size() > kMaxEnrolmentCodeBytes) return NoCode("a longer text");
  std::string plain;
  for (const char c : text) {
    if (c != '-' && !absl::ascii_isspace(static_cast<unsigned char>(c))) {
      plain.push_back(absl::ascii_toupper(static_cast<unsigned char>(c)));
    }
  }
  if (!absl::StartsWith(plain, kPrefix)) return NoCode("another text");
  std::string bytes;
  if (!FromBase32(absl::string_view(plain).substr(kPrefix.size()), &bytes) ||
      bytes.size() <= kCheckBytes) {
    return NoCode("a character that is in no code, or too few");
  }
  const absl::string_view body = absl::string_view(bytes).substr(0, bytes.size() - kCheckBytes);
  if (Sha256Of(body).substr(0, kCheckBytes) != absl::string_view(bytes).substr(body.size())) {
    return NoCode("one with a character that is wrong or missing");
  }
  if (body[0] != kVersion) return NoCode("one of a newer server");
  EnrolmentCode code;
  absl::string_view rest = body.substr(1);
  if (!Take(EnrolmentCode::kIdBytes, &rest, &code.id) ||
      !Take(EnrolmentCode::kSecretBytes, &rest, &code.secret) ||
      !Take(EnrolmentCode::kFingerprintBytes, &rest, &code.fingerprint) ||
      !TakeText(&rest, &code.address) || !TakeText(&rest, &code.server) ||
      !TakeText(&rest, &code.tenant) || !TakeText(&rest, &code.site) ||
      !TakeText(&rest, &code.name) || !rest.empty()) {
    return NoCode("one with other parts");
  }
  return code;
}

}  // namespace doorstep
