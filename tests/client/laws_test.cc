// L1, L2, L4, L5, L6 and L9 over generated histories on the real engine: SQLite replicas, the real
// server, links that drop requests and replies, deliver twice and are cut.
//
// A failure prints its seed; DOORSTEP_SEED=n runs that history alone. DOORSTEP_HISTORIES=n runs so
// many of them.
#include <cstdint>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "tests/client/random_history.h"
#include "tests/support/seed.h"

namespace doorstep {
namespace {

constexpr uint64_t kHistories = 200;
constexpr int kSteps = 70;

void Add(const Reached& from, Reached* to) {
  to->merged += from.merged;
  to->conflict += from.conflict;
  to->rejected += from.rejected;
  to->settled += from.settled;
  to->cut += from.cut;
  to->complete += from.complete;
}

void RunHistory(uint64_t seed, Reached* reached) {
  SCOPED_TRACE("replay with DOORSTEP_SEED=" + std::to_string(seed));
  RandomHistory history(seed);
  history.Run(kSteps);
  if (!::testing::Test::HasFailure()) history.Settle();
  if (!::testing::Test::HasFailure()) history.CheckAgreement();
  if (!::testing::Test::HasFailure()) history.CheckOrderIndependence();
  if (::testing::Test::HasFailure()) ADD_FAILURE() << "what happened:\n" << history.log();
  Add(history.reached(), reached);
}

TEST(LawsTest, HoldOverGeneratedHistories) {
  Reached reached;
  if (const uint64_t seed = testing::FromEnvironment("DOORSTEP_SEED", 0); seed != 0) {
    RunHistory(seed, &reached);
    return;
  }
  const uint64_t histories = testing::FromEnvironment("DOORSTEP_HISTORIES", kHistories);
  for (uint64_t seed = 1; seed <= histories; ++seed) {
    RunHistory(seed, &reached);
    if (HasFailure()) return;
  }
  // A generator that no longer gets there proves nothing.
  EXPECT_GT(reached.merged, histories / 4);
  EXPECT_GT(reached.conflict, histories / 4);
  EXPECT_GT(reached.rejected, histories / 40);
  EXPECT_GT(reached.settled, histories / 4);
  EXPECT_GT(reached.cut, histories);
  EXPECT_GT(reached.complete, histories);
  for (const auto& [name, number] : {std::pair<const char*, uint64_t>{"merged", reached.merged},
                                     {"conflict", reached.conflict},
                                     {"rejected", reached.rejected},
                                     {"settled", reached.settled},
                                     {"cut", reached.cut},
                                     {"complete", reached.complete}}) {
    RecordProperty(name, static_cast<int>(number));
  }
}

}  // namespace
}  // namespace doorstep
