// Where the bands of a rating end, as a schema may say it.
#include "sync/schema/bands.h"

#include <memory>
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
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr char kImport[] = "import \"doorstep/v1/bands.proto\";\n";
constexpr char kScore[] = "likelihood: \"l\" severity: \"s\"";

// A kind with a rating; `bands` empty: says nothing of them, and does without the file.
std::string KindWith(const std::string& bands, const std::string& atomic = kScore) {
  return absl::StrCat(
      bands.empty() ? "" : kImport,
      "message A { option (doorstep.v1.kind) = { number: 1 };\n"
      "optional R r = 1 [(doorstep.v1.field).merge = LATEST]; }\n"
      "message R { option (doorstep.v1.atomic) = { ",
      atomic, " };\n",
      bands.empty() ? "" : absl::StrCat("option (doorstep.v1.bands) = { ", bands, " };\n"),
      "optional int32 l = 1; optional int32 s = 2; }\n");
}

std::shared_ptr<const Schema> SchemaWith(const std::string& bands) {
  auto schema = SchemaFromText(KindWith(bands));
  EXPECT_TRUE(schema.ok()) << schema.status();
  return schema.ok() ? *schema : nullptr;
}

std::string MessageOf(const std::string& text) {
  return std::string(SchemaFromText(text).status().message());
}

TEST(Bands, AreTheTablesUnlessTheSchemaSaysOtherwise) {
  const auto plain = SchemaWith("");
  const FieldSpec& field = *plain->kinds()[0].Find(1);
  EXPECT_EQ(BandLimitsOf(field), (BandLimits{3, 6, 12}));
  EXPECT_FALSE(SaysBands(field));
  const auto own = SchemaWith("low: 4 moderate: 9 high: 15");
  EXPECT_EQ(BandLimitsOf(*own->kinds()[0].Find(1)), (BandLimits{4, 9, 15}));
  EXPECT_TRUE(SaysBands(*own->kinds()[0].Find(1)));
}

TEST(Bands, StandWhereThereIsAScoreAndInOrder) {
  EXPECT_THAT(MessageOf(KindWith("low: 3 moderate: 6 high: 12", "likelihood: \"l\"")),
              StartsWith("t.R: bands on what has no score"));
  for (const char* wrong : {"low: 3 moderate: 3 high: 12", "low: 3 moderate: 6 high: 6",
                            "moderate: 6 high: 12", "low: 3 moderate: 6", "low: 9 moderate: 6"}) {
    EXPECT_THAT(MessageOf(KindWith(wrong)), StartsWith("t.R: bands up to ")) << wrong;
  }
}

TEST(Bands, ASchemaThatAltersTheOptionIsRefused) {
  auto set = SetFromText(KindWith("low: 3 moderate: 6 high: 12"));
  ASSERT_TRUE(set.ok()) << set.status();
  for (auto& file : *set->mutable_file()) {
    if (file.name() != "doorstep/v1/bands.proto") continue;
    ASSERT_TRUE(Schema::FromDescriptorSet(set->SerializeAsString()).ok());
    file.mutable_message_type(0)->mutable_field(0)->set_name("lowest");
    file.mutable_message_type(0)->mutable_field(0)->set_json_name("lowest");
  }
  EXPECT_THAT(std::string(Schema::FromDescriptorSet(set->SerializeAsString()).status().message()),
              StartsWith("doorstep/v1/bands.proto: other options"));
}

// A tenant may choose and choose again; a program whose schema says nothing does not undo it.
TEST(Bands, OnceSaidTheyStaySaid) {
  const auto plain = SchemaWith(""), own = SchemaWith("low: 4 moderate: 9 high: 15");
  const auto other = SchemaWith("low: 4 moderate: 9 high: 16");
  EXPECT_TRUE(IsAdditive(*plain, *own));
  EXPECT_TRUE(IsAdditive(*own, *other));
  EXPECT_FALSE(IsAdditive(*own, *plain));
  EXPECT_EQ(SchemaInUse(plain, own), own);
  const auto changes = CompareSchemas(*plain, *own);
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_THAT(changes[0].what, HasSubstr("bands up to 4 9 15, was 3 6 12"));
  const auto undone = CompareSchemas(*own, *plain);
  ASSERT_THAT(undone, SizeIs(1));
  EXPECT_THAT(undone[0].what, HasSubstr("got bands up to none, wanted 4 9 15"));
}

}  // namespace
}  // namespace doorstep
