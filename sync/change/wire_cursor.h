// A place in a serialized message. Everything that reads wire bytes reads them through this;
// inline, because bulk sync comes through here for every field of every record.
//
//   message := entry*
//   entry   := tag payload          tag := varint of (number << 3 | type), number 1..2^29-1
//   payload := varint               type 0
//            | byte{8}              type 1, little-endian
//            | length byte{length}  type 2
//            | byte{4}              type 5, little-endian
//
// Varints only in their shortest form; types 3 and 4 (groups) and above are refused.
#ifndef SYNC_CHANGE_WIRE_CURSOR_H_
#define SYNC_CHANGE_WIRE_CURSOR_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace doorstep {

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct WireField {
  uint32_t field = 0;
  WireType type = WireType::kVarint;
  uint64_t number = 0;      // kVarint, kFixed64, kFixed32
  absl::string_view body;   // kBytes: without tag and length
  absl::string_view bytes;  // all of it
};

class WireCursor {
 public:
  explicit WireCursor(absl::string_view message)
      : begin_(message.data()), at_(begin_), end_(begin_ + message.size()) {}

  bool done() const { return at_ == end_; }
  // Where it stands, or where it failed.
  size_t offset() const { return static_cast<size_t>(at_ - begin_); }

  // The next entry. False, standing where it stood, when the bytes are no entry.
  [[nodiscard]] bool Next(WireField* out) {
    const char* start = at_;
    if (ReadEntry(out)) {
      out->bytes = absl::string_view(start, static_cast<size_t>(at_ - start));
      return true;
    }
    at_ = start;
    return false;
  }

  // The next varint (of a packed field). May stand anywhere after false.
  [[nodiscard]] bool ReadVarint(uint64_t* out) {
    if (at_ == end_) return false;
    const uint8_t first = static_cast<uint8_t>(*at_);
    if (first < 0x80) {
      *out = first;
      ++at_;
      return true;
    }
    return ReadLongVarint(out);
  }

 private:
  bool ReadLongVarint(uint64_t* out) {
    uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (at_ == end_) return false;
      const uint8_t byte = static_cast<uint8_t>(*at_++);
      if (shift == 63 && byte > 1) return false;
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) {
        *out = value;
        return byte != 0;  // a last byte of 0 is not the shortest form
      }
    }
    return false;
  }

  bool ReadFixed(size_t size, uint64_t* out) {
    if (static_cast<size_t>(end_ - at_) < size) return false;
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i) {
      value |= static_cast<uint64_t>(static_cast<uint8_t>(at_[i])) << (8 * i);
    }
    at_ += size;
    *out = value;
    return true;
  }

  bool ReadEntry(WireField* out) {
    uint64_t tag = 0;
    if (!ReadVarint(&tag) || tag > 0xffffffffu || (tag >> 3) == 0) return false;
    out->field = static_cast<uint32_t>(tag >> 3);
    out->type = static_cast<WireType>(tag & 7);
    switch (out->type) {
      case WireType::kVarint:
        return ReadVarint(&out->number);
      case WireType::kFixed64:
        return ReadFixed(8, &out->number);
      case WireType::kFixed32:
        return ReadFixed(4, &out->number);
      case WireType::kBytes: {
        uint64_t length = 0;
        if (!ReadVarint(&length) || length > static_cast<size_t>(end_ - at_)) return false;
        out->body = absl::string_view(at_, static_cast<size_t>(length));
        at_ += length;
        return true;
      }
    }
    return false;
  }

  const char* begin_;
  const char* at_;
  const char* end_;
};

}  // namespace doorstep

#endif  // SYNC_CHANGE_WIRE_CURSOR_H_
