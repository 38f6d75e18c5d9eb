// What a device receives, in which pieces.
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/admin.h"
#include "sync/base/limits.h"
#include "sync/change/pack.h"
#include "tests/server/world.h"

namespace doorstep::server {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kStudy[] = R"({"title": "To the newsagent"})";

class Pull : public ::testing::Test {
 protected:
  // A record that takes about 50 kB, so that a batch holds five.
  void AddLarge(TestDevice& device, const Uuid& file, uint64_t id) {
    device.Do(file,
              {Create("CaseStudy", Id(id),
                      absl::StrCat(R"({"situation": ")", std::string(50'000, 'x'), R"("})"))});
  }

  static v1::PullRows RowsOf(const v1::PullBatch& batch) {
    v1::PullRows rows;
    Must(Unpack(batch.rows(), kMaxGrpcMessageBytes, &rows));
    return rows;
  }

  World world_;
  std::unique_ptr<TestDevice> a_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> b_ = world_.NewDevice("north");
  std::unique_ptr<TestDevice> other_ = world_.NewDevice("south");
};

TEST_F(Pull, NothingToDoIsOneSmallBatch) {
  for (uint64_t file = 1; file <= 20; ++file) {
    a_->Do(Id(file), {Create("CaseStudy", Id(100 + file), kStudy)});
  }
  a_->Pull();
  v1::PullRequest request = a_->NextPull();
  request.set_with_compartment_digests(false);
  const v1::PullBatch batch = Must(world_.core().Pull(request));
  EXPECT_TRUE(batch.complete());
  EXPECT_EQ(batch.remaining(), 0u);
  EXPECT_LT(batch.ByteSizeLong() + request.ByteSizeLong(), 500u);
  EXPECT_THAT(RowsOf(batch).records(), IsEmpty());
}

TEST_F(Pull, OnlyChangedFieldsAreSent) {
  const Unit create =
      a_->Do(Id(1), {Create("CaseStudy", Id(100), R"({"title": "a", "situation": "long story"})")});
  b_->Pull();
  a_->Do(Id(1), {Edit("CaseStudy", Id(100), R"({"title": "b"})", {create.changes[0].id})});
  const v1::PullBatch batch = Must(b_->PullBatch());
  const v1::PullRows rows = RowsOf(batch);
  ASSERT_THAT(rows.records(), SizeIs(1));
  EXPECT_EQ(rows.records(0).values(), Values("CaseStudy", R"({"title": "b"})"));
  EXPECT_TRUE(batch.complete());
}

TEST_F(Pull, ARecordComesOnceHoweverOftenItChanged) {
  ChangeId base = a_->Do(Id(1), {Create("CaseStudy", Id(100), kStudy)}).changes[0].id;
  b_->Pull();
  for (int i = 0; i < 50; ++i) {
    base = a_->Do(Id(1),
                  {Edit("CaseStudy", Id(100), absl::StrCat("{\"title\": \"", i, "\"}"), {base})})
               .changes[0]
               .id;
  }
  const uint64_t before = b_->records_received();
  b_->Pull();
  EXPECT_EQ(b_->records_received(), before + 1);
}

TEST_F(Pull, BatchesAreBounded) {
  for (uint64_t id = 100; id < 130; ++id) AddLarge(*a_, Id(1), id);
  for (const bool first : {true, false}) {
    TestDevice& device = first ? *b_ : *a_;
    int batches = 0;
    uint64_t remaining = 1000;
    while (true) {
      const v1::PullBatch batch = Must(device.PullBatch());
      EXPECT_LE(batch.rows().raw_size(), kMaxPullBatchBytes + 1024);
      if (batch.complete()) break;
      if (!batch.first_done()) {
        EXPECT_LT(batch.remaining(), remaining);
        EXPECT_GT(batch.remaining(), 0u);
        remaining = batch.remaining();
      }
      ++batches;
    }
    EXPECT_GE(batches, 5);
    EXPECT_THAT(device.rows(), SizeIs(30));
  }
}

TEST_F(Pull, ACutFirstPullGoesOnFromWhatItHas) {
  for (uint64_t id = 100; id < 130; ++id) AddLarge(*a_, Id(1 + id % 3), id);
  Must(b_->PullBatch());
  Must(b_->PullBatch());
  const uint64_t received = b_->records_received();
  EXPECT_GT(received, 5u);
  world_.Restart();
  b_->Pull();
  EXPECT_EQ(b_->records_received(), 30u);
}

TEST_F(Pull, WhatChangesDuringAFirstPullArrives) {
  std::vector<ChangeId> ids;
  for (uint64_t id = 100; id < 120; ++id) AddLarge(*a_, Id(1), id);
  Must(b_->PullBatch());
  // One that was sent, one that was not, a new one, a new file.
  a_->Do(Id(1), {Edit("CaseStudy", Id(100), R"({"title": "sent"})", {}),
                 Edit("CaseStudy", Id(119), R"({"title": "unsent"})", {}),
                 Create("CaseStudy", Id(150), kStudy)});
  a_->Do(Id(2), {Create("CaseStudy", Id(160), kStudy)});
  b_->Pull();
  a_->Pull();
  EXPECT_EQ(a_->rows(), b_->rows());
  EXPECT_THAT(b_->rows(), SizeIs(22));
}

TEST_F(Pull, ACompartmentThatIsSharedArrivesWhole) {
  const Unit old = other_->Do(Id(5), {Create("CaseStudy", Id(200), kStudy)});
  a_->Do(Id(1), {Create("CaseStudy", Id(100), kStudy)});
  a_->Pull();
  EXPECT_THAT(a_->rows(), SizeIs(1));
  EXPECT_EQ(Must(Share(world_.tenant(), Id(5), "north")), 1);
  other_->Do(Id(5), {Create("CaseStudy", Id(201), kStudy),
                     Edit("CaseStudy", Id(200), R"({"learning": "x"})", {})});
  a_->Pull();
  EXPECT_THAT(a_->rows(), SizeIs(3));
}

TEST_F(Pull, ASharedCompartmentMayComeInPieces) {
  for (uint64_t id = 200; id < 230; ++id) AddLarge(*other_, Id(5), id);
  a_->Pull();
  EXPECT_EQ(Must(Share(world_.tenant(), Id(5), "north")), 1);
  const v1::PullBatch first = Must(a_->PullBatch());
  EXPECT_FALSE(first.complete());
  EXPECT_GT(first.remaining(), 10u);
  other_->Do(Id(5), {Edit("CaseStudy", Id(200), R"({"title": "sent"})", {}),
                     Edit("CaseStudy", Id(229), R"({"title": "unsent"})", {})});
  world_.Restart();
  a_->Pull();
  other_->Pull();
  EXPECT_EQ(a_->rows(), other_->rows());
}

TEST_F(Pull, ALossTakesEverythingAlsoWhatIsOnItsWay) {
  for (uint64_t id = 200; id < 220; ++id) AddLarge(*other_, Id(5), id);
  a_->Pull();
  EXPECT_EQ(Must(Share(world_.tenant(), Id(5), "north")), 1);
  Must(a_->PullBatch());
  EXPECT_THAT(a_->rows(), ::testing::Not(IsEmpty()));
  EXPECT_EQ(Must(Unshare(world_.tenant(), Id(5), "north", kNine)), 1);
  const v1::PullBatch batch = Must(a_->PullBatch());
  EXPECT_THAT(RowsOf(batch).records(), IsEmpty());
  EXPECT_TRUE(batch.complete());
  EXPECT_THAT(a_->rows(), IsEmpty());
}

TEST_F(Pull, LostAndGivenAgainArrivesWhole) {
  other_->Do(Id(5), {Create("CaseStudy", Id(200), kStudy)});
  EXPECT_EQ(Must(Share(world_.tenant(), Id(5), "north")), 1);
  a_->Pull();
  EXPECT_EQ(Must(Unshare(world_.tenant(), Id(5), "north", kNine)), 1);
  EXPECT_EQ(Must(Share(world_.tenant(), Id(5), "north")), 1);
  other_->Do(Id(5), {Create("CaseStudy", Id(201), kStudy)});
  a_->Pull();
  EXPECT_THAT(a_->rows(), SizeIs(2));
}

TEST_F(Pull, AFirstPullThatLosesAndRegainsACompartmentIsRight) {
  for (uint64_t id = 200; id < 220; ++id) AddLarge(*other_, Id(5), id);
  EXPECT_EQ(Must(Share(world_.tenant(), Id(5), "north")), 1);
  Must(a_->PullBatch());
  EXPECT_EQ(Must(Unshare(world_.tenant(), Id(5), "north", kNine)), 1);
  Must(a_->PullBatch());
  EXPECT_EQ(Must(Share(world_.tenant(), Id(5), "north")), 1);
  a_->Pull();
  other_->Pull();
  EXPECT_EQ(a_->rows(), other_->rows());
}

TEST_F(Pull, AFirstPullTellsWhatTheSiteHasLostAndDoesNotHold) {
  for (const uint64_t file : {5, 6, 7}) {
    other_->Do(Id(file), {Create("CaseStudy", Id(200 + file), kStudy)});
    EXPECT_EQ(Must(Share(world_.tenant(), Id(file), "north")), 1);
    EXPECT_EQ(Must(Unshare(world_.tenant(), Id(file), "north", kNine)), 1);
  }
  EXPECT_EQ(Must(Share(world_.tenant(), Id(6), "north")), 1);
  std::set<Uuid> taken;
  bool done = false;
  for (int batches = 0; !done && batches < 20; ++batches) {
    const v1::PullBatch batch = Must(a_->PullBatch());
    const v1::PullRows rows = RowsOf(batch);
    for (const v1::Membership& membership : rows.memberships()) {
      if (!membership.taken()) continue;
      const auto place = static_cast<int>(membership.compartment());
      EXPECT_TRUE(taken.insert(Must(Uuid::FromBytes(rows.compartments(place).file()))).second);
    }
    done = batch.first_done();
  }
  EXPECT_TRUE(done);
  EXPECT_THAT(taken, ::testing::UnorderedElementsAre(Id(5), Id(7)));
  a_->Pull();
  EXPECT_THAT(a_->rows(), SizeIs(1));
}

TEST_F(Pull, OthersRecordsNeverCome) {
  other_->Do(Id(5), {Create("CaseStudy", Id(200), kStudy)});
  other_->Do(Id(5), {Create("CaseStudy", Id(201), kStudy)}, 2);
  a_->Pull();
  EXPECT_THAT(a_->rows(), IsEmpty());
  EXPECT_THAT(a_->outcomes(), IsEmpty());
}

TEST_F(Pull, APullFromZeroWithoutAFirstOneWorksToo) {
  for (uint64_t id = 100; id < 110; ++id) AddLarge(*a_, Id(1), id);
  v1::PullRequest request = b_->NextPull();
  request.set_first(false);
  uint64_t records = 0;
  while (true) {
    const v1::PullBatch batch = Must(world_.core().Pull(request));
    records += static_cast<uint64_t>(RowsOf(batch).records_size());
    if (batch.complete()) break;
    *request.mutable_position() = batch.next();
  }
  EXPECT_EQ(records, 10u);
}

TEST_F(Pull, AReplicaThatIsAheadIsToldSo) {
  a_->Do(Id(1), {Create("CaseStudy", Id(100), kStudy)});
  a_->Pull();
  v1::PullRequest request = a_->NextPull();
  request.set_cursor(world_.Head() + 1);
  const auto ahead = world_.core().Pull(request);
  EXPECT_EQ(ahead.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(ahead.status().message(), HasSubstr("PullRequest.cursor"));
  request = a_->NextPull();
  request.set_epoch(request.epoch() + 1);
  EXPECT_EQ(world_.core().Pull(request).status().code(), absl::StatusCode::kFailedPrecondition);
  request = a_->NextPull();
  request.mutable_position()->set_sequence(world_.Head() + 1);
  EXPECT_EQ(world_.core().Pull(request).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(Pull, AnyPositionIsAnswered) {
  for (uint64_t id = 100; id < 104; ++id) a_->Do(Id(1), {Create("CaseStudy", Id(id), kStudy)});
  a_->Pull();
  const uint64_t kMax = INT64_MAX;
  for (const uint64_t sequence : {uint64_t{0}, uint64_t{1}, world_.Head()}) {
    for (const uint32_t stage : {0, 1, 2, 9}) {
      for (const uint64_t rest : {uint64_t{0}, uint64_t{1}, kMax}) {
        v1::PullRequest request = a_->NextPull();
        request.set_cursor(0);
        v1::Position* position = request.mutable_position();
        position->set_sequence(sequence);
        position->set_stage(stage);
        position->set_compartment(rest);
        position->set_inner(rest);
        position->set_row(rest);
        EXPECT_TRUE(world_.core().Pull(request).ok());
      }
    }
  }
}

// Seeded work of two sites with sharing and unsharing, pulled in pieces at any moment: at each
// checkpoint rows and digests are the server's (TestDevice checks the digest), and no device holds
// what its site may not see.
class RandomWork : public ::testing::TestWithParam<uint64_t> {};

TEST_P(RandomWork, EndsInTheSameRows) {
  SCOPED_TRACE(absl::StrCat("seed ", GetParam()));
  World world;
  SeededEntropy random(GetParam());
  std::vector<std::unique_ptr<TestDevice>> devices;
  for (const char* site : {"north", "north", "south", "south"}) {
    devices.push_back(world.NewDevice(site));
  }
  uint64_t next_record = 1000;
  std::vector<std::pair<Uuid, Uuid>> records;  // file, id
  for (int step = 0; step < 150; ++step) {
    TestDevice& device = *devices[random.Below(devices.size())];
    const Uuid file = Id(1 + random.Below(5));
    switch (random.Below(8)) {
      case 0:
      case 1: {
        const Uuid id = Id(next_record++);
        const std::string text(random.Below(40'000), 'x');
        Must(device.Push({device.Prepare(
            file, {Create("CaseStudy", id, absl::StrCat(R"({"situation": ")", text, "y\"}"))},
            static_cast<uint8_t>(random.Below(3)))}));
        records.emplace_back(file, id);
        break;
      }
      case 2:
      case 3: {
        if (records.empty()) break;
        const auto& [in, id] = records[random.Below(records.size())];
        Must(device.Push({device.Prepare(
            in, {Edit("CaseStudy", id, absl::StrCat("{\"title\": \"", step, "\"}"), {})},
            static_cast<uint8_t>(random.Below(3)))}));
        break;
      }
      case 4:
        (void)Share(world.tenant(), file, random.Below(2) == 0 ? "north" : "south");
        break;
      case 5:
        (void)Unshare(world.tenant(), file, random.Below(2) == 0 ? "north" : "south",
                      world.clock().Read().wall_ms);
        break;
      case 6:
        Must(device.PullBatch());
        break;
      default:
        if (random.Below(10) == 0) device.Reset();
        device.Pull();
        break;
    }
    world.clock().Advance(static_cast<int64_t>(random.Below(100)));
  }
  for (size_t i = 0; i < devices.size(); ++i) {
    devices[i]->Pull();
    for (const auto& [id, state] : devices[i]->rows()) EXPECT_EQ(world.Load(id), state);
    const auto fresh = world.NewDevice(i < 2 ? "north" : "south");
    fresh->Pull();
    EXPECT_EQ(fresh->rows(), devices[i]->rows());
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomWork, ::testing::Range<uint64_t>(1, 31));

}  // namespace
}  // namespace doorstep::server
