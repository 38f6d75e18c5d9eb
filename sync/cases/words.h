// What a screen says of values and of what to work to until somebody has decided. The words come
// from the schema; nothing here knows what a field is about.
#ifndef SYNC_CASES_WORDS_H_
#define SYNC_CASES_WORDS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep {

// A value as a person reads it: `12 high` for a rating, the label of an enum value, the text itself
// (cut to one short line); of an atomic value its first part that the rule compares. "no value".
std::string ValueWords(const FieldSpec& field, absl::string_view value);

// The same with nothing left out, for who reads one record: `16 extreme (4 x 4) - "lost his way"`,
// texts as they were written, and of an atomic value all parts. What is a moment by its name (see
// proto/README.md) is shown as one: "Sun 22 Nov 2026 09:00 UTC", or as the clocks stood there.
std::string ValueText(const FieldSpec& field, absl::string_view value);

// Whether a decision is paused: versions of a LAST_AGREED field stand, and the dominant one counts.
bool IsPaused(const FieldSpec& field, const FieldState& state);

// What to work to while versions of `field` stand, as a sentence: "Until decided, work to 12 high."
// "Until decided: telephone before visiting." "Until decided: supported. That decision has not
// changed." "Paused until decided; nothing has been refused."
std::string UntilDecided(const FieldSpec& field, const FieldState& state);

}  // namespace doorstep

#endif  // SYNC_CASES_WORDS_H_
