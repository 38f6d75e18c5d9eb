#include "sync/base/entropy.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace doorstep {
namespace {

class KernelEntropy : public Entropy {
 public:
  void Fill(absl::Span<uint8_t> out) override {
    while (!out.empty()) {
      const ssize_t got = getrandom(out.data(), out.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        // Ids and keys that are not random would corrupt data quietly: stopping is the lesser evil.
        std::perror("getrandom");
        std::abort();
      }
      out.remove_prefix(static_cast<size_t>(got));
    }
  }
};

uint64_t Rotate(uint64_t x, int k) { return x << k | x >> (64 - k); }

uint64_t SplitMix(uint64_t* state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

// Writes version and variant (RFC 9562, 4.1 and 4.2) over random bits.
void Stamp(uint8_t version, Uuid* uuid) {
  uuid->b[6] = static_cast<uint8_t>((uuid->b[6] & 0x0f) | version << 4);
  uuid->b[8] = static_cast<uint8_t>((uuid->b[8] & 0x3f) | 0x80);
}

}  // namespace

Entropy* SystemEntropy() {
  static KernelEntropy* const entropy = new KernelEntropy;
  return entropy;
}

SeededEntropy::SeededEntropy(uint64_t seed) {
  for (uint64_t& word : state_) word = SplitMix(&seed);
}

uint64_t SeededEntropy::NextLocked() {
  std::array<uint64_t, 4>& s = state_;
  const uint64_t result = Rotate(s[1] * 5, 7) * 9;
  const uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = Rotate(s[3], 45);
  return result;
}

uint64_t SeededEntropy::Next() {
  MutexLock lock(mu_);
  return NextLocked();
}

uint64_t SeededEntropy::Below(uint64_t n) {
  MutexLock lock(mu_);
  if (n <= 1) return 0;
  // The first `skip` values would make the low remainders more frequent.
  const uint64_t skip = (0 - n) % n;
  uint64_t value = NextLocked();
  while (value < skip) value = NextLocked();
  return value % n;
}

void SeededEntropy::Fill(absl::Span<uint8_t> out) {
  MutexLock lock(mu_);
  while (!out.empty()) {
    uint64_t word = NextLocked();
    const size_t count = std::min<size_t>(out.size(), sizeof(word));
    for (size_t i = 0; i < count; ++i, word >>= 8) out[i] = static_cast<uint8_t>(word);
    out.remove_prefix(count);
  }
}

Uuid NewUuidV7(int64_t wall_ms, Entropy& entropy) {
  constexpr int64_t kMaxMs = (int64_t{1} << 48) - 1;
  const auto ms = static_cast<uint64_t>(std::clamp<int64_t>(wall_ms, 0, kMaxMs));
  Uuid uuid;
  for (size_t i = 0; i < 6; ++i) uuid.b[i] = static_cast<uint8_t>(ms >> (8 * (5 - i)));
  entropy.Fill(absl::MakeSpan(uuid.b).subspan(6));
  Stamp(7, &uuid);
  return uuid;
}

Uuid NewUuidV4(Entropy& entropy) {
  Uuid uuid;
  entropy.Fill(absl::MakeSpan(uuid.b));
  Stamp(4, &uuid);
  return uuid;
}

}  // namespace doorstep
