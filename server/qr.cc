#include "server/qr.h"

#include <qrencode.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"

namespace doorstep::server {
namespace {

struct FreeCode {
  void operator()(QRcode* code) const { QRcode_free(code); }
};

// Light modules around it, which readers need.
constexpr int kQuiet = 2;

bool IsLight(const QRcode& code, int x, int y) {
  if (x < 0 || y < 0 || x >= code.width || y >= code.width) return true;
  return (code.data[y * code.width + x] & 1U) == 0;
}

}  // namespace

absl::StatusOr<std::string> QrText(const std::string& text) {
  const std::unique_ptr<QRcode, FreeCode> code(
      QRcode_encodeString(text.c_str(), 0, QR_ECLEVEL_L, QR_MODE_8, /*casesensitive=*/0));
  if (code == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("code: got ", text.size(), " characters, wanted fewer for a picture"));
  }
  std::string out;
  for (int y = -kQuiet; y < code->width + kQuiet; y += 2) {
    for (int x = -kQuiet; x < code->width + kQuiet; ++x) {
      const bool upper = IsLight(*code, x, y);
      const bool lower = IsLight(*code, x, y + 1);
      out += upper && lower ? "\u2588" : upper ? "\u2580" : lower ? "\u2584" : " ";
    }
    out += '\n';
  }
  return out;
}

}  // namespace doorstep::server
