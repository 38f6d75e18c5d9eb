// Each merge class by worked cases: who edits, having seen what, and what then stands. Every case
// is also replayed in every order in which its edits may arrive.
#include "sync/merge/plan.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/base/bytes.h"
#include "sync/change/state.h"
#include "sync/change/wire.h"
#include "sync/schema/schema.h"
#include "tests/merge/sample_fields.h"

namespace doorstep {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Step {
  std::string id;
  int64_t time;
  std::vector<std::string> base;  // what the author saw
  std::string value;
  std::optional<Agreed> agreed = std::nullopt;
};

struct Case {
  std::string name;
  std::vector<Step> steps;
  std::string heads;  // in canonical order
  std::string effective;
  bool conflict;
  Word last;  // for the last step, in the order given
};

constexpr bool kConflict = true;
constexpr bool kNoConflict = false;

FieldEdit EditOf(const FieldSpec& field, const Step& step) {
  FieldEdit edit;
  edit.field = field.number();
  edit.value = step.value;
  edit.agreed = step.agreed;
  for (const std::string& name : step.base) edit.base.push_back(Id(name));
  return edit;
}

EditContext ContextOf(const Step& step, uint64_t sequence) {
  EditContext context;
  context.id = Id(step.id);
  context.time_ms = step.time;
  context.sequence = sequence;
  context.author = absl::string_view(step.id).substr(0, 1);
  return context;
}

FieldState EmptyState(const FieldSpec& field) {
  FieldState state;
  state.field = field.number();
  return state;
}

// Plans it, and again: a repeat must change nothing.
Word PlanTwice(const FieldSpec& field, const FieldEdit& edit, const EditContext& context,
               FieldState* state) {
  const Word word = Plan(field, edit, context, state);
  const FieldState before = *state;
  Plan(field, edit, context, state);
  EXPECT_EQ(HeadNames(*state), HeadNames(before)) << "repeated";
  EXPECT_TRUE(*state == before) << "repeated";
  return word;
}

// Every base that is a step of the case comes before the step that names it.
bool IsCausal(const std::vector<Step>& steps, const std::vector<size_t>& order) {
  std::vector<size_t> place(steps.size());
  for (size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
  for (size_t i = 0; i < steps.size(); ++i) {
    for (size_t j = 0; j < steps.size(); ++j) {
      const auto& base = steps[i].base;
      const bool names = std::find(base.begin(), base.end(), steps[j].id) != base.end();
      if (names && place[j] > place[i]) return false;
    }
  }
  return true;
}

void Check(const FieldSpec& field, const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    std::vector<size_t> order(c.steps.size());
    std::iota(order.begin(), order.end(), 0);
    bool as_given = true;
    do {
      if (!IsCausal(c.steps, order)) continue;
      SCOPED_TRACE(absl::StrCat(c.name, ", order ", absl::StrJoin(order, " ")));
      FieldState state = EmptyState(field);
      Word last = Word::kUnspecified;
      uint64_t sequence = 0;
      for (size_t i : order) {
        const EditContext context = ContextOf(c.steps[i], ++sequence);
        last = PlanTwice(field, EditOf(field, c.steps[i]), context, &state);
      }
      EXPECT_EQ(HeadNames(state), c.heads);
      EXPECT_EQ(EffectiveOf(field, state).value, c.effective);
      EXPECT_EQ(EffectiveOf(field, state).provisional, c.conflict);
      EXPECT_EQ(IsConflict(field, state), c.conflict);
      if (as_given) {
        EXPECT_EQ(WordName(last), WordName(c.last));
      }
      as_given = false;
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

// The cases are tables.
// clang-format off

TEST(PlanTest, LatestKeepsOnlyTheLastHead) {
  const FieldSpec name = NameField();
  const auto v = [&](absl::string_view text) { return Text(name, text); };
  Check(name, {
    {"first value", {{"A1", 10, {}, v("Pete")}},
     "A1", v("Pete"), kNoConflict, Word::kApplied},
    {"seen and replaced", {{"A1", 10, {}, v("Pete")}, {"B1", 20, {"A1"}, v("Peter")}},
     "B1", v("Peter"), kNoConflict, Word::kApplied},
    {"the later wins", {{"A1", 10, {}, v("Pete")}, {"B1", 20, {}, v("Peter")}},
     "B1", v("Peter"), kNoConflict, Word::kMerged},
    {"the later wins though it came first", {{"B1", 20, {}, v("Peter")}, {"A1", 10, {}, v("Pete")}},
     "B1", v("Peter"), kNoConflict, Word::kMerged},
    {"same time: the greater id", {{"B1", 20, {}, v("Peter")}, {"A1", 20, {}, v("Pete")}},
     "B1", v("Peter"), kNoConflict, Word::kMerged},
    {"clearing is an edit like any other", {{"A1", 10, {}, v("Pete")}, {"B1", 20, {}, ""}},
     "B1", "", kNoConflict, Word::kMerged},
    {"a base that lost since",
     {{"A1", 10, {}, v("a")}, {"B1", 30, {}, v("b")}, {"C1", 20, {"A1"}, v("c")}},
     "B1", v("b"), kNoConflict, Word::kMerged},
  });
}

// C replaces a by 2x3. B, who saw a and not C's, adds 3x4. Then "the base equals what stands" would
// let C bury the 12.
TEST(PlanTest, AChangeReplacesOnlyWhatItsAuthorSaw) {
  Check(RatingField(), {
    {"B before C",
     {{"A1", 1, {}, Rating(1, 1)}, {"B1", 20, {}, Rating(3, 4)}, {"C1", 10, {"A1"}, Rating(2, 3)}},
     "C1 B1", Rating(3, 4), kConflict, Word::kConflict},
    {"both replace a",
     {{"A1", 1, {}, Rating(1, 1)}, {"B1", 20, {"A1"}, Rating(3, 4)},
      {"C1", 10, {"A1"}, Rating(2, 3)}},
     "C1 B1", Rating(3, 4), kConflict, Word::kConflict},
  });
}

TEST(PlanTest, HighestRatingStandsUntilDecided) {
  const Step base = {"P1", 1, {}, Rating(2, 3)};
  const Step a = {"A1", 900, {"P1"}, Rating(1, 3, "reminder works")};
  const Step b = {"B1", 1400, {"P1"}, Rating(4, 3, "lost his way twice")};
  Check(RatingField(), {
    {"Peter reassessed by two", {base, a, b},
     "A1 B1", Rating(4, 3, "lost his way twice"), kConflict, Word::kConflict},
    {"settled", {base, a, b, {"S1", 2000, {"A1", "B1"}, Rating(2, 3, "with the new phone")}},
     "S1", Rating(2, 3, "with the new phone"), kNoConflict, Word::kApplied},
    {"a late branch reopens",
     {base, a, b, {"S1", 2000, {"A1", "B1"}, Rating(2, 3)}, {"C1", 1500, {"P1"}, Rating(5, 3)}},
     "C1 S1", Rating(5, 3), kConflict, Word::kConflict},
    {"parts never mix; equal scores: the higher severity",
     {{"A1", 10, {}, Rating(2, 4)}, {"B1", 20, {}, Rating(4, 2)}},
     "A1 B1", Rating(2, 4), kConflict, Word::kConflict},
    {"the highest need not be the last",
     {{"A1", 10, {}, Rating(5, 5)}, {"B1", 20, {}, Rating(1, 1)}},
     "A1 B1", Rating(5, 5), kConflict, Word::kConflict},
    {"another rationale is no conflict",
     {{"A1", 10, {}, Rating(2, 3, "one")}, {"B1", 20, {}, Rating(2, 3, "two")}},
     "A1 B1", Rating(2, 3, "two"), kNoConflict, Word::kMerged},
    {"of the highest, the last in canonical order",
     {{"A1", 10, {}, Rating(4, 3, "one")}, {"B1", 20, {}, Rating(4, 3, "two")},
      {"C1", 30, {}, Rating(1, 1)}},
     "A1 B1 C1", Rating(4, 3, "two"), kConflict, Word::kConflict},
    {"no value scores nothing, and is a value of its own",
     {{"A1", 10, {}, Rating(1, 1)}, {"B1", 20, {}, ""}},
     "A1 B1", Rating(1, 1), kConflict, Word::kConflict},
  });
}

TEST(PlanTest, TheDominantValueWinsUntilDecided) {
  const FieldSpec consent = ConsentField();
  const std::string given = Number(consent, kGiven);
  const std::string withdrawn = Number(consent, kWithdrawn);
  Check(consent, {
    {"withdrawn before given", {{"A1", 10, {}, withdrawn}, {"B1", 20, {}, given}},
     "A1 B1", withdrawn, kConflict, Word::kConflict},
    {"given again by someone who saw the withdrawal",
     {{"A1", 10, {}, withdrawn}, {"B1", 20, {"A1"}, given}},
     "B1", given, kNoConflict, Word::kApplied},
    {"both withdrew", {{"A1", 10, {}, withdrawn}, {"B1", 20, {}, withdrawn}},
     "A1 B1", withdrawn, kNoConflict, Word::kMerged},
    {"cleared and given: what is known stands", {{"A1", 10, {}, given}, {"B1", 20, {}, ""}},
     "A1 B1", given, kConflict, Word::kConflict},
  });
  const FieldSpec allergy = AllergyField();
  const std::string none_known = Number(allergy, kNoneKnown);
  const std::string listed = Number(allergy, kListed);
  Check(allergy, {
    {"an allergy listed beside none known",
     {{"A1", 10, {}, listed}, {"B1", 20, {}, none_known}, {"C1", 30, {}, Number(allergy, 1)}},
     "A1 B1 C1", listed, kConflict, Word::kConflict},
    {"nothing dominant: the last", {{"A1", 10, {}, Number(allergy, 1)}, {"B1", 20, {}, none_known}},
     "A1 B1", none_known, kConflict, Word::kConflict},
  });
}

TEST(PlanTest, ADecisionStandsUntilAnotherIsAgreed) {
  const std::string supported = Decision(kSupported, "with a reminder");
  const std::string denied = Decision(kDenied, "too dangerous");
  const std::string paused = Decision(kPaused, "fell", "6f4e0000-0000-7000-8000-000000000001");
  const Agreed agreed = {1, supported};
  const Step base = {"P1", 1, {}, supported, Agreed()};
  const Step deny = {"A1", 10, {"P1"}, denied, agreed};
  Check(DecisionField(), {
    {"denied beside conditions: never silently denied",
     {base, deny, {"B1", 20, {"P1"}, Decision(2, "in pairs"), agreed}},
     "A1 B1", supported, kConflict, Word::kConflict},
    {"paused because of an incident", {base, {"B1", 5, {"P1"}, paused, agreed}, deny},
     "B1 A1", paused, kConflict, Word::kConflict},
    {"paused without an incident does not count",
     {base, deny, {"B1", 20, {"P1"}, Decision(kPaused), agreed}},
     "A1 B1", supported, kConflict, Word::kConflict},
    {"denied by someone who saw: a decision", {base, deny},
     "A1", denied, kNoConflict, Word::kApplied},
    {"denied twice with different reasons",
     {base, deny, {"B1", 20, {"P1"}, Decision(kDenied, "no staff"), agreed}},
     "A1 B1", Decision(kDenied, "no staff"), kNoConflict, Word::kMerged},
    {"two first decisions: nothing was agreed",
     {{"A1", 10, {}, denied, Agreed()}, {"B1", 20, {}, supported, Agreed()}},
     "A1 B1", "", kConflict, Word::kConflict},
    {"the common base is the lower one",
     {{"A1", 30, {}, denied, Agreed{5, supported}},
      {"B1", 20, {}, Decision(2), Agreed{9, Decision(kDenied, "then")}}},
     "B1 A1", supported, kConflict, Word::kConflict},
    {"one sequence: the lower bytes",
     {{"A1", 10, {}, denied, Agreed{5, denied}}, {"B1", 20, {}, Decision(2), agreed},
      {"C1", 30, {}, Decision(2, "x"), Agreed{1, Decision(kSupported)}}},
     "A1 B1 C1", std::min(supported, Decision(kSupported)), kConflict, Word::kConflict},
  });
}

TEST(PlanTest, TwoAddressesShowNone) {
  const FieldSpec address = AddressField();
  const auto v = [&](absl::string_view text) { return Text(address, text); };
  Check(address, {
    {"one", {{"A1", 10, {}, v("1 High St")}},
     "A1", v("1 High St"), kNoConflict, Word::kApplied},
    {"two", {{"A1", 10, {}, v("1 High St")}, {"B1", 20, {}, v("2 Low Rd")}},
     "A1 B1", "", kConflict, Word::kConflict},
    {"the same twice", {{"A1", 10, {}, v("1 High St")}, {"B1", 20, {}, v("1 High St")}},
     "A1 B1", v("1 High St"), kNoConflict, Word::kMerged},
    {"decided",
     {{"A1", 10, {}, v("1 High St")}, {"B1", 20, {}, v("2 Low Rd")},
      {"A2", 30, {"A1", "B1"}, v("2 Low Rd")}},
     "A2", v("2 Low Rd"), kNoConflict, Word::kApplied},
    {"one of two replaced: still open",
     {{"A1", 10, {}, v("1 High St")}, {"B1", 20, {}, v("2 Low Rd")},
      {"A2", 30, {"A1"}, v("3 High St")}},
     "B1 A2", "", kConflict, Word::kConflict},
  });
}

TEST(PlanTest, ProseMergesBySentencesAndNothingSmaller) {
  const FieldSpec situation = NarrativeField();
  const auto v = [&](absl::string_view text) { return Text(situation, text); };
  const Agreed first{1, v("May go out with a carer.")};
  const Agreed walks{1, v("He walks.")};
  Check(situation, {
    {"two sentences that must not become a third",
     {{"P1", 1, {}, first.value, Agreed()}, {"A1", 10, {"P1"}, v("May go out alone."), first},
      {"B1", 20, {"P1"}, v("Must not go out with a carer."), first}},
     "A1 B1", v("May go out alone.\n\nMust not go out with a carer."), kConflict,
     Word::kConflict},
    {"a paragraph each",
     {{"P1", 1, {}, walks.value, Agreed()}, {"A1", 10, {"P1"}, v("He walks.\n\nHe eats."), walks},
      {"B1", 20, {"P1"}, v("He walks.\n\nHe sleeps."), walks}},
     "A1 B1", v("He walks.\n\nHe eats.\n\nHe sleeps."), kNoConflict, Word::kMerged},
    {"one stands on what was merged, one on the old text",
     {{"P1", 1, {}, walks.value, Agreed()}, {"A1", 10, {"P1"}, v("He walks.\n\nHe eats."), walks},
      {"B1", 20, {"P1"}, v("He walks.\n\nHe sleeps."), walks},
      {"C1", 30, {"A1", "B1"}, v("He walks.\n\nHe eats.\n\nHe sleeps well."), walks},
      {"D1", 40, {"P1"}, v("He walks daily."), walks}},
     "C1 D1", v("He walks daily.\n\nHe eats.\n\nHe sleeps well."), kNoConflict, Word::kMerged},
    {"the lowest agreed is the base",
     {{"P1", 1, {}, walks.value, Agreed()}, {"P2", 5, {"P1"}, v("He walks.\n\nHe eats."), walks},
      {"A1", 10, {"P2"}, v("He walks.\n\nHe eats.\n\nHe sleeps."),
       Agreed{2, v("He walks.\n\nHe eats.")}},
      {"B1", 20, {"P1"}, v("He walks daily."), walks}},
     "A1 B1", v("He walks daily.\n\nHe eats.\n\nHe sleeps."), kNoConflict, Word::kMerged},
    {"the same words", {{"A1", 10, {}, v("x")}, {"B1", 20, {}, v("x")}},
     "A1 B1", v("x"), kNoConflict, Word::kMerged},
    {"created twice", {{"A1", 10, {}, v("One.")}, {"B1", 20, {}, v("Two.")}},
     "A1 B1", v("One.\n\nTwo."), kConflict, Word::kConflict},
    {"changed and cleared",
     {{"P1", 1, {}, walks.value, Agreed()}, {"A1", 10, {"P1"}, "", walks},
      {"B1", 20, {"P1"}, v("He walks.\n\nHe eats."), walks}},
     "A1 B1", v("He walks.\n\nHe eats."), kConflict, Word::kConflict},
  });
}

TEST(PlanTest, TextsThatDoNotFitTogetherShowTheLast) {
  FieldSpec situation = NarrativeField();
  situation.scalar.max_bytes = 20;
  const auto v = [&](absl::string_view text) { return Text(situation, text); };
  const Agreed walks{1, v("He walks.")};
  Check(situation, {
    {"a paragraph each, too long together",
     {{"P1", 1, {}, walks.value, Agreed()}, {"A1", 10, {"P1"}, v("He walks.\n\nHe eats."), walks},
      {"B1", 20, {"P1"}, v("He walks.\n\nHe reads."), walks}},
     "A1 B1", v("He walks.\n\nHe reads."), kConflict, Word::kConflict},
  });
}

TEST(PlanTest, TransitionsAreReplayedByRank) {
  const FieldSpec status = StatusField();
  const auto v = [&](int64_t state) { return Number(status, state); };
  const Agreed active{1, v(kActive)};
  Check(status, {
    {"both to the same", {{"P1", 1, {}, v(kActive), Agreed()},
      {"A1", 10, {"P1"}, v(kEnded), active}, {"B1", 20, {"P1"}, v(kEnded), active}},
     "A1 B1", v(kEnded), kNoConflict, Word::kMerged},
    {"the higher first, and the other does not follow from it",
     {{"P1", 1, {}, v(kActive), Agreed()},
      {"A1", 10, {"P1"}, v(kSuspended), active}, {"B1", 20, {"P1"}, v(kEnded), active}},
     "A1 B1", v(kEnded), kConflict, Word::kConflict},
    {"the same, the other way about in time",
     {{"P1", 1, {}, v(kActive), Agreed()},
      {"A1", 10, {"P1"}, v(kEnded), active}, {"B1", 20, {"P1"}, v(kSuspended), active}},
     "A1 B1", v(kEnded), kConflict, Word::kConflict},
    {"the lower follows from the higher",
     {{"P1", 1, {}, v(kActive), Agreed()}, {"A1", 10, {"P1"}, v(kSuspended), active},
      {"B1", 20, {"P1"}, v(kSuspended), active}, {"B2", 30, {"B1"}, v(kReinstated), active}},
     "A1 B2", v(kReinstated), kNoConflict, Word::kMerged},
    {"three, of which one does not fit",
     {{"P1", 1, {}, v(kActive), Agreed()}, {"A1", 10, {"P1"}, v(kSuspended), active},
      {"B1", 20, {"P1"}, v(kReinstated), active}, {"C1", 30, {"P1"}, v(kActive), active}},
     "A1 B1 C1", v(kReinstated), kConflict, Word::kConflict},
  });
}

TEST(PlanTest, EarliestAndHighestNeedNobody) {
  const FieldSpec due = ReviewDueField();
  const auto d = [&](absl::string_view text) { return Text(due, text); };
  Check(due, {
    {"earliest", {{"A1", 10, {}, d("2026-12-01")}, {"B1", 20, {}, d("2027-01-01")}},
     "A1 B1", d("2026-12-01"), kNoConflict, Word::kMerged},
    {"a date before none", {{"A1", 10, {}, d("2026-12-01")}, {"B1", 20, {}, ""}},
     "A1 B1", d("2026-12-01"), kNoConflict, Word::kMerged},
    {"none at all", {{"A1", 10, {}, ""}, {"B1", 20, {}, ""}},
     "A1 B1", "", kNoConflict, Word::kMerged},
    {"put off by someone who saw it",
     {{"A1", 10, {}, d("2026-12-01")}, {"B1", 20, {"A1"}, d("2027-01-01")}},
     "B1", d("2027-01-01"), kNoConflict, Word::kApplied},
  });
  const FieldSpec value = ValueField();
  Check(value, {
    {"highest", {{"A1", 10, {}, Number(value, 5)}, {"B1", 20, {}, Number(value, 3)}},
     "A1 B1", Number(value, 5), kNoConflict, Word::kMerged},
    {"numbers, not text", {{"A1", 10, {}, Number(value, 300)}, {"B1", 20, {}, Number(value, 5)}},
     "A1 B1", Number(value, 300), kNoConflict, Word::kMerged},
    {"a negative number before none", {{"A1", 10, {}, Number(value, -2)}, {"B1", 20, {}, ""}},
     "A1 B1", Number(value, -2), kNoConflict, Word::kMerged},
  });
}

TEST(PlanTest, OfTwoCreationsTheEarlierStands) {
  const FieldSpec subject = SubjectField();
  const auto v = [&](absl::string_view text) { return Text(subject, text); };
  Check(subject, {
    {"two", {{"B1", 10, {}, v("b")}, {"A1", 20, {}, v("a")}},
     "B1 A1", v("b"), kConflict, Word::kConflict},
    {"alike", {{"B1", 10, {}, v("b")}, {"A1", 20, {}, v("b")}},
     "B1 A1", v("b"), kNoConflict, Word::kMerged},
  });
}

// clang-format on

TEST(PlanTest, TheSequenceMovesOnlyWhenTheHeadsDo) {
  const FieldSpec name = NameField();
  FieldState state = EmptyState(name);
  const auto plan = [&](const Step& step, uint64_t sequence) {
    Plan(name, EditOf(name, step), ContextOf(step, sequence), &state);
    return state.sequence;
  };
  EXPECT_EQ(plan({"A1", 50, {}, Text(name, "a")}, 7), 7u);
  EXPECT_EQ(plan({"B1", 40, {}, Text(name, "b")}, 8), 7u) << "lost: nothing to pull";
  EXPECT_EQ(plan({"B2", 60, {"A1"}, Text(name, "c")}, 0), 7u) << "pending";
}

TEST(PlanTest, AHeadHoldsWhatItsEditSaid) {
  const FieldSpec field = DecisionField();
  FieldState state = EmptyState(field);
  const Agreed agreed = {3, Decision(kSupported)};
  const Step step = {"A1", 50, {}, Decision(kDenied), agreed};
  EditContext context = ContextOf(step, 9);
  context.settle = {SettleMode::kKeep, "spoke with both"};
  Plan(field, EditOf(field, step), context, &state);
  const Head want = {Id("A1"), 50, 9, "A", Decision(kDenied), agreed, context.settle, {}, {}};
  EXPECT_THAT(state.heads, ElementsAre(want));
}

// A class or rule without a row in the table would show no value.
TEST(EffectiveOfTest, ShowsTheOneValueOfEveryBuiltInField) {
  const auto schema = Schema::BuiltIn();
  for (const KindSpec& kind : schema->kinds()) {
    for (const FieldSpec& field : kind.fields) {
      FieldState state = EmptyState(field);
      state.heads.resize(1);
      state.heads[0].value = "value";
      const Effective got = EffectiveOf(field, state);
      EXPECT_EQ(field.is_set() ? got.elements.at(0) : got.value, "value")
          << kind.name << "." << field.scalar.name;
    }
  }
}

TEST(AgreedForTest, IsWhatTheAuthorLastStoodOnWithoutConflict) {
  const FieldSpec field = ControlField();
  const auto head = [&](const char* id, uint64_t sequence, const std::optional<Agreed>& agreed,
                        int64_t value) {
    Head h;
    h.id = Id(id);
    h.sequence = sequence;
    h.value = Number(field, value);
    h.agreed = agreed;
    return h;
  };
  const Agreed four = {4, Number(field, 1)};
  const Agreed five = {5, Number(field, 2)};
  const struct {
    const char* name;
    std::vector<Head> heads;
    Agreed want;
  } kCases[] = {
      {"no heads", {}, {0, ""}},
      {"one, admitted", {head("A1", 7, four, 3)}, {7, Number(field, 3)}},
      {"one, pending", {head("A1", 0, four, 3)}, four},
      {"one, pending, on nothing", {head("A1", 0, std::nullopt, 3)}, {0, ""}},
      {"two", {head("A1", 7, five, 2), head("B1", 8, four, 3)}, four},
      {"two of one value", {head("A1", 8, four, 3), head("B1", 7, four, 3)}, {8, Number(field, 3)}},
      {"two, one pending", {head("A1", 7, four, 2), head("B1", 0, five, 3)}, four},
      {"two of one value, one pending",
       {head("A1", 7, four, 3), head("B1", 0, five, 3)},
       {7, Number(field, 3)}},
      {"two, one without", {head("A1", 7, std::nullopt, 2), head("B1", 8, five, 3)}, five},
      {"one sequence",
       {head("A1", 7, Agreed{4, Number(field, 3)}, 2), head("B1", 8, four, 3)},
       {4, Number(field, 1)}},
  };
  for (const auto& c : kCases) {
    FieldState state;
    state.heads = c.heads;
    const Agreed got = AgreedFor(field, state);
    EXPECT_TRUE(got == c.want) << c.name << ": " << got.sequence << " " << ToHex(got.value);
  }
}

// Two people read what a merge had made of two texts, and rewrite one sentence of it: over the base
// of before the merge both would be additions, and stand side by side with nobody told.
TEST(AgreedForTest, OfTextsIsTheMergeThatTheAuthorHasRead) {
  const FieldSpec field = NarrativeField();
  const std::string base = Text(field, "He walks.");
  const auto head = [&](const char* id, uint64_t sequence, const std::string& value,
                        const Agreed& agreed) {
    Head h;
    h.id = Id(id);
    h.sequence = sequence;
    h.value = value;
    h.agreed = agreed;
    return h;
  };
  FieldState state;
  state.heads = {head("A1", 2, Text(field, "He walks.\n\nHe sings."), {1, base}),
                 head("B1", 3, Text(field, "He walks.\n\nHe cooks."), {1, base})};
  ASSERT_FALSE(IsConflict(field, state));
  const Agreed read = AgreedFor(field, state);
  EXPECT_EQ(read.sequence, 3u);
  EXPECT_EQ(read.value, Text(field, "He walks.\n\nHe sings.\n\nHe cooks."));

  state.heads = {head("A2", 4, Text(field, "He walks.\n\nHe hums.\n\nHe cooks."), read),
                 head("B2", 5, Text(field, "He walks.\n\nHe shouts.\n\nHe cooks."), read)};
  EXPECT_TRUE(IsConflict(field, state));
}

TEST(RatingScoreTest, MultipliesWholeValues) {
  const FieldSpec field = RatingField();
  EXPECT_EQ(RatingScore(field, Rating(4, 3, "why")), 12);
  EXPECT_EQ(RatingScore(field, ""), 0);
  Scalar four;
  four.present = true;
  four.integer = 4;
  EXPECT_EQ(RatingScore(field, EncodeParts(field, {four, Scalar(), Scalar()})), 0) << "a part";
  EXPECT_EQ(RatingScore(field, Rating(INT64_MAX, 2)), INT64_MAX);
  EXPECT_EQ(RatingScore(field, Rating(INT64_MIN, 2)), INT64_MIN);
}

TEST(CaseIdTest, IsFixedByRecordAndField) {
  const Uuid record = Incarnation('R');
  EXPECT_EQ(CaseId(record, 11), CaseId(record, 11));
  EXPECT_NE(CaseId(record, 11), CaseId(record, 12));
  EXPECT_NE(CaseId(record, 11), CaseId(Incarnation('S'), 11));
  // Cases keep their ids for ever: BLAKE2b-128 of the 16 bytes and 0000000b.
  EXPECT_EQ(CaseId(record, 11).ToString(), "106e5373-3237-5781-2104-64adc154354a");
}

}  // namespace
}  // namespace doorstep
