// The keyring of a replica: its database's key, wrapped for each of those who open it.
//
// The file DIR/keyring, as JSON. Bytes are hexadecimal; K is the key of the database, 32 bytes.
//
//   keyring  = {"format":1, "id":16 bytes, "plain":bool, "slots":[slot…] [,"recovery":recovery]}
//   slot     = {"id":4 bytes, "person":text, "salt":16 bytes, "passes":N, "memory_kib":N,
//               "public":32 bytes, "box":72 bytes, "sealed":80 bytes [,"next":80 bytes],
//               "failures":N, "tried":[wall ms, boot, mono ms]}
//   recovery = {"public":32 bytes, "given":bool, "sealed":80 bytes [,"next":80 bytes]}
//
//   D      = the secret of the key store that is named "<keyring id>-<slot id>", 32 bytes
//   S      = Argon2id(PIN or passphrase, salt, passes, memory), 32 bytes; of the slot of nobody, 32
//            zeros
//   W      = BLAKE2b-256(key D, S)
//   box    = nonce (24 bytes), then XChaCha20-Poly1305 under W of the slot's private key (X25519,
//            32 bytes) with AD = "doorstep keyring 1", keyring id, slot id, public, person
//   sealed = crypto_box_seal(K, public); next: of the key that a rekey is about to take
//
// So K can be given another value (`rekey`) without anybody's PIN, and a PIN another value without
// touching the database. A slot without a person is opened by the device alone; it goes with the
// first person's slot. Each slot has a secret of the device of its own: once that is forgotten, no
// copy of an old keyring opens with that slot.
#ifndef CLIENT_LIB_KEYRING_H_
#define CLIENT_LIB_KEYRING_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client-lib/secret.h"
#include "sync/base/clock.h"

namespace doorstep::client {

inline constexpr size_t kKeyBytes = 32;

struct Slot {
  std::string id;
  std::string person;  // empty: whoever has the device
  std::string salt;
  uint64_t passes = 0;
  uint64_t memory_kib = 0;
  std::string public_key;
  std::string box;
  std::string sealed;
  std::string next;  // empty: no rekey is under way
  // Attempts that failed, or were cut off, since the last that did not; when the last one began.
  int failures = 0;
  ClockReading tried;
};

struct RecoverySeal {
  std::string public_key;
  bool given = false;  // when the replica was made; else the server said it
  std::string sealed;
  std::string next;
};

struct Keyring {
  std::string id;
  // The database was plain when the keyring was made, and may be so still.
  bool plain = false;
  std::vector<Slot> slots;
  std::optional<RecoverySeal> recovery;
};

std::string EncodeKeyring(const Keyring& keyring);
// kPermissionDenied: this is no keyring, or one of a later format. Nothing is said of the replica.
absl::StatusOr<Keyring> ParseKeyring(absl::string_view text);

// Null when there is none. An empty `person` names the slot of the device, or the only person's.
Slot* FindSlot(Keyring& keyring, absl::string_view person);
// In the key store.
std::string SecretName(const Keyring& keyring, const Slot& slot);

// What a guess at a secret costs: a tenth of a second on a desktop, half of one on a slow tablet.
struct Stretch {
  uint64_t passes = 3;
  uint64_t memory_kib = 64 * 1024;
};
inline constexpr Stretch kHardlyAny = {1, 8};

// A slot that opens with `secret` (empty with an empty `person`) and the secret of the device, and
// holds `key`. Takes as long as opening it.
absl::StatusOr<Slot> MakeSlot(const Keyring& keyring, absl::string_view slot_id,
                              absl::string_view person, absl::string_view secret,
                              absl::string_view device_secret, absl::string_view key,
                              const Stretch& stretch);
// The slot's private key. kUnauthenticated: another secret, or another device's.
absl::StatusOr<Secret> OpenSlot(const Keyring& keyring, const Slot& slot, absl::string_view secret,
                                absl::string_view device_secret);

// crypto_box_seal and its opening; kPermissionDenied when it does not open.
absl::StatusOr<std::string> Seal(absl::string_view key, absl::string_view public_key);
absl::StatusOr<Secret> Unseal(absl::string_view sealed, absl::string_view public_key,
                              const Secret& private_key);

// From the kernel, whatever entropy the replica was given: a key is never predictable.
std::string RandomBytes(size_t count);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_KEYRING_H_
