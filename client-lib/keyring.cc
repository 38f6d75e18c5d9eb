#include "client-lib/keyring.h"

#include <sodium.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "nlohmann/json.hpp"
#include "sync/base/bytes.h"
#include "sync/base/entropy.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"

namespace doorstep::client {
namespace {

using nlohmann::json;

constexpr int kFormat = 1;
constexpr size_t kIdBytes = 16;
constexpr size_t kSlotIdBytes = 4;
constexpr uint64_t kMostFailures = 1'000;
constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kBoxBytes = kNonceBytes + kKeyBytes + crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr size_t kSealedBytes = kKeyBytes + crypto_box_SEALBYTES;
static_assert(crypto_box_PUBLICKEYBYTES == kKeyBytes && crypto_box_SECRETKEYBYTES == kKeyBytes);

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
unsigned char* Bytes(Secret& secret) { return reinterpret_cast<unsigned char*>(secret.data()); }

absl::Status NoKeyring(absl::string_view what) {
  return absl::PermissionDeniedError(absl::StrCat(
      "keyring: ", what,
      ": wanted the one of this replica. Without it nobody opens the replica: put it back from a "
      "backup, or open with a later program"));
}

// Takes the members of an object, each once; remembers the first that is wrong.
class Members {
 public:
  Members(const json& object, absl::string_view name) : object_(object), name_(name) {
    if (!object.is_object()) Fail("", "an object");
  }

  bool Has(const char* key) const { return ok_ && object_.contains(key); }
  std::string Bytes(const char* key, size_t size) {
    const std::string text = Text(key);
    auto bytes = FromHex(text);
    if (bytes.ok() && bytes->size() == size) return *std::move(bytes);
    Fail(key, absl::StrCat(size, " bytes"));
    return "";
  }
  std::string Text(const char* key) {
    const json* const value = Find(key);
    if (value != nullptr && value->is_string()) return value->get<std::string>();
    Fail(key, "text");
    return "";
  }
  bool Bool(const char* key) {
    const json* const value = Find(key);
    if (value != nullptr && value->is_boolean()) return value->get<bool>();
    Fail(key, "true or false");
    return false;
  }
  uint64_t Number(const char* key, uint64_t min, uint64_t max) {
    const json* const value = Find(key);
    if (value != nullptr && value->is_number_unsigned()) {
      const auto number = value->get<uint64_t>();
      if (number >= min && number <= max) return number;
    }
    Fail(key, absl::StrCat(min, " to ", max));
    return min;
  }
  const json* List(const char* key) {
    const json* const value = Find(key);
    if (value != nullptr && value->is_array()) return value;
    Fail(key, "a list");
    return nullptr;
  }
  ClockReading Reading(const char* key) {
    const json* const list = List(key);
    if (list == nullptr) return {};
    if (list->size() == 3 && (*list)[0].is_number_integer() && (*list)[1].is_number_unsigned() &&
        (*list)[2].is_number_integer()) {
      return {(*list)[0].get<int64_t>(), (*list)[1].get<uint64_t>(), (*list)[2].get<int64_t>()};
    }
    Fail(key, "three numbers");
    return {};
  }

  absl::Status status() const { return ok_ ? absl::OkStatus() : NoKeyring(wrong_); }

 private:
  const json* Find(const char* key) const {
    if (!ok_) return nullptr;
    const auto it = object_.find(key);
    return it == object_.end() ? nullptr : &*it;
  }
  void Fail(absl::string_view key, absl::string_view wanted) {
    if (ok_) wrong_ = absl::StrCat(name_, ".", key, ": got something else than ", wanted);
    ok_ = false;
  }

  const json& object_;
  const absl::string_view name_;
  bool ok_ = true;
  std::string wrong_;
};

json ToJson(const Slot& slot) {
  json out = {{"id", ToHex(slot.id)},
              {"person", slot.person},
              {"salt", ToHex(slot.salt)},
              {"passes", slot.passes},
              {"memory_kib", slot.memory_kib},
              {"public", ToHex(slot.public_key)},
              {"box", ToHex(slot.box)},
              {"sealed", ToHex(slot.sealed)},
              {"failures", static_cast<uint64_t>(slot.failures)},
              {"tried", {slot.tried.wall_ms, slot.tried.boot, slot.tried.mono_ms}}};
  if (!slot.next.empty()) out["next"] = ToHex(slot.next);
  return out;
}

absl::StatusOr<Slot> ParseSlot(const json& object) {
  Members in(object, "slot");
  Slot slot;
  slot.id = in.Bytes("id", kSlotIdBytes);
  slot.person = in.Text("person");
  slot.salt = in.Bytes("salt", crypto_pwhash_SALTBYTES);
  slot.passes = in.Number("passes", 1, kMaxUnlockPasses);
  slot.memory_kib = in.Number("memory_kib", kHardlyAny.memory_kib, kMaxUnlockMemoryKib);
  slot.public_key = in.Bytes("public", kKeyBytes);
  slot.box = in.Bytes("box", kBoxBytes);
  slot.sealed = in.Bytes("sealed", kSealedBytes);
  if (in.Has("next")) slot.next = in.Bytes("next", kSealedBytes);
  // More makes no difference.
  slot.failures = static_cast<int>(std::min(in.Number("failures", 0, INT32_MAX), kMostFailures));
  slot.tried = in.Reading("tried");
  if (absl::Status status = in.status(); !status.ok()) return status;
  return slot;
}

absl::StatusOr<RecoverySeal> ParseRecovery(const json& object) {
  Members in(object, "recovery");
  RecoverySeal seal;
  seal.public_key = in.Bytes("public", kKeyBytes);
  seal.given = in.Bool("given");
  seal.sealed = in.Bytes("sealed", kSealedBytes);
  if (in.Has("next")) seal.next = in.Bytes("next", kSealedBytes);
  if (absl::Status status = in.status(); !status.ok()) return status;
  return seal;
}

// W of keyring.h.
absl::StatusOr<Secret> WrappingKey(const Slot& slot, absl::string_view secret,
                                   absl::string_view device_secret) {
  if (sodium_init() < 0) return absl::InternalError("libsodium does not start");
  if (device_secret.size() != kKeyBytes) return absl::InternalError("device secret: wrong size");
  Secret stretched(kKeyBytes);
  if (!slot.person.empty() &&
      crypto_pwhash(Bytes(stretched), kKeyBytes, secret.data(), secret.size(), Bytes(slot.salt),
                    slot.passes, slot.memory_kib * kKiB, crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("unlocking: got too little memory, wanted ", slot.memory_kib, " KiB"));
  }
  Secret key(kKeyBytes);
  crypto_generichash(Bytes(key), kKeyBytes, Bytes(stretched.view()), kKeyBytes,
                     Bytes(device_secret), kKeyBytes);
  return key;
}

std::string AssociatedData(const Keyring& keyring, const Slot& slot) {
  return absl::StrCat("doorstep keyring 1", keyring.id, slot.id, slot.public_key, slot.person);
}

}  // namespace

std::string EncodeKeyring(const Keyring& keyring) {
  json slots = json::array();
  for (const Slot& slot : keyring.slots) slots.push_back(ToJson(slot));
  json out = {{"format", kFormat},
              {"id", ToHex(keyring.id)},
              {"plain", keyring.plain},
              {"slots", std::move(slots)}};
  if (keyring.recovery.has_value()) {
    const RecoverySeal& seal = *keyring.recovery;
    json& recovery = out["recovery"];
    recovery = {
        {"public", ToHex(seal.public_key)}, {"given", seal.given}, {"sealed", ToHex(seal.sealed)}};
    if (!seal.next.empty()) recovery["next"] = ToHex(seal.next);
  }
  return out.dump(1) + "\n";
}

absl::StatusOr<Keyring> ParseKeyring(absl::string_view text) {
  const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  Members in(object, "keyring");
  in.Number("format", kFormat, kFormat);
  Keyring keyring;
  keyring.id = in.Bytes("id", kIdBytes);
  keyring.plain = in.Bool("plain");
  const json* const slots = in.List("slots");
  const bool recovers = in.Has("recovery");
  if (absl::Status status = in.status(); !status.ok()) return status;
  if (slots->size() > kMaxPeople) return NoKeyring("too many slots");
  for (const json& each : *slots) {
    DOORSTEP_ASSIGN_OR_RETURN(Slot slot, ParseSlot(each));
    keyring.slots.push_back(std::move(slot));
  }
  if (recovers) {
    DOORSTEP_ASSIGN_OR_RETURN(keyring.recovery, ParseRecovery(object["recovery"]));
  }
  return keyring;
}

Slot* FindSlot(Keyring& keyring, absl::string_view person) {
  if (person.empty() && keyring.slots.size() == 1) return keyring.slots.data();
  for (Slot& slot : keyring.slots) {
    if (slot.person == person) return &slot;
  }
  return nullptr;
}

std::string SecretName(const Keyring& keyring, const Slot& slot) {
  return absl::StrCat(ToHex(keyring.id), "-", ToHex(slot.id));
}

absl::StatusOr<Slot> MakeSlot(const Keyring& keyring, absl::string_view slot_id,
                              absl::string_view person, absl::string_view secret,
                              absl::string_view device_secret, absl::string_view key,
                              const Stretch& stretch) {
  Slot slot;
  slot.id = std::string(slot_id);
  slot.person = std::string(person);
  slot.salt = RandomBytes(crypto_pwhash_SALTBYTES);
  slot.passes = stretch.passes;
  slot.memory_kib = stretch.memory_kib;
  DOORSTEP_ASSIGN_OR_RETURN(const Secret wrapping, WrappingKey(slot, secret, device_secret));
  std::string random = RandomBytes(kKeyBytes);
  const Secret seed = Secret::Taking(&random);
  slot.public_key.resize(kKeyBytes);
  Secret private_key(kKeyBytes);
  crypto_box_seed_keypair(Bytes(slot.public_key), Bytes(private_key), Bytes(seed.view()));
  const std::string nonce = RandomBytes(kNonceBytes);
  const std::string ad = AssociatedData(keyring, slot);
  slot.box = nonce;
  slot.box.resize(kBoxBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      Bytes(slot.box) + kNonceBytes, nullptr, Bytes(private_key.view()), kKeyBytes, Bytes(ad),
      ad.size(), nullptr, Bytes(nonce), Bytes(wrapping.view()));
  DOORSTEP_ASSIGN_OR_RETURN(slot.sealed, Seal(key, slot.public_key));
  return slot;
}

absl::StatusOr<Secret> OpenSlot(const Keyring& keyring, const Slot& slot, absl::string_view secret,
                                absl::string_view device_secret) {
  DOORSTEP_ASSIGN_OR_RETURN(const Secret wrapping, WrappingKey(slot, secret, device_secret));
  const std::string ad = AssociatedData(keyring, slot);
  const absl::string_view box = slot.box;
  Secret private_key(kKeyBytes);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(Bytes(private_key), nullptr, nullptr,
                                                 Bytes(box.substr(kNonceBytes)),
                                                 box.size() - kNonceBytes, Bytes(ad), ad.size(),
                                                 Bytes(box), Bytes(wrapping.view())) != 0) {
    return absl::UnauthenticatedError("the PIN or passphrase is wrong");
  }
  return private_key;
}

absl::StatusOr<std::string> Seal(absl::string_view key, absl::string_view public_key) {
  if (sodium_init() < 0) return absl::InternalError("libsodium does not start");
  std::string sealed(key.size() + crypto_box_SEALBYTES, '\0');
  if (public_key.size() != kKeyBytes ||
      crypto_box_seal(Bytes(sealed), Bytes(key), key.size(), Bytes(public_key)) != 0) {
    return absl::InvalidArgumentError("public key: got none that can be sealed to");
  }
  return sealed;
}

absl::StatusOr<Secret> Unseal(absl::string_view sealed, absl::string_view public_key,
                              const Secret& private_key) {
  if (sodium_init() < 0) return absl::InternalError("libsodium does not start");
  Secret key(kKeyBytes);
  if (sealed.size() != kSealedBytes || public_key.size() != kKeyBytes ||
      crypto_box_seal_open(Bytes(key), Bytes(sealed), sealed.size(), Bytes(public_key),
                           Bytes(private_key.view())) != 0) {
    return absl::PermissionDeniedError("the sealed key does not open: it is another's, or damaged");
  }
  return key;
}

std::string RandomBytes(size_t count) {
  std::string bytes(count, '\0');
  SystemEntropy()->Fill(absl::MakeSpan(Bytes(bytes), count));
  return bytes;
}

}  // namespace doorstep::client
