// A conflict case as people see it: a function of one field's heads, of who answers for the file,
// and of the moment. Nothing of it is stored.
#ifndef SYNC_CASES_CASE_H_
#define SYNC_CASES_CASE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sync/cases/responsible.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep {

enum class CaseRole : uint8_t { kNobody, kWorker, kLead, kDeputy, kDuty };
absl::string_view CaseRoleName(CaseRole role);  // "worker", "lead", "deputy", "duty contact", ""

// Somebody whose turn it would be, and why it is not.
struct PassedOver {
  enum class Why : uint8_t { kAway, kOwnVersion };
  std::string name;
  Why why = Why::kAway;

  bool operator==(const PassedOver&) const = default;
};

struct CaseView {
  int64_t opened_ms = 0;  // when the second version met the first; of a pause, when it began
  int64_t due_ms = 0;
  bool paused = false;
  // Who would decide if nobody were away and time stood still; empty = nobody is named.
  std::string reviewer;
  CaseRole reviewer_role = CaseRole::kNobody;
  std::string deputy;
  std::string duty;
  // Whose turn it is. Level 0: the reviewer, until it is due; 1: the deputy (of a paused decision
  // the lead); 2: the duty contact.
  int level = 0;
  std::string with;  // empty: nobody can decide
  CaseRole with_role = CaseRole::kNobody;
  int64_t next_ms = 0;                  // when the level rises; 0: it is the last
  std::vector<PassedOver> passed_over;  // at this level and before, once each
  // When `with` is empty: what must be done about it, as a sentence.
  std::string nobody;
};

// `state` has a conflict. `now_ms`: where the reader stands in time.
//
// The reviewer is the file's worker, else the site's lead. When it is due the reviewer's deputy
// follows (of a worker's: the site's deputy, else its lead, when the assignment names none), and as
// long again later the duty contact. A paused decision goes to the site's lead when it is due, out
// of office hours (deadlines.h) to the duty contact.
// Whoever is away, or has a version of their own across bands, is passed over at once. When nobody
// is left at a level or above it, those before are asked again.
CaseView ViewCase(const FieldSpec& field, const FieldState& state, const Responsible& people,
                  int64_t now_ms);

}  // namespace doorstep

#endif  // SYNC_CASES_CASE_H_
