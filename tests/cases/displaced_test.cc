#include "sync/cases/displaced.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/merge/plan.h"
#include "tests/cases/states.h"
#include "tests/merge/sample_fields.h"

namespace doorstep {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kTime = 100;

// An edit by J Price on device B meets `before`.
std::vector<Displaced> Meet(const FieldSpec& field, const FieldState& before, std::string value,
                            std::vector<ChangeId> base = {}, int64_t time_ms = kTime,
                            const char* author = "J Price") {
  FieldEdit edit;
  edit.field = field.number();
  edit.value = std::move(value);
  edit.base = std::move(base);
  EditContext context;
  context.id = {Incarnation('B'), 1};
  context.time_ms = time_ms;
  context.sequence = 2;
  context.author = author;
  FieldState after = before;
  Plan(field, edit, context, &after);
  return DisplacedBy(field, edit, context.id, author, time_ms, before, after);
}

FieldState OneHead(const FieldSpec& field, std::string value) {
  return StateOf(field, {HeadOf('A', "A Khan", 50, std::move(value))});
}

const ChangeId kA{Incarnation('A'), 1};
const ChangeId kB{Incarnation('B'), 1};

TEST(Displaced, ALaterValueThatHadNotSeenIt) {
  const FieldSpec field = NameField();
  const FieldState before = OneHead(field, Text(field, "Peter"));
  EXPECT_THAT(Meet(field, before, Text(field, "Pete")),
              ElementsAre(Displaced{kA, "A Khan", kB, "J Price", kTime, Word::kMerged}));
  EXPECT_THAT(Meet(field, before, Text(field, "Pete"), {kA}), IsEmpty()) << "seen";
  EXPECT_THAT(Meet(field, before, Text(field, "Peter")), IsEmpty()) << "the same value";
  EXPECT_THAT(Meet(field, before, Text(field, "Pete"), {}, kTime, "A Khan"), IsEmpty())
      << "their own";
}

TEST(Displaced, AnEditThatLosesTellsItsOwnAuthor) {
  const FieldSpec field = NameField();
  EXPECT_THAT(Meet(field, OneHead(field, Text(field, "Peter")), Text(field, "Pete"), {}, 10),
              ElementsAre(Displaced{kB, "J Price", kA, "A Khan", 50, Word::kMerged}));
}

TEST(Displaced, EarliestAndHighestTellWhoseValueDoesNotCount) {
  const FieldSpec due = ReviewDueField();
  const FieldState before = OneHead(due, Text(due, "2026-03-01"));
  EXPECT_THAT(Meet(due, before, Text(due, "2026-05-01")),
              ElementsAre(Displaced{kB, "J Price", kA, "A Khan", 50, Word::kMerged}));
  EXPECT_THAT(Meet(due, before, Text(due, "2026-01-01")),
              ElementsAre(Displaced{kA, "A Khan", kB, "J Price", kTime, Word::kMerged}));
}

TEST(Displaced, AConflictTellsTheOthers) {
  const FieldSpec field = RatingField();
  const FieldState before = OneHead(field, Rating(1, 3));
  const Displaced told{kA, "A Khan", kB, "J Price", kTime, Word::kConflict};
  EXPECT_THAT(Meet(field, before, Rating(4, 3)), ElementsAre(told));
  EXPECT_THAT(Meet(field, before, Rating(1, 1)), ElementsAre(told))
      << "also when the other counts until decided";
  EXPECT_THAT(Meet(field, before, Rating(1, 3, "other words")), IsEmpty()) << "one value";
}

TEST(Displaced, ADecisionTellsNobodyWhomItSaw) {
  const FieldSpec field = RatingField();
  FieldState before = StateOf(
      field, {HeadOf('A', "A Khan", 50, Rating(1, 3)), HeadOf('C', "B Lee", 60, Rating(4, 3))});
  const ChangeId c{Incarnation('C'), 1};
  EXPECT_THAT(Meet(field, before, Rating(2, 3), {kA, c}), IsEmpty());
  EXPECT_THAT(Meet(field, before, Rating(2, 3), {kA}),
              ElementsAre(Displaced{c, "B Lee", kB, "J Price", kTime, Word::kConflict}))
      << "only who was not seen";
}

TEST(Displaced, SetsDisplaceNothing) {
  const FieldSpec field = BarriersField();
  EXPECT_THAT(Meet(field, OneHead(field, Text(field, "STAFFING")), ""), IsEmpty());
}

}  // namespace
}  // namespace doorstep
