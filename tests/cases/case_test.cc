#include "sync/cases/case.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"
#include "sync/cases/deadlines.h"
#include "tests/cases/states.h"
#include "tests/merge/sample_fields.h"

namespace doorstep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kOpened = 1'000'116'000'000;  // Monday 10 September 2001, 10:00 UTC

FieldSpec SafeRating() {
  FieldSpec field = RatingField();
  field.safety = true;
  return field;
}

FieldState TwoRatings() {
  return StateOf(RatingField(), {HeadOf('A', "A Khan", kOpened - kHourMs, Rating(1, 3)),
                                 HeadOf('B', "J Price", kOpened, Rating(4, 3))});
}

Responsible Everybody() {
  Responsible people;
  people.worker = "W";
  people.worker_deputy = "D";
  people.lead = "L";
  people.lead_deputy = "M";
  people.duty = "T";
  return people;
}

TEST(Case, IsDueADayAfterTheLatestVersionWhereHarmHangsOnIt) {
  EXPECT_EQ(ViewCase(SafeRating(), TwoRatings(), {}, kOpened).due_ms, kOpened + 24 * kHourMs);
  EXPECT_EQ(ViewCase(RatingField(), TwoRatings(), {}, kOpened).due_ms, kOpened + 7 * 24 * kHourMs);
  FieldState late = TwoRatings();
  late.heads.push_back(HeadOf('C', "B Lee", kOpened + kHourMs, Rating(5, 5)));
  const CaseView view = ViewCase(SafeRating(), late, {}, kOpened);
  EXPECT_EQ(view.due_ms, kOpened + 25 * kHourMs);
  EXPECT_EQ(view.opened_ms, kOpened);
}

TEST(Case, GoesFromReviewerToDeputyToDutyContact) {
  const FieldSpec field = SafeRating();
  struct Row {
    int64_t after_ms;
    int level;
    const char* with;
    int64_t next_ms;
  };
  for (const Row& row :
       {Row{0, 0, "W", 24 * kHourMs}, Row{24 * kHourMs - 1, 0, "W", 24 * kHourMs},
        Row{24 * kHourMs, 1, "D", 48 * kHourMs}, Row{48 * kHourMs, 2, "T", -kOpened},
        Row{999 * kHourMs, 2, "T", -kOpened}}) {
    const CaseView view = ViewCase(field, TwoRatings(), Everybody(), kOpened + row.after_ms);
    EXPECT_EQ(view.level, row.level) << row.after_ms;
    EXPECT_EQ(view.with, row.with) << row.after_ms;
    EXPECT_EQ(view.next_ms, kOpened + row.next_ms) << row.after_ms;
    EXPECT_EQ(view.reviewer, "W");
    EXPECT_EQ(view.deputy, "D");
    EXPECT_EQ(view.duty, "T");
    EXPECT_THAT(view.passed_over, IsEmpty());
  }
}

TEST(Case, WithoutAWorkerTheLeadReviews) {
  Responsible people = Everybody();
  people.worker = people.worker_deputy = "";
  const CaseView view = ViewCase(SafeRating(), TwoRatings(), people, kOpened);
  EXPECT_EQ(view.with, "L");
  EXPECT_EQ(view.with_role, CaseRole::kLead);
  EXPECT_EQ(view.deputy, "M");
}

TEST(Case, AWorkerWithoutDeputyHasTheSitesOrItsLead) {
  Responsible people = Everybody();
  people.worker_deputy = "";
  EXPECT_EQ(ViewCase(SafeRating(), TwoRatings(), people, kOpened).deputy, "M");
  people.lead_deputy = "";
  const CaseView view = ViewCase(SafeRating(), TwoRatings(), people, kOpened + 24 * kHourMs);
  EXPECT_EQ(view.with, "L");
  EXPECT_EQ(view.with_role, CaseRole::kLead);
}

TEST(Case, WhoIsAwayIsPassedOverAtOnce) {
  Responsible people = Everybody();
  people.away = {"W"};
  CaseView view = ViewCase(SafeRating(), TwoRatings(), people, kOpened);
  EXPECT_EQ(view.level, 0);
  EXPECT_EQ(view.with, "D");
  EXPECT_EQ(view.due_ms, kOpened + 24 * kHourMs) << "being away buys no time";
  EXPECT_THAT(view.passed_over, ElementsAre(PassedOver{"W", PassedOver::Why::kAway}));
  people.away = {"D", "W"};
  EXPECT_EQ(ViewCase(SafeRating(), TwoRatings(), people, kOpened).with, "T");
  people.away = {"D", "T"};
  EXPECT_EQ(ViewCase(SafeRating(), TwoRatings(), people, kOpened + 72 * kHourMs).with, "W")
      << "nobody above is there: those before are asked again";
}

TEST(Case, WhoseOwnVersionItIsIsPassedOver) {
  Responsible people = Everybody();
  people.worker = "J Price";
  const CaseView view = ViewCase(SafeRating(), TwoRatings(), people, kOpened);
  EXPECT_EQ(view.reviewer, "J Price");
  EXPECT_EQ(view.with, "D");
  EXPECT_THAT(view.passed_over, ElementsAre(PassedOver{"J Price", PassedOver::Why::kOwnVersion}));
}

TEST(Case, NobodyIsNeverSilent) {
  const CaseView none = ViewCase(SafeRating(), TwoRatings(), {}, kOpened);
  EXPECT_EQ(none.with, "");
  EXPECT_THAT(none.nobody, HasSubstr("the site's lead must be"));
  Responsible all_away = Everybody();
  all_away.away = {"D", "L", "M", "T", "W"};
  const CaseView away = ViewCase(SafeRating(), TwoRatings(), all_away, kOpened);
  EXPECT_EQ(away.with, "");
  EXPECT_THAT(away.nobody, HasSubstr("name a deputy or a duty contact"));
}

TEST(Case, APausedDecisionGoesToTheLeadWhenItIsDue) {
  FieldSpec field = DecisionField();
  field.safety = true;
  const std::string incident = "01234567-89ab-7def-8123-456789abcdef";
  const FieldState state =
      StateOf(field, {HeadOf('A', "A Khan", kOpened, Decision(kDenied)),
                      HeadOf('B', "J Price", kOpened, Decision(kPaused, "lost", incident))});
  const Responsible people = Everybody();
  EXPECT_TRUE(ViewCase(field, state, people, kOpened).paused);
  EXPECT_EQ(ViewCase(field, state, people, kOpened).with, "W");
  const CaseView due = ViewCase(field, state, people, kOpened + 24 * kHourMs);
  EXPECT_EQ(due.with, "L");
  EXPECT_EQ(due.with_role, CaseRole::kLead);
  EXPECT_EQ(ViewCase(field, state, people, kOpened + 48 * kHourMs).with, "T");
  Responsible lead_away = people;
  lead_away.away = {"L"};
  EXPECT_EQ(ViewCase(field, state, lead_away, kOpened + 24 * kHourMs).with, "M");
}

TEST(Case, APauseGoesToTheDutyContactOutOfHours) {
  FieldSpec field = DecisionField();
  field.safety = true;
  const std::string incident = "01234567-89ab-7def-8123-456789abcdef";
  const auto due_after = [&](int64_t hours) {
    const int64_t opened = kOpened + hours * kHourMs;
    const FieldState pause =
        StateOf(field, {HeadOf('B', "J Price", opened, Decision(kPaused, "lost", incident))});
    return ViewCase(field, pause, Everybody(), opened + 24 * kHourMs);
  };
  const CaseView tuesday = due_after(0);
  EXPECT_TRUE(tuesday.paused) << "also when nobody wrote anything else";
  EXPECT_EQ(tuesday.opened_ms, kOpened);
  EXPECT_EQ(tuesday.with, "L");
  EXPECT_EQ(due_after(4 * 24).with, "T") << "on a Saturday";
  EXPECT_EQ(due_after(8).with, "T") << "at 18:00";
  EXPECT_EQ(due_after(7).with, "L") << "at 17:00";
  EXPECT_EQ(due_after(-3).with, "T") << "at 07:00";
  EXPECT_EQ(due_after(-2).with, "L") << "at 08:00";
  // Before it is due, who is away is followed by the deputy, at any hour.
  Responsible away = Everybody();
  away.away = {"W"};
  const int64_t saturday = kOpened + 5 * 24 * kHourMs;
  const FieldState pause =
      StateOf(field, {HeadOf('B', "J Price", saturday, Decision(kPaused, "lost", incident))});
  EXPECT_EQ(ViewCase(field, pause, away, saturday).with, "D");
}

TEST(Case, WhoPausedDoesNotReviewIt) {
  FieldSpec field = DecisionField();
  const std::string incident = "01234567-89ab-7def-8123-456789abcdef";
  Responsible people = Everybody();
  people.worker = "J Price";
  FieldState pause =
      StateOf(field, {HeadOf('B', "J Price", kOpened, Decision(kPaused, "lost", incident))});
  EXPECT_EQ(ViewCase(field, pause, people, kOpened).with, "D");
}

// Whatever is named and whoever is away: somebody decides if anybody can, whoever it is may, and
// time only ever moves it on.
RC_GTEST_PROP(Case, SomebodyDecidesIfAnybodyCan, ()) {
  const auto name = [] {
    return *rc::gen::elementOf(std::vector<std::string>{"", "A Khan", "P", "Q"});
  };
  Responsible people;
  people.worker = name();
  people.worker_deputy = name();
  people.lead = name();
  people.lead_deputy = name();
  people.duty = name();
  if (*rc::gen::arbitrary<bool>()) people.away = {"P"};
  const int64_t now = kOpened + *rc::gen::inRange<int64_t>(0, 100) * kHourMs;
  const CaseView view = ViewCase(SafeRating(), TwoRatings(), people, now);
  RC_ASSERT(view.with.empty() == !view.nobody.empty());
  RC_ASSERT(view.with != "A Khan");
  RC_ASSERT(view.with.empty() || !people.IsAway(view.with));
  const bool reviewer_can = view.reviewer == "Q" || (view.reviewer == "P" && people.away.empty());
  if (reviewer_can || people.duty == "Q") RC_ASSERT(!view.with.empty());
  RC_ASSERT(ViewCase(SafeRating(), TwoRatings(), people, now + kHourMs).level >= view.level);
}

}  // namespace
}  // namespace doorstep
