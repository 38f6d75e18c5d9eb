// The rows of an import as somebody wrote them: JSON lines and CSV, made alike.
#ifndef CLIENT_LIB_IMPORT_ROWS_H_
#define CLIENT_LIB_IMPORT_ROWS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client-lib/text_rows.h"
#include "doorstep/transfer.h"
#include "sync/schema/schema.h"

namespace doorstep::client {

// One record as it stands in a row. Nothing but its form has been checked.
struct ImportRow {
  std::string kind;
  std::string id, file, tier;  // empty = not given
  std::string hidden;          // why; empty = it does not say
  bool undecided = false;
  std::string json;  // its fields
};

// By its name, or as "kind 57" when it had none where it was written. kNotFound lists those that
// there are.
absl::StatusOr<const KindSpec*> FindImportedKind(const Schema& schema, absl::string_view name);

class ImportRows {
 public:
  virtual ~ImportRows() = default;
  // false: there are no more, or the source failed (source_status). kInvalidArgument and kNotFound
  // are of this row, whose line is line(); the next may be good.
  virtual absl::StatusOr<bool> Next(ImportRow* row) = 0;
  virtual uint64_t line() const = 0;
  virtual const absl::Status& source_status() const = 0;
};

std::unique_ptr<ImportRows> MakeImportRows(const Schema& schema, const ImportOptions& options,
                                           ByteSource source);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_IMPORT_ROWS_H_
