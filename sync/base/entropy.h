// Randomness, and the identifiers made of it. This is the only place that makes entropy.
#ifndef SYNC_BASE_ENTROPY_H_
#define SYNC_BASE_ENTROPY_H_

#include <array>
#include <cstdint>

#include "absl/types/span.h"
#include "sync/base/bytes.h"
#include "sync/base/mutex.h"

namespace doorstep {

// Thread-safe.
class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual void Fill(absl::Span<uint8_t> out) = 0;
};

// The kernel's, fit for keys. Never null, never destroyed. Waits until the kernel's pool is ready
// (only in the first moments of a machine); ends the process if the kernel has no source at all.
Entropy* SystemEntropy();

// The same bytes for the same seed on every machine and compiler (xoshiro256** seeded by
// splitmix64). Predictable: for tests and the simulator only.
class SeededEntropy : public Entropy {
 public:
  explicit SeededEntropy(uint64_t seed);

  void Fill(absl::Span<uint8_t> out) override;

  // The next eight bytes as a number.
  uint64_t Next();
  // Evenly from [0, n); n must be positive.
  uint64_t Below(uint64_t n);

 private:
  uint64_t NextLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Mutex mu_;
  std::array<uint64_t, 4> state_ ABSL_GUARDED_BY(mu_);
};

// RFC 9562 version 7: 48 bits of milliseconds (a `wall_ms` outside them is clamped), 74 random
// bits. Ids of one millisecond are in no particular order: order is the business of counters, not
// of ids.
Uuid NewUuidV7(int64_t wall_ms, Entropy& entropy);

// RFC 9562 version 4: 122 random bits, and nothing that tells when.
Uuid NewUuidV4(Entropy& entropy);

}  // namespace doorstep

#endif  // SYNC_BASE_ENTROPY_H_
