#include "server/chain.h"

#include <sodium.h>

#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "sync/base/status.h"

namespace doorstep::server {

std::string ChainHash(absl::string_view input) {
  std::string hash(kChainHashBytes, '\0');
  // Cannot fail: the length is within the function's bounds and there is no key.
  crypto_generichash(reinterpret_cast<unsigned char*>(hash.data()), hash.size(),
                     reinterpret_cast<const unsigned char*>(input.data()), input.size(), nullptr,
                     0);
  return hash;
}

bool ReadText(ByteReader* reader, std::string* out) {
  absl::string_view bytes;
  if (!reader->ReadBytes(&bytes)) return false;
  *out = std::string(bytes);
  return true;
}

bool ReadUuid(ByteReader* reader, Uuid* out) {
  absl::string_view bytes;
  if (!reader->ReadRaw(out->b.size(), &bytes)) return false;
  const absl::StatusOr<Uuid> id = Uuid::FromBytes(bytes);
  if (!id.ok()) return false;
  *out = *id;
  return true;
}

std::string FormatChainEnd(uint64_t sequence, absl::string_view hash) {
  return absl::StrCat(sequence, ":", ToHex(hash));
}

absl::StatusOr<ChainEnd> ParseChainEnd(absl::string_view option, absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  ChainEnd end;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &end.sequence)) {
    return InvalidField(option, text, "SEQUENCE:HASH, as it was printed");
  }
  end.hash_hex = std::string(parts[1]);
  return end;
}

}  // namespace doorstep::server
