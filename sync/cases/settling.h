// Who may decide between versions. One pure function, asked by replicas when a decision is
// committed and by the server when it is admitted.
#ifndef SYNC_CASES_SETTLING_H_
#define SYNC_CASES_SETTLING_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep {

// A version that the person who decides had before them.
struct SeenVersion {
  std::string author;
  std::string value;                       // empty = no value
  bool settled = false;                    // it was a decision
  std::vector<std::string> proposes = {};  // SET: the elements that it proposes to take out
};
std::vector<SeenVersion> SeenVersions(const FieldState& state);

// Whether the versions differ by more than people may settle among themselves: ratings of different
// bands (no rating is a band of its own); any two distinct values of another REVIEW field; a pause
// that waits for its review, from going on. Prose, states and set-once fields have no bands.
bool AcrossBands(const FieldSpec& field, absl::Span<const SeenVersion> seen);

// Nobody settles alone a case across bands when one of the values is their own, nor a removal that
// nobody but they proposed. Depends only on what the decision itself names, so the answer is the
// same in whatever order things arrive.
bool MaySettle(const FieldSpec& field, absl::Span<const SeenVersion> seen,
               absl::string_view author);

// Whether `author` may decide that an element goes: somebody else proposed it. That it stays,
// anybody may decide.
bool MayTakeOut(absl::string_view element, absl::Span<const SeenVersion> seen,
                absl::string_view author);

// Why not, for the person: `FIELD: got ..., wanted ...`. To be followed by who may.
std::string MayNotSettle(const FieldSpec& field, absl::Span<const SeenVersion> seen,
                         absl::string_view author);

}  // namespace doorstep

#endif  // SYNC_CASES_SETTLING_H_
