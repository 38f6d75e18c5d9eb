// What asks for a pause: where the option may stand, and what it says.
#include "sync/schema/pause.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/schema/schema.h"
#include "tests/schema/schema_text.h"

namespace doorstep {
namespace {

using ::testing::HasSubstr;

constexpr char kLastAgreed[] =
    "merge: REVIEW effective: LAST_AGREED dominant: \"PAUSED\" safety: true";
constexpr char kByIncident[] = "part: \"incident\" field: \"asks\" value: \"PAUSE\"";

std::string Text(const std::string& merge, const std::string& option) {
  return absl::StrCat(
      "import \"doorstep/v1/pause.proto\";\n"
      "message A { option (doorstep.v1.kind) = { number: 1 };\n"
      "optional D decision = 1 [(doorstep.v1.field) = { ",
      merge, " }, (doorstep.v1.paused_by) = { ", option,
      " }]; }\n"
      "message D { option (doorstep.v1.atomic) = { compare: \"outcome\" };\n"
      "enum O { NO = 0; GO = 1; PAUSED = 2; }\n"
      "optional O outcome = 1;\n"
      "optional string why = 2;\n"
      "optional string incident = 3 [(doorstep.v1.field).format = RECORD_ID]; }\n");
}

std::string Problem(const std::string& merge, const std::string& option) {
  return std::string(SchemaFromText(Text(merge, option)).status().message());
}

TEST(Pause, IsReadFromTheSchema) {
  const auto schema = SchemaFromText(Text(kLastAgreed, kByIncident));
  ASSERT_TRUE(schema.ok()) << schema.status();
  const auto by = PausedByOf((*schema)->kinds()[0].fields[0]);
  ASSERT_TRUE(by.has_value());
  EXPECT_EQ(by->part, 2u);
  EXPECT_EQ(by->field, "asks");
  EXPECT_EQ(by->value, "PAUSE");
  const KindSpec& study = *Schema::BuiltIn()->FindByName("CaseStudy");
  EXPECT_TRUE(PausedByOf(*study.FindByName("decision")).has_value());
  EXPECT_FALSE(PausedByOf(*study.FindByName("title")).has_value());
}

TEST(Pause, StandsOnlyWhereSomethingCanBePaused) {
  EXPECT_THAT(Problem("merge: REVIEW effective: LAST_AGREED safety: true", kByIncident),
              HasSubstr("paused_by without a value that pauses"));
  EXPECT_THAT(Problem("merge: LATEST", kByIncident),
              HasSubstr("paused_by without a value that pauses"));
  for (const char* option :
       {"part: \"why\" field: \"asks\" value: \"PAUSE\"",
        "part: \"nobody\" field: \"asks\" value: \"PAUSE\"", "part: \"incident\" value: \"PAUSE\"",
        "part: \"incident\" field: \"asks\""}) {
    EXPECT_THAT(Problem(kLastAgreed, option), HasSubstr("paused_by that names no record"))
        << option;
  }
}

}  // namespace
}  // namespace doorstep
