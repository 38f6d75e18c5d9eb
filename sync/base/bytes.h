// Identifiers and hexadecimal text.
//
// A Uuid is sixteen bytes in network order; its byte order is its sort order, which for version 7
// is also (to the millisecond) the order of minting. Everything here is a value, safe to use from
// any thread.
#ifndef SYNC_BASE_BYTES_H_
#define SYNC_BASE_BYTES_H_

#include <array>
#include <compare>
#include <cstdint>
#include <ostream>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace doorstep {

struct Uuid {
  std::array<uint8_t, 16> b{};

  auto operator<=>(const Uuid&) const = default;
  bool operator==(const Uuid&) const = default;

  // All zero: "none". Never minted.
  bool IsNil() const;

  // Lower case, 8-4-4-4-12.
  std::string ToString() const;

  // The sixteen bytes; a view into this object.
  absl::string_view AsBytes() const;

  // Reads 8-4-4-4-12 in either case, of any version. kInvalidArgument for any other form (no
  // braces, no "urn:", no bare 32 digits), so that one id has one spelling after ToString().
  static absl::StatusOr<Uuid> Parse(absl::string_view text);

  // kInvalidArgument unless `bytes` is sixteen long.
  static absl::StatusOr<Uuid> FromBytes(absl::string_view bytes);

  template <typename H>
  friend H AbslHashValue(H h, const Uuid& u) {
    return H::combine_contiguous(std::move(h), u.b.data(), u.b.size());
  }

  // For test messages and logs.
  friend std::ostream& operator<<(std::ostream& os, const Uuid& u) { return os << u.ToString(); }
};

// Two lower-case digits per byte.
std::string ToHex(absl::string_view bytes);

// Accepts either case. kInvalidArgument for an odd length or any other character.
absl::StatusOr<std::string> FromHex(absl::string_view text);

}  // namespace doorstep

#endif  // SYNC_BASE_BYTES_H_
