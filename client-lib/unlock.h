// The keyring's file, and opening a replica with it.
//
//   DIR/keyring       see keyring.h; replaced whole, never written in place
//   DIR/keyring.lock  held by who reads it to write it
//   DIR/replica.lock  held together by all that have the database open, and alone by who puts
//                     another file in its place
#ifndef CLIENT_LIB_UNLOCK_H_
#define CLIENT_LIB_UNLOCK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client-lib/access.h"
#include "client-lib/keyring.h"
#include "client-lib/secret.h"
#include "doorstep/key_store.h"
#include "doorstep/replica.h"
#include "sync/base/file.h"

namespace doorstep::client {

// The key of a replica that is there, by whoever `environment` says. Finishes first what a crash
// has cut off, and encrypts a replica of a release that did not; neither for reading only, where
// kFailedPrecondition says so. Codes as people.h; kDataLoss: the plain database is damaged.
absl::StatusOr<Access> GainAccess(const std::string& directory, const Environment& environment,
                                  bool read_only);

// For Init, before there is a database: makes the keyring, of `user` if a secret is given. A
// keyring, or attachments, without a database beside them are moved away, never lost.
absl::StatusOr<Access> MakeAccess(const std::string& directory, const InitOptions& options);

// Seals the key to what the server says is the tenant's recovery key, once.
absl::Status NoteRecoveryKey(const Access& access, absl::string_view public_key);

std::string KeyringPath(const std::string& directory);
absl::StatusOr<Keyring> ReadKeyring(const std::string& directory);
absl::Status WriteKeyring(const std::string& directory, const Keyring& keyring);
absl::StatusOr<FileLock> LockKeyring(const std::string& directory);
// Alone. kAborted: other programs have it open.
absl::StatusOr<FileLock> LockReplica(const std::string& directory);
// Whether a database opens with a key, as far as its first page tells.
absl::StatusOr<bool> OpensWith(const std::string& path, const Secret& key);
KeyStore& KeyStoreOf(const Environment& environment);
absl::Status CheckSecret(absl::string_view secret);
absl::Status CheckPerson(absl::string_view person);

struct Opened {
  Slot* slot;  // in the keyring
  Secret key;
  Secret next;  // empty, unless a rekey is under way
};
// With a person's slot, LockKeyring must be held, and the file is written.
absl::StatusOr<Opened> OpenKeyring(const std::string& directory, Keyring& keyring,
                                   const Environment& environment);
// `key` becomes everybody's, and the operator's; none is under way any more.
absl::Status SealToAll(Keyring& keyring, const Secret& key);
// A slot with a secret of the device that is new.
absl::StatusOr<Slot> NewSlot(const Keyring& keyring, const Environment& environment,
                             const Unlock& person, absl::string_view key);
// After the keyring without it is on disk.
void ForgetSlot(const Keyring& keyring, const Slot& slot, const Environment& environment);
// Under LockReplica: an interrupted encryption or rekey of the replica is brought to its end.
absl::StatusOr<Access> FinishKeys(const std::string& directory, const Environment& environment);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_UNLOCK_H_
