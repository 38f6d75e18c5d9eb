// The vocabulary of errors. Codes mean what the caller can do; messages read `path: got, want`;
// every layer adds its context once.
#ifndef SYNC_BASE_STATUS_H_
#define SYNC_BASE_STATUS_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace doorstep {

// The same code and payloads, message "context: message". OK stays OK.
absl::Status Annotate(absl::Status status, absl::string_view context);

// kInvalidArgument "path: got X, wanted Y", where X is Quoted(got).
absl::Status InvalidField(absl::string_view path, absl::string_view got, absl::string_view wanted);

// Foreign text made fit for a message or a log: within double quotes, at most kMaxQuotedValueBytes
// between them, an ellipsis after them when cut; control characters, quotes, backslashes and bytes
// that are not ASCII are escaped, so the result is one line of printable ASCII.
std::string Quoted(absl::string_view got);

}  // namespace doorstep

// Returns from the function when `expr` (an absl::Status) is not OK.
#define DOORSTEP_RETURN_IF_ERROR(expr)                                    \
  do {                                                                    \
    if (absl::Status doorstep_status_ = (expr); !doorstep_status_.ok()) { \
      return doorstep_status_;                                            \
    }                                                                     \
  } while (false)

// `lhs` (a variable or a declaration) becomes the value of `expr` (an absl::StatusOr), or the
// function returns its status. Not one statement: never the body of an `if` without braces. A type
// with a comma goes in parentheses' stead through `auto`.
#define DOORSTEP_ASSIGN_OR_RETURN(lhs, expr) \
  DOORSTEP_ASSIGN_OR_RETURN_IMPL_(DOORSTEP_CONCAT_(doorstep_or_, __LINE__), lhs, expr)
#define DOORSTEP_ASSIGN_OR_RETURN_IMPL_(tmp, lhs, expr) \
  auto tmp = (expr);                                    \
  if (!tmp.ok()) return std::move(tmp).status();        \
  lhs = *std::move(tmp)
#define DOORSTEP_CONCAT_(a, b) DOORSTEP_CONCAT_INNER_(a, b)
#define DOORSTEP_CONCAT_INNER_(a, b) a##b

#endif  // SYNC_BASE_STATUS_H_
