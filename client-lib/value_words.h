// Values as a screen says them, for the structures that a replica hands out.
#ifndef CLIENT_LIB_VALUE_WORDS_H_
#define CLIENT_LIB_VALUE_WORDS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "doorstep/types.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep::client {

// The fields of a serialized message of the kind, marks too, in order of number; the elements of a
// SET on one line. What the kind does not know is left out.
absl::StatusOr<std::vector<FieldWords>> WordsOf(const KindSpec& kind, absl::string_view message);

// A field that was cleared, or (with a value) an element that was taken out of a SET.
FieldWords Removed(const FieldSpec& field, absl::string_view element);

// What a change set and removed. `kind` may be null: nothing.
absl::StatusOr<std::vector<FieldWords>> WordsOfChange(const KindSpec* kind,
                                                      const ChangeData& change);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_VALUE_WORDS_H_
