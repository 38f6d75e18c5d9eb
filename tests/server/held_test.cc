// Units that are held: durable, out of everybody's way, and given exactly one final outcome.
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/epoch.h"
#include "server/history.h"
#include "tests/server/world.h"

namespace doorstep::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Uuid kFile = Id(1);
const Uuid kRecord = Id(100);
constexpr char kStudy[] = R"({"title": "To the newsagent"})";

// After a restore: A's creation of kRecord is lost, and B's edit of it comes first.
class Held : public ::testing::Test {
 protected:
  void SetUp() override {
    a_->Do(kFile, {Create("CaseStudy", Id(99), kStudy)});
    Must(BeginEpoch(world_.tenant().store(), world_.entropy()).status());
    for (TestDevice* device : {a_.get(), b_.get()}) {
      Must(device->Hello().status());
      device->Reset();
    }
  }

  Unit Creation() { return a_->Prepare(kFile, {Create("CaseStudy", kRecord, kStudy)}); }
  Unit EditOf(const std::vector<ChangeId>& base, const char* title = R"({"title": "B's"})") {
    return b_->Prepare(kFile, {Edit("CaseStudy", kRecord, title, base)});
  }
  v1::Receipt Push(TestDevice& device, const Unit& unit) {
    const std::vector<v1::Receipt> receipts = Must(device.Push({unit}));
    EXPECT_THAT(receipts, SizeIs(1));
    return receipts[0];
  }
  v1::Outcome Outcome(TestDevice& device, const Unit& unit) {
    device.Pull();
    return device.OutcomeOf(unit);
  }
  Unit Withdrawal(const ChangeId& of, const char* reason) {
    ChangeData change;
    change.record = kRecord;
    change.kind = KindNumber("CaseStudy");
    change.resolves = Resolves{of, reason};
    return b_->Prepare(kFile, {change});
  }
  std::vector<std::string> Titles() {
    std::vector<std::string> out;
    const auto state = world_.Load(kRecord);
    if (!state) return out;
    for (const Head& head : state->Find(FieldNumber("CaseStudy", "title"))->heads) {
      out.push_back(head.value.substr(2));
    }
    return out;
  }
  size_t LinesOf(const ChangeId& change) {
    auto view = Must(world_.tenant().store().Read());
    size_t lines = 0;
    const auto unit = Must(view->UnitOf(change));
    if (!unit) return 0;
    for (const UnitRow& row : Must(view->Outcomes(unit->device, 0, 1000))) {
      lines += row.incarnation == change.incarnation && row.counter == unit->counter ? 1 : 0;
    }
    return lines;
  }
  void ExpectWholeHistory() {
    EXPECT_THAT(Must(VerifyHistory(*Must(world_.tenant().store().Read()))).faults, IsEmpty());
  }

  World world_;
  std::unique_ptr<TestDevice> a_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> b_ = world_.NewDevice("north");
};

TEST_F(Held, AnEditOfALostRecordIsHeldAndReleasedWithIt) {
  const Unit creation = Creation();
  const Unit edit = EditOf({creation.changes[0].id});
  const v1::Receipt receipt = Push(*b_, edit);
  EXPECT_EQ(receipt.status(), v1::Receipt::STORED);
  const v1::Outcome held = Outcome(*b_, edit);
  EXPECT_THAT(held.words(), ElementsAre(v1::Outcome::HELD));
  EXPECT_THAT(held.reason(), HasSubstr(kRecord.ToString()));
  EXPECT_THAT(held.what_to_do(), HasSubstr("by itself"));
  EXPECT_FALSE(world_.Load(kRecord).has_value());
  // Once more: the same answer, and nothing is done twice.
  EXPECT_EQ(Push(*b_, edit).status(), v1::Receipt::REPEAT);

  // It delays nobody, itself least.
  const Unit other = b_->Do(kFile, {Create("CaseStudy", Id(101), kStudy)});
  EXPECT_THAT(Outcome(*b_, other).words(), ElementsAre(v1::Outcome::APPLIED));

  world_.Restart();  // durable
  const uint64_t before = world_.Head();
  EXPECT_EQ(Push(*a_, creation).status(), v1::Receipt::STORED);
  EXPECT_EQ(world_.Head(), before + 2) << "both in one commit";
  EXPECT_THAT(Titles(), ElementsAre("B's"));
  const v1::Outcome final = Outcome(*b_, edit);
  EXPECT_THAT(final.words(), ElementsAre(v1::Outcome::APPLIED));
  EXPECT_EQ(final.sequence(), before + 2);
  EXPECT_THAT(Outcome(*a_, creation).words(), ElementsAre(v1::Outcome::APPLIED));
  EXPECT_EQ(a_->rows(), b_->rows());

  // Exactly one, whoever offers what again.
  EXPECT_EQ(Push(*b_, edit).status(), v1::Receipt::REPEAT);
  EXPECT_EQ(Push(*a_, creation).status(), v1::Receipt::REPEAT);
  EXPECT_EQ(LinesOf(edit.changes[0].id), 1u);
  EXPECT_EQ(world_.Head(), before + 2);
  ExpectWholeHistory();
}

TEST_F(Held, AnEditWithoutBasesWaitsForItsRecordToo) {
  const Unit edit = b_->Prepare(
      kFile, {Edit("CaseStudy", kRecord, R"({"situation": "walks there every day"})", {})});
  EXPECT_EQ(Push(*b_, edit).status(), v1::Receipt::STORED);
  EXPECT_THAT(Outcome(*b_, edit).words(), ElementsAre(v1::Outcome::HELD));
  EXPECT_EQ(Push(*a_, Creation()).status(), v1::Receipt::STORED);
  EXPECT_THAT(Outcome(*b_, edit).words(), ElementsAre(v1::Outcome::APPLIED));
}

TEST_F(Held, WhatStandsOnAHeldChangeIsHeldAndReleasedAfterIt) {
  const Unit creation = Creation();
  const Unit first = EditOf({creation.changes[0].id});
  const Unit second = EditOf({first.changes[0].id}, R"({"title": "B's later"})");
  EXPECT_EQ(Push(*b_, first).status(), v1::Receipt::STORED);
  EXPECT_EQ(Push(*b_, second).status(), v1::Receipt::STORED);
  EXPECT_THAT(Outcome(*b_, second).words(), ElementsAre(v1::Outcome::HELD));
  EXPECT_EQ(Push(*a_, creation).status(), v1::Receipt::STORED);
  EXPECT_THAT(Outcome(*b_, first).words(), ElementsAre(v1::Outcome::APPLIED));
  EXPECT_THAT(b_->OutcomeOf(second).words(), ElementsAre(v1::Outcome::APPLIED));
  EXPECT_THAT(Titles(), ElementsAre("B's later"));
  EXPECT_FALSE(Must(Must(world_.tenant().store().Read())->AnyHeld()));
}

TEST_F(Held, AReleasedUnitMayBeRefused) {
  const Unit creation = a_->Prepare(kFile, {Create("CaseStudy", kRecord, R"({"status": "OPEN"})")});
  const Unit wrong =
      b_->Prepare(kFile, {Edit("RiskAssessment", kRecord, R"({"category": "garden"})", {})});
  EXPECT_EQ(Push(*b_, wrong).status(), v1::Receipt::STORED);
  EXPECT_THAT(Outcome(*b_, wrong).words(), ElementsAre(v1::Outcome::HELD));
  EXPECT_EQ(Push(*a_, creation).status(), v1::Receipt::STORED) << "nobody's fault but B's";
  const v1::Outcome refused = Outcome(*b_, wrong);
  EXPECT_THAT(refused.words(), ElementsAre(v1::Outcome::REJECTED));
  EXPECT_THAT(refused.reason(), HasSubstr("kind"));
  EXPECT_EQ(LinesOf(wrong.changes[0].id), 1u);
}

TEST_F(Held, AWithdrawalEndsIt) {
  const Unit creation = Creation();
  const Unit edit = EditOf({creation.changes[0].id});
  EXPECT_EQ(Push(*b_, edit).status(), v1::Receipt::STORED);
  const Unit withdrawal = Withdrawal(edit.changes[0].id, "the tablet is lost");
  EXPECT_EQ(Push(*b_, withdrawal).status(), v1::Receipt::STORED);
  const v1::Outcome outcome = Outcome(*b_, edit);
  EXPECT_THAT(outcome.words(), ElementsAre(v1::Outcome::WITHDRAWN));
  EXPECT_EQ(outcome.reason(), "the tablet is lost");
  EXPECT_THAT(b_->OutcomeOf(withdrawal).words(), ElementsAre(v1::Outcome::APPLIED));
  EXPECT_EQ(Push(*b_, withdrawal).status(), v1::Receipt::REPEAT);
  // It does not come to life when the record arrives after all.
  EXPECT_EQ(Push(*a_, creation).status(), v1::Receipt::STORED);
  EXPECT_THAT(Outcome(*b_, edit).words(), ElementsAre(v1::Outcome::WITHDRAWN));
  EXPECT_THAT(Titles(), ElementsAre("To the newsagent"));
  EXPECT_EQ(LinesOf(edit.changes[0].id), 1u);
  ExpectWholeHistory();
}

TEST_F(Held, AWithdrawalThatComesTooLateIsRefused) {
  const Unit creation = Creation();
  const Unit edit = EditOf({creation.changes[0].id});
  EXPECT_EQ(Push(*b_, edit).status(), v1::Receipt::STORED);
  EXPECT_EQ(Push(*a_, creation).status(), v1::Receipt::STORED);
  const v1::Outcome late = Outcome(*b_, [&] {
    const Unit withdrawal = Withdrawal(edit.changes[0].id, "too late");
    EXPECT_EQ(Push(*b_, withdrawal).status(), v1::Receipt::STORED);
    return withdrawal;
  }());
  EXPECT_THAT(late.words(), ElementsAre(v1::Outcome::REJECTED));
  EXPECT_THAT(late.what_to_do(), HasSubstr("correct it"));
  EXPECT_THAT(b_->OutcomeOf(edit).words(), ElementsAre(v1::Outcome::APPLIED));
}

TEST_F(Held, NobodyElseMayWithdrawIt) {
  const Unit creation = Creation();
  const Unit edit = EditOf({creation.changes[0].id});
  EXPECT_EQ(Push(*b_, edit).status(), v1::Receipt::STORED);
  ChangeData change;
  change.record = kRecord;
  change.kind = KindNumber("CaseStudy");
  change.resolves = Resolves{edit.changes[0].id, "I would rather not"};
  const Unit theirs = a_->Do(kFile, {change});
  EXPECT_THAT(Outcome(*a_, theirs).words(), ElementsAre(v1::Outcome::REJECTED));
  EXPECT_THAT(Outcome(*b_, edit).words(), ElementsAre(v1::Outcome::HELD));
}

TEST_F(Held, WhatStandsInItsPlaceEndsIt) {
  const Unit creation = Creation();
  const Unit edit = EditOf({creation.changes[0].id});
  EXPECT_EQ(Push(*b_, edit).status(), v1::Receipt::STORED);
  ChangeData again = Create("CaseStudy", kRecord, R"({"title": "recorded again"})");
  again.resolves = Resolves{edit.changes[0].id, ""};
  const Unit fixed = b_->Do(kFile, {again});
  const v1::Outcome outcome = Outcome(*b_, edit);
  EXPECT_THAT(outcome.words(), ElementsAre(v1::Outcome::WITHDRAWN));
  EXPECT_THAT(outcome.reason(), HasSubstr(fixed.changes[0].id.ToString()));
  EXPECT_THAT(b_->OutcomeOf(fixed).words(), ElementsAre(v1::Outcome::APPLIED));
  EXPECT_THAT(Titles(), ElementsAre("recorded again"));
}

TEST_F(Held, AnEditOfARecordWhoseCreationWasRefusedIsRefused) {
  // Refused whole because of the second change.
  b_->Do(kFile, {Create("CaseStudy", kRecord, kStudy),
                 Edit("RiskAssessment", Id(99), R"({"category": "x"})", {})});
  const Unit edit = EditOf({});
  EXPECT_EQ(Push(*b_, edit).status(), v1::Receipt::STORED);
  EXPECT_THAT(Outcome(*b_, edit).words(), ElementsAre(v1::Outcome::REJECTED));
}

TEST_F(Held, ARecordThatOneMayNotSeeIsAnsweredLikeNone) {
  auto south = world_.NewDevice("south");
  south->Do(Id(2), {Create("CaseStudy", Id(500), kStudy)});
  const auto answer = [&](const Uuid& record) {
    const Unit unit = b_->Do(kFile, {Edit("CaseStudy", record, R"({"title": "x"})", {})});
    return Outcome(*b_, unit);
  };
  const v1::Outcome elsewhere = answer(Id(500));
  const v1::Outcome nowhere = answer(Id(501));
  EXPECT_THAT(elsewhere.words(), ElementsAre(v1::Outcome::HELD));
  EXPECT_THAT(nowhere.words(), ElementsAre(v1::Outcome::HELD));
  EXPECT_EQ(elsewhere.what_to_do(), nowhere.what_to_do());
}

// What a step of a status follows cannot be told when the backup lacks it: it is taken on trust.
// What it can be told of is checked as ever.
TEST_F(Held, AStepThatStandsOnWhatTheBackupLacksIsNotChecked) {
  const Unit proposed = a_->Do(
      kFile, {Create("Arrangement", Id(300), R"({"what": "shopping", "status": "PROPOSED"})")});
  const ChangeId lost{a_->incarnation, 50};
  const auto step = [&](const ChangeId& base) {
    const Unit unit =
        b_->Do(kFile, {Edit("Arrangement", Id(300), R"({"status": "ACTIVE"})", {base})});
    return Outcome(*b_, unit).words(0);
  };
  EXPECT_EQ(step(proposed.changes[0].id), v1::Outcome::REJECTED);
  EXPECT_NE(step(lost), v1::Outcome::REJECTED);
}

// No restore: a device names others' changes only after it was told of them, so its program is
// faulty. That must not keep its outbox from draining.
TEST_F(Held, ABaseThatNobodyHasHeardOfIsNamed) {
  World world;
  auto a = world.NewDevice("north");
  auto b = world.NewDevice("north");
  a->Do(kFile, {Create("CaseStudy", kRecord, kStudy)});
  const Unit theirs = b->Prepare(kFile, {Create("CaseStudy", Id(7), kStudy)});
  const ChangeId unseen = theirs.changes[0].id;
  const Unit edit = a->Prepare(kFile, {Edit("CaseStudy", kRecord, R"({"title": "x"})", {unseen})});
  EXPECT_EQ(Must(a->Push({edit}))[0].status(), v1::Receipt::STORED);
  a->Pull();
  EXPECT_THAT(a->OutcomeOf(edit).words(), ElementsAre(v1::Outcome::HELD));
  EXPECT_THAT(a->OutcomeOf(edit).reason(), HasSubstr(unseen.ToString()));
  EXPECT_EQ(Must(b->Push({theirs}))[0].status(), v1::Receipt::STORED);
  a->Pull();
  EXPECT_THAT(a->OutcomeOf(edit).words(), ElementsAre(v1::Outcome::MERGED));
}

}  // namespace
}  // namespace doorstep::server
