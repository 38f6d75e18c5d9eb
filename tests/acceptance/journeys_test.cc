// Journeys of the domain, each under its name, with its figures, real programs and real files: what
// the main job (main_job_test) and the conflicts (conflict_journeys_test) do not tell.
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/acceptance/device.h"
#include "tests/support/process.h"

namespace doorstep::testing {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class Journeys : public ::testing::Test {
 protected:
  Journeys() {
    server_.AddSite("north-team");
    for (const Device* device : {&khan_, &osei_}) device->Init("127.0.0.1:1");
  }

  // Everybody has everybody's.
  void SyncAll() {
    server_.Start();
    for (const Device* device : {&khan_, &osei_, &khan_}) device->Sync(server_.address());
    server_.Stop();
  }
  json Measures() {
    const RunResult result = server_.Operator({"measure", "--json"});
    EXPECT_EQ(result.exit, 0) << result;
    return json::parse(result.out, nullptr, false);
  }
  void ExpectSame() {
    EXPECT_EQ(khan_.Dump(), osei_.Dump());
    EXPECT_EQ(khan_.Digests(), osei_.Digests());
  }

  TempDir dir_;
  ServerProcess server_{dir_.File("server")};
  const Device khan_{dir_.File("khan"), "north-team", "A Khan"};
  const Device osei_{dir_.File("osei"), "north-team", "M Osei"};
};

TEST_F(Journeys, Journey1PeterFromBaselineToSupported) {
  // Offline, on the visit.
  const std::string peter = khan_.Add("Person", {{"name", "Peter Hall"}}, {"--file", "new"});
  const std::string study =
      khan_.Add("CaseStudy", {{"subjects", {peter}},
                              {"situation", "Wants to go to the newsagent every morning, alone."},
                              {"barriers", {"MEMORY_COGNITION", "STAFFING", "STAFF_ATTITUDE"}},
                              {"programme", "independence"},
                              {"decision", {{"outcome", "SUPPORTED"}}}});
  khan_.Add(
      "BaselineMeasure",
      {{"case_study", study}, {"programme", "independence"}, {"decision", "DENIED_OPPORTUNITY"}});
  const std::string risk =
      khan_.Add("RiskAssessment", {{"case_study", study},
                                   {"activity", "Walks to the newsagent alone"},
                                   {"hazard", "Forgets why he went"},
                                   {"inherent_rating", {{"likelihood", 4}, {"severity", 4}}},
                                   {"residual_rating", {{"likelihood", 2}, {"severity", 3}}}});
  for (const char* control : {"The newsagent reminds him to go home", "Carries a telephone"}) {
    khan_.Add("Mitigation", {{"assessment", risk}, {"control", control}, {"status", "IN_PLACE"}});
  }
  const RunResult refused = khan_.Run({"sign", risk});
  EXPECT_EQ(refused.exit, 2) << refused;
  EXPECT_THAT(refused.err, HasSubstr("RiskAssessment.harm_of_not_doing: got no value"));
  EXPECT_THAT(refused.err, HasSubstr("the draft is kept"));
  EXPECT_EQ(khan_.Record(risk)["hazard"], "Forgets why he went");

  SyncAll();
  const json measures = Measures();
  const json& independence = measures["independence_supported"]["figures"];
  EXPECT_EQ(independence["supported"]["numerator"], 1);
  EXPECT_EQ(independence["supported"]["denominator"], 1);
  EXPECT_EQ(independence["baseline"]["numerator"], 0);
  EXPECT_EQ(independence["baseline"]["denominator"], 1);
  std::map<std::string, int> barriers;
  for (const auto& [barrier, figure] : measures["barriers"]["figures"].items()) {
    if (figure.contains("numerator")) barriers[barrier] = figure["numerator"];
  }
  EXPECT_THAT(barriers, UnorderedElementsAre(Pair("MEMORY_COGNITION", 1), Pair("STAFFING", 1),
                                             Pair("STAFF_ATTITUDE", 1)));
  const RunResult text = server_.Operator({"measure"});
  EXPECT_THAT(text.out, HasSubstr("1 of 1 decisions"));
  EXPECT_THAT(text.out, HasSubstr("0 of 1 cases"));

  khan_.Edit(risk, {{"harm_of_not_doing", "Loses what his morning is for"}});
  khan_.Json({"sign", risk});
  SyncAll();
  EXPECT_EQ(osei_.Json({"get", risk})["meta"]["sign_offs"][0]["state"], "SIGNED");
  ExpectSame();
}

TEST_F(Journeys, Journey4TheEvanses) {
  const std::string gwen = khan_.Add("Person", {{"name", "Gwen Evans"}}, {"--file", "new"});
  const std::string file = khan_.Json({"get", gwen})["meta"].value("file", "");
  const std::string idris = khan_.Add("Person", {{"name", "Idris Evans"}}, {"--file", file});
  const std::string study = khan_.Add("CaseStudy",
                                      {{"subjects", {gwen, idris}},
                                       {"title", "Meals together"},
                                       {"weekly_cost_before", 3500},
                                       {"weekly_cost_after", 5250}},
                                      {"--file", file});
  const std::map<std::string, std::string> support = {
      {"Dial-a-ride", "2/week"}, {"Shopping and cooking support", ""}, {"Takeaway", "1/week"}};
  for (const auto& [what, frequency] : support) {
    json arrangement = {{"case_study", study}, {"what", what}, {"status", "ACTIVE"}};
    if (!frequency.empty()) arrangement["frequency"] = frequency;
    khan_.Add("Arrangement", arrangement);
  }
  SyncAll();
  // A series from two devices, neither of which has seen the other's.
  const auto observe = [&](const Device& device, int value) {
    device.Add("Observation", {{"case_study", study},
                               {"measure", "nutrition risk"},
                               {"value", value},
                               {"unit", "score"},
                               {"source", "OBSERVED"}});
  };
  observe(khan_, 2);
  observe(osei_, 1);
  observe(khan_, 0);
  SyncAll();
  ExpectSame();
  for (const Device* device : {&khan_, &osei_}) {
    EXPECT_THAT(device->Conflicts(), IsEmpty());
    EXPECT_THAT(device->Record(study)["subjects"], UnorderedElementsAre(gwen, idris));
    const json series = device->Json(
        {"sql", "SELECT value FROM observation WHERE measure = 'nutrition risk' ORDER BY value"});
    EXPECT_THAT(series["rows"], ElementsAre(json{0.0}, json{1.0}, json{2.0}));
    const json arranged =
        device->Json({"sql", "SELECT what, coalesce(frequency, '') FROM arrangement"});
    std::map<std::string, std::string> found;
    for (const json& row : arranged["rows"]) found[row[0]] = row[1];
    EXPECT_EQ(found, support);
  }
  EXPECT_EQ(Measures()["cost_effect"]["figures"]["sum"]["value"], 1750);
  EXPECT_THAT(server_.Operator({"measure"}).out, HasSubstr("+1750"));
}

TEST_F(Journeys, Journey5ConcurrentNarrative) {
  const std::string first = "Peter lives at Rose Court.";
  const std::string study =
      khan_.Add("CaseStudy",
                {{"title", "To the newsagent"}, {"situation", first}, {"barriers", {"STAFFING"}}});
  SyncAll();
  // A paragraph and a barrier each: all of it stands, and nobody is asked.
  khan_.Edit(study, {{"situation", first + "\n\nHe walks well."},
                     {"barriers", {"STAFFING", "MEMORY_COGNITION"}}});
  osei_.Edit(study, {{"situation", "His sister rings on Sundays.\n\n" + first},
                     {"barriers", {"STAFFING", "STAFF_ATTITUDE"}}});
  SyncAll();
  ExpectSame();
  EXPECT_THAT(osei_.Conflicts(), IsEmpty());
  EXPECT_EQ(osei_.Record(study)["situation"],
            "His sister rings on Sundays.\n\n" + first + "\n\nHe walks well.");
  EXPECT_THAT(osei_.Record(study)["barriers"],
              UnorderedElementsAre("STAFFING", "MEMORY_COGNITION", "STAFF_ATTITUDE"));

  // One sentence twice, and one that both have only read in the merge: both versions are kept
  // whole, and somebody decides.
  const std::string now = osei_.Record(study)["situation"];
  const std::string rewritten = "He walks well.";
  const auto with = [&](const std::string& sentence) {
    std::string text = now;
    return text.replace(text.find(rewritten), rewritten.size(), sentence);
  };
  khan_.Edit(study, {{"situation", with("He walks with a stick.")}});
  osei_.Edit(study, {{"situation", with("He walks indoors only.")}});
  SyncAll();
  ExpectSame();
  const json open = khan_.Conflicts();
  ASSERT_THAT(open, SizeIs(1));
  EXPECT_EQ(open[0]["record"], study);
  EXPECT_EQ(open[0]["field"], "situation");
  std::vector<std::string> versions;
  for (const json& version : open[0]["versions"]) versions.push_back(version["value"]);
  EXPECT_THAT(versions,
              UnorderedElementsAre(with("He walks with a stick."), with("He walks indoors only.")));
  const std::string shown = osei_.Record(study)["situation"];
  EXPECT_THAT(shown, HasSubstr("He walks with a stick."));
  EXPECT_THAT(shown, HasSubstr("He walks indoors only."));
}

}  // namespace
}  // namespace doorstep::testing
