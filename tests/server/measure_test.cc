// What coordinators count, on a fixture whose figures were worked out by hand.
#include "server/measure.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "sync/merge/marks.h"
#include "sync/sqlite/database.h"
#include "tests/server/world.h"

namespace doorstep::server {
namespace {

using ::testing::DoubleNear;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class MeasureTest : public ::testing::Test {
 protected:
  Measures Now() {
    auto db = Must(Database::Open(world_.path() + "/tenants/default.db", {}));
    return Must(Measure(*db, *Schema::BuiltIn(), world_.clock().Read().wall_ms));
  }

  ChangeId Study(uint64_t id, const std::string& json) {
    return a_->Do(Id(1), {Create("CaseStudy", Id(id), json)}).changes[0].id;
  }
  ChangeId Assessment(uint64_t id, const std::string& json) {
    return a_->Do(Id(1), {Create("RiskAssessment", Id(id), json)}).changes[0].id;
  }

  World world_;  // two sites
  std::unique_ptr<TestDevice> a_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> b_ = world_.NewDevice("north");
};

TEST_F(MeasureTest, NothingIsCountedOfNothing) {
  const Measures none = Now();
  EXPECT_EQ(none.decisions, 0);
  EXPECT_FALSE(none.Share().has_value());
  EXPECT_FALSE(none.BaselineShare().has_value());
  EXPECT_FALSE(none.Difference().has_value());
  EXPECT_FALSE(none.cost_median.has_value());
  EXPECT_THAT(none.barriers, IsEmpty());
  EXPECT_THAT(none.ToText(), HasSubstr("no figure yet"));
  EXPECT_TRUE(nlohmann::json::parse(none.ToJson())["independence_supported"]["share"].is_null());
}

// Peter: denied before; supported now; three barriers; no cost.
TEST_F(MeasureTest, PeterIsOneOfOneAgainstNoneOfOne) {
  a_->Do(Id(1), {Create("BaselineMeasure", Id(10), R"({"decision": "DENIED_OPPORTUNITY"})")});
  Study(11, R"({"barriers": ["MEMORY_COGNITION", "STAFFING", "STAFF_ATTITUDE"],
                "decision": {"outcome": "SUPPORTED", "rationale": "reminder works"}})");
  const Measures now = Now();
  EXPECT_EQ(now.supported, 1);
  EXPECT_EQ(now.decisions, 1);
  EXPECT_EQ(now.baseline_cases, 1);
  EXPECT_THAT(*now.BaselineShare(), DoubleNear(0, 1e-9));
  EXPECT_THAT(*now.Difference(), DoubleNear(100, 1e-9));
  ASSERT_THAT(now.barriers, SizeIs(3));
  for (const Measures::Barrier& barrier : now.barriers) EXPECT_EQ(barrier.case_studies, 1);
  EXPECT_EQ(now.cost_missing, 1);
  EXPECT_EQ(now.open_conflicts, 0);
}

TEST_F(MeasureTest, TheHandComputedFixture) {
  // Baseline: 4 cases, 3 of them not supported: 25 %.
  uint64_t id = 20;
  for (const char* decision :
       {"UNABLE_TO_PROMOTE", "DENIED_OPPORTUNITY", "DENIED_OPPORTUNITY", "SUPPORTED"}) {
    a_->Do(Id(1), {Create("BaselineMeasure", Id(id++),
                          absl::StrCat(R"({"decision": ")", decision, R"("})"))});
  }
  // Decisions: 5, of which 2 supported and 1 with conditions: 60 %. One more without a decision,
  // one entered in error.
  Study(30, R"({"decision": {"outcome": "SUPPORTED"}, "barriers": ["STAFFING", "TRANSPORT"],
               "weekly_cost_before": "3500", "weekly_cost_after": "5250"})");
  Study(31, R"({"decision": {"outcome": "SUPPORTED"}, "barriers": ["STAFFING"],
               "weekly_cost_before": "1000", "weekly_cost_after": "400"})");
  Study(32, R"({"decision": {"outcome": "SUPPORTED_WITH_CONDITIONS"},
               "weekly_cost_before": "0", "weekly_cost_after": "50"})");
  Study(33, R"({"decision": {"outcome": "DENIED"}, "weekly_cost_before": "70"})");
  Study(34, R"({"decision": {"outcome": "PAUSED"}})");
  Study(35, R"({"title": "undecided"})");
  Study(36, R"({"decision": {"outcome": "SUPPORTED"}, "barriers": ["OTHER"],
               "entered_in_error": true})");
  // Risk: 2x1 low, 2x3 moderate, 3x4 high, 5x5 extreme, one superseded, one not rated.
  Assessment(40, R"({"residual_rating": {"likelihood": 2, "severity": 1}})");
  const ChangeId rated = Assessment(41, R"({"residual_rating": {"likelihood": 2, "severity": 3}})");
  Assessment(42, R"({"residual_rating": {"likelihood": 3, "severity": 4}})");
  Assessment(43, R"({"residual_rating": {"likelihood": 5, "severity": 5}})");
  Assessment(44,
             R"({"residual_rating": {"likelihood": 5, "severity": 5}, "status": "SUPERSEDED"})");
  Assessment(45, R"({"category": "falls"})");

  Measures now = Now();
  EXPECT_EQ(now.decisions, 5);
  EXPECT_EQ(now.supported, 3);
  EXPECT_THAT(*now.Share(), DoubleNear(0.6, 1e-9));
  EXPECT_THAT(*now.BaselineShare(), DoubleNear(0.25, 1e-9));
  EXPECT_THAT(*now.Difference(), DoubleNear(35, 1e-9));
  EXPECT_EQ(now.case_studies, 6);
  ASSERT_THAT(now.barriers, SizeIs(2));
  EXPECT_EQ(now.barriers[0].name, "STAFFING");
  EXPECT_EQ(now.barriers[0].case_studies, 2);
  EXPECT_EQ(now.barriers[1].name, "TRANSPORT");
  EXPECT_EQ(now.cost_known, 3);
  EXPECT_EQ(now.cost_missing, 3);
  EXPECT_EQ(now.cost_sum, 1750 - 600 + 50);
  EXPECT_THAT(*now.cost_median, DoubleNear(50, 1e-9));
  for (const Band& band : now.bands) {
    EXPECT_EQ(band.assessments, 1);
    EXPECT_EQ(band.provisional, 0);
  }
  EXPECT_EQ(now.unrated, 1);

  // A second worker, who had not seen it, rates 4x3: high until decided.
  a_->Do(Id(1), {Edit("RiskAssessment", Id(41),
                      R"({"residual_rating": {"likelihood": 1, "severity": 3}})", {rated})});
  b_->Do(Id(1), {Edit("RiskAssessment", Id(41),
                      R"({"residual_rating": {"likelihood": 4, "severity": 3}})", {rated})});
  now = Now();
  EXPECT_EQ(now.bands[Measures::kModerate].assessments, 0);
  EXPECT_EQ(now.bands[Measures::kHigh].assessments, 2);
  EXPECT_EQ(now.bands[Measures::kHigh].provisional, 1);
  EXPECT_EQ(now.rating_conflicts, 1);
  EXPECT_EQ(now.open_conflicts, 1);
  EXPECT_THAT(now.ToText(), HasSubstr("of them 1 until decided"));
  const auto json = nlohmann::json::parse(now.ToJson());
  EXPECT_EQ(json["risk_distribution"]["open_conflicts"], 1);
  EXPECT_EQ(json["independence_supported"]["open_conflicts"], 0);
}

TEST_F(MeasureTest, WhatIsHiddenIsNotCounted) {
  const ChangeId study = Study(10, R"({"decision": {"outcome": "SUPPORTED"}})");
  EXPECT_EQ(Now().decisions, 1);
  ChangeData hide;
  hide.record = Id(10);
  hide.kind = KindNumber("CaseStudy");
  hide.seen = {study};
  FieldEdit& mark = hide.edits.emplace_back();
  mark.field = kHiddenField;
  mark.value = MarkValue(kHiddenField, "written twice");
  a_->Do(Id(1), {hide});
  EXPECT_EQ(Now().decisions, 0);
}

TEST_F(MeasureTest, AMedianOfTwoLiesBetweenThem) {
  Study(30, R"({"weekly_cost_before": "0", "weekly_cost_after": "100"})");
  Study(31, R"({"weekly_cost_before": "0", "weekly_cost_after": "200"})");
  EXPECT_THAT(*Now().cost_median, DoubleNear(150, 1e-9));
}

TEST_F(MeasureTest, ASiteIsFreshWhenAllItsDevicesAre) {
  EXPECT_EQ(Now().sites, 2);
  EXPECT_EQ(Now().fresh_sites, 1);  // the other has no device
  auto c = world_.NewDevice("south");
  EXPECT_EQ(Now().fresh_sites, 2);
  world_.clock().Advance(24 * 3'600'000 + 1);
  Must(a_->Hello());
  Must(c->Hello());
  EXPECT_EQ(Now().fresh_sites, 1);  // north's second tablet was not seen
  EXPECT_THAT(Now().ToText(), HasSubstr("1 of 2 sites fresh"));
}

}  // namespace
}  // namespace doorstep::server
