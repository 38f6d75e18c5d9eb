// What the commands show to people: the schema's words, and no name of a field, kind or value.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/acceptance/device.h"
#include "tests/support/process.h"

namespace doorstep::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Names as a .proto file has them: MEMORY_COGNITION, learning_consent, and single words of enums.
::testing::Matcher<std::string> SpeaksPeoplesWords() {
  std::vector<::testing::Matcher<std::string>> none = {
      Not(::testing::ContainsRegex("[a-z]_[a-z]")), Not(::testing::ContainsRegex("[A-Z]_[A-Z]"))};
  for (const char* name : {"WITHDRAWN", "SUPERSEDED", "SUPPORTED", "NIGHT", "ACTIVE", "Arrangement",
                           "RiskAssessment", "CaseStudy", "Mitigation"}) {
    none.push_back(Not(HasSubstr(name)));
  }
  return ::testing::AllOfArray(none);
}

class Screens : public ::testing::Test {
 protected:
  Screens() {
    server_.AddSite("north-team");
    server_.Start();
    for (const Device* device : {&khan_, &price_}) device->Init(server_.address());
    peter_ = khan_.Add("Person", {{"name", "Peter Hall"}, {"nhs_number", "9434765919"}},
                       {"--file", "new"});
    case_ = khan_.Add(
        "CaseStudy",
        {{"subjects", {peter_}},
         {"title", "To the newsagent"},
         {"barriers", {"MEMORY_COGNITION", "STAFFING"}},
         {"learning_consent", "WITHDRAWN"},
         {"weekly_cost_before", 3500},
         {"decision", {{"outcome", "SUPPORTED_WITH_CONDITIONS"}, {"rationale", "It works."}}}});
    risk_ = khan_.Add("RiskAssessment",
                      {{"case_study", case_},
                       {"activity", "Walks to the newsagent alone"},
                       {"status", "SUPERSEDED"},
                       {"review_due", "2027-02-01"},
                       {"inherent_rating",
                        {{"likelihood", 4}, {"severity", 4}, {"rationale", "forgets the way"}}},
                       {"occurred_at",
                        {{"instant_ms", "1795338000000"},
                         {"offset_minutes", 60},
                         {"zone", "Europe/Paris"},
                         {"precision", "PART_OF_DAY"}}}});
  }
  ~Screens() override { server_.Stop(); }

  TempDir dir_;
  ServerProcess server_{dir_.File("server")};
  const Device khan_{dir_.File("khan"), "north-team", "A Khan"};
  const Device price_{dir_.File("price"), "north-team", "J Price"};
  std::string peter_, case_, risk_;
};

TEST_F(Screens, ARecord) {
  EXPECT_THAT(
      khan_.Out({"get", case_}),
      AllOf(HasSubstr("Case study " + case_), HasSubstr("barriers: memory and thinking, staffing"),
            HasSubstr("learning consent: refused or withdrawn"),
            HasSubstr("weekly cost before, in pence: 3500"),
            HasSubstr("decision: supported with conditions - \"It works.\""),
            SpeaksPeoplesWords()));
  EXPECT_THAT(
      khan_.Out({"get", risk_}),
      AllOf(HasSubstr("Risk assessment " + risk_),
            HasSubstr("risk without support: 16 extreme (4 x 4) - \"forgets the way\""),
            HasSubstr("status: replaced by a newer one"),
            HasSubstr("occurred at: Sun 22 Nov 2026 10:00 (Europe/Paris, that part of the day)"),
            SpeaksPeoplesWords()));
  const std::string support = khan_.Add(
      "Arrangement", {{"case_study", case_}, {"what", "Dial-a-ride"}, {"status", "ACTIVE"}});
  EXPECT_THAT(
      khan_.Out({"get", support}),
      AllOf(HasSubstr("Support " + support), HasSubstr("status: running"), SpeaksPeoplesWords()));
  const std::string item =
      khan_.Add("ReinstatementItem", {{"arrangement", support}, {"due_ms", "1795338000000"}});
  EXPECT_THAT(khan_.Out({"get", item}),
              AllOf(HasSubstr("due: Sun 22 Nov 2026 09:00 UTC"), SpeaksPeoplesWords()));
}

TEST_F(Screens, ListsAndFindings) {
  EXPECT_THAT(khan_.Out({"list", "RiskAssessment"}),
              AllOf(HasSubstr("risk assessment"), HasSubstr("activity: Walks to the newsagent"),
                    SpeaksPeoplesWords()));
  EXPECT_THAT(khan_.Out({"list", "CaseStudy"}),
              AllOf(HasSubstr("title: To the newsagent; barriers: memory and thinking"),
                    SpeaksPeoplesWords()));
  EXPECT_THAT(khan_.Out({"search", "newsagent", "alone"}),
              AllOf(HasSubstr("Risk assessment " + risk_), SpeaksPeoplesWords()));
  EXPECT_THAT(khan_.Out({"outbox"}),
              AllOf(HasSubstr("risk assessment " + risk_), HasSubstr("risk without support"),
                    SpeaksPeoplesWords()));
  EXPECT_THAT(khan_.Out({"why", risk_}),
              AllOf(HasSubstr("Risk assessment " + risk_), SpeaksPeoplesWords()));
  khan_.Add("Task", {{"what", "Telephone"}, {"due", "2026-01-01"}});
  EXPECT_THAT(khan_.Out({"due"}), AllOf(HasSubstr("(task "), SpeaksPeoplesWords()));
  khan_.Add("Person", {{"name", "P Hall"}, {"nhs_number", "9434765919"}}, {"--file", "new"});
  EXPECT_THAT(khan_.Out({"duplicates"}),
              AllOf(HasSubstr("Person "), HasSubstr("equal NHS number"), SpeaksPeoplesWords()));
}

// Of one device while it waits, of the server afterwards: the same words.
TEST_F(Screens, VersionsOfARecord) {
  khan_.Edit(risk_, {{"value_to_person", 5}, {"review_due", nullptr}});
  khan_.Edit(peter_, {{"allergies", {"nuts", "eggs"}}});
  khan_.Edit(peter_, {{"allergies", {"nuts"}}});
  for (const bool waiting : {true, false}) {
    EXPECT_THAT(
        khan_.Out({"history", risk_}),
        AllOf(HasSubstr("    risk without support: 16 extreme (4 x 4) - \"forgets the way\""),
              HasSubstr("    value to person: 5"), HasSubstr("    review due: (cleared)"),
              SpeaksPeoplesWords()));
    EXPECT_THAT(khan_.Out({"history", peter_}),
                AllOf(HasSubstr("    allergies: eggs, nuts"),
                      HasSubstr("    allergies: eggs (taken out)"), SpeaksPeoplesWords()));
    if (waiting) khan_.Sync(server_.address());
  }
}

TEST_F(Screens, UnsettledAndDisplacedValues) {
  khan_.Edit(peter_, {{"address", "1 High Street"}});
  khan_.Sync(server_.address());
  price_.Sync(server_.address());
  khan_.Edit(peter_, {{"address", "2 High Street"}});
  price_.Edit(peter_, {{"address", "3 High Street"}});
  const std::string support =
      khan_.Add("ReinstatementItem", {{"what", "Meals"}, {"due_ms", "1795338060000"}});
  for (const Device* device : {&khan_, &price_, &khan_}) device->Sync(server_.address());
  EXPECT_THAT(khan_.Out({"get", peter_}),
              HasSubstr("address: telephone before visiting   [two versions: until decided]"));
  khan_.Edit(support, {{"due_ms", "1795338120000"}});
  price_.Edit(support, {{"due_ms", "1795338180000"}});
  khan_.Sync(server_.address());
  for (const Device* device : {&price_, &khan_, &price_}) device->Sync(server_.address());
  EXPECT_THAT(price_.Out({"notices"}),
              AllOf(HasSubstr("Meals, due: J Price wrote Sun 22 Nov 2026 09:03 UTC"),
                    HasSubstr("What counts now: Sun 22 Nov 2026 09:02 UTC.")));
}

// Programs get the schema's names, and the words beside them.
TEST_F(Screens, JsonKeepsTheNames) {
  EXPECT_EQ(khan_.Record(case_)["barriers"], json({"MEMORY_COGNITION", "STAFFING"}));
  const json whole = khan_.Json({"get", case_});
  const json meta = whole.value("meta", json::object());
  EXPECT_EQ(meta["kind"], "CaseStudy");
  EXPECT_EQ(meta["label"], "case study");
  EXPECT_EQ(meta["fields"]["learning_consent"]["label"], "learning consent");
  EXPECT_EQ(meta["fields"]["learning_consent"]["words"], "refused or withdrawn");
  const json line = khan_.Json({"history", case_})["history"][0];
  EXPECT_EQ(line["fields"]["learning_consent"], "WITHDRAWN");
  EXPECT_THAT(line["words"], ::testing::Contains(json({{"field", "learning_consent"},
                                                       {"label", "learning consent"},
                                                       {"words", "refused or withdrawn"}})));
}

}  // namespace
}  // namespace doorstep::testing
