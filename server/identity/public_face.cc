#include "server/identity/public_face.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "sync/base/bytes.h"
#include "sync/base/file.h"
#include "sync/base/status.h"
#include "sync/identity/limits.h"

namespace doorstep::server {
namespace {

std::string PathIn(const std::string& data_dir) {
  return IdentityDirectory(data_dir) + "/public.json";
}

}  // namespace

std::string IdentityDirectory(const std::string& data_dir) { return data_dir + "/identity"; }

absl::Status WritePublicFace(const std::string& data_dir, const PublicFace& face) {
  const nlohmann::json json = {{"address", face.address},
                               {"enrolment_address", face.enrolment_address},
                               {"server_name", face.server_name},
                               {"authority_sha256", ToHex(face.fingerprint)}};
  return WriteFileAtomically(PathIn(data_dir), json.dump(2) + "\n", 0644);
}

absl::StatusOr<PublicFace> ReadPublicFace(const std::string& data_dir) {
  const std::string path = PathIn(data_dir);
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxPemBytes);
  if (absl::IsNotFound(text.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(path,
                     ": is not there: start `serve` (without --dev-loopback) once, so that "
                     "there is an address to enrol at"));
  }
  DOORSTEP_RETURN_IF_ERROR(text.status());
  const nlohmann::json json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  PublicFace face;
  const auto read = [&](const char* key, std::string* out) {
    if (!json.is_object() || !json.contains(key) || !json[key].is_string()) return false;
    *out = json[key].get<std::string>();
    return true;
  };
  std::string fingerprint;
  if (!read("address", &face.address) || !read("enrolment_address", &face.enrolment_address) ||
      !read("server_name", &face.server_name) || !read("authority_sha256", &fingerprint)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": got other content than serve writes: start it again"));
  }
  DOORSTEP_ASSIGN_OR_RETURN(face.fingerprint, FromHex(fingerprint));
  return face;
}

}  // namespace doorstep::server
