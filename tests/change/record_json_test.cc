#include "sync/change/record_json.h"

#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/base/bytes.h"
#include "sync/base/limits.h"
#include "tests/schema/schema_text.h"

namespace doorstep {
namespace {

using ::testing::HasSubstr;

std::string ToValues(absl::string_view json) {
  const auto values = JsonToValues(*EverythingSchema(), *EverythingSchema()->Find(1), json);
  return values.ok() ? ToHex(*values) : std::string(values.status().message());
}

std::string ToJson(absl::string_view hex, bool pretty = false) {
  const auto json =
      ValuesToJson(*EverythingSchema(), *EverythingSchema()->Find(1), *FromHex(hex), pretty);
  return json.ok() ? *json : std::string(json.status().message());
}

TEST(JsonToValues, MakesCanonicalValues) {
  EXPECT_EQ(ToValues("{}"), "");
  EXPECT_EQ(ToValues(R"({"yes": false, "name": "A"})"), "0a01413000");
  EXPECT_EQ(ToValues(R"({"tags": ["b", "a", "b"]})"), "620161620162");
  EXPECT_EQ(ToValues(R"({"colours": ["BLUE", 1]})"), "68016807");
  EXPECT_EQ(ToValues(R"({"big": "-1"})"), ToValues(R"({"big": -1})"));
  EXPECT_EQ(ToValues(R"({"rating": {"severity": 5, "likelihood": 1}})"), "520408011005");
  EXPECT_EQ(ToValues(R"({"blob": "AQI="})"), "42020102");
  EXPECT_EQ(ToValues(R"({"name": null, "tags": []})"), "");
  EXPECT_EQ(ToValues(R"({"name": ""})"), "0a00") << "an empty text is a value";
}

TEST(JsonToValues, ReadsLowerCamelCaseToo) {
  EXPECT_EQ(ToValues(R"({"agreedRating": {"why": "x"}})"),
            ToValues(R"({"agreed_rating": {"why": "x"}})"));
}

struct Case {
  const char* json;
  const char* message;
};

void PrintTo(const Case& c, std::ostream* os) { *os << c.json; }

class JsonRefused : public ::testing::TestWithParam<Case> {};

TEST_P(JsonRefused, NamesTheField) {
  EXPECT_THAT(ToValues(GetParam().json), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Keys, JsonRefused,
    ::testing::Values(
        Case{R"({"name": "A", "name": "B"})",
             "Thing.name: got a second time, wanted each key once"},
        Case{R"({"agreed_rating": null, "agreedRating": null})",
             "Thing.agreed_rating: got a second"},
        Case{R"({"rating": {"why": "a", "why": "b"}})", "Thing.rating.why: got a second time"},
        Case{R"({"_unknown": "", "_unknown": ""})", "Thing._unknown: got a second time"},
        Case{R"({"nmae": "A"})", "Thing.\"nmae\": got no such field, wanted name"},
        Case{R"({"colou": 1})", "wanted colour or colours"},
        Case{R"({"xyzzyx": 1})", "Thing.\"xyzzyx\": got no such field, wanted a field of Thing"},
        Case{R"({"rating": {"severty": 1}})",
             "Thing.rating.\"severty\": got no such field, wanted severity"},
        Case{R"({"rating": {"_unknown": ""}})", "Thing.rating.\"_unknown\": got no such field"}));

INSTANTIATE_TEST_SUITE_P(
    Syntax, JsonRefused,
    ::testing::Values(Case{"", "Thing: got text that is no JSON"},
                      Case{"[]", "Thing: got an array"}, Case{"1", "Thing: got no object"},
                      Case{"{", "no JSON"}, Case{"{} {}", "no JSON"},
                      Case{"{'name': 'A'}", "no JSON"}, Case{"{name: \"A\"}", "no JSON"},
                      Case{R"({"name": "A",})", "no JSON"}, Case{"{\"name\": \"\xff\"}", "no JSON"},
                      Case{R"({"name": "\ud800"})", "no JSON"},
                      Case{R"({"real": 1e999})", "no JSON"},
                      Case{R"({"name": {}})", "Thing.name: got an object"},
                      Case{R"({"name": ["A"]})", "Thing.name: got an array"},
                      Case{R"({"tags": [["a"]]})", "Thing.tags: got an array"},
                      Case{R"({"tags": [{}]})", "Thing.tags: got an object"},
                      Case{R"({"rating": {"why": {}}})", "Thing.rating.why: got an object"},
                      Case{R"({"_unknown": {"a": 1}})", "got an object"}));

INSTANTIATE_TEST_SUITE_P(
    Values, JsonRefused,
    ::testing::Values(
        Case{R"({"day": "1.2.1930"})", "Thing.day: got \"1.2.1930\", wanted YYYY-MM-DD"},
        Case{R"({"score": 6})", "Thing.score: got \"6\", wanted -5 to 5"},
        Case{R"({"name": "a\u0000b"})", "wanted text without NUL"},
        Case{R"({"colour": "PINK"})", "colour"},
        Case{R"({"colour": 3})", "Thing.colour: got the enum number 3"},
        Case{R"({"colour": "UNSPECIFIED"})", "Thing.colour: got \"0\""},
        Case{R"({"score": "many"})", "score"}, Case{R"({"score": 1.5})", "score"},
        Case{R"({"rating": {}})", "Thing.rating: got \"\", wanted at least one part"},
        Case{R"({"tags": [null]})", "tags"},
        Case{R"({"_unknown": "!"})", "Thing._unknown: got another value, wanted base64"},
        Case{R"({"_unknown": 1})", "Thing._unknown: got another value"},
        Case{R"({"_unknown": "/w=="})", "Thing: got bytes that are no field"}));

TEST(JsonToValues, BoundsDepthAndLength) {
  const std::string deep(100000, '[');
  EXPECT_THAT(ToValues(deep), HasSubstr("Thing: got an array"));
  EXPECT_THAT(ToValues(absl::StrCat(R"({"tags": )", deep)), HasSubstr("Thing.tags: got an array"));
  EXPECT_THAT(ToValues(std::string(kMaxRecordJsonBytes + 1, ' ')), HasSubstr("bytes of JSON"));
}

TEST(ValuesToJson, WritesNamesAsInTheProtoFile) {
  EXPECT_EQ(ToJson(""), "{}");
  EXPECT_EQ(ToJson("8a01031a0178"), R"({"agreed_rating":{"why":"x"}})");
  EXPECT_EQ(ToJson("20ffffffffffffffffff0130004807"),
            R"({"big":"-1","yes":false,"colour":"BLUE"})");
  EXPECT_THAT(ToJson("0a01413000", true), HasSubstr("\n \"yes\": false\n"));
}

TEST(ValuesToJson, KeepsWhatItCannotSpell) {
  for (const char* hex : {"a80601",        // a field
                          "0a0141a80601",  //
                          "4803",          // an enum number
                          "68016803",      // one of two elements
                          "520408012803",  // a part of an atomic message
                          "0a0141480368016805a80601aa06020102"}) {
    for (const bool pretty : {false, true}) {
      const std::string json = ToJson(hex, pretty);
      EXPECT_THAT(json, HasSubstr("_unknown"));
      EXPECT_EQ(ToValues(json), hex) << json;
    }
  }
  EXPECT_EQ(ToJson("a80601"), R"({"_unknown":"qAYB"})");
  EXPECT_EQ(ToJson("a80601", true), "{\n \"_unknown\": \"qAYB\"\n}\n");
}

TEST(JsonToValues, UnknownCannotSayAKnownFieldAgain) {
  EXPECT_THAT(ToValues(R"({"name": "A", "_unknown": "CgFC"})"),
              HasSubstr("Thing.name: got \"2 values\""));
}

TEST(ValuesToJson, RefusesWhatIsNoRecord) {
  EXPECT_THAT(ToJson("0a"), HasSubstr("Thing: got bytes that are no field"));
  EXPECT_THAT(ToJson("0a01ff"), HasSubstr("Thing.name: got"));
}

}  // namespace
}  // namespace doorstep
