// A record that was hidden as wrong is taken off all replicas, and given back; nothing is lost.
#include "server/withdrawal.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/admin.h"
#include "server/record_history.h"
#include "sync/base/limits.h"
#include "sync/change/digest.h"
#include "sync/change/pack.h"
#include "sync/change/row_codec.h"
#include "sync/merge/marks.h"
#include "sync/sqlite/database.h"
#include "tests/server/world.h"

namespace doorstep::server {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Uuid kFile = Id(1);
const Uuid kRecord = Id(100);

class WithdrawalTest : public ::testing::Test {
 protected:
  WithdrawalTest() {
    a_->Do(kFile, {Create("Person", kFile, R"({"name":"Peter"})")});
    first_ = a_->Do(
        kFile, {Create("CaseStudy", kRecord, R"({"title":"Gwen's","barriers":["STAFFING"]})")});
    a_->Pull();
    b_->Pull();
  }

  // As its author's device has it.
  Unit Hide(TestDevice& device, const Uuid& record, const std::string& reason = "Gwen's") {
    return world_.Hide(record, device, reason);
  }
  absl::StatusOr<uint64_t> Withdraw(const Uuid& record = kRecord) {
    auto write = Must(world_.tenant().store().Write());
    const absl::StatusOr<uint64_t> done = WithdrawRecord(record, Now("about Gwen"), *write);
    if (done.ok()) Must(write->Commit());
    return done;
  }
  absl::StatusOr<uint64_t> GiveBack(const Uuid& record = kRecord) {
    auto write = Must(world_.tenant().store().Write());
    const absl::StatusOr<uint64_t> done = GiveBackRecord(record, Now("it was his"), *write);
    if (done.ok()) Must(write->Commit());
    return done;
  }
  Deed Now(const std::string& reason) { return {world_.clock().Read().wall_ms, "L Ward", reason}; }
  Unit Retitled(TestDevice& device, const Uuid& file = kFile) {
    return device.Prepare(
        file, {Edit("CaseStudy", kRecord, R"({"title":"his"})", {first_.changes[0].id})});
  }
  int64_t Count(const std::string& sql) {
    return Must(Must(Database::Open(world_.path() + "/tenants/default.db", {}))->QueryInt(sql));
  }
  std::vector<QuarantineRow> Kept() {
    return Must(Must(world_.tenant().store().Read())->Quarantine(0, 100));
  }

  World world_;
  std::unique_ptr<TestDevice> a_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> b_ = world_.NewDevice("north");
  Unit first_;
};

TEST_F(WithdrawalTest, OnlyWhatIsHiddenAndOnlyOnce) {
  EXPECT_EQ(Withdraw().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Withdraw(Id(999)).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(GiveBack().status().code(), absl::StatusCode::kAlreadyExists);
  Hide(*a_, kRecord);
  Must(Withdraw().status());
  EXPECT_EQ(Withdraw().status().code(), absl::StatusCode::kAlreadyExists);
  Must(GiveBack().status());
  EXPECT_EQ(GiveBack().status().code(), absl::StatusCode::kAlreadyExists);
  // Hidden as before; and so it may be withdrawn again.
  Must(Withdraw().status());
  const auto rows = Must(Must(world_.tenant().store().Read())->WithdrawalsOf(kRecord));
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].withdrawn.by, "L Ward");
  EXPECT_EQ(rows[0].restored.reason, "it was his");
  EXPECT_EQ(rows[1].restored_sequence, 0u);
}

// TestDevice::Pull compares digests.
TEST_F(WithdrawalTest, ItLeavesEachReplicaAndComesBackAsItWas) {
  Hide(*a_, kRecord);
  b_->Pull();
  const RecordState before = b_->rows().at(kRecord);
  Must(Withdraw().status());
  for (TestDevice* device : {a_.get(), b_.get()}) {
    device->Pull();
    EXPECT_FALSE(device->rows().contains(kRecord));
    EXPECT_TRUE(device->rows().contains(kFile)) << "the rest of the file stays";
  }
  const auto fresh = world_.NewDevice("north");
  fresh->Pull();
  EXPECT_FALSE(fresh->rows().contains(kRecord));
  Must(GiveBack().status());
  for (TestDevice* device : {a_.get(), b_.get(), fresh.get()}) {
    device->Pull();
    ASSERT_TRUE(device->rows().contains(kRecord));
    RecordState now = device->rows().at(kRecord);
    EXPECT_EQ(DigestOf(now), DigestOf(before));
    for (FieldState& field : now.fields) field.sequence = before.Find(field.field)->sequence;
    EXPECT_EQ(now, before);
  }
  // From then on it is edited like any other.
  const Unit edit = Retitled(*b_);
  Must(b_->Push({edit}).status());
  b_->Pull();
  EXPECT_EQ(b_->OutcomeOf(edit).words(0), v1::Outcome::APPLIED);
}

// Withdrawn and given back between two pulls of one device: it has missed nothing.
TEST_F(WithdrawalTest, WhoHeardOfNeitherStillHasIt) {
  Hide(*a_, kRecord);
  Must(Withdraw().status());
  Must(GiveBack().status());
  b_->Pull();
  EXPECT_TRUE(b_->rows().contains(kRecord));
}

// The record in an early batch, withdrawn before the last; in a first pull and in a later one.
TEST_F(WithdrawalTest, APullThatIsUnderWayEndsWithoutIt) {
  Hide(*a_, kRecord);
  TenantsOptions options = world_.Options();
  options.pull_batch_items = 1;
  SyncCore core(options);
  for (const bool first : {true, false}) {
    // So that the record is not the last thing that is sent.
    a_->Do(kFile, {Create("CaseStudy", Id(first ? 991 : 992), R"({"title":"Later"})")});
    v1::PullRequest request;
    *request.mutable_sender() = b_->Sender();
    request.set_epoch(b_->hello.epoch());
    request.set_first(first);
    std::map<Uuid, RecordState> rows;
    bool done = false;
    const auto next = [&] {
      const v1::PullBatch batch = Must(core.Pull(request));
      v1::PullRows got;
      Must(Unpack(batch.rows(), kMaxGrpcMessageBytes, &got));
      for (int i = 0; i < got.records_size(); ++i) {
        RecordState row = Must(ReadRow(got, i));
        rows[row.id] = std::move(row);
      }
      for (const auto& gone : got.withdrawals()) rows.erase(Must(Uuid::FromBytes(gone.record())));
      *request.mutable_position() = batch.next();
      request.set_first_from(batch.first_from());
      if (batch.first_done()) {
        request.set_first(false);
        request.set_cursor(batch.first_from());
        request.clear_position();
        request.set_first_from(0);
      }
      done = batch.complete();
    };
    while (!rows.contains(kRecord)) next();
    Must(Withdraw().status());
    while (!done) next();
    EXPECT_FALSE(rows.contains(kRecord)) << first;
    EXPECT_TRUE(rows.contains(kFile));
    Must(GiveBack().status());
  }
}

TEST_F(WithdrawalTest, AnEditByWhoHadNotHeardIsKept) {
  Hide(*a_, kRecord);
  const Unit edit = Retitled(*b_);
  Must(Withdraw().status());
  const int64_t withdrawn_ms = world_.clock().Read().wall_ms;
  world_.clock().Advance(60'000);
  Must(b_->Push({edit}).status());
  b_->Pull();
  EXPECT_EQ(b_->OutcomeOf(edit).words(0), v1::Outcome::REJECTED);
  EXPECT_THAT(b_->OutcomeOf(edit).reason(), HasSubstr("withdrawn"));
  const std::vector<QuarantineRow> kept = Kept();
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(kept[0].sequence, b_->OutcomeOf(edit).sequence());
  EXPECT_EQ(kept[0].ended.time_ms, withdrawn_ms);
  // Nobody reads its history meanwhile; given back, what was refused stands there too.
  {
    auto view = Must(world_.tenant().store().Read());
    EXPECT_EQ(RecordHistory(*view, "north", kRecord, 0, 10).status().code(),
              absl::StatusCode::kNotFound);
  }
  Must(GiveBack().status());
  auto view = Must(world_.tenant().store().Read());
  const auto history = Must(RecordHistory(*view, "north", kRecord, 0, 10));
  ASSERT_EQ(history.entries_size(), 3);
  EXPECT_EQ(history.entries(2).word(), v1::Outcome::REJECTED);
  EXPECT_EQ(history.entries(2).values(), Values("CaseStudy", R"({"title":"his"})"));
  EXPECT_TRUE(HiddenBecause(*world_.Load(kRecord)).has_value());
}

// Who guesses its id from another file learns nothing.
TEST_F(WithdrawalTest, FromAnotherFileItIsAnsweredLikeAnyRecord) {
  Hide(*a_, kRecord);
  Must(Withdraw().status());
  const auto south = world_.NewDevice("south");
  south->Do(Id(2), {Create("Person", Id(2), R"({"name":"Huw"})")});
  const Unit edit = Retitled(*south, Id(2));
  Must(south->Push({edit}).status());
  south->Pull();
  EXPECT_EQ(south->OutcomeOf(edit).words(0), v1::Outcome::REJECTED);
  EXPECT_THAT(south->OutcomeOf(edit).reason(), HasSubstr("not in this file"));
  EXPECT_THAT(Kept(), IsEmpty());
}

TEST_F(WithdrawalTest, WhoIsGivenTheFileLaterIsNotGivenIt) {
  Hide(*a_, kRecord);
  Must(Withdraw().status());
  const auto south = world_.NewDevice("south");
  south->Pull();
  Must(Share(world_.tenant(), kFile, "south").status());
  south->Pull();
  EXPECT_TRUE(south->rows().contains(kFile));
  EXPECT_FALSE(south->rows().contains(kRecord));
  Must(GiveBack().status());
  south->Pull();
  EXPECT_TRUE(south->rows().contains(kRecord));
  Must(Withdraw().status());
  Must(Unshare(world_.tenant(), kFile, "south", world_.clock().Read().wall_ms).status());
  south->Pull();
  EXPECT_THAT(south->rows(), IsEmpty());
}

// No replica has the safeguard any more: what it was never assessed with is no case, here either.
TEST_F(WithdrawalTest, ItIsPartOfNoJudgement) {
  a_->Do(kFile, {Create("RiskAssessment", Id(200), R"({"hazard":"traffic"})")});
  b_->Do(kFile, {Create("Mitigation", Id(201),
                        R"({"assessment":")" + Id(200).ToString() + R"(","control":"belt"})")});
  ASSERT_EQ(Count("SELECT count(*) FROM _conflict"), 1);
  Hide(*a_, Id(201), "another's");
  ASSERT_EQ(Count("SELECT count(*) FROM _conflict"), 1);
  Must(Withdraw(Id(201)).status());
  EXPECT_EQ(Count("SELECT count(*) FROM _conflict"), 0);
  Must(GiveBack(Id(201)).status());
  EXPECT_EQ(Count("SELECT count(*) FROM _conflict"), 1);
}

// What two people disagree about in it waits for nobody while it is away.
TEST_F(WithdrawalTest, ItsOwnCasesWaitForNobody) {
  for (TestDevice* device : {a_.get(), b_.get()}) {
    device->Do(kFile, {Edit("Person", kFile,
                            device == a_.get() ? R"({"address":"1"})" : R"({"address":"2"})", {})});
  }
  ASSERT_EQ(Count("SELECT count(*) FROM _conflict"), 1);
  Hide(*a_, kFile, "registered twice");
  Must(Withdraw(kFile).status());
  EXPECT_EQ(Count("SELECT count(*) FROM _conflict"), 0);
  a_->Pull();
  EXPECT_FALSE(a_->rows().contains(kFile));
  EXPECT_TRUE(a_->rows().contains(kRecord)) << "the file is not the person's record";
  Must(GiveBack(kFile).status());
  EXPECT_EQ(Count("SELECT count(*) FROM _conflict"), 1);
}

}  // namespace
}  // namespace doorstep::server
