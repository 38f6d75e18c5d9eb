// What asks for a pause, as a schema says it (doorstep/v1/pause.proto). Read from descriptors when
// asked: few ask.
#ifndef SYNC_SCHEMA_PAUSE_H_
#define SYNC_SCHEMA_PAUSE_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "sync/schema/schema.h"

namespace doorstep {

struct PausedBy {
  size_t part = 0;    // place in FieldSpec::parts, of the id of the record that may ask
  std::string field;  // of that record: an enum field, if its kind has it
  std::string value;  // the name of the value that asks
};
// Nothing: no record that this field names can ask for a pause.
std::optional<PausedBy> PausedByOf(const FieldSpec& field);

// That the option stands only where it means something. kInvalidArgument "path: got, wanted".
absl::Status CheckPauseOption(const FieldSpec& field);

}  // namespace doorstep

#endif  // SYNC_SCHEMA_PAUSE_H_
