// Conflict cases as a replica hands them out, and decisions over them.
#include <string>
#include <vector>

#include "absl/strings/cord.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/cases/deadlines.h"
#include "tests/client/device.h"

namespace doorstep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ConflictsTest : public ::testing::Test {
 protected:
  // Two forms that were open at once, saved one after the other.
  std::string Disagree(const std::string& id, const std::string& first, const std::string& second) {
    const OpenRecord form = Must(device_.replica().Get(id));
    Must(device_.Edit(id, first));
    device_.clock().Advance(1000);
    Must(device_.replica().Transact({.author = "J Price"},
                                    [&](Edits& edits) { return edits.UpdateJson(form, second); }));
    const std::vector<Conflict> conflicts = Must(device_.replica().Conflicts());
    EXPECT_THAT(conflicts, SizeIs(1));
    return conflicts.empty() ? "" : conflicts[0].case_id;
  }

  TestDirectory directory_;
  Device device_{directory_.path()};
};

TEST_F(ConflictsTest, RatingsGoByTheHighestUntilDecided) {
  const std::string id =
      Must(device_.Add("RiskAssessment", R"({"residual_rating":{"likelihood":2,"severity":3}})"));
  const std::string case_id = Disagree(
      id, R"({"residual_rating":{"likelihood":1,"severity":3,"rationale":"reminder works"}})",
      R"({"residual_rating":{"likelihood":4,"severity":3,"rationale":"lost his way twice"}})");
  const Conflict conflict = Must(device_.replica().FindConflict(case_id));
  EXPECT_EQ(conflict.record, id);
  EXPECT_EQ(conflict.kind, "RiskAssessment");
  EXPECT_EQ(conflict.field, "residual_rating");
  EXPECT_EQ(conflict.label, "risk with support");
  EXPECT_TRUE(conflict.safety);
  ASSERT_THAT(conflict.versions, SizeIs(2));
  EXPECT_EQ(conflict.versions[0].author, "tablet user");
  EXPECT_EQ(conflict.versions[1].author, "J Price");
  EXPECT_EQ(conflict.versions[1].json,
            R"({"likelihood":4,"rationale":"lost his way twice","severity":3})");
  EXPECT_EQ(conflict.until_decided_json, conflict.versions[1].json);
  EXPECT_EQ(conflict.advice, "");
  EXPECT_EQ(conflict.opened_ms, conflict.versions[1].time_ms);
  EXPECT_EQ(conflict.due_ms, conflict.opened_ms + 24 * kHourMs);
  EXPECT_TRUE(Must(device_.replica().Get(id)).Info().fields[0].provisional);
  EXPECT_EQ(Must(device_.replica().Status()).conflicts, 1u);
}

TEST_F(ConflictsTest, AnAddressHasNoValueUntilDecided) {
  const std::string id = Must(device_.Add("Person", R"({"address":"1 High St"})"));
  const std::string case_id =
      Disagree(id, R"({"address":"2 High St"})", R"({"address":"3 High St"})");
  const Conflict conflict = Must(device_.replica().FindConflict(case_id));
  EXPECT_EQ(conflict.until_decided_json, "");
  EXPECT_EQ(conflict.advice, "telephone before visiting");
  EXPECT_EQ(device_.Json(id), nlohmann::json::object());
}

TEST_F(ConflictsTest, ProseMayWaitAWeek) {
  const std::string id = Must(device_.Add("CaseStudy", R"({"situation":"a"})"));
  const std::string case_id = Disagree(id, R"({"situation":"b"})", R"({"situation":"c"})");
  const Conflict conflict = Must(device_.replica().FindConflict(case_id));
  EXPECT_EQ(conflict.due_ms, conflict.opened_ms + 7 * 24 * kHourMs);
  EXPECT_FALSE(conflict.safety);
}

TEST_F(ConflictsTest, OneVersionMayBeNoValue) {
  const std::string id = Must(device_.Add("Person", R"({"address":"1 High St"})"));
  const std::string case_id = Disagree(id, R"({"address":null})", R"({"address":"3 High St"})");
  EXPECT_EQ(Must(device_.replica().FindConflict(case_id)).versions[0].json, "null");
  Decision decision;
  decision.keep = 1;
  decision.reason = "moved out";
  Must(device_.Settle(case_id, decision));
  EXPECT_EQ(device_.Json(id), nlohmann::json::object());
  EXPECT_THAT(Must(device_.replica().Conflicts()), IsEmpty());
}

TEST_F(ConflictsTest, BothWereRightAndTheLaterStands) {
  const std::string id = Must(device_.Add("Person", R"({"address":"1 High St"})"));
  const std::string case_id =
      Disagree(id, R"({"address":"2 High St"})", R"({"address":"3 High St"})");
  Decision decision;
  decision.mode = Decision::Mode::kBoth;
  decision.reason = "he moved twice";
  Must(device_.Settle(case_id.substr(0, 8), decision));
  EXPECT_EQ(device_.Json(id)["address"], "3 High St");
  EXPECT_EQ(Must(device_.replica().Get(id)).Info().fields[0].versions[0].settled, "he moved twice");
  EXPECT_EQ(device_.Settle(case_id, decision).code(), absl::StatusCode::kNotFound);
}

// Somebody reads two versions; a third comes in; they press the button of the second.
TEST_F(ConflictsTest, WhatCameInSinceTheVersionsWereShownIsNotDecidedUnseen) {
  const std::string id =
      Must(device_.Add("RiskAssessment", R"({"residual_rating":{"likelihood":2,"severity":3}})"));
  const std::string case_id = Disagree(id, R"({"residual_rating":{"likelihood":1,"severity":3}})",
                                       R"({"residual_rating":{"likelihood":4,"severity":3}})");
  const Conflict shown = Must(device_.replica().FindConflict(case_id));
  Must(device_.replica().Transact({.author = "S Ward"}, [&](Edits& edits) {
    return edits.AddVersion(case_id, R"({"likelihood":5,"severity":5})");
  }));
  const size_t waiting = Must(device_.replica().Outbox()).size();
  Decision decision;
  decision.keep = 2;
  decision.reason = "seen together";
  for (const std::string& seen : {shown.seen, std::string()}) {
    decision.seen = seen;
    const absl::Status refused = device_.replica().Transact(
        {.author = "M Osei"}, [&](Edits& edits) { return edits.Settle(case_id, decision); });
    EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition) << refused;
    EXPECT_EQ(refused.GetPayload("doorstep/case").value_or(absl::Cord()), case_id);
  }
  EXPECT_EQ(Must(device_.replica().Outbox()).size(), waiting) << "nothing was committed";
  const Conflict now = Must(device_.replica().FindConflict(case_id));
  EXPECT_EQ(now.versions.size(), 3u);
  EXPECT_NE(now.seen, shown.seen);
  decision.seen = now.seen;
  Must(device_.replica().Transact({.author = "M Osei"},
                                  [&](Edits& edits) { return edits.Settle(case_id, decision); }));
  EXPECT_THAT(Must(device_.replica().Conflicts()), IsEmpty());
}

TEST_F(ConflictsTest, ANewValueObeysTheSchema) {
  const std::string id =
      Must(device_.Add("RiskAssessment", R"({"residual_rating":{"likelihood":2,"severity":3}})"));
  const std::string case_id = Disagree(id, R"({"residual_rating":{"likelihood":1,"severity":3}})",
                                       R"({"residual_rating":{"likelihood":4,"severity":3}})");
  Decision decision;
  decision.mode = Decision::Mode::kNewValue;
  decision.reason = "agreed";
  for (const char* json : {R"({"likelihood":9,"severity":3})", "3", "{", "1,\"activity\":\"x\""}) {
    decision.json = json;
    EXPECT_EQ(device_.Settle(case_id, decision).code(), absl::StatusCode::kInvalidArgument) << json;
  }
  decision.json = R"({"likelihood":2,"severity":3})";
  Must(device_.Settle(case_id, decision));
  EXPECT_EQ(device_.Json(id)["residual_rating"]["likelihood"], 2);
}

TEST_F(ConflictsTest, ANewValueIsOfThatFieldOnly) {
  const std::string id = Must(device_.Add("Person", R"({"address":"1 High St"})"));
  const std::string case_id =
      Disagree(id, R"({"address":"2 High St"})", R"({"address":"3 High St"})");
  Decision decision;
  decision.mode = Decision::Mode::kNewValue;
  decision.reason = "asked";
  decision.json = R"("4 High St","gp":"Dr Lee")";
  EXPECT_EQ(device_.Settle(case_id, decision).code(), absl::StatusCode::kInvalidArgument);
  decision.json = "null";
  Must(device_.Settle(case_id, decision));
  EXPECT_EQ(device_.Json(id), nlohmann::json::object());
}

TEST_F(ConflictsTest, EqualValuesAreNoConflict) {
  const std::string id =
      Must(device_.Add("RiskAssessment", R"({"residual_rating":{"likelihood":2,"severity":3}})"));
  const OpenRecord form = Must(device_.replica().Get(id));
  Must(device_.Edit(id, R"({"residual_rating":{"likelihood":1,"severity":3,"rationale":"a"}})"));
  Must(device_.replica().Transact({}, [&](Edits& edits) {
    return edits.UpdateJson(form,
                            R"({"residual_rating":{"likelihood":1,"severity":3,"rationale":"b"}})");
  }));
  EXPECT_THAT(Must(device_.replica().Conflicts()), IsEmpty());
}

TEST_F(ConflictsTest, NobodySettlesAloneWhatIsTheirOwnAcrossBands) {
  const std::string id =
      Must(device_.Add("RiskAssessment", R"({"residual_rating":{"likelihood":2,"severity":3}})"));
  const std::string case_id = Disagree(id, R"({"residual_rating":{"likelihood":1,"severity":3}})",
                                       R"({"residual_rating":{"likelihood":4,"severity":3}})");
  EXPECT_FALSE(Must(device_.replica().FindConflict(case_id)).you_may_settle);
  Decision decision;
  decision.keep = 1;
  decision.reason = "mine is right";
  decision.seen = Must(device_.replica().FindConflict(case_id)).seen;
  const auto settle = [&](const std::string& author) {
    return device_.replica().Transact(
        {.author = author}, [&](Edits& edits) { return edits.Settle(case_id, decision); });
  };
  for (const char* author : {"", "J Price"}) {
    const absl::Status status = settle(author);
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << author;
    EXPECT_THAT(status.message(), HasSubstr("Nobody is named to decide"));
  }
  EXPECT_EQ(Must(device_.replica().Outbox()).size(), 3u) << "nothing was committed";
  Must(device_.Add("Site", R"({"name":"North","lead":"L Ward"})"));
  EXPECT_THAT(settle("J Price").message(), HasSubstr("It is with L Ward (lead)"));
  Must(settle("L Ward"));
  EXPECT_THAT(Must(device_.replica().Conflicts()), IsEmpty());
}

TEST_F(ConflictsTest, WithinABandPeopleSettleAmongThemselves) {
  const std::string id =
      Must(device_.Add("RiskAssessment", R"({"residual_rating":{"likelihood":2,"severity":3}})"));
  const std::string case_id = Disagree(id, R"({"residual_rating":{"likelihood":2,"severity":2}})",
                                       R"({"residual_rating":{"likelihood":1,"severity":5}})");
  EXPECT_TRUE(Must(device_.replica().FindConflict(case_id)).you_may_settle);
  Decision decision;
  decision.seen = Must(device_.replica().FindConflict(case_id)).seen;
  decision.keep = 2;
  decision.reason = "agreed";
  Must(device_.replica().Transact({},
                                  [&](Edits& edits) { return edits.Settle(case_id, decision); }));
}

// Who decides is read from records, also what was captured offline a moment ago.
TEST_F(ConflictsTest, TheReviewerIsReadFromRecords) {
  const std::string person =
      Must(device_.Add("Person", R"({"name":"Peter Hall"})", {.file = "new"}));
  const std::string study = Must(
      device_.Add("CaseStudy", R"({"title":"To the newsagent","decision":{"outcome":"SUPPORTED"}})",
                  {.file = person}));
  const std::string id = Must(device_.Add(
      "RiskAssessment",
      R"({"case_study":")" + study +
          R"(","activity":"Going out","residual_rating":{"likelihood":2,"severity":3}})"));
  const std::string case_id = Disagree(id, R"({"residual_rating":{"likelihood":1,"severity":3}})",
                                       R"({"residual_rating":{"likelihood":4,"severity":3}})");
  Conflict conflict = Must(device_.replica().FindConflict(case_id));
  EXPECT_EQ(conflict.title, "Peter Hall - Going out");
  EXPECT_EQ(conflict.versions[0].words, "3 low");
  EXPECT_EQ(conflict.until_decided, "Until decided, work to 12 high.");
  EXPECT_THAT(
      conflict.unchanged,
      ElementsAre("decision (To the newsagent): supported. That decision has not changed."));
  EXPECT_THAT(conflict.nobody, HasSubstr("the site's lead must be"));
  EXPECT_EQ(conflict.with.name, "");

  Must(device_.Add("Site", R"({"name":"North","lead":"L Ward","duty_contact":"Duty team"})"));
  EXPECT_EQ(Must(device_.replica().FindConflict(case_id)).with.name, "L Ward");
  Must(device_.Add("Assignment", R"({"worker":"M Osei","deputy":"B Lee","person":")" + person +
                                     R"(","at_site":"north"})"));
  conflict = Must(device_.replica().FindConflict(case_id));
  EXPECT_EQ(conflict.with.name, "M Osei");
  EXPECT_EQ(conflict.with.role, "worker");
  EXPECT_EQ(conflict.reviewer.name, "M Osei");
  EXPECT_EQ(conflict.deputy.name, "B Lee");
  EXPECT_EQ(conflict.duty.name, "Duty team");
  EXPECT_EQ(conflict.nobody, "");

  const std::string away =
      Must(device_.Add("Absence", R"({"who":"M Osei","starts":"2026-11-20"})"));
  conflict = Must(device_.replica().FindConflict(case_id));
  EXPECT_EQ(conflict.with.name, "B Lee");
  ASSERT_THAT(conflict.passed_over, SizeIs(1));
  EXPECT_EQ(conflict.passed_over[0].name, "M Osei");
  Must(device_.Add("Absence", R"({"corrects":")" + away + R"("})"));
  EXPECT_EQ(Must(device_.replica().FindConflict(case_id)).with.name, "M Osei") << "back again";

  device_.clock().Advance(25 * kHourMs);
  EXPECT_EQ(Must(device_.replica().FindConflict(case_id)).with.name, "B Lee");
  device_.clock().Advance(24 * kHourMs);
  conflict = Must(device_.replica().Conflicts())[0];
  EXPECT_EQ(conflict.with.name, "Duty team");
  EXPECT_EQ(conflict.level, 2);
}

TEST_F(ConflictsTest, AFurtherVersionStandsBesideTheOthers) {
  const std::string id = Must(device_.Add("Person", R"({"address":"1 High St"})"));
  const std::string case_id =
      Disagree(id, R"({"address":"2 High St"})", R"({"address":"3 High St"})");
  const auto add = [&](const char* json) {
    return device_.replica().Transact(
        {.author = "B Lee"}, [&](Edits& edits) { return edits.AddVersion(case_id, json); });
  };
  EXPECT_EQ(add("7").code(), absl::StatusCode::kInvalidArgument);
  Must(add(R"("4 High St")"));
  const auto conflicts = Must(device_.replica().Conflicts());
  ASSERT_THAT(conflicts, SizeIs(1));
  EXPECT_EQ(conflicts[0].case_id, case_id);
  ASSERT_THAT(conflicts[0].versions, SizeIs(3));
  EXPECT_EQ(conflicts[0].versions[2].author, "B Lee");
  EXPECT_EQ(conflicts[0].versions[2].json, R"("4 High St")");
  EXPECT_FALSE(device_.Json(id).contains("address")) << "nothing is decided by it";
}

}  // namespace
}  // namespace doorstep
