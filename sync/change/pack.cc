#include "sync/change/pack.h"

#include <zstd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "doorstep/v1/sync.pb.h"
#include "google/protobuf/message_lite.h"

namespace doorstep {
namespace {

// Fast enough to stay below the cost of the database on both sides; higher levels gain little on
// batches of this size.
constexpr int kLevel = 3;
// Below this nothing is gained.
constexpr size_t kMinCompressBytes = 128;

absl::Status Invalid(absl::string_view got, absl::string_view wanted) {
  return absl::InvalidArgumentError(absl::StrCat("packed: got ", got, ", wanted ", wanted));
}

absl::StatusOr<std::string> Decompress(const v1::Packed& packed) {
  std::string raw(packed.raw_size(), '\0');
  const size_t size =
      ZSTD_decompress(raw.data(), raw.size(), packed.data().data(), packed.data().size());
  if (ZSTD_isError(size)) {
    return Invalid(ZSTD_getErrorName(size),
                   absl::StrCat("zstd frames of ", raw.size(), " bytes in all"));
  }
  if (size != raw.size()) {
    return Invalid(absl::StrCat(size, " bytes"), absl::StrCat("the ", raw.size(), " claimed"));
  }
  return raw;
}

}  // namespace

void Pack(const google::protobuf::MessageLite& message, bool compress, v1::Packed* packed) {
  packed->Clear();
  std::string raw = message.SerializeAsString();
  packed->set_raw_size(static_cast<uint32_t>(raw.size()));
  if (compress && raw.size() >= kMinCompressBytes) {
    std::string out(ZSTD_compressBound(raw.size()), '\0');
    const size_t size = ZSTD_compress(out.data(), out.size(), raw.data(), raw.size(), kLevel);
    if (!ZSTD_isError(size) && size < raw.size()) {
      out.resize(size);
      packed->set_compression(v1::ZSTD);
      packed->set_data(std::move(out));
      return;
    }
  }
  packed->set_data(std::move(raw));
}

absl::Status Unpack(const v1::Packed& packed, size_t max_raw_bytes,
                    google::protobuf::MessageLite* message) {
  if (packed.raw_size() > max_raw_bytes) {
    return Invalid(absl::StrCat("raw_size ", packed.raw_size()),
                   absl::StrCat("at most ", max_raw_bytes));
  }
  std::string decompressed;
  const std::string* raw = &packed.data();
  switch (packed.compression()) {
    case v1::COMPRESSION_UNSPECIFIED:
      if (raw->size() != packed.raw_size()) {
        return Invalid(absl::StrCat(raw->size(), " bytes"),
                       absl::StrCat("the ", packed.raw_size(), " claimed"));
      }
      break;
    case v1::ZSTD: {
      absl::StatusOr<std::string> result = Decompress(packed);
      if (!result.ok()) return result.status();
      decompressed = *std::move(result);
      raw = &decompressed;
      break;
    }
    default:
      return Invalid(absl::StrCat("compression ", packed.compression()), "none or ZSTD");
  }
  if (!message->ParseFromString(*raw)) {
    return Invalid("bytes that do not parse", absl::StrCat("a ", message->GetTypeName()));
  }
  return absl::OkStatus();
}

}  // namespace doorstep
