// Who opens a replica: people come, change their PIN, and go; the keys become others.
#include "doorstep/people.h"

#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client-lib/open.h"
#include "client-lib/shelf_key.h"
#include "client-lib/tries.h"
#include "client-lib/unlock.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/sqlite/rekey.h"

namespace doorstep {
namespace {

using client::Access;
using client::Keyring;
using client::Opened;
using client::Secret;
using client::Slot;

absl::Status CheckHere(const std::string& directory, const Environment& environment) {
  if (!environment.vfs.empty() || !environment.test_key.empty()) {
    return absl::FailedPreconditionError("people: this replica has no keyring (Environment)");
  }
  struct stat info;
  if (stat(client::DatabasePath(directory).c_str(), &info) == 0) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat(directory, ": no replica here (doorstep init makes one)"));
}

// The keyring, to be changed and written, and its keys.
struct Changing {
  Access access;  // so that no rekey begins meanwhile, which would not know of the change
  FileLock lock;
  Keyring keyring;
  Opened opened;
};

absl::StatusOr<std::unique_ptr<Changing>> Begin(const std::string& directory,
                                                const Environment& environment) {
  DOORSTEP_RETURN_IF_ERROR(CheckHere(directory, environment));
  // What a crash has cut off is finished first, and a plain replica encrypted.
  DOORSTEP_ASSIGN_OR_RETURN(Access access,
                            client::GainAccess(directory, environment, /*read_only=*/false));
  DOORSTEP_ASSIGN_OR_RETURN(FileLock lock, client::LockKeyring(directory));
  DOORSTEP_ASSIGN_OR_RETURN(Keyring keyring, client::ReadKeyring(directory));
  auto changing = std::make_unique<Changing>(
      Changing{std::move(access), std::move(lock), std::move(keyring), Opened{nullptr, {}, {}}});
  DOORSTEP_ASSIGN_OR_RETURN(changing->opened,
                            client::OpenKeyring(directory, changing->keyring, environment));
  return changing;
}

// The keyring without a slot, on disk, and then nothing that opened it.
absl::Status WriteWithout(const std::string& directory, const Environment& environment,
                          Keyring& keyring, const std::string& slot_id) {
  const auto at = std::find_if(keyring.slots.begin(), keyring.slots.end(),
                               [&](const Slot& slot) { return slot.id == slot_id; });
  const Slot gone = *at;
  keyring.slots.erase(at);
  DOORSTEP_ASSIGN_OR_RETURN(OldContent old, OldContent::Hold(client::KeyringPath(directory)));
  DOORSTEP_RETURN_IF_ERROR(client::WriteKeyring(directory, keyring));
  client::ForgetSlot(keyring, gone, environment);
  // What is done is done: that the old bytes could not be overwritten does not undo it.
  old.Overwrite().IgnoreError();
  return absl::OkStatus();
}

// The new key beside the old one, for everybody.
absl::Status SealNext(Keyring& keyring, const Secret& next) {
  for (Slot& slot : keyring.slots) {
    DOORSTEP_ASSIGN_OR_RETURN(slot.next, client::Seal(next.view(), slot.public_key));
  }
  if (!keyring.recovery.has_value()) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(keyring.recovery->next,
                            client::Seal(next.view(), keyring.recovery->public_key));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Openers> WhoOpens(const std::string& directory, const Environment& environment) {
  DOORSTEP_ASSIGN_OR_RETURN(const Keyring keyring, client::ReadKeyring(directory));
  const ClockReading now = client::ClockOf(environment).Read();
  Openers openers;
  for (const Slot& slot : keyring.slots) {
    if (slot.person.empty()) {
      openers.device_alone = true;
    } else {
      openers.people.push_back(
          {slot.person, slot.failures, client::WaitLeftMs(slot.failures, slot.tried, now)});
    }
  }
  openers.recovery = keyring.recovery.has_value();
  return openers;
}

absl::Status AddPerson(const std::string& directory, const Environment& environment,
                       const Unlock& person) {
  DOORSTEP_RETURN_IF_ERROR(client::CheckPerson(person.person));
  DOORSTEP_RETURN_IF_ERROR(client::CheckSecret(person.secret));
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<Changing> changing,
                            Begin(directory, environment));
  Keyring& keyring = changing->keyring;
  const Slot by = *changing->opened.slot;
  for (const Slot& slot : keyring.slots) {
    if (slot.person == person.person) {
      return absl::AlreadyExistsError(
          absl::StrCat(Quoted(person.person), " opens this replica already"));
    }
  }
  if (keyring.slots.size() >= kMaxPeople) {
    return absl::ResourceExhaustedError(
        absl::StrCat("people: got one more than ", kMaxPeople, ", wanted at most that"));
  }
  DOORSTEP_ASSIGN_OR_RETURN(
      Slot slot, client::NewSlot(keyring, environment, person, changing->opened.key.view()));
  keyring.slots.push_back(std::move(slot));
  if (!by.person.empty()) return client::WriteKeyring(directory, keyring);
  return WriteWithout(directory, environment, keyring, by.id);
}

absl::Status ChangeSecret(const std::string& directory, const Environment& environment,
                          absl::string_view secret) {
  DOORSTEP_RETURN_IF_ERROR(client::CheckSecret(secret));
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<Changing> changing,
                            Begin(directory, environment));
  const Slot before = *changing->opened.slot;
  if (before.person.empty()) {
    return absl::FailedPreconditionError(
        "nobody has a PIN or passphrase here: the device alone opens this replica (doorstep people "
        "add)");
  }
  Unlock person{before.person, std::string(secret)};
  absl::StatusOr<Slot> slot =
      client::NewSlot(changing->keyring, environment, person, changing->opened.key.view());
  client::Wipe(&person.secret);
  DOORSTEP_RETURN_IF_ERROR(slot.status());
  changing->keyring.slots.push_back(*std::move(slot));
  return WriteWithout(directory, environment, changing->keyring, before.id);
}

absl::Status RemovePerson(const std::string& directory, const Environment& environment,
                          absl::string_view person) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<Changing> changing,
                            Begin(directory, environment));
  Keyring& keyring = changing->keyring;
  const auto gone = std::find_if(keyring.slots.begin(), keyring.slots.end(), [&](const Slot& slot) {
    return !slot.person.empty() && slot.person == person;
  });
  if (gone == keyring.slots.end()) {
    return absl::NotFoundError(absl::StrCat(Quoted(person), " does not open this replica"));
  }
  if (keyring.slots.size() == 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("nobody but ", Quoted(person), " opens this replica: add somebody first"));
  }
  return WriteWithout(directory, environment, keyring, std::string(gone->id));
}

absl::Status Rekey(const std::string& directory, const Environment& environment) {
  DOORSTEP_RETURN_IF_ERROR(CheckHere(directory, environment));
  DOORSTEP_ASSIGN_OR_RETURN(const FileLock alone, client::LockReplica(directory));
  DOORSTEP_RETURN_IF_ERROR(client::FinishKeys(directory, environment).status());
  std::string random = client::RandomBytes(client::kKeyBytes);
  const Secret next = Secret::Taking(&random);
  Secret before;
  {
    DOORSTEP_ASSIGN_OR_RETURN(const FileLock held, client::LockKeyring(directory));
    DOORSTEP_ASSIGN_OR_RETURN(Keyring keyring, client::ReadKeyring(directory));
    DOORSTEP_ASSIGN_OR_RETURN(Opened opened, client::OpenKeyring(directory, keyring, environment));
    before = std::move(opened.key);
    // First, so that whichever file a crash leaves, the keyring opens it.
    DOORSTEP_RETURN_IF_ERROR(SealNext(keyring, next));
    DOORSTEP_RETURN_IF_ERROR(client::WriteKeyring(directory, keyring));
  }
  std::string old_key(before.view());
  std::string new_key(next.view());
  const absl::Status done = RekeyFile(client::DatabasePath(directory), old_key, new_key);
  client::Wipe(&old_key);
  client::Wipe(&new_key);
  // Takes the new key, or the old one where it failed.
  DOORSTEP_ASSIGN_OR_RETURN(const Access now, client::FinishKeys(directory, environment));
  DOORSTEP_RETURN_IF_ERROR(done);
  // Afterwards: their new key stands in the database, and only under its new one.
  return client::RekeyShelf(directory, now.key);
}

}  // namespace doorstep
