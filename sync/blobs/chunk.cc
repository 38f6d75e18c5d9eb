#include "sync/blobs/chunk.h"

#include <sodium.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace doorstep {
namespace {

constexpr char kVersion = 0x01;
constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr size_t kKeyNameBytes = 16;
constexpr int kPlaceBytes = 8;
constexpr int kByteBits = 8;
static_assert(kChunkKeyBytes == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(kSha256Bytes == crypto_hash_sha256_BYTES);

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(std::string* text) { return reinterpret_cast<unsigned char*>(text->data()); }

std::string Associated(const BlobId& id, uint64_t at) {
  std::string out = absl::StrCat(absl::string_view(&kVersion, 1), id.file.AsBytes(), id.sha256);
  for (int i = 0; i < kPlaceBytes; ++i) out.push_back(static_cast<char>(at >> (kByteBits * i)));
  return out;
}

std::string RandomBytes(Entropy& entropy, size_t size) {
  std::string bytes(size, '\0');
  entropy.Fill(absl::MakeSpan(Bytes(&bytes), size));
  return bytes;
}

}  // namespace

std::string SealChunk(const BlobId& id, uint64_t at, absl::string_view data, absl::string_view key,
                      Entropy& entropy) {
  const std::string nonce = RandomBytes(entropy, kNonceBytes);
  const std::string associated = Associated(id, at);
  std::string body = nonce;
  body.resize(kNonceBytes + data.size() + kTagBytes);
  unsigned long long size = 0;
  crypto_aead_xchacha20poly1305_ietf_encrypt(Bytes(&body) + kNonceBytes, &size, Bytes(data),
                                             data.size(), Bytes(associated), associated.size(),
                                             nullptr, Bytes(nonce), Bytes(key));
  return body;
}

absl::StatusOr<std::string> OpenChunk(const BlobId& id, uint64_t at, absl::string_view body,
                                      absl::string_view key) {
  if (key.size() != kChunkKeyBytes) return absl::DataLossError("a chunk: its key is gone");
  if (body.size() < kNonceBytes + kTagBytes) return absl::DataLossError("a chunk: too short");
  const std::string associated = Associated(id, at);
  const absl::string_view sealed = body.substr(kNonceBytes);
  std::string data(sealed.size() - kTagBytes, '\0');
  unsigned long long size = 0;
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(Bytes(&data), &size, nullptr, Bytes(sealed),
                                                 sealed.size(), Bytes(associated),
                                                 associated.size(), Bytes(body), Bytes(key)) != 0) {
    return absl::DataLossError("a chunk: altered, or of another key");
  }
  return data;
}

std::string NewChunkKey(Entropy& entropy) { return RandomBytes(entropy, kChunkKeyBytes); }

std::string NameOfKey(absl::string_view key) {
  std::string name(kKeyNameBytes, '\0');
  const absl::string_view input = "doorstep attachment key";
  // Cannot fail: both lengths are within the function's bounds.
  crypto_generichash(Bytes(&name), name.size(), Bytes(input), input.size(), Bytes(key), key.size());
  return name;
}

struct Sha256::State {
  crypto_hash_sha256_state sodium;
};

Sha256::Sha256() : state_(std::make_unique<State>()) { crypto_hash_sha256_init(&state_->sodium); }
Sha256::~Sha256() = default;

void Sha256::Add(absl::string_view bytes) {
  crypto_hash_sha256_update(&state_->sodium, Bytes(bytes), bytes.size());
}

std::string Sha256::Finish() {
  std::string hash(kSha256Bytes, '\0');
  crypto_hash_sha256_final(&state_->sodium, Bytes(&hash));
  return hash;
}

}  // namespace doorstep
