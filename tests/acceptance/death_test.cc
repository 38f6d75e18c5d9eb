// Journey 14: somebody dies. What is due stops, the record is kept, people are told gently and
// once; and a death that was recorded by mistake is taken back without a trace of it in anything
// else.
#include <map>
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
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class DeathJourney : public ::testing::Test {
 protected:
  DeathJourney() {
    server_.AddSite("north-team");
    for (const Device* device : all_) device->Init("127.0.0.1:1");
    peter_ = khan_.Add("Person", {{"name", "Peter Hall"}}, {"--file", "new"});
    gwen_ = khan_.Add("Person", {{"name", "Gwen Evans"}}, {"--file", "new"});
    const std::string study =
        khan_.Add("CaseStudy", {{"subjects", {peter_}}, {"title", "To the newsagent"}});
    review_ =
        khan_.Add("RiskAssessment", {{"case_study", study},
                                     {"activity", "Walks to the newsagent"},
                                     {"residual_rating", {{"likelihood", 2}, {"severity", 3}}},
                                     {"review_due", "2026-01-31"},
                                     {"status", "IN_FORCE"}});
    // His task stands in the site's file, and names him.
    task_ = khan_.Add("Task", {{"person", peter_}, {"what", "New glasses"}, {"due", "2026-02-01"}},
                      {"--file", khan_.Json({"status"})["site_file"].get<std::string>()});
    other_ = khan_.Add("Task", {{"person", gwen_}, {"what", "Tea"}, {"due", "2026-02-02"}});
    khan_.Add(
        "Task",
        {{"person", peter_}, {"what", "Long done"}, {"due", "2026-01-01"}, {"status", "DONE"}});
    SyncAll();
  }

  // Everybody has everybody's.
  void SyncAll() {
    server_.Start();
    for (int round = 0; round < 2; ++round) {
      for (const Device* device : all_) device->Sync(server_.address());
    }
    server_.Stop();
  }
  static std::vector<std::string> DueOn(const Device& device, std::vector<std::string> more = {}) {
    more.insert(more.begin(), "due");
    std::vector<std::string> records;
    json out = device.Json(more);
    for (const json& each : out["due"]) records.push_back(each["record"]);
    return records;
  }
  static json NewsOn(const Device& device) { return device.Json({"news"})["news"]; }
  std::string Measured(const std::string& measure, const std::string& part) {
    const RunResult result = server_.Operator({"measure", "--json"});
    EXPECT_EQ(result.exit, 0) << result;
    const json figure = json::parse(result.out, nullptr, false)[measure]["figures"][part];
    return figure.contains("numerator")
               ? absl::StrCat(figure["numerator"].get<int>(), "/", figure["denominator"].get<int>())
               : figure["value"].dump();
  }

  TempDir dir_;
  ServerProcess server_{dir_.File("server")};
  const Device khan_{dir_.File("khan"), "north-team", "A Khan"};
  const Device osei_{dir_.File("osei"), "north-team", "M Osei"};
  const Device lead_{dir_.File("lead"), "north-team", "R Lead"};
  const std::vector<const Device*> all_ = {&khan_, &osei_, &lead_};
  std::string peter_, gwen_, review_, task_, other_;
};

TEST_F(DeathJourney, Journey14Death) {
  for (const Device* device : all_) {
    EXPECT_THAT(DueOn(*device), ElementsAre(review_, task_, other_)) << device->user();
    EXPECT_THAT(NewsOn(*device), IsEmpty());
  }
  EXPECT_EQ(Measured("overdue_reviews", "overdue"), "1/1");

  // Offline; somebody else, who has not heard, works on.
  khan_.Edit(peter_, {{"date_of_death", "2026-11-20"}});
  EXPECT_THAT(DueOn(khan_), ElementsAre(other_));
  EXPECT_THAT(NewsOn(khan_), SizeIs(1));
  khan_.Out({"news", "--read-all"});
  osei_.Edit(task_, {{"who", "M Osei"}});
  EXPECT_THAT(DueOn(osei_), ElementsAre(review_, task_, other_));
  SyncAll();

  for (const Device* device : all_) {
    EXPECT_THAT(DueOn(*device), ElementsAre(other_)) << device->user();
    EXPECT_THAT(DueOn(*device, {"--stopped"}), ElementsAre(review_, task_, other_));
    EXPECT_THAT(device->Conflicts(), IsEmpty());
    // All is kept as it was, what was written without knowing too; nobody has closed anything.
    EXPECT_EQ(device->Record(task_)["who"], "M Osei");
    EXPECT_FALSE(device->Record(task_).contains("status"));
    EXPECT_EQ(device->Record(review_)["status"], "IN_FORCE");
    for (const std::string& record : {peter_, review_, task_}) {
      EXPECT_THAT(device->Json({"why", record})["reasons"].dump(),
                  AllOf(HasSubstr("STOPPED"), HasSubstr("Peter Hall died on 20 November 2026")));
    }
    EXPECT_THAT(device->Json({"why", other_})["reasons"].dump(), Not(HasSubstr("STOPPED")));
  }
  EXPECT_EQ(Measured("overdue_reviews", "overdue"), "0/0");
  EXPECT_EQ(Measured("overdue_reviews", "stopped"), "1");
  EXPECT_EQ(Measured("risk_distribution", "moderate"), "0/0");

  // Told on each device, until somebody has read it there; never again.
  EXPECT_THAT(NewsOn(khan_), IsEmpty());
  EXPECT_EQ(osei_.Number("news"), 1);
  const json news = NewsOn(osei_);
  ASSERT_THAT(news, SizeIs(1));
  EXPECT_EQ(news[0]["words"],
            "We are sorry: Peter Hall died on 20 November 2026. Reviews and tasks have stopped; "
            "there is nothing that you must do here. The whole record is kept.");
  EXPECT_EQ(news[0]["by"], "A Khan");
  EXPECT_EQ(news[0]["taken_back"], false);
  EXPECT_THAT(osei_.Out({"status"}), HasSubstr("doorstep news"));
  EXPECT_THAT(osei_.Out({"news"}), HasSubstr("We are sorry: Peter Hall died"));
  EXPECT_EQ(osei_.Run({"news", "--read", gwen_}).exit, 3);
  osei_.Out({"news", "--read", peter_});
  khan_.Edit(peter_, {{"date_of_death", "2026-11-19"}});  // the certificate says so
  SyncAll();
  EXPECT_THAT(NewsOn(osei_), IsEmpty());
  EXPECT_EQ(osei_.Json({"news", "--all"})["news"][0]["read"], true);
  EXPECT_THAT(NewsOn(lead_), SizeIs(1));
  EXPECT_THAT(osei_.Out({"status"}), Not(HasSubstr("doorstep news")));
}

TEST_F(DeathJourney, Journey14DeathRecordedByMistakeIsTakenBack) {
  khan_.Edit(peter_, {{"date_of_death", "2026-11-20"}});
  SyncAll();
  khan_.Out({"news", "--read-all"});
  osei_.Out({"news", "--read-all"});

  // It was his brother, one hears; the other corrects the day, unseen.
  osei_.Edit(peter_, {{"date_of_death", nullptr}});
  khan_.Edit(peter_, {{"date_of_death", "2026-11-18"}});
  SyncAll();
  for (const Device* device : all_) {
    const json open = device->Conflicts();
    ASSERT_THAT(open, SizeIs(1)) << device->user();
    EXPECT_EQ(open[0]["advice"], "ask before contacting the family");
    EXPECT_EQ(open[0]["safety"], true);
    EXPECT_FALSE(device->Record(peter_).contains("date_of_death"));
    // Nobody forgets somebody who may be alive, and nobody is told what is not known.
    EXPECT_THAT(DueOn(*device), ElementsAre(review_, task_, other_)) << device->user();
    EXPECT_THAT(NewsOn(*device), IsEmpty()) << device->user();
  }
  EXPECT_EQ(Measured("overdue_reviews", "overdue"), "1/1");

  const json open = lead_.Conflicts()[0];
  const size_t alive = open["versions"][0]["value"].is_null() ? 1 : 2;
  ASSERT_TRUE(open["versions"][alive - 1]["value"].is_null()) << open;
  lead_.Out({"settle", open["case"], "--keep", absl::StrCat(alive), "--reason",
             "telephoned: it was his brother"});
  SyncAll();
  const std::string back =
      "It was recorded by mistake that Peter Hall had died. Reviews and tasks count again, as "
      "before.";
  for (const Device* device : {&khan_, &osei_}) {
    const json news = NewsOn(*device);
    ASSERT_THAT(news, SizeIs(1)) << device->user();
    EXPECT_EQ(news[0]["words"], back);
    EXPECT_EQ(news[0]["taken_back"], true);
    device->Out({"news", "--read", peter_});
    EXPECT_THAT(NewsOn(*device), IsEmpty());
  }
  // Who never read the one needs no other.
  EXPECT_THAT(NewsOn(lead_), IsEmpty());
  for (const Device* device : all_) {
    EXPECT_THAT(device->Conflicts(), IsEmpty());
    EXPECT_THAT(DueOn(*device), ElementsAre(review_, task_, other_));
    EXPECT_THAT(device->Json({"why", task_})["reasons"].dump(), Not(HasSubstr("STOPPED")));
  }
  EXPECT_EQ(Measured("overdue_reviews", "overdue"), "1/1");
  EXPECT_EQ(Measured("overdue_reviews", "stopped"), "0");

  // When it does happen, everybody is told, as if for the first time.
  lead_.Edit(peter_, {{"date_of_death", "2026-11-26"}});
  SyncAll();
  for (const Device* device : all_) EXPECT_THAT(NewsOn(*device), SizeIs(1)) << device->user();
}

// Two say that he died, of different days: what is due has stopped, and somebody decides the day.
TEST_F(DeathJourney, Journey14DeathOnTwoDays) {
  khan_.Edit(peter_, {{"date_of_death", "2026-11-20"}});
  osei_.Edit(peter_, {{"date_of_death", "2026-11-21"}});
  SyncAll();
  for (const Device* device : all_) {
    EXPECT_THAT(device->Conflicts(), SizeIs(1));
    EXPECT_THAT(DueOn(*device), ElementsAre(other_)) << device->user();
    const json news = NewsOn(*device);
    ASSERT_THAT(news, SizeIs(1));
    EXPECT_THAT(news[0]["words"].get<std::string>(),
                HasSubstr("died on 20 November 2026 or 21 November 2026"));
  }
  EXPECT_EQ(Measured("overdue_reviews", "stopped"), "1");
}

// What the operator's command prints, in its three forms.
TEST_F(DeathJourney, MeasuresInTextJsonAndCsv) {
  const RunResult text = server_.Operator({"measure"});
  EXPECT_EQ(text.exit, 0) << text;
  EXPECT_THAT(text.out, AllOf(HasSubstr("Overdue reviews, of assessments in force"),
                              HasSubstr("for more than 28 days                  1 of 1 in force: "
                                        "100.0 %"),
                              HasSubstr("1 of 1 sites fresh"), HasSubstr("no figure yet")));
  const RunResult earlier = server_.Operator({"measure", "--as-of", "2026-01-31", "--json"});
  const json figures = json::parse(earlier.out, nullptr, false)["overdue_reviews"]["figures"];
  EXPECT_EQ(figures["overdue"]["numerator"], 0);
  EXPECT_EQ(figures["overdue"]["denominator"], 1);
  const RunResult csv = server_.Operator({"measure", "--csv", "--as-of", "2026-02-01"});
  EXPECT_EQ(csv.exit, 0) << csv;
  EXPECT_THAT(csv.out, AllOf(::testing::StartsWith("as_of,day,measure,part,words,numerator,"),
                             HasSubstr(",2026-02-01,overdue_reviews,days_1_7,for 1 to 7 days,1,1,1,"
                                       "in force,0,1,1\r\n")));
  EXPECT_EQ(server_.Operator({"measure", "--as-of", "2026-02-30"}).exit, 2);
  EXPECT_EQ(server_.Operator({"measure", "--tenant", "nowhere"}).exit, 3);
}

}  // namespace
}  // namespace doorstep::testing
