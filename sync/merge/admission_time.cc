#include "sync/merge/admission_time.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

namespace doorstep {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

// No lower bound, as latest_base_ms has it.
constexpr int64_t kNone = kMin;

// Between the device's reading of its clocks and the server's: a push is cut off long before.
constexpr int64_t kTransitMs = 60'000;
// A monotonic clock runs wrong by at most one part in this: 100 ppm, a poor crystal.
constexpr int64_t kDriftParts = 10'000;

int64_t Add(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b < 0 ? kMin : kMax;
}

int64_t Subtract(int64_t a, int64_t b) {
  int64_t difference = 0;
  if (!__builtin_sub_overflow(a, b, &difference)) return difference;
  return b < 0 ? kMax : kMin;
}

int64_t Distance(int64_t a, int64_t b) { return a < b ? Subtract(b, a) : Subtract(a, b); }

bool HasContact(const Stamp& stamp, int64_t receipt_ms) {
  return stamp.contact_ms > 0 && stamp.contact_ms <= receipt_ms;
}

// kNone when nothing bounds the time from below.
int64_t LowerBound(const Stamp& stamp, int64_t receipt_ms, int64_t latest_base_ms) {
  const int64_t after_base = latest_base_ms == kNone ? kNone : Add(latest_base_ms, 1);
  return HasContact(stamp, receipt_ms) ? std::max(after_base, stamp.contact_ms) : after_base;
}

struct Estimate {
  int64_t time_ms;
  int64_t uncertainty_ms;
  TimeSource source;
};

int64_t Drift(int64_t elapsed_ms) { return elapsed_ms < 0 ? kMax : elapsed_ms / kDriftParts; }

// Nothing unless the device has not restarted between contact and edit. A contact_boot of 0 says
// "the boot of the edit".
std::optional<Estimate> SinceContact(const Stamp& stamp, int64_t receipt_ms) {
  const uint64_t contact_boot = stamp.contact_boot == 0 ? stamp.boot : stamp.contact_boot;
  if (!HasContact(stamp, receipt_ms) || stamp.boot == 0 || contact_boot != stamp.boot) {
    return std::nullopt;
  }
  const int64_t elapsed = Subtract(stamp.mono_ms, stamp.contact_mono_ms);
  return Estimate{Add(stamp.contact_ms, elapsed), Add(Drift(elapsed), kTransitMs),
                  TimeSource::kSinceContact};
}

Estimate Corrected(const Stamp& stamp, const ClockReading& sending, int64_t receipt_ms) {
  if (stamp.boot != 0 && stamp.boot == sending.boot) {
    const int64_t elapsed = Subtract(sending.mono_ms, stamp.mono_ms);
    return {Subtract(receipt_ms, elapsed), Add(Drift(elapsed), kTransitMs), TimeSource::kSameBoot};
  }
  if (const auto estimate = SinceContact(stamp, receipt_ms)) return *estimate;
  // Nothing tells whether somebody set the clock in between.
  const int64_t elapsed = Subtract(sending.wall_ms, stamp.wall_ms);
  return {Subtract(receipt_ms, elapsed), kMax, TimeSource::kWallOffset};
}

// How far from `time` the truth can be if it lies within the bounds.
int64_t Spread(int64_t time_ms, int64_t lower_ms, int64_t receipt_ms) {
  if (lower_ms == kNone) return kMax;
  return std::max(Distance(time_ms, lower_ms), Distance(receipt_ms, time_ms));
}

}  // namespace

AdmissionTime Admit(const Stamp& stamp, const ClockReading& sending, int64_t receipt_ms,
                    int64_t latest_base_ms) {
  const int64_t lower = LowerBound(stamp, receipt_ms, latest_base_ms);
  const Estimate estimate = Corrected(stamp, sending, receipt_ms);
  if (estimate.time_ms >= lower && estimate.time_ms <= receipt_ms) {
    const int64_t spread = Spread(estimate.time_ms, lower, receipt_ms);
    return {estimate.time_ms, std::min(estimate.uncertainty_ms, spread), estimate.source};
  }
  const int64_t bound = lower == kNone ? receipt_ms : lower;
  return {bound, Spread(bound, lower, receipt_ms), TimeSource::kLowerBound};
}

int64_t EstimateTime(const Stamp& stamp, int64_t latest_base_ms) {
  // Nothing is known of the receipt: any contact and any estimate may be before it.
  const std::optional<Estimate> since_contact = SinceContact(stamp, kMax);
  const int64_t estimate = since_contact.has_value() ? since_contact->time_ms : stamp.wall_ms;
  return std::max(estimate, LowerBound(stamp, kMax, latest_base_ms));
}

}  // namespace doorstep
