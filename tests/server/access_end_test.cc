// What a site's devices made before its access to a file ended is admitted when it comes; what they
// made after that is kept for those who hold the file now.
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/admin.h"
#include "server/history.h"
#include "server/record_history.h"
#include "tests/server/world.h"

namespace doorstep::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kMinute = 60'000;
const Uuid kFile = Id(1);
const Uuid kRecord = Id(100);

class AccessEndTest : public ::testing::Test {
 protected:
  AccessEndTest() {
    first_ = a_->Do(kFile, {Create("CaseStudy", kRecord, R"({"title":"first"})")});
    Must(Share(world_.tenant(), kFile, "south").status());
    a_->Pull();
    b_->Pull();
    Later();
  }

  void Later() { world_.clock().Advance(kMinute); }
  Unit Retitled(const std::string& title) {
    return a_->Prepare(kFile, {Edit("CaseStudy", kRecord, R"({"title":")" + title + R"("})",
                                    {first_.changes[0].id})});
  }
  void Take() {
    Must(Unshare(world_.tenant(), kFile, "north", world_.clock().Read().wall_ms).status());
  }
  // Pushes it, pulls; the word of its outcome.
  int WordOf(const Unit& unit) {
    const std::vector<v1::Receipt> receipts = Must(a_->Push({unit}));
    EXPECT_THAT(receipts, SizeIs(1));
    EXPECT_EQ(receipts[0].status(), v1::Receipt::STORED);
    a_->Pull();
    return a_->OutcomeOf(unit).words(0);
  }
  std::vector<QuarantineRow> Kept() {
    return Must(Must(world_.tenant().store().Read())->Quarantine(0, 100));
  }
  std::string Title() {
    const std::optional<RecordState> state = world_.Load(kRecord);
    return state->Find(FieldNumber("CaseStudy", "title"))->heads.front().value;
  }
  static std::string TitleValue(const std::string& title) {
    return Values("CaseStudy", R"({"title":")" + title + R"("})");
  }

  World world_;
  std::unique_ptr<TestDevice> a_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> b_ = world_.NewDevice("south");
  Unit first_;
};

TEST_F(AccessEndTest, WhatWasMadeBeforeIsAdmittedAndItsAuthorKept) {
  const Unit before = Retitled("before");
  Later();
  Take();
  Later();
  EXPECT_EQ(WordOf(before), v1::Outcome::APPLIED);
  EXPECT_EQ(Title(), TitleValue("before"));
  EXPECT_EQ(world_.Load(kRecord)->Find(FieldNumber("CaseStudy", "title"))->heads.front().author,
            a_->author);
  EXPECT_THAT(Kept(), IsEmpty());
  EXPECT_THAT(a_->rows(), IsEmpty()) << "and its device sees the file no more";
  b_->Pull();
  EXPECT_TRUE(b_->rows().contains(kRecord));
}

TEST_F(AccessEndTest, AtTheVeryMomentIsBefore) {
  const Unit at = Retitled("at");
  Take();
  Later();
  EXPECT_EQ(WordOf(at), v1::Outcome::APPLIED);
}

TEST_F(AccessEndTest, WhatWasMadeAfterIsKeptForThoseWhoHoldTheFileNow) {
  Take();
  Later();
  const int64_t made_ms = world_.clock().Read().wall_ms;
  const Unit after = Retitled("after");
  Later();
  EXPECT_EQ(WordOf(after), v1::Outcome::REJECTED);
  EXPECT_EQ(a_->OutcomeOf(after).time_ms(), made_ms);
  EXPECT_EQ(Title(), TitleValue("first"));
  const std::vector<QuarantineRow> kept = Kept();
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(kept[0].sequence, a_->OutcomeOf(after).sequence());
  EXPECT_EQ(kept[0].site, "north");
  EXPECT_EQ(kept[0].compartment, (CompartmentId{kFile, 0}));
  EXPECT_EQ(kept[0].ended.time_ms, made_ms - kMinute);
  auto view = Must(world_.tenant().store().Read());
  EXPECT_TRUE(Must(ReadPayload(kept[0].sequence, *view)).has_value());
  // Who holds the file sees it in the record's history, with its author.
  const auto history = Must(RecordHistory(*view, "south", kRecord, 0, 10));
  ASSERT_EQ(history.entries_size(), 2);
  EXPECT_EQ(history.entries(1).word(), v1::Outcome::REJECTED);
  EXPECT_EQ(history.entries(1).values(), TitleValue("after"));
}

// A device that says its edit is old, and that has heard of the end all the same.
TEST_F(AccessEndTest, WhoHasHeardOfTheEndMadeItAfter) {
  const Unit before = Retitled("before, it says");
  Take();
  a_->Pull();
  EXPECT_EQ(WordOf(before), v1::Outcome::REJECTED);
  EXPECT_THAT(Kept(), SizeIs(1));
}

TEST_F(AccessEndTest, AClockThatWasSetBackMakesNothingOlderThanTheLastContact) {
  Take();
  Later();
  // It has spoken with the server since, and claims to have written this last year.
  a_->sees_clock = false;
  a_->stamp = {};
  a_->stamp.wall_ms = kNine - 365LL * 24 * 60 * kMinute;
  a_->stamp.contact_ms = world_.clock().Read().wall_ms;
  EXPECT_EQ(WordOf(Retitled("long ago")), v1::Outcome::REJECTED);
  EXPECT_THAT(Kept(), SizeIs(1));
}

TEST_F(AccessEndTest, AnOutsiderIsNoFormerMember) {
  const auto east = world_.NewDevice("south");
  const Unit theirs = a_->Do(Id(7), {Create("CaseStudy", Id(700), R"({"title":"theirs"})")});
  const Unit tried = east->Do(Id(7), {Create("CaseStudy", Id(701), R"({"title":"tried"})")});
  east->Pull();
  EXPECT_EQ(east->OutcomeOf(tried).words(0), v1::Outcome::REJECTED);
  EXPECT_THAT(Kept(), IsEmpty());
}

TEST_F(AccessEndTest, ANewRecordAndANewTierOfBeforeGoToThoseWhoHoldTheFileNow) {
  const Unit before =
      a_->Prepare(kFile, {Create("CaseStudy", Id(101), R"({"title":"private"})")}, 1);
  Later();
  Take();
  EXPECT_EQ(WordOf(before), v1::Outcome::APPLIED);
  b_->Pull();
  EXPECT_TRUE(b_->rows().contains(Id(101)));
  EXPECT_THAT(a_->rows(), IsEmpty());
}

TEST_F(AccessEndTest, GivenAgainItIsAsIfItHadNeverBeenTaken) {
  Take();
  Later();
  const Unit between = Retitled("between");
  Must(Share(world_.tenant(), kFile, "north").status());
  EXPECT_EQ(WordOf(between), v1::Outcome::APPLIED);
  Take();
  Later();
  EXPECT_EQ(WordOf(Retitled("after")), v1::Outcome::REJECTED);
}

// What came before stands on nothing that came after.
TEST_F(AccessEndTest, ADependentOfWhatWasKeptIsKeptToo) {
  Take();
  Later();
  const Unit made = a_->Prepare(kFile, {Create("CaseStudy", Id(102), R"({"title":"new"})")});
  const Unit next =
      a_->Prepare(kFile, {Edit("CaseStudy", Id(102), R"({"title":"x"})", {made.changes[0].id})});
  EXPECT_EQ(WordOf(made), v1::Outcome::REJECTED);
  EXPECT_EQ(WordOf(next), v1::Outcome::REJECTED);
  EXPECT_THAT(Kept(), SizeIs(2));
  EXPECT_FALSE(world_.Load(Id(102)).has_value());
}

TEST_F(AccessEndTest, ARepeatIsKeptOnce) {
  Take();
  Later();
  const Unit after = Retitled("after");
  EXPECT_EQ(WordOf(after), v1::Outcome::REJECTED);
  EXPECT_EQ(Must(a_->Push({after}))[0].status(), v1::Receipt::REPEAT);
  EXPECT_THAT(Kept(), SizeIs(1));
}

}  // namespace
}  // namespace doorstep::server
