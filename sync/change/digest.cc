// What is hashed, in the notation of sync/base/varint.h:
//
//   field       := 'F' record:byte{16} kind:varint number:varint head*
//   head        := incarnation:byte{16} counter:varint time_ms:signed sequence:varint
//                  author:bytes value:bytes agreed settlement removes seen
//   agreed      := 0 | 1 sequence:varint value:bytes
//   settlement  := (mode | 4 if removes is not empty | 8 if seen is not empty):varint
//                  (reason:bytes, if mode is not 0)
//   removes     := ids, if not empty
//   seen        := ids, if not empty
//   ids         := count:varint (incarnation:byte{16} counter:varint){count}
//   compartment := 'C' file:byte{16} tier:varint digest:byte{16}
//
// Each element tells its own end, so two different fields are never one string.
#include "sync/change/digest.h"

#include <sodium.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sync/base/varint.h"

namespace doorstep {
namespace {

static_assert(crypto_shorthash_siphashx24_BYTES == 16);
static_assert(crypto_shorthash_siphashx24_KEYBYTES == 16);
constexpr absl::string_view kPublicKey = "doorstep digest1";
static_assert(kPublicKey.size() == 16);

absl::uint128 FromBigEndian(const unsigned char* bytes) {
  absl::uint128 out = 0;
  for (int i = 0; i < 16; ++i) out = out << 8 | bytes[i];
  return out;
}

absl::uint128 Hash(absl::string_view bytes) {
  unsigned char out[16];
  crypto_shorthash_siphashx24(out, reinterpret_cast<const unsigned char*>(bytes.data()),
                              bytes.size(),
                              reinterpret_cast<const unsigned char*>(kPublicKey.data()));
  return FromBigEndian(out);
}

void PutUuid(const Uuid& id, std::string* out) {
  out->append(reinterpret_cast<const char*>(id.b.data()), id.b.size());
}

void PutIds(const std::vector<ChangeId>& ids, std::string* out) {
  PutVarint(ids.size(), out);
  for (const ChangeId& id : ids) {
    PutUuid(id.incarnation, out);
    PutVarint(id.counter, out);
  }
}

void PutHead(const Head& head, std::string* out) {
  PutUuid(head.id.incarnation, out);
  PutVarint(head.id.counter, out);
  PutSigned(head.time_ms, out);
  PutVarint(head.sequence, out);
  PutBytes(head.author, out);
  PutBytes(head.value, out);
  PutVarint(head.agreed.has_value() ? 1 : 0, out);
  if (head.agreed.has_value()) {
    PutVarint(head.agreed->sequence, out);
    PutBytes(head.agreed->value, out);
  }
  PutVarint(static_cast<uint64_t>(head.settle.mode) | (head.removes.empty() ? 0 : 4) |
                (head.seen.empty() ? 0 : 8),
            out);
  if (head.settle.mode != SettleMode::kNone) PutBytes(head.settle.reason, out);
  if (!head.removes.empty()) PutIds(head.removes, out);
  if (!head.seen.empty()) PutIds(head.seen, out);
}

// `buffer` is emptied and reused: one allocation for a record.
absl::uint128 HashField(const RecordState& record, const FieldState& field, std::string* buffer) {
  if (field.heads.empty()) return 0;
  buffer->clear();
  buffer->push_back('F');
  PutUuid(record.id, buffer);
  PutVarint(record.kind, buffer);
  PutVarint(field.field, buffer);
  for (const Head& head : field.heads) PutHead(head, buffer);
  return Hash(*buffer);
}

}  // namespace

absl::StatusOr<Digest> Digest::FromBytes(absl::string_view bytes) {
  if (bytes.size() != 16) {
    return absl::InvalidArgumentError(
        absl::StrCat("digest: got ", bytes.size(), " bytes, wanted 16"));
  }
  Digest digest;
  digest.sum_ = FromBigEndian(reinterpret_cast<const unsigned char*>(bytes.data()));
  return digest;
}

std::string Digest::ToBytes() const {
  std::string out(16, '\0');
  for (int i = 0; i < 16; ++i) {
    out[static_cast<size_t>(15 - i)] =
        static_cast<char>(absl::Uint128Low64(sum_ >> (8 * i)) & 0xff);
  }
  return out;
}

void Digest::Add(const Digest& other) { sum_ += other.sum_; }
void Digest::Subtract(const Digest& other) { sum_ -= other.sum_; }

Digest DigestOf(const RecordState& record, const FieldState& field) {
  std::string buffer;
  Digest digest;
  digest.sum_ = HashField(record, field, &buffer);
  return digest;
}

Digest DigestOf(const RecordState& record) {
  std::string buffer;
  buffer.reserve(512);
  Digest digest;
  for (const FieldState& field : record.fields) digest.sum_ += HashField(record, field, &buffer);
  return digest;
}

Digest DigestOf(const CompartmentId& id, const Digest& digest) {
  if (digest.sum_ == 0) return digest;
  std::string buffer = "C";
  PutUuid(id.file, &buffer);
  PutVarint(id.tier, &buffer);
  buffer += digest.ToBytes();
  Digest out;
  out.sum_ = Hash(buffer);
  return out;
}

}  // namespace doorstep
