// Attachments whose records leave the device that made them before the server has their bytes: the
// file is taken from it, or a restored server has lost the record. The bytes stay, for nobody to
// read, until the server has them; and no longer.
#include <cstdint>
#include <filesystem>
#include <string>

#include "client-lib/attachment_rows.h"
#include "client-lib/owed.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/admin.h"
#include "server/epoch.h"
#include "tests/client/attachments.h"

namespace doorstep {
namespace {

using testing::Fault;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kMinute = 60'000;

const SyncOptions kRecordsOnly = {.attachments = {.none = true}, .progress = {}};

class KeptAttachmentsTest : public AttachmentsTest {
 protected:
  KeptAttachmentsTest() {
    Give();
    Must(south_.Sync());
    Later();
  }

  // Time passes for everybody.
  void Later(int64_t ms = kMinute) {
    world_.clock().Advance(ms);
    for (World::Linked* each : {&a_, &b_, &south_}) (*each)->clock().Advance(ms);
  }
  Uuid File() const { return Must(Uuid::Parse(person_)); }
  void Give() { Must(server::Share(world_.tenant(), File(), "south").status()); }
  void Take() {
    Must(server::Unshare(world_.tenant(), File(), "south", world_.clock().Read().wall_ms).status());
    Later();
  }
  void Backup() {
    world_.Backup();
    Relink();
  }
  void Restore() {
    world_.RestoreBackup();
    Must(server::BeginEpoch(world_.tenant().store(), entropy_).status());
    Relink();
  }
  void Relink() {
    for (World::Linked* each : {&a_, &b_, &south_}) each->core->set_core(&world_.core());
  }

  // Neither record nor bytes can be had.
  static void ExpectUnreadable(World::Linked& device, const std::string& record) {
    EXPECT_EQ(FindAttachment(device.replica(), record).status().code(),
              absl::StatusCode::kNotFound);
    EXPECT_EQ(ReadAttachment(device.replica(), record, 0, 10).status().code(),
              absl::StatusCode::kNotFound);
    EXPECT_EQ(AskForAttachment(device.replica(), record).code(), absl::StatusCode::kNotFound);
    for (const AttachmentInfo& info : Must(ListAttachments(device.replica()))) {
      EXPECT_NE(info.record, record);
    }
  }
  // Nothing of it is left, and nothing is waited for.
  void ExpectGone(World::Linked& device, absl::string_view bytes) {
    EXPECT_FALSE(Keeps(device, bytes));
    EXPECT_THAT(Must(client::ListOwed(device->store())), IsEmpty());
    EXPECT_EQ(Must(device.replica().Status()).attachments_waiting, 0u);
    const std::string log = device->directory() + "/attachments.db-wal";
    EXPECT_EQ(std::filesystem::file_size(log), 0u);
  }
  // As when the program is started again after a week.
  static void CollectAWeekLater(World::Linked& device) {
    device->clock().Advance(7 * kDayMs);
    device->Reopen();
    Must(client::CollectAttachments(device->store(), device->clock(), device->entropy()));
  }
  void ExpectArrived(const std::string& record) {
    Must(a_.Sync());
    EXPECT_EQ(ReadAll(a_, record), photo_);
  }

  SeededEntropy entropy_{77};
  World::Linked south_ = world_.NewDevice("s", "south");
};

// Record, outcome and loss come in one sync: the bytes follow in the same.
TEST_F(KeptAttachmentsTest, TakenBeforeAnythingWasSent) {
  const std::string id = Attach(south_, photo_);
  Later();
  Take();
  EXPECT_EQ(ReadAll(south_, id), photo_) << "nobody has told it yet";
  const SyncResult result = Must(south_.Sync());
  EXPECT_EQ(result.applied, 1u);
  EXPECT_EQ(result.totals.attachment_bytes_sent, photo_.size());
  ExpectUnreadable(south_, id);
  ExpectGone(south_, photo_);
  ExpectArrived(id);
}

TEST_F(KeptAttachmentsTest, TakenBetweenTheRecordAndItsBytes) {
  const std::string id = Attach(south_, photo_);
  Must(south_.replica().Sync(*south_.link, kRecordsOnly).status());
  Take();
  Must(south_.replica().Sync(*south_.link, kRecordsOnly).status());
  ExpectUnreadable(south_, id);
  EXPECT_TRUE(Keeps(south_, photo_));
  const ReplicaStatus status = Must(south_.replica().Status());
  EXPECT_EQ(status.attachments_waiting, 1u);
  EXPECT_EQ(status.attachment_bytes_waiting, photo_.size());
  CollectAWeekLater(south_);
  EXPECT_TRUE(Keeps(south_, photo_));
  Must(south_.Sync());
  ExpectGone(south_, photo_);
  ExpectArrived(id);
}

TEST_F(KeptAttachmentsTest, TakenHalfwayItGoesOnWhereItWas) {
  const std::string id = Attach(south_, photo_);
  SyncOptions little;
  little.attachments.budget_bytes = 50'000;
  Must(south_.replica().Sync(*south_.link, little).status());
  Take();
  // The link goes with each second chunk.
  int cuts = 0;
  for (int sync = 0; Keeps(south_, photo_); ++sync) {
    ASSERT_LT(sync, 30);
    const int puts = south_.link->puts();
    south_.link->Decide(
        [&] { return south_.link->puts() - puts < 1 ? Fault::kNone : Fault::kDropReply; });
    if (!south_.Sync().ok()) ++cuts;
    ExpectUnreadable(south_, id);
    south_->Reopen();
  }
  EXPECT_GE(cuts, 2);
  south_.link->Decide(nullptr);
  Must(south_.Sync());
  ExpectGone(south_, photo_);
  // The server had what each lost answer was about: nothing went twice.
  EXPECT_EQ(south_.link->chunk_bytes(), photo_.size());
  ExpectArrived(id);
}

TEST_F(KeptAttachmentsTest, WhatWasConfirmedGoesWithItsRecord) {
  const std::string id = Attach(south_, photo_);
  Must(south_.Sync());
  const int puts = south_.link->puts();
  Take();
  Must(south_.Sync());
  EXPECT_EQ(south_.link->puts(), puts);
  ExpectUnreadable(south_, id);
  ExpectGone(south_, photo_);
}

// What was made after the end is refused, and so are its bytes: they have no place anywhere.
TEST_F(KeptAttachmentsTest, WhatIsRefusedTakesItsBytesWithIt) {
  Take();
  const std::string id = Attach(south_, photo_);
  Later();
  EXPECT_EQ(Must(south_.Sync()).rejected, 1u);
  EXPECT_EQ(south_.link->puts(), 0);
  ExpectUnreadable(south_, id);
  ExpectGone(south_, photo_);
}

TEST_F(KeptAttachmentsTest, GivenAgainItIsReadAgain) {
  const std::string id = Attach(south_, photo_);
  Take();
  Must(south_.replica().Sync(*south_.link, kRecordsOnly).status());
  ExpectUnreadable(south_, id);
  Give();
  Must(south_.replica().Sync(*south_.link, kRecordsOnly).status());
  EXPECT_EQ(ReadAll(south_, id), photo_);
  Must(south_.Sync());
  EXPECT_TRUE(Info(south_, id).at_server);
  CollectAWeekLater(south_);
  EXPECT_EQ(ReadAll(south_, id), photo_);
  EXPECT_THAT(Must(client::ListOwed(south_->store())), IsEmpty());
}

// Two records of one photograph, of which only one was in time: it is owed for that one.
TEST_F(KeptAttachmentsTest, OneOfTwoRecordsIsEnough) {
  const std::string before = Attach(south_, photo_);
  Later();
  Take();
  Attach(south_, photo_, "again");
  const SyncResult result = Must(south_.Sync());
  EXPECT_EQ(result.applied, 1u);
  EXPECT_EQ(result.rejected, 1u);
  ExpectGone(south_, photo_);
  ExpectArrived(before);
}

// The server that is back from a backup never had the record, and the device has it no more.
TEST_F(KeptAttachmentsTest, WhatTheServerWillNeverTakeGoes) {
  Take();
  Backup();
  Give();
  Must(south_.Sync());
  Later();
  const std::string id = Attach(south_, photo_);
  Take();
  Must(south_.replica().Sync(*south_.link, kRecordsOnly).status());
  ASSERT_THAT(Must(client::ListOwed(south_->store())), SizeIs(1));
  Restore();
  // While the record is held there (for another that is to come back) its bytes are wanted yet.
  Must(south_->db().Exec("UPDATE _outbox SET words = x'04' WHERE unit = (SELECT unit FROM _owed)"));
  Must(south_.Sync());
  EXPECT_TRUE(Keeps(south_, photo_));
  Must(south_->db().Exec("UPDATE _outbox SET words = x'01' WHERE unit = (SELECT unit FROM _owed)"));
  Must(south_.Sync());
  ExpectUnreadable(south_, id);
  ExpectGone(south_, photo_);
}

// A restored server has lost a record of others; the bytes that only this device still has stay
// until its author's has handed it over again, and then go to the server.
TEST_F(KeptAttachmentsTest, WhatARestoredServerLostStaysUntilTheRecordIsBack) {
  Backup();
  const std::string id = Attach(a_, photo_);
  Must(a_.Sync());
  Must(b_.Sync());
  Restore();
  EXPECT_TRUE(Must(b_.Sync()).repaired);
  ExpectUnreadable(b_, id);
  EXPECT_THAT(Must(b_.replica().RescuedChanges()), SizeIs(1));
  EXPECT_TRUE(Keeps(b_, photo_));
  CollectAWeekLater(b_);
  EXPECT_TRUE(Keeps(b_, photo_));

  Must(a_.replica().Sync(*a_.link, kRecordsOnly).status());
  const int puts = a_.link->puts();
  const SyncResult result = Must(b_.Sync());
  EXPECT_EQ(result.totals.attachment_bytes_received, 0u);
  EXPECT_EQ(result.totals.attachment_bytes_sent, photo_.size());
  EXPECT_EQ(ReadAll(b_, id), photo_);
  EXPECT_TRUE(Info(b_, id).at_server);
  Must(a_.Sync());
  EXPECT_EQ(a_.link->puts(), puts) << "the server had it from the other";
}

TEST_F(KeptAttachmentsTest, WhatWasRescuedGoesWhenItIsDismissed) {
  Backup();
  Attach(a_, photo_);
  Must(a_.Sync());
  Must(b_.Sync());
  Restore();
  Must(b_.Sync());
  EXPECT_TRUE(Keeps(b_, photo_));
  for (const Rescued& rescued : Must(b_.replica().RescuedChanges())) {
    Must(b_.replica().DismissRescued(rescued.change));
  }
  CollectAWeekLater(b_);
  EXPECT_FALSE(Keeps(b_, photo_));
}

}  // namespace
}  // namespace doorstep
