// When a background sync tries again.
#include "client-lib/pace.h"

#include <algorithm>
#include <cstdint>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "gtest/gtest.h"
#include "sync/base/entropy.h"

namespace doorstep::client {
namespace {

// The shortest and the longest wait of many.
struct Range {
  int64_t least = INT64_MAX, most = 0;
  size_t different = 0;
};

Range Waits(const Situation& situation) {
  SeededEntropy random(7);
  Range range;
  std::set<int64_t> waits;
  for (int i = 0; i < 2'000; ++i) {
    const int64_t wait = Decide(situation, random.Next()).wait_ms;
    range.least = std::min(range.least, wait);
    range.most = std::max(range.most, wait);
    waits.insert(wait);
  }
  range.different = waits.size();
  return range;
}

Situation Failed(int failures) {
  Situation situation;
  situation.failures = failures;
  return situation;
}

TEST(Pace, WaitsDoubleAndAreBounded) {
  const int64_t wanted[] = {1'000, 2'000, 4'000, 8'000, 16'000, 32'000, 64'000, 128'000, 256'000};
  for (int failures = 1; failures <= 9; ++failures) {
    const Range range = Waits(Failed(failures));
    EXPECT_LE(range.most, wanted[failures - 1]) << failures;
    EXPECT_GE(range.least, wanted[failures - 1] / 2) << failures;
    // A thousand tablets do not come back at once.
    EXPECT_GT(range.different, 400u) << failures;
  }
  for (const int failures : {10, 40, 100, 2'000'000'000}) {
    EXPECT_LE(Waits(Failed(failures)).most, kMaxWaitMs);
    EXPECT_GT(Waits(Failed(failures)).most, kMaxWaitMs * 9 / 10);
    EXPECT_GE(Waits(Failed(failures)).least, kMaxWaitMs / 2);
  }
  EXPECT_FALSE(Decide(Failed(1), 0).watch);
}

TEST(Pace, WhatTheServerAsksForCountsMore) {
  Situation situation = Failed(1);
  situation.urgent = true;
  situation.server_wait_ms = 90'000;
  EXPECT_GE(Waits(situation).least, 90'000);
  EXPECT_LE(Waits(situation).most, 90'000 * 5 / 4);
  situation.server_wait_ms = INT64_MAX;
  EXPECT_GE(Waits(situation).least, kMaxServerWaitMs);
  EXPECT_LE(Waits(situation).most, kMaxServerWaitMs * 5 / 4);
}

TEST(Pace, ALinkThatCostsIsSpared) {
  for (const bool battery : {false, true}) {
    Situation situation;
    situation.hints.metered = !battery;
    situation.hints.battery_low = battery;
    EXPECT_FALSE(Decide(situation, 0).watch) << "a connection is kept";
    EXPECT_GE(Waits(situation).least, 2 * kIdleMs);
    situation.changed = true;
    EXPECT_EQ(Decide(situation, 0).wait_ms, kSparingGatherMs);
    situation.urgent = true;
    EXPECT_EQ(Decide(situation, 0).wait_ms, kGatherMs) << "what is safety-critical goes at once";
    EXPECT_FALSE(Decide(situation, 0).watch);
    situation.failures = 30;
    EXPECT_LE(Waits(situation).most, kMaxUrgentWaitMs);
    situation.urgent = false;
    EXPECT_GT(Waits(situation).least, kMaxWaitMs);
    EXPECT_LE(Waits(situation).most, kMaxSparingWaitMs);
  }
}

TEST(Pace, AGoodLinkIsUsed) {
  EXPECT_TRUE(Decide({}, 0).watch);
  EXPECT_GE(Waits({}).least, kIdleMs);
  EXPECT_LE(Waits({}).most, kIdleMs * 5 / 4);
  Situation changed;
  changed.changed = true;
  EXPECT_TRUE(Decide(changed, 0).watch);
  EXPECT_EQ(Decide(changed, 0).wait_ms, kGatherMs);
  changed.hints.online = false;
  EXPECT_FALSE(Decide(changed, 0).watch);
  EXPECT_GE(Waits(changed).least, kIdleMs) << "there is no network";
}

TEST(Pace, WhichErrorsPass) {
  EXPECT_TRUE(IsPassing(absl::UnavailableError("no link")));
  EXPECT_TRUE(IsPassing(absl::AbortedError("another process syncs")));
  EXPECT_TRUE(IsPassing(absl::InternalError("the server stumbled")));
  EXPECT_FALSE(IsPassing(absl::PermissionDeniedError("a lost device")));
  EXPECT_FALSE(IsPassing(absl::DataLossError("damaged")));
  EXPECT_FALSE(IsPassing(absl::FailedPreconditionError("another server")));
  EXPECT_FALSE(IsPassing(absl::InvalidArgumentError("server: got nowhere")));

  absl::Status status = absl::UnavailableError("busy");
  EXPECT_EQ(RetryAfterMs(status), 0);
  for (const char* nonsense : {"", "soon", "-5", "1e3", "99999999999999999999"}) {
    status.SetPayload(kRetryAfterPayload, absl::Cord(nonsense));
    EXPECT_EQ(RetryAfterMs(status), 0) << nonsense;
  }
  status.SetPayload(kRetryAfterPayload, absl::Cord("1500"));
  EXPECT_EQ(RetryAfterMs(status), 1'500);
}

}  // namespace
}  // namespace doorstep::client
