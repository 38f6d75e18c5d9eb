#include "server/identity/attempts.h"

#include <string>

#include "sync/identity/limits.h"

namespace doorstep::server {
namespace {

constexpr int64_t kWindowMs = 60'000;

}  // namespace

void Attempts::BeginWindow(int64_t mono_ms) {
  const int64_t window = mono_ms / kWindowMs;
  if (window == window_) return;
  window_ = window;
  wrong_.clear();
  others_ = 0;
}

int& Attempts::CountOf(absl::string_view peer) {
  const auto found = wrong_.find(peer);
  if (found != wrong_.end()) return found->second;
  return wrong_.size() < kMaxCountedPeers ? wrong_[std::string(peer)] : others_;
}

bool Attempts::MayTry(absl::string_view peer, int64_t mono_ms) {
  MutexLock lock(mu_);
  BeginWindow(mono_ms);
  const auto found = wrong_.find(peer);
  if (found != wrong_.end()) return found->second < kMaxWrongProofsPerMinute;
  return wrong_.size() < kMaxCountedPeers || others_ < kMaxWrongProofsPerMinute;
}

void Attempts::NoteWrong(absl::string_view peer, int64_t mono_ms) {
  MutexLock lock(mu_);
  BeginWindow(mono_ms);
  ++CountOf(peer);
}

}  // namespace doorstep::server
