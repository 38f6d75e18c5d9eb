// Conflict cases as a replica hands them out, and decisions over them.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/device.h"

namespace doorstep {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kHourMs = 3600 * 1000;

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

}  // namespace
}  // namespace doorstep
