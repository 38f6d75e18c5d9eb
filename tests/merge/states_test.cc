// Which steps of a state machine may follow what an author saw.
#include "sync/merge/states.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/merge/sample_fields.h"

namespace doorstep {
namespace {

TEST(StatesTest, WhatMayFollowWhatTheAuthorSaw) {
  const FieldSpec status = StatusField();
  const auto v = [&](int64_t state) { return Number(status, state); };
  const struct {
    std::vector<std::string> seen;
    std::string value;
    bool create;
    const char* problem;  // null: allowed
  } kCases[] = {
      {{}, v(kProposed), true, nullptr},
      {{}, v(kSuspended), true, nullptr},
      {{}, v(kProposed), false, nullptr},
      {{}, v(kActive), false, nullptr},
      {{}, v(kSuspended), false, "got SUSPENDED, wanted what may follow PROPOSED: ACTIVE, ENDED"},
      {{v(kActive)}, v(kSuspended), false, nullptr},
      {{v(kActive)}, v(kActive), false, nullptr},
      {{v(kActive)},
       v(kProposed),
       false,
       "got PROPOSED, wanted what may follow ACTIVE: SUSPENDED, ENDED"},
      {{v(kEnded)}, v(kActive), false, "got ACTIVE, wanted what may follow ENDED: nothing"},
      {{v(kActive)}, "", false, "got no value, wanted what may follow ACTIVE: SUSPENDED, ENDED"},
      // A person who decides between two may take either, or what follows either.
      {{v(kSuspended), v(kEnded)}, v(kReinstated), false, nullptr},
      {{v(kSuspended), v(kEnded)}, v(kSuspended), false, nullptr},
      {{v(kSuspended), v(kEnded)},
       v(kActive),
       false,
       "got ACTIVE, wanted what may follow SUSPENDED, ENDED: REINSTATED, ENDED"},
  };
  for (const auto& c : kCases) {
    const auto problem = TransitionProblem(status, c.seen, c.value, c.create);
    EXPECT_EQ(problem.value_or("(allowed)"), c.problem == nullptr ? "(allowed)" : c.problem);
  }
}

}  // namespace
}  // namespace doorstep
