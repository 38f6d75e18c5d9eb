// Whose value a change has displaced without having seen it: those authors are told.
#ifndef SYNC_CASES_DISPLACED_H_
#define SYNC_CASES_DISPLACED_H_

#include <string>
#include <vector>

#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep {

struct Displaced {
  ChangeId change;     // whose value it was
  std::string author;  // its author
  ChangeId by;         // the change whose value counts, or stands beside it
  std::string by_author;
  int64_t by_time_ms = 0;
  // kMerged: another value counts instead, and this one is kept beside it or in the history.
  // kConflict: both stand, and somebody decides.
  Word word = Word::kMerged;

  bool operator==(const Displaced&) const = default;
};

// What an edit of one field did to others, or others to it: `before` and `after` are the field's
// heads around Plan(). SETs displace nothing: an add that its remover had not seen stays. The
// author of the edit is told when its own value does not count (kMerged); of a conflict its outcome
// tells. An author who displaced a value of their own, on whatever device, is not told.
std::vector<Displaced> DisplacedBy(const FieldSpec& field, const FieldEdit& edit,
                                   const ChangeId& id, absl::string_view author, int64_t time_ms,
                                   const FieldState& before, const FieldState& after);

}  // namespace doorstep

#endif  // SYNC_CASES_DISPLACED_H_
