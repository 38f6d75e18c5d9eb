#include "sync/cases/settling.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/cases/bands.h"
#include "sync/merge/plan.h"
#include "tests/cases/states.h"
#include "tests/merge/sample_fields.h"
#include "tests/schema/schema_text.h"

namespace doorstep {
namespace {

using ::testing::HasSubstr;

TEST(Bands, FollowTheTable) {
  const FieldSpec field = RatingField();
  for (const int64_t score : {1, 2, 3}) EXPECT_EQ(BandOf(field, score), Band::kLow) << score;
  for (const int64_t score : {4, 5, 6}) EXPECT_EQ(BandOf(field, score), Band::kModerate) << score;
  for (const int64_t score : {8, 9, 10, 12}) EXPECT_EQ(BandOf(field, score), Band::kHigh) << score;
  for (const int64_t score : {15, 16, 20, 25}) {
    EXPECT_EQ(BandOf(field, score), Band::kExtreme) << score;
  }
  EXPECT_EQ(BandOf(field, 0), Band::kNone);
  EXPECT_EQ(BandOf(field, INT64_MIN), Band::kNone);
  EXPECT_EQ(BandOf(field, INT64_MAX), Band::kExtreme);
  EXPECT_EQ(BandWords(field, Band::kModerate), "moderate (to 6)");
  EXPECT_EQ(BandWords(field, Band::kExtreme), "extreme (above 12)");
  EXPECT_TRUE(IsRating(field));
  EXPECT_FALSE(IsRating(DecisionField()));
}

// A tenant that calls 8 moderate already may let one person settle 4 against 8, and not 8
// against 9.
TEST(Bands, EndWhereTheSchemaSays) {
  const auto schema = SchemaFromText(
      "import \"doorstep/v1/bands.proto\";\n"
      "message A { option (doorstep.v1.kind) = { number: 1 };\n"
      "optional R r = 1 [(doorstep.v1.field) = { merge: REVIEW effective: HIGHEST_RATING }]; }\n"
      "message R { option (doorstep.v1.atomic) = { likelihood: \"l\" severity: \"s\" };\n"
      "option (doorstep.v1.bands) = { low: 2 moderate: 8 high: 16 };\n"
      "optional int32 l = 1; optional int32 s = 2; }\n");
  ASSERT_TRUE(schema.ok()) << schema.status();
  const FieldSpec& field = *(*schema)->kinds()[0].Find(1);
  EXPECT_EQ(BandOf(field, 2), Band::kLow);
  EXPECT_EQ(BandOf(field, 3), Band::kModerate);
  EXPECT_EQ(BandOf(field, 8), Band::kModerate);
  EXPECT_EQ(BandOf(field, 9), Band::kHigh);
  EXPECT_EQ(BandOf(field, 17), Band::kExtreme);
  EXPECT_EQ(BandWords(field, Band::kHigh), "high (to 16)");
  const std::string four = "\x0a\x04\x08\x02\x10\x02", eight = "\x0a\x04\x08\x04\x10\x02",
                    nine = "\x0a\x04\x08\x03\x10\x03";
  EXPECT_FALSE(AcrossBands(field, {{"A Khan", four}, {"J Price", eight}}));
  EXPECT_TRUE(AcrossBands(field, {{"A Khan", eight}, {"J Price", nine}}));
}

// All pairs of ratings (and none), all three places of the author: nothing is left to chance.
TEST(Settling, NobodySettlesAloneAcrossBandsWhenOneIsTheirOwn) {
  const FieldSpec field = RatingField();
  std::vector<std::string> values = {""};
  for (int64_t likelihood = 1; likelihood <= 5; ++likelihood) {
    for (int64_t severity = 1; severity <= 5; ++severity) {
      values.push_back(Rating(likelihood, severity));
    }
  }
  for (const std::string& a : values) {
    for (const std::string& b : values) {
      const std::vector<SeenVersion> seen = {{"A Khan", a}, {"J Price", b}};
      const bool across =
          BandOf(field, RatingScore(field, a)) != BandOf(field, RatingScore(field, b));
      EXPECT_EQ(AcrossBands(field, seen), across);
      EXPECT_EQ(MaySettle(field, seen, "A Khan"), !across);
      EXPECT_EQ(MaySettle(field, seen, "J Price"), !across);
      EXPECT_TRUE(MaySettle(field, seen, "M Osei"));
    }
  }
}

TEST(Settling, AThirdVersionCounts) {
  const FieldSpec field = RatingField();
  const std::vector<SeenVersion> seen = {
      {"A Khan", Rating(1, 3)}, {"B Lee", Rating(3, 1)}, {"J Price", Rating(4, 3)}};
  EXPECT_FALSE(MaySettle(field, seen, "A Khan"));
  EXPECT_FALSE(MaySettle(field, seen, "B Lee"));
  EXPECT_TRUE(MaySettle(field, seen, "M Osei"));
}

TEST(Settling, OfOtherReviewFieldsAnyTwoValuesDiffer) {
  const FieldSpec consent = ConsentField();
  EXPECT_FALSE(MaySettle(
      consent, {{"A", Number(consent, kGiven)}, {"B", Number(consent, kWithdrawn)}}, "A"));
  EXPECT_FALSE(MaySettle(consent, {{"A", Number(consent, kGiven)}, {"B", ""}}, "B"));
  EXPECT_FALSE(MaySettle(
      AddressField(),
      {{"A", Text(AddressField(), "1 High St")}, {"B", Text(AddressField(), "2 High St")}}, "A"));
  const std::vector<SeenVersion> reasons_differ = {{"A", Decision(kSupported, "because")},
                                                   {"B", Decision(kSupported, "since")}};
  EXPECT_TRUE(MaySettle(DecisionField(), reasons_differ, "A"));
}

TEST(Settling, ProseAndStatesHaveNoBands) {
  for (const FieldSpec& field : {NarrativeField(), SubjectField()}) {
    EXPECT_TRUE(MaySettle(field, {{"A", Text(field, "x")}, {"B", Text(field, "y")}}, "A"));
  }
  const FieldSpec status = StatusField();
  EXPECT_TRUE(MaySettle(status, {{"A", Number(status, 1)}, {"B", Number(status, 2)}}, "A"));
}

TEST(Settling, NobodyReviewsTheirOwnPause) {
  const FieldSpec field = DecisionField();
  const std::string paused = Decision(kPaused, "lost", "01234567-89ab-7def-8123-456789abcdef");
  EXPECT_FALSE(MaySettle(field, {{"A", paused}}, "A"));
  EXPECT_TRUE(MaySettle(field, {{"A", paused}}, "B"));
  EXPECT_TRUE(MaySettle(field, {{"A", paused, /*settled=*/true}}, "A")) << "it was reviewed";
  EXPECT_TRUE(MaySettle(field, {{"A", Decision(kDenied)}}, "A"));
}

TEST(Settling, NobodyTakesOutWhatOnlyTheyProposedToTakeOut) {
  const FieldSpec field = AllergiesField();
  const std::string nuts = Text(field, "nuts");
  const std::string milk = Text(field, "milk");
  const SeenVersion added{"A", nuts};
  const SeenVersion own{"A", nuts, false, {nuts}};
  const SeenVersion other{"B", nuts, false, {nuts}};
  const SeenVersion elsewhere{"B", milk, false, {milk}};
  EXPECT_FALSE(MayTakeOut(nuts, {added, own}, "A"));
  EXPECT_TRUE(MayTakeOut(nuts, {added, own}, "B"));
  EXPECT_TRUE(MayTakeOut(nuts, {added, own, other}, "A")) << "two people want it";
  EXPECT_FALSE(MayTakeOut(nuts, {added, own, elsewhere}, "A"));
  EXPECT_FALSE(MayTakeOut(nuts, {added}, "B")) << "nobody proposed it";
  EXPECT_FALSE(MaySettle(field, {added, own, elsewhere}, "A"));
  EXPECT_TRUE(MaySettle(field, {added, own, elsewhere}, "C"));
  EXPECT_THAT(MayNotSettle(field, {added, own}, "A"), HasSubstr("nobody else proposed"));
}

TEST(Settling, TheRefusalSaysWhatAndWho) {
  const std::string text =
      MayNotSettle(RatingField(), {{"A Khan", Rating(1, 3)}, {"J Price", Rating(4, 3)}}, "A Khan");
  EXPECT_THAT(text, HasSubstr("between 3 low and 12 high by A Khan"));
  EXPECT_THAT(text, HasSubstr("wanted somebody else's"));
}

// Two ratings stand; two people settle without seeing each other; a late version may come too. In
// every order of arrival the end is the same: one value when the settlements agree and nothing is
// late, else a case that is open again with what nobody has seen.
struct Coming {
  ChangeId id;
  std::string value;
  std::vector<ChangeId> base;
  int64_t time_ms;
};

FieldState Arrive(const FieldSpec& field, const std::vector<Coming>& all,
                  const std::vector<int>& order) {
  FieldState state = StateOf(field, {});
  for (const int i : order) {
    const Coming& coming = all[i];
    FieldEdit edit;
    edit.field = field.number();
    edit.value = coming.value;
    edit.base = coming.base;
    EditContext context;
    context.id = coming.id;
    context.time_ms = coming.time_ms;
    context.sequence = 1;
    context.author = "somebody";
    if (!coming.base.empty()) context.settle = {SettleMode::kNewValue, "seen together"};
    Plan(field, edit, context, &state);
  }
  return state;
}

TEST(Settling, TwoAtOnceAndALateVersionInEveryOrder) {
  const FieldSpec field = RatingField();
  const ChangeId a{Incarnation('A'), 1};
  const ChangeId b{Incarnation('B'), 1};
  const ChangeId late{Incarnation('L'), 1};
  const ChangeId first{Incarnation('S'), 1};
  const ChangeId second{Incarnation('T'), 1};
  for (const bool agree : {true, false}) {
    for (const bool with_late : {true, false}) {
      std::vector<Coming> all = {
          {a, Rating(1, 3), {}, 10},
          {b, Rating(4, 3), {}, 20},
          {first, Rating(2, 3), {a, b}, 30},
          {second, agree ? Rating(2, 3, "said otherwise") : Rating(3, 3), {a, b}, 40},
      };
      if (with_late) all.push_back({late, Rating(4, 3, "late"), {}, 15});
      std::vector<int> order;
      for (size_t i = 0; i < all.size(); ++i) order.push_back(static_cast<int>(i));
      FieldState reference;
      do {
        // A base arrives before what names it: the server makes units wait for that.
        const auto at = [&](int i) { return std::find(order.begin(), order.end(), i); };
        if (at(2) < at(0) || at(2) < at(1) || at(3) < at(0) || at(3) < at(1)) continue;
        const FieldState state = Arrive(field, all, order);
        if (reference.heads.empty()) reference = state;
        EXPECT_EQ(state.heads, reference.heads);
        EXPECT_EQ(state.heads.size(), with_late ? 3u : 2u);
        EXPECT_EQ(IsConflict(field, state), !agree || with_late);
        const std::string works_to = EffectiveOf(field, state).value;
        EXPECT_EQ(RatingScore(field, works_to), with_late ? 12 : agree ? 6 : 9);
      } while (std::next_permutation(order.begin(), order.end()));
    }
  }
}

}  // namespace
}  // namespace doorstep
