// The main job with real programs and real files, as tools/demo shows it, in both orders of the two
// concurrent assessments. Figures are those of the domain's journey 2 (Peter).
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "sync/base/clock.h"
#include "tests/acceptance/device.h"
#include "tests/support/process.h"

namespace doorstep::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kNoSuchId[] = "018f0000-0000-7000-8000-000000000001";

json Rating(int likelihood, int severity, const std::string& rationale) {
  return {{"likelihood", likelihood}, {"severity", severity}, {"rationale", rationale}};
}

int Score(const json& rating) {
  return rating.value("likelihood", 0) * rating.value("severity", 0);
}

class MainJob : public ::testing::Test {
 protected:
  MainJob() {
    server_.AddSite("north-team");
    server_.AddSite("rose-court");
    for (const Device* device : Everybody()) device->Init("127.0.0.1:1");
  }

  std::vector<const Device*> Everybody() const { return {&khan_, &price_, &osei_}; }

  void SyncAll(const std::vector<const Device*>& devices) {
    server_.Start();
    for (const Device* device : devices) device->Sync(server_.address());
    server_.Stop();
  }

  void KhanVisitsPeter();
  void KhanVisitsTheEvanses();
  // Both devices hold Peter's record; nobody else has written since.
  void ReassessWithoutALink();
  void ExpectTwelveUntilDecided(const Device& device);
  void ExpectDecided(const Device& device, const std::string& reason);
  void ExpectAgreement();
  void ExpectHistory(const std::string& reason);
  void ExpectMeasure();

  // The whole job; `order` syncs after the shift, then the first of them again.
  void Run(const std::vector<const Device*>& order);

  TempDir dir_;
  ServerProcess server_{dir_.File("server")};
  const Device khan_{dir_.File("khan"), "north-team", "A Khan"};     // social worker
  const Device price_{dir_.File("price"), "rose-court", "J Price"};  // care home
  const Device osei_{dir_.File("osei"), "north-team", "M Osei"};     // team manager
  std::string peter_, file_, case_, risk_, evans_, evans_file_;
};

void MainJob::KhanVisitsPeter() {
  peter_ =
      khan_.Add("Person", {{"name", "Peter Hall"}, {"preferred_name", "Peter"}}, {"--file", "new"});
  file_ = khan_.Json({"get", peter_})["meta"].value("file", "");
  case_ = khan_.Add(
      "CaseStudy",
      {{"subjects", {peter_}},
       {"title", "To the newsagent every morning"},
       {"situation", "Peter wants to fetch his newspaper every morning, alone."},
       {"service_led_default", "The home has the newspaper delivered."},
       {"barriers", {"MEMORY_COGNITION", "STAFFING", "STAFF_ATTITUDE"}},
       {"programme", "independence"},
       {"decision",
        {{"outcome", "SUPPORTED"}, {"rationale", "With a reminder he comes home safely."}}}});
  khan_.Add("Statement", {{"case_study", case_},
                          {"speaker", "Peter"},
                          {"captured", "VERBATIM"},
                          {"purpose", "WANTS"},
                          {"words", "I want to fetch my paper. By myself."}});
  khan_.Add("BaselineMeasure", {{"case_study", case_},
                                {"programme", "independence"},
                                {"decision", "DENIED_OPPORTUNITY"},
                                {"reasons", {"STAFFING"}},
                                {"evidence_type", "STAFF_ACCOUNT"}});
  risk_ = khan_.Add("RiskAssessment", {{"case_study", case_},
                                       {"activity", "Walks to the newsagent alone"},
                                       {"hazard", "Forgets why he went, does not come home"},
                                       {"harm_of_not_doing", "Loses what his morning is for"},
                                       {"value_to_person", 5},
                                       {"status", "DRAFT"},
                                       {"inherent_rating", Rating(4, 4, "forgets the way")},
                                       {"residual_rating", Rating(2, 3, "reminder and telephone")},
                                       {"review_due", "2027-02-01"}});
  for (const char* control : {"The newsagent reminds him to go home", "Carries a telephone"}) {
    khan_.Add("Mitigation", {{"assessment", risk_}, {"control", control}, {"status", "IN_PLACE"}});
    khan_.Add("Arrangement",
              {{"case_study", case_}, {"what", control}, {"status", "ACTIVE"}, {"weekly_cost", 0}});
  }
  // Without --file a record goes where its first reference is.
  EXPECT_EQ(khan_.Json({"get", risk_})["meta"]["file"], file_);
}

void MainJob::KhanVisitsTheEvanses() {
  const std::string mrs = khan_.Add("Person", {{"name", "Gwen Evans"}}, {"--file", "new"});
  evans_file_ = khan_.Json({"get", mrs})["meta"].value("file", "");
  const std::string mr = khan_.Add("Person", {{"name", "Idris Evans"}}, {"--file", evans_file_});
  evans_ = khan_.Add(
      "CaseStudy",
      {{"subjects", {mrs, mr}},
       {"title", "Meals together"},
       {"barriers", {"MOBILITY", "CARER_STRAIN"}},
       {"programme", "independence"},
       {"weekly_cost_before", 3500},
       {"weekly_cost_after", 5250},
       {"decision", {{"outcome", "SUPPORTED"}, {"rationale", "What the couple asked for."}}}},
      {"--file", evans_file_});
  EXPECT_THAT(khan_.Record(evans_)["subjects"], UnorderedElementsAre(mrs, mr));
  khan_.Add("Arrangement", {{"case_study", evans_},
                            {"what", "Dial-a-ride to lunch"},
                            {"frequency", "2/week"},
                            {"status", "ACTIVE"}});
  khan_.Add("Arrangement", {{"case_study", evans_},
                            {"what", "Shopping and cooking support"},
                            {"status", "ACTIVE"},
                            {"weekly_cost", 1750}});
  khan_.Add("Arrangement", {{"case_study", evans_},
                            {"what", "Takeaway delivered"},
                            {"frequency", "1/week"},
                            {"status", "ACTIVE"}});
}

void MainJob::ReassessWithoutALink() {
  khan_.Edit(risk_, {{"residual_rating", Rating(1, 3, "reminder works")}});
  price_.Edit(risk_, {{"residual_rating", Rating(4, 3, "lost his way twice")}});
  // Each sees their own until they hear of the other's.
  EXPECT_EQ(Score(khan_.Record(risk_)["residual_rating"]), 3);
  EXPECT_EQ(Score(price_.Record(risk_)["residual_rating"]), 12);
}

// What each replica shows, with the server stopped.
void MainJob::ExpectTwelveUntilDecided(const Device& device) {
  SCOPED_TRACE(device.user());
  const json conflicts = device.Conflicts();
  ASSERT_EQ(conflicts.size(), 1u) << conflicts.dump(1);
  const json& conflict = conflicts[0];
  EXPECT_EQ(conflict["record"], risk_);
  EXPECT_EQ(conflict["field"], "residual_rating");
  EXPECT_EQ(conflict["safety"], true);
  EXPECT_EQ(Score(conflict["until_decided"]), 12);
  std::vector<std::string> versions;
  for (const json& version : conflict["versions"]) {
    EXPECT_EQ(version["pending"], false);
    versions.push_back(absl::StrCat(version.value("author", ""), " ", Score(version["value"])));
  }
  EXPECT_THAT(versions, UnorderedElementsAre("A Khan 3", "J Price 12"));
  const auto opened = ParseUtc(conflict.value("opened", ""));
  const auto due = ParseUtc(conflict.value("due", ""));
  ASSERT_TRUE(opened.ok() && due.ok()) << conflict.dump(1);
  EXPECT_EQ(*due - *opened, int64_t{24} * 60 * 60 * 1000);

  const json whole = device.Json({"get", risk_});
  EXPECT_EQ(whole["record"]["residual_rating"], Rating(4, 3, "lost his way twice"));
  EXPECT_EQ(whole["meta"]["fields"]["residual_rating"]["provisional"], true);
  EXPECT_EQ(whole["meta"]["fields"]["inherent_rating"]["provisional"], false);
  EXPECT_EQ(whole["meta"]["pending"], false);
  EXPECT_EQ(device.Record(case_)["decision"]["outcome"], "SUPPORTED");
  EXPECT_EQ(device.Number("conflicts"), 1);
  EXPECT_THAT(device.Out({"conflicts"}), HasSubstr("work to 12 high"));

  // Somebody who sees two versions decides; an edit would bury one.
  const RunResult edit = device.Run(
      {"edit", risk_, "--data", json{{"residual_rating", Rating(3, 3, "between them")}}.dump()});
  EXPECT_EQ(edit.exit, 4) << edit;
  EXPECT_THAT(edit.out, HasSubstr("doorstep beside "));
  EXPECT_EQ(Score(device.Record(risk_)["residual_rating"]), 12);
}

void MainJob::ExpectDecided(const Device& device, const std::string& reason) {
  SCOPED_TRACE(device.user());
  EXPECT_THAT(device.Conflicts(), IsEmpty());
  const json whole = device.Json({"get", risk_});
  EXPECT_EQ(Score(whole["record"]["residual_rating"]), 6);
  const json& field = whole["meta"]["fields"]["residual_rating"];
  EXPECT_EQ(field["provisional"], false);
  ASSERT_EQ(field["versions"].size(), 1u);
  EXPECT_EQ(field["versions"][0]["settled"], reason);
  EXPECT_EQ(field["versions"][0]["author"], "M Osei");
  EXPECT_EQ(device.Record(case_)["decision"]["outcome"], "SUPPORTED");
}

void MainJob::ExpectAgreement() {
  std::map<const Device*, std::map<std::string, json>> digests, dumps;
  for (const Device* device : Everybody()) {
    digests[device] = device->Digests();
    dumps[device] = device->Dump();
    EXPECT_THAT(device->Json({"outbox"})["changes"], IsEmpty()) << device->user();
    EXPECT_EQ(device->Number("waiting"), 0) << device->user();
    EXPECT_EQ(device->Number("needs_you"), 0) << device->user();
  }
  // Two of one team hold the same; the home holds Peter's record of it.
  EXPECT_EQ(dumps[&khan_], dumps[&osei_]);
  EXPECT_EQ(khan_.Json({"digest"}), osei_.Json({"digest"}));
  EXPECT_EQ(dumps[&khan_].size(), 15u);
  EXPECT_EQ(ExpectSameWhereShared(dumps[&price_], dumps[&khan_]), 9);
  EXPECT_EQ(dumps[&price_].size(), 9u);
  EXPECT_GE(ExpectSameWhereShared(digests[&price_], digests[&khan_]), 1);
  EXPECT_EQ(digests[&price_].count(evans_file_ + " NORMAL"), 0u);
  // The columns that people query are equal as well.
  for (const char* query :
       {"SELECT * FROM risk_assessment ORDER BY id", "SELECT * FROM mitigation ORDER BY id",
        "SELECT * FROM statement ORDER BY id", "SELECT * FROM baseline_measure ORDER BY id"}) {
    EXPECT_EQ(khan_.Json({"sql", query}), price_.Json({"sql", query})) << query;
    EXPECT_EQ(khan_.Json({"sql", query}), osei_.Json({"sql", query})) << query;
  }
}

void MainJob::ExpectHistory(const std::string& reason) {
  server_.Start();
  for (const Device* device : Everybody()) {
    SCOPED_TRACE(device->user());
    const json history = device->Json({"history", risk_, "--server", server_.address()});
    EXPECT_EQ(history["complete"], true);
    std::vector<std::string> lines;
    for (const json& line : history["history"]) {
      const json& fields = line["fields"];
      if (!fields.contains("residual_rating")) continue;
      lines.push_back(absl::StrCat(line.value("author", ""), " ", Score(fields["residual_rating"]),
                                   " ", line.value("state", ""), " ", line.value("settled", "")));
    }
    EXPECT_THAT(lines,
                UnorderedElementsAre("A Khan 6 APPLIED ", "M Osei 6 APPLIED " + reason,
                                     ::testing::ContainsRegex("A Khan 3 (APPLIED|CONFLICT) "),
                                     ::testing::ContainsRegex("J Price 12 .+ ")));
    // The first and the last are what they were; of the two between, the second is in conflict.
    EXPECT_THAT(lines.front(), HasSubstr("A Khan 6"));
    EXPECT_THAT(lines.back(), HasSubstr("M Osei 6"));
    EXPECT_THAT(absl::StrJoin(lines, "\n"), HasSubstr("CONFLICT"));
  }
  server_.Stop();
  const json offline = price_.Json({"history", risk_});
  EXPECT_EQ(offline["complete"], false);
  EXPECT_THAT(offline["history"], ::testing::Not(IsEmpty()));
}

void MainJob::ExpectMeasure() {
  const RunResult result = server_.Operator({"measure", "--json"});
  ASSERT_EQ(result.exit, 0) << result;
  const json measures = json::parse(result.out, nullptr, false);
  ASSERT_TRUE(measures.is_object()) << result;
  const json& independence = measures["independence_supported"]["figures"];
  EXPECT_EQ(independence["supported"]["numerator"], 2);
  EXPECT_EQ(independence["supported"]["denominator"], 2);
  EXPECT_EQ(independence["baseline"]["numerator"], 0);
  EXPECT_EQ(independence["baseline"]["denominator"], 1);
  EXPECT_EQ(measures["cost_effect"]["figures"]["sum"]["value"], 1750);
  EXPECT_EQ(measures["open_conflicts"], 0);
  const json& barriers = measures["barriers"]["figures"];
  for (const char* barrier :
       {"MEMORY_COGNITION", "STAFFING", "STAFF_ATTITUDE", "MOBILITY", "CARER_STRAIN"}) {
    EXPECT_EQ(barriers.value(barrier, json::object()).value("numerator", 0), 1) << barrier;
  }
  const RunResult text = server_.Operator({"measure"});
  EXPECT_EQ(text.exit, 0) << text;
  EXPECT_THAT(text.out, HasSubstr("2 of 2 decisions"));
  EXPECT_THAT(text.out, HasSubstr("0 of 1 cases"));
  EXPECT_THAT(text.out, HasSubstr("+1750"));
}

void MainJob::Run(const std::vector<const Device*>& order) {
  KhanVisitsPeter();
  KhanVisitsTheEvanses();
  const int64_t waiting = khan_.Number("waiting");
  const RunResult no_link = khan_.Run({"sync"});
  EXPECT_EQ(no_link.exit, 5) << no_link;
  EXPECT_THAT(no_link.err, HasSubstr("safe"));
  EXPECT_EQ(khan_.Number("waiting"), waiting);

  server_.Start();
  khan_.Sync(server_.address());
  const RunResult shared =
      server_.Operator({"file", "share", "--file", file_, "--site", "rose-court"});
  EXPECT_EQ(shared.exit, 0) << shared;
  price_.Sync(server_.address());
  osei_.Sync(server_.address());
  server_.Stop();

  ReassessWithoutALink();
  SyncAll({order[0], order[1], &osei_, order[0], order[1]});
  for (const Device* device : Everybody()) ExpectTwelveUntilDecided(*device);

  const std::string reason = "Seen together on Wednesday";
  const std::string conflict = osei_.Conflicts()[0].value("case", "");
  const RunResult without_reason = osei_.Run({"settle", conflict, "--keep", "1"});
  EXPECT_EQ(without_reason.exit, 2) << without_reason;
  osei_.Out({"settle", conflict, "--value", Rating(2, 3, "walked it with him").dump(), "--reason",
             reason});
  ExpectDecided(osei_, reason);  // at once, on the device where it was decided
  SyncAll({&osei_, &khan_, &price_});
  for (const Device* device : Everybody()) ExpectDecided(*device, reason);
  ExpectAgreement();
  ExpectHistory(reason);
  ExpectMeasure();
}

TEST_F(MainJob, LowRatingArrivesFirst) { Run({&khan_, &price_}); }
TEST_F(MainJob, HighRatingArrivesFirst) { Run({&price_, &khan_}); }

TEST_F(MainJob, ExitCodesSayWhatKindOfTroubleItIs) {
  EXPECT_EQ(khan_.Run({"get", kNoSuchId}).exit, 3);
  EXPECT_EQ(khan_.Run({"settle", "3f2a", "--keep", "1", "--reason", "x"}).exit, 3);
  EXPECT_EQ(khan_.Run({"no-such-command"}).exit, 2);
  EXPECT_EQ(khan_.Run({"edit"}).exit, 2);
  EXPECT_EQ(khan_.Run({"add", "NoSuchKind", "-"}, "{}").exit, 3);
  EXPECT_EQ(khan_.Run({"add", "Person", "-"}, R"({"no_such_field":1})").exit, 2);
  EXPECT_EQ(khan_.Run({"init", "--site", "north-team", "--device", "x", "--user", "y"}).exit, 2);
  EXPECT_EQ(RunDoorstep(dir_.File("nowhere"), {"status"}).exit, 3);
  EXPECT_EQ(khan_.Run({"sync"}).exit, 5);
  EXPECT_EQ(khan_.Run({"--help"}).exit, 0);
  for (const char* command :
       {"init", "status", "digest", "add", "edit", "get", "list", "sql", "sync", "outbox",
        "conflicts", "settle", "history", "import", "export"}) {
    const RunResult help = khan_.Run({command, "--help"});
    EXPECT_EQ(help.exit, 0) << command;
    EXPECT_THAT(help.out, HasSubstr("Example")) << command;
  }
}

TEST_F(MainJob, ErrorsAreJsonForMachines) {
  const RunResult result = khan_.Run({"get", kNoSuchId, "--json"});
  const json error = json::parse(result.err, nullptr, false);
  ASSERT_TRUE(error.is_object()) << result;
  EXPECT_EQ(error["error"]["exit"], 3);
  EXPECT_THAT(error["error"].value("message", ""), HasSubstr(kNoSuchId));
}

}  // namespace
}  // namespace doorstep::testing
