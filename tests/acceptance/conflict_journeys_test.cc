// Conflicts that people settle, with real programs and real files: the named reviewer, both authors
// told, who may decide and who may not; a pause because of an incident; refused changes.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "sync/base/clock.h"
#include "sync/cases/deadlines.h"
#include "tests/acceptance/device.h"
#include "tests/support/link.h"
#include "tests/support/process.h"

namespace doorstep::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int64_t kDayMs = 24 * kHourMs;

json Rating(int likelihood, int severity, const std::string& rationale) {
  return {{"likelihood", likelihood}, {"severity", severity}, {"rationale", rationale}};
}

class ConflictJourneys : public ::testing::Test {
 protected:
  ConflictJourneys() {
    server_.AddSite("north-team");
    server_.Start();
    for (const Device* device : Everybody()) device->Init(server_.address());
    osei_.Add("Site", {{"name", "North team"},
                       {"lead", "L Ward"},
                       {"deputy", "B Lee"},
                       {"duty_contact", "Duty team"}});
    peter_ = osei_.Add("Person", {{"name", "Peter Hall"}}, {"--file", "new"});
    osei_.Add("Assignment", {{"worker", "M Osei"},
                             {"person", peter_},
                             {"at_site", "north-team"},
                             {"relationship", "SOCIAL_WORKER"}});
    case_ = osei_.Add("CaseStudy",
                      {{"subjects", {peter_}},
                       {"title", "To the newsagent"},
                       {"decision", {{"outcome", "SUPPORTED"}, {"rationale", "with a reminder"}}}},
                      {"--file", peter_});
    risk_ = osei_.Add("RiskAssessment", {{"case_study", case_},
                                         {"activity", "Going out"},
                                         {"residual_rating", Rating(2, 3, "reminder")}});
    SyncAll({&osei_, &khan_, &price_});
  }
  ~ConflictJourneys() override {
    if (server_.running()) server_.Stop();
  }

  std::vector<const Device*> Everybody() const { return {&khan_, &price_, &osei_}; }
  void SyncAll(const std::vector<const Device*>& devices) {
    for (const Device* device : devices) device->Sync(server_.address());
  }
  void ExpectAllEqual() {
    EXPECT_EQ(khan_.Dump(), price_.Dump());
    EXPECT_EQ(khan_.Dump(), osei_.Dump());
    EXPECT_EQ(khan_.Digests(), osei_.Digests());
    EXPECT_EQ(price_.Digests(), osei_.Digests());
  }
  // The sequence of the last thing that the server has stored.
  int64_t Head() {
    const RunResult status = server_.Operator({"status", "--json"});
    EXPECT_EQ(status.exit, 0) << status;
    return json::parse(status.out, nullptr, false).value("head", int64_t{-1});
  }
  // Of the server's history of a record: how often somebody has changed this field.
  int64_t Changes(const std::string& record, const std::string& author, const std::string& field) {
    int64_t changes = 0;
    for (const json& line : osei_.Json({"history", record, "--server", server_.address()})
                                .value("history", json::array())) {
      changes += line.value("author", "") == author && line["fields"].contains(field) ? 1 : 0;
    }
    return changes;
  }
  void LoseAnswer(const Device& device, const std::string& call, int again);
  void ExpectPaused(const std::string& with, const std::string& role, int level);
  void Reassess(const std::vector<const Device*>& order, bool through_a_bad_link);

  TempDir dir_;
  ServerProcess server_{dir_.File("server")};
  Device khan_{dir_.File("khan"), "north-team", "A Khan"};
  Device price_{dir_.File("price"), "north-team", "J Price"};
  Device osei_{dir_.File("osei"), "north-team", "M Osei"};
  std::string peter_, case_, risk_;
};

// The server does what `call` asks, and the link is gone before the device hears of it. The sync
// says so; the next one finds out, after sending `again` units once more.
void ConflictJourneys::LoseAnswer(const Device& device, const std::string& call, int again) {
  SCOPED_TRACE(absl::StrCat(device.user(), ": the answer to ", call));
  Link link("cut_proxy.mjs", server_.address(), {"--answer-of", call});
  const int64_t head = Head();
  const RunResult cut = device.Run({"sync", "--server", link.address()});
  EXPECT_EQ(cut.exit, 5) << cut;
  EXPECT_THAT(cut.err, HasSubstr("What you recorded is safe here"));
  EXPECT_GT(Head(), head) << "the server has not stored it";
  EXPECT_EQ(device.Number("waiting"), 1);
  const json done = device.Sync(link.address());
  EXPECT_EQ(done["sent"], again);
  EXPECT_EQ(done["waiting"], 0);
  int64_t outcomes = 0;
  for (const json& count : done["outcomes"]) outcomes += count.get<int64_t>();
  EXPECT_EQ(outcomes, 1) << done;
  EXPECT_EQ(link.Stop().value("cuts", 0), 1);
}

// Peter, concurrent reassessment.
void ConflictJourneys::Reassess(const std::vector<const Device*>& order, bool through_a_bad_link) {
  khan_.Edit(risk_, {{"residual_rating", Rating(1, 3, "reminder works")}});
  price_.Edit(risk_, {{"residual_rating", Rating(4, 3, "lost his way twice")}});
  if (through_a_bad_link) {
    LoseAnswer(*order[0], "Push", 1);
    LoseAnswer(*order[1], "Pull", 0);
  }
  SyncAll({order[0], order[1], &osei_, order[0], order[1]});

  for (const Device* device : Everybody()) {
    SCOPED_TRACE(device->user());
    const json conflicts = device->Conflicts();
    ASSERT_EQ(conflicts.size(), 1u);
    const json& conflict = conflicts[0];
    EXPECT_EQ(conflict["title"], "Peter Hall - Going out");
    EXPECT_EQ(conflict["until_decided_words"], "Until decided, work to 12 high.");
    EXPECT_THAT(conflict["unchanged"].dump(),
                HasSubstr("supported. That decision has not changed"));
    EXPECT_EQ(conflict["with"]["name"], "M Osei");
    EXPECT_EQ(conflict["with"]["role"], "worker");
    EXPECT_EQ(conflict["deputy"]["name"], "B Lee");
    EXPECT_EQ(conflict["duty_contact"]["name"], "Duty team");
    EXPECT_EQ(conflict["level"], 0);
    EXPECT_EQ(conflict["you_may_settle"], device == &osei_);
    int64_t latest = 0;
    for (const json& version : conflict["versions"]) {
      latest = std::max(latest, *ParseUtc(version.value("time", "")));
    }
    EXPECT_EQ(*ParseUtc(conflict.value("due", "")) - latest, kDayMs);
    EXPECT_EQ(device->Record(case_)["decision"]["outcome"], "SUPPORTED");
    EXPECT_THAT(device->Out({"conflict", conflict.value("case", "").substr(0, 8)}),
                AllOf(HasSubstr("Peter Hall - Going out: two versions of risk with support differ"),
                      HasSubstr("J Price"), HasSubstr("12 high - \"lost his way twice\""),
                      HasSubstr("Until decided, work to 12 high."),
                      HasSubstr("M Osei (worker) decides by")));
  }
  // Both authors know: the first by a notice, the second by the outcome.
  const json notices = order[0]->Json({"notices"})["notices"];
  ASSERT_EQ(notices.size(), 1u) << notices.dump(1);
  EXPECT_EQ(notices[0]["state"], "CONFLICT");
  EXPECT_EQ(notices[0]["by"], order[1]->user());
  EXPECT_EQ(notices[0]["field"], "residual_rating");
  EXPECT_THAT(order[1]->Json({"outbox", "--all"}).dump(), HasSubstr("\"CONFLICT\""));
  EXPECT_THAT(osei_.Json({"notices"})["notices"], IsEmpty());

  const std::string id = osei_.Conflicts()[0].value("case", "");
  EXPECT_THAT(
      order[1]->Out({"outbox", "--all"}),
      AllOf(HasSubstr("    receipt "),
            HasSubstr("Peter Hall - Going out: versions of risk with support differ"),
            HasSubstr("    do:  see who decides between them, and until when: doorstep conflict " +
                      id)));
  const std::vector<std::string> settle = {"settle",   id,
                                           "--value",  Rating(2, 3, "walked it with him").dump(),
                                           "--reason", "seen together"};
  for (const Device* author : {&khan_, &price_}) {
    const RunResult refused = author->Run(settle);
    EXPECT_EQ(refused.exit, 8) << refused;
    EXPECT_THAT(refused.err, HasSubstr("It is with M Osei (worker)"));
    EXPECT_EQ(author->Number("waiting"), 0);
  }
  osei_.Out(settle);
  SyncAll({&osei_, order[0], order[1]});
  for (const Device* device : Everybody()) {
    EXPECT_THAT(device->Conflicts(), IsEmpty());
    EXPECT_EQ(device->Record(risk_)["residual_rating"], Rating(2, 3, "walked it with him"));
  }
  ExpectAllEqual();
  for (const Device* author : {&khan_, &price_}) {
    EXPECT_EQ(Changes(risk_, author->user(), "residual_rating"), 1) << "what was sent twice";
  }
  const std::string history = khan_.Json({"history", risk_}).dump();
  EXPECT_THAT(history, AllOf(HasSubstr("reminder works"), HasSubstr("lost his way twice"),
                             HasSubstr("seen together")));
  order[0]->Out({"notices", "--read-all"});
  EXPECT_THAT(order[0]->Json({"notices"})["notices"], IsEmpty());
}

TEST_F(ConflictJourneys, PeterReassessedTheLowRatingFirst) { Reassess({&khan_, &price_}, false); }
TEST_F(ConflictJourneys, PeterReassessedTheHighRatingFirst) { Reassess({&price_, &khan_}, false); }
TEST_F(ConflictJourneys, PeterReassessedOverALinkThatIsCut) { Reassess({&khan_, &price_}, true); }

// The reviewer reads two versions; meanwhile a colleague, who may not decide, puts a third beside
// them; the reviewer's decision over the two is not taken for one over the three.
TEST_F(ConflictJourneys, AThirdVersionComesInWhileTheReviewerDecides) {
  khan_.Edit(risk_, {{"residual_rating", Rating(1, 3, "reminder works")}});
  price_.Edit(risk_, {{"residual_rating", Rating(4, 3, "lost his way twice")}});
  SyncAll({&khan_, &price_, &osei_, &khan_});
  const json shown = osei_.Conflicts()[0];
  const std::string id = shown.value("case", "");
  // Who may not decide is shown what they may do, and every program sees how it ended.
  const RunResult edit = khan_.Run({"--json", "edit", risk_, "--data",
                                    json{{"residual_rating", Rating(2, 3, "between")}}.dump()});
  EXPECT_EQ(edit.exit, 4) << edit;
  EXPECT_EQ(json::parse(edit.err)["error"]["exit"], 4);
  EXPECT_EQ(json::parse(edit.out)["conflicts"][0]["case"], id);
  EXPECT_THAT(khan_.Out({"conflicts"}),
              AllOf(HasSubstr("doorstep beside "), Not(HasSubstr("doorstep settle "))));
  khan_.Out({"beside", id, "--value", Rating(5, 3, "fell at the kerb").dump()});
  SyncAll({&khan_, &osei_, &price_});

  const auto settle = [&](const json& conflict) {
    return osei_.Run({"settle", id, "--seen", conflict.value("seen", ""), "--value",
                      Rating(3, 3, "with a companion").dump(), "--reason", "seen together"});
  };
  const RunResult refused = settle(shown);
  EXPECT_EQ(refused.exit, 4) << refused;
  EXPECT_THAT(refused.err, HasSubstr("look at them, then decide"));
  EXPECT_THAT(refused.out, AllOf(HasSubstr("3 versions"), HasSubstr("fell at the kerb"),
                                 HasSubstr("work to 15")));
  EXPECT_EQ(osei_.Number("waiting"), 0);
  // The command that is shown works as it stands.
  const std::string screen = osei_.Out({"conflicts"});
  const size_t from = screen.find("doorstep settle ");
  ASSERT_NE(from, std::string::npos) << screen;
  std::vector<std::string> command = absl::StrSplit(
      absl::string_view(screen).substr(from, screen.find("    (or ", from) - from), ' ');
  command.erase(command.begin());
  EXPECT_THAT(command, Contains("--seen"));
  const json kept = osei_.Conflicts()[0]["versions"][0]["value"];
  const RunResult taken = osei_.Run(command);
  EXPECT_EQ(taken.exit, 0) << taken;
  SyncAll({&osei_, &khan_, &price_});
  for (const Device* device : Everybody()) {
    EXPECT_THAT(device->Conflicts(), IsEmpty());
    EXPECT_EQ(device->Record(risk_)["residual_rating"], kept);
  }
  EXPECT_THAT(khan_.Json({"history", risk_}).dump(), HasSubstr("fell at the kerb"));
  ExpectAllEqual();
}

int64_t NowMs() { return absl::ToUnixMillis(absl::Now()); }

// A little later than asked for, if an office might open or close meanwhile.
int64_t AwayFromTheHour(int64_t later_ms) {
  const int64_t of_hour = (NowMs() + later_ms) % kHourMs;
  return of_hour > kHourMs - kHourMs / 4 ? later_ms + kHourMs / 4 : later_ms;
}

// Peter, decision and incident.
void ConflictJourneys::ExpectPaused(const std::string& with, const std::string& role, int level) {
  for (const Device* device : Everybody()) {
    SCOPED_TRACE(absl::StrCat(device->user(), ", level ", level));
    EXPECT_EQ(device->Record(case_)["decision"]["outcome"], "PAUSED");
    const json conflicts = device->Conflicts();
    ASSERT_EQ(conflicts.size(), 1u);
    const json& conflict = conflicts[0];
    EXPECT_EQ(conflict["paused"], true);
    EXPECT_EQ(conflict["until_decided_words"], "Until decided: paused. Nothing has been refused.");
    EXPECT_EQ(conflict["level"], level);
    EXPECT_EQ(conflict["with"]["name"], with);
    EXPECT_EQ(conflict["with"]["role"], role);
    int64_t latest = 0;
    for (const json& version : conflict["versions"]) {
      latest = std::max(latest, *ParseUtc(version.value("time", "")));
    }
    EXPECT_EQ(*ParseUtc(conflict.value("due", "")) - latest, kDayMs);
    if (level < 2) {
      EXPECT_EQ(*ParseUtc(conflict.value("next", "")) - latest, (level + 1) * kDayMs);
    } else {
      EXPECT_TRUE(conflict["next"].is_null()) << conflict["next"];
    }
  }
}

TEST_F(ConflictJourneys, AnIncidentPausesAndNeverDenies) {
  const std::string incident =
      price_.Add("Incident", {{"case_study", case_},
                              {"type", "LOST"},
                              {"description", "Lost his way twice; a neighbour walked him home."},
                              {"informed", {"sister, 14:20"}},
                              {"continue_or_pause", "PAUSE"}});
  khan_.Edit(case_, {{"decision", {{"outcome", "DENIED"}, {"rationale", "too dangerous"}}}});
  price_.Edit(case_,
              {{"decision",
                {{"outcome", "PAUSED"}, {"rationale", "lost his way"}, {"incident", incident}}}});
  SyncAll({&khan_, &price_, &osei_, &khan_});
  for (const Device* device : Everybody()) {
    EXPECT_EQ(device->Record(incident)["continue_or_pause"], "PAUSE");
  }
  ExpectPaused("M Osei", "worker", 0);
  // Nobody decides, and nobody syncs: at 24 hours it goes to the manager, or out of hours to the
  // duty team, at 48 to the duty team.
  const auto later = [&](int64_t ms) {
    for (Device* device : {&khan_, &price_, &osei_}) device->Later(ms);
  };
  later(kDayMs - kHourMs);
  ExpectPaused("M Osei", "worker", 0);
  const int64_t a_day_on = AwayFromTheHour(kDayMs + kHourMs);
  later(a_day_on);
  if (InOfficeHours(NowMs() + a_day_on)) {
    ExpectPaused("L Ward", "lead", 1);
  } else {
    ExpectPaused("Duty team", "duty contact", 1);
  }
  later(2 * kDayMs + kHourMs);
  ExpectPaused("Duty team", "duty contact", 2);
  later(0);

  // The worker is away: it is with somebody else at once, on every device.
  osei_.Add("Absence", {{"who", "M Osei"}, {"starts", "2020-01-01"}});
  SyncAll({&osei_, &khan_});
  EXPECT_EQ(khan_.Conflicts()[0]["with"]["name"], "B Lee");
  EXPECT_EQ(khan_.Conflicts()[0]["passed_over"][0]["name"], "M Osei");
}

// One person records the incident, asks for a pause, and would deny: it is a pause, with a reviewer
// and a time, and what comes after it is somebody else's to decide.
TEST_F(ConflictJourneys, APauseIsNotADenialAlsoWhenOnePersonWritesBoth) {
  const std::string incident = price_.Add("Incident", {{"case_study", case_},
                                                       {"type", "LOST"},
                                                       {"description", "Lost his way twice."},
                                                       {"continue_or_pause", "PAUSE"}});
  const auto decide = [&](const char* outcome) {
    return price_.Run(
        {"edit", case_, "--data",
         json{{"decision",
               {{"outcome", outcome}, {"rationale", "lost his way"}, {"incident", incident}}}}
             .dump()});
  };
  const RunResult denied = decide("DENIED");
  EXPECT_NE(denied.exit, 0);
  EXPECT_THAT(denied.err, AllOf(HasSubstr("got denied"), HasSubstr("wanted paused")));
  EXPECT_EQ(price_.Record(case_)["decision"]["outcome"], "SUPPORTED");
  const RunResult paused = decide("PAUSED");
  EXPECT_EQ(paused.exit, 0) << paused;
  EXPECT_EQ(price_.Conflicts()[0]["with"]["name"], "M Osei") << "also before anything is sent";
  EXPECT_NE(decide("SUPPORTED").exit, 0) << "who paused does not lift it";
  SyncAll({&price_, &khan_, &osei_});
  ExpectPaused("M Osei", "worker", 0);
  EXPECT_EQ(price_.Conflicts()[0]["you_may_settle"], false);
  const json open = osei_.Conflicts()[0];
  osei_.Out({"settle", open.value("case", ""), "--seen", open.value("seen", ""), "--value",
             R"({"outcome":"SUPPORTED_WITH_CONDITIONS","rationale":"his sister telephones"})",
             "--reason", "walked the way with him"});
  SyncAll({&osei_, &khan_, &price_});
  for (const Device* device : Everybody()) {
    EXPECT_EQ(device->Record(case_)["decision"]["outcome"], "SUPPORTED_WITH_CONDITIONS");
    EXPECT_THAT(device->Conflicts(), IsEmpty());
  }
  ExpectAllEqual();
}

TEST_F(ConflictJourneys, WhatWasRefusedIsFixedExportedAndWithdrawn) {
  server_.AddSite("rose-court");
  const Device home(dir_.File("home"), "rose-court", "R Home");
  home.Init(server_.address());
  // In a file that the home does not hold.
  const std::string note = home.Add(
      "RiskAssessment", {{"activity", "Going out"}, {"category", "outdoors"}}, {"--file", peter_});
  home.Edit(note, {{"location", "High Street"}});
  home.Sync(server_.address());
  EXPECT_EQ(home.Number("needs_you"), 2);
  const json parked = home.Json({"outbox"})["changes"];
  ASSERT_EQ(parked.size(), 2u);
  EXPECT_EQ(parked[0]["state"], "REJECTED");
  EXPECT_THAT(parked[0]["reason"].get<std::string>(), HasSubstr("file"));
  EXPECT_THAT(parked[0]["what_to_do"].get<std::string>(), HasSubstr("shared"));
  const std::string first = parked[0].value("change", "");
  const std::string second = parked[1].value("change", "");
  EXPECT_THAT(home.Out({"outbox"}),
              HasSubstr(absl::StrCat("    receipt ", parked[0]["receipt"].get<int64_t>(), ", ")));
  const std::string exported = home.Out({"outbox", "export", first});
  EXPECT_EQ(json::parse(exported, nullptr, false)["fields"]["category"], "outdoors");

  const RunResult shared =
      server_.Operator({"file", "share", "--file", peter_, "--site", "rose-court"});
  EXPECT_EQ(shared.exit, 0) << shared;
  home.Sync(server_.address());
  EXPECT_EQ(json::parse(home.Out({"outbox", "fix", first}), nullptr, false)["category"],
            "outdoors");
  home.Out({"outbox", "fix", first, "-"}, R"({"category":"on foot"})");
  home.Out({"outbox", "withdraw", second, "--reason", "said twice"});
  EXPECT_EQ(home.Number("needs_you"), 0);
  EXPECT_EQ(home.Sync(server_.address())["outcomes"]["APPLIED"], 2);
  EXPECT_THAT(home.Json({"outbox"})["changes"], IsEmpty());
  khan_.Sync(server_.address());
  EXPECT_EQ(khan_.Record(note)["category"], "on foot");
  EXPECT_FALSE(khan_.Record(note).contains("location"));

  // What was saved together is withdrawn together, and that is said.
  const std::string osei_file = osei_.Add("Person", {{"name", "Ann Roe"}}, {"--file", "new"});
  osei_.Sync(server_.address());
  std::string two;
  for (const char* name : {"Bea Roe", "Cy Roe"}) {
    two += json({{"kind", "Person"}, {"file", osei_file}, {"record", {{"name", name}}}}).dump();
    two += "\n";
  }
  home.Out({"import", "-"}, two);
  home.Sync(server_.address());
  const json together = home.Json({"outbox"})["changes"];
  ASSERT_EQ(together.size(), 2u);
  EXPECT_EQ(together[1]["unit"], together[0]["change"]);
  EXPECT_THAT(home.Out({"outbox"}), HasSubstr("one of 2 that were saved together"));
  EXPECT_THAT(
      home.Out({"outbox", "withdraw", together[0].value("change", ""), "--reason", "twice"}),
      AllOf(HasSubstr("With it, because they were saved together:"),
            HasSubstr(together[1].value("change", "") + "  Person ")));
  EXPECT_EQ(home.Number("needs_you"), 0);
  EXPECT_THAT(khan_.Out({"history", note}),
              AllOf(HasSubstr("in place of " + first),
                    HasSubstr("withdraws " + second + ", because: said twice")));
}

TEST_F(ConflictJourneys, AnEarlierValueComesBackInOneStep) {
  khan_.Edit(risk_, {{"category", "outdoors"}});
  khan_.Sync(server_.address());
  price_.Edit(risk_, {{"category", "on foot"}});
  price_.Sync(server_.address());
  khan_.Sync(server_.address());
  const json notices = khan_.Json({"notices"})["notices"];
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_EQ(notices[0]["yours"], "outdoors");
  EXPECT_EQ(notices[0]["now"], "on foot");
  EXPECT_THAT(price_.Out({"outbox", "--all"}), HasSubstr("the later of two versions counts"));
  khan_.Out({"restore", risk_, "category", "--version", notices[0].value("change", "")});
  khan_.Sync(server_.address());
  price_.Sync(server_.address());
  EXPECT_EQ(price_.Record(risk_)["category"], "outdoors");
  EXPECT_THAT(price_.Out({"history", risk_}), HasSubstr("restores the version of A Khan"));
}

}  // namespace
}  // namespace doorstep::testing
