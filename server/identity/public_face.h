// What devices need to know of a server, as it serves: written by `serve`, read by `device invite`,
// which is another process and cannot ask.
#ifndef SERVER_IDENTITY_PUBLIC_FACE_H_
#define SERVER_IDENTITY_PUBLIC_FACE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace doorstep::server {

struct PublicFace {
  std::string address;            // HOST:PORT of the main listener
  std::string enrolment_address;  // HOST:PORT of the enrolment listener
  std::string server_name;
  std::string fingerprint;  // of the authority's certificate, 32 bytes

  bool operator==(const PublicFace&) const = default;
};

// DATA/identity, where the authority lives too.
std::string IdentityDirectory(const std::string& data_dir);

// DATA/identity/public.json.
absl::Status WritePublicFace(const std::string& data_dir, const PublicFace& face);
// kFailedPrecondition: no server has served from here yet, or not with TLS.
absl::StatusOr<PublicFace> ReadPublicFace(const std::string& data_dir);

}  // namespace doorstep::server

#endif  // SERVER_IDENTITY_PUBLIC_FACE_H_
