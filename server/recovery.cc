#include "server/recovery.h"

#include <sodium.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "server/database_key.h"
#include "sync/base/bytes.h"
#include "sync/base/file.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

constexpr size_t kKeyBytes = 32;
static_assert(kKeyBytes + crypto_box_SEALBYTES == kRecoverySealedBytes);

unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* Bytes(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

absl::Status Start() {
  return sodium_init() < 0 ? absl::InternalError("libsodium does not start") : absl::OkStatus();
}

}  // namespace

std::string RecoveryPublicPath(const std::string& data_dir, absl::string_view tenant) {
  return absl::StrCat(data_dir, "/recovery/", tenant, ".pub");
}

std::string RecoveryPrivatePath(const std::string& data_dir, absl::string_view tenant) {
  return absl::StrCat(data_dir, "/recovery/", tenant, ".key");
}

absl::StatusOr<std::string> MakeRecoveryKey(const std::string& data_dir, absl::string_view tenant,
                                            const std::string& private_path, Entropy& entropy) {
  DOORSTEP_RETURN_IF_ERROR(Start());
  const std::string public_path = RecoveryPublicPath(data_dir, tenant);
  for (const std::string& path : {public_path, private_path}) {
    if (access(path.c_str(), F_OK) == 0) {
      return absl::AlreadyExistsError(absl::StrCat(path, ": there is a recovery key already"));
    }
  }
  std::string seed(kKeyBytes, '\0');
  entropy.Fill(absl::MakeSpan(Bytes(seed), seed.size()));
  std::string public_key(kKeyBytes, '\0');
  std::string private_key(kKeyBytes, '\0');
  crypto_box_seed_keypair(Bytes(public_key), Bytes(private_key), Bytes(seed));
  DOORSTEP_RETURN_IF_ERROR(EnsureDirectory(absl::StrCat(data_dir, "/recovery")));
  std::string text = absl::StrCat(ToHex(private_key), "\n");
  // First: a public key whose private half was never kept would promise what nobody can do.
  absl::Status written = WriteFileAtomically(private_path, text, 0600);
  if (written.ok()) {
    written = WriteFileAtomically(public_path, absl::StrCat(ToHex(public_key), "\n"), 0644);
  }
  for (std::string* secret : {&seed, &private_key, &text}) {
    sodium_memzero(secret->data(), secret->size());
  }
  if (!written.ok()) return written;
  return public_key;
}

absl::StatusOr<std::string> ReadRecoveryKey(const std::string& data_dir, absl::string_view tenant) {
  const std::string path = RecoveryPublicPath(data_dir, tenant);
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (absl::IsNotFound(text.status())) return std::string();
  DOORSTEP_RETURN_IF_ERROR(text.status());
  return ParseKey(path, *text);
}

absl::StatusOr<RecoveryAnswer> OpenSealed(const RecoveryRequest& request,
                                          const std::string& private_path) {
  DOORSTEP_RETURN_IF_ERROR(Start());
  DOORSTEP_ASSIGN_OR_RETURN(std::string private_key, ReadDatabaseKey(private_path, ""));
  std::string public_key(kKeyBytes, '\0');
  crypto_scalarmult_base(Bytes(public_key), Bytes(private_key));
  RecoveryAnswer answer{request.keyring, {}};
  bool opened = true;
  for (const std::string& sealed : request.sealed) {
    std::string key(kKeyBytes, '\0');
    std::string again(kRecoverySealedBytes, '\0');
    opened = opened && crypto_box_seal_open(Bytes(key), Bytes(sealed), sealed.size(),
                                            Bytes(public_key), Bytes(private_key)) == 0;
    opened = opened &&
             crypto_box_seal(Bytes(again), Bytes(key), key.size(), Bytes(request.public_key)) == 0;
    sodium_memzero(key.data(), key.size());
    answer.sealed.push_back(again);
  }
  sodium_memzero(private_key.data(), private_key.size());
  if (opened) return answer;
  return absl::PermissionDeniedError(
      "the request was not sealed to this recovery key: it is of another organisation, or damaged");
}

}  // namespace doorstep::server
