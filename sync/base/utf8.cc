#include "sync/base/utf8.h"

#include <cstdint>

namespace doorstep {
namespace {

// The length of the character at the start of `text`, which is not empty; 0 when there is none.
// The second byte's range depends on the first (Unicode table 3-7); all later ones are 80..BF.
size_t CharacterSize(absl::string_view text) {
  const auto at = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = at(0);
  if (first < 0x80) return 1;
  size_t size;
  uint8_t low = 0x80, high = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) {
    size = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    size = 3;
    if (first == 0xe0) low = 0xa0;   // below: over-long
    if (first == 0xed) high = 0x9f;  // above: surrogates
  } else if (first >= 0xf0 && first <= 0xf4) {
    size = 4;
    if (first == 0xf0) low = 0x90;   // below: over-long
    if (first == 0xf4) high = 0x8f;  // above: beyond U+10FFFF
  } else {
    return 0;
  }
  if (text.size() < size || at(1) < low || at(1) > high) return 0;
  for (size_t i = 2; i < size; ++i) {
    if (at(i) < 0x80 || at(i) > 0xbf) return 0;
  }
  return size;
}

}  // namespace

absl::string_view Utf8Prefix(absl::string_view text, size_t max_bytes) {
  const absl::string_view window = text.substr(0, max_bytes);
  size_t end = 0;
  while (end < window.size()) {
    const size_t size = CharacterSize(window.substr(end));
    if (size == 0) break;
    end += size;
  }
  return window.substr(0, end);
}

bool IsValidUtf8(absl::string_view text) {
  return Utf8Prefix(text, text.size()).size() == text.size();
}

}  // namespace doorstep
