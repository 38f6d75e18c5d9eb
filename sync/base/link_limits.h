// The bounds that fit transfers to a link, with unit and reason; apart from limits.h, because few
// files need them.
#ifndef SYNC_BASE_LINK_LIMITS_H_
#define SYNC_BASE_LINK_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "sync/base/limits.h"

namespace doorstep {

// Bytes, before compression, with which pushes of a sync and batches of a pull begin; twice as many
// each time while that goes well. Some seconds at 32 kbit/s: what arrives whole is kept, so even a
// link that is cut every 20 seconds gets on.
inline constexpr size_t kFirstTransferBytes = 16 * kKiB;
// A push that was answered sooner lets the next be twice as large, and one that took longer half.
inline constexpr int64_t kQuickExchangeMs = 4'000;
inline constexpr int64_t kSlowExchangeMs = 10'000;
// The slowest link that counts as one: deadlines leave a message the time that it takes at this
// speed. Half of 32 kbit/s, because a link that loses packets sends many twice.
inline constexpr size_t kSlowestBytesPerSecond = 2 * kKiB;
// Waiting units, and bytes of them, that are put first with a safety-critical one because it stands
// on them. They are read while somebody waits for their save; with more it goes in its turn.
inline constexpr size_t kMaxUnitsBeneath = 256;
inline constexpr size_t kMaxBytesBeneath = 4 * kMiB;

}  // namespace doorstep

#endif  // SYNC_BASE_LINK_LIMITS_H_
