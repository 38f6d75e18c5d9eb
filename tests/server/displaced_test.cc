// Who may settle, and who is told that a value was displaced, at admission and in a pull.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/admin.h"
#include "server/membership.h"
#include "sync/base/limits.h"
#include "sync/change/pack.h"
#include "sync/merge/plan.h"
#include "tests/server/world.h"

namespace doorstep::server {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Uuid kFile = Id(1);
const Uuid kRecord = Id(100);
constexpr char kOneByThree[] = R"({"residual_rating": {"likelihood": 1, "severity": 3}})";
constexpr char kFourByThree[] = R"({"residual_rating": {"likelihood": 4, "severity": 3}})";
constexpr char kTwoByThree[] = R"({"residual_rating": {"likelihood": 2, "severity": 3}})";
constexpr char kThreeByThree[] = R"({"residual_rating": {"likelihood": 3, "severity": 3}})";

class DisplacedValues : public ::testing::Test {
 protected:
  DisplacedValues() {
    a_->author = "A Khan";
    b_->author = "J Price";
    c_->author = "M Osei";
    d_->author = "B Lee";
  }

  // What one device is told in a pull from `cursor`.
  std::vector<v1::Displacement> ToldTo(TestDevice& device) {
    std::vector<v1::Displacement> told;
    while (true) {
      const v1::PullBatch batch = Must(device.PullBatch());
      v1::PullRows rows;
      Must(Unpack(batch.rows(), kMaxGrpcMessageBytes, &rows));
      for (const v1::Displacement& what : rows.displacements()) {
        told.push_back(what);
        by_ = rows.authors(static_cast<int>(what.by_author()));
      }
      if (batch.complete()) return told;
    }
  }

  v1::Outcome OutcomeOf(TestDevice& device, ChangeData change) {
    const Unit unit = device.Do(kFile, {std::move(change)});
    device.Pull();
    return device.OutcomeOf(unit);
  }

  // A's 1x3 and B's 4x3 over A's 2x3.
  std::vector<ChangeId> Disagree() {
    const ChangeId base =
        a_->Do(kFile, {Create("RiskAssessment", kRecord, kTwoByThree)}).changes[0].id;
    const ChangeId a =
        a_->Do(kFile, {Edit("RiskAssessment", kRecord, kOneByThree, {base})}).changes[0].id;
    const ChangeId b =
        b_->Do(kFile, {Edit("RiskAssessment", kRecord, kFourByThree, {base})}).changes[0].id;
    std::vector<ChangeId> both = {a, b};
    std::sort(both.begin(), both.end());
    return both;
  }

  ChangeData Decide(const char* json, const std::vector<ChangeId>& over) {
    return Settled(Edit("RiskAssessment", kRecord, json, over), SettleMode::kNewValue, "seen him");
  }

  FieldState Rating() {
    return *world_.Load(kRecord)->Find(FieldNumber("RiskAssessment", "residual_rating"));
  }

  World world_;
  std::unique_ptr<TestDevice> a_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> b_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> c_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> d_ = world_.NewDevice("north");
  std::string by_;
};

TEST_F(DisplacedValues, NobodySettlesAloneAcrossBandsWhatIsTheirOwn) {
  const std::vector<ChangeId> both = Disagree();
  const v1::Outcome refused = OutcomeOf(*b_, Decide(kTwoByThree, both));
  EXPECT_EQ(refused.words(0), v1::Outcome::REJECTED);
  EXPECT_THAT(refused.reason(), HasSubstr("who wrote one of them"));
  EXPECT_THAT(refused.what_to_do(), HasSubstr("deputy or the duty contact"));
  EXPECT_EQ(OutcomeOf(*c_, Decide(kTwoByThree, both)).words(0), v1::Outcome::APPLIED);
  EXPECT_THAT(Rating().heads, SizeIs(1));
}

// The refusal of B's decision may not hang on whether C's came first.
TEST_F(DisplacedValues, TheAnswerIsTheSameWhenSomebodyElseHasDecided) {
  const std::vector<ChangeId> both = Disagree();
  EXPECT_EQ(OutcomeOf(*c_, Decide(kTwoByThree, both)).words(0), v1::Outcome::APPLIED);
  EXPECT_EQ(OutcomeOf(*b_, Decide(kFourByThree, both)).words(0), v1::Outcome::REJECTED);
  // And so of an edit that is no decision.
  const v1::Outcome edit = OutcomeOf(*c_, Edit("RiskAssessment", kRecord, kFourByThree, both));
  EXPECT_EQ(edit.words(0), v1::Outcome::REJECTED);
  EXPECT_THAT(edit.reason(), HasSubstr("wanted a decision"));
  EXPECT_THAT(Rating().heads, SizeIs(1));
}

// The ways around the rule about bands: A's 1x3 against B's 4x3 is not A's to end.
TEST_F(DisplacedValues, VersionsAreNotTakenAwayOneByOne) {
  Disagree();
  const ChangeId a{a_->incarnation, 2};
  const ChangeId b{b_->incarnation, 1};
  a_->Pull();
  const auto refused = [&](const v1::Outcome& outcome, const char* why) {
    EXPECT_EQ(outcome.words(0), v1::Outcome::REJECTED);
    EXPECT_THAT(outcome.reason(), HasSubstr(why));
    EXPECT_THAT(outcome.what_to_do(), HasSubstr("decide between"));
    EXPECT_THAT(Rating().heads, SizeIs(2));
  };
  const auto edit = [&](const ChangeId& over) {
    return Edit("RiskAssessment", kRecord, kTwoByThree, {over});
  };
  refused(OutcomeOf(*a_, edit(b)), "wanted a decision");
  refused(OutcomeOf(*a_, edit(a)), "wanted a decision");
  refused(OutcomeOf(*a_, Decide(kTwoByThree, {b})), "names 1 of 2 versions");
  // Also for those who may decide: they have to say so, and about both.
  c_->Pull();
  refused(OutcomeOf(*c_, edit(b)), "wanted a decision");
  refused(OutcomeOf(*c_, Decide(kTwoByThree, {a})), "names 1 of 2 versions");
  const std::vector<ChangeId> both = a < b ? std::vector{a, b} : std::vector{b, a};
  EXPECT_EQ(OutcomeOf(*c_, Decide(kTwoByThree, both)).words(0), v1::Outcome::APPLIED);
}

// A device that says that it has seen nothing has seen what it names, and what stood by then.
TEST_F(DisplacedValues, ToHaveSeenLessIsNoWayAround) {
  Disagree();
  const ChangeId a{a_->incarnation, 2};
  const ChangeId b{b_->incarnation, 1};
  auto liar = world_.NewDevice("north");
  liar->author = "A Khan";
  const auto push = [&](ChangeData change) {
    const Unit unit = liar->Prepare(kFile, {std::move(change)});
    EXPECT_EQ(Must(liar->Push({unit}))[0].status(), v1::Receipt::STORED);  // checkpoint 0
    return unit;
  };
  // As somebody offline who saw A's version alone: it stands beside B's.
  const Unit first = push(Edit("RiskAssessment", kRecord, kTwoByThree, {a}));
  EXPECT_THAT(Rating().heads, SizeIs(2));
  // B's came after A's: who names it saw both.
  const Unit second = push(Edit("RiskAssessment", kRecord, kTwoByThree, {b}));
  liar->Reset();
  liar->Pull();
  EXPECT_EQ(liar->OutcomeOf(first).words(0), v1::Outcome::CONFLICT);
  EXPECT_EQ(liar->OutcomeOf(second).words(0), v1::Outcome::REJECTED);
  EXPECT_THAT(Rating().heads, SizeIs(2));
}

// A form that was opened before two versions stood, saved after the same device has decided between
// them: what it names is no version any more, and it stands beside the decision.
TEST_F(DisplacedValues, AnOwnDecisionStoodBeforeALaterEdit) {
  Disagree();
  const ChangeId a{a_->incarnation, 2};
  const ChangeId b{b_->incarnation, 1};
  c_->Pull();
  const std::vector<ChangeId> both = a < b ? std::vector{a, b} : std::vector{b, a};
  const Unit decided = c_->Prepare(kFile, {Decide(kTwoByThree, both)});
  const Unit saved = c_->Prepare(kFile, {Edit("RiskAssessment", kRecord, kThreeByThree, {b})});
  EXPECT_THAT(Must(c_->Push({decided, saved})), SizeIs(2));
  c_->Pull();
  EXPECT_EQ(c_->OutcomeOf(decided).words(0), v1::Outcome::APPLIED);
  EXPECT_EQ(c_->OutcomeOf(saved).words(0), v1::Outcome::CONFLICT);
  EXPECT_THAT(Rating().heads, SizeIs(2));
}

// Honest people offline: who saw one version replaces it, whatever stands beside it by now.
TEST_F(DisplacedValues, WhoSawOneVersionReplacesIt) {
  const ChangeId base =
      a_->Do(kFile, {Create("RiskAssessment", kRecord, kTwoByThree)}).changes[0].id;
  const ChangeId one =
      a_->Do(kFile, {Edit("RiskAssessment", kRecord, kOneByThree, {base})}).changes[0].id;
  d_->Pull();
  b_->Do(kFile, {Edit("RiskAssessment", kRecord, kFourByThree, {base})});
  EXPECT_EQ(OutcomeOf(*d_, Edit("RiskAssessment", kRecord, kThreeByThree, {one})).words(0),
            v1::Outcome::CONFLICT);
  EXPECT_THAT(Rating().heads, SizeIs(2));
}

// To add a version beside the others replaces nothing, and is nobody's privilege.
TEST_F(DisplacedValues, AFurtherVersionMayBeAddedByAnybody) {
  Disagree();
  a_->Pull();
  EXPECT_EQ(OutcomeOf(*a_, Edit("RiskAssessment", kRecord, kThreeByThree, {})).words(0),
            v1::Outcome::CONFLICT);
  EXPECT_THAT(Rating().heads, SizeIs(3));
}

TEST_F(DisplacedValues, TwoWhoSettleAtOnceAreTwoVersions) {
  const std::vector<ChangeId> both = Disagree();
  EXPECT_EQ(OutcomeOf(*c_, Decide(kTwoByThree, both)).words(0), v1::Outcome::APPLIED);
  EXPECT_EQ(OutcomeOf(*d_, Decide(kTwoByThree, both)).words(0), v1::Outcome::MERGED)
      << "the same value: closed";
  EXPECT_THAT(Rating().heads, SizeIs(2));
  const KindSpec& kind = *Schema::BuiltIn()->FindByName("RiskAssessment");
  const FieldSpec& field = *kind.FindByName("residual_rating");
  EXPECT_FALSE(IsConflict(field, Rating()));
  EXPECT_EQ(OutcomeOf(*d_, Decide(kThreeByThree, both)).words(0), v1::Outcome::CONFLICT)
      << "another value: open again";
  EXPECT_TRUE(IsConflict(field, Rating()));
}

TEST_F(DisplacedValues, TheDisplacedAuthorIsToldOnce) {
  const std::vector<ChangeId> both = Disagree();
  const auto told = ToldTo(*a_);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].word(), v1::Outcome::CONFLICT);
  EXPECT_EQ(told[0].field(), FieldNumber("RiskAssessment", "residual_rating"));
  EXPECT_EQ(told[0].record(), kRecord.AsBytes());
  EXPECT_EQ(told[0].counter(), 2u);
  EXPECT_EQ(by_, "J Price");
  EXPECT_THAT(ToldTo(*a_), IsEmpty()) << "below the cursor";
  EXPECT_THAT(ToldTo(*b_), IsEmpty()) << "their outcome says CONFLICT";
  EXPECT_THAT(ToldTo(*c_), IsEmpty());
  // Who has seen both displaces nobody in silence.
  c_->Do(kFile, {Decide(kTwoByThree, both)});
  EXPECT_THAT(ToldTo(*a_), IsEmpty());
}

TEST_F(DisplacedValues, ARepeatTellsNobodyTwice) {
  const ChangeId base =
      a_->Do(kFile, {Create("CaseStudy", kRecord, R"({"title": "one"})")}).changes[0].id;
  a_->Do(kFile, {Edit("CaseStudy", kRecord, R"({"title": "two"})", {base})});
  world_.clock().Advance(1000);
  const Unit unit =
      b_->Prepare(kFile, {Edit("CaseStudy", kRecord, R"({"title": "three"})", {base})});
  Must(b_->Push({unit}));
  Must(b_->Push({unit}));
  const auto told = ToldTo(*a_);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].word(), v1::Outcome::MERGED);
}

TEST_F(DisplacedValues, AnEditThatComesTooLateTellsItsOwnAuthor) {
  const ChangeId base =
      a_->Do(kFile, {Create("CaseStudy", kRecord, R"({"title": "one"})")}).changes[0].id;
  b_->Pull();
  const Unit early = b_->Prepare(kFile, {Edit("CaseStudy", kRecord, R"({"title": "b"})", {base})});
  world_.clock().Advance(60'000);
  a_->Do(kFile, {Edit("CaseStudy", kRecord, R"({"title": "a"})", {base})});
  world_.clock().Advance(60'000);
  Must(b_->Push({early}));
  const auto told = ToldTo(*b_);
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].counter(), early.counter);
  EXPECT_EQ(by_, "A Khan");
  EXPECT_THAT(ToldTo(*a_), IsEmpty());
}

// An import that ran on two devices, or a replica that was copied.
TEST_F(DisplacedValues, WhoCreatedARecordIsToldOfASecondCreation) {
  const auto create = [](const char* json) { return Create("CaseStudy", kRecord, json); };
  a_->Do(kFile, {create(R"({"title": "one", "situation": "Goes out."})")});
  world_.clock().Advance(1000);
  b_->Do(kFile, {create(R"({"title": "two", "situation": "Goes out."})")});
  const auto told = ToldTo(*a_);
  ASSERT_THAT(told, SizeIs(1)) << "of what differs";
  EXPECT_EQ(told[0].field(), FieldNumber("CaseStudy", "title"));
  EXPECT_EQ(by_, "J Price");
}

TEST_F(DisplacedValues, WhoLostAccessHearsNoMore) {
  Disagree();
  {
    auto write = Must(world_.tenant().store().Write());
    ASSERT_GT(Must(UnshareFile(kFile, "north", kNine, *write)), 0);
    Must(write->Commit());
  }
  EXPECT_THAT(ToldTo(*a_), IsEmpty());
}

TEST_F(DisplacedValues, AFirstPullBringsWhatWasSaidBefore) {
  Disagree();
  a_->Reset();
  EXPECT_THAT(ToldTo(*a_), SizeIs(1));
}

}  // namespace
}  // namespace doorstep::server
