// The history: every unit that was ever admitted or refused, as its author's device wrote it, in an
// encrypted, hash-chained, append-only ledger.
//
// The format is final:
//
//   header     := version:0x01 sequence:varint previous:varint device:byte{16} incarnation:byte{16}
//                 counter:varint changes:varint author:bytes schema_hash:bytes epoch:varint
//                 checkpoint:varint unit_hash:bytes words:bytes reason:bytes what_to_do:bytes
//                 times:varint time:signed{times} uncertainty:signed received:signed
//                 key_file:byte{16}
//                 (varint, signed, bytes as in sync/base/varint.h; `previous` is the sequence of
//                 the entry before, 0 for the first; `words` has a byte for each change or one for
//                 all, and so has `time`)
//   plaintext  := 0x01 payload | 0x02 zstd(payload)
//   ciphertext := XChaCha20-Poly1305(key of key_file, nonce, plaintext, associated data = header)
//   body       := nonce:byte{24} ciphertext
//   body_hash  := BLAKE2b-256(body)
//   chain[n]   := BLAKE2b-256(chain[n-1] BLAKE2b-256(header) body_hash), chain[0] = 32 zeros
//
// Keys are per file (a file is a subject set): destroying a key, or a body, erases what it held and
// leaves the chain whole, because the chain covers hashes of ciphertext. What cannot be put to a
// file is encrypted with the tenant's own key (key_file = 0).
#ifndef SERVER_HISTORY_H_
#define SERVER_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/store.h"
#include "sync/base/entropy.h"
#include "sync/change/unit_codec.h"

namespace doorstep::server {

struct HistoryHeader {
  UnitRow unit;
  uint64_t previous = 0;
  Uuid key_file;
};

std::string EncodeHeader(const HistoryHeader& header);
// kDataLoss for bytes that EncodeHeader did not write.
absl::StatusOr<HistoryHeader> ParseHeader(absl::string_view bytes);

// A new random key.
std::string NewFileKey(Entropy& entropy);

// The entry that follows `end` (HistoryEnd): encrypted and chained. `key` is that of
// `header.key_file`; `header.previous` is set here.
absl::StatusOr<HistoryRow> SealEntry(HistoryHeader header, absl::string_view payload,
                                     absl::string_view key, const HistoryRow& end,
                                     Entropy& entropy);

// The payload. kNotFound: body or key was erased. kDataLoss: the entry was altered.
absl::StatusOr<std::string> OpenEntry(const HistoryRow& row, ReadView& view);

// The payload of the unit with this sequence; none when it was erased. kDataLoss as OpenEntry.
absl::StatusOr<std::optional<std::string>> ReadPayload(uint64_t sequence, ReadView& view);
// The unit itself; none also when this schema cannot read it. Adds the payload's size to `*bytes`.
absl::StatusOr<std::optional<Unit>> ReadUnit(const Schema& schema, const UnitRow& row,
                                             ReadView& view, size_t* bytes);

// Adds an entry for `unit` to the history. Without the key of `file` (none, or destroyed) the
// tenant's own is used.
absl::Status AppendHistory(const UnitRow& unit, const Uuid& file, absl::string_view payload,
                           WriteTransaction& transaction, Entropy& entropy);

struct HistoryReport {
  uint64_t entries = 0;
  uint64_t erased = 0;  // bodies or keys that are gone, by right
  uint64_t last_sequence = 0;
  std::string end;                  // the chain's last hash: note it elsewhere, compare it later
  std::vector<std::string> faults;  // "history entry 17: ..."; at most 100
};

// Reads all of it. Finds entries that were altered, removed, added or put in another order; an
// alteration of everything after some point, end included, shows only against an `end` that was
// noted elsewhere.
absl::StatusOr<HistoryReport> VerifyHistory(ReadView& view);

}  // namespace doorstep::server

#endif  // SERVER_HISTORY_H_
