#include "server/chain_hash.h"

#include <sodium.h>

#include <string>

namespace doorstep::server {

std::string ChainHash(absl::string_view input) {
  std::string hash(kChainHashBytes, '\0');
  // Cannot fail: the length is within the function's bounds and there is no key.
  crypto_generichash(reinterpret_cast<unsigned char*>(hash.data()), hash.size(),
                     reinterpret_cast<const unsigned char*>(input.data()), input.size(), nullptr,
                     0);
  return hash;
}

}  // namespace doorstep::server
