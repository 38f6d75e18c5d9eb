// Whether bytes are text.
#ifndef SYNC_BASE_UTF8_H_
#define SYNC_BASE_UTF8_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace doorstep {

// Strict, as Unicode table 3-7: no surrogates, no over-long forms, nothing above U+10FFFF, nothing
// cut short. NUL is a character like any other; the empty string is valid.
bool IsValidUtf8(absl::string_view text);

// The longest valid prefix of `text` that is at most `max_bytes` long and ends between characters.
absl::string_view Utf8Prefix(absl::string_view text, size_t max_bytes);

}  // namespace doorstep

#endif  // SYNC_BASE_UTF8_H_
