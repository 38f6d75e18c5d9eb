// One record kind, read from its message, and what must hold between its fields and between kinds.
#ifndef SYNC_SCHEMA_KIND_RULES_H_
#define SYNC_SCHEMA_KIND_RULES_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"
#include "sync/schema/schema.h"

namespace doorstep {

// `message` has the option (doorstep.v1.kind).
absl::StatusOr<KindSpec> ReadKind(const google::protobuf::Descriptor& message);

// Numbers, names, references and children, over all kinds; makes references and children short
// names.
absl::Status LinkKinds(std::vector<KindSpec>* kinds);

}  // namespace doorstep

#endif  // SYNC_SCHEMA_KIND_RULES_H_
