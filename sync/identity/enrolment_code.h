// The code by which a device enrols: what it needs to find the server, to know it, and to be let
// in. An operator's program writes it, as text and as a picture; a device reads it.
//
//   code    := "DOORSTEP-" base32(body check)     A-Z 2-7, no padding; case, spaces and further
//                                                 hyphens do not count
//   body    := version id secret fingerprint address server tenant site name
//   version := 0x01
//   id      := 8 bytes       which invitation
//   secret  := 16 bytes
//   fingerprint := 32 bytes  SHA-256 of the authority's certificate
//   address, server, tenant, site, name := one byte of length, and so many of UTF-8
//   check   := the first 4 bytes of SHA-256(body): a slip of the pen is found before anyone is
//   asked
#ifndef SYNC_IDENTITY_ENROLMENT_CODE_H_
#define SYNC_IDENTITY_ENROLMENT_CODE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace doorstep {

struct EnrolmentCode {
  static constexpr size_t kIdBytes = 8;
  static constexpr size_t kSecretBytes = 16;
  static constexpr size_t kFingerprintBytes = 32;

  std::string id;
  std::string secret;
  std::string fingerprint;
  std::string address;  // of the enrolment listener, HOST:PORT
  std::string server;   // the name that its certificate has
  std::string tenant;
  std::string site;
  std::string name;  // of the device, as a manager sees it

  bool operator==(const EnrolmentCode&) const = default;
};

// The fields are of their lengths, and the texts at most 255 bytes.
std::string FormatEnrolmentCode(const EnrolmentCode& code);
// kInvalidArgument: it is none, or a character is wrong or missing. Nothing of it is quoted: it is
// a secret.
absl::StatusOr<EnrolmentCode> ParseEnrolmentCode(absl::string_view text);

}  // namespace doorstep

#endif  // SYNC_IDENTITY_ENROLMENT_CODE_H_
