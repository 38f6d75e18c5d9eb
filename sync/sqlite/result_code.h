// SQLite's result codes as Status. Private to this room.
#ifndef SYNC_SQLITE_RESULT_CODE_H_
#define SYNC_SQLITE_RESULT_CODE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

struct sqlite3;

namespace doorstep::internal {

// The meaning of an extended result code, as listed in database.h. SQLITE_CANTOPEN is taken for
// a refusal: whoever opens files tells a missing one apart first.
absl::StatusCode CodeOf(int extended_code);

// An error of compiling `sql`, or of anything else that had no bound values: SQLite's own message,
// then the first words of `sql` when there are any. Call it before any other call on `db`.
absl::Status ErrorOf(sqlite3* db, int code, absl::string_view sql);

// An error of running `sql`: as above, without the parts of the message that may repeat a bound
// value.
absl::Status RunErrorOf(sqlite3* db, int code, absl::string_view sql);

// The start of a statement, on one line, without literals, at most kMaxQuotedSqlBytes.
std::string FirstWords(absl::string_view sql);

// The start of a run-time message, up to where it may quote a value: "fts5: syntax error near".
absl::string_view WithoutValues(absl::string_view message);

}  // namespace doorstep::internal

#endif  // SYNC_SQLITE_RESULT_CODE_H_
