// The hash that the server's chains (history.h, audit/audit.h) are made of.
#ifndef SERVER_CHAIN_HASH_H_
#define SERVER_CHAIN_HASH_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace doorstep::server {

inline constexpr size_t kChainHashBytes = 32;

// BLAKE2b-256.
std::string ChainHash(absl::string_view input);

}  // namespace doorstep::server

#endif  // SERVER_CHAIN_HASH_H_
