#include "sync/base/varint.h"

namespace doorstep {
namespace {

constexpr size_t kMaxVarintBytes = 10;  // 64 bits, seven at a time

}  // namespace

void PutVarint(uint64_t value, std::string* out) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

void PutSigned(int64_t value, std::string* out) {
  const auto bits = static_cast<uint64_t>(value);
  PutVarint(value < 0 ? ~(bits << 1) : bits << 1, out);
}

void PutBytes(absl::string_view bytes, std::string* out) {
  PutVarint(bytes.size(), out);
  out->append(bytes.data(), bytes.size());
}

bool ByteReader::ReadVarint(uint64_t* out) {
  uint64_t value = 0;
  for (size_t i = 0; i < kMaxVarintBytes && i < rest_.size(); ++i) {
    const auto byte = static_cast<uint8_t>(rest_[i]);
    if (i == kMaxVarintBytes - 1 && byte > 1) return false;  // more than 64 bits
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte >= 0x80) continue;
    if (byte == 0 && i > 0) return false;  // a shorter form exists
    rest_.remove_prefix(i + 1);
    *out = value;
    return true;
  }
  return false;
}

bool ByteReader::ReadSigned(int64_t* out) {
  uint64_t bits;
  if (!ReadVarint(&bits)) return false;
  *out = static_cast<int64_t>((bits & 1) != 0 ? ~(bits >> 1) : bits >> 1);
  return true;
}

bool ByteReader::ReadBytes(absl::string_view* out) {
  ByteReader ahead(rest_);
  uint64_t size;
  if (!ahead.ReadVarint(&size) || size > ahead.rest_.size()) return false;
  *out = ahead.rest_.substr(0, size);
  rest_ = ahead.rest_.substr(size);
  return true;
}

bool ByteReader::ReadRaw(size_t n, absl::string_view* out) {
  if (n > rest_.size()) return false;
  *out = rest_.substr(0, n);
  rest_.remove_prefix(n);
  return true;
}

}  // namespace doorstep
