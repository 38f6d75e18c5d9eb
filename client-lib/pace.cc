#include "client-lib/pace.h"

#include <algorithm>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "sync/base/link_limits.h"

namespace doorstep::client {
namespace {

// From `whole` to whole + whole/parts.
int64_t AndSome(int64_t whole, int64_t parts, uint64_t random) {
  return whole + static_cast<int64_t>(random % static_cast<uint64_t>(whole / parts + 1));
}

int64_t BackOff(int failures, int64_t most, uint64_t random) {
  int64_t wait = kFirstWaitMs;
  for (int i = 1; i < failures && wait < most; ++i) wait *= 2;
  wait = std::min(wait, most);
  return AndSome(wait / 2, 1, random);
}

}  // namespace

Pace Decide(const Situation& situation, uint64_t random) {
  const SyncHints& hints = situation.hints;
  const bool sparing = (hints.metered || hints.battery_low) && !situation.urgent;
  if (situation.server_wait_ms > 0) {
    return {AndSome(std::min(situation.server_wait_ms, kMaxServerWaitMs), 4, random), false};
  }
  // The system may be wrong about the network, so it is tried now and then.
  if (!hints.online) return {AndSome(kIdleMs, 4, random), false};
  if (situation.failures > 0) {
    const int64_t most = situation.urgent ? kMaxUrgentWaitMs
                         : sparing        ? kMaxSparingWaitMs
                                          : kMaxWaitMs;
    return {BackOff(situation.failures, most, random), false};
  }
  // A connection that is kept costs as much whether or not something urgent waits.
  const bool watch = !hints.metered && !hints.battery_low;
  if (situation.changed) return {sparing ? kSparingGatherMs : kGatherMs, watch};
  return {AndSome(sparing ? 2 * kIdleMs : kIdleMs, 4, random), watch};
}

size_t TransferFor(size_t bytes, int64_t took_ms, size_t most) {
  if (took_ms < kQuickExchangeMs) return std::min(bytes * 2, most);
  if (took_ms > kSlowExchangeMs) return std::max(bytes / 2, kFirstTransferBytes);
  return bytes;
}

bool IsPassing(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kAborted:  // another process syncs this replica now
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
      return true;
    default:
      return false;
  }
}

int64_t RetryAfterMs(const absl::Status& status) {
  const auto payload = status.GetPayload(kRetryAfterPayload);
  int64_t ms = 0;
  if (!payload || !absl::SimpleAtoi(std::string(*payload), &ms) || ms < 0) return 0;
  return ms;
}

}  // namespace doorstep::client
