// A piece of an attachment, as it rests:
//
//   body := nonce:byte{24} XChaCha20-Poly1305(key, nonce, data, associated data)
//   associated data := 0x01 file:byte{16} sha256:byte{32} at:byte{8}
//                      (`at`: the place of the data's first byte, lowest byte first)
//
// So a chunk opens only where it belongs: nobody moves one to another place, attachment or file.
// The format is final.
#ifndef SYNC_BLOBS_CHUNK_H_
#define SYNC_BLOBS_CHUNK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/base/bytes.h"
#include "sync/base/entropy.h"

namespace doorstep {

inline constexpr size_t kSha256Bytes = 32;
inline constexpr size_t kChunkKeyBytes = 32;

// What an attachment is found by: its bytes, in one file. Never shared with another file.
struct BlobId {
  Uuid file;
  std::string sha256;  // 32 bytes

  auto operator<=>(const BlobId&) const = default;
  bool operator==(const BlobId&) const = default;
};

// `key`: 32 bytes.
std::string SealChunk(const BlobId& id, uint64_t at, absl::string_view data, absl::string_view key,
                      Entropy& entropy);
// kDataLoss: not what SealChunk wrote for this place with this key.
absl::StatusOr<std::string> OpenChunk(const BlobId& id, uint64_t at, absl::string_view body,
                                      absl::string_view key);

// A random key.
std::string NewChunkKey(Entropy& entropy);
// Sixteen bytes that tell keys apart and say nothing of them.
std::string NameOfKey(absl::string_view key);

// SHA-256, piece by piece.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void Add(absl::string_view bytes);
  // 32 bytes. Once, and nothing after it.
  std::string Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace doorstep

#endif  // SYNC_BLOBS_CHUNK_H_
