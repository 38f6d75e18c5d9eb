// What words find, what they do not, and that nothing which is typed is an error.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "doorstep/v1/built_in_schema.h"
#include "doorstep/v1/options.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.pb.h"
#include "gtest/gtest.h"
#include "sync/base/limits.h"
#include "tests/client/device.h"

namespace doorstep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class SearchTest : public ::testing::Test {
 protected:
  std::vector<std::string> Find(const std::string& words, const SearchOptions& options = {}) {
    std::vector<std::string> records;
    for (const SearchHit& hit : Must(device_.replica().Search(words, options))) {
      records.push_back(hit.record);
    }
    return records;
  }
  std::string Person(const std::string& json) { return Must(device_.Add("Person", json)); }

  TestDirectory directory_;
  Device device_{directory_.path() + "/tablet"};
};

TEST_F(SearchTest, FindsEveryMarkedFieldAndNoOther) {
  const std::string peter = Person(
      R"({"name":"Peter Hall","gp":"Dr Secret","about_me":"He likes the river.",
          "allergies":["nuts","line\nbreak"],"nhs_number":"9434765919"})");
  const std::string study = Must(device_.Add("CaseStudy", R"({"situation":"Walks to the shop"})"));
  EXPECT_THAT(Find("peter"), ElementsAre(peter));
  EXPECT_THAT(Find("river"), ElementsAre(peter));
  EXPECT_THAT(Find("nuts"), ElementsAre(peter));
  EXPECT_THAT(Find("break"), ElementsAre(peter)) << "elements are text, not JSON";
  EXPECT_THAT(Find("nbreak"), IsEmpty());
  EXPECT_THAT(Find("shop"), ElementsAre(study));
  EXPECT_THAT(Find("secret"), IsEmpty());
  EXPECT_THAT(Find("9434765919"), IsEmpty());
}

TEST_F(SearchTest, CapitalsAccentsAndPunctuationMakeNoDifference) {
  const std::string zoe = Person(R"({"name":"Zoë O'Brien-Müller","about_me":"Le CAFÉ, daily"})");
  for (const char* words :
       {"zoe", "ZOË", "o'brien", "brien muller", "cafe", "Café", "\"café,\"", "brien-müller"}) {
    EXPECT_THAT(Find(words), ElementsAre(zoe)) << words;
  }
}

TEST_F(SearchTest, AllWordsMustBeThereAndAStarFindsBeginnings) {
  const std::string a = Person(R"({"name":"Peter","about_me":"newsagent every morning"})");
  const std::string b = Person(R"({"name":"Peter","about_me":"newspaper"})");
  EXPECT_THAT(Find("peter"), UnorderedElementsAre(a, b));
  EXPECT_THAT(Find("peter newspaper"), ElementsAre(b));
  EXPECT_THAT(Find("news"), IsEmpty());
  EXPECT_THAT(Find("NEWS*"), UnorderedElementsAre(a, b));
  EXPECT_THAT(Find("morn* newsa*"), ElementsAre(a));
  EXPECT_THAT(Find("peter nobody"), IsEmpty());
}

TEST_F(SearchTest, TitlesCountMost) {
  const std::string said =
      Person(R"({"name":"Ann","about_me":"River river river, always the river."})");
  const std::string called = Person(R"({"name":"River Jones","about_me":"Likes tea and toast."})");
  EXPECT_THAT(Find("river"), ElementsAre(called, said));
}

TEST_F(SearchTest, ShowsAPieceOfTheFieldThatAnswersBest) {
  std::string text;
  for (int i = 0; i < 60; ++i) absl::StrAppend(&text, "word", i, " ");
  const std::string id =
      Person(absl::StrCat(R"({"name":"Peter","about_me":")", text, R"(needle\n\u0001 and more"})"));
  const auto hits = Must(device_.replica().Search("needle"));
  ASSERT_THAT(hits, SizeIs(1));
  EXPECT_EQ(hits[0].record, id);
  EXPECT_EQ(hits[0].kind, "Person");
  EXPECT_EQ(hits[0].title, "Peter");
  EXPECT_EQ(hits[0].field, "about_me");
  EXPECT_EQ(hits[0].label, "about me");
  EXPECT_EQ(hits[0].tier, "NORMAL");
  EXPECT_LT(hits[0].snippet.size(), 200u);
  EXPECT_THAT(hits[0].snippet, HasSubstr("needle   and more"));
  ASSERT_THAT(hits[0].found, SizeIs(1));
  EXPECT_EQ(
      hits[0].snippet.substr(hits[0].found[0].begin, hits[0].found[0].end - hits[0].found[0].begin),
      "needle");
}

TEST_F(SearchTest, FollowsEdits) {
  const std::string id = Person(R"({"name":"Peter","about_me":"river"})");
  Must(device_.Edit(id, R"({"about_me":"mountain"})"));
  EXPECT_THAT(Find("river"), IsEmpty());
  EXPECT_THAT(Find("mountain"), ElementsAre(id));
  Must(device_.Edit(id, R"({"gp":"Dr Lee"})"));
  EXPECT_THAT(Find("mountain"), ElementsAre(id));
  Must(device_.Edit(id, R"({"about_me":null,"name":null})"));
  EXPECT_THAT(Find("mountain"), IsEmpty());
  EXPECT_THAT(Find("peter"), IsEmpty());
}

TEST_F(SearchTest, WhatWasRolledBackIsNotFound) {
  const std::string id = Person(R"({"name":"Peter"})");
  const absl::Status refused = device_.replica().Transact({}, [&](Edits& edits) {
    Must(edits.AddJson("Person", R"({"name":"Ghost"})"));
    return absl::InternalError("no");
  });
  EXPECT_FALSE(refused.ok());
  EXPECT_THAT(Find("ghost"), IsEmpty());
  Must(device_.Edit(id, R"({"about_me":"river"})"));
  EXPECT_THAT(Find("river"), ElementsAre(id));
  EXPECT_THAT(Find("ghost"), IsEmpty());
}

TEST_F(SearchTest, HiddenRecordsAreLeftOutOrSaySo) {
  const std::string id = Person(R"({"name":"Peter"})");
  const OpenRecord open = Must(device_.replica().Get(id));
  Must(device_.replica().Transact({}, [&](Edits& edits) { return edits.Hide(open, "a test"); }));
  EXPECT_THAT(Find("peter"), IsEmpty());
  const auto hits = Must(device_.replica().Search("peter", {.kind = "", .hidden = true}));
  ASSERT_THAT(hits, SizeIs(1));
  EXPECT_EQ(hits[0].hidden, "a test");
}

TEST_F(SearchTest, KindAndLimit) {
  const std::string peter = Person(R"({"name":"River"})");
  const std::string study = Must(device_.Add("CaseStudy", R"({"title":"River"})"));
  EXPECT_THAT(Find("river", {.kind = "CaseStudy"}), ElementsAre(study));
  EXPECT_THAT(Find("river", {.kind = "Person"}), ElementsAre(peter));
  EXPECT_THAT(Find("river", {.kind = "Incident"}), IsEmpty());
  EXPECT_THAT(Find("river", {.kind = "", .limit = 1}), SizeIs(1));
  EXPECT_THAT(Find("river", {.kind = "", .limit = 0}), SizeIs(2));
  EXPECT_EQ(device_.replica().Search("river", {.kind = "Nothing"}).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(SearchTest, WhatIsTypedIsNeverSyntax) {
  const std::string id = Person(R"({"name":"near and or not title"})");
  for (const char* words : {"AND",        "OR NOT",        "NEAR(and, 2)",
                            "title:near", "\"near",        "near\"",
                            "^near",      "near + and",    "{title rest}: near",
                            "-near",      "near*and*",     "(near",
                            "near)",      "title : *near", "near--",
                            "'near'",     "near;",         "near/*",
                            "*near",      "near ** and"}) {
    const auto hits = device_.replica().Search(words);
    EXPECT_TRUE(hits.ok()) << words << ": " << hits.status();
  }
  EXPECT_THAT(Find("AND"), ElementsAre(id));
  EXPECT_THAT(Find("NOT title"), ElementsAre(id));
  for (const std::string& nothing : {std::string(), std::string("  "), std::string("***"),
                                     std::string("\"\""), std::string("—"), std::string("\0", 1)}) {
    EXPECT_EQ(device_.replica().Search(nothing).status().code(), absl::StatusCode::kInvalidArgument)
        << nothing;
  }
  EXPECT_THAT(Find("— near"), ElementsAre(id)) << "what is no word is left out";
  EXPECT_EQ(device_.replica().Search(std::string(kMaxSearchBytes + 1, 'a')).status().code(),
            absl::StatusCode::kInvalidArgument);
  std::string many;
  for (int i = 0; i <= kMaxSearchWords; ++i) absl::StrAppend(&many, "w", i, " ");
  EXPECT_EQ(device_.replica().Search(many).status().code(), absl::StatusCode::kInvalidArgument);
  SeededEntropy random(3);
  for (int i = 0; i < 300; ++i) {
    std::string bytes(1 + random.Below(30), '\0');
    for (char& c : bytes) c = static_cast<char>(random.Below(i % 2 == 0 ? 128 : 256));
    const auto hits = device_.replica().Search(bytes);
    EXPECT_TRUE(hits.ok() || absl::IsInvalidArgument(hits.status())) << hits.status();
    EXPECT_TRUE(hits.ok() || absl::StrContains(hits.status().message(), "words: got"));
  }
}

TEST_F(SearchTest, IsMadeForAReplicaThatHasNone) {
  const std::string id = Person(R"({"name":"Peter"})");
  Must(device_.db().Exec("DROP TABLE _search; DELETE FROM _state WHERE key = 'search_marked'"));
  device_.Close();
  OpenOptions reading;
  reading.read_only = true;
  reading.environment = device_.environment();
  EXPECT_EQ(Replica::Open(device_.directory(), reading).status().code(),
            absl::StatusCode::kFailedPrecondition);
  device_.Reopen();
  EXPECT_THAT(Find("peter"), ElementsAre(id));
}

// The built-in schema, in which the words of Person.gp are found and those of the name are not.
std::shared_ptr<const Schema> OtherMarks() {
  google::protobuf::FileDescriptorSet set;
  set.ParseFromArray(kBuiltInSchema, static_cast<int>(kBuiltInSchemaSize));
  for (auto& file : *set.mutable_file()) {
    for (auto& message : *file.mutable_message_type()) {
      if (message.name() != "Person") continue;
      for (auto& field : *message.mutable_field()) {
        auto* options = field.mutable_options()->MutableExtension(v1::field);
        if (field.name() == "gp") options->set_full_text(true);
        if (field.name() == "name") options->set_full_text(false);
      }
    }
  }
  return Must(Schema::FromDescriptorSet(set.SerializeAsString()));
}

TEST_F(SearchTest, IsMadeAnewWhenOtherFieldsAreMarked) {
  const std::string id = Person(R"({"name":"Peter","gp":"Dr Lee"})");
  EXPECT_THAT(Find("lee"), IsEmpty());
  OpenOptions options;
  options.environment = device_.environment();
  options.environment.schema = OtherMarks();
  device_.Reopen(options);
  EXPECT_THAT(Find("lee"), ElementsAre(id));
  EXPECT_THAT(Find("peter"), IsEmpty());
}

}  // namespace
}  // namespace doorstep
