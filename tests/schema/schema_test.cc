#include "sync/schema/schema.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/stubs/logging.h"
#include "gtest/gtest.h"
#include "tests/schema/schema_text.h"

namespace doorstep {
namespace {

using ::testing::ElementsAre;
using ::testing::NotNull;
using ::testing::Pair;

const FieldSpec& Field(const Schema& schema, const char* kind, const char* field) {
  return *schema.FindByName(kind)->FindByName(field);
}

TEST(BuiltInSchema, HoldsTogether) {
  const std::shared_ptr<const Schema> schema = Schema::BuiltIn();
  EXPECT_EQ(schema, Schema::BuiltIn());
  EXPECT_EQ(schema->hash().size(), 16u);
  EXPECT_FALSE(schema->kinds().empty());
  for (const KindSpec& kind : schema->kinds()) {
    EXPECT_EQ(schema->Find(kind.number), &kind);
    EXPECT_EQ(schema->FindByName(kind.name), &kind);
    EXPECT_EQ(schema->FindByName(kind.full_name), &kind);
    EXPECT_FALSE(kind.label.empty());
    for (const FieldSpec& field : kind.fields) {
      EXPECT_EQ(kind.Find(field.number()), &field);
      EXPECT_EQ(kind.FindByName(field.scalar.name), &field);
      EXPECT_FALSE(field.label.empty());
    }
  }
}

TEST(BuiltInSchema, HasTheKindsOfCareAndNoMessageOfTheConversation) {
  const std::shared_ptr<const Schema> schema = Schema::BuiltIn();
  ASSERT_THAT(schema->FindByName("Person"), NotNull());
  EXPECT_EQ(schema->FindByName("Person")->number, 1u);
  EXPECT_EQ(schema->pool()->FindFileByName("doorstep/v1/sync.proto"), nullptr);
  EXPECT_THAT(schema->pool()->FindFileByName("doorstep/v1/options.proto"), NotNull());
}

TEST(BuiltInSchema, NamesColumnsOfAtomicParts) {
  const FieldSpec& rating = Field(*Schema::BuiltIn(), "RiskAssessment", "residual_rating");
  ASSERT_EQ(rating.parts.size(), 3u);
  EXPECT_EQ(rating.parts[0].column, "residual_rating_likelihood");
  EXPECT_EQ(rating.likelihood, 0);
  EXPECT_EQ(rating.severity, 1);
  EXPECT_THAT(rating.compare, ElementsAre(0, 1));
}

TEST(Schema, ReadsAKind) {
  const std::shared_ptr<const Schema> schema = EverythingSchema();
  const KindSpec& thing = *schema->Find(1);
  EXPECT_EQ(thing.name, "Thing");
  EXPECT_EQ(thing.full_name, "t.Thing");
  EXPECT_EQ(thing.table, "thing");
  EXPECT_EQ(thing.label, "thing");
  EXPECT_TRUE(thing.sign_off);
  EXPECT_FALSE(thing.append_only);
  EXPECT_THAT(thing.coherent_children, ElementsAre("Note"));
  const KindSpec& note = *schema->Find(2);
  EXPECT_TRUE(note.append_only);
  EXPECT_EQ(note.tier, Tier::kRestricted);
  EXPECT_EQ(schema->Find(3), nullptr);
  EXPECT_EQ(schema->FindByName("thing"), nullptr);
  EXPECT_EQ(thing.Find(20), nullptr);
  EXPECT_EQ(thing.Find(0), nullptr);
  EXPECT_EQ(thing.Find(200)->scalar.name, "origin");
  EXPECT_EQ(thing.FindByName("Name"), nullptr);
}

TEST(Schema, ReadsScalars) {
  const Schema& schema = *EverythingSchema();
  EXPECT_EQ(Field(schema, "Thing", "name").scalar.max_bytes, 20u);
  EXPECT_TRUE(Field(schema, "Thing", "name").index);
  EXPECT_EQ(Field(schema, "Thing", "day").scalar.format, StringFormat::kCivilDate);
  EXPECT_EQ(Field(schema, "Thing", "score").scalar.range->min, -5);
  EXPECT_TRUE(Field(schema, "Thing", "score").scalar.is_32_bit);
  EXPECT_FALSE(Field(schema, "Thing", "big").scalar.is_32_bit);
  EXPECT_TRUE(Field(schema, "Thing", "count").scalar.is_unsigned);
  EXPECT_EQ(Field(schema, "Thing", "yes").scalar.type, ValueType::kBool);
  EXPECT_EQ(Field(schema, "Thing", "real").scalar.type, ValueType::kDouble);
  EXPECT_EQ(Field(schema, "Thing", "prose").scalar.max_bytes, 64u * 1024);
  EXPECT_EQ(Field(schema, "Thing", "tags").scalar.max_bytes, 1024u);
  EXPECT_EQ(Field(schema, "Thing", "other").scalar.format, StringFormat::kRecordId);
  EXPECT_EQ(Field(schema, "Thing", "other").reference, "Thing");
  EXPECT_EQ(Field(schema, "Note", "thing").reference, "Thing") << "a full name becomes short";
}

TEST(Schema, ReadsMergeClasses) {
  const Schema& schema = *EverythingSchema();
  EXPECT_EQ(Field(schema, "Thing", "colour").dominant, 1);
  EXPECT_EQ(Field(schema, "Thing", "door").when_unsettled, "ask");
  EXPECT_TRUE(Field(schema, "Thing", "tags").is_set());
  const FieldSpec& stage = Field(schema, "Thing", "stage");
  EXPECT_EQ(stage.initial_state, 1);
  EXPECT_THAT(stage.transitions, ElementsAre(Pair(1, 2), Pair(2, 1)));
  EXPECT_EQ(stage.scalar.FindValue(2)->rank, 3);
  EXPECT_TRUE(stage.carries_agreed());
  EXPECT_TRUE(Field(schema, "Thing", "agreed_rating").carries_agreed());
  EXPECT_FALSE(Field(schema, "Thing", "rating").carries_agreed());
}

TEST(Schema, ReadsEnumValuesAndLabels) {
  const FieldSpec& colour = Field(*EverythingSchema(), "Thing", "colour");
  ASSERT_EQ(colour.scalar.values.size(), 3u);
  EXPECT_EQ(colour.scalar.FindValue(2)->label, "dark green");
  EXPECT_EQ(colour.scalar.FindValue(7)->label, "sky");
  EXPECT_EQ(colour.scalar.FindValue(7)->name, "BLUE");
  for (const int64_t none : {INT64_MIN, int64_t{-1}, int64_t{0}, int64_t{3}, INT64_MAX}) {
    EXPECT_EQ(colour.scalar.FindValue(none), nullptr) << none;
  }
}

TEST(Schema, NamesTablesInSnakeCase) {
  for (const auto& [name, table] :
       std::vector<std::pair<std::string, std::string>>{{"RiskAssessment", "risk_assessment"},
                                                        {"GPVisit", "gp_visit"},
                                                        {"Plan2Day", "plan2_day"},
                                                        {"A", "a"},
                                                        {"VisitGP", "visit_gp"},
                                                        {"Some_Thing", "some_thing"}}) {
    const auto schema = SchemaFromText("message " + name + R"( {
      option (doorstep.v1.kind) = { number: 9 };
      optional string date_of_birth = 1 [(doorstep.v1.field).merge = LATEST]; })");
    ASSERT_TRUE(schema.ok()) << schema.status();
    EXPECT_EQ((*schema)->Find(9)->table, table);
    EXPECT_EQ((*schema)->Find(9)->fields[0].label, "date of birth");
  }
}

TEST(Schema, CollectsNestedKindsInOrderOfNumber) {
  const auto schema = SchemaFromText(R"(
    message B { option (doorstep.v1.kind) = { number: 7 };
      optional string x = 2 [(doorstep.v1.field).merge = LATEST];
      optional string w = 1 [(doorstep.v1.field).merge = LATEST];
      message A { option (doorstep.v1.kind) = { number: 3 };
        optional string y = 1 [(doorstep.v1.field).merge = LATEST]; } })");
  ASSERT_TRUE(schema.ok()) << schema.status();
  EXPECT_EQ((*schema)->kinds()[0].full_name, "t.B.A");
  EXPECT_EQ((*schema)->kinds()[1].name, "B");
  EXPECT_EQ((*schema)->kinds()[1].fields[0].scalar.name, "w") << "fields in order of number";
}

TEST(Schema, HashIsOfTheBytes) {
  const auto set = SetFromText(R"(message A { option (doorstep.v1.kind) = { number: 7 };
      optional string x = 1 [(doorstep.v1.field).merge = LATEST]; })");
  ASSERT_TRUE(set.ok()) << set.status();
  auto other = *set;
  other.mutable_file(2)->mutable_message_type(0)->mutable_field(0)->set_name("y");
  const auto a = Schema::FromDescriptorSet(set->SerializeAsString());
  const auto b = Schema::FromDescriptorSet(set->SerializeAsString());
  const auto c = Schema::FromDescriptorSet(other.SerializeAsString());
  ASSERT_TRUE(a.ok() && b.ok() && c.ok());
  EXPECT_EQ((*a)->hash(), (*b)->hash());
  EXPECT_NE((*a)->hash(), (*c)->hash());
}

TEST(Schema, RefusesBytesThatAreNoDescriptorSet) {
  for (const std::string& bytes :
       {std::string("garbage"), std::string(), std::string("\x0a\x05")}) {
    const auto schema = Schema::FromDescriptorSet(bytes);
    EXPECT_EQ(schema.status().code(), absl::StatusCode::kInvalidArgument) << schema.status();
  }
}

TEST(Schema, AnyBytesAreRefusedWithoutACrash) {
  const auto set = SetFromText(R"(message A { option (doorstep.v1.kind) = { number: 7 };
      optional string x = 1 [(doorstep.v1.field).merge = LATEST]; })");
  ASSERT_TRUE(set.ok());
  const google::protobuf::LogSilencer silence;  // it logs every text that is not UTF-8
  const std::string whole = set->file(2).SerializeAsString();
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const int change : {1, 0x20, 0x80}) {
      std::string mutated = whole;
      mutated[at] = static_cast<char>(mutated[at] ^ change);
      google::protobuf::FileDescriptorSet copy = *set;
      if (!copy.mutable_file(2)->ParseFromString(mutated)) continue;
      Schema::FromDescriptorSet(copy.SerializeAsString()).status().IgnoreError();
    }
  }
}

}  // namespace
}  // namespace doorstep
