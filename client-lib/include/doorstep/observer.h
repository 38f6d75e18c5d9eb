// Being told when the answer to a query changes, whoever changed it: this program, another process
// on the device, or a sync.
//
//   auto observer = Observer::Start(directory, "SELECT count(*) FROM _conflict",
//                                   [&](const absl::StatusOr<Answer>& answer) { Repaint(answer);
//                                   });
//
// Nothing wakes up while nothing is committed. (Commits of this library, in whatever process:
// nobody else writes to a replica.)
#ifndef DOORSTEP_OBSERVER_H_
#define DOORSTEP_OBSERVER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "doorstep/replica.h"

namespace doorstep {

struct Answer {
  std::vector<std::string> columns;             // empty when there is no row
  std::vector<std::vector<std::string>> cells;  // a row each; JSON, as Replica::Query gives them
};

inline constexpr size_t kMaxObservedRows = 10'000;

class Observer {
 public:
  // Called with the answer of now, and after every commit that changed it; several commits may come
  // as one call. An error (the query asks too much, the file is damaged) is told when it is another
  // than the last, and the next commit tries again.
  //
  // Calls come from a thread of the observer's own, one at a time, with no lock held and outside of
  // any transaction: it may use a Replica of its own and must not destroy the Observer.
  using OnChange = std::function<void(const absl::StatusOr<Answer>&)>;

  // `sql`: one read-only statement over the views, as for Replica::Query; at most
  // kMaxObservedRows are kept (kResourceExhausted: narrow it). kNotFound when there is no replica;
  // kResourceExhausted when the system watches too many files already. The directory is on a file
  // system of this machine.
  static absl::StatusOr<std::unique_ptr<Observer>> Start(const std::string& directory,
                                                         const std::string& sql, OnChange on_change,
                                                         const Environment& environment = {});
  // Waits for a call that runs; afterwards there is none.
  ~Observer();
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

 private:
  class Impl;
  explicit Observer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace doorstep

#endif  // DOORSTEP_OBSERVER_H_
