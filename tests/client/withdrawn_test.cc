// A record that does not belong on this device is taken off it, with what was written in it here,
// and comes back when it is given back.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client-lib/edits.h"
#include "client-lib/session.h"
#include "doorstep/why.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/withdrawal.h"
#include "sync/base/file.h"
#include "tests/client/world.h"

namespace doorstep {
namespace {

using ::testing::Contains;
using testing::Fault;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class WithdrawnTest : public ::testing::Test {
 protected:
  WithdrawnTest() {
    peter_ = Must(a_->Add("Person", R"({"name":"Peter"})", {.file = "new"}));
    id_ = Must(a_->Add("CaseStudy", R"({"title":"Qzxgwen","situation":"Qzxknee is worse"})",
                       {.file = peter_}));
    SyncBoth();
  }

  void SyncBoth() {
    for (int round = 0; round < 2; ++round) {
      Must(a_.Sync().status());
      Must(b_.Sync().status());
    }
    Same();
  }
  // Rows are what the server has, and what is shown follows from them.
  void Same() {
    for (World::Linked* device : {&a_, &b_}) {
      EXPECT_EQ(World::DeviceRows(*device->device), world_.ServerRows("north"));
      EXPECT_EQ(World::Stored(*device->device), World::Refolded(*device->device));
    }
  }
  void HideAndSync(const std::string& id) {
    const OpenRecord opened = Must(a_.replica().Get(id));
    Must(a_.replica().Transact({}, [&](Edits& edits) { return edits.Hide(opened, "Gwen's"); }));
    Must(a_.Sync().status());
  }
  void Withdraw(const std::string& id) {
    auto write = Must(world_.tenant().store().Write());
    Must(server::WithdrawRecord(Must(Uuid::Parse(id)), {kNine, "L Ward", "about Gwen"}, *write)
             .status());
    Must(write->Commit());
  }
  void GiveBack(const std::string& id) {
    auto write = Must(world_.tenant().store().Write());
    Must(server::GiveBackRecord(Must(Uuid::Parse(id)), {kNine, "L Ward", "it was his"}, *write)
             .status());
    Must(write->Commit());
  }
  static bool IsInTheFiles(World::Linked& device, const std::string& words) {
    std::string bytes;
    for (const char* file : {"/replica.db", "/replica.db-wal"}) {
      bytes += ReadFile(device->directory() + file).value_or("");
    }
    return bytes.find(words) != std::string::npos;
  }
  bool Shows(World::Linked& device) { return device.replica().Get(id_).ok(); }
  std::vector<std::string> Why(World::Linked& device) {
    std::vector<std::string> codes;
    for (const WhyReason& reason : Must(doorstep::Why(device.replica(), id_)).reasons) {
      codes.push_back(reason.code);
    }
    return codes;
  }

  World world_;
  // Plain ones show what is left: who has the key of an encrypted one sees as much.
  World::Linked a_ = world_.NewDevice("a", "north", "plain");
  World::Linked b_ = world_.NewDevice("b", "north", "plain");
  std::string peter_;
  std::string id_;
};

TEST_F(WithdrawnTest, NothingOfItStaysAndItComesBack) {
  HideAndSync(id_);
  SyncBoth();
  for (World::Linked* device : {&a_, &b_}) {
    EXPECT_TRUE(IsInTheFiles(*device, "Qzxgwen"));
    SearchOptions hidden;
    hidden.hidden = true;
    EXPECT_THAT(Must(device->replica().Search("qzxknee", hidden)), SizeIs(1));
  }
  Withdraw(id_);
  SyncBoth();
  for (World::Linked* device : {&a_, &b_}) {
    EXPECT_FALSE(Shows(*device));
    EXPECT_TRUE(device->replica().Get(peter_).ok()) << "the rest of the file stays";
    SearchOptions hidden;
    hidden.hidden = true;
    EXPECT_THAT(Must(device->replica().Search("qzxknee", hidden)), IsEmpty());
    for (const char* words : {"Qzxgwen", "Qzxknee", "qzxgwen", "qzxknee"}) {
      EXPECT_FALSE(IsInTheFiles(*device, words)) << device->device->name() << " " << words;
    }
    EXPECT_THAT(Why(*device), Contains("TAKEN_OFF"));
  }
  GiveBack(id_);
  SyncBoth();
  for (World::Linked* device : {&a_, &b_}) {
    EXPECT_TRUE(Shows(*device));
    EXPECT_EQ((*device)->Json(id_)["title"], "Qzxgwen");
    EXPECT_THAT(Why(*device), ::testing::Not(Contains("TAKEN_OFF")));
  }
  Must(b_->Edit(id_, R"({"title":"Peter's after all"})"));
  EXPECT_EQ(Must(b_.Sync()).applied, 1u);
}

// The other units of the file stay, whole: what names the file does not touch the record.
TEST_F(WithdrawnTest, OfAPersonTheRecordAloneGoes) {
  HideAndSync(peter_);
  Withdraw(peter_);
  SyncBoth();
  for (World::Linked* device : {&a_, &b_}) {
    EXPECT_FALSE(device->replica().Get(peter_).ok());
    EXPECT_TRUE(Shows(*device));
  }
  const std::vector<OwnChange> own = Must(a_.replica().Outcomes());
  EXPECT_THAT(own, Contains(Field(&OwnChange::record, id_)));
  EXPECT_THAT(own, ::testing::Not(Contains(Field(&OwnChange::record, peter_))));
}

// B edits it offline. Its edit is kept on the server, and does not stay here.
TEST_F(WithdrawnTest, WhatWasWrittenUnheardIsHandedOverAndKept) {
  HideAndSync(id_);
  Must(b_->Edit(id_, R"({"title":"Qzxlate"})"));
  Withdraw(id_);
  EXPECT_TRUE(Shows(b_)) << "nobody has told it yet";
  const SyncResult result = Must(b_.Sync());
  EXPECT_EQ(result.rejected, 1u);
  EXPECT_FALSE(Shows(b_));
  EXPECT_FALSE(IsInTheFiles(b_, "Qzxlate"));
  EXPECT_EQ(Must(b_.replica().Status()).needs_you, 0u) << "it is with others now";
  const auto kept = Must(Must(world_.tenant().store().Read())->Quarantine(0, 10));
  EXPECT_THAT(kept, SizeIs(1));
  SyncBoth();
  GiveBack(id_);
  SyncBoth();
  EXPECT_THAT(Must(a_.replica().History(id_, a_.link.get())),
              Contains(Field(&HistoryLine::state, ChangeState::kRejected)));
}

// The removal comes in a sync that could not hand everything over: own words stay until it could.
TEST_F(WithdrawnTest, WhatHasNotBeenHandedOverStaysThroughTheRemoval) {
  HideAndSync(id_);
  Must(b_.Sync().status());
  Withdraw(id_);
  auto session = Must(
      client::Session::Start(b_->store(), b_->directory(), b_->clock(), b_->entropy(), *b_.link));
  ASSERT_TRUE(Must(session->Step())) << "hello";
  Must(b_->Edit(id_, R"({"title":"Qzxlate"})"));
  while (Must(session->Step())) {
  }
  session.reset();
  EXPECT_FALSE(IsInTheFiles(b_, "Qzxgwen")) << "of others nothing stays";
  EXPECT_EQ(b_->Json(id_), nlohmann::json({{"title", "Qzxlate"}}));
  EXPECT_EQ(World::Stored(*b_.device), World::Refolded(*b_.device));
  b_.link->Script({Fault::kNone, Fault::kDropRequest});
  EXPECT_FALSE(b_.Sync().ok());
  EXPECT_TRUE(Shows(b_));
  EXPECT_EQ(Must(b_.Sync()).rejected, 1u);
  EXPECT_FALSE(Shows(b_));
  EXPECT_FALSE(IsInTheFiles(b_, "Qzxlate"));
  SyncBoth();
}

// What somebody did not hear of for long: the record was withdrawn, given back, and withdrawn.
TEST_F(WithdrawnTest, OnlyTheLastWordCounts) {
  HideAndSync(id_);
  Withdraw(id_);
  Must(a_.Sync().status());
  GiveBack(id_);
  Must(b_.Sync().status());
  EXPECT_TRUE(Shows(b_));
  Withdraw(id_);
  SyncBoth();
  EXPECT_FALSE(Shows(a_));
  EXPECT_FALSE(Shows(b_));
  GiveBack(id_);
  SyncBoth();
  EXPECT_TRUE(Shows(a_));
  EXPECT_TRUE(Shows(b_));
}

// A program that knows nothing of withdrawals finds by its digest that it has too much.
TEST_F(WithdrawnTest, WhoDoesNotUnderstandItIsRepaired) {
  HideAndSync(id_);
  SyncBoth();
  Withdraw(id_);
  Must(b_.Sync().status());
  ASSERT_FALSE(Shows(b_));
  // As if b had passed the line over: the row is put back beside what it should have.
  GiveBack(id_);
  Must(b_.Sync().status());
  const RecordState row = World::DeviceRows(*b_.device).at(Must(Uuid::Parse(id_)));
  Withdraw(id_);
  Must(b_.Sync().status());
  {
    client::Write write = Must(client::Write::Begin(b_->store()));
    Must(b_->store().tables().Insert(row).status());
    DigestLedger ledger;
    ledger.Replace(nullptr, &row);
    Must(ledger.Flush(b_->store().tables()));
    Must(write.Commit());
  }
  ASSERT_TRUE(Shows(b_));
  for (int i = 0; i < 3; ++i) Must(b_.Sync().status());
  EXPECT_FALSE(Shows(b_));
  EXPECT_FALSE(IsInTheFiles(b_, "Qzxgwen"));
  Must(a_.Sync().status());
  Same();
}

}  // namespace
}  // namespace doorstep
