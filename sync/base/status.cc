#include "sync/base/status.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "sync/base/limits.h"

namespace doorstep {

absl::Status Annotate(absl::Status status, absl::string_view context) {
  if (status.ok()) return status;
  absl::Status annotated(status.code(), absl::StrCat(context, ": ", status.message()));
  status.ForEachPayload([&annotated](absl::string_view url, const absl::Cord& payload) {
    annotated.SetPayload(url, payload);
  });
  return annotated;
}

std::string Quoted(absl::string_view got) {
  std::string text = "\"";
  for (const char c : got) {
    std::string piece(1, c);
    if (c == '"' || c == '\\') {
      piece = absl::StrCat("\\", piece);
    } else if (c < 0x20 || c > 0x7e) {  // also 0x80 and above where char is signed
      piece = absl::StrCat("\\x", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
    if (text.size() + piece.size() > kMaxQuotedValueBytes + 1) return absl::StrCat(text, "\"...");
    text += piece;
  }
  return absl::StrCat(text, "\"");
}

absl::Status InvalidField(absl::string_view path, absl::string_view got, absl::string_view wanted) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": got ", Quoted(got), ", wanted ", wanted));
}

}  // namespace doorstep
