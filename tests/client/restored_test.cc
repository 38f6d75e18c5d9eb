// A server that was restored from an older backup: nobody's work is lost, whoever syncs first.
#include "client-lib/restored.h"

#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/admin.h"
#include "server/epoch.h"
#include "server/history.h"
#include "tests/client/device.h"
#include "tests/client/world.h"

namespace doorstep {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RestoredTest : public ::testing::Test {
 protected:
  RestoredTest() {
    // Khan's record reaches everybody, then the backup is made.
    record_ = Must(khan_.device->Add("CaseStudy", R"({"title":"first","situation":"before"})"));
    SyncAll();
    MakeBackup();
  }

  // The server is stopped for it: links are made anew.
  void MakeBackup() {
    world_.Backup();
    Relink();
  }
  void Relink() {
    for (World::Linked* each : {&khan_, &price_}) {
      each->core = std::make_unique<testing::CoreTransport>(&world_.core());
      each->link = std::make_unique<testing::FaultyTransport>(each->core.get());
    }
  }
  void SyncAll() {
    for (World::Linked* each : {&khan_, &price_, &khan_, &price_}) Must(each->Sync());
  }
  // As an operator should: the new epoch begins before anybody is served.
  void Restore(bool told = true) {
    world_.RestoreBackup();
    if (told) Must(server::BeginEpoch(world_.tenant().store(), entropy_));
    Relink();
  }
  void ExpectAgreement() {
    const Rows server = world_.ServerRows("north");
    for (World::Linked* each : {&khan_, &price_}) {
      EXPECT_EQ(World::DeviceRows(*each->device), server);
      EXPECT_EQ(World::Stored(*each->device), server);
      const auto outbox = Must(each->replica().Outbox());
      EXPECT_THAT(outbox, IsEmpty());
      EXPECT_EQ(Must(each->replica().Digest()).digest, Must(each->replica().Digest(true)).digest);
      EXPECT_TRUE(Must(each->replica().Status()).complete);
    }
    EXPECT_THAT(Must(server::VerifyHistory(*Must(world_.tenant().store().Read()))).faults,
                IsEmpty());
  }
  std::string Title(World::Linked& device) {
    return device.device->Json(record_).value("title", "");
  }

  World world_;
  SeededEntropy entropy_{77};
  World::Linked khan_ = world_.NewDevice("khan");
  World::Linked price_ = world_.NewDevice("price");
  std::string record_;
};

TEST_F(RestoredTest, WhatTheBackupLacksIsHandedOverAgain) {
  Must(khan_.device->Edit(record_, R"({"title":"second"})"));
  const std::string later = Must(price_.device->Add("CaseStudy", R"({"title":"made later"})"));
  SyncAll();
  Restore();
  // What waits is sent as ever.
  Must(khan_.device->Edit(record_, R"({"situation":"after"})"));
  SyncAll();
  ExpectAgreement();
  for (World::Linked* each : {&khan_, &price_}) {
    EXPECT_EQ(Title(*each), "second");
    EXPECT_EQ(each->device->Json(record_)["situation"], "after");
    EXPECT_EQ(each->device->Json(later)["title"], "made later");
    EXPECT_THAT(Must(each->replica().RescuedChanges()), IsEmpty());
    EXPECT_THAT(Must(each->replica().Conflicts()), IsEmpty());
  }
}

TEST_F(RestoredTest, ADeviceThatKnowsMoreTellsAServerThatDoesNotKnow) {
  Must(khan_.device->Edit(record_, R"({"title":"second"})"));
  SyncAll();
  Restore(/*told=*/false);
  EXPECT_TRUE(Must(khan_.Sync()).repaired);
  SyncAll();
  EXPECT_THAT(Must(Must(world_.tenant().store().Read())->Epochs()), SizeIs(2));
  ExpectAgreement();
  EXPECT_EQ(Title(price_), "second");
}

// Nobody told the server, and others pushed so much that no sequence gives it away: its history is
// another one.
TEST_F(RestoredTest, WhatWasOvertakenUnnoticedIsHandedOverAgain) {
  Must(khan_.device->Edit(record_, R"({"title":"second"})"));
  Must(khan_.Sync());
  Restore(/*told=*/false);
  for (int i = 0; i < 5; ++i) Must(price_.device->Add("CaseStudy", R"({"title":"price's"})"));
  Must(price_.Sync());
  EXPECT_TRUE(Must(khan_.Sync()).repaired);
  SyncAll();
  EXPECT_THAT(Must(Must(world_.tenant().store().Read())->Epochs()), SizeIs(2));
  ExpectAgreement();
  EXPECT_EQ(Title(price_), "second");
}

// Price's edit stands on Khan's, and is handed over first.
TEST_F(RestoredTest, TheOrderInWhichDevicesComeBackDoesNotMatter) {
  Must(khan_.device->Edit(record_, R"({"title":"second"})"));
  SyncAll();
  Must(price_.device->Edit(record_, R"({"title":"third"})"));
  SyncAll();
  Restore();
  Must(price_.Sync());
  EXPECT_EQ(Title(price_), "third");
  SyncAll();
  ExpectAgreement();
  for (World::Linked* each : {&khan_, &price_}) {
    EXPECT_EQ(Title(*each), "third");
    EXPECT_EQ(Must(each->replica().Get(record_)).Info().fields[0].versions.size(), 1u);
  }
}

// The same where every version stays: nobody is asked to decide between what was decided.
TEST_F(RestoredTest, AReplacedVersionDoesNotComeBackAsAConflict) {
  const std::string risk = Must(
      khan_.device->Add("RiskAssessment", R"({"residual_rating":{"likelihood":2,"severity":3}})"));
  SyncAll();
  MakeBackup();
  Must(khan_.device->Edit(risk, R"({"residual_rating":{"likelihood":4,"severity":3}})"));
  SyncAll();
  Must(price_.device->Edit(risk, R"({"residual_rating":{"likelihood":1,"severity":3}})"));
  SyncAll();
  Restore();
  Must(price_.Sync());
  SyncAll();
  ExpectAgreement();
  EXPECT_THAT(Must(khan_.replica().Conflicts()), IsEmpty());
  EXPECT_EQ(khan_.device->Json(risk)["residual_rating"]["likelihood"], 1);
}

TEST_F(RestoredTest, WhatOnlyAnotherDeviceStillHoldsIsKeptForSomebodyToLookAt) {
  Must(khan_.device->Edit(record_, R"({"title":"second"})"));
  const std::string later = Must(khan_.device->Add("CaseStudy", R"({"title":"made later"})"));
  SyncAll();
  Restore();
  Must(price_.Sync());  // Khan's tablet is lost
  EXPECT_EQ(Title(price_), "first");
  const std::vector<Rescued> rescued = Must(price_.replica().RescuedChanges());
  ASSERT_THAT(rescued, SizeIs(2));
  for (const Rescued& each : rescued) {
    EXPECT_EQ(each.author, "khan user");
    EXPECT_THAT(each.json, AnyOf(HasSubstr("second"), HasSubstr("made later")));
    EXPECT_THAT(each.record, AnyOf(record_, later));
  }
  Must(price_.replica().DismissRescued(rescued[0].change));
  EXPECT_THAT(Must(price_.replica().RescuedChanges()), SizeIs(1));
  EXPECT_TRUE(absl::IsNotFound(price_.replica().DismissRescued(rescued[0].change)));
  EXPECT_TRUE(absl::IsInvalidArgument(price_.replica().DismissRescued("x")));
  // It is found after all.
  SyncAll();
  ExpectAgreement();
  EXPECT_THAT(Must(price_.replica().RescuedChanges()), IsEmpty());
  EXPECT_EQ(Title(price_), "second");
}

// Price's edit is of a record that the backup lacks, and Khan, who made it, is away.
TEST_F(RestoredTest, AnEditOfWhatTheBackupLacksIsHeldUntilItsAuthorComesBack) {
  const std::string later = Must(khan_.device->Add("CaseStudy", R"({"title":"made later"})"));
  SyncAll();
  Must(price_.device->Edit(later, R"({"situation":"seen there"})"));
  SyncAll();
  Restore();
  const SyncResult held = Must(price_.Sync());
  EXPECT_EQ(held.held, 1u);
  EXPECT_EQ(held.waiting, 0u) << "the outbox has drained";
  const auto parked = Must(price_.replica().Outbox());
  ASSERT_THAT(parked, SizeIs(1));
  EXPECT_EQ(parked[0].state, ChangeState::kHeld);
  EXPECT_TRUE(parked[0].needs_you);
  EXPECT_THAT(parked[0].reason, HasSubstr(later));
  EXPECT_EQ(parked[0].record, later);
  EXPECT_FALSE(price_.replica().Get(later).ok())
      << "out of the fold: nobody works to half a record";
  EXPECT_EQ(World::Stored(*price_.device), World::DeviceRows(*price_.device));
  EXPECT_THAT(Must(price_.replica().ExportParked("")), SizeIs(1));
  EXPECT_EQ(Must(price_.Sync()).held, 0u) << "told once";

  Must(khan_.Sync());
  EXPECT_EQ(Must(price_.Sync()).applied, 1u);
  SyncAll();
  ExpectAgreement();
  for (World::Linked* each : {&khan_, &price_}) {
    EXPECT_EQ(each->device->Json(later)["title"], "made later");
    EXPECT_EQ(each->device->Json(later)["situation"], "seen there");
  }
}

TEST_F(RestoredTest, WhatIsHeldMayBeWithdrawn) {
  const std::string later = Must(khan_.device->Add("CaseStudy", R"({"title":"made later"})"));
  SyncAll();
  Must(price_.device->Edit(later, R"({"situation":"seen there"})"));
  SyncAll();
  Restore();
  Must(price_.Sync());
  const std::string held = Must(price_.replica().Outbox())[0].change;
  Must(price_.replica().WithdrawParked(held, "Khan's tablet is lost", {}));
  price_.link->Script({testing::Fault::kNone, testing::Fault::kDropReply});
  EXPECT_FALSE(price_.Sync().ok());
  Must(price_.Sync());
  SyncAll();
  ExpectAgreement();
  EXPECT_FALSE(khan_.device->Json(later).contains("situation"));
  for (const OwnChange& change : Must(price_.replica().Outcomes())) {
    if (change.change != held) continue;
    EXPECT_EQ(change.state, ChangeState::kWithdrawn);
    EXPECT_EQ(change.withdrawn_because, "Khan's tablet is lost");
  }
}

// Withdrawn here, and released there before the withdrawal arrived: it stands, and its author is
// told that it does.
TEST_F(RestoredTest, AWithdrawalThatComesTooLateIsSaid) {
  const std::string later = Must(khan_.device->Add("CaseStudy", R"({"title":"made later"})"));
  SyncAll();
  Must(price_.device->Edit(later, R"({"situation":"seen there"})"));
  SyncAll();
  Restore();
  Must(price_.Sync());
  const std::string held = Must(price_.replica().Outbox())[0].change;
  Must(price_.replica().WithdrawParked(held, "Khan's tablet is lost", {}));
  Must(khan_.Sync());
  Must(price_.Sync());
  EXPECT_EQ(price_.device->Json(later)["situation"], "seen there");
  const auto outbox = Must(price_.replica().Outbox());
  ASSERT_THAT(outbox, SizeIs(1));
  EXPECT_TRUE(outbox[0].withdraws);
  EXPECT_EQ(outbox[0].state, ChangeState::kRejected);
  EXPECT_EQ(outbox[0].resolves, held);
  for (const OwnChange& change : Must(price_.replica().Outcomes())) {
    EXPECT_TRUE(change.change != held || change.state == ChangeState::kApplied);
  }
}

// The server forgets what was refused and that it was withdrawn. It is told of the withdrawal
// again; what was withdrawn does not come to life, although the backup would admit it.
TEST_F(RestoredTest, WhatWasWithdrawnStaysSo) {
  // After the backup somebody else was the first to write to the file.
  const std::string file = "018f0000-0000-7000-8000-00000000aaaa";
  World::Linked south = world_.NewDevice("south", "south");
  Must(south.device->Add("CaseStudy", R"({"title":"south's"})", {.file = file}));
  Must(south.Sync());
  const std::string record =
      Must(price_.device->Add("CaseStudy", R"({"title":"refused"})", {.file = file}));
  EXPECT_EQ(Must(price_.Sync()).rejected, 1u);
  const std::string refused = Must(price_.replica().Outbox())[0].change;
  Must(price_.replica().WithdrawParked(refused, "not mine to say", {}));
  EXPECT_EQ(Must(price_.Sync()).applied, 1u);
  Restore();
  price_.link->Script({testing::Fault::kNone, testing::Fault::kDropReply});
  EXPECT_FALSE(price_.Sync().ok());
  Must(price_.Sync());
  SyncAll();
  ExpectAgreement();
  EXPECT_TRUE(absl::IsNotFound(price_.replica().Get(record).status()));
  int seen = 0;
  for (const OwnChange& change : Must(price_.replica().Outcomes())) {
    seen += change.change == refused && change.state == ChangeState::kWithdrawn ? 1 : 0;
    seen += change.resolves == refused && change.state == ChangeState::kApplied ? 1 : 0;
  }
  EXPECT_EQ(seen, 2);
}

TEST_F(RestoredTest, OutcomesAreAsTheyWere) {
  Must(khan_.device->Add("CaseStudy", R"({"title":"south's"})",
                         {.file = "018f0000-0000-7000-8000-00000000aaaa"}));
  Must(khan_.device->Edit(record_, R"({"title":"second"})"));
  SyncAll();
  const auto before = Must(khan_.replica().Outcomes());
  ASSERT_THAT(before, SizeIs(3));
  Restore();
  SyncAll();
  const auto after = Must(khan_.replica().Outcomes());
  ASSERT_EQ(after.size(), before.size());
  for (size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i].change, before[i].change);
    EXPECT_EQ(after[i].state, before[i].state);
  }
}

TEST_F(RestoredTest, TwiceAndToAnotherBackup) {
  Must(khan_.device->Edit(record_, R"({"title":"second"})"));
  Must(khan_.Sync());
  Restore();
  Must(khan_.Sync());  // Price was away: knows only the first life
  Must(price_.device->Edit(record_, R"({"situation":"away"})"));
  Restore();  // the same old backup again: the second life is unknown to it
  SyncAll();
  ExpectAgreement();
  EXPECT_EQ(Title(price_), "second");
  EXPECT_EQ(khan_.device->Json(record_)["situation"], "away");
}

TEST_F(RestoredTest, CutAnywhereItGoesOn) {
  for (int i = 0; i < 5; ++i) {
    Must(khan_.device->Add("CaseStudy", R"({"title":"more"})"));
    Must(price_.device->Edit(record_, R"({"situation":"x)" + std::to_string(i) + R"("})"));
  }
  SyncAll();
  const Rows before = world_.ServerRows("north");
  for (int cut = 1; cut <= 12; ++cut) {
    SCOPED_TRACE(cut);
    Restore();
    std::vector<testing::Fault> script(static_cast<size_t>(cut), testing::Fault::kNone);
    script.push_back(testing::Fault::kDropReply);
    khan_.link->Script(script);
    (void)khan_.Sync();  // fails where the script says, or gets through before
    khan_.link->Script({});
    SyncAll();
    ExpectAgreement();
    // Sequences are new; what stands is not.
    const Rows after = world_.ServerRows("north");
    ASSERT_EQ(after.size(), before.size());
    for (const auto& [id, row] : before) {
      ASSERT_TRUE(after.contains(id));
      ASSERT_EQ(after.at(id).fields.size(), row.fields.size());
      for (size_t f = 0; f < row.fields.size(); ++f) {
        ASSERT_EQ(after.at(id).fields[f].heads.size(), row.fields[f].heads.size());
        EXPECT_EQ(after.at(id).fields[f].heads[0].id, row.fields[f].heads[0].id);
        EXPECT_EQ(after.at(id).fields[f].heads[0].value, row.fields[f].heads[0].value);
      }
    }
  }
}

TEST_F(RestoredTest, AnotherServerIsNotARestoredOne) {
  World other(99);
  khan_.core = std::make_unique<testing::CoreTransport>(&other.core());
  khan_.link = std::make_unique<testing::FaultyTransport>(khan_.core.get());
  const Rows before = World::Stored(*khan_.device);
  Must(khan_.device->Edit(record_, R"({"title":"mine"})"));
  const absl::Status refused = khan_.Sync().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("another server"));
  EXPECT_EQ(World::Stored(*khan_.device).size(), before.size());
  EXPECT_THAT(other.ServerRows("north"), IsEmpty());
}

}  // namespace
}  // namespace doorstep
