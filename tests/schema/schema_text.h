// Schemas made of .proto texts, for tests.
#ifndef TESTS_SCHEMA_SCHEMA_TEXT_H_
#define TESTS_SCHEMA_SCHEMA_TEXT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.pb.h"
#include "sync/schema/schema.h"

namespace doorstep {

// The file "test.proto" with this text, after 'syntax', 'package t' and the import of the options.
// kInvalidArgument when it is no .proto file.
absl::StatusOr<google::protobuf::FileDescriptorSet> SetFromText(absl::string_view text);

// The same for a whole file, whose first line the caller writes too.
absl::StatusOr<google::protobuf::FileDescriptorSet> SetFromFile(absl::string_view text);

absl::StatusOr<std::shared_ptr<const Schema>> SchemaFromText(absl::string_view text);

// Kinds with a field of every type and merge class: Thing (1) and the append-only Note (2). Never
// null.
std::shared_ptr<const Schema> EverythingSchema();

}  // namespace doorstep

#endif  // TESTS_SCHEMA_SCHEMA_TEXT_H_
