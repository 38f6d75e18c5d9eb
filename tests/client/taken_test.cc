// A file is taken from a device that has work in it: nothing that was not handed over is dropped,
// and once it was, nothing of it stays.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client-lib/session.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/admin.h"
#include "sync/base/file.h"
#include "tests/client/world.h"

namespace doorstep {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using testing::Fault;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kMinute = 60'000;

class TakenTest : public ::testing::Test {
 protected:
  TakenTest() {
    id_ = Must(a_->Add("Person", R"({"name":"Mary","gp":"Dr Lee"})", {.file = "new"}));
    Must(a_.Sync());
    Must(server::Share(world_.tenant(), Must(Uuid::Parse(id_)), "south").status());
    Must(south_.Sync());
    Later();
  }

  // Time passes for everybody.
  void Later() {
    world_.clock().Advance(kMinute);
    a_->clock().Advance(kMinute);
    south_->clock().Advance(kMinute);
  }
  void Take() {
    Must(server::Unshare(world_.tenant(), Must(Uuid::Parse(id_)), "south",
                         world_.clock().Read().wall_ms)
             .status());
  }
  void GiveAgain() {
    Must(server::Share(world_.tenant(), Must(Uuid::Parse(id_)), "south").status());
  }
  bool IsInTheFiles(const std::string& words) {
    std::string bytes;
    for (const char* file : {"/replica.db", "/replica.db-wal"}) {
      bytes += ReadFile(south_->directory() + file).value_or("");
    }
    return bytes.find(words) != std::string::npos;
  }
  bool Shows(World::Linked& device) { return device.replica().Get(id_).ok(); }

  World world_;
  World::Linked a_ = world_.NewDevice("a");
  // A plain one shows it: who has the key of an encrypted one sees as much.
  World::Linked south_ = world_.NewDevice("s", "south", "plain");
  std::string id_;
};

TEST_F(TakenTest, WhatWasWrittenBeforeIsAdmittedThenThePersonGoes) {
  Must(south_->Edit(id_, R"({"gp":"Dr Qzxray"})"));
  Later();
  Take();
  Later();
  EXPECT_TRUE(Shows(south_)) << "nobody has told it yet";
  EXPECT_EQ(Must(south_.Sync()).applied, 1u);
  EXPECT_FALSE(Shows(south_));
  EXPECT_FALSE(IsInTheFiles("Qzxray"));
  EXPECT_THAT(Must(south_.replica().Outbox()), IsEmpty());
  EXPECT_THAT(Must(south_.replica().Outcomes()),
              Contains(AllOf(Field(&OwnChange::state, ChangeState::kApplied),
                             Field(&OwnChange::record, ""))));
  Must(a_.Sync());
  EXPECT_EQ(a_->Json(id_)["gp"], "Dr Qzxray");
  EXPECT_THAT(Must(a_.replica().History(id_, a_.link.get())),
              Contains(Field(&HistoryLine::state, ChangeState::kApplied)));
}

TEST_F(TakenTest, WhatWasWrittenAfterGoesToThoseWhoHoldTheFileNow) {
  Take();
  Later();
  Must(south_->Edit(id_, R"({"gp":"Dr Qzxray"})"));
  Later();
  EXPECT_EQ(Must(south_.Sync()).rejected, 1u);
  EXPECT_FALSE(Shows(south_));
  EXPECT_FALSE(IsInTheFiles("Qzxray"));
  EXPECT_EQ(Must(south_.replica().Status()).needs_you, 0u) << "it is with others now";
  const auto outcomes = Must(south_.replica().Outcomes());
  ASSERT_THAT(outcomes, SizeIs(1));
  EXPECT_EQ(outcomes[0].state, ChangeState::kRejected);
  EXPECT_FALSE(outcomes[0].reason.empty());
  Must(a_.Sync());
  EXPECT_EQ(a_->Json(id_)["gp"], "Dr Lee");
  EXPECT_THAT(Must(a_.replica().History(id_, a_.link.get())),
              Contains(AllOf(Field(&HistoryLine::state, ChangeState::kRejected),
                             Field(&HistoryLine::json, R"({"gp":"Dr Qzxray"})"))));
}

// The loss is applied in a sync that could not hand everything over: what is left stays until it
// could, and counts as made when it was.
TEST_F(TakenTest, WhatHasNotBeenHandedOverStaysThroughTheLoss) {
  Take();
  Later();
  GiveAgain();
  Must(south_.Sync());
  Must(south_->Edit(id_, R"({"gp":"Dr Qzxray"})"));
  Later();
  Take();
  auto session = Must(client::Session::Start(south_->store(), south_->directory(), south_->clock(),
                                             south_->entropy(), *south_.link));
  ASSERT_TRUE(Must(session->Step())) << "hello";
  // Written while the sync runs: the next one hands it over.
  Must(south_->Edit(id_, R"({"preferred_name":"Qzxmay"})"));
  while (Must(session->Step())) {
  }
  session.reset();
  EXPECT_FALSE(IsInTheFiles("Dr Lee")) << "of others nothing stays";
  EXPECT_TRUE(Shows(south_)) << "own words stay until they are handed over";
  EXPECT_EQ(south_->Json(id_), nlohmann::json({{"preferred_name", "Qzxmay"}}));
  EXPECT_EQ(Must(south_.replica().Status()).waiting, 1u);
  EXPECT_EQ(World::Stored(*south_.device), World::Refolded(*south_.device));
  south_.link->Script({Fault::kNone, Fault::kDropRequest});
  EXPECT_FALSE(south_.Sync().ok());
  EXPECT_TRUE(Shows(south_));
  EXPECT_EQ(Must(south_.Sync()).applied, 1u) << "made at the moment of the end: not after it";
  EXPECT_FALSE(Shows(south_));
  EXPECT_FALSE(IsInTheFiles("Qzxmay"));
  Must(a_.Sync());
  EXPECT_EQ(a_->Json(id_)["preferred_name"], "Qzxmay");
}

TEST_F(TakenTest, WhatWasRefusedThereGoesToo) {
  const std::string theirs = Must(a_->Add("Person", R"({"name":"Gwen"})", {.file = "new"}));
  Must(a_.Sync());
  Must(south_->Add("Person", R"({"name":"Qzxidris"})", {.file = theirs}));
  EXPECT_EQ(Must(south_.Sync()).rejected, 1u);
  EXPECT_EQ(Must(south_.replica().Status()).needs_you, 1u) << "never theirs: it waits for somebody";
  EXPECT_TRUE(IsInTheFiles("Qzxidris"));
  const Uuid file = Must(Uuid::Parse(theirs));
  Must(server::Share(world_.tenant(), file, "south").status());
  Must(south_.Sync());
  Must(server::Unshare(world_.tenant(), file, "south", world_.clock().Read().wall_ms).status());
  Must(south_.Sync());
  EXPECT_EQ(Must(south_.replica().Status()).needs_you, 0u);
  EXPECT_FALSE(IsInTheFiles("Qzxidris"));
}

TEST_F(TakenTest, GivenAgainEverythingIsThereAgain) {
  Must(south_->Edit(id_, R"({"gp":"Dr Ray"})"));
  Take();
  Must(south_.Sync());
  EXPECT_FALSE(Shows(south_));
  GiveAgain();
  Must(south_.Sync());
  EXPECT_EQ(south_->Json(id_)["gp"], "Dr Ray");
  Must(south_->Edit(id_, R"({"gp":"Dr May"})"));
  EXPECT_EQ(Must(south_.Sync()).applied, 1u);
  EXPECT_THAT(Must(south_.replica().Outcomes()), SizeIs(2));
  EXPECT_EQ(Must(south_.replica().Digest()).digest, Must(south_.replica().Digest(true)).digest);
}

}  // namespace
}  // namespace doorstep
