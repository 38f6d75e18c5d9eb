// Each way in which a schema may differ from the one before has its case here: what it is called,
// where, and whether it may be.
#include "sync/schema/compare.h"

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.pb.h"
#include "gtest/gtest.h"
#include "tests/schema/schema_text.h"

namespace doorstep {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// What every case begins from. Cases replace a piece of it.
constexpr char kReleased[] = R"(
message Visit {
  option (doorstep.v1.kind) = { number: 1 sign_off: true coherent_children: "Safeguard" };
  reserved 9;
  optional string name = 1 [(doorstep.v1.field) = { merge: LATEST max_bytes: 20 }];
  optional string day = 2 [(doorstep.v1.field) = { merge: EARLIEST format: CIVIL_DATE }];
  optional int32 score = 3 [(doorstep.v1.field) = { merge: HIGHEST range: { min: 1 max: 5 } }];
  optional Colour.Value colour = 4
      [(doorstep.v1.field) = { merge: REVIEW effective: DOMINANT dominant: "RED" safety: true }];
  optional Rating rating = 5 [(doorstep.v1.field) = {
      merge: REVIEW effective: HIGHEST_RATING coherent_group: "risk" }];
  optional Stage.Value stage = 6 [(doorstep.v1.field) = { merge: STATE }];
  repeated string tags = 7 [(doorstep.v1.field) = { merge: SET }];
  optional string door = 8
      [(doorstep.v1.field) = { merge: REVIEW effective: NONE when_unsettled: "ask" }];
  optional string worker = 10 [(doorstep.v1.field) = { merge: LATEST responsibility: WORKER }];
  /*field*/
}
message Safeguard {
  option (doorstep.v1.kind) = { number: 2 append_only: true };
  optional string visit = 1 [(doorstep.v1.field) = { merge: IMMUTABLE reference: "Visit" }];
  /*child*/
}
message Note {
  option (doorstep.v1.kind) = { number: 3 };
  optional string visit = 1 [(doorstep.v1.field) = { merge: LATEST reference: "Visit" }];
  optional string text = 2 [(doorstep.v1.field) = { merge: TEXT }];
}
/*kind*/
message Rating {
  option (doorstep.v1.atomic) = {
    likelihood: "likelihood" severity: "severity" compare: "likelihood" compare: "severity"
  };
  optional int32 likelihood = 1 [(doorstep.v1.field).range = { min: 1 max: 5 }];
  optional int32 severity = 2 [(doorstep.v1.field).range = { min: 1 max: 5 }];
  optional string why = 3;
  /*part*/
}
message Other {
  option (doorstep.v1.atomic) = { likelihood: "l" severity: "s" compare: "l" compare: "s" };
  optional int32 l = 1 [(doorstep.v1.field).range = { min: 1 max: 5 }];
  optional int32 s = 2 [(doorstep.v1.field).range = { min: 1 max: 5 }];
  optional string why = 3;
}
message Colour {
  enum Value { UNSPECIFIED = 0; RED = 1; GREEN = 2; /*value*/ }
}
message Stage {
  enum Value {
    option (doorstep.v1.state_machine) = {
      initial: "OPEN"
      transitions: { from: "OPEN" to: "SHUT" }
      /*transition*/
    };
    UNSPECIFIED = 0;
    OPEN = 1 [(doorstep.v1.value).rank = 1];
    SHUT = 2 [(doorstep.v1.value).rank = 3];
    LOST = 3 [(doorstep.v1.value).rank = 4];
    /*state*/
  }
}
)";

struct Case {
  const char* name;
  const char* piece;  // of kReleased
  const char* now;    // what stands there in the new schema
  SchemaRule rule;
  const char* where;
  uint32_t kind, field;
  const char* what;
};

void PrintTo(const Case& c, std::ostream* os) { *os << c.name; }

std::shared_ptr<const Schema> Released() {
  static const auto& schema = *new std::shared_ptr<const Schema>(*SchemaFromText(kReleased));
  return schema;
}

class Difference : public ::testing::TestWithParam<Case> {};

TEST_P(Difference, IsNamed) {
  const Case& c = GetParam();
  const std::string text = absl::StrReplaceAll(kReleased, {{c.piece, c.now}});
  ASSERT_NE(text, kReleased);
  const absl::StatusOr<std::shared_ptr<const Schema>> now = SchemaFromText(text);
  ASSERT_TRUE(now.ok()) << now.status();
  const std::vector<SchemaChange> changes = CompareSchemas(*Released(), **now);
  std::string all;
  bool found = false;
  for (const SchemaChange& change : changes) {
    absl::StrAppend(&all, NameOf(change.rule), " ", change.where, " (", change.kind, ".",
                    change.field, "): ", change.what, "\n");
    found |= change.rule == c.rule && change.where == c.where && change.kind == c.kind &&
             change.field == c.field && change.what == c.what;
  }
  EXPECT_TRUE(found) << all;
  EXPECT_EQ(IsAdditive(*Released(), **now), c.rule == SchemaRule::kAdditive) << all;
}

constexpr auto kAdditive = SchemaRule::kAdditive;

INSTANTIATE_TEST_SUITE_P(
    Additive, Difference,
    ::testing::Values(Case{"kind", "/*kind*/",
                           R"(message Call { option (doorstep.v1.kind) = { number: 4 };
                optional string x = 1 [(doorstep.v1.field) = { merge: LATEST }]; })",
                           kAdditive, "Call", 4, 0, "a new kind"},
                      Case{"field", "/*field*/",
                           "optional string gp = 11 [(doorstep.v1.field) = { merge: LATEST }];",
                           kAdditive, "Visit.gp", 1, 11, "a new field"},
                      Case{"field of a kind that never changes", "/*child*/",
                           "optional string more = 2 [(doorstep.v1.field) = { merge: IMMUTABLE }];",
                           kAdditive, "Safeguard.more", 2, 2, "a new field"},
                      Case{"field of the judgement", "/*field*/",
                           R"(optional string more = 11 [(doorstep.v1.field) = {
                merge: TEXT coherent_group: "risk" sign_off_requires: true }];)",
                           kAdditive, "Visit.more", 1, 11,
                           "a new field, part of the record's judgement, needed before signing"},
                      Case{"enum value", "/*value*/", "BLUE = 3;", kAdditive, "Visit.colour=BLUE",
                           1, 4, "a new value, 3"},
                      Case{"state with its transitions", "/*state*/", "GONE = 4;", kAdditive,
                           "Visit.stage=GONE", 1, 6, "a new value, 4"},
                      Case{"label", "max_bytes: 20 }", "max_bytes: 20 label: \"full name\" }",
                           kAdditive, "Visit.name", 1, 1, "label full name, was name"},
                      Case{"label of a value", "GREEN = 2;",
                           "GREEN = 2 [(doorstep.v1.value).label = \"go\"];", kAdditive,
                           "Visit.colour=GREEN", 1, 4, "label go, was green"},
                      Case{"label of a kind", "number: 3 }", "number: 3 label: \"jotting\" }",
                           kAdditive, "Note", 3, 0, "label jotting, was note"},
                      Case{"title and keys", "number: 3 }",
                           "number: 3 title: \"text\" duplicate_key: \"text\" }", kAdditive, "Note",
                           3, 0, "other keys find what is recorded twice"},
                      Case{"signing", "number: 3 }", "number: 3 sign_off: true }", kAdditive,
                           "Note", 3, 0, "people may sign its records"},
                      Case{"index", "max_bytes: 20 }", "max_bytes: 20 index: true }", kAdditive,
                           "Visit.name", 1, 1, "index true, was false"},
                      Case{"search", "max_bytes: 20 }", "max_bytes: 20 full_text: true }",
                           kAdditive, "Visit.name", 1, 1, "full_text true, was false"},
                      Case{"words for no value", "\"ask\"", "\"telephone\"", kAdditive,
                           "Visit.door", 1, 8, "when_unsettled telephone, was ask"},
                      Case{"safety", "merge: REVIEW effective: NONE",
                           "safety: true merge: REVIEW effective: NONE", kAdditive, "Visit.door", 1,
                           8, "safety-critical now"}));

INSTANTIATE_TEST_SUITE_P(
    Kinds, Difference,
    ::testing::Values(Case{"gone", "option (doorstep.v1.kind) = { number: 3 };", "",
                           SchemaRule::kKindStays, "Note", 3, 0,
                           "got no such kind, wanted it to stay"},
                      Case{"renumbered", "number: 3 }", "number: 30 }", SchemaRule::kKindStays,
                           "Note", 30, 0, "got number 30, wanted 3"},
                      Case{"renamed", "message Note", "message Jotting", SchemaRule::kKindStays,
                           "Note", 3, 0, "got name t.Jotting, wanted t.Note"},
                      Case{"never changed", "number: 2 append_only: true", "number: 2",
                           SchemaRule::kKindStays, "Safeguard", 2, 0,
                           "got append_only false, wanted true"},
                      Case{"tier", "number: 3 }", "number: 3 tier: SEALED }",
                           SchemaRule::kKindStays, "Note", 3, 0, "got tier SEALED, wanted NORMAL"},
                      Case{"signed", "sign_off: true", "", SchemaRule::kKindStays, "Visit", 1, 0,
                           "got sign_off false, wanted true"}));

INSTANTIATE_TEST_SUITE_P(
    Fields, Difference,
    ::testing::Values(
        Case{"gone", "optional string text = 2 [(doorstep.v1.field) = { merge: TEXT }];", "",
             SchemaRule::kFieldStays, "Note.text", 3, 2, "got no field 2, wanted it to stay"},
        Case{"renumbered", "text = 2", "text = 3", SchemaRule::kFieldStays, "Note.text", 3, 3,
             "got number 3, wanted 2"},
        Case{"renamed", "string text = 2", "string words = 2", SchemaRule::kFieldStays, "Note.text",
             3, 2, "got name words, wanted text"},
        Case{"a reserved number", "reserved 9;",
             "optional string again = 9 [(doorstep.v1.field) = { merge: LATEST }];",
             SchemaRule::kFieldStays, "Visit.again", 1, 9,
             "got number 9, which is reserved, wanted a new one"},
        Case{"type", "optional int32 score", "optional int64 score", SchemaRule::kFieldStays,
             "Visit.score", 1, 3, "got type int64, wanted int32"},
        Case{"reference", "merge: LATEST reference: \"Visit\"", "merge: LATEST reference: \"Note\"",
             SchemaRule::kFieldStays, "Note.visit", 3, 1, "got reference Note, wanted Visit"},
        Case{"class", "merge: LATEST max_bytes: 20", "merge: TEXT max_bytes: 20",
             SchemaRule::kClass, "Visit.name", 1, 1, "got merge TEXT, wanted LATEST"},
        Case{"single to SET", "optional string text = 2 [(doorstep.v1.field) = { merge: TEXT }];",
             "repeated string text = 2 [(doorstep.v1.field) = { merge: SET }];", SchemaRule::kClass,
             "Note.text", 3, 2, "got merge SET, wanted TEXT"},
        Case{"effective", "effective: DOMINANT dominant: \"RED\"", "effective: LAST_AGREED",
             SchemaRule::kRule, "Visit.colour", 1, 4, "got effective LAST_AGREED, wanted DOMINANT"},
        Case{"dominant", "dominant: \"RED\"", "dominant: \"GREEN\"", SchemaRule::kRule,
             "Visit.colour", 1, 4, "got dominant 2, wanted 1"},
        Case{"removal", "merge: SET }", "merge: SET removal: REVIEWED }", SchemaRule::kRule,
             "Visit.tags", 1, 7, "got removal REVIEWED, wanted at once"},
        Case{"responsibility", "responsibility: WORKER", "responsibility: LEAD", SchemaRule::kRule,
             "Visit.worker", 1, 10, "got responsibility LEAD, wanted WORKER"},
        Case{"safety", "safety: true", "", SchemaRule::kSafety, "Visit.colour", 1, 4,
             "got safety false, wanted true"},
        Case{"length, wider", "max_bytes: 20", "max_bytes: 200", SchemaRule::kLimit, "Visit.name",
             1, 1, "got max_bytes 200, wanted 20"},
        Case{"length, narrower", "max_bytes: 20", "max_bytes: 2", SchemaRule::kLimit, "Visit.name",
             1, 1, "got max_bytes 2, wanted 20"},
        Case{"range", "merge: HIGHEST range: { min: 1 max: 5 }", "merge: HIGHEST",
             SchemaRule::kLimit, "Visit.score", 1, 3, "got range none, wanted 1 to 5"},
        Case{"format", "merge: TEXT }", "merge: TEXT max_bytes: 99 }", SchemaRule::kLimit,
             "Note.text", 3, 2, "got max_bytes 99, wanted 65536"},
        Case{"no date", "merge: EARLIEST format: CIVIL_DATE", "merge: LATEST format: RECORD_ID",
             SchemaRule::kLimit, "Visit.day", 1, 2, "got format RECORD_ID, wanted CIVIL_DATE"}));

INSTANTIATE_TEST_SUITE_P(
    Values, Difference,
    ::testing::Values(
        Case{"gone", "GREEN = 2;", "", SchemaRule::kValueStays, "Visit.colour=GREEN", 1, 4,
             "got no value 2, wanted it to stay"},
        Case{"renamed", "GREEN = 2;", "OLIVE = 2;", SchemaRule::kValueStays, "Visit.colour=GREEN",
             1, 4, "got name OLIVE, wanted GREEN"},
        Case{"rank", "SHUT = 2 [(doorstep.v1.value).rank = 3];", "SHUT = 2;", SchemaRule::kRule,
             "Visit.stage=SHUT", 1, 6, "got rank 0, wanted 3"},
        Case{"a step less", "transitions: { from: \"OPEN\" to: \"SHUT\" }",
             "transitions: { from: \"SHUT\" to: \"LOST\" }", SchemaRule::kRule, "Visit.stage", 1, 6,
             "got no transition OPEN to SHUT, wanted it to stay"},
        Case{"a step more", "/*transition*/", "transitions: { from: \"SHUT\" to: \"OPEN\" }",
             SchemaRule::kRule, "Visit.stage", 1, 6,
             "got a transition SHUT to OPEN, wanted none between states that were released "
             "without it"},
        Case{"another beginning", "initial: \"OPEN\"", "initial: \"SHUT\"", SchemaRule::kRule,
             "Visit.stage", 1, 6, "got initial SHUT, wanted OPEN"}));

INSTANTIATE_TEST_SUITE_P(
    AtomicMessages, Difference,
    ::testing::Values(
        Case{"a part more", "/*part*/", "optional string who = 4;", SchemaRule::kAtomic,
             "Visit.rating.who", 1, 5, "got a new part, 4, wanted those that it had"},
        Case{"a part less", "optional string why = 3;", "", SchemaRule::kAtomic, "Visit.rating.why",
             1, 5, "got no part 3, wanted it to stay"},
        Case{"a part renamed", "string why = 3", "string because = 3", SchemaRule::kFieldStays,
             "Visit.rating.why", 1, 5, "got name because, wanted why"},
        Case{"range of a part", "likelihood = 1 [(doorstep.v1.field).range = { min: 1 max: 5 }]",
             "likelihood = 1 [(doorstep.v1.field).range = { min: 1 max: 4 }]", SchemaRule::kLimit,
             "Visit.rating.likelihood", 1, 5, "got range 1 to 4, wanted 1 to 5"},
        Case{"compared", "compare: \"likelihood\" compare: \"severity\"", "compare: \"likelihood\"",
             SchemaRule::kRule, "Visit.rating", 1, 5, "got compare, parts 1, wanted 1 2"},
        Case{"not an atomic message any more", "optional Rating rating = 5",
             "optional Other rating = 5", SchemaRule::kFieldStays, "Visit.rating.likelihood", 1, 5,
             "got name l, wanted likelihood"}));

INSTANTIATE_TEST_SUITE_P(
    Judgements, Difference,
    ::testing::Values(Case{"group left", "coherent_group: \"risk\"", "", SchemaRule::kJudgement,
                           "Visit.rating", 1, 5, "got coherent_group none, wanted risk"},
                      Case{"released field joins", "merge: LATEST max_bytes: 20",
                           "merge: LATEST max_bytes: 20 coherent_group: \"risk\"",
                           SchemaRule::kJudgement, "Visit.name", 1, 1,
                           "got coherent_group risk, wanted none"},
                      Case{"released kind joins", "coherent_children: \"Safeguard\" };",
                           "coherent_children: \"Safeguard\" coherent_children: \"Note\" };",
                           SchemaRule::kJudgement, "Visit", 1, 0,
                           "got coherent_children Note, wanted a kind that is new"},
                      Case{"its fields with it", "coherent_children: \"Safeguard\" };",
                           "coherent_children: \"Safeguard\" coherent_children: \"Note\" };",
                           SchemaRule::kJudgement, "Note.text", 3, 2,
                           "got part in a judgement true, wanted false"},
                      Case{"released kind leaves", "coherent_children: \"Safeguard\" };", "};",
                           SchemaRule::kJudgement, "Visit", 1, 0,
                           "got no coherent_children Safeguard, wanted it to stay"},
                      Case{"fields leave for a group of new ones", "/*child*/",
                           "optional string more = 2 [(doorstep.v1.field) = { merge: IMMUTABLE "
                           "coherent_group: \"g\" }];",
                           SchemaRule::kJudgement, "Safeguard.visit", 2, 1,
                           "got part in a judgement false, wanted true"}));

TEST(CompareSchemas, NothingDiffers) {
  EXPECT_THAT(CompareSchemas(*Released(), *Released()), IsEmpty());
  // Comments, and messages that are no kind, are no difference.
  const auto again = SchemaFromText(absl::StrCat("// Hello\n", kReleased, "message Plain {}"));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_NE((*again)->hash(), Released()->hash());
  EXPECT_THAT(CompareSchemas(*Released(), **again), IsEmpty());
}

TEST(CompareSchemas, ANewKindMayJoinAJudgement) {
  const auto more = SchemaFromText(absl::StrReplaceAll(
      kReleased, {{"coherent_children: \"Safeguard\" };",
                   "coherent_children: \"Safeguard\" coherent_children: \"Barrier\" };"},
                  {"/*kind*/",
                   R"(message Barrier { option (doorstep.v1.kind) = { number: 4 };
           optional string visit = 1 [(doorstep.v1.field) = { merge: LATEST reference: "Visit" }]; })"}}));
  ASSERT_TRUE(more.ok()) << more.status();
  EXPECT_TRUE(IsAdditive(*Released(), **more));
  EXPECT_EQ(CompareSchemas(*Released(), **more)[0].what,
            "the new kind Barrier joins its judgement");
}

TEST(CompareSchemas, TheOtherWayRoundAnAdditionIsALoss) {
  const auto more = SchemaFromText(absl::StrReplaceAll(
      kReleased,
      {{"/*field*/", "optional string gp = 11 [(doorstep.v1.field) = { merge: LATEST }];"}}));
  ASSERT_TRUE(more.ok()) << more.status();
  const std::vector<SchemaChange> changes = CompareSchemas(**more, *Released());
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].rule, SchemaRule::kFieldStays);
  EXPECT_THAT(changes[0].what, HasSubstr("got no field 11"));
}

TEST(CompareSchemas, EveryRuleSaysWhatToDoInstead) {
  for (int i = static_cast<int>(SchemaRule::kAdditive); i <= static_cast<int>(SchemaRule::kSafety);
       ++i) {
    const auto rule = static_cast<SchemaRule>(i);
    EXPECT_NE(NameOf(rule), "");
    EXPECT_NE(TextOf(rule), "");
    EXPECT_EQ(InsteadOf(rule).empty(), rule == kAdditive);
  }
}

TEST(SchemaInUse, TheOneThatTakesTheOtherOver) {
  const auto with = [](const char* fields) {
    return *SchemaFromText(absl::StrReplaceAll(kReleased, {{"/*field*/", fields}}));
  };
  const auto one = with("optional string a = 11 [(doorstep.v1.field) = { merge: LATEST }];");
  const auto other = with("optional string b = 12 [(doorstep.v1.field) = { merge: LATEST }];");
  EXPECT_EQ(SchemaInUse(one, nullptr), one);
  EXPECT_EQ(SchemaInUse(one, Released()), one);  // an upgrade of the program
  EXPECT_EQ(SchemaInUse(Released(), one), one);  // something was pushed, or the program is older
  EXPECT_EQ(SchemaInUse(one, other), other);     // built without what was pushed
}

}  // namespace
}  // namespace doorstep
