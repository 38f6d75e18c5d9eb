#include "server/audit/refusals.h"

#include <string>

namespace doorstep::server {
namespace {

// Callers that are remembered. Beyond, those who have been quiet are forgotten, and if there are
// none, nobody new is noted.
constexpr size_t kMaxCallers = 4'096;

}  // namespace

uint64_t Refusals::Note(absl::string_view caller, int64_t mono_ms) {
  MutexLock lock(mu_);
  if (mono_ms - window_ms_ >= kRefusalPauseMs) {
    window_ms_ = mono_ms;
    in_window_ = 0;
  }
  auto found = counts_.find(caller);
  if (found == counts_.end()) {
    if (counts_.size() >= kMaxCallers) {
      absl::erase_if(counts_, [mono_ms](const auto& entry) {
        return mono_ms - entry.second.noted_ms >= kRefusalPauseMs && entry.second.since == 0;
      });
    }
    if (counts_.size() >= kMaxCallers) return 0;
    found = counts_.emplace(std::string(caller), Count{mono_ms - kRefusalPauseMs, 0}).first;
  }
  Count& count = found->second;
  ++count.since;
  if (mono_ms - count.noted_ms < kRefusalPauseMs || in_window_ >= kMaxRefusalsPerPause) return 0;
  ++in_window_;
  const uint64_t told = count.since;
  count = {mono_ms, 0};
  return told;
}

}  // namespace doorstep::server
