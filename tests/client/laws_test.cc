// L1, L2, L4, L5, L6 and L9 over generated histories on the real engine: SQLite replicas, the real
// server, links that drop requests and replies, deliver twice and are cut.
//
// A failure prints its seed; DOORSTEP_SEED=n runs that history alone. DOORSTEP_HISTORIES=n runs
// more of them than CI does.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "gtest/gtest.h"
#include "tests/client/random_history.h"

namespace doorstep {
namespace {

constexpr uint64_t kHistories = 200;
constexpr int kSteps = 70;

// 0 when the variable is not set.
uint64_t FromEnvironment(const char* name) {
  const char* text = std::getenv(name);
  uint64_t number = 0;
  if (text != nullptr && !absl::SimpleAtoi(text, &number)) {
    ADD_FAILURE() << name << ": got '" << text << "', wanted a number";
  }
  return number;
}

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
  if (const uint64_t seed = FromEnvironment("DOORSTEP_SEED"); seed != 0) {
    RunHistory(seed, &reached);
    return;
  }
  const uint64_t asked = FromEnvironment("DOORSTEP_HISTORIES");
  for (uint64_t seed = 1; seed <= (asked == 0 ? kHistories : asked); ++seed) {
    RunHistory(seed, &reached);
    if (HasFailure()) return;
  }
  // A generator that no longer gets there proves nothing.
  EXPECT_GT(reached.merged, 50u);
  EXPECT_GT(reached.conflict, 50u);
  EXPECT_GT(reached.rejected, 5u);
  EXPECT_GT(reached.settled, 50u);
  EXPECT_GT(reached.cut, 200u);
  EXPECT_GT(reached.complete, 200u);
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
