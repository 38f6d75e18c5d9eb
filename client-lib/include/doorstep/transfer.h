// Records in and out as text: JSON lines, and CSV for spreadsheets.
//
// What is carried is what records say: their ids, places and effective values, why they are hidden,
// and what this program does not know. Not their history: on the importing replica all of it is its
// user's work, as of now. Exported and imported into an empty replica, the same export comes out
// again, but for signatures (they sign versions that only one replica's history has) and the lists
// of versions that differ (one of them is taken).
//
// Nor are the bytes of attachments carried, only the records that name them (attachments.h). In the
// tenant that they come from the bytes come as ever. In another, nobody has them: such a record
// stays ON_ITS_WAY until the same bytes are attached there, in the same file.
//
// A JSON line:
//   {"kind":"Person","id":"0190…","file":"0190…","tier":"NORMAL","record":{"name":"Peter"}}
// with "hidden" (the reason) and "undecided" (fields of which versions stand that differ, with all
// of them) where there is something to say. Only "kind" and "record" are needed.
//
// A CSV file (RFC 4180, UTF-8, one kind, first row: names of columns):
//   _kind, _id, _file, _tier, _hidden, _undecided, _unknown   as above; needed: _kind, or the
//   option name                          a column for each field residual_rating.likelihood    a
//   column for each part of an atomic one
// An empty cell is no value. A list is a JSON array in its cell: ["STAFFING","MOBILITY"]. So that
// no spreadsheet takes a text for a formula, one that is empty or begins with = + - @, a tab or a
// carriage return (after any apostrophes) has one more apostrophe before it, which is taken away
// again.
//
// Threads and errors: as the Replica.
#ifndef DOORSTEP_TRANSFER_H_
#define DOORSTEP_TRANSFER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace doorstep {

class Replica;

enum class TransferFormat { kJsonLines, kCsv };

struct ExportOptions {
  TransferFormat format = TransferFormat::kJsonLines;
  std::string kind;  // only this; empty = all, kinds of newer programs included (not with kCsv)
};
struct ExportResult {
  uint64_t records = 0;
  uint64_t undecided = 0;  // records of which a person must decide something
};
// Writes all records, hidden ones too, as they stood at one moment: by kind, then by id. `sink` is
// called with whole rows; its error ends the export.
absl::StatusOr<ExportResult> Export(Replica& replica, const ExportOptions& options,
                                    absl::FunctionRef<absl::Status(absl::string_view)> sink);

struct ImportOptions {
  TransferFormat format = TransferFormat::kJsonLines;
  std::string kind;            // kCsv: of a file without a column _kind
  std::string author;          // empty = the replica's user
  bool dry_run = false;        // check everything, change nothing
  bool keep_existing = false;  // a record that is here with other values stays as it is
  size_t max_errors = 20;      // told one by one; all are counted
  // Called from the calling thread, every few hundred records; return false to stop (kCancelled,
  // and nothing is imported).
  std::function<bool(uint64_t records)> progress;
};
struct ImportError {
  uint64_t line = 0;  // of the file, from 1; of a CSV row: the line on which it begins
  std::string message;
};
struct ImportResult {
  uint64_t records = 0;    // rows that were read
  uint64_t added = 0;      // 0 when there are errors; of a dry run: that would be
  uint64_t here = 0;       // were here already, just so
  uint64_t kept = 0;       // were here otherwise, and were left (keep_existing)
  uint64_t empty = 0;      // had no value, and were passed over
  uint64_t sign_offs = 0;  // signatures, which are passed over: who signed must sign again
  uint64_t undecided = 0;  // records that were undecided where they come from; taken as shown
  // Of those added: records that name an attachment whose bytes are not here.
  uint64_t attachments_missing = 0;
  uint64_t errors = 0;
  std::vector<ImportError> first_errors;
};
// All rows in one transaction, or, when one has an error, none. Rows with an id are added once:
// what is here just so is passed over, what is here otherwise is an error. A row without an id gets
// one that follows from site, content and, of equal rows, its turn: so importing a file twice adds
// nothing either. `source` fills the buffer and returns how many bytes it put there, 0 at the end.
// Memory does not grow with the file, but for some 50 bytes for each row without an id. While it
// runs, other writers wait. An error is returned for what is wrong with the replica or the source;
// what is wrong with rows stands in the result.
absl::StatusOr<ImportResult> Import(
    Replica& replica, const ImportOptions& options,
    absl::FunctionRef<absl::StatusOr<size_t>(char* buffer, size_t size)> source);

}  // namespace doorstep

#endif  // DOORSTEP_TRANSFER_H_
