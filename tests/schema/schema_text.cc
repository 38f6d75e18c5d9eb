#include "tests/schema/schema_text.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "sync/base/file.h"
#include "sync/base/status.h"

namespace doorstep {
namespace {

using ::google::protobuf::FileDescriptorSet;

// A directory of its own, gone at the end.
class Directory {
 public:
  Directory() {
    std::string path = (std::filesystem::temp_directory_path() / "doorstep-XXXXXX").string();
    if (mkdtemp(path.data()) != nullptr) path_ = path;
  }
  ~Directory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

constexpr char kEverything[] = R"(
message Thing {
  option (doorstep.v1.kind) = { number: 1 sign_off: true coherent_children: "Note" };
  optional string name = 1 [(doorstep.v1.field) = { merge: LATEST max_bytes: 20 index: true }];
  optional string day = 2 [(doorstep.v1.field) = { merge: EARLIEST format: CIVIL_DATE }];
  optional int32 score = 3 [(doorstep.v1.field) = { merge: HIGHEST range: { min: -5 max: 5 } }];
  optional int64 big = 4 [(doorstep.v1.field) = { merge: LATEST }];
  optional uint32 count = 5 [(doorstep.v1.field) = { merge: LATEST }];
  optional bool yes = 6 [(doorstep.v1.field) = { merge: LATEST }];
  optional double real = 7 [(doorstep.v1.field) = { merge: HIGHEST }];
  optional bytes blob = 8 [(doorstep.v1.field) = { merge: LATEST max_bytes: 100 }];
  optional Colour.Value colour = 9
      [(doorstep.v1.field) = { merge: REVIEW effective: DOMINANT dominant: "RED" }];
  optional Rating rating = 10 [(doorstep.v1.field) = { merge: REVIEW effective: HIGHEST_RATING }];
  optional string prose = 11 [(doorstep.v1.field) = { merge: TEXT full_text: true }];
  repeated string tags = 12 [(doorstep.v1.field) = { merge: SET }];
  repeated Colour.Value colours = 13 [(doorstep.v1.field) = { merge: SET }];
  repeated int32 numbers = 14 [(doorstep.v1.field) = { merge: SET }];
  optional string other = 15 [(doorstep.v1.field) = { merge: LATEST reference: "Thing" }];
  optional Stage.Value stage = 16 [(doorstep.v1.field) = { merge: STATE }];
  optional Rating agreed_rating = 17
      [(doorstep.v1.field) = { merge: REVIEW effective: LAST_AGREED }];
  optional string door = 18
      [(doorstep.v1.field) = { merge: REVIEW effective: NONE when_unsettled: "ask" }];
  optional int32 plain = 19 [(doorstep.v1.field) = { merge: LATEST }];
  optional string origin = 200 [(doorstep.v1.field) = { merge: IMMUTABLE }];
}
message Note {
  option (doorstep.v1.kind) = { number: 2 append_only: true tier: RESTRICTED };
  optional string thing = 1 [(doorstep.v1.field) = { merge: IMMUTABLE reference: "t.Thing" }];
  repeated string words = 2 [(doorstep.v1.field) = { merge: SET }];
}
message Rating {
  option (doorstep.v1.atomic) = {
    likelihood: "likelihood" severity: "severity" compare: "likelihood" compare: "severity"
  };
  optional int32 likelihood = 1 [(doorstep.v1.field).range = { min: 1 max: 5 }];
  optional int32 severity = 2 [(doorstep.v1.field).range = { min: 1 max: 5 }];
  optional string why = 3;
  optional double weight = 4;
  optional Colour.Value colour = 5;
}
message Colour {
  enum Value { UNSPECIFIED = 0; RED = 1; DARK_GREEN = 2; BLUE = 7 [(doorstep.v1.value).label = "sky"]; }
}
message Stage {
  enum Value {
    option (doorstep.v1.state_machine) = {
      initial: "OPEN"
      transitions: { from: "OPEN" to: "SHUT" }
      transitions: { from: "SHUT" to: "OPEN" }
    };
    UNSPECIFIED = 0;
    OPEN = 1 [(doorstep.v1.value).rank = 1];
    SHUT = 2 [(doorstep.v1.value).rank = 3];
  }
}
)";

}  // namespace

// Through the compiler that compiles the built-in schema.
absl::StatusOr<FileDescriptorSet> SetFromFile(absl::string_view text) {
  const Directory directory;
  const std::string base = directory.path();
  DOORSTEP_RETURN_IF_ERROR(WriteFileAtomically(base + "/test.proto", text));
  const std::string command =
      absl::StrCat("'" DOORSTEP_PROTOC "' -I '" DOORSTEP_PROTO_ROOT "' -I '", base,
                   "' --include_imports -o '", base, "/set' test.proto 2> '", base, "/errors'");
  if (std::system(command.c_str()) != 0) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::string errors, ReadFile(base + "/errors"));
    return absl::InvalidArgumentError(errors);
  }
  DOORSTEP_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(base + "/set"));
  FileDescriptorSet set;
  if (!set.ParseFromString(bytes)) return absl::InternalError("protoc made no descriptor set");
  return set;
}

absl::StatusOr<FileDescriptorSet> SetFromText(absl::string_view text) {
  return SetFromFile(absl::StrCat(
      "syntax = \"proto3\"; package t; import \"doorstep/v1/options.proto\";\n", text));
}

absl::StatusOr<std::shared_ptr<const Schema>> SchemaFromText(absl::string_view text) {
  const absl::StatusOr<FileDescriptorSet> set = SetFromText(text);
  if (!set.ok()) return set.status();
  return Schema::FromDescriptorSet(set->SerializeAsString());
}

std::shared_ptr<const Schema> EverythingSchema() {
  static const auto& schema = *new std::shared_ptr<const Schema>([] {
    absl::StatusOr<std::shared_ptr<const Schema>> built = SchemaFromText(kEverything);
    if (!built.ok()) {
      std::fprintf(stderr, "%s\n", built.status().ToString().c_str());
      std::abort();
    }
    return *std::move(built);
  }());
  return schema;
}

}  // namespace doorstep
