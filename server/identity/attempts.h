// How often one address may be wrong: who guesses is made slow, who is right never waits.
#ifndef SERVER_IDENTITY_ATTEMPTS_H_
#define SERVER_IDENTITY_ATTEMPTS_H_

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "sync/base/mutex.h"

namespace doorstep::server {

// Thread-safe. Counts in windows of a minute by the clock that nobody sets.
class Attempts {
 public:
  // Whether `peer` may try now.
  bool MayTry(absl::string_view peer, int64_t mono_ms);
  void NoteWrong(absl::string_view peer, int64_t mono_ms);

 private:
  void BeginWindow(int64_t mono_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  int& CountOf(absl::string_view peer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Mutex mu_;
  int64_t window_ ABSL_GUARDED_BY(mu_) = 0;
  absl::flat_hash_map<std::string, int> wrong_ ABSL_GUARDED_BY(mu_);
  int others_ ABSL_GUARDED_BY(mu_) = 0;  // of all peers beyond the limit, together
};

}  // namespace doorstep::server

#endif  // SERVER_IDENTITY_ATTEMPTS_H_
