// Independence supported, barriers, outcomes, cost: on fixtures that were worked out by hand.
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/server/measuring.h"

namespace doorstep::server {
namespace {

using ::testing::DoubleNear;
using ::testing::HasSubstr;

class MeasureDecisionsTest : public MeasuringTest {};

TEST_F(MeasureDecisionsTest, NothingIsCountedOfNothing) {
  const Measures none = Now();
  EXPECT_EQ(Parts(none, "independence_supported", "supported"), "0/0");
  EXPECT_FALSE(ResultOf(none, "independence_supported", "supported").has_value());
  EXPECT_FALSE(ResultOf(none, "independence_supported", "baseline").has_value());
  EXPECT_FALSE(ResultOf(none, "independence_supported", "difference").has_value());
  EXPECT_FALSE(ResultOf(none, "cost_effect", "sum").has_value());
  EXPECT_FALSE(ResultOf(none, "cost_effect", "median").has_value());
  EXPECT_EQ(AllParts(none, "barriers"), (Figures{{"case_studies", "0"}}));
  EXPECT_THAT(ToText(none), HasSubstr("no figure yet"));
  const auto json = nlohmann::json::parse(ToJson(none));
  EXPECT_TRUE(json["independence_supported"]["figures"]["supported"]["value"].is_null());
}

// Peter: denied before; supported now; three barriers; no cost.
TEST_F(MeasureDecisionsTest, PeterIsOneOfOneAgainstNoneOfOne) {
  Add("BaselineMeasure", 10, R"({"decision": "DENIED_OPPORTUNITY"})");
  Add("CaseStudy", 11, R"({"barriers": ["MEMORY_COGNITION", "STAFFING", "STAFF_ATTITUDE"],
                           "decision": {"outcome": "SUPPORTED", "rationale": "reminder works"}})");
  const Measures now = Now();
  EXPECT_EQ(Parts(now, "independence_supported", "supported"), "1/1");
  EXPECT_EQ(Parts(now, "independence_supported", "baseline"), "0/1");
  EXPECT_THAT(*ResultOf(now, "independence_supported", "difference"), DoubleNear(100, 1e-9));
  EXPECT_EQ(AllParts(now, "barriers"), (Figures{{"MEMORY_COGNITION", "1/1"},
                                                {"STAFFING", "1/1"},
                                                {"STAFF_ATTITUDE", "1/1"},
                                                {"case_studies", "1"}}));
  EXPECT_EQ(Parts(now, "cost_effect", "missing"), "1");
  EXPECT_EQ(now.open_conflicts, 0);
}

TEST_F(MeasureDecisionsTest, TheHandComputedFixture) {
  // Baseline: 4 cases, 3 of them not supported: 1 of 4. One more was corrected by the last of
  // these, one is in error, as a record that takes back another says.
  uint64_t id = 20;
  for (const char* decision : {"UNABLE_TO_PROMOTE", "DENIED_OPPORTUNITY", "DENIED_OPPORTUNITY"}) {
    Add("BaselineMeasure", id++, absl::StrCat(R"({"decision": ")", decision, R"("})"));
  }
  Add("BaselineMeasure", 23, R"({"decision": "DENIED_OPPORTUNITY"})");
  Add("BaselineMeasure", 24,
      absl::StrCat(R"({"decision": "SUPPORTED", "corrects": ")", IdText(23), R"("})"));
  Add("BaselineMeasure", 25, R"({"decision": "SUPPORTED"})");
  Add("BaselineMeasure", 26,
      absl::StrCat(R"({"entered_in_error": true, "corrects": ")", IdText(25), R"("})"));
  // Decisions: 5, of which 2 supported and 1 with conditions: 60 %. One more without a decision,
  // one entered in error.
  Add("CaseStudy", 30,
      R"({"decision": {"outcome": "SUPPORTED"}, "barriers": ["STAFFING", "TRANSPORT"],
          "weekly_cost_before": "3500", "weekly_cost_after": "5250"})");
  Add("CaseStudy", 31, R"({"decision": {"outcome": "SUPPORTED"}, "barriers": ["STAFFING"],
                           "weekly_cost_before": "1000", "weekly_cost_after": "400"})");
  Add("CaseStudy", 32, R"({"decision": {"outcome": "SUPPORTED_WITH_CONDITIONS"},
                           "weekly_cost_before": "0", "weekly_cost_after": "50"})");
  Add("CaseStudy", 33, R"({"decision": {"outcome": "DENIED"}, "weekly_cost_before": "70"})");
  Add("CaseStudy", 34, R"({"decision": {"outcome": "PAUSED"}})");
  Add("CaseStudy", 35, R"({"title": "undecided"})");
  Add("CaseStudy", 36, R"({"decision": {"outcome": "SUPPORTED"}, "barriers": ["OTHER"],
                           "entered_in_error": true})");
  const Measures now = Now();
  EXPECT_EQ(Parts(now, "independence_supported", "supported"), "3/5");
  EXPECT_EQ(Parts(now, "independence_supported", "baseline"), "1/4");
  EXPECT_THAT(*ResultOf(now, "independence_supported", "difference"), DoubleNear(35, 1e-9));
  EXPECT_EQ(AllParts(now, "barriers"),
            (Figures{{"STAFFING", "2/6"}, {"TRANSPORT", "1/6"}, {"case_studies", "6"}}));
  EXPECT_EQ(now.Find("barriers")->figures[0].part, "STAFFING");  // the most frequent first
  EXPECT_EQ(Parts(now, "cost_effect", "known"), "3/6");
  EXPECT_EQ(Parts(now, "cost_effect", "missing"), "3");
  EXPECT_THAT(*ResultOf(now, "cost_effect", "sum"), DoubleNear(1750 - 600 + 50, 1e-9));
  EXPECT_THAT(*ResultOf(now, "cost_effect", "median"), DoubleNear(50, 1e-9));
}

TEST_F(MeasureDecisionsTest, AMedianOfTwoLiesBetweenThem) {
  Add("CaseStudy", 30, R"({"weekly_cost_before": "0", "weekly_cost_after": "100"})");
  Add("CaseStudy", 31, R"({"weekly_cost_before": "0", "weekly_cost_after": "200"})");
  EXPECT_THAT(*ResultOf(Now(), "cost_effect", "median"), DoubleNear(150, 1e-9));
}

TEST_F(MeasureDecisionsTest, WhatIsHiddenIsNotCounted) {
  const ChangeId study = Add("CaseStudy", 10, R"({"decision": {"outcome": "SUPPORTED"}})");
  EXPECT_EQ(Parts(Now(), "independence_supported", "supported"), "1/1");
  Hide("CaseStudy", 10, study);
  EXPECT_EQ(Parts(Now(), "independence_supported", "supported"), "0/0");
  // A hidden correction corrects nothing.
  Add("BaselineMeasure", 11, R"({"decision": "SUPPORTED"})");
  const ChangeId correction =
      Add("BaselineMeasure", 12,
          absl::StrCat(R"({"decision": "DENIED_OPPORTUNITY", "corrects": ")", IdText(11), R"("})"));
  EXPECT_EQ(Parts(Now(), "independence_supported", "baseline"), "0/1");
  Hide("BaselineMeasure", 12, correction);
  EXPECT_EQ(Parts(Now(), "independence_supported", "baseline"), "1/1");
}

// Until somebody has decided, the decision that both knew counts.
TEST_F(MeasureDecisionsTest, ADecisionInConflictIsCountedAsItStood) {
  const std::string supported = R"({"decision": {"outcome": "SUPPORTED"}})";
  const ChangeId study = Add("CaseStudy", 10, supported);
  const Agreed agreed{world_.Head(), Values("CaseStudy", supported)};
  const auto decide = [&](TestDevice& device, const std::string& outcome) {
    ChangeData edit =
        Edit("CaseStudy", Id(10), absl::StrCat(R"({"decision": {"outcome": ")", outcome, R"("}})"),
             {study});
    edit.edits[0].agreed = agreed;
    device.Do(Id(1), {edit});
  };
  decide(*a_, "DENIED");
  decide(*b_, "SUPPORTED_WITH_CONDITIONS");
  const Measures now = Now();
  EXPECT_EQ(Parts(now, "independence_supported", "supported"), "1/1");
  EXPECT_EQ(now.Find("independence_supported")->open_conflicts, 1);
  EXPECT_EQ(now.Find("barriers")->open_conflicts, 0);
  EXPECT_THAT(ToText(now), HasSubstr("(1 waits for somebody to decide)"));
}

// Six outcomes: four whose day has come (today's too), of which two are met and one in part; one to
// come, which is met already; one without a day; and two that do not count.
TEST_F(MeasureDecisionsTest, OutcomesAreMetOfThoseWhoseDayHasCome) {
  const auto outcome = [&](uint64_t id, const char* due, const char* how_far, const char* more) {
    Add("Outcome", id,
        absl::StrCat(R"({"target": "walks out")", due[0] == 0 ? "" : R"(, "due": ")", due,
                     due[0] == 0 ? "" : R"(")",
                     how_far[0] == 0 ? "" : R"(, "achieved": {"how_far": ")", how_far,
                     how_far[0] == 0 ? "" : R"(", "rated_by": "PERSON"})", more, "}"));
  };
  outcome(10, "2026-11-01", "MET", "");
  outcome(11, "2026-11-22", "MET", "");
  outcome(12, "2026-11-21", "PARTLY_MET", "");
  outcome(13, "2026-10-01", "", "");
  outcome(14, "2026-11-23", "MET", "");
  outcome(15, "", "NOT_MET", "");
  outcome(16, "2026-11-01", "MET", R"(, "entered_in_error": true)");
  EXPECT_EQ(
      AllParts(Now(), "outcomes"),
      (Figures{{"met", "2/4"}, {"partly_met", "1/4"}, {"not_due_yet", "1"}, {"no_day", "1"}}));
  EXPECT_EQ(Parts(On("2026-11-23"), "outcomes", "met"), "3/5");
  EXPECT_EQ(Parts(On("2026-10-31"), "outcomes", "met"), "0/1");
}

TEST_F(MeasureDecisionsTest, OneProgrammeIsCountedByItself) {
  Add("CaseStudy", 10, R"({"decision": {"outcome": "SUPPORTED"}, "programme": "independence",
                           "barriers": ["STAFFING"]})");
  Add("CaseStudy", 11, R"({"decision": {"outcome": "DENIED"}, "programme": "meals"})");
  Add("Outcome", 12, absl::StrCat(R"({"due": "2026-11-01", "case_study": ")", IdText(11), R"("})"));
  MeasureOptions options;
  options.programme = "independence";
  const Measures one = Now(options);
  EXPECT_EQ(Parts(one, "independence_supported", "supported"), "1/1");
  EXPECT_EQ(Parts(one, "barriers", "STAFFING"), "1/1");
  EXPECT_EQ(Parts(one, "outcomes", "met"), "0/0");
  EXPECT_EQ(one.Find("overdue_reviews"), nullptr);  // not of a programme
  EXPECT_EQ(Parts(Now(), "independence_supported", "supported"), "1/2");
  EXPECT_EQ(Parts(Now(), "outcomes", "met"), "0/1");
}

}  // namespace
}  // namespace doorstep::server
