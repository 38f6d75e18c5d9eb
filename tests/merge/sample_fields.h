// One field of every merge class and rule, written by hand so that the merge is tested on its own,
// and values to put into them.
#ifndef TESTS_MERGE_SAMPLE_FIELDS_H_
#define TESTS_MERGE_SAMPLE_FIELDS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "sync/base/bytes.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep {

FieldSpec NameField();       // LATEST, text
FieldSpec RatingField();     // REVIEW, HIGHEST_RATING; the rationale is not compared
FieldSpec ConsentField();    // REVIEW, DOMINANT kWithdrawn
FieldSpec AllergyField();    // REVIEW, DOMINANT kListed
FieldSpec DecisionField();   // REVIEW, LAST_AGREED, kPaused dominant; the rationale is not compared
FieldSpec ControlField();    // REVIEW, LAST_AGREED without a dominant value, an enum
FieldSpec AddressField();    // REVIEW, NONE, text
FieldSpec NarrativeField();  // TEXT
FieldSpec StatusField();     // STATE
FieldSpec ReviewDueField();  // EARLIEST, a civil date
FieldSpec ValueField();      // HIGHEST, a number
FieldSpec SubjectField();    // IMMUTABLE, text
FieldSpec BarriersField();   // SET, text
FieldSpec AllergiesField();  // SET, text; removals are reviewed

inline constexpr int64_t kGiven = 1;
inline constexpr int64_t kWithdrawn = 2;

inline constexpr int64_t kNoneKnown = 2;
inline constexpr int64_t kListed = 3;

inline constexpr int64_t kSupported = 1;
inline constexpr int64_t kDenied = 3;
inline constexpr int64_t kPaused = 4;

// In this order but for REINSTATED, which ranks below SUSPENDED. Anything may end.
inline constexpr int64_t kProposed = 1;
inline constexpr int64_t kActive = 2;
inline constexpr int64_t kSuspended = 3;
inline constexpr int64_t kReinstated = 4;
inline constexpr int64_t kEnded = 5;

// Canonical values of a field; text, dates and elements, then enums and numbers.
std::string Text(const FieldSpec& field, absl::string_view text);
std::string Number(const FieldSpec& field, int64_t number);
std::string Rating(int64_t likelihood, int64_t severity, absl::string_view rationale = "");
// `incident`: empty = none.
std::string Decision(int64_t outcome, absl::string_view rationale = "",
                     absl::string_view incident = "");

// An incarnation for each letter, in the order of the alphabet.
Uuid Incarnation(char letter);
// "B2": the second change of B's device.
ChangeId Id(absl::string_view name);
std::string NameOf(const ChangeId& id);
// "A1 B2".
std::string HeadNames(const FieldState& state);

}  // namespace doorstep

#endif  // TESTS_MERGE_SAMPLE_FIELDS_H_
