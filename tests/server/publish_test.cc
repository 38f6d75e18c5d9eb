// Measures that are passed on: what must not be in them, also for those who put two of them
// together.
#include "server/measures/publish.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/measures/show.h"

namespace doorstep::server {
namespace {

using Form = Figure::Form;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Measures With(std::vector<Figure> figures, const std::string& table = "barriers") {
  Measures measures;
  measures.tables.push_back({table, "A title", 0, std::move(figures)});
  return measures;
}
Figure Share(const std::string& part, int64_t numerator, int64_t denominator) {
  return {part, part, Form::kShare, numerator, denominator, {}, "cases"};
}
Figure CountOf(const std::string& part, int64_t count) {
  return {part, part, Form::kCount, count, 0, {}, ""};
}

// "10/25", "-" for what is not shown.
std::string Seen(const Measures& measures, const std::string& part, size_t table = 0) {
  const Figure* figure = measures.tables[table].Find(part);
  if (figure == nullptr) return "no such figure";
  const auto text = [](int64_t count) { return count == kNotShown ? "-" : absl::StrCat(count); };
  if (figure->form == Form::kCount) return text(figure->numerator);
  return absl::StrCat(text(figure->numerator), "/", text(figure->denominator));
}

TEST(PublishTest, SmallCountsAreNotShownAndOthersAreRoundedToFive) {
  const std::map<int64_t, std::string> wanted = {{0, "0"},   {1, "-"},   {7, "-"},   {8, "10"},
                                                 {12, "10"}, {13, "15"}, {99, "100"}};
  for (const auto& [count, text] : wanted) {
    EXPECT_EQ(Seen(ForPublication(With({CountOf("n", count)})), "n"), text) << count;
  }
}

TEST(PublishTest, AShareIsNotShownWhenItsCountItsComplementOrItsWholeIsSmall) {
  const auto published = [](int64_t numerator, int64_t denominator) {
    return Seen(ForPublication(With({Share("s", numerator, denominator)})), "s");
  };
  EXPECT_EQ(published(3, 40), "-/40");
  EXPECT_EQ(published(37, 40), "-/40");
  EXPECT_EQ(published(0, 6), "-/-");
  EXPECT_EQ(published(2, 6), "-/-");
  EXPECT_EQ(published(20, 41), "20/40");
  EXPECT_EQ(published(0, 41), "0/40");
  EXPECT_EQ(published(41, 41), "40/40");
  EXPECT_EQ(published(0, 0), "0/0");
}

TEST(PublishTest, OnePartThatIsNotShownTakesTheSmallestOtherWithIt) {
  const Measures measures = ForPublication(
      With({Share("a", 5, 60), Share("b", 35, 60), Share("c", 20, 60), Share("d", 0, 60)}));
  EXPECT_EQ(Seen(measures, "a"), "-/60");
  EXPECT_EQ(Seen(measures, "b"), "35/60");
  EXPECT_EQ(Seen(measures, "c"), "-/60");
  EXPECT_EQ(Seen(measures, "d"), "0/60");
}

TEST(PublishTest, TwoThatAreNotShownNeedNoThird) {
  const Measures measures =
      ForPublication(With({Share("a", 5, 60), Share("b", 4, 60), Share("c", 51, 60)}));
  EXPECT_EQ(Seen(measures, "c"), "50/60");
}

TEST(PublishTest, PartsOfAnotherSiteAreAnotherWhole) {
  const Measures measures = ForPublication(
      With({Share("north.a", 5, 60), Share("north.b", 55, 60), Share("south.c", 30, 60)}));
  EXPECT_EQ(Seen(measures, "north.b"), "-/60");
  EXPECT_EQ(Seen(measures, "south.c"), "30/60");
}

TEST(PublishTest, OneSiteThatIsNotShownTakesTheSmallestOtherWithIt) {
  const Measures measures = ForPublication(With(
      {CountOf("n", 38), CountOf("north.n", 6), CountOf("south.n", 12), CountOf("west.n", 20)}));
  EXPECT_EQ(Seen(measures, "n"), "40");
  EXPECT_EQ(Seen(measures, "north.n"), "-");
  EXPECT_EQ(Seen(measures, "south.n"), "-");
  EXPECT_EQ(Seen(measures, "west.n"), "20");
}

TEST(PublishTest, WhatWasWorkedOutFromAFigureThatIsNotShownIsNotShown) {
  Figure difference{"difference", "difference", Form::kDifference, 0, 0, 12.345, "points"};
  Measures measures = ForPublication(With({Share("now", 20, 60), difference}));
  EXPECT_EQ(measures.tables[0].Find("difference")->Result(), 12.0);
  measures = ForPublication(With({Share("now", 3, 60), difference}));
  EXPECT_EQ(measures.tables[0].Find("difference")->Result(), std::nullopt);
  EXPECT_FALSE(measures.tables[0].Find("difference")->IsShown());
}

TEST(PublishTest, MeansAreOfEnoughAndShownToATenth) {
  Figure mean{"HEALTH", "Health", Form::kMean, 34, 9, {}, "people"};
  EXPECT_EQ(ForPublication(With({mean})).tables[0].figures[0].Result(), 3.8);
  mean.denominator = 7;
  EXPECT_EQ(ForPublication(With({mean})).tables[0].figures[0].Result(), std::nullopt);
}

TEST(PublishTest, SitesAndTabletsStayAsTheyAre) {
  Measures measures = With({Share("fresh", 3, 4), CountOf("rose-court.pending", 2)}, "freshness");
  measures.sites = 4;
  measures.fresh_sites = 3;
  measures = ForPublication(std::move(measures));
  EXPECT_EQ(Seen(measures, "fresh"), "3/4");
  EXPECT_EQ(Seen(measures, "rose-court.pending"), "2");
  EXPECT_THAT(ToText(measures), HasSubstr("3 of 4 sites fresh"));
}

TEST(PublishTest, NoFormShowsWhatIsHeldBack) {
  Measures measures = With({CountOf("n", 6),
                            Share("s", 37, 40),
                            {"m", "m", Form::kMean, 17, 6, {}, "people"},
                            {"d", "d", Form::kDifference, 0, 0, 0.925, "points"}});
  measures.open_conflicts = 4;
  measures.tables[0].open_conflicts = 4;
  measures = ForPublication(std::move(measures));
  for (const std::string& text : {ToText(measures), ToJson(measures), ToCsv(measures)}) {
    for (const char* value : {"37", "17", "0.925", "92.5", "2.83", "-1", "4 open", "(4 wait"}) {
      EXPECT_THAT(text, Not(HasSubstr(value)));
    }
  }
  EXPECT_THAT(ToText(measures), AllOf(HasSubstr("1 to 7 open conflicts"), HasSubstr("not shown")));
  EXPECT_THAT(ToJson(measures), HasSubstr("\"not_shown\": true"));
}

// Somebody has the figures of a town, and those of the town without one site (or of the day
// before). What the difference was, from 1 to 7, they shall not be able to tell.
TEST(PublishTest, TheDifferenceOfTwoPublicationsTellsNoSmallCount) {
  using Pair = std::pair<std::string, std::string>;
  std::map<Pair, std::set<int64_t>> possible;  // differences that explain what is seen
  for (int64_t rest = 0; rest <= 60; ++rest) {
    for (int64_t more = 0; more <= 20; ++more) {
      const Pair seen{Seen(ForPublication(With({CountOf("n", rest)})), "n"),
                      Seen(ForPublication(With({CountOf("n", rest + more)})), "n")};
      possible[seen].insert(more);
    }
  }
  for (const auto& [seen, differences] : possible) {
    const bool small = std::any_of(differences.begin(), differences.end(),
                                   [](int64_t more) { return more >= 1 && more <= 7; });
    EXPECT_TRUE(!small || differences.size() >= 4) << seen.first << " and " << seen.second;
  }
}

// The same of a part: by its share, by what the others leave, by its complement.
TEST(PublishTest, WhatIsShownOfAWholeTellsNoSmallPart) {
  std::map<std::string, std::set<std::pair<int64_t, int64_t>>> possible;
  for (int64_t a = 0; a <= 40; ++a) {
    for (int64_t b = 0; b <= 40; ++b) {
      const int64_t whole = a + b;
      const Measures measures = ForPublication(With({Share("a", a, whole), Share("b", b, whole)}));
      possible[absl::StrCat(Seen(measures, "a"), " ", Seen(measures, "b"))].insert({a, b});
    }
  }
  for (const auto& [seen, parts] : possible) {
    std::set<int64_t> as;
    bool small = false;
    for (const auto& [a, b] : parts) {
      as.insert(a);
      small = small || (a >= 1 && a <= 7) || (b >= 1 && b <= 7);
    }
    EXPECT_TRUE(!small || as.size() >= 4) << seen << ": " << as.size() << " values";
  }
}

}  // namespace
}  // namespace doorstep::server
