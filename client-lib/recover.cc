// A replica that nobody can open any more is opened with the help of the tenant's operator.
#include <sodium.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client-lib/open.h"
#include "client-lib/unlock.h"
#include "doorstep/people.h"
#include "sync/base/bytes.h"
#include "sync/base/limits.h"
#include "sync/base/recovery_text.h"
#include "sync/base/status.h"

namespace doorstep {
namespace {

using client::Keyring;
using client::Secret;
using client::Slot;

// The secret of the device from which the request's key pair is made: it ends with the answer.
std::string SecretName(const Keyring& keyring) {
  return absl::StrCat(ToHex(keyring.id), "-recovery");
}

struct KeyPair {
  std::string public_key = std::string(client::kKeyBytes, '\0');
  Secret private_key = Secret(client::kKeyBytes);
};

absl::StatusOr<KeyPair> PairOf(std::string secret) {
  if (sodium_init() < 0) return absl::InternalError("libsodium does not start");
  const Secret seed = Secret::Taking(&secret);
  KeyPair pair;
  crypto_box_seed_keypair(reinterpret_cast<unsigned char*>(pair.public_key.data()),
                          reinterpret_cast<unsigned char*>(pair.private_key.data()),
                          reinterpret_cast<const unsigned char*>(seed.view().data()));
  return pair;
}

// The key in an answer that opens the database.
absl::StatusOr<Secret> KeyIn(const std::string& directory, const RecoveryAnswer& answer,
                             const KeyPair& pair) {
  for (const std::string& sealed : answer.sealed) {
    DOORSTEP_ASSIGN_OR_RETURN(Secret key,
                              client::Unseal(sealed, pair.public_key, pair.private_key));
    DOORSTEP_ASSIGN_OR_RETURN(const bool opens,
                              client::OpensWith(client::DatabasePath(directory), key));
    if (opens) return key;
  }
  return absl::PermissionDeniedError("the key in the answer does not open this replica");
}

}  // namespace

absl::StatusOr<std::string> RecoveryRequestFor(const std::string& directory,
                                               const Environment& environment) {
  DOORSTEP_ASSIGN_OR_RETURN(const FileLock held, client::LockKeyring(directory));
  DOORSTEP_ASSIGN_OR_RETURN(const Keyring keyring, client::ReadKeyring(directory));
  if (!keyring.recovery.has_value()) {
    return absl::FailedPreconditionError(
        "this replica has never known a recovery key of its organisation: nobody else can open it");
  }
  KeyStore& store = client::KeyStoreOf(environment);
  const std::string name = SecretName(keyring);
  absl::StatusOr<std::string> secret = store.Get(name);
  if (absl::IsNotFound(secret.status())) secret = store.Make(name);
  DOORSTEP_RETURN_IF_ERROR(secret.status());
  DOORSTEP_ASSIGN_OR_RETURN(const KeyPair pair, PairOf(*std::move(secret)));
  RecoveryRequest request{keyring.id, pair.public_key, {keyring.recovery->sealed}};
  if (!keyring.recovery->next.empty()) request.sealed.push_back(keyring.recovery->next);
  return FormatRecoveryRequest(request);
}

absl::Status Recover(const std::string& directory, const Environment& environment,
                     absl::string_view answer_text, const Unlock& person) {
  DOORSTEP_RETURN_IF_ERROR(client::CheckPerson(person.person));
  DOORSTEP_RETURN_IF_ERROR(client::CheckSecret(person.secret));
  absl::StatusOr<RecoveryAnswer> answer = ParseRecoveryAnswer(answer_text);
  if (!answer.ok()) return Annotate(answer.status(), "answer");
  DOORSTEP_ASSIGN_OR_RETURN(const FileLock alone, client::LockReplica(directory));
  DOORSTEP_ASSIGN_OR_RETURN(const FileLock held, client::LockKeyring(directory));
  DOORSTEP_ASSIGN_OR_RETURN(Keyring keyring, client::ReadKeyring(directory));
  if (answer->keyring != keyring.id) {
    return absl::PermissionDeniedError("the answer is for another replica");
  }
  KeyStore& store = client::KeyStoreOf(environment);
  absl::StatusOr<std::string> secret = store.Get(SecretName(keyring));
  if (absl::IsNotFound(secret.status())) {
    return absl::PermissionDeniedError(
        "the answer was used already, or was asked for on another device (doorstep keys sealed "
        "asks again)");
  }
  DOORSTEP_RETURN_IF_ERROR(secret.status());
  DOORSTEP_ASSIGN_OR_RETURN(const KeyPair pair, PairOf(*std::move(secret)));
  DOORSTEP_ASSIGN_OR_RETURN(const Secret key, KeyIn(directory, *answer, pair));
  const bool replaces = std::any_of(
      keyring.slots.begin(), keyring.slots.end(),
      [&person](const Slot& each) { return each.person.empty() || each.person == person.person; });
  if (!replaces && keyring.slots.size() >= kMaxPeople) {
    return absl::FailedPreconditionError(
        absl::StrCat("people: got one more than ", kMaxPeople, ", wanted the name of one of them"));
  }
  DOORSTEP_ASSIGN_OR_RETURN(Slot slot, client::NewSlot(keyring, environment, person, key.view()));
  std::vector<Slot> gone;
  std::vector<Slot> slots;
  for (Slot& each : keyring.slots) {
    const bool goes = each.person == person.person || each.person.empty();
    (goes ? gone : slots).push_back(std::move(each));
  }
  slots.push_back(std::move(slot));
  keyring.slots = std::move(slots);
  // Also where a rekey was cut off.
  DOORSTEP_RETURN_IF_ERROR(client::SealToAll(keyring, key));
  DOORSTEP_RETURN_IF_ERROR(client::WriteKeyring(directory, keyring));
  for (const Slot& each : gone) client::ForgetSlot(keyring, each, environment);
  return store.Forget(SecretName(keyring));
}

}  // namespace doorstep
