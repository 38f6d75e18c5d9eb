// One batch of a pull: what a device may see beyond a place, from one snapshot.
//
// Everything that a device may see stands in one order, by Place: (sequence, stage, compartment,
// inner, row). At one sequence come first a grant (stage 0, followed by the records that the
// compartment had by then), a loss or a withdrawal, then an outcome (stage 1), then the records
// that the unit touched last (stage 2), then what the unit did to values of the device's authors
// (stage 4). A record moves to a later place when it changes, so a walk that is cut and resumed
// misses nothing, and sees some records twice.
//
// A first pull walks compartment by compartment instead (stage 3), then what the site has lost and
// what was withdrawn, the device's outcomes and notices; what changes behind it is found by the
// normal pull that follows, from the head at which the first one began.
#ifndef SERVER_PULL_H_
#define SERVER_PULL_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "doorstep/v1/sync.pb.h"
#include "server/store.h"
#include "sync/base/limits.h"

namespace doorstep::server {

struct Place {
  uint64_t sequence = 0;
  uint32_t stage = 0;
  uint64_t compartment = 0;
  uint64_t inner = 0;
  uint64_t row = 0;

  auto operator<=>(const Place&) const = default;
};

// Stages, and the end of everything at a sequence.
inline constexpr uint32_t kStageMembership = 0;
inline constexpr uint32_t kStageOutcome = 1;
inline constexpr uint32_t kStageRecord = 2;
inline constexpr uint32_t kStageFirst = 3;
inline constexpr uint32_t kStageNotice = 4;
inline constexpr uint32_t kStageEnd = 9;

struct PullQuestion {
  Uuid device;
  std::string site;
  uint64_t cursor = 0;  // the applied checkpoint
  bool first = false;
  uint64_t first_from = 0;  // 0: this is the first batch
  bool resumed = false;     // `position` counts
  Place position;
  bool accept_zstd = false;
  bool with_compartment_digests = false;
  size_t max_bytes = kMaxPullBatchBytes;  // of rows before compression
  size_t max_items = kMaxPullBatchItems;
};

// Fills everything of a batch but the server's time. Errors for the caller are marked (errors.h):
// kFailedPrecondition for a cursor or position beyond the head.
absl::StatusOr<v1::PullBatch> PullOneBatch(ReadView& view, const PullQuestion& question);

}  // namespace doorstep::server

#endif  // SERVER_PULL_H_
