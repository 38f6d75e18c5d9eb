// Variable-length integers and length-prefixed bytes, for compact blobs.
//
//   varint := LEB128 of a uint64: seven bits per byte, low first, high bit set on all but the last;
//             1..10 bytes, and only the shortest form of a value is accepted
//   signed := varint of the zigzag of an int64 (0, -1, 1, -2, … → 0, 1, 2, 3, …)
//   bytes  := length:varint byte{length}
//
// One value has one encoding, so blobs can be hashed and compared.
#ifndef SYNC_BASE_VARINT_H_
#define SYNC_BASE_VARINT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace doorstep {

// Each appends to *out.
void PutVarint(uint64_t value, std::string* out);
void PutSigned(int64_t value, std::string* out);
void PutBytes(absl::string_view bytes, std::string* out);

// Reads what the functions above wrote, from bytes that nobody vouches for. Every Read* returns
// false, and then consumes nothing and leaves *out alone, when the input is truncated, over-long,
// or overflows. Never reads past the end and never allocates. The views that it returns point into
// the input, which must outlive them.
class ByteReader {
 public:
  explicit ByteReader(absl::string_view input) : rest_(input) {}

  [[nodiscard]] bool ReadVarint(uint64_t* out);
  [[nodiscard]] bool ReadSigned(int64_t* out);
  // A length and that many bytes.
  [[nodiscard]] bool ReadBytes(absl::string_view* out);
  // Exactly n bytes, without a length.
  [[nodiscard]] bool ReadRaw(size_t n, absl::string_view* out);

  bool empty() const { return rest_.empty(); }
  // What has not been read yet.
  absl::string_view rest() const { return rest_; }

 private:
  absl::string_view rest_;
};

}  // namespace doorstep

#endif  // SYNC_BASE_VARINT_H_
