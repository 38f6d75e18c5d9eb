#include "sync/sqlite/result_code.h"

#include <sqlite3.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "sync/base/limits.h"

namespace doorstep::internal {
namespace {

absl::StatusCode CodeOfConstraint(int extended_code) {
  switch (extended_code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return absl::StatusCode::kAlreadyExists;
    case SQLITE_CONSTRAINT_DATATYPE:
      return absl::StatusCode::kInvalidArgument;
    default:
      return absl::StatusCode::kFailedPrecondition;
  }
}

absl::StatusCode CodeOfIo(int extended_code) {
  switch (extended_code) {
    case SQLITE_IOERR_NOMEM:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_IOERR_CORRUPTFS:
    case SQLITE_IOERR_DATA:
    case SQLITE_IOERR_SHORT_READ:
      return absl::StatusCode::kDataLoss;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

absl::Status MakeError(int code, absl::string_view message, absl::string_view sql) {
  std::string text(message);
  // The words alone do not say what to do.
  if (code == SQLITE_BUSY_SNAPSHOT) {
    text = absl::StrCat(text, " (the snapshot is too old to write: begin again)");
  } else if ((code & 0xff) == SQLITE_BUSY) {
    text = absl::StrCat(text, " (another connection holds the database: try again)");
  }
  const std::string words = FirstWords(sql);
  if (!words.empty()) absl::StrAppend(&text, ", in: ", words);
  return absl::Status(CodeOf(code), text);
}

}  // namespace

absl::StatusCode CodeOf(int extended_code) {
  switch (extended_code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
      return absl::StatusCode::kOk;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_SCHEMA:
    case SQLITE_ABORT:
      return absl::StatusCode::kAborted;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
      return absl::StatusCode::kPermissionDenied;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StatusCode::kDataLoss;
    case SQLITE_IOERR:
      return CodeOfIo(extended_code);
    case SQLITE_CONSTRAINT:
      return CodeOfConstraint(extended_code);
    case SQLITE_INTERRUPT:
      return absl::StatusCode::kCancelled;
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
      return absl::StatusCode::kInvalidArgument;
    default:
      return absl::StatusCode::kInternal;
  }
}

std::string FirstWords(absl::string_view sql) {
  // A literal may be a value that somebody typed.
  sql = sql.substr(0, std::min(sql.find_first_of("'\""), sql.size()));
  std::string words;
  for (const char c : sql) {
    const bool printable = c >= 0x20 && c < 0x7f;
    if (printable && c != ' ') {
      words.push_back(c);
    } else if (!words.empty() && words.back() != ' ') {
      words.push_back(' ');
    }
    if (words.size() >= kMaxQuotedSqlBytes) break;
  }
  absl::StripTrailingAsciiWhitespace(&words);
  return words;
}

absl::string_view WithoutValues(absl::string_view message) {
  constexpr absl::string_view kFts = "fts5: ";
  const size_t from = absl::StartsWith(message, kFts) ? kFts.size() : 0;
  const size_t quote = message.find_first_of("\"'`[", from);
  const size_t colon = message.find(": ", from);
  return absl::StripTrailingAsciiWhitespace(
      message.substr(0, std::min({quote, colon, message.size()})));
}

absl::Status ErrorOf(sqlite3* db, int code, absl::string_view sql) {
  const absl::string_view message = db == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db);
  return MakeError(code, message, sql);
}

absl::Status RunErrorOf(sqlite3* db, int code, absl::string_view sql) {
  // Messages of other codes name tables and columns only.
  const bool generic = (code & 0xff) == SQLITE_ERROR;
  const absl::string_view message = sqlite3_errmsg(db);
  return MakeError(code, generic ? WithoutValues(message) : message, sql);
}

}  // namespace doorstep::internal
