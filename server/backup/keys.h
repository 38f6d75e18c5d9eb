// The keys of backups. A backup is made with the public one and opened with the secret one, which
// no server needs: it belongs in a safe, and on the machine that tries the backups.
//
//   file := "doorstep-backup-public-1" " " key:hex{64} " " check:hex{8} "\n"
//         | "doorstep-backup-secret-1" …
//
// (X25519; `check` finds a digit that was copied wrongly: backups that nobody can open.)
#ifndef SERVER_BACKUP_KEYS_H_
#define SERVER_BACKUP_KEYS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/base/entropy.h"

namespace doorstep::server {

struct BackupKeys {
  std::string public_key;  // 32 bytes each
  std::string secret_key;
};

absl::StatusOr<BackupKeys> NewBackupKeys(Entropy& entropy);

// Writes both, the secret one with mode 0600. kAlreadyExists: one of them is there.
absl::Status WriteBackupKeys(const BackupKeys& keys, const std::string& secret_file,
                             const std::string& public_file);

// kInvalidArgument: it is no such file; kPermissionDenied: others may read the secret one. No
// message quotes any of it.
absl::StatusOr<std::string> ReadBackupPublicKey(const std::string& file);
absl::StatusOr<BackupKeys> ReadBackupSecretKey(const std::string& file);

// Eight digits that name a public key to people.
std::string BackupKeyName(absl::string_view public_key);

}  // namespace doorstep::server

#endif  // SERVER_BACKUP_KEYS_H_
