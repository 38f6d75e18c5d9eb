// What the server's hash chains (history.h, audit/audit.h) have in common.
#ifndef SERVER_CHAIN_H_
#define SERVER_CHAIN_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/base/bytes.h"
#include "sync/base/varint.h"

namespace doorstep::server {

inline constexpr size_t kChainHashBytes = 32;

// BLAKE2b-256.
std::string ChainHash(absl::string_view input);

// Parts of an entry. False: they are not there.
bool ReadText(ByteReader* reader, std::string* out);
bool ReadUuid(ByteReader* reader, Uuid* out);

// Where a chain ends, as people note it: "SEQUENCE:HASH".
std::string FormatChainEnd(uint64_t sequence, absl::string_view hash);

struct ChainEnd {
  uint64_t sequence = 0;
  std::string hash_hex;

  bool Is(absl::string_view hash) const { return ToHex(hash) == hash_hex; }
};

// kInvalidArgument names `option`.
absl::StatusOr<ChainEnd> ParseChainEnd(absl::string_view option, absl::string_view text);

}  // namespace doorstep::server

#endif  // SERVER_CHAIN_H_
