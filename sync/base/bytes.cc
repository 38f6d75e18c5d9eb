#include "sync/base/bytes.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "sync/base/status.h"

namespace doorstep {
namespace {

constexpr char kDigits[] = "0123456789abcdef";

// The value of a hexadecimal digit, or -1.
int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Where the canonical text of a Uuid has its hyphens.
bool IsHyphenPosition(size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

constexpr size_t kUuidTextSize = 36;

}  // namespace

bool Uuid::IsNil() const {
  return std::all_of(b.begin(), b.end(), [](uint8_t byte) { return byte == 0; });
}

std::string Uuid::ToString() const {
  std::string text;
  text.reserve(kUuidTextSize);
  for (const uint8_t byte : b) {
    if (IsHyphenPosition(text.size())) text.push_back('-');
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

absl::string_view Uuid::AsBytes() const {
  return absl::string_view(reinterpret_cast<const char*>(b.data()), b.size());
}

absl::StatusOr<Uuid> Uuid::Parse(absl::string_view text) {
  const auto refuse = [&] { return InvalidField("uuid", text, "8-4-4-4-12 hexadecimal digits"); };
  if (text.size() != kUuidTextSize) return refuse();
  Uuid uuid;
  size_t digits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (IsHyphenPosition(i)) {
      if (text[i] != '-') return refuse();
      continue;
    }
    const int value = DigitValue(text[i]);
    if (value < 0) return refuse();
    uint8_t& byte = uuid.b[digits / 2];
    byte = static_cast<uint8_t>(byte << 4 | value);
    ++digits;
  }
  return uuid;
}

absl::StatusOr<Uuid> Uuid::FromBytes(absl::string_view bytes) {
  Uuid uuid;
  if (bytes.size() != uuid.b.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("uuid: got ", bytes.size(), " bytes, wanted ", uuid.b.size()));
  }
  std::copy(bytes.begin(), bytes.end(), uuid.b.begin());
  return uuid;
}

std::string ToHex(absl::string_view bytes) {
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

absl::StatusOr<std::string> FromHex(absl::string_view text) {
  // The text may be a key that was mistyped, so the messages do not quote it.
  if (text.size() % 2 != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("hexadecimal text: got ", text.size(), " digits, wanted an even number"));
  }
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = DigitValue(text[i]);
    const int low = DigitValue(text[i + 1]);
    if (high < 0 || low < 0) {
      return absl::InvalidArgumentError(absl::StrCat("hexadecimal text: got another character at ",
                                                     high < 0 ? i : i + 1, ", wanted 0-9 a-f"));
    }
    bytes.push_back(static_cast<char>(high << 4 | low));
  }
  return bytes;
}

}  // namespace doorstep
