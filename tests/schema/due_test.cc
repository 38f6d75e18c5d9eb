// What is due and what closes: which declarations mean something, and that a schema may do without.
#include "sync/schema/due.h"

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/schema/compare.h"
#include "sync/schema/schema.h"
#include "tests/schema/schema_text.h"

namespace doorstep {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kImport[] = "import \"doorstep/v1/due.proto\";\n";

std::string KindWith(const std::string& fields) {
  return absl::StrCat(kImport, "message A { option (doorstep.v1.kind) = { number: 1 };\n", fields,
                      "}\n");
}

// A field that closes; `options` are those of its merge.
std::string Closing(const std::string& options, const std::string& told,
                    const std::string& name = "gone", int number = 1) {
  return absl::StrCat("optional string ", name, " = ", number,
                      " [(doorstep.v1.field) = { format: CIVIL_DATE ", options,
                      " }, (doorstep.v1.closing) = { told: \"", told,
                      "\" taken_back: \"{title} is back\" }];\n");
}

constexpr char kGood[] = "merge: REVIEW effective: NONE when_unsettled: \"ask\" safety: true";

std::string MessageOf(const std::string& text) {
  return std::string(SchemaFromText(text).status().message());
}

TEST(Due, IsReadFromTheSchema) {
  const auto schema = SchemaFromText(absl::StrCat(
      KindWith(absl::StrCat(
          Closing(kGood, "{title} left on {value}"),
          "optional string by = 2 [(doorstep.v1.field) = { merge: EARLIEST format: CIVIL_DATE },"
          " (doorstep.v1.due) = true];\n"
          "optional S state = 3 [(doorstep.v1.field).merge = STATE];\n"
          "optional bool wrong = 4 [(doorstep.v1.field).merge = LATEST, (doorstep.v1.voids) = "
          "true];\n")),
      "enum S { option (doorstep.v1.state_machine) = { initial: \"REST\" }; NO = 0;"
      " REST = 1 [(doorstep.v1.nothing_due) = true]; ON = 2; }"));
  ASSERT_TRUE(schema.ok()) << schema.status();
  const KindSpec& kind = (*schema)->kinds()[0];
  ASSERT_NE(ClosingField(kind), nullptr);
  EXPECT_EQ(ClosingField(kind)->scalar.name, "gone");
  EXPECT_EQ(ClosingOf(*kind.Find(1))->told, "{title} left on {value}");
  EXPECT_EQ(ClosingOf(*kind.Find(1))->taken_back, "{title} is back");
  EXPECT_FALSE(ClosingOf(*kind.Find(2)).has_value());
  EXPECT_TRUE(IsDue(*kind.Find(2)));
  EXPECT_FALSE(IsDue(*kind.Find(1)));
  EXPECT_TRUE(NothingDue(*kind.Find(3), 0));  // the initial state
  EXPECT_TRUE(NothingDue(*kind.Find(3), 1));
  EXPECT_FALSE(NothingDue(*kind.Find(3), 2));
  EXPECT_FALSE(NothingDue(*kind.Find(3), 77));  // a newer program's
  EXPECT_TRUE(Voids(*kind.Find(4)));
  EXPECT_FALSE(IsDue(*MarkField(kHiddenField)));
  EXPECT_FALSE(ClosingOf(*MarkField(kHiddenField)).has_value());
}

TEST(Due, WhatMayBeSettledInSilenceClosesNothing) {
  EXPECT_THAT(MessageOf(KindWith(Closing("merge: LATEST", "{title}"))),
              StartsWith("t.A.gone: closing on what may be settled in silence"));
  EXPECT_THAT(MessageOf(KindWith(
                  Closing("merge: REVIEW effective: NONE when_unsettled: \"ask\"", "{title}"))),
              StartsWith("t.A.gone: closing on what may be settled in silence"));
}

TEST(Due, WordsNameWhomTheyAreAbout) {
  EXPECT_THAT(MessageOf(KindWith(Closing(kGood, "Somebody left"))),
              StartsWith("t.A.gone: closing without words that name {title}"));
}

TEST(Due, OneFieldOfAKindCloses) {
  EXPECT_THAT(MessageOf(KindWith(
                  absl::StrCat(Closing(kGood, "{title}"), Closing(kGood, "{title}", "left", 2)))),
              StartsWith("t.A: closing on two fields"));
}

TEST(Due, OnlyADayIsDueAndOnlyABoolVoids) {
  EXPECT_THAT(MessageOf(KindWith("optional int32 by = 1 [(doorstep.v1.field).merge = LATEST,"
                                 " (doorstep.v1.due) = true];")),
              StartsWith("t.A.by: due on what is no day"));
  EXPECT_THAT(MessageOf(KindWith("optional int32 no = 1 [(doorstep.v1.field).merge = LATEST,"
                                 " (doorstep.v1.voids) = true];")),
              StartsWith("t.A.no: voids on what is neither true nor false"));
}

TEST(Due, AnInstantIsDueAndOthersAnswer) {
  const auto schema = SchemaFromText(absl::StrCat(
      "import \"doorstep/v1/due_more.proto\";\n",
      KindWith("optional int64 at = 1 [(doorstep.v1.field).merge = EARLIEST, "
               "(doorstep.v1.due_at) = true];\n"
               "optional bool done = 2 [(doorstep.v1.field).merge = LATEST, "
               "(doorstep.v1.answered) = true];\n"),
      "message B { option (doorstep.v1.kind) = { number: 2 };\n"
      "optional string of = 1 [(doorstep.v1.field) = { merge: IMMUTABLE reference: \"A\" }, "
      "(doorstep.v1.ends) = { when: \"told\" }];\n"
      "optional string told = 2 [(doorstep.v1.field).merge = LATEST];\n"
      "optional string by = 3 [(doorstep.v1.field) = { merge: IMMUTABLE reference: \"B\" }, "
      "(doorstep.v1.ends) = {}]; }\n"));
  ASSERT_TRUE(schema.ok()) << schema.status();
  const KindSpec& a = *(*schema)->FindByName("A");
  const KindSpec& b = *(*schema)->FindByName("B");
  EXPECT_TRUE(IsDueAt(*a.Find(1)));
  EXPECT_FALSE(IsDue(*a.Find(1)));
  EXPECT_TRUE(Answers(*a.Find(2)));
  EXPECT_FALSE(Answers(*a.Find(1)));
  EXPECT_EQ(EndsWhen(*b.Find(1)), "told");
  EXPECT_EQ(EndsWhen(*b.Find(3)), "");
  EXPECT_EQ(EndsWhen(*b.Find(2)), std::nullopt);
}

TEST(Due, MoreOptionsStandOnlyWhereTheyMeanSomething) {
  const auto refused = [](const std::string& field) {
    return MessageOf(absl::StrCat("import \"doorstep/v1/due_more.proto\";\n", KindWith(field)));
  };
  EXPECT_THAT(refused("optional string at = 1 [(doorstep.v1.field) = { merge: LATEST format: "
                      "CIVIL_DATE }, (doorstep.v1.due_at) = true];\n"),
              StartsWith("t.A.at: due_at on what is no instant"));
  EXPECT_THAT(refused("repeated string done = 1 [(doorstep.v1.field).merge = SET, "
                      "(doorstep.v1.answered) = true];\n"),
              StartsWith("t.A.done: answered on a SET"));
  EXPECT_THAT(refused("optional string of = 1 [(doorstep.v1.field).merge = LATEST, "
                      "(doorstep.v1.ends) = {}];\n"),
              StartsWith("t.A.of: ends on what names no record"));
  EXPECT_THAT(refused("optional string of = 1 [(doorstep.v1.field) = { merge: LATEST reference: "
                      "\"A\" }, (doorstep.v1.ends) = { when: \"told\" }];\n"),
              StartsWith("t.A.of: ends when \"told\""));
}

TEST(Due, ASchemaThatAltersTheOptionsIsRefused) {
  auto set = SetFromText(KindWith(Closing(kGood, "{title}")));
  ASSERT_TRUE(set.ok()) << set.status();
  for (auto& file : *set->mutable_file()) {
    if (file.name() != "doorstep/v1/due.proto") continue;
    ASSERT_TRUE(Schema::FromDescriptorSet(set->SerializeAsString()).ok());
    file.mutable_extension(0)->set_name("closes");
    file.mutable_extension(0)->set_json_name("closes");
  }
  EXPECT_THAT(std::string(Schema::FromDescriptorSet(set->SerializeAsString()).status().message()),
              StartsWith("doorstep/v1/due.proto: other options"));
}

// Older schemas lack the file. Both ways people lose no record, so both are allowed, and told.
TEST(Due, ComesAndGoesAsAnAddition) {
  const std::string plain =
      "message A { option (doorstep.v1.kind) = { number: 1 };\n"
      "optional string by = 1 [(doorstep.v1.field) = { merge: EARLIEST format: CIVIL_DATE }]; }\n";
  const auto without = SchemaFromText(plain);
  const auto with = SchemaFromText(
      KindWith("optional string by = 1 [(doorstep.v1.field) = { merge: EARLIEST format: "
               "CIVIL_DATE }, (doorstep.v1.due) = true];\n"));
  ASSERT_TRUE(without.ok() && with.ok());
  EXPECT_TRUE(IsAdditive(**without, **with));
  EXPECT_TRUE(IsAdditive(**with, **without));
  const auto changes = CompareSchemas(**without, **with);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_THAT(changes[0].what, HasSubstr("due true, was false"));
}

// The one that the care kinds have.
TEST(Due, OfTheCareKinds) {
  const auto schema = Schema::BuiltIn();
  for (const KindSpec& kind : schema->kinds()) {
    EXPECT_EQ(ClosingField(kind) != nullptr, kind.name == "Person") << kind.name;
    for (const FieldSpec& field : kind.fields) {
      if (!IsDue(field) && !IsDueAt(field)) continue;
      // Whoever made a mistake has nothing to do about it.
      EXPECT_TRUE(Voids(*kind.FindByName("entered_in_error"))) << kind.name;
    }
  }
  for (const char* kind :
       {"RiskAssessment", "Task", "Referral", "ScheduleItem", "ReinstatementItem"}) {
    const FieldSpec* status = schema->FindByName(kind)->FindByName("status");
    bool rests = false;
    for (const EnumValueSpec& value : status->scalar.values) {
      rests |= NothingDue(*status, value.number);
    }
    EXPECT_TRUE(rests) << kind;
  }
  EXPECT_TRUE(Answers(*schema->FindByName("Outcome")->FindByName("achieved")));
  EXPECT_EQ(EndsWhen(*schema->FindByName("FeedbackReply")->FindByName("feedback")), "told_on");
}

}  // namespace
}  // namespace doorstep
