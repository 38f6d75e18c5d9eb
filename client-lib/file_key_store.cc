// The key store of devices that have no other: files.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "doorstep/key_store.h"
#include "sync/base/entropy.h"
#include "sync/base/file.h"
#include "sync/base/status.h"

namespace doorstep {
namespace {

constexpr size_t kSecretBytes = 32;
constexpr size_t kMaxNameBytes = 80;

absl::Status CheckName(const std::string& name) {
  const bool fits =
      !name.empty() && name.size() <= kMaxNameBytes && name[0] != '.' &&
      std::all_of(name.begin(), name.end(), [](char c) {
        return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '.';
      });
  if (fits) return absl::OkStatus();
  return InvalidField("key store name", name, "1 to 80 of a-z, 0-9, '-' and '.'");
}

std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::StatusOr<std::string> DefaultDirectory() {
  if (std::string keys = Variable("DOORSTEP_KEYS"); !keys.empty()) return keys;
  if (const std::string data = Variable("XDG_DATA_HOME"); !data.empty()) {
    return absl::StrCat(data, "/doorstep/keys");
  }
  if (const std::string home = Variable("HOME"); !home.empty()) {
    return absl::StrCat(home, "/.local/share/doorstep/keys");
  }
  return absl::PermissionDeniedError(
      "the secrets of this device: got none of DOORSTEP_KEYS, XDG_DATA_HOME and HOME, wanted one "
      "that says where they are");
}

class FileKeyStore : public KeyStore {
 public:
  explicit FileKeyStore(std::string directory) : directory_(std::move(directory)) {}

  absl::StatusOr<std::string> Get(const std::string& name) override {
    DOORSTEP_ASSIGN_OR_RETURN(const std::string path, PathOf(name));
    DOORSTEP_ASSIGN_OR_RETURN(std::string secret, ReadFile(path, kSecretBytes));
    if (secret.size() == kSecretBytes) return secret;
    return absl::NotFoundError(
        absl::StrCat(path, ": got ", secret.size(), " bytes, wanted ", kSecretBytes));
  }

  absl::StatusOr<std::string> Make(const std::string& name) override {
    DOORSTEP_ASSIGN_OR_RETURN(const std::string path, PathOf(name));
    if (access(path.c_str(), F_OK) == 0) {
      return absl::AlreadyExistsError(absl::StrCat(path, ": there is a secret already"));
    }
    const size_t slash = path.rfind('/');
    DOORSTEP_RETURN_IF_ERROR(EnsureDirectory(path.substr(0, slash)));
    std::string secret(kSecretBytes, '\0');
    SystemEntropy()->Fill(absl::MakeSpan(reinterpret_cast<uint8_t*>(secret.data()), secret.size()));
    DOORSTEP_RETURN_IF_ERROR(WriteFileAtomically(path, secret, 0600));
    return secret;
  }

  absl::Status Forget(const std::string& name) override {
    DOORSTEP_ASSIGN_OR_RETURN(const std::string path, PathOf(name));
    absl::StatusOr<OldContent> old = OldContent::Hold(path);
    if (absl::IsNotFound(old.status())) return absl::OkStatus();
    DOORSTEP_RETURN_IF_ERROR(old.status());
    // In this order: a crash leaves the secret or none, and not zeros that look like one.
    if (unlink(path.c_str()) != 0) return absl::ErrnoToStatus(errno, path);
    DOORSTEP_RETURN_IF_ERROR(SyncDirectory(path.substr(0, path.rfind('/'))));
    return old->Overwrite();
  }

 private:
  absl::StatusOr<std::string> PathOf(const std::string& name) const {
    DOORSTEP_RETURN_IF_ERROR(CheckName(name));
    if (!directory_.empty()) return absl::StrCat(directory_, "/", name);
    DOORSTEP_ASSIGN_OR_RETURN(const std::string directory, DefaultDirectory());
    return absl::StrCat(directory, "/", name);
  }

  const std::string directory_;
};

}  // namespace

std::unique_ptr<KeyStore> MakeFileKeyStore(const std::string& directory) {
  return std::make_unique<FileKeyStore>(directory);
}

}  // namespace doorstep
