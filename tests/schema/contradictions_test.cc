// Each rule that a schema must keep has its case here: what breaks it, and what the error names.
#include <functional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "doorstep/v1/options.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.pb.h"
#include "gtest/gtest.h"
#include "sync/schema/schema.h"
#include "tests/schema/schema_text.h"

namespace doorstep {
namespace {

using ::google::protobuf::FieldDescriptorProto;
using ::google::protobuf::FileDescriptorSet;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kCommon[] = R"(
message Rating { option (doorstep.v1.atomic) = { likelihood: "l" severity: "s" };
  optional int32 l = 1; optional int32 s = 2; }
message Pair { option (doorstep.v1.atomic) = {}; optional int32 a = 1; optional string b = 2; }
message Plain { optional int32 a = 1; }
message Colour { enum Value { NO = 0; RED = 1; } }
message Empty { enum Value { NO = 0; } }
)";

struct Case {
  const char* name;
  const char* text;  // the fields of kind A; whole messages when it begins with "!"
  const char* path;  // what the error begins with
  const char* what;  // what it says
};

void PrintTo(const Case& c, std::ostream* os) { *os << c.name; }

class Contradiction : public ::testing::TestWithParam<Case> {};

TEST_P(Contradiction, IsRefusedAndNamed) {
  absl::string_view text = GetParam().text;
  const bool whole = absl::ConsumePrefix(&text, "!");
  const auto set = SetFromText(
      absl::StrCat(kCommon, whole ? "" : "message A { option (doorstep.v1.kind) = { number: 1 }; ",
                   text, whole ? "" : " }"));
  ASSERT_TRUE(set.ok()) << set.status();
  const auto schema = Schema::FromDescriptorSet(set->SerializeAsString());
  ASSERT_EQ(schema.status().code(), absl::StatusCode::kInvalidArgument) << schema.status();
  const std::string message(schema.status().message());
  EXPECT_THAT(message, StartsWith(absl::StrCat(GetParam().path, ": ")));
  EXPECT_THAT(message, HasSubstr(GetParam().what));
  EXPECT_THAT(message, HasSubstr(", wanted "));
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, Contradiction,
    ::testing::Values(
        Case{"no class", "optional string x = 1;", "t.A.x", "no merge class"},
        Case{"options without class", "optional string x = 1 [(doorstep.v1.field).index = true];",
             "t.A.x", "no merge class"},
        Case{"map", "map<string, string> x = 1 [(doorstep.v1.field).merge = SET];", "t.A.x", "map"},
        Case{"oneof", "oneof o { string x = 1 [(doorstep.v1.field).merge = LATEST]; }", "t.A.x",
             "oneof o"},
        Case{"float", "optional float x = 1 [(doorstep.v1.field).merge = LATEST];", "t.A.x",
             "type float, wanted int32, int64, uint32"},
        Case{"uint64", "optional uint64 x = 1 [(doorstep.v1.field).merge = LATEST];", "t.A.x",
             "type uint64"},
        Case{"fixed64", "optional fixed64 x = 1 [(doorstep.v1.field).merge = LATEST];", "t.A.x",
             "type fixed64"},
        Case{"sint32", "optional sint32 x = 1 [(doorstep.v1.field).merge = LATEST];", "t.A.x",
             "type sint32"},
        Case{"sfixed32", "optional sfixed32 x = 1 [(doorstep.v1.field).merge = LATEST];", "t.A.x",
             "type sfixed32"},
        Case{"no presence", "string x = 1 [(doorstep.v1.field).merge = LATEST];", "t.A.x",
             "without presence, wanted optional"},
        Case{"repeated, not SET", "repeated string x = 1 [(doorstep.v1.field).merge = LATEST];",
             "t.A.x", "merge LATEST on a repeated field, wanted SET"},
        Case{"SET, not repeated", "optional string x = 1 [(doorstep.v1.field).merge = SET];",
             "t.A.x", "merge SET on a single field"},
        Case{"SET of messages", "repeated Pair x = 1 [(doorstep.v1.field).merge = SET];", "t.A.x",
             "not supported yet"},
        Case{"SET of bool", "repeated bool x = 1 [(doorstep.v1.field).merge = SET];", "t.A.x",
             "a SET of bool"},
        Case{"SET of bytes", "repeated bytes x = 1 [(doorstep.v1.field).merge = SET];", "t.A.x",
             "a SET of bytes"},
        Case{"SET of double", "repeated double x = 1 [(doorstep.v1.field).merge = SET];", "t.A.x",
             "a SET of double"},
        Case{"field number", "optional string x = 10001 [(doorstep.v1.field).merge = LATEST];",
             "t.A.x", "field number 10001, wanted at most 10000"},
        Case{"atomic field number", "optional Pair x = 10001 [(doorstep.v1.field).merge = LATEST];",
             "t.A.x", "field number 10001"},
        Case{"upper case", "optional string Name = 1 [(doorstep.v1.field).merge = LATEST];",
             "t.A.Name", "lower_case"},
        Case{"underscore", "optional string _x = 1 [(doorstep.v1.field).merge = LATEST];", "t.A._x",
             "\"_\""},
        Case{"reserved column", "optional string tier = 1 [(doorstep.v1.field).merge = LATEST];",
             "t.A.tier", "reserved column name tier"},
        Case{"reserved id", "optional string id = 1 [(doorstep.v1.field).merge = LATEST];",
             "t.A.id", "reserved column name id"},
        Case{"column twice",
             "optional Pair x = 1 [(doorstep.v1.field).merge = LATEST];"
             "optional string x_b = 2 [(doorstep.v1.field).merge = LATEST];",
             "t.A.x_b", "column x_b, which x has too"},
        Case{"enum without values",
             "optional Empty.Value x = 1 [(doorstep.v1.field).merge = LATEST];", "t.A.x",
             "without a value"},
        Case{"enum with aliases",
             "enum E { option allow_alias = true; NO = 0; P = 1; Q = 1; }"
             "optional E x = 1 [(doorstep.v1.field).merge = LATEST];",
             "t.A.x", "two names for 1"}));

INSTANTIATE_TEST_SUITE_P(
    AtomicMessages, Contradiction,
    ::testing::Values(
        Case{"not atomic", "optional Plain x = 1 [(doorstep.v1.field).merge = LATEST];", "t.A.x",
             "message t.Plain, wanted a message with (doorstep.v1.atomic)"},
        Case{"nested",
             "message P { option (doorstep.v1.atomic) = {}; optional Pair q = 1; }"
             "optional P x = 1 [(doorstep.v1.field).merge = LATEST];",
             "t.A.x: t.A.P.q", "a message within an atomic message"},
        Case{"repeated part",
             "message P { option (doorstep.v1.atomic) = {}; repeated int32 q = 1; }"
             "optional P x = 1 [(doorstep.v1.field).merge = LATEST];",
             "t.A.x: t.A.P.q", "a repeated part"},
        Case{"part without presence",
             "message P { option (doorstep.v1.atomic) = {}; int32 q = 1; }"
             "optional P x = 1 [(doorstep.v1.field).merge = LATEST];",
             "t.A.x: t.A.P.q", "without presence"},
        Case{"part in a oneof",
             "message P { option (doorstep.v1.atomic) = {}; oneof o { int32 q = 1; } }"
             "optional P x = 1 [(doorstep.v1.field).merge = LATEST];",
             "t.A.x: t.A.P.q", "a oneof"},
        Case{"part with a class",
             "message P { option (doorstep.v1.atomic) = {};"
             "  optional int32 q = 1 [(doorstep.v1.field).merge = LATEST]; }"
             "optional P x = 1 [(doorstep.v1.field).merge = LATEST];",
             "t.A.x: t.A.P.q", "on a part"},
        Case{"part with a reference",
             "message P { option (doorstep.v1.atomic) = {};"
             "  optional string q = 1 [(doorstep.v1.field).reference = \"A\"]; }"
             "optional P x = 1 [(doorstep.v1.field).merge = LATEST];",
             "t.A.x: t.A.P.q", "on a part"},
        Case{"part of a refused type",
             "message P { option (doorstep.v1.atomic) = {}; optional float q = 1; }"
             "optional P x = 1 [(doorstep.v1.field).merge = LATEST];",
             "t.A.x: t.A.P.q", "type float"},
        Case{"a title that is no field",
             "!message A { option (doorstep.v1.kind) = { number: 1 title: \"y\" };"
             "  optional string x = 1 [(doorstep.v1.field).merge = LATEST]; }",
             "t.A", "title \"y\""},
        Case{"a title that is no text",
             "!message A { option (doorstep.v1.kind) = { number: 1 title: \"x\" };"
             "  optional int32 x = 1 [(doorstep.v1.field).merge = LATEST]; }",
             "t.A", "title \"x\""},
        Case{"responsibility on a number",
             "optional int32 x = 1 [(doorstep.v1.field) = { merge: LATEST responsibility: LEAD }];",
             "t.A.x", "responsibility on a field of another type"},
        Case{
            "a day that is no date",
            "optional string x = 1 [(doorstep.v1.field) = { merge: LATEST responsibility: FROM }];",
            "t.A.x", "responsibility on a field of another type"},
        Case{
            "responsibility twice",
            "optional string x = 1 [(doorstep.v1.field) = { merge: LATEST responsibility: LEAD }];"
            "optional string y = 2 [(doorstep.v1.field) = { merge: LATEST responsibility: LEAD }];",
            "t.A.y", "which another field has too"},
        Case{"no parts",
             "message P { option (doorstep.v1.atomic) = {}; }"
             "optional P x = 1 [(doorstep.v1.field).merge = LATEST];",
             "t.A.x", "t.A.P without parts"},
        Case{"likelihood that is no part",
             "message P { option (doorstep.v1.atomic) = { likelihood: \"z\" };"
             "  optional int32 q = 1; }"
             "optional P x = 1 [(doorstep.v1.field).merge = LATEST];",
             "t.A.x: t.A.P", "likelihood \"z\""},
        Case{"severity that is text",
             "message P { option (doorstep.v1.atomic) = { severity: \"q\" };"
             "  optional string q = 1; }"
             "optional P x = 1 [(doorstep.v1.field).merge = LATEST];",
             "t.A.x: t.A.P.q", "no integer"},
        Case{"likelihood that is severity",
             "message P { option (doorstep.v1.atomic) = { likelihood: \"q\" severity: \"q\" };"
             "  optional int32 q = 1; }"
             "optional P x = 1 [(doorstep.v1.field).merge = LATEST];",
             "t.A.x: t.A.P", "in one part"},
        Case{"compare twice",
             "message P { option (doorstep.v1.atomic) = { compare: \"q\" compare: \"q\" };"
             "  optional int32 q = 1; }"
             "optional P x = 1 [(doorstep.v1.field).merge = LATEST];",
             "t.A.x: t.A.P", "compare \"q\""},
        Case{"format on the whole",
             "optional Pair x = 1 [(doorstep.v1.field) = { merge: LATEST max_bytes: 3 }];", "t.A.x",
             "on an atomic message"},
        Case{"index on the whole",
             "optional Pair x = 1 [(doorstep.v1.field) = { merge: LATEST index: true }];", "t.A.x",
             "index on an atomic message"},
        Case{"a kind as a value",
             "message B { option (doorstep.v1.kind) = { number: 2 };"
             "  option (doorstep.v1.atomic) = {};"
             "  optional string y = 1 [(doorstep.v1.field).merge = LATEST]; }"
             "optional B x = 1 [(doorstep.v1.field).merge = LATEST];",
             "t.A.x", "the record kind t.A.B"}));

INSTANTIATE_TEST_SUITE_P(
    MergeClasses, Contradiction,
    ::testing::Values(
        Case{"REVIEW alone", "optional string x = 1 [(doorstep.v1.field).merge = REVIEW];", "t.A.x",
             "merge REVIEW without effective, wanted one of HIGHEST_RATING"},
        Case{"effective alone",
             "optional string x = 1 [(doorstep.v1.field) = { merge: LATEST effective: NONE }];",
             "t.A.x", "effective NONE with merge LATEST"},
        Case{"HIGHEST_RATING on a string",
             "optional string x = 1 [(doorstep.v1.field) = "
             "{ merge: REVIEW effective: HIGHEST_RATING }];",
             "t.A.x", "HIGHEST_RATING on what has no likelihood and severity"},
        Case{"HIGHEST_RATING without parts",
             "optional Pair x = 1 [(doorstep.v1.field) = "
             "{ merge: REVIEW effective: HIGHEST_RATING }];",
             "t.A.x", "an atomic message that names both"},
        Case{"DOMINANT on a string",
             "optional string x = 1 [(doorstep.v1.field) = "
             "{ merge: REVIEW effective: DOMINANT dominant: \"RED\" }];",
             "t.A.x", "DOMINANT on what is no enum"},
        Case{"DOMINANT unnamed",
             "optional Colour.Value x = 1 [(doorstep.v1.field) = "
             "{ merge: REVIEW effective: DOMINANT }];",
             "t.A.x", "dominant \"\", wanted a value of t.Colour.Value"},
        Case{"DOMINANT that is 0",
             "optional Colour.Value x = 1 [(doorstep.v1.field) = "
             "{ merge: REVIEW effective: DOMINANT dominant: \"NO\" }];",
             "t.A.x", "that is not 0"},
        Case{"dominant alone",
             "optional Colour.Value x = 1 [(doorstep.v1.field) = "
             "{ merge: LATEST dominant: \"RED\" }];",
             "t.A.x", "dominant without effective DOMINANT"},
        Case{"dominant with LAST_AGREED, of no such value",
             "optional Colour.Value x = 1 [(doorstep.v1.field) = "
             "{ merge: REVIEW effective: LAST_AGREED dominant: \"BLUEISH\" }];",
             "t.A.x", "dominant \"BLUEISH\", wanted a value of t.Colour.Value"},
        Case{"dominant of an atomic message without an enum",
             "optional Pair x = 1 [(doorstep.v1.field) = "
             "{ merge: REVIEW effective: LAST_AGREED dominant: \"RED\" }];",
             "t.A.x", "on what has no enum"},
        Case{"NONE without words",
             "optional string x = 1 [(doorstep.v1.field) = { merge: REVIEW effective: NONE }];",
             "t.A.x", "NONE without when_unsettled"},
        Case{"words without NONE",
             "optional string x = 1 [(doorstep.v1.field) = "
             "{ merge: LATEST when_unsettled: \"ask\" }];",
             "t.A.x", "when_unsettled without effective NONE"},
        Case{"removal without SET",
             "optional string x = 1 [(doorstep.v1.field) = { merge: LATEST removal: REVIEWED }];",
             "t.A.x", "removal without merge SET"},
        Case{"two coherent groups",
             "optional string x = 1 [(doorstep.v1.field) = { merge: TEXT coherent_group: \"a\" }];"
             "optional string y = 2 [(doorstep.v1.field) = { merge: TEXT coherent_group: \"b\" }];",
             "t.A.y", "the kind's only one, \"a\""},
        Case{"TEXT on a number", "optional int32 x = 1 [(doorstep.v1.field).merge = TEXT];",
             "t.A.x", "merge TEXT on what is no prose"},
        Case{"TEXT on a date",
             "optional string x = 1 [(doorstep.v1.field) = { merge: TEXT format: CIVIL_DATE }];",
             "t.A.x", "merge TEXT on what is no prose"},
        Case{"EARLIEST on prose", "optional string x = 1 [(doorstep.v1.field).merge = EARLIEST];",
             "t.A.x", "EARLIEST on what has no order in time"},
        Case{"HIGHEST on prose", "optional string x = 1 [(doorstep.v1.field).merge = HIGHEST];",
             "t.A.x", "HIGHEST on what is no number"},
        Case{"safety with LATEST",
             "optional string x = 1 [(doorstep.v1.field) = { merge: LATEST safety: true }];",
             "t.A.x", "merge LATEST with safety"},
        Case{"full_text on a number",
             "optional int32 x = 1 [(doorstep.v1.field) = { merge: LATEST full_text: true }];",
             "t.A.x", "full_text on what is no prose"},
        Case{"format on a number",
             "optional int32 x = 1 [(doorstep.v1.field) = { merge: LATEST format: RECORD_ID }];",
             "t.A.x", "RECORD_ID on what is no string"},
        Case{"reference that is a date",
             "optional string x = 1 [(doorstep.v1.field) = "
             "{ merge: LATEST format: CIVIL_DATE reference: \"A\" }];",
             "t.A.x", "reference with format CIVIL_DATE"},
        Case{"range on a string",
             "optional string x = 1 [(doorstep.v1.field) = { merge: LATEST range: { max: 1 } }];",
             "t.A.x", "range on what is no integer"},
        Case{"range upside down",
             "optional int32 x = 1 [(doorstep.v1.field) = "
             "{ merge: LATEST range: { min: 2 max: 1 } }];",
             "t.A.x", "range 2 to 1"},
        Case{"range beyond the type",
             "optional uint32 x = 1 [(doorstep.v1.field) = "
             "{ merge: LATEST range: { min: -1 max: 1 } }];",
             "t.A.x", "within 0 to 4294967295"},
        Case{"max_bytes on a number",
             "optional int32 x = 1 [(doorstep.v1.field) = { merge: LATEST max_bytes: 3 }];",
             "t.A.x", "max_bytes on what is neither"},
        Case{"max_bytes too large",
             "optional string x = 1 [(doorstep.v1.field) = { merge: LATEST max_bytes: 65537 }];",
             "t.A.x", "max_bytes 65537, wanted at most 65536"},
        Case{"max_bytes of an element",
             "repeated string x = 1 [(doorstep.v1.field) = { merge: SET max_bytes: 1025 }];",
             "t.A.x", "at most 1024"},
        Case{"max_bytes below the format",
             "optional string x = 1 [(doorstep.v1.field) = "
             "{ merge: LATEST format: CIVIL_DATE max_bytes: 9 }];",
             "t.A.x", "at least the 10"}));

INSTANTIATE_TEST_SUITE_P(
    StateMachines, Contradiction,
    ::testing::Values(
        Case{"STATE on a string", "optional string x = 1 [(doorstep.v1.field).merge = STATE];",
             "t.A.x", "merge STATE on what is no enum"},
        Case{"STATE without a machine",
             "optional Colour.Value x = 1 [(doorstep.v1.field).merge = STATE];", "t.A.x",
             "merge STATE with t.Colour.Value"},
        Case{"no initial",
             "enum S { option (doorstep.v1.state_machine) = {}; NO = 0; P = 1; }"
             "optional S x = 1 [(doorstep.v1.field).merge = STATE];",
             "t.A.x", "initial \"\""},
        Case{"initial that is 0",
             "enum S { option (doorstep.v1.state_machine) = { initial: \"NO\" }; NO = 0; P = 1; }"
             "optional S x = 1 [(doorstep.v1.field).merge = STATE];",
             "t.A.x", "initial \"NO\""},
        Case{"from nowhere",
             "enum S { option (doorstep.v1.state_machine) = { initial: \"P\""
             "  transitions: { from: \"Z\" to: \"P\" } }; NO = 0; P = 1; }"
             "optional S x = 1 [(doorstep.v1.field).merge = STATE];",
             "t.A.x", "transition from \"Z\""},
        Case{"to nowhere",
             "enum S { option (doorstep.v1.state_machine) = { initial: \"P\""
             "  transitions: { from: \"P\" to: \"NO\" } }; NO = 0; P = 1; }"
             "optional S x = 1 [(doorstep.v1.field).merge = STATE];",
             "t.A.x", "transition to \"NO\""},
        Case{"to itself",
             "enum S { option (doorstep.v1.state_machine) = { initial: \"P\""
             "  transitions: { from: \"P\" to: \"P\" } }; NO = 0; P = 1; }"
             "optional S x = 1 [(doorstep.v1.field).merge = STATE];",
             "t.A.x", "transition P to P"}));

INSTANTIATE_TEST_SUITE_P(
    Kinds, Contradiction,
    ::testing::Values(
        Case{"number 0",
             "!message A { option (doorstep.v1.kind) = { label: \"a\" };"
             "  optional string x = 1 [(doorstep.v1.field).merge = LATEST]; }",
             "t.A", "kind number 0, wanted 1 to 65535"},
        Case{"number too large",
             "!message A { option (doorstep.v1.kind) = { number: 65536 };"
             "  optional string x = 1 [(doorstep.v1.field).merge = LATEST]; }",
             "t.A", "kind number 65536"},
        Case{"number twice",
             "!message A { option (doorstep.v1.kind) = { number: 1 };"
             "  optional string x = 1 [(doorstep.v1.field).merge = LATEST]; }"
             "message B { option (doorstep.v1.kind) = { number: 1 };"
             "  optional string x = 1 [(doorstep.v1.field).merge = LATEST]; }",
             "t.B", "kind number 1, which t.A has too"},
        Case{"name twice",
             "!message A { option (doorstep.v1.kind) = { number: 1 };"
             "  optional string x = 1 [(doorstep.v1.field).merge = LATEST];"
             "  message A { option (doorstep.v1.kind) = { number: 2 };"
             "    optional string x = 1 [(doorstep.v1.field).merge = LATEST]; } }",
             "t.A.A", "table name a, which t.A has too"},
        Case{"no fields", "!message A { option (doorstep.v1.kind) = { number: 1 }; }", "t.A",
             "without fields"},
        Case{"no kinds", "!message A { optional string x = 1; }", "descriptor set",
             "no message with (doorstep.v1.kind)"},
        Case{"a name of SQLite's",
             "!message SqliteThing { option (doorstep.v1.kind) = { number: 1 };"
             "  optional string x = 1 [(doorstep.v1.field).merge = LATEST]; }",
             "t.SqliteThing", "sqlite_"},
        Case{"append_only that changes",
             "!message A { option (doorstep.v1.kind) = { number: 1 append_only: true };"
             "  optional string x = 1 [(doorstep.v1.field).merge = LATEST]; }",
             "t.A.x", "can change in an append_only kind, wanted merge IMMUTABLE or SET"},
        Case{"sign_off_requires without sign_off",
             "optional string x = 1 [(doorstep.v1.field) = "
             "{ merge: LATEST sign_off_requires: true }];",
             "t.A.x", "sign_off_requires in a kind without sign_off"},
        Case{"reference to nothing",
             "optional string x = 1 [(doorstep.v1.field) = { merge: LATEST reference: \"Z\" }];",
             "t.A.x", "reference \"Z\""},
        Case{"reference to what is no kind",
             "optional string x = 1 [(doorstep.v1.field) = { merge: LATEST reference: \"Pair\" }];",
             "t.A.x", "reference \"Pair\""},
        Case{"child that is no kind",
             "!message A { option (doorstep.v1.kind) = { number: 1 coherent_children: \"Z\" };"
             "  optional string x = 1 [(doorstep.v1.field).merge = LATEST]; }",
             "t.A", "coherent_children \"Z\""},
        Case{"child without a reference",
             "!message A { option (doorstep.v1.kind) = { number: 1 coherent_children: \"B\" };"
             "  optional string x = 1 [(doorstep.v1.field).merge = LATEST]; }"
             "message B { option (doorstep.v1.kind) = { number: 2 };"
             "  optional string x = 1 [(doorstep.v1.field).merge = LATEST]; }",
             "t.A", "a kind with a reference to this one"},
        Case{"duplicate key of nothing",
             "!message A { option (doorstep.v1.kind) = { number: 1 duplicate_key: \"x z\" };"
             "  optional string x = 1 [(doorstep.v1.field).merge = LATEST]; }",
             "t.A", "duplicate_key \"x z\""},
        Case{"duplicate key of a number",
             "!message A { option (doorstep.v1.kind) = { number: 1 duplicate_key: \"x\" };"
             "  optional int32 x = 1 [(doorstep.v1.field).merge = LATEST]; }",
             "t.A", "names of text fields"},
        Case{"empty duplicate key",
             "!message A { option (doorstep.v1.kind) = { number: 1 duplicate_key: \" \" };"
             "  optional string x = 1 [(doorstep.v1.field).merge = LATEST]; }",
             "t.A", "an empty duplicate_key"},
        Case{
            "says_same with one reference",
            "!message A { option (doorstep.v1.kind) = { number: 1 says_same: true };"
            "  optional string x = 1 [(doorstep.v1.field) = { merge: LATEST reference: \"A\" }]; }",
            "t.A", "says_same with 1 references and 0 fields of rule DOMINANT"}));

TEST(Contradiction, Proto2IsRefused) {
  const auto set = SetFromFile(R"(syntax = "proto2"; package t; import "doorstep/v1/options.proto";
    message A { option (doorstep.v1.kind) = { number: 1 };
      optional string x = 1 [(doorstep.v1.field).merge = LATEST]; })");
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(std::string(Schema::FromDescriptorSet(set->SerializeAsString()).status().message()),
              HasSubstr("t.A: a file that is not proto3"));
}

// What a newer program's schema may hold, made by changing a good one.
class FromANewerProgram : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto set = SetFromText(R"(
      message A { option (doorstep.v1.kind) = { number: 1 };
        optional S x = 1 [(doorstep.v1.field).merge = STATE];
        optional P y = 2 [(doorstep.v1.field).merge = LATEST]; }
      message P { option (doorstep.v1.atomic) = {}; optional int32 a = 1; }
      enum S { option (doorstep.v1.state_machine) = { initial: "ON" }; NO = 0;
        ON = 1 [(doorstep.v1.value).rank = 1]; })");
    ASSERT_TRUE(set.ok()) << set.status();
    set_ = *set;
    ASSERT_TRUE(Schema::FromDescriptorSet(set_.SerializeAsString()).ok());
  }

  std::string Message() {
    return std::string(Schema::FromDescriptorSet(set_.SerializeAsString()).status().message());
  }
  google::protobuf::DescriptorProto& kind() {
    return *set_.mutable_file(2)->mutable_message_type(0);
  }
  v1::FieldOptions& field(int i) {
    return *kind().mutable_field(i)->mutable_options()->MutableExtension(v1::field);
  }

  FileDescriptorSet set_;
};

template <typename Options>
void AddUnknown(Options* options) {
  options->GetReflection()->MutableUnknownFields(options)->AddVarint(99, 1);
}

TEST_F(FromANewerProgram, UnknownOptionValuesAreRefused) {
  const std::vector<std::pair<std::string, std::function<void(v1::FieldOptions&)>>> changes = {
      {"merge 99", [](v1::FieldOptions& o) { o.set_merge(static_cast<v1::MergeClass>(99)); }},
      {"effective 99",
       [](v1::FieldOptions& o) { o.set_effective(static_cast<v1::EffectiveRule>(99)); }},
      {"removal 99", [](v1::FieldOptions& o) { o.set_removal(static_cast<v1::Removal>(99)); }},
      {"format 99", [](v1::FieldOptions& o) { o.set_format(static_cast<v1::Format>(99)); }},
      {"field 99 in doorstep.v1.FieldOptions", [](v1::FieldOptions& o) { AddUnknown(&o); }},
  };
  const v1::FieldOptions good = field(0);
  for (const auto& [what, change] : changes) {
    field(0) = good;
    change(field(0));
    EXPECT_THAT(Message(), StartsWith("t.A.x: " + what));
  }
}

TEST_F(FromANewerProgram, UnknownTierIsRefused) {
  kind().mutable_options()->MutableExtension(v1::kind)->set_tier(static_cast<v1::Tier>(9));
  EXPECT_THAT(Message(), StartsWith("t.A: tier 9"));
}

TEST_F(FromANewerProgram, UnknownOptionsOfAKindAreRefused) {
  AddUnknown(kind().mutable_options()->MutableExtension(v1::kind));
  EXPECT_THAT(Message(), StartsWith("t.A: field 99 in doorstep.v1.KindOptions"));
}

TEST_F(FromANewerProgram, UnknownOptionsOfAnAtomicMessageAreRefused) {
  AddUnknown(set_.mutable_file(2)->mutable_message_type(1)->mutable_options()->MutableExtension(
      v1::atomic));
  EXPECT_THAT(Message(), StartsWith("t.A.y: t.P: field 99 in doorstep.v1.AtomicOptions"));
}

TEST_F(FromANewerProgram, UnknownOptionsOfAStateMachineAreRefused) {
  AddUnknown(set_.mutable_file(2)->mutable_enum_type(0)->mutable_options()->MutableExtension(
      v1::state_machine));
  EXPECT_THAT(Message(), StartsWith("t.A.x: field 99 in doorstep.v1.StateMachine"));
}

TEST_F(FromANewerProgram, UnknownOptionsOfAnEnumValueAreRefused) {
  AddUnknown(set_.mutable_file(2)
                 ->mutable_enum_type(0)
                 ->mutable_value(1)
                 ->mutable_options()
                 ->MutableExtension(v1::value));
  EXPECT_THAT(Message(), HasSubstr("field 99 in doorstep.v1.EnumValueOptions"));
}

TEST_F(FromANewerProgram, AnotherOptionsFileIsRefused) {
  auto* options = set_.mutable_file(1);
  ASSERT_EQ(options->name(), "doorstep/v1/options.proto");
  auto* added = options->mutable_enum_type(0)->add_value();
  added->set_name("NEWEST");
  added->set_number(77);
  EXPECT_THAT(Message(), StartsWith("doorstep/v1/options.proto: other options"));
}

TEST_F(FromANewerProgram, ASetWithoutTheOptionsFileIsRefused) {
  FileDescriptorSet set;
  *set.add_file() = set_.file(0);
  EXPECT_THAT(std::string(Schema::FromDescriptorSet(set.SerializeAsString()).status().message()),
              StartsWith("doorstep/v1/options.proto: a set without it"));
}

TEST_F(FromANewerProgram, FilesOutOfOrderAreRefused) {
  FileDescriptorSet set;
  *set.add_file() = set_.file(2);
  *set.add_file() = set_.file(0);
  *set.add_file() = set_.file(1);
  EXPECT_THAT(std::string(Schema::FromDescriptorSet(set.SerializeAsString()).status().message()),
              StartsWith("\"test.proto\": "));
}

TEST_F(FromANewerProgram, AGroupIsRefused) {
  FieldDescriptorProto* group = kind().mutable_field(1);
  group->set_type(FieldDescriptorProto::TYPE_GROUP);
  EXPECT_FALSE(Message().empty());
}

}  // namespace
}  // namespace doorstep
