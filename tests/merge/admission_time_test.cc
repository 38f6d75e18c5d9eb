// When a change happened: what honest devices with bad clocks get, and what dishonest ones do not.
#include "sync/merge/admission_time.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <ostream>
#include <vector>

#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"
#include "sync/base/clock.h"
#include "sync/change/state.h"

namespace doorstep {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kNoBase = kMin;
constexpr int64_t kMinute = 60'000;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;

// 2026-11-22T09:00:00Z, and the tablet's idea of it.
constexpr int64_t kNow = 1'795'338'000'000;
constexpr int64_t kYear2019 = 1'546'300'800'000;

// A device and the true time beside it.
class Tablet {
 public:
  explicit Tablet(int64_t wall_ms) : clock_(wall_ms) {}

  void Pass(int64_t ms) {
    true_ms_ += ms;
    clock_.Advance(ms);
  }
  // Switched off for `ms`; a clock without a battery starts again at `wall_ms`.
  void Restart(int64_t ms, int64_t wall_ms) {
    true_ms_ += ms;
    clock_.Reboot();
    clock_.SetWall(wall_ms);
  }
  void SetWall(int64_t wall_ms) { clock_.SetWall(wall_ms); }
  void Contact() {
    contact_ms_ = true_ms_;
    contact_ = clock_.Read();
  }

  Stamp Edit() {
    const ClockReading now = clock_.Read();
    Stamp stamp;
    stamp.wall_ms = now.wall_ms;
    stamp.boot = now.boot;
    stamp.mono_ms = now.mono_ms;
    stamp.contact_ms = contact_ms_;
    stamp.contact_mono_ms = contact_.mono_ms;
    stamp.contact_boot = contact_.boot;
    return stamp;
  }
  AdmissionTime Push(const Stamp& stamp, int64_t latest_base_ms = kNoBase) {
    return Admit(stamp, clock_.Read(), true_ms_, latest_base_ms);
  }
  int64_t now() const { return true_ms_; }

 private:
  int64_t true_ms_ = kNow;
  int64_t contact_ms_ = 0;
  ClockReading contact_;
  ManualClock clock_;
};

void ExpectTime(const AdmissionTime& got, int64_t time_ms, TimeSource source) {
  EXPECT_EQ(got.time_ms, time_ms);
  EXPECT_EQ(got.source, source);
}

TEST(AdmissionTimeTest, ATabletAt2019LosesNothingAndWinsNothing) {
  Tablet tablet(kYear2019);
  tablet.Contact();
  tablet.Pass(kHour);
  const int64_t truth = tablet.now();
  const Stamp stamp = tablet.Edit();
  tablet.Pass(5 * kHour);
  const AdmissionTime got = tablet.Push(stamp);
  ExpectTime(got, truth, TimeSource::kSameBoot);
  EXPECT_LE(got.uncertainty_ms, 2 * kMinute);
}

TEST(AdmissionTimeTest, ATabletInTheFutureWinsNothing) {
  Tablet tablet(kNow + 365 * kDay);
  tablet.Contact();
  tablet.Pass(kHour);
  const int64_t truth = tablet.now();
  const Stamp stamp = tablet.Edit();
  tablet.Pass(kHour);
  ExpectTime(tablet.Push(stamp), truth, TimeSource::kSameBoot);
}

TEST(AdmissionTimeTest, ARestartAfterTheEditLeavesTheTimeSinceContact) {
  Tablet tablet(kYear2019);
  tablet.Contact();
  tablet.Pass(kHour);
  const int64_t truth = tablet.now();
  const Stamp stamp = tablet.Edit();
  tablet.Restart(3 * kDay, kYear2019);
  tablet.Pass(kMinute);
  ExpectTime(tablet.Push(stamp), truth, TimeSource::kSinceContact);
}

TEST(AdmissionTimeTest, RestartsOnBothSidesLeaveTheWallClocksOffset) {
  Tablet tablet(kYear2019);
  tablet.Contact();
  tablet.Restart(kHour, kYear2019 + kHour);
  const int64_t truth = tablet.now();
  const Stamp stamp = tablet.Edit();
  tablet.Restart(kDay, kYear2019 + kHour + kDay);
  const AdmissionTime got = tablet.Push(stamp);
  ExpectTime(got, truth, TimeSource::kWallOffset);
  EXPECT_EQ(got.uncertainty_ms, kDay) << "from the edit to the receipt";
}

// The clock starts at 2019 again at every restart, so the offset says that the edit comes after the
// push.
TEST(AdmissionTimeTest, AnImpossibleEstimateTakesTheLowerBound) {
  Tablet tablet(kYear2019);
  tablet.Contact();
  const int64_t contact = tablet.now();
  tablet.Restart(kHour, kYear2019);
  tablet.Pass(8 * kHour);
  const Stamp stamp = tablet.Edit();
  tablet.Restart(kDay, kYear2019);
  const AdmissionTime got = tablet.Push(stamp);
  ExpectTime(got, contact, TimeSource::kLowerBound);
  EXPECT_EQ(got.uncertainty_ms, tablet.now() - contact);
  ExpectTime(tablet.Push(stamp, contact + kHour), contact + kHour + 1, TimeSource::kLowerBound);
}

TEST(AdmissionTimeTest, AClockSetBetweenEditAndPushDoesNotMatterWithinABoot) {
  Tablet tablet(kNow);
  const int64_t truth = tablet.now();
  const Stamp stamp = tablet.Edit();
  tablet.SetWall(kNow + 40 * kDay);
  tablet.Pass(kHour);
  ExpectTime(tablet.Push(stamp), truth, TimeSource::kSameBoot);
}

TEST(AdmissionTimeTest, AClockSetAcrossARestartCannotPassTheContact) {
  Tablet tablet(kNow);
  tablet.Contact();
  const int64_t contact = tablet.now();
  tablet.Restart(kHour, kNow);
  const Stamp stamp = tablet.Edit();
  tablet.Restart(kHour, kNow + 40 * kDay);
  ExpectTime(tablet.Push(stamp), contact, TimeSource::kLowerBound);
}

TEST(AdmissionTimeTest, AChangeComesAfterWhatItsAuthorSaw) {
  Tablet tablet(kNow);
  const Stamp stamp = tablet.Edit();
  tablet.Pass(kHour);
  ExpectTime(tablet.Push(stamp, kNow - 1), kNow, TimeSource::kSameBoot);
  ExpectTime(tablet.Push(stamp, kNow), kNow + 1, TimeSource::kLowerBound);
  // A base later than the receipt: the server's own clock went back.
  ExpectTime(tablet.Push(stamp, kNow + kDay), kNow + kDay + 1, TimeSource::kLowerBound);
}

TEST(AdmissionTimeTest, AContactBoot0IsTheBootOfTheEdit) {
  Stamp stamp;
  stamp.boot = 7;
  stamp.mono_ms = 5000;
  stamp.contact_ms = kNow;
  stamp.contact_mono_ms = 2000;
  ExpectTime(Admit(stamp, {0, 8, 0}, kNow + kHour, kNoBase), kNow + 3000,
             TimeSource::kSinceContact);
  stamp.boot = 0;  // unknown: equal to nothing
  EXPECT_EQ(Admit(stamp, {0, 0, 9000}, kNow + kHour, kNoBase).source, TimeSource::kWallOffset);
}

TEST(AdmissionTimeTest, WithoutAnyBoundTheReceiptIsTheLatest) {
  Stamp stamp;
  stamp.boot = 7;
  stamp.mono_ms = 5000;
  const AdmissionTime got = Admit(stamp, {0, 7, 0}, kNow, kNoBase);
  ExpectTime(got, kNow, TimeSource::kLowerBound);
  EXPECT_EQ(got.uncertainty_ms, kMax);
}

TEST(AdmissionTimeTest, AContactInTheFutureIsNoEvidence) {
  Tablet tablet(kNow);
  Stamp stamp = tablet.Edit();
  stamp.contact_ms = kMax;
  tablet.Pass(kHour);
  ExpectTime(tablet.Push(stamp), kNow, TimeSource::kSameBoot);
}

TEST(EstimateTimeTest, UsesTheTimeSinceContactElseTheWallClock) {
  Tablet tablet(kYear2019);
  EXPECT_EQ(EstimateTime(tablet.Edit(), kNoBase), kYear2019);
  EXPECT_EQ(EstimateTime(tablet.Edit(), kNow), kNow + 1) << "after what its author saw";
  tablet.Contact();
  tablet.Pass(kHour);
  EXPECT_EQ(EstimateTime(tablet.Edit(), kNoBase), kNow + kHour);
  tablet.Restart(kHour, kYear2019);
  EXPECT_EQ(EstimateTime(tablet.Edit(), kNoBase), kNow) << "not before the contact";
}

// --- Properties ---

// Any number, the extremes and the believable often.
rc::Gen<int64_t> AnyTime() {
  return rc::gen::weightedOneOf<int64_t>(
      {{6, rc::gen::inRange(kNow - kDay, kNow + kDay)},
       {1, rc::gen::arbitrary<int64_t>()},
       {1, rc::gen::elementOf(std::vector<int64_t>{kMin, kMin + 1, -1, 0, 1, kMax - 1, kMax})}});
}

rc::Gen<uint64_t> AnyBoot() { return rc::gen::inRange<uint64_t>(0, 3); }

Stamp AnyStamp() {
  Stamp stamp;
  stamp.wall_ms = *AnyTime();
  stamp.boot = *AnyBoot();
  stamp.mono_ms = *AnyTime();
  stamp.contact_ms = *rc::gen::oneOf(rc::gen::just<int64_t>(0), AnyTime());
  stamp.contact_mono_ms = *AnyTime();
  stamp.contact_boot = *AnyBoot();
  return stamp;
}

int64_t After(int64_t time_ms) { return time_ms == kMax ? kMax : time_ms + 1; }

RC_GTEST_PROP(AdmissionTimeProperty, StaysWithinTheInterval, ()) {
  const Stamp stamp = AnyStamp();
  const ClockReading sending = {*AnyTime(), *AnyBoot(), *AnyTime()};
  const int64_t receipt = *AnyTime();
  const int64_t base = *rc::gen::oneOf(rc::gen::just(kNoBase), AnyTime());
  const AdmissionTime got = Admit(stamp, sending, receipt, base);
  RC_ASSERT(got.uncertainty_ms >= 0);
  if (base != kNoBase) {
    RC_ASSERT(got.time_ms >= After(base));
    RC_ASSERT(got.time_ms <= std::max(receipt, After(base)));
  } else {
    RC_ASSERT(got.time_ms <= receipt);
  }
  if (stamp.contact_ms > 0 && stamp.contact_ms <= receipt) {
    RC_ASSERT(got.time_ms >= stamp.contact_ms);
  }
  RC_TAG(static_cast<int>(got.source));
}

RC_GTEST_PROP(AdmissionTimeProperty, AReplicasEstimateIsAfterTheBase, ()) {
  const Stamp stamp = AnyStamp();
  const int64_t base = *AnyTime();
  const int64_t got = EstimateTime(stamp, base);
  if (base != kNoBase) RC_ASSERT(got >= After(base));
  if (stamp.contact_ms > 0) RC_ASSERT(got >= stamp.contact_ms);
}

// Whatever a device's wall clock does, and however often it restarts, the truth lies within the
// uncertainty that is stated; within one boot the wall clock does not matter at all.
RC_GTEST_PROP(AdmissionTimeProperty, AnHonestDeviceIsWithinTheUncertainty, ()) {
  const auto pause = [] { return *rc::gen::inRange<int64_t>(0, 400 * kDay); };
  Tablet tablet(*AnyTime() / 4);
  tablet.Contact();
  const bool restart_before = *rc::gen::arbitrary<bool>();
  if (restart_before) tablet.Restart(pause(), *AnyTime() / 4);
  tablet.Pass(pause());
  const int64_t truth = tablet.now();
  const Stamp stamp = tablet.Edit();
  const bool restart_after = *rc::gen::arbitrary<bool>();
  if (restart_after) tablet.Restart(pause(), *AnyTime() / 4);
  tablet.Pass(pause());
  const AdmissionTime got = tablet.Push(stamp);
  RC_ASSERT(got.time_ms - got.uncertainty_ms <= truth);
  RC_ASSERT(got.time_ms + got.uncertainty_ms >= truth);
  if (!restart_after || !restart_before) RC_ASSERT(got.time_ms == truth);
}

}  // namespace
}  // namespace doorstep
