// Who wants to know that something changed, and telling them: a number, never data.
//
// Wakes only devices whose site is a member of a compartment that changed or whose own units got an
// outcome. Threads and sockets belong to the shell: a callback is called from the thread that
// committed, outside all locks of this class except the registration's own, and must not block.
#ifndef SERVER_NOTIFIER_H_
#define SERVER_NOTIFIER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "sync/base/bytes.h"
#include "sync/base/mutex.h"

namespace doorstep::server {

// What a transaction changed, as far as watchers care.
struct CommitSummary {
  uint64_t head = 0;
  absl::flat_hash_set<std::string> sites;  // members of what changed; given or taken something
  absl::flat_hash_set<Uuid> devices;       // their units got outcomes
  bool everyone = false;                   // it is not known what changed
};

// Thread-safe.
class Notifier {
 public:
  using Callback = std::function<void(uint64_t head)>;

  // Watching lasts as long as this lives. Destroying it waits for a call of the callback that runs
  // now (so never destroy it inside the callback); after that there is none.
  class Registration {
   public:
    ~Registration();
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;

   private:
    friend class Notifier;
    struct Watcher;
    Registration(Notifier* notifier, uint64_t id, std::shared_ptr<Watcher> watcher);
    Notifier* notifier_;
    uint64_t id_;
    std::shared_ptr<Watcher> watcher_;
  };

  Notifier() = default;
  // Registrations must be gone.
  ~Notifier() = default;
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // Null when there are kMaxWatchers already.
  std::unique_ptr<Registration> Register(const Uuid& device, std::string site, Callback callback);

  // After a commit that this process made.
  void Committed(const CommitSummary& summary);
  // The head as somebody read it: when it is beyond the last one known here, another process wrote,
  // and everyone is woken. The first call only takes note.
  void Seen(uint64_t head);

  size_t watchers() const;

 private:
  using Watcher = Registration::Watcher;
  using Ids = absl::flat_hash_set<uint64_t>;

  void Remove(uint64_t id);
  std::vector<std::shared_ptr<Watcher>> Concerned(const CommitSummary& summary)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable Mutex mu_;
  uint64_t next_id_ ABSL_GUARDED_BY(mu_) = 1;
  uint64_t head_ ABSL_GUARDED_BY(mu_) = 0;
  bool known_ ABSL_GUARDED_BY(mu_) = false;  // head_ was read from the store once
  absl::flat_hash_map<uint64_t, std::shared_ptr<Watcher>> watchers_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::string, Ids> by_site_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<Uuid, Ids> by_device_ ABSL_GUARDED_BY(mu_);
};

}  // namespace doorstep::server

#endif  // SERVER_NOTIFIER_H_
