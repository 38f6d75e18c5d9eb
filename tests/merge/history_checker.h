// Every small history of one field, and the laws that each must obey.
//
// The model: a server and three devices. Each event is one of
//   edit  a device changes the field; the base is what it shows, and its own pending edits
//   push  the server admits a device's oldest edit that it has not admitted yet
//   pull  a device takes the server's state; its admitted edits leave the fold
// Explore() walks every order of events that makes at most `edits` edits, with every choice of
// value and time at each edit, until all is pushed and pulled. Equal states are walked once.
//
// The laws, checked at every push and at every end:
//   order      every order in which a history's edits could have arrived ends in the same heads,
//              effective value and conflict
//   repeat     delivering an edit again at once changes nothing
//   no loss    a committed value is a head, or was named in a later edit's base, or (LATEST only)
//              has a later head in its place
//   replaced   a value that was seen and replaced is no head
//   committed  the effective value is one that somebody committed, or none (but for merged TEXT)
//   rule       the field's own rule about its heads (see Scenario)
//   known      the value of LAST_AGREED under conflict was known to the author of every head
//   own        no author's later LATEST edit loses to an earlier one of the same author
//   converged  when all is pushed and pulled, every device shows the server's state
#ifndef TESTS_MERGE_HISTORY_CHECKER_H_
#define TESTS_MERGE_HISTORY_CHECKER_H_

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "sync/change/state.h"
#include "sync/merge/plan.h"
#include "sync/schema/schema.h"

namespace doorstep {

// What is checked: Plan and EffectiveOf, or twins of them with a mistake planted.
struct Engine {
  Word (*plan)(const FieldSpec&, const FieldEdit&, const EditContext&, FieldState*) = Plan;
  Effective (*effective)(const FieldSpec&, const FieldState&) = EffectiveOf;
};

struct Scenario {
  std::string name;
  FieldSpec field;
  // What an edit may write; of a SET, the elements that an edit may add or remove.
  std::vector<std::string> values;
  // How long after its latest base (or after 0) an edit may be admitted.
  std::vector<int64_t> delays = {1, 3};
  int edits = 3;  // at most 4
  // A pending edit is shown at the earliest time possible instead of at its admitted time.
  bool early_estimates = false;
  // Whether `effective` is right for heads with these values. May be empty.
  std::function<bool(const std::vector<std::string>& heads, const std::string& effective)> rule;
  // Whether a person must decide between these heads; empty: when two distinct values stand in a
  // field whose class needs a person.
  std::function<bool(const FieldState& heads)> conflict = nullptr;
  // The effective value may be made of several (the law "committed" does not hold).
  bool merges = false;
};

struct Report {
  uint64_t interleavings = 0;  // orders of events, from nothing to the end
  uint64_t states = 0;         // distinct states of the whole system
  uint64_t histories = 0;      // distinct sets of edits, at the end
  uint64_t orders = 0;         // orders of arrival replayed for them
  // Of the first violation: its law, and the history. Empty when there was none.
  std::string violated;
  std::string history;
};
std::ostream& operator<<(std::ostream& os, const Report& report);

// Stops at the first violation. Deterministic.
Report Explore(const Scenario& scenario, const Engine& engine);

}  // namespace doorstep

#endif  // TESTS_MERGE_HISTORY_CHECKER_H_
