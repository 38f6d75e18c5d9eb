// One field of a kind, read from its descriptor and checked against the rules of its merge class.
#ifndef SYNC_SCHEMA_FIELD_RULES_H_
#define SYNC_SCHEMA_FIELD_RULES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "sync/schema/schema.h"

namespace doorstep {

// kInvalidArgument "path: got, wanted what".
absl::Status Contradiction(absl::string_view path, absl::string_view got, absl::string_view wanted);

// OK when an option message holds nothing that this program does not know.
absl::Status CheckNoUnknownOptions(absl::string_view path,
                                   const google::protobuf::Message& options);

// `reference` is as written: kinds are only known to Schema. Rules that need a second field or kind
// are in kind_rules.h.
absl::StatusOr<FieldSpec> ReadField(const google::protobuf::FieldDescriptor& field);

}  // namespace doorstep

#endif  // SYNC_SCHEMA_FIELD_RULES_H_
