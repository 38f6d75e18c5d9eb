// Digests: whether two places hold the same rows.
//
// The digest of a compartment is the sum, modulo 2^128, of a 128-bit hash of each (record, field,
// heads); so it is kept up to date field by field, in any order. It finds mistakes and drift; it
// is no proof against somebody who forges rows (the history's chain is).
#ifndef SYNC_CHANGE_DIGEST_H_
#define SYNC_CHANGE_DIGEST_H_

#include <string>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/change/state.h"

namespace doorstep {

class Digest {
 public:
  Digest() = default;
  // Sixteen bytes, most significant first. kInvalidArgument otherwise.
  static absl::StatusOr<Digest> FromBytes(absl::string_view bytes);
  std::string ToBytes() const;

  void Add(const Digest& other);
  void Subtract(const Digest& other);
  bool operator==(const Digest&) const = default;

 private:
  friend Digest DigestOf(const RecordState& record, const FieldState& field);
  friend Digest DigestOf(const RecordState& record);
  friend Digest DigestOf(const CompartmentId& id, const Digest& digest);
  absl::uint128 sum_ = 0;
};

// SipHash-2-4 with 128-bit output under a fixed public key, over: record id, kind, field number,
// and of each head in canonical order: id, time, sequence, author, value, agreed, settlement, the
// ids that it removes and has seen. A field without heads adds nothing.
Digest DigestOf(const RecordState& record, const FieldState& field);
// The sum over the record's fields.
Digest DigestOf(const RecordState& record);
// A compartment's share in the digest over all compartments of a device. Zero for an empty one.
Digest DigestOf(const CompartmentId& id, const Digest& digest);

}  // namespace doorstep

#endif  // SYNC_CHANGE_DIGEST_H_
