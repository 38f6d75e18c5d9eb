// A generated history: devices that capture, decide and sync over links that fail, and what must
// hold of them at every moment and in the end. All of it follows from one number.
#ifndef TESTS_CLIENT_RANDOM_HISTORY_H_
#define TESTS_CLIENT_RANDOM_HISTORY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "client-lib/outbox.h"
#include "client-lib/session.h"
#include "sync/base/entropy.h"
#include "sync/schema/schema.h"
#include "tests/client/world.h"

namespace doorstep {

// What a change said, as its author's device wrote it.
struct SaidChange {
  ChangeData data;
  CompartmentId compartment;
  std::string author;
  size_t device = 0;
};
using Said = std::map<ChangeId, SaidChange>;

// What generated histories came to, so that a test can see that they reach what it is about.
struct Reached {
  uint64_t merged = 0;  // changes
  uint64_t conflict = 0;
  uint64_t rejected = 0;
  uint64_t settled = 0;
  uint64_t cut = 0;  // sessions
  uint64_t complete = 0;
};

class RandomHistory {
 public:
  explicit RandomHistory(uint64_t seed);

  // Runs `steps` random steps; L5 and L6 are checked after each. Stops at the first failure of an
  // expectation.
  void Run(int steps);
  // Mends all links and syncs everybody until nothing moves.
  void Settle();

  // L1, L4, and the recomputed digests, once settled.
  void CheckAgreement();
  // L2: the same admitted changes, planned in other orders, end in the same rows.
  void CheckOrderIndependence();

  const Reached& reached() const { return reached_; }
  // One line for each step, for the reader of a failure.
  const std::string& log() const { return log_; }

 private:
  struct Peer {
    World::Linked link;
    std::string site;
    std::unique_ptr<client::Session> session;
    int64_t noted = 0;  // units of its outbox that are in said_
  };

  uint64_t Below(uint64_t n) { return random_.Below(n); }
  template <typename T>
  const T& Any(const std::vector<T>& from) {
    return from[Below(from.size())];
  }

  void Step();
  void Capture(Peer& peer);
  void Edit(Peer& peer);
  void Decide(Peer& peer);
  void Hide(Peer& peer);
  void MoveSession(Peer& peer);
  void MessWithTime(Peer& peer);
  void Reopen(Peer& peer);
  void ShareSomething();

  std::string RandomValue(const FieldSpec& field);
  std::string RandomScalar(const ScalarSpec& scalar);
  std::vector<std::string> Held(Peer& peer);

  void NoteChanges();
  void CheckRows(size_t place);
  void CheckSearch(size_t place);
  void CheckOwnWrites(size_t place);
  bool StillShown(const ChangeId& change, const FieldSpec& field, const FieldEdit& edit,
                  const FieldState* state) const;
  bool Supersedes(const ChangeId& newer, const ChangeId& older, uint32_t field) const;
  void CheckOutcomes(size_t place);
  Rows Replanned(const std::map<ChangeId, std::pair<int64_t, uint64_t>>& admitted);
  void Expand(const std::map<ChangeId, std::pair<int64_t, uint64_t>>& admitted, uint32_t field,
              std::vector<ChangeId>* base) const;
  void Log(size_t place, const std::string& what);

  SeededEntropy random_;
  World world_;
  std::vector<Peer> peers_;
  Said said_;
  std::string log_;
  Reached reached_;
  int records_ = 0;
};

}  // namespace doorstep

#endif  // TESTS_CLIENT_RANDOM_HISTORY_H_
