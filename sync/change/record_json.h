// Records as JSON, with protobuf's JSON mapping: for imports, exports and tools.
//
//   {"name": "Ada", "allergies": ["nuts"], "allergy_status": "LISTED", "_unknown": "wgwDYWJj"}
//
// Fields are written by their names in the .proto file; lowerCamelCase is read too. 64-bit integers
// are written as strings and read as either; `null` is "no value". "_unknown" holds, in base64,
// what this schema cannot spell: fields and enum numbers of a newer one. A mark is written as
// "_hidden" or "_assessed" with its reason, and not read.
#ifndef SYNC_CHANGE_RECORD_JSON_H_
#define SYNC_CHANGE_RECORD_JSON_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/schema/schema.h"

namespace doorstep {

// The canonical values (wire.h) of a record, in order of field number. kInvalidArgument, naming the
// field, for anything that is not strict JSON, nested too deeply or too long (kMaxRecordJsonBytes),
// for a key given twice in either spelling, for a name that the kind does not have (with those that
// are near), and for a value that the schema refuses.
absl::StatusOr<std::string> JsonToValues(const Schema& schema, const KindSpec& kind,
                                         absl::string_view json);

// The inverse. `message` must hold to the schema but may have fields and enum numbers that it does
// not know. `pretty`: one field a line.
absl::StatusOr<std::string> ValuesToJson(const Schema& schema, const KindSpec& kind,
                                         absl::string_view message, bool pretty);

}  // namespace doorstep

#endif  // SYNC_CHANGE_RECORD_JSON_H_
