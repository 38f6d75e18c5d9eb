// Who has seen a record: by what each device was sent and when, worked out by hand.
#include "server/record_seen.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "server/admin.h"
#include "server/epoch.h"
#include "server/withdrawal.h"
#include "sync/sqlite/database.h"
#include "tests/server/world.h"

namespace doorstep::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kTenMinutes = 600'000;
const Uuid kFile = Id(1);
const Uuid kRecord = Id(100);

class RecordSeenTest : public ::testing::Test {
 protected:
  void Later() { world_.clock().Advance(kTenMinutes); }
  int64_t Now() { return world_.clock().Read().wall_ms; }
  // By name of device: a, b (north), c (south).
  RecordSeen Seen() {
    auto view = Must(world_.tenant().store().Read());
    return Must(ReadRecordSeen(kRecord, world_.tenant().schema(), *view));
  }
  const SeenBy* Of(const RecordSeen& seen, const TestDevice& device) {
    const Uuid id = Must(Uuid::FromBytes(device.Sender().device()));
    for (const SeenBy& each : seen.devices) {
      if (each.device == id) return &each;
    }
    return nullptr;
  }

  World world_;
  std::unique_ptr<TestDevice> a_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> b_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> c_ = world_.NewDevice("south");
};

// 9:00 a writes; 9:10 b receives it; 9:20 a writes again; 9:30 b receives that. South never does.
TEST_F(RecordSeenTest, EachDeviceWithItsVersionAndItsTime) {
  const Unit first = a_->Do(kFile, {Create("CaseStudy", kRecord, R"({"title":"one"})")});
  b_->author = "J Price";
  EXPECT_EQ(Of(Seen(), *b_), nullptr);
  Later();
  b_->Pull();
  c_->Pull();
  RecordSeen seen = Seen();
  ASSERT_THAT(seen.devices, SizeIs(2));
  EXPECT_TRUE(Of(seen, *a_)->wrote);
  EXPECT_EQ(Of(seen, *a_)->first_ms, kNine);
  EXPECT_THAT(Of(seen, *a_)->people, ElementsAre("A Khan"));
  EXPECT_FALSE(Of(seen, *b_)->wrote);
  EXPECT_EQ(Of(seen, *b_)->first_ms, kNine + kTenMinutes);
  EXPECT_THAT(Of(seen, *b_)->people, IsEmpty());
  Later();
  a_->Do(kFile, {Edit("CaseStudy", kRecord, R"({"title":"two"})", {first.changes[0].id})});
  seen = Seen();
  ASSERT_THAT(seen.versions, SizeIs(2));
  EXPECT_EQ(Of(seen, *b_)->version.sequence, seen.versions[0].sequence);
  EXPECT_EQ(Of(seen, *a_)->version.sequence, seen.versions[1].sequence);
  Later();
  b_->Pull();
  b_->Do(kFile, {Create("Task", Id(300), R"({"what":"tea"})")});
  seen = Seen();
  EXPECT_EQ(Of(seen, *b_)->version.sequence, seen.versions[1].sequence);
  EXPECT_EQ(Of(seen, *b_)->first_ms, kNine + kTenMinutes);
  EXPECT_EQ(Of(seen, *b_)->last_ms, kNine + 3 * kTenMinutes);
  EXPECT_THAT(Of(seen, *b_)->people, ElementsAre("J Price"));
  EXPECT_TRUE(Of(seen, *b_)->holds);
  EXPECT_EQ(Of(seen, *c_), nullptr);
  const auto json = nlohmann::json::parse(seen.ToJson());
  EXPECT_EQ(json["devices"].size(), 2u);
  EXPECT_EQ(json["devices"][1]["version"]["by"], "A Khan");
  EXPECT_TRUE(json["withdrawn"].is_null());
}

// South is given the file at 9:10 and pulls at 9:20; it is taken at 9:30; what came after it never
// had. Only its next pull says that it has given the record up.
TEST_F(RecordSeenTest, ASiteCountsWhileItHeldTheFile) {
  const Unit first = a_->Do(kFile, {Create("CaseStudy", kRecord, R"({"title":"one"})")});
  c_->Pull();
  Later();
  Must(Share(world_.tenant(), kFile, "south").status());
  Later();
  EXPECT_EQ(Of(Seen(), *c_), nullptr);
  c_->Pull();
  Later();
  Must(Unshare(world_.tenant(), kFile, "south", Now()).status());
  a_->Do(kFile, {Edit("CaseStudy", kRecord, R"({"title":"two"})", {first.changes[0].id})});
  RecordSeen seen = Seen();
  ASSERT_NE(Of(seen, *c_), nullptr);
  EXPECT_TRUE(Of(seen, *c_)->holds);
  EXPECT_EQ(Of(seen, *c_)->first_ms, kNine + 2 * kTenMinutes);
  EXPECT_EQ(Of(seen, *c_)->version.sequence, seen.versions[0].sequence);
  Later();
  c_->Pull();
  seen = Seen();
  EXPECT_FALSE(Of(seen, *c_)->holds);
  EXPECT_EQ(Of(seen, *c_)->removed_ms, kNine + 4 * kTenMinutes);
  EXPECT_EQ(Of(seen, *c_)->version.sequence, seen.versions[0].sequence);
}

// A device of south that comes only after the file was taken has never had it.
TEST_F(RecordSeenTest, WhoComesAfterwardsHasNotSeenIt) {
  a_->Do(kFile, {Create("CaseStudy", kRecord, R"({"title":"one"})")});
  Must(Share(world_.tenant(), kFile, "south").status());
  Must(Unshare(world_.tenant(), kFile, "south", Now()).status());
  c_->Pull();
  const auto fresh = world_.NewDevice("north");
  world_.Withdraw(kRecord, *a_);
  fresh->Pull();
  const RecordSeen seen = Seen();
  EXPECT_EQ(Of(seen, *c_), nullptr);
  EXPECT_EQ(Of(seen, *fresh), nullptr);
  ASSERT_THAT(seen.devices, SizeIs(1));
}

TEST_F(RecordSeenTest, AWithdrawalIsToldToEach) {
  a_->Do(kFile, {Create("CaseStudy", kRecord, R"({"title":"one"})")});
  a_->Pull();
  b_->Pull();
  Later();
  world_.Withdraw(kRecord, *a_);
  Later();
  b_->Pull();
  RecordSeen seen = Seen();
  ASSERT_TRUE(seen.withdrawn.has_value());
  EXPECT_EQ(seen.compartment, (CompartmentId{kFile, 0})) << "where it stood";
  EXPECT_TRUE(Of(seen, *a_)->holds);
  EXPECT_FALSE(Of(seen, *b_)->holds);
  EXPECT_EQ(Of(seen, *b_)->removed_ms, kNine + 2 * kTenMinutes);
  EXPECT_THAT(seen.ToText(), HasSubstr("by L Ward: about Gwen"));
  EXPECT_THAT(seen.ToText(), HasSubstr("may have it still"));
  auto write = Must(world_.tenant().store().Write());
  Must(GiveBackRecord(kRecord, {Now(), "L Ward", "his"}, *write).status());
  Must(write->Commit());
  write = nullptr;
  seen = Seen();
  EXPECT_FALSE(seen.withdrawn.has_value());
  EXPECT_TRUE(Of(seen, *b_)->holds) << "it will have it again";
}

// The first batch of a first pull, and the link dies: it may be on the device.
TEST_F(RecordSeenTest, AFirstPullCountsFromItsBegin) {
  a_->Do(kFile, {Create("CaseStudy", kRecord, R"({"title":"one"})")});
  Must(b_->PullBatch().status());
  EXPECT_NE(Of(Seen(), *b_), nullptr);
}

// What a power cut took of the notes the device says at its next hello.
TEST_F(RecordSeenTest, AHelloSaysWhatTheNotesLack) {
  a_->Do(kFile, {Create("CaseStudy", kRecord, R"({"title":"one"})")});
  b_->Pull();
  auto db = Must(Database::Open(world_.path() + "/tenants/default.db", {}));
  Must(db->Exec("DELETE FROM _sent"));
  EXPECT_EQ(Of(Seen(), *b_), nullptr);
  Later();
  v1::HelloRequest request;
  *request.mutable_sender() = b_->Sender();
  request.set_protocol_min(1);
  request.set_protocol_max(1);
  {
    auto view = Must(world_.tenant().store().Read());
    request.set_epoch(Must(view->Epoch()));
    request.set_history_end(EncodeHistoryEnd(Must(view->HistoryEnd())));
  }
  Must(world_.core().Hello(request).status());
  ASSERT_NE(Of(Seen(), *b_), nullptr);
  EXPECT_EQ(Of(Seen(), *b_)->first_ms, kNine + kTenMinutes);
}

// A device that asks again and again is noted once.
TEST_F(RecordSeenTest, NothingNewIsNotNoted) {
  a_->Do(kFile, {Create("CaseStudy", kRecord, R"({"title":"one"})")});
  b_->Pull();
  const auto sent = [&] {
    return Must(Must(world_.tenant().store().Read())
                    ->SentTo(Must(Uuid::FromBytes(b_->Sender().device()))))
        .size();
  };
  const size_t before = sent();
  for (int i = 0; i < 3; ++i) b_->Pull();
  EXPECT_EQ(sent(), before);
}

}  // namespace
}  // namespace doorstep::server
