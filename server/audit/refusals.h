// How often a refused call is noted in the audit: whoever is refused a thousand times a second must
// not fill the disk, and must not be forgotten.
#ifndef SERVER_AUDIT_REFUSALS_H_
#define SERVER_AUDIT_REFUSALS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "sync/base/mutex.h"

namespace doorstep::server {

// One entry a minute for each caller, and so many for all of them.
inline constexpr int64_t kRefusalPauseMs = 60'000;
inline constexpr size_t kMaxRefusalsPerPause = 60;

// Thread-safe.
class Refusals {
 public:
  // Of this caller: how many refusals an entry made now would tell of, this one included. 0: make
  // none, it is counted into a later one.
  uint64_t Note(absl::string_view caller, int64_t mono_ms);

 private:
  struct Count {
    int64_t noted_ms = 0;
    uint64_t since = 0;
  };

  Mutex mu_;
  absl::flat_hash_map<std::string, Count> counts_ ABSL_GUARDED_BY(mu_);
  int64_t window_ms_ ABSL_GUARDED_BY(mu_) = 0;  // when the present one began
  size_t in_window_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace doorstep::server

#endif  // SERVER_AUDIT_REFUSALS_H_
