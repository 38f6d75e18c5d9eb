#include "client-lib/unlock.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client-lib/open.h"
#include "client-lib/shelf_key.h"
#include "client-lib/tries.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/base/utf8.h"
#include "sync/sqlite/database.h"
#include "sync/sqlite/rekey.h"

namespace doorstep::client {
namespace {

constexpr size_t kSlotIdBytes = 4;
constexpr size_t kKeyringIdBytes = 16;
// Others hold the locks while a PIN is tried, or a database is encrypted anew.
constexpr int kLockWaitMs = 10'000;
constexpr char kPlain[] = "plain";

std::string ReplicaLockPath(const std::string& directory) { return directory + "/replica.lock"; }

absl::Status NoKeyringHere(const std::string& directory) {
  return absl::PermissionDeniedError(absl::StrCat(
      KeyringPath(directory),
      ": got none, wanted the keyring of this replica. Without it nobody opens the replica: put it "
      "back from a backup"));
}

Slot* SlotFor(Keyring& keyring, const std::string& person) {
  // Of the device alone: it does not matter who it is.
  if (keyring.slots.size() == 1 && keyring.slots[0].person.empty()) return keyring.slots.data();
  return FindSlot(keyring, person);
}

absl::Status NoSlot(const Keyring& keyring, const std::string& person) {
  if (keyring.slots.empty()) {
    return absl::PermissionDeniedError(
        "nobody opens this replica any more: too many PINs were wrong. What was recorded is still "
        "in it, and the operator can help (doorstep keys sealed)");
  }
  if (person.empty()) {
    return absl::UnauthenticatedError(
        "several people open this replica: say who you are (--user), and give your PIN or "
        "passphrase");
  }
  return absl::UnauthenticatedError(
      absl::StrCat(Quoted(person),
                   " does not open this replica: somebody who does can add them "
                   "(doorstep people add)"));
}

absl::StatusOr<std::string> DeviceSecret(const Keyring& keyring, const Slot& slot,
                                         const Environment& environment) {
  absl::StatusOr<std::string> secret = KeyStoreOf(environment).Get(SecretName(keyring, slot));
  if (secret.ok()) return secret;
  return absl::PermissionDeniedError(
      absl::StrCat("the secret of this device is not to be had (", secret.status().message(),
                   "): a replica opens only on its device, by the user who made it"));
}

// One more failure is on disk. Says what that means.
absl::Status TellFailure(const std::string& directory, Keyring& keyring, Slot* slot,
                         const Environment& environment) {
  const std::string who = slot->person;
  const int failures = slot->failures;
  const bool others = keyring.slots.size() > 1;
  if (failures >= kMaxUnlockFailures && (others || keyring.recovery.has_value())) {
    const Slot gone = *slot;
    keyring.slots.erase(keyring.slots.begin() + (slot - keyring.slots.data()));
    // The copy on disk goes, then what opened it.
    DOORSTEP_RETURN_IF_ERROR(WriteKeyring(directory, keyring));
    ForgetSlot(keyring, gone, environment);
    return absl::PermissionDeniedError(
        absl::StrCat("wrong PIN or passphrase of ", who, ", ", failures, " times: ", who,
                     " does not open this replica any more. Nothing that was recorded is lost. ",
                     others ? "Somebody else who opens it can add them again (doorstep people add)"
                            : "The operator can help (doorstep keys sealed)"));
  }
  const int64_t wait_ms = WaitAfterMs(failures);
  const std::string wait =
      wait_ms == 0 ? "" : absl::StrCat(", the next one in ", WaitText(wait_ms));
  if (failures >= kMaxUnlockFailures) {
    return absl::UnauthenticatedError(
        absl::StrCat("wrong PIN or passphrase of ", who, ", ", failures,
                     " times: one try a day from now on, for nobody else can open this replica"));
  }
  return absl::UnauthenticatedError(absl::StrCat("wrong PIN or passphrase of ", who, ": ",
                                                 kMaxUnlockFailures - failures, " tries left",
                                                 wait));
}

absl::StatusOr<Secret> OpenPersonsSlot(const std::string& directory, Keyring& keyring, Slot* slot,
                                       const Environment& environment) {
  if (environment.unlock.secret.empty()) {
    return absl::UnauthenticatedError(
        absl::StrCat("this replica opens with the PIN or passphrase of ", slot->person,
                     ": got none (doorstep --pin-file, or DOORSTEP_PIN_FILE)"));
  }
  const ClockReading now = ClockOf(environment).Read();
  const int64_t left_ms = WaitLeftMs(slot->failures, slot->tried, now);
  if (left_ms > 0) {
    return absl::PermissionDeniedError(absl::StrCat("too many wrong PINs of ", slot->person,
                                                    ": try again in ", WaitText(left_ms),
                                                    ", with the device switched on meanwhile"));
  }
  DOORSTEP_ASSIGN_OR_RETURN(std::string text, DeviceSecret(keyring, *slot, environment));
  const Secret device_secret = Secret::Taking(&text);
  const Slot before = *slot;
  // Counted before it is known, so that who ends the program has used up a try.
  ++slot->failures;
  slot->tried = now;
  DOORSTEP_RETURN_IF_ERROR(WriteKeyring(directory, keyring));
  absl::StatusOr<Secret> opened =
      OpenSlot(keyring, *slot, environment.unlock.secret, device_secret.view());
  if (absl::IsUnauthenticated(opened.status())) {
    return TellFailure(directory, keyring, slot, environment);
  }
  if (!opened.ok()) {
    // Too little memory, say: that was no wrong PIN.
    slot->failures = before.failures;
    slot->tried = before.tried;
    WriteKeyring(directory, keyring).IgnoreError();
    return opened.status();
  }
  slot->failures = 0;
  DOORSTEP_RETURN_IF_ERROR(WriteKeyring(directory, keyring));
  return opened;
}

// The database of an interrupted rekey has one key or the other: makes that one everybody's.
absl::StatusOr<Secret> EndRekey(const std::string& directory, Keyring& keyring, Opened opened) {
  const std::string path = DatabasePath(directory);
  DOORSTEP_ASSIGN_OR_RETURN(const bool before, OpensWith(path, opened.key));
  bool after = false;
  if (!before) {
    DOORSTEP_ASSIGN_OR_RETURN(after, OpensWith(path, opened.next));
  }
  // Damaged: both stay in the keyring, which goes with the database.
  if (!before && !after) return std::move(opened.key);
  Secret key = after ? std::move(opened.next) : std::move(opened.key);
  DOORSTEP_RETURN_IF_ERROR(SealToAll(keyring, key));
  DOORSTEP_RETURN_IF_ERROR(WriteKeyring(directory, keyring));
  return key;
}

// Under a name that is free; with the log of a database.
absl::Status MoveAway(const std::string& path, Clock& clock) {
  if (access(path.c_str(), F_OK) != 0) return absl::OkStatus();
  const std::string aside = FreeName(path + ".old", clock);
  for (const char* suffix : {"-wal", "-shm", ""}) {
    const std::string from = path + suffix;
    if (rename(from.c_str(), (aside + suffix).c_str()) != 0 && errno != ENOENT) {
      return absl::ErrnoToStatus(errno, from);
    }
  }
  return absl::OkStatus();
}

Keyring NewKeyring(bool plain) {
  Keyring keyring;
  keyring.id = RandomBytes(kKeyringIdBytes);
  keyring.plain = plain;
  return keyring;
}

absl::StatusOr<Keyring> MakeKeyring(const std::string& directory, const Environment& environment,
                                    const Unlock& first, absl::string_view recovery_key,
                                    bool plain) {
  Keyring keyring = NewKeyring(plain);
  std::string random = RandomBytes(kKeyBytes);
  const Secret key = Secret::Taking(&random);
  DOORSTEP_ASSIGN_OR_RETURN(Slot slot, NewSlot(keyring, environment, first, key.view()));
  keyring.slots.push_back(std::move(slot));
  if (!recovery_key.empty()) {
    RecoverySeal seal{std::string(recovery_key), /*given=*/true, "", ""};
    DOORSTEP_ASSIGN_OR_RETURN(seal.sealed, Seal(key.view(), recovery_key));
    keyring.recovery = std::move(seal);
  }
  DOORSTEP_RETURN_IF_ERROR(WriteKeyring(directory, keyring));
  return keyring;
}

// Of a person if there is a secret, else of the device.
absl::StatusOr<Unlock> FirstOf(const Environment& environment, const std::string& user) {
  Unlock first = environment.unlock;
  if (first.secret.empty()) return Unlock{};
  if (first.person.empty()) first.person = user;
  DOORSTEP_RETURN_IF_ERROR(CheckPerson(first.person));
  DOORSTEP_RETURN_IF_ERROR(CheckSecret(first.secret));
  return first;
}

absl::StatusOr<Access> TestAccess(const Environment& environment) {
  Access access;
  if (environment.test_key.empty() || environment.test_key == kPlain) return access;
  if (environment.test_key.size() != kKeyBytes) {
    return absl::InvalidArgumentError("test_key: wanted 32 bytes, or \"plain\"");
  }
  access.key = Secret(environment.test_key);
  return access;
}

bool WithoutKeyring(const Environment& environment) {
  return !environment.test_key.empty() || !environment.vfs.empty();
}

absl::StatusOr<Access> Through(const std::string& directory, Keyring& keyring,
                               const Environment& environment) {
  DOORSTEP_ASSIGN_OR_RETURN(Opened opened, OpenKeyring(directory, keyring, environment));
  Access access;
  access.key = std::move(opened.key);
  access.person = opened.slot->person;
  access.directory = directory;
  return access;
}

bool NeedsLock(Keyring& keyring, const Environment& environment) {
  const Slot* const slot = SlotFor(keyring, environment.unlock.person);
  return slot != nullptr && !slot->person.empty();
}

// Whether something must be finished before the database is opened; for reading only, attachments
// that are plain still are no matter.
absl::StatusOr<bool> IsUnfinished(const std::string& directory,
                                  const absl::StatusOr<Keyring>& keyring, bool read_only) {
  DOORSTEP_ASSIGN_OR_RETURN(const bool plain, IsPlainDatabase(DatabasePath(directory)));
  if (absl::IsNotFound(keyring.status())) {
    if (plain) return true;
    return NoKeyringHere(directory);
  }
  DOORSTEP_RETURN_IF_ERROR(keyring.status());
  return plain || (keyring->plain && !read_only) ||
         std::any_of(keyring->slots.begin(), keyring->slots.end(),
                     [](const Slot& slot) { return !slot.next.empty(); });
}

}  // namespace

std::string KeyringPath(const std::string& directory) { return directory + "/keyring"; }

absl::StatusOr<Keyring> ReadKeyring(const std::string& directory) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::string text,
                            ReadFile(KeyringPath(directory), kMaxKeyringBytes));
  return ParseKeyring(text);
}

absl::Status WriteKeyring(const std::string& directory, const Keyring& keyring) {
  return WriteFileAtomically(KeyringPath(directory), EncodeKeyring(keyring), 0600);
}

absl::StatusOr<FileLock> LockKeyring(const std::string& directory) {
  return FileLock::Acquire(directory + "/keyring.lock", FileLock::Mode::kExclusive, kLockWaitMs);
}

absl::StatusOr<FileLock> LockReplica(const std::string& directory) {
  absl::StatusOr<FileLock> lock =
      FileLock::Acquire(ReplicaLockPath(directory), FileLock::Mode::kExclusive, kLockWaitMs);
  if (!absl::IsAborted(lock.status())) return lock;
  return absl::AbortedError(
      absl::StrCat(directory,
                   ": other programs have this replica open: close them, then try "
                   "again"));
}

absl::StatusOr<bool> OpensWith(const std::string& path, const Secret& key) {
  DatabaseOptions options;
  options.key = std::string(key.view());
  const absl::Status status = Database::Open(path, options).status();
  Wipe(&options.key);
  if (absl::IsDataLoss(status)) return false;
  if (!status.ok()) return status;
  return true;
}

absl::Status SealToAll(Keyring& keyring, const Secret& key) {
  for (Slot& slot : keyring.slots) {
    DOORSTEP_ASSIGN_OR_RETURN(slot.sealed, Seal(key.view(), slot.public_key));
    slot.next.clear();
  }
  if (!keyring.recovery.has_value()) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(keyring.recovery->sealed,
                            Seal(key.view(), keyring.recovery->public_key));
  keyring.recovery->next.clear();
  return absl::OkStatus();
}

KeyStore& KeyStoreOf(const Environment& environment) {
  static KeyStore* const files = MakeFileKeyStore().release();
  return environment.key_store == nullptr ? *files : *environment.key_store;
}

absl::Status CheckSecret(absl::string_view secret) {
  if (secret.size() >= kMinSecretBytes && secret.size() <= kMaxSecretBytes) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("PIN or passphrase: got ", secret.size(),
                                                 " bytes, wanted ", kMinSecretBytes, " to ",
                                                 kMaxSecretBytes));
}

absl::Status CheckPerson(absl::string_view person) {
  if (!person.empty() && person.size() <= kMaxAuthorBytes && IsValidUtf8(person) &&
      person.find('\0') == absl::string_view::npos) {
    return absl::OkStatus();
  }
  return InvalidField("person", person, absl::StrCat("1 to ", kMaxAuthorBytes, " bytes of UTF-8"));
}

absl::StatusOr<Opened> OpenKeyring(const std::string& directory, Keyring& keyring,
                                   const Environment& environment) {
  Slot* const slot = SlotFor(keyring, environment.unlock.person);
  if (slot == nullptr) return NoSlot(keyring, environment.unlock.person);
  Secret private_key;
  if (slot->person.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(std::string text, DeviceSecret(keyring, *slot, environment));
    const Secret device_secret = Secret::Taking(&text);
    absl::StatusOr<Secret> opened = OpenSlot(keyring, *slot, "", device_secret.view());
    if (absl::IsUnauthenticated(opened.status())) {
      return absl::PermissionDeniedError(
          "the secret of this device does not open this keyring: it is another device's");
    }
    DOORSTEP_RETURN_IF_ERROR(opened.status());
    private_key = *std::move(opened);
  } else {
    DOORSTEP_ASSIGN_OR_RETURN(private_key, OpenPersonsSlot(directory, keyring, slot, environment));
  }
  Opened opened{slot, {}, {}};
  DOORSTEP_ASSIGN_OR_RETURN(opened.key, Unseal(slot->sealed, slot->public_key, private_key));
  if (!slot->next.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(opened.next, Unseal(slot->next, slot->public_key, private_key));
  }
  return opened;
}

absl::StatusOr<Slot> NewSlot(const Keyring& keyring, const Environment& environment,
                             const Unlock& person, absl::string_view key) {
  Slot named;
  named.id = RandomBytes(kSlotIdBytes);
  absl::StatusOr<std::string> text = KeyStoreOf(environment).Make(SecretName(keyring, named));
  // Of the key store; of the replica it would say that it is damaged.
  if (absl::IsDataLoss(text.status())) return absl::UnavailableError(text.status().message());
  DOORSTEP_RETURN_IF_ERROR(text.status());
  const Secret device_secret = Secret::Taking(&*text);
  // Nothing is stretched where there is no PIN.
  const bool stretched = !person.person.empty() && !environment.test_weak_secrets;
  return MakeSlot(keyring, named.id, person.person, person.secret, device_secret.view(), key,
                  stretched ? Stretch() : kHardlyAny);
}

void ForgetSlot(const Keyring& keyring, const Slot& slot, const Environment& environment) {
  // If that fails a secret is left over that opens nothing which is still here.
  KeyStoreOf(environment).Forget(SecretName(keyring, slot)).IgnoreError();
}

absl::StatusOr<Access> FinishKeys(const std::string& directory, const Environment& environment) {
  const std::string path = DatabasePath(directory);
  DOORSTEP_ASSIGN_OR_RETURN(const FileLock held, LockKeyring(directory));
  DOORSTEP_ASSIGN_OR_RETURN(const bool plain, IsPlainDatabase(path));
  absl::StatusOr<Keyring> found = ReadKeyring(directory);
  if (absl::IsNotFound(found.status())) {
    if (!plain) return NoKeyringHere(directory);
    // By a release that did not encrypt: whoever has the device opened it so far.
    DOORSTEP_ASSIGN_OR_RETURN(const Unlock first, FirstOf(environment, environment.unlock.person));
    found = MakeKeyring(directory, environment, first, "", /*plain=*/true);
  }
  DOORSTEP_RETURN_IF_ERROR(found.status());
  Keyring& keyring = *found;
  DOORSTEP_ASSIGN_OR_RETURN(Opened opened, OpenKeyring(directory, keyring, environment));
  Access access;
  access.person = opened.slot->person;
  access.directory = directory;
  if (plain && !keyring.plain) {
    return absl::PermissionDeniedError(absl::StrCat(
        path,
        ": got a database that is not encrypted, wanted the one that this keyring belongs "
        "to: somebody has put another in its place"));
  }
  if (plain) {
    std::string key(opened.key.view());
    const absl::Status encrypted = RekeyFile(path, "", key);
    Wipe(&key);
    DOORSTEP_RETURN_IF_ERROR(encrypted);
  }
  // Attachments that cannot be encrypted, for damage or a full disk, keep nobody from their
  // records: it stays due.
  if (keyring.plain && EncryptShelf(directory, opened.key).ok()) {
    keyring.plain = false;
    DOORSTEP_RETURN_IF_ERROR(WriteKeyring(directory, keyring));
  }
  if (opened.next.empty()) {
    access.key = std::move(opened.key);
    return access;
  }
  DOORSTEP_ASSIGN_OR_RETURN(access.key, EndRekey(directory, keyring, std::move(opened)));
  return access;
}

absl::StatusOr<Access> GainAccess(const std::string& directory, const Environment& environment,
                                  bool read_only) {
  if (WithoutKeyring(environment)) return TestAccess(environment);
  {
    DOORSTEP_ASSIGN_OR_RETURN(const bool unfinished,
                              IsUnfinished(directory, ReadKeyring(directory), read_only));
    if (unfinished && read_only) {
      return absl::FailedPreconditionError(
          "the replica needs an upgrade: open it for writing once");
    }
    if (unfinished) {
      DOORSTEP_ASSIGN_OR_RETURN(const FileLock alone, LockReplica(directory));
      DOORSTEP_ASSIGN_OR_RETURN(const bool still,
                                IsUnfinished(directory, ReadKeyring(directory), read_only));
      if (still) DOORSTEP_RETURN_IF_ERROR(FinishKeys(directory, environment).status());
    }
  }
  absl::StatusOr<FileLock> lock =
      FileLock::Acquire(ReplicaLockPath(directory), FileLock::Mode::kShared, kLockWaitMs);
  if (absl::IsAborted(lock.status())) {
    return absl::AbortedError(
        "the replica is being encrypted by another program: try again when it has finished");
  }
  DOORSTEP_RETURN_IF_ERROR(lock.status());
  DOORSTEP_ASSIGN_OR_RETURN(Keyring keyring, ReadKeyring(directory));
  absl::StatusOr<Access> access;
  if (NeedsLock(keyring, environment)) {
    DOORSTEP_ASSIGN_OR_RETURN(const FileLock held, LockKeyring(directory));
    DOORSTEP_ASSIGN_OR_RETURN(keyring, ReadKeyring(directory));
    access = Through(directory, keyring, environment);
  } else {
    access = Through(directory, keyring, environment);
  }
  if (access.ok()) access->lock = *std::move(lock);
  return access;
}

absl::StatusOr<Access> MakeAccess(const std::string& directory, const InitOptions& options) {
  const Environment& environment = options.environment;
  if (WithoutKeyring(environment)) return TestAccess(environment);
  if (!options.recovery_key.empty() && options.recovery_key.size() != kKeyBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "recovery_key: got ", options.recovery_key.size(), " bytes, wanted ", kKeyBytes));
  }
  DOORSTEP_ASSIGN_OR_RETURN(const Unlock first, FirstOf(environment, options.user));
  DOORSTEP_ASSIGN_OR_RETURN(FileLock alone, LockReplica(directory));
  // Another program may have made it meanwhile.
  struct stat info;
  if (stat(DatabasePath(directory).c_str(), &info) == 0 && info.st_size > 0) {
    return absl::AlreadyExistsError(absl::StrCat(directory, ": there is a replica already"));
  }
  // What belonged to one that is not here any more: it may be put back.
  for (const std::string& path :
       {KeyringPath(directory), AttachmentsPathOf(DatabasePath(directory))}) {
    DOORSTEP_RETURN_IF_ERROR(MoveAway(path, ClockOf(environment)));
  }
  DOORSTEP_ASSIGN_OR_RETURN(Keyring keyring, MakeKeyring(directory, environment, first,
                                                         options.recovery_key, /*plain=*/false));
  Environment as_first = environment;
  as_first.unlock = first;
  DOORSTEP_ASSIGN_OR_RETURN(const FileLock held, LockKeyring(directory));
  DOORSTEP_ASSIGN_OR_RETURN(Access made, Through(directory, keyring, as_first));
  made.lock = std::move(alone);
  return made;
}

absl::Status NoteRecoveryKey(const Access& access, absl::string_view public_key) {
  const std::string& directory = access.directory;
  if (directory.empty() || public_key.size() != kKeyBytes) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(Keyring keyring, ReadKeyring(directory));
  const auto known = [&] {
    return keyring.recovery.has_value() &&
           (keyring.recovery->given || keyring.recovery->public_key == public_key);
  };
  if (known()) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const FileLock held, LockKeyring(directory));
  DOORSTEP_ASSIGN_OR_RETURN(keyring, ReadKeyring(directory));
  if (known()) return absl::OkStatus();
  RecoverySeal seal{std::string(public_key), /*given=*/false, "", ""};
  DOORSTEP_ASSIGN_OR_RETURN(seal.sealed, Seal(access.key.view(), public_key));
  keyring.recovery = std::move(seal);
  return WriteKeyring(directory, keyring);
}

}  // namespace doorstep::client
