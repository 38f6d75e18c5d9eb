// Overdue reviews, risk distribution, risk movement: on fixtures that were worked out by hand.
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/measuring.h"

namespace doorstep::server {
namespace {

class MeasureRisksTest : public MeasuringTest {
 protected:
  // `rating` as "2x3", empty: none; `due`: empty: none.
  ChangeId Assess(uint64_t id, const std::string& status, const std::string& rating,
                  const std::string& due, const std::string& more = "") {
    std::string json = absl::StrCat(R"({"category": "falls", "status": ")", status, R"(")");
    if (!rating.empty()) absl::StrAppend(&json, ", ", Rating(rating));
    if (!due.empty()) absl::StrAppend(&json, R"(, "review_due": ")", due, R"(")");
    return Add("RiskAssessment", id, absl::StrCat(json, more, "}"));
  }
  static std::string Rating(const std::string& rating) {
    return absl::StrCat(R"("residual_rating": {"likelihood": )", rating.substr(0, 1),
                        R"(, "severity": )", rating.substr(2), "}");
  }
  ChangeId Rate(TestDevice& device, uint64_t id, const std::string& rating, const ChangeId& seen) {
    return Change(device, "RiskAssessment", id, absl::StrCat("{", Rating(rating), "}"), {seen});
  }
};

// Ten in force: due today and tomorrow are not overdue; 1 and 7 days; 8 and 28; 29 and 365; two
// without a day. Drafts, those under review, replaced, hidden and in error are not in force.
TEST_F(MeasureRisksTest, ReviewsAreOverdueByAge) {
  uint64_t id = 10;
  for (const char* due : {"2026-11-22", "2026-11-23", "2026-11-21", "2026-11-15", "2026-11-14",
                          "2026-10-25", "2026-10-24", "2025-11-22", "", ""}) {
    Assess(id++, "IN_FORCE", "", due);
  }
  for (const char* status : {"DRAFT", "UNDER_REVIEW", "SUPERSEDED"}) {
    Assess(id++, status, "", "2026-01-01");
  }
  Add("RiskAssessment", id++,
      R"({"category": "no status is a draft", "review_due": "2026-01-01"})");
  Assess(id++, "IN_FORCE", "", "2026-01-01", R"(, "entered_in_error": true)");
  Hide("RiskAssessment", id, Assess(id, "IN_FORCE", "", "2026-01-01"));
  EXPECT_EQ(AllParts(Now(), "overdue_reviews"), (Figures{{"overdue", "6/10"},
                                                         {"days_1_7", "2/10"},
                                                         {"days_8_28", "2/10"},
                                                         {"days_over_28", "2/10"},
                                                         {"no_day", "2/10"},
                                                         {"under_review", "1"},
                                                         {"stopped", "0"}}));
  EXPECT_EQ(Parts(On("2026-11-23"), "overdue_reviews", "overdue"), "7/10");
  EXPECT_EQ(Parts(On("2025-11-22"), "overdue_reviews", "overdue"), "0/10");
}

// 1 low, 1 moderate, 2 high, 1 extreme, 1 not rated, at both edges of their bands.
TEST_F(MeasureRisksTest, RisksInForceFallIntoBands) {
  Assess(10, "IN_FORCE", "1x3", "");
  const ChangeId rated = Assess(11, "IN_FORCE", "2x2", "");
  Assess(12, "IN_FORCE", "2x4", "");
  Assess(13, "IN_FORCE", "3x4", "");
  const ChangeId extreme = Assess(14, "IN_FORCE", "3x5", "");
  Assess(15, "IN_FORCE", "", "");
  Assess(16, "SUPERSEDED", "5x5", "");
  Assess(17, "DRAFT", "5x5", "");
  EXPECT_EQ(AllParts(Now(), "risk_distribution"), (Figures{{"low", "1/6"},
                                                           {"moderate", "1/6"},
                                                           {"high", "2/6"},
                                                           {"extreme", "1/6"},
                                                           {"unrated", "1/6"},
                                                           {"provisional", "0/6"},
                                                           {"low_provisional", "0/1"},
                                                           {"moderate_provisional", "0/1"},
                                                           {"high_provisional", "0/2"},
                                                           {"extreme_provisional", "0/1"}}));
  // A second worker, who had not seen the first's, rates 4x3: high until decided. So is what two
  // people call extreme, and nobody has decided how far.
  Rate(*a_, 11, "1x3", rated);
  Rate(*b_, 11, "4x3", rated);
  Rate(*a_, 14, "5x4", extreme);
  Rate(*b_, 14, "5x5", extreme);
  const Measures now = Now();
  EXPECT_EQ(AllParts(now, "risk_distribution"), (Figures{{"low", "1/6"},
                                                         {"moderate", "0/6"},
                                                         {"high", "3/6"},
                                                         {"extreme", "1/6"},
                                                         {"unrated", "1/6"},
                                                         {"provisional", "2/6"},
                                                         {"low_provisional", "0/1"},
                                                         {"moderate_provisional", "0/0"},
                                                         {"high_provisional", "1/3"},
                                                         {"extreme_provisional", "1/1"}}));
  EXPECT_EQ(now.Find("risk_distribution")->open_conflicts, 2);
  EXPECT_EQ(now.Find("overdue_reviews")->open_conflicts, 0);
  EXPECT_THAT(ToText(now), ::testing::HasSubstr("(2 wait for somebody to decide)"));
}

// Rated twice or more: 4. Fell 12 to 6, by way of 20; held 6 (another 6 in between); rose 2 to 4
// twice, once with an undecided version. Rated once: 1. Not rated, replaced: not counted.
TEST_F(MeasureRisksTest, RisksMoveFromTheirFirstVersionToNow) {
  ChangeId seen = Assess(10, "IN_FORCE", "3x4", "");
  seen = Rate(*a_, 10, "4x5", seen);
  Rate(*b_, 10, "2x3", seen);
  seen = Assess(11, "IN_FORCE", "2x3", "");
  Rate(*a_, 11, "3x2", seen);
  seen = Assess(12, "IN_FORCE", "1x2", "");
  Rate(*a_, 12, "2x2", seen);
  seen = Assess(13, "IN_FORCE", "1x2", "");
  Rate(*a_, 13, "1x1", seen);
  Rate(*b_, 13, "1x4", seen);
  Assess(14, "IN_FORCE", "5x5", "");
  Assess(15, "IN_FORCE", "", "");
  seen = Assess(16, "SUPERSEDED", "5x5", "");
  Rate(*a_, 16, "1x1", seen);
  // Another edit is no version of the rating.
  Change(*a_, "RiskAssessment", 14, R"({"category": "stairs"})", {});
  const Measures now = Now();
  EXPECT_EQ(AllParts(now, "risk_movement"),
            (Figures{{"fell", "1/4"}, {"held", "1/4"}, {"rose", "2/4"}, {"one_version", "1"}}));
  EXPECT_EQ(now.Find("risk_movement")->open_conflicts, 1);
}

// Gwen has died; Idris lives. Hers stop, the couple's goes on for him, and what names nobody in a
// file where only Gwen stands stops too.
TEST_F(MeasureRisksTest, WhatIsAboutThoseWhoDiedIsInNone) {
  const auto in = [&](uint64_t file, const std::string& kind, uint64_t id,
                      const std::string& json) {
    return a_->Do(Id(file), {Create(kind, Id(id), json)}).changes[0].id;
  };
  const ChangeId gwen =
      in(50, "Person", 50, R"({"name": "Gwen Evans", "date_of_death": "2026-11-20"})");
  in(51, "Person", 51, R"({"name": "Idris Evans"})");
  in(50, "CaseStudy", 60, absl::StrCat(R"({"subjects": [")", IdText(50), R"("]})"));
  in(50, "CaseStudy", 61,
     absl::StrCat(R"({"subjects": [")", IdText(50), R"(", ")", IdText(51), R"("]})"));
  const auto assess = [&](uint64_t id, const std::string& more) {
    in(50, "RiskAssessment", id,
       absl::StrCat(R"({"status": "IN_FORCE", "review_due": "2026-11-01", )", Rating("2x3"), more,
                    "}"));
  };
  assess(70, absl::StrCat(R"(, "case_study": ")", IdText(60), R"(")"));
  assess(71, absl::StrCat(R"(, "case_study": ")", IdText(61), R"(")"));
  assess(72, "");
  const Measures now = Now();
  EXPECT_EQ(Parts(now, "overdue_reviews", "overdue"), "1/1");
  EXPECT_EQ(Parts(now, "overdue_reviews", "stopped"), "2");
  EXPECT_EQ(Parts(now, "risk_distribution", "moderate"), "1/1");
  EXPECT_EQ(Parts(now, "risk_movement", "one_version"), "1");
  // It was somebody else: everything is back.
  a_->Do(Id(50), {[&] {
           ChangeData clear = Edit("Person", Id(50), R"({"date_of_death": "2026-11-20"})", {gwen});
           clear.edits[0].value.clear();
           return clear;
         }()});
  EXPECT_EQ(Parts(Now(), "overdue_reviews", "overdue"), "3/3");
  EXPECT_EQ(Parts(Now(), "overdue_reviews", "stopped"), "0");
}

}  // namespace
}  // namespace doorstep::server
