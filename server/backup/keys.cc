#include "server/backup/keys.h"

#include <sodium.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "server/backup/bytes.h"
#include "sync/base/bytes.h"
#include "sync/base/file.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

using backup::Data;

constexpr absl::string_view kPublicWord = "doorstep-backup-public-1";
constexpr absl::string_view kSecretWord = "doorstep-backup-secret-1";
constexpr size_t kBackupKeyBytes = crypto_box_PUBLICKEYBYTES;
constexpr size_t kCheckBytes = 4;
constexpr size_t kMaxKeyFileBytes = 1024;

std::string ShortHash(absl::string_view word, absl::string_view key) {
  const std::string input = absl::StrCat(word, key);
  std::string hash(crypto_generichash_BYTES, '\0');
  crypto_generichash(Data(&hash), hash.size(), Data(input), input.size(), nullptr, 0);
  return ToHex(absl::string_view(hash).substr(0, kCheckBytes));
}

std::string KeyText(absl::string_view word, absl::string_view key) {
  return absl::StrCat(word, " ", ToHex(key), " ", ShortHash(word, key), "\n");
}

// Empty: it is no such text.
std::string KeyOf(absl::string_view word, absl::string_view text) {
  const std::vector<absl::string_view> parts =
      absl::StrSplit(absl::StripAsciiWhitespace(text), ' ');
  if (parts.size() != 3 || parts[0] != word) return "";
  absl::StatusOr<std::string> key = FromHex(parts[1]);
  if (!key.ok() || key->size() != kBackupKeyBytes || ShortHash(word, *key) != parts[2]) return "";
  return *std::move(key);
}

absl::StatusOr<std::string> ReadBackupKey(const std::string& file, absl::string_view word,
                                          absl::string_view wanted) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kMaxKeyFileBytes));
  std::string key = KeyOf(word, text);
  if (!key.empty()) return key;
  const absl::string_view got = absl::StartsWith(text, kSecretWord)   ? "a secret key"
                                : absl::StartsWith(text, kPublicWord) ? "a public key"
                                                                      : "something else";
  return absl::InvalidArgumentError(
      absl::StrCat(file, ": got ", got, absl::StartsWith(text, word) ? " with a mistake in it" : "",
                   ", wanted ", wanted, " as backup keygen wrote it"));
}

bool FileIsThere(const std::string& path) {
  struct stat status;
  return ::lstat(path.c_str(), &status) == 0;
}

}  // namespace

absl::StatusOr<BackupKeys> NewBackupKeys(Entropy& entropy) {
  if (sodium_init() < 0) return absl::InternalError("libsodium does not start");
  BackupKeys keys{std::string(kBackupKeyBytes, '\0'), std::string(crypto_box_SECRETKEYBYTES, '\0')};
  std::string seed(crypto_box_SEEDBYTES, '\0');
  entropy.Fill(absl::MakeSpan(Data(&seed), seed.size()));
  crypto_box_seed_keypair(Data(&keys.public_key), Data(&keys.secret_key), Data(seed));
  sodium_memzero(seed.data(), seed.size());
  return keys;
}

absl::Status WriteBackupKeys(const BackupKeys& keys, const std::string& secret_file,
                             const std::string& public_file) {
  for (const std::string& file : {secret_file, public_file}) {
    if (FileIsThere(file)) {
      return absl::AlreadyExistsError(
          absl::StrCat(file,
                       ": got a file that is there, wanted a new one: without the old key "
                       "old backups cannot be opened"));
    }
  }
  DOORSTEP_RETURN_IF_ERROR(
      WriteFileAtomically(secret_file, KeyText(kSecretWord, keys.secret_key), 0600));
  return WriteFileAtomically(public_file, KeyText(kPublicWord, keys.public_key), 0644);
}

absl::StatusOr<std::string> ReadBackupPublicKey(const std::string& file) {
  return ReadBackupKey(file, kPublicWord, "the public key (it ends in .pub)");
}

absl::StatusOr<BackupKeys> ReadBackupSecretKey(const std::string& file) {
  if (sodium_init() < 0) return absl::InternalError("libsodium does not start");
  struct stat status;
  if (::stat(file.c_str(), &status) != 0) return absl::ErrnoToStatus(errno, file);
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return absl::PermissionDeniedError(
        absl::StrCat(file, ": got a file that others may use, wanted mode 0600 (chmod 600)"));
  }
  BackupKeys keys;
  DOORSTEP_ASSIGN_OR_RETURN(keys.secret_key, ReadBackupKey(file, kSecretWord, "the secret key"));
  keys.public_key.resize(kBackupKeyBytes);
  crypto_scalarmult_base(Data(&keys.public_key), Data(keys.secret_key));
  return keys;
}

std::string BackupKeyName(absl::string_view public_key) {
  return ShortHash(kPublicWord, public_key);
}

}  // namespace doorstep::server
