// Sets by worked cases: adds, removals, and removals that wait for a decision.
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/merge/plan.h"
#include "tests/merge/sample_fields.h"

namespace doorstep {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct SetStep {
  std::string id;
  std::vector<std::string> adds;
  std::vector<std::pair<std::string, std::vector<std::string>>> removals;
  bool settles = false;
};

class SetTest : public ::testing::Test {
 protected:
  Word Do(const SetStep& step) {
    FieldEdit edit;
    edit.field = field_.number();
    for (const std::string& element : step.adds) edit.adds.push_back(Text(field_, element));
    for (const auto& [element, adds] : step.removals) {
      FieldEdit::Removal removal;
      removal.element = Text(field_, element);
      for (const std::string& name : adds) removal.adds.push_back(Id(name));
      edit.removals.push_back(removal);
    }
    EditContext context;
    context.id = Id(step.id);
    context.sequence = ++sequence_;
    context.time_ms = static_cast<int64_t>(sequence_);
    context.author = absl::string_view(step.id).substr(0, 1);
    if (step.settles) context.settle = {SettleMode::kKeep, "asked her"};
    const Word word = Plan(field_, edit, context, &state_);
    // A repeat changes nothing.
    const FieldState before = state_;
    Plan(field_, edit, context, &state_);
    EXPECT_TRUE(state_ == before) << "repeated";
    return word;
  }

  std::string Elements() const {
    return absl::StrJoin(EffectiveOf(field_, state_).elements, " ",
                         [](std::string* out, const std::string& value) {
                           absl::StrAppend(out, value.substr(2));  // after tag and length
                         });
  }

  FieldSpec field_ = BarriersField();
  FieldState state_;
  uint64_t sequence_ = 0;
};

TEST_F(SetTest, TwoPeopleAddABarrierEach) {
  EXPECT_EQ(Do({"A1", {"STAFFING"}, {}}), Word::kApplied);
  EXPECT_EQ(Do({"B1", {"MEMORY"}, {}}), Word::kApplied);
  EXPECT_EQ(Elements(), "MEMORY STAFFING");
  EXPECT_FALSE(IsConflict(field_, state_));
}

TEST_F(SetTest, AnAddSurvivesARemovalThatHadNotSeenIt) {
  Do({"A1", {"STAFFING"}, {}});
  Do({"B1", {"STAFFING"}, {}});
  EXPECT_EQ(HeadNames(state_), "A1 B1");
  EXPECT_EQ(Do({"C1", {}, {{"STAFFING", {"A1"}}}}), Word::kMerged);
  EXPECT_EQ(HeadNames(state_), "B1");
  EXPECT_EQ(Elements(), "STAFFING");
}

TEST_F(SetTest, ARemovalTakesEveryAddThatItNames) {
  Do({"A1", {"STAFFING", "MEMORY"}, {}});
  Do({"B1", {"STAFFING"}, {}});
  EXPECT_EQ(Elements(), "MEMORY STAFFING");
  EXPECT_EQ(Do({"C1", {}, {{"STAFFING", {"A1", "B1"}}}}), Word::kApplied);
  EXPECT_EQ(HeadNames(state_), "A1");
  EXPECT_EQ(Elements(), "MEMORY");
}

class ReviewedSetTest : public SetTest {
 protected:
  ReviewedSetTest() { field_ = AllergiesField(); }
};

TEST_F(ReviewedSetTest, ARemovalIsAProposal) {
  Do({"A1", {"NUTS", "LATEX"}, {}});
  EXPECT_EQ(Do({"B1", {}, {{"NUTS", {"A1"}}}}), Word::kConflict);
  EXPECT_EQ(Elements(), "NUTS LATEX");
  EXPECT_TRUE(IsConflict(field_, state_));
  EXPECT_TRUE(EffectiveOf(field_, state_).provisional);
  EXPECT_EQ(HeadNames(state_), "A1 A1 B1");
  // Only what is in question is in the case.
  EXPECT_THAT(CaseHeads(field_, state_), ElementsAre(0, 2));
  EXPECT_THAT(state_.heads[2].removes, ElementsAre(Id("A1")));
}

TEST_F(ReviewedSetTest, DecidedToGo) {
  Do({"A1", {"NUTS"}, {}});
  Do({"B1", {}, {{"NUTS", {"A1"}}}});
  EXPECT_EQ(Do({"C1", {}, {{"NUTS", {"A1", "B1"}}}, true}), Word::kApplied);
  EXPECT_EQ(Elements(), "");
  EXPECT_EQ(HeadNames(state_), "");
  EXPECT_FALSE(IsConflict(field_, state_));
}

TEST_F(ReviewedSetTest, DecidedToStay) {
  Do({"A1", {"NUTS"}, {}});
  Do({"B1", {}, {{"NUTS", {"A1"}}}});
  EXPECT_EQ(Do({"C1", {"NUTS"}, {{"NUTS", {"A1", "B1"}}}, true}), Word::kApplied);
  EXPECT_EQ(Elements(), "NUTS");
  EXPECT_EQ(HeadNames(state_), "C1");
  EXPECT_FALSE(IsConflict(field_, state_));
}

TEST_F(ReviewedSetTest, ToKeepItNeedsNoDecisionAndToTakeItDoes) {
  Do({"A1", {"NUTS"}, {}});
  Do({"B1", {}, {{"NUTS", {"A1"}}}});
  // Somebody who names the proposal, but does not settle, only proposes.
  Do({"C1", {}, {{"NUTS", {"A1", "B1"}}}});
  EXPECT_EQ(Elements(), "NUTS");
  EXPECT_TRUE(IsConflict(field_, state_));
  Do({"D1", {"NUTS"}, {{"NUTS", {"A1", "B1", "C1"}}}});
  EXPECT_EQ(HeadNames(state_), "D1");
  EXPECT_FALSE(IsConflict(field_, state_));
}

TEST_F(ReviewedSetTest, ALateProposalOpensItAgain) {
  Do({"A1", {"NUTS"}, {}});
  Do({"B1", {}, {{"NUTS", {"A1"}}}});
  Do({"C1", {"NUTS"}, {{"NUTS", {"A1", "B1"}}}, true});
  EXPECT_EQ(Do({"D1", {}, {{"NUTS", {"A1"}}}}), Word::kConflict);
  EXPECT_TRUE(IsConflict(field_, state_));
  EXPECT_EQ(Elements(), "NUTS");
}

TEST_F(ReviewedSetTest, AnAddThatTheDecisionHadNotSeenStays) {
  Do({"A1", {"NUTS"}, {}});
  Do({"B1", {}, {{"NUTS", {"A1"}}}});
  Do({"D1", {"NUTS"}, {}});
  EXPECT_EQ(Do({"C1", {}, {{"NUTS", {"A1", "B1"}}}, true}), Word::kMerged);
  EXPECT_EQ(Elements(), "NUTS");
  EXPECT_FALSE(IsConflict(field_, state_));
}

TEST_F(SetTest, AnEmptiedSetKeepsItsSequence) {
  Do({"A1", {"STAFFING"}, {}});
  EXPECT_EQ(Do({"B1", {}, {{"STAFFING", {"A1"}}}}), Word::kApplied);
  EXPECT_THAT(EffectiveOf(field_, state_).elements, IsEmpty());
  EXPECT_EQ(state_.sequence, 2u);
  EXPECT_EQ(Do({"C1", {}, {{"STAFFING", {"A1"}}}}), Word::kApplied) << "removed by two";
  EXPECT_EQ(state_.sequence, 2u) << "nothing changed";
}

TEST_F(SetTest, RemovedAndAddedAgainInOneEdit) {
  Do({"A1", {"STAFFING"}, {}});
  EXPECT_EQ(Do({"B1", {"STAFFING"}, {{"STAFFING", {"A1"}}}}), Word::kApplied);
  EXPECT_EQ(HeadNames(state_), "B1");
}

// --- What Plan writes beside the heads ---

}  // namespace
}  // namespace doorstep
