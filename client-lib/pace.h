// When a background sync tries again: a decision without clock, thread or chance of its own.
#ifndef CLIENT_LIB_PACE_H_
#define CLIENT_LIB_PACE_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "doorstep/sync_loop.h"

namespace doorstep::client {

// After the n-th failure in a row: kFirstWaitMs · 2^(n-1), at most kMaxWaitMs, the second half of
// it by chance.
inline constexpr int64_t kFirstWaitMs = 1'000;
inline constexpr int64_t kMaxWaitMs = 5 * 60'000;
// A link that costs money, or the last of a battery, is not tried as often.
inline constexpr int64_t kMaxSparingWaitMs = 30 * 60'000;
// Somebody may come to harm by what waits.
inline constexpr int64_t kMaxUrgentWaitMs = 60'000;
// A server that asks for more is not believed.
inline constexpr int64_t kMaxServerWaitMs = 60 * 60'000;
// What somebody saves within this time goes together.
inline constexpr int64_t kGatherMs = 300;
inline constexpr int64_t kSparingGatherMs = 5 * 60'000;
// Even if nobody says that anything changed.
inline constexpr int64_t kIdleMs = 15 * 60'000;

struct Situation {
  int failures = 0;            // attempts in a row that failed
  int64_t server_wait_ms = 0;  // the server asked for so much; 0: it did not
  bool changed = false;        // here or on the server, since the last attempt that succeeded
  bool urgent = false;         // own changes of safety-critical fields wait
  SyncHints hints;
};

struct Pace {
  int64_t wait_ms = 0;  // from the end of the last attempt, or from the change
  bool watch = false;   // keep a connection meanwhile, to be told
};

// `random`: evenly from all numbers; the same for one wait, however often it is decided anew.
Pace Decide(const Situation& situation, uint64_t random);

// Bytes of the next transfer, after one of `bytes` that took so long: twice as many while that goes
// well, half where a cut would cost too much; from kFirstTransferBytes to `most`.
size_t TransferFor(size_t bytes, int64_t took_ms, size_t most);

// Whether trying again may help.
bool IsPassing(const absl::Status& status);
// What the server asked for, by the payload; 0: nothing.
int64_t RetryAfterMs(const absl::Status& status);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_PACE_H_
