// The audit of one tenant: who did or saw what here, when and on which device, in a hash-chained,
// append-only log. It holds ids and names of commands, never a value of a record. What was recorded
// is in the history (history.h), which has a chain of its own; which device was sent which records
// stands in _sent (record_seen.h).
//
// The format is final:
//
//   entry    := version:0x01 sequence:varint time_ms:signed who:bytes device:byte{16} verb:bytes
//               about:bytes outcome:bytes      (varint, signed, bytes as in sync/base/varint.h)
//   chain[n] := BLAKE2b-256(chain[n-1] entry), chain[0] = 32 zeros; n counts 1, 2, 3, ...
#ifndef SERVER_AUDIT_AUDIT_H_
#define SERVER_AUDIT_AUDIT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/store.h"
#include "sync/base/bytes.h"

namespace doorstep::server {

// Longer parts are cut when they are written: what an outsider can make long costs no more.
inline constexpr size_t kMaxAuditTextBytes = 1'000;

struct AuditEntry {
  uint64_t sequence = 0;  // AppendAudit sets it
  int64_t time_ms = 0;    // of the server's clock
  std::string who;      // "operator NAME", as the machine knows the account; empty: a device alone
  Uuid device;          // nil: none
  std::string verb;     // "device revoke", "history read"
  std::string about;    // of what: "record=UUID", "--site=rose-court"; one line
  std::string outcome;  // empty: done (of a command: begun); else why not

  bool operator==(const AuditEntry&) const = default;
};

std::string EncodeAudit(const AuditEntry& entry);
// kDataLoss for bytes that EncodeAudit did not write.
absl::StatusOr<AuditEntry> ParseAudit(absl::string_view bytes);

// Adds it behind the last one, in the transaction of what it tells of. Control characters become
// spaces.
absl::Status AppendAudit(AuditEntry entry, WriteTransaction& transaction);
// The same in a transaction of its own, for what happened before the disk is waited for: a power
// cut takes the last of these with it.
absl::Status NoteAudit(AuditEntry entry, Store& store);

struct AuditReport {
  uint64_t entries = 0;
  std::string end;                  // the last hash of the chain
  std::vector<std::string> faults;  // "audit entry 17: ..."; at most 100
};

// Reads all of it. Finds entries that were altered, removed, added or put in another order. An
// alteration of everything after some point, end included, shows only against an end that was noted
// elsewhere (`audit head`).
absl::StatusOr<AuditReport> VerifyAudit(ReadView& view);

}  // namespace doorstep::server

#endif  // SERVER_AUDIT_AUDIT_H_
