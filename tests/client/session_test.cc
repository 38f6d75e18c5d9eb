// A sync, exchange by exchange, against the real server in the same process.
#include "client-lib/session.h"

#include <algorithm>
#include <string>

#include "absl/strings/cord.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/admin.h"
#include "sync/base/file.h"
#include "sync/base/link_limits.h"
#include "sync/change/pack.h"
#include "tests/client/world.h"

namespace doorstep {
namespace {

using ::testing::Each;
using testing::Fault;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SessionTest : public ::testing::Test {
 protected:
  // The device's rows equal the server's, and so do the digests, stored and computed.
  void ExpectInStep(World::Linked& device, const std::string& site = "north") {
    EXPECT_EQ(World::DeviceRows(*device.device), world_.ServerRows(site));
    EXPECT_EQ(World::Stored(*device.device), World::Refolded(*device.device));
    EXPECT_EQ(Must(device.replica().Digest(false)).digest,
              Must(device.replica().Digest(true)).digest);
  }

  World world_;
};

TEST_F(SessionTest, ChangesReachTheServerAndAnotherDevice) {
  auto a = world_.NewDevice("a");
  auto b = world_.NewDevice("b");
  const std::string id = Must(a->Add("Person", R"({"name":"Peter","allergies":["nuts"]})"));
  const SyncResult sent = Must(a.Sync());
  EXPECT_EQ(sent.applied, 1u);
  EXPECT_EQ(sent.waiting, 0u);
  EXPECT_EQ(sent.totals.changes_sent, 1u);
  EXPECT_FALSE(sent.repaired);
  ExpectInStep(a);
  EXPECT_THAT(Must(a.replica().Outbox()), IsEmpty());
  const OwnChange own = Must(a.replica().Outcomes())[0];
  EXPECT_EQ(own.state, ChangeState::kApplied);
  EXPECT_TRUE(own.sent);
  EXPECT_GT(own.sequence, 0u);
  EXPECT_GT(own.admitted_time_ms, 0);

  Must(b.Sync());
  EXPECT_EQ(b->Json(id)["name"], "Peter");
  ExpectInStep(b);
  const ReplicaStatus status = Must(b.replica().Status());
  EXPECT_TRUE(status.complete);
  EXPECT_EQ(status.up_to_date_at_ms, kNine);
  EXPECT_EQ(Must(a.replica().Digest()).digest, Must(b.replica().Digest()).digest);
}

TEST_F(SessionTest, ASyncWithNothingToDoIsOneRoundTripAfterHello) {
  auto a = world_.NewDevice("a");
  Must(a->Add("Person", R"({"name":"Peter"})"));
  Must(a.Sync());
  const int batches = a.link->batches();
  const int pushes = a.link->pushes();
  const SyncResult idle = Must(a.Sync());
  EXPECT_EQ(a.link->batches(), batches + 1);
  EXPECT_EQ(a.link->pushes(), pushes);
  EXPECT_LT(idle.totals.bytes_sent + idle.totals.bytes_received, 1000u);
}

TEST_F(SessionTest, ConcurrentReviewsBecomeAConflictOnBoth) {
  auto a = world_.NewDevice("a");
  auto b = world_.NewDevice("b");
  const std::string id =
      Must(a->Add("RiskAssessment", R"({"residual_rating":{"likelihood":2,"severity":3}})"));
  Must(a.Sync());
  Must(b.Sync());
  Must(a->Edit(id, R"({"residual_rating":{"likelihood":1,"severity":3}})"));
  Must(b->Edit(id, R"({"residual_rating":{"likelihood":4,"severity":3}})"));
  EXPECT_EQ(Must(a.Sync()).applied, 1u);
  EXPECT_EQ(Must(b.Sync()).conflict, 1u);
  Must(a.Sync());
  for (auto* device : {&a, &b}) {
    const auto conflicts = Must(device->replica().Conflicts());
    ASSERT_THAT(conflicts, SizeIs(1));
    EXPECT_THAT(conflicts[0].versions, SizeIs(2));
    EXPECT_EQ(nlohmann::json::parse(conflicts[0].until_decided_json)["likelihood"], 4);
    EXPECT_EQ(conflicts[0].due_ms - conflicts[0].opened_ms, 24 * 3600 * 1000);
    EXPECT_TRUE(conflicts[0].safety);
    ExpectInStep(*device);
  }
  const std::string case_id = Must(a.replica().Conflicts())[0].case_id;
  EXPECT_EQ(Must(a.replica().FindConflict(case_id.substr(0, 6))).case_id, case_id);
  EXPECT_EQ(a.replica().FindConflict("zz").status().code(), absl::StatusCode::kInvalidArgument);
  Decision decision;
  decision.mode = Decision::Mode::kNewValue;
  decision.json = R"({"likelihood":2,"severity":3})";
  decision.reason = "agreed with Peter";
  Must(b->Settle(case_id, decision));
  Must(b.Sync());
  Must(a.Sync());
  EXPECT_THAT(Must(a.replica().Conflicts()), IsEmpty());
  EXPECT_EQ(a->Json(id)["residual_rating"]["likelihood"], 2);
  ExpectInStep(a);

  const auto history = Must(a.replica().History(id, a.link.get()));
  ASSERT_THAT(history, SizeIs(4));
  EXPECT_THAT(history, Each(Field(&HistoryLine::from_server, true)));
  EXPECT_EQ(history[3].settled, "agreed with Peter");
  EXPECT_EQ(history[3].device, "b");
}

// The form was opened before two versions stood, and is saved when this device shows both.
TEST_F(SessionTest, AFormOpenedBeforeAConflictReplacesNoVersionOfIt) {
  auto a = world_.NewDevice("a");
  auto b = world_.NewDevice("b");
  const std::string id = Must(a->Add("Person", R"({"address":"1 High St"})"));
  Must(a.Sync());
  Must(b.Sync());
  Must(a->Edit(id, R"({"address":"2 High St"})"));
  const OpenRecord form = Must(a.replica().Get(id));
  Must(b->Edit(id, R"({"address":"3 High St","gp":"Dr Lee"})"));
  Must(b.Sync());
  Must(a.Sync());
  const absl::Status refused = a.replica().Transact(
      {}, [&](Edits& edits) { return edits.UpdateJson(form, R"({"address":"4 High St"})"); });
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(std::string(refused.GetPayload("doorstep/case").value_or(absl::Cord())),
            Must(a.replica().Conflicts())[0].case_id);
  // Other fields stay free.
  Must(a.replica().Transact(
      {}, [&](Edits& edits) { return edits.UpdateJson(form, R"({"gp":"Dr Roy"})"); }));
}

TEST_F(SessionTest, PendingChangesStayOnTopOfWhatArrives) {
  auto a = world_.NewDevice("a");
  auto b = world_.NewDevice("b");
  const std::string id = Must(a->Add("Person", R"({"name":"Peter","gp":"Dr Lee"})"));
  Must(a.Sync());
  Must(b.Sync());
  Must(b->Edit(id, R"({"gp":"Dr Jones"})"));
  Must(b.Sync());
  Must(a->Edit(id, R"({"name":"Pete"})"));
  // The push is lost; the pull is not.
  a.link->Script({Fault::kNone, Fault::kDropRequest});
  EXPECT_EQ(a.Sync().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(a->Json(id), nlohmann::json::parse(R"({"name":"Pete","gp":"Dr Lee"})"));
  // An author whom the server refuses to hear still receives.
  Must(a.Sync());
  EXPECT_EQ(a->Json(id), nlohmann::json::parse(R"({"name":"Pete","gp":"Dr Jones"})"));
  ExpectInStep(a);
}

TEST_F(SessionTest, ALostReceiptIsAskedForAgain) {
  auto a = world_.NewDevice("a");
  Must(a->Add("Person", R"({"name":"Peter"})"));
  a.link->Script({Fault::kNone, Fault::kDropReply});
  EXPECT_EQ(a.Sync().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(Must(a.replica().Outbox())[0].sent);
  const SyncResult result = Must(a.Sync());
  EXPECT_EQ(result.applied, 1u);
  EXPECT_EQ(result.waiting, 0u);
  ExpectInStep(a);
}

// A first pull moves the cursor before its outcomes are applied; a cut between the two must not
// send everything again.
TEST_F(SessionTest, WhatHasAnOutcomeOnTheWayIsNotSentAgain) {
  auto a = world_.NewDevice("a");
  Must(a->Add("Person", R"({"name":"Peter"})"));
  a.link->Script({Fault::kNone, Fault::kNone, Fault::kNone, Fault::kDropRequest});
  EXPECT_EQ(a.Sync().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(a.link->batches(), 1);
  const int pushes = a.link->pushes();
  const SyncResult result = Must(a.Sync());
  EXPECT_EQ(a.link->pushes(), pushes);
  EXPECT_EQ(result.applied, 1u);
  EXPECT_EQ(result.waiting, 0u);
  ExpectInStep(a);
}

TEST_F(SessionTest, APushThatArrivesTwiceTakesEffectOnce) {
  auto a = world_.NewDevice("a");
  Must(a->Add("Person", R"({"name":"Peter"})"));
  a.link->Script({Fault::kNone, Fault::kTwice});
  EXPECT_EQ(Must(a.Sync()).applied, 1u);
  EXPECT_THAT(world_.ServerRows("north"), SizeIs(1));
}

TEST_F(SessionTest, AReceiptWithoutOutcomeIsNotSentAgain) {
  auto a = world_.NewDevice("a");
  Must(a->Add("Person", R"({"name":"Peter"})"));
  a.link->Script({Fault::kNone, Fault::kNone, Fault::kDropReply});
  EXPECT_EQ(a.Sync().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(Must(a.replica().Outbox())[0].sent);
  const int pushes = a.link->pushes();
  EXPECT_EQ(Must(a.Sync()).applied, 1u);
  EXPECT_EQ(a.link->pushes(), pushes);
}

TEST_F(SessionTest, AFirstPullThatIsCutGoesOnWhereItWas) {
  auto a = world_.NewDevice("a");
  const std::string prose(20'000, 'x');
  for (int i = 0; i < 60; ++i) {
    Must(a->Add("CaseStudy", R"({"title":"t","situation":")" + prose + R"("})"));
  }
  Must(a.Sync());
  auto b = world_.NewDevice("b");
  b.link->CutPullsAfter(1);
  EXPECT_EQ(b.Sync().status().code(), absl::StatusCode::kUnavailable);
  ReplicaStatus status = Must(b.replica().Status());
  EXPECT_FALSE(status.complete);
  EXPECT_GT(status.records, 0u);
  EXPECT_GT(status.expected_records, status.records);
  for (int i = 0; i < 20 && !b.Sync().ok(); ++i) {
    b->Reopen();
  }
  EXPECT_TRUE(Must(b.replica().Status()).complete);
  ExpectInStep(b);
  // Each record came once; the last pull, from K0, brought none again.
  EXPECT_EQ(b.link->records(), 60u);
}

TEST_F(SessionTest, ANormalPullIsAppliedAsOneAfterAnyNumberOfCuts) {
  auto a = world_.NewDevice("a");
  auto b = world_.NewDevice("b");
  Must(b.Sync());
  const std::string prose(20'000, 'x');
  for (int i = 0; i < 60; ++i) {
    Must(a->Add("CaseStudy", R"({"title":"t","situation":")" + prose + R"("})"));
  }
  Must(a.Sync());
  b.link->CutPullsAfter(1);
  int cuts = 0;
  while (!b.Sync().ok()) {
    ASSERT_LT(++cuts, 20);
    EXPECT_THAT(World::Stored(*b.device), IsEmpty());
    b->Reopen();
  }
  EXPECT_GT(cuts, 2);
  ExpectInStep(b);
  EXPECT_EQ(b->Rows("SELECT count(*) FROM _staged")[0][0], 0);
}

TEST_F(SessionTest, OutcomesOfWhatWasSentBeforeTheFirstPullArrive) {
  auto a = world_.NewDevice("a");
  for (int i = 0; i < 5; ++i) Must(a->Add("Person", R"({"name":"Peter"})", {.file = "new"}));
  // Sent, and cut before the first pull.
  a.link->Script({Fault::kNone, Fault::kNone, Fault::kDropRequest});
  EXPECT_FALSE(a.Sync().ok());
  auto b = world_.NewDevice("b");
  Must(b->Add("Person", R"({"name":"Mary"})"));
  Must(b.Sync());
  EXPECT_EQ(Must(a.Sync()).applied, 5u);
  ExpectInStep(a);
}

TEST_F(SessionTest, ARefusedChangeIsParkedAndLeavesTheRow) {
  auto a = world_.NewDevice("a");
  auto south = world_.NewDevice("s", "south");
  const std::string theirs = Must(south->Add("Person", R"({"name":"Mary"})", {.file = "new"}));
  const std::string file = Must(south.replica().Get(theirs)).Info().file;
  Must(south.Sync());
  const std::string id = Must(a->Add("Person", R"({"name":"Peter"})", {.file = file}));
  const SyncResult result = Must(a.Sync());
  EXPECT_EQ(result.rejected, 1u);
  EXPECT_EQ(result.waiting, 0u);
  EXPECT_EQ(a.replica().Get(id).status().code(), absl::StatusCode::kNotFound);
  const auto outbox = Must(a.replica().Outbox());
  ASSERT_THAT(outbox, SizeIs(1));
  EXPECT_EQ(outbox[0].state, ChangeState::kRejected);
  EXPECT_THAT(outbox[0].reason, HasSubstr("file"));
  EXPECT_FALSE(outbox[0].what_to_do.empty());
  EXPECT_EQ(Must(a.replica().Status()).needs_you, 1u);
  ExpectInStep(a);
}

TEST_F(SessionTest, ALossRemovesTheRowsAndAGrantBringsThemBack) {
  auto north = world_.NewDevice("n");
  auto south = world_.NewDevice("s", "south");
  const std::string id = Must(north->Add("Person", R"({"name":"Mary"})", {.file = "new"}));
  const std::string file = Must(north.replica().Get(id)).Info().file;
  Must(north.Sync());
  Must(south.Sync());
  const Uuid file_id = Must(Uuid::Parse(file));
  Must(server::Share(world_.tenant(), file_id, "south").status());
  Must(south.Sync());
  EXPECT_EQ(south->Json(id)["name"], "Mary");
  ExpectInStep(south, "south");
  Must(server::Unshare(world_.tenant(), file_id, "south", world_.clock().Read().wall_ms).status());
  Must(south.Sync());
  EXPECT_EQ(south.replica().Get(id).status().code(), absl::StatusCode::kNotFound);
  ExpectInStep(south, "south");
  Must(server::Share(world_.tenant(), file_id, "south").status());
  Must(south.Sync());
  ExpectInStep(south, "south");
  EXPECT_EQ(south->Json(id)["name"], "Mary");
}

// No word of what was taken away is left in the files, neither of rows nor of what finds them. (A
// plain replica shows it: who has the key of an encrypted one sees as much.)
TEST_F(SessionTest, ALossTakesTheWordsOutOfTheFiles) {
  auto north = world_.NewDevice("n");
  auto south = world_.NewDevice("s", "south", "plain");
  Must(south->Add("Person", R"({"name":"Ann"})"));
  const std::string id = Must(north->Add(
      "Person", R"({"name":"Mary","about_me":"qzxaardvark likes qzxbanjo"})", {.file = "new"}));
  const Uuid file_id = Must(Uuid::Parse(Must(north.replica().Get(id)).Info().file));
  Must(north.Sync());
  Must(south.Sync());
  Must(server::Share(world_.tenant(), file_id, "south").status());
  Must(south.Sync());
  // Replaced words are no longer in the row, but may still be in the index.
  Must(north->Edit(id, R"({"about_me":"qzxcello"})"));
  Must(north.Sync());
  Must(south.Sync());
  EXPECT_THAT(Must(south.replica().Search("qzxcello")), SizeIs(1));
  EXPECT_THAT(Must(south.replica().Search("qzxbanjo")), IsEmpty());
  const auto words_left = [&] {
    std::string bytes;
    for (const char* file : {"/replica.db", "/replica.db-wal"}) {
      bytes += ReadFile(south->directory() + file).value_or("");
    }
    int left = 0;
    for (const char* word : {"aardvark", "banjo", "cello"}) left += bytes.find(word) != bytes.npos;
    return left;
  };
  EXPECT_GT(words_left(), 0);
  Must(server::Unshare(world_.tenant(), file_id, "south", world_.clock().Read().wall_ms).status());
  Must(south.Sync());
  EXPECT_THAT(Must(south.replica().Search("qzxcello")), IsEmpty());
  EXPECT_THAT(Must(south.replica().Search("ann")), SizeIs(1));
  EXPECT_EQ(words_left(), 0);
}

TEST_F(SessionTest, RowsThatDifferAreRepairedInTheSameSync) {
  auto a = world_.NewDevice("a");
  const std::string id = Must(a->Add("Person", R"({"name":"Peter"})"));
  const std::string other = Must(a->Add("Person", R"({"name":"Mary"})"));
  Must(a.Sync());
  Must(a->Edit(other, R"({"gp":"Dr Lee"})"));
  // Drift: a row that is not the server's, one that is missing, and digests that say so.
  RecordState state = *Must(a->store().tables().Load(Must(Uuid::Parse(id))));
  state.fields[0].heads[0].value = std::string("\x0a\x01X", 3);
  Must(a->store().tables().Save(state).status());
  Must(a->db().Exec("UPDATE _compartment SET digest = randomblob(16)"));
  a.link->Script({Fault::kNone, Fault::kDropRequest});
  EXPECT_FALSE(a.Sync().ok());
  const SyncResult result = Must(a.Sync());
  EXPECT_TRUE(result.repaired);
  EXPECT_EQ(a->Json(id)["name"], "Peter");
  EXPECT_EQ(a->Json(other)["gp"], "Dr Lee");
  ExpectInStep(a);
  EXPECT_FALSE(Must(a.Sync()).repaired);
}

TEST_F(SessionTest, ARepairRemovesWhatTheServerDoesNotHave) {
  auto a = world_.NewDevice("a");
  Must(a->Add("Person", R"({"name":"Peter"})"));
  Must(a.Sync());
  RecordState ghost = World::Stored(*a.device).begin()->second;
  ghost.id.b[15] ^= 1;
  Must(a->store().tables().Save(ghost).status());
  Must(a->db().Exec("UPDATE _compartment SET digest = randomblob(16)"));
  EXPECT_TRUE(Must(a.Sync()).repaired);
  ExpectInStep(a);
}

TEST_F(SessionTest, OneSyncAtATime) {
  auto a = world_.NewDevice("a");
  const auto session =
      Must(client::Session::Start(a->store(), a->directory(), a->clock(), a->entropy(), *a.link));
  EXPECT_EQ(a.Sync().status().code(), absl::StatusCode::kAborted);
}

TEST_F(SessionTest, WritesGoOnWhileASyncRuns) {
  auto a = world_.NewDevice("a");
  const std::string id = Must(a->Add("Person", R"({"name":"Peter"})"));
  const auto session =
      Must(client::Session::Start(a->store(), a->directory(), a->clock(), a->entropy(), *a.link));
  int step = 0;
  while (Must(session->Step())) {
    Must(a->Edit(id, R"({"name":"Peter )" + std::to_string(++step) + R"("})"));
  }
  EXPECT_EQ(a->Json(id)["name"], "Peter " + std::to_string(step));
  EXPECT_EQ(World::Stored(*a.device), World::Refolded(*a.device));
}

TEST_F(SessionTest, ProgressMayStopASync) {
  auto a = world_.NewDevice("a");
  Must(a->Add("Person", R"({"name":"Peter"})"));
  SyncOptions options;
  int calls = 0;
  options.progress = [&](const SyncProgress&) { return ++calls < 0; };
  // The clock of the test stands still, so progress is told at the end only.
  Must(a.replica().Sync(*a.link, options).status());
  EXPECT_EQ(calls, 1);
}

TEST_F(SessionTest, ManyUnitsTravelInBoundedBatches) {
  auto a = world_.NewDevice("a");
  const std::string prose(60'000, 'x');
  for (int i = 0; i < 40; ++i) {
    Must(a->Add("CaseStudy", R"({"situation":")" + prose + R"("})"));
  }
  EXPECT_EQ(Must(a.Sync()).applied, 40u);
  // 16 and 32 KiB hold one each (a unit always travels whole), then 1, 2, 4, 8, 17 and the rest.
  EXPECT_EQ(a.link->pushes(), 8);
  ExpectInStep(a);
}

// What is lost with the link is offered again whole, so a slow link carries little at a time.
TEST_F(SessionTest, PushesFitTheLink) {
  auto a = world_.NewDevice("a");
  const std::string prose(6'000, 'x');
  size_t largest = 0;
  const auto sync_with_exchanges_of = [&](int64_t ms) {
    for (int i = 0; i < 20; ++i) {
      Must(a->Add("CaseStudy", R"({"situation":")" + prose + R"("})"));
    }
    largest = 0;
    a.link->Decide([&, ms] {
      largest = std::max<size_t>(largest, a.link->last_push().units().raw_size());
      a->clock().Advance(ms);
      return Fault::kNone;
    });
    Must(a.Sync());
    ExpectInStep(a);
  };
  sync_with_exchanges_of(kSlowExchangeMs + 1);
  EXPECT_LE(largest, kFirstTransferBytes + 1'000);
  sync_with_exchanges_of((kSlowExchangeMs + kQuickExchangeMs) / 2);
  EXPECT_LE(largest, kFirstTransferBytes + 1'000);
  sync_with_exchanges_of(kQuickExchangeMs - 1);
  EXPECT_GT(largest, 3 * kFirstTransferBytes);
}

TEST_F(SessionTest, AServerThatRestartsIsTheSameServer) {
  auto a = world_.NewDevice("a");
  Must(a->Add("Person", R"({"name":"Peter"})"));
  Must(a.Sync());
  world_.Restart();
  a.core->set_core(&world_.core());
  Must(a->Add("Person", R"({"name":"Mary"})"));
  const SyncResult result = Must(a.Sync());
  EXPECT_FALSE(result.repaired);
  ExpectInStep(a);
}

}  // namespace
}  // namespace doorstep
