// The outcome ledger: what was refused is fixed, exported or withdrawn, once; notices; restoring.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/admin.h"
#include "tests/client/world.h"

namespace doorstep {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using testing::Fault;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class LedgerTest : public ::testing::Test {
 protected:
  LedgerTest() {
    id_ = Must(a_->Add("Person", R"({"name":"Mary","allergies":["nuts"]})", {.file = "new"}));
    file_ = Must(Uuid::Parse(id_));
    Must(a_.Sync());
    Must(server::Share(world_.tenant(), file_, "south").status());
    Must(south_.Sync());
  }

  // An edit by the south device that is refused, because the record was made in a file of others;
  // then the file is given to the south, and the record made again. Returns the id of the change.
  std::string RefusedEdit() {
    const std::string theirs = Must(a_->Add("Person", R"({"name":"Gwen"})", {.file = "new"}));
    Must(a_.Sync());
    id_ = Must(south_->Add("Person", R"({"name":"Mary","allergies":["nuts"]})", {.file = theirs}));
    file_ = Must(Uuid::Parse(theirs));
    Must(south_->Edit(id_, R"({"gp":"Dr Lee","allergies":["nuts","eggs"]})"));
    EXPECT_EQ(Must(south_.Sync()).rejected, 2u);
    Must(server::Share(world_.tenant(), file_, "south").status());
    Must(south_.Sync());
    const std::string creation = Must(south_.replica().Outbox())[0].change;
    Must(south_.replica().FixParked(creation, "", {}, {}));
    Must(south_.Sync());
    Must(a_.Sync());
    const auto outbox = Must(south_.replica().Outbox());
    EXPECT_THAT(outbox, SizeIs(1));
    EXPECT_TRUE(outbox[0].needs_you);
    EXPECT_GT(outbox[0].receipt, 0u);
    return outbox[0].change;
  }

  World world_;
  World::Linked a_ = world_.NewDevice("a");
  World::Linked south_ = world_.NewDevice("s", "south");
  std::string id_;
  Uuid file_;
};

TEST_F(LedgerTest, WhatWasRefusedIsSentAgainAsItWas) {
  const std::string refused = RefusedEdit();
  EXPECT_EQ(Must(south_.replica().ParkedValues(refused)),
            R"({"allergies":["eggs","nuts"],"gp":"Dr Lee"})");
  const std::string again = Must(south_.replica().FixParked(refused, "", {}, {}));
  EXPECT_EQ(Must(south_.replica().Status()).needs_you, 0u);
  EXPECT_EQ(south_->Json(id_)["gp"], "Dr Lee") << "at once";
  EXPECT_EQ(Must(south_.Sync()).applied, 1u);
  EXPECT_THAT(Must(south_.replica().Outbox()), IsEmpty());
  Must(a_.Sync());
  EXPECT_EQ(a_->Json(id_)["gp"], "Dr Lee");
  EXPECT_EQ(a_->Json(id_)["allergies"], nlohmann::json({"eggs", "nuts"}));
  const auto all = Must(south_.replica().Outcomes());
  EXPECT_THAT(all,
              Contains(AllOf(Field(&OwnChange::change, again), Field(&OwnChange::resolves, refused),
                             Field(&OwnChange::state, ChangeState::kApplied))));
  EXPECT_THAT(
      all, Contains(AllOf(Field(&OwnChange::change, refused), Field(&OwnChange::sent_again, true),
                          Field(&OwnChange::needs_you, false))));
  EXPECT_EQ(south_.replica().FixParked(refused, "", {}, {}).status().code(),
            absl::StatusCode::kNotFound)
      << "once";
}

TEST_F(LedgerTest, OrWithMendedValues) {
  const std::string refused = RefusedEdit();
  EXPECT_EQ(south_.replica().FixParked(refused, R"({"gp":7})", {}, {}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Must(south_.replica().Status()).needs_you, 1u) << "a mistake changes nothing";
  Must(south_.replica().FixParked(refused, R"({"gp":"Dr Ray"})", {}, {}));
  Must(south_.Sync());
  EXPECT_EQ(south_->Json(id_)["gp"], "Dr Ray");
  EXPECT_EQ(south_->Json(id_)["allergies"], nlohmann::json({"nuts"}));
}

TEST_F(LedgerTest, WhatStandsAlreadyIsNotSentAgain) {
  const std::string refused = RefusedEdit();
  Must(a_->Edit(id_, R"({"gp":"Dr Lee","allergies":["nuts","eggs"]})"));
  Must(a_.Sync());
  Must(south_.Sync());
  const auto status = south_.replica().FixParked(refused, "", {}, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("withdraw"));
}

TEST_F(LedgerTest, ANewRecordGoesIntoAnotherFile) {
  const std::string theirs = Must(a_->Add("Person", R"({"name":"Gwen"})", {.file = "new"}));
  Must(a_.Sync());
  const std::string wrong = Must(south_->Add("Person", R"({"name":"Idris"})", {.file = theirs}));
  EXPECT_EQ(Must(south_.Sync()).rejected, 1u);
  const std::string refused = Must(south_.replica().Outbox())[0].change;
  EXPECT_EQ(south_.replica().Get(wrong).status().code(), absl::StatusCode::kNotFound);
  Must(south_.replica().FixParked(refused, "", {.file = "new"}, {}));
  EXPECT_EQ(Must(south_.Sync()).applied, 1u);
  EXPECT_EQ(south_->Json(wrong)["name"], "Idris") << "under its id";
  EXPECT_EQ(Must(south_.replica().Get(wrong)).Info().file, wrong);
}

TEST_F(LedgerTest, AWithdrawalIsHereAtOnceAndInTheHistoryOnce) {
  const std::string refused = RefusedEdit();
  EXPECT_EQ(south_.replica().WithdrawParked(refused, "", {}).code(),
            absl::StatusCode::kInvalidArgument);
  Must(south_.replica().WithdrawParked(refused, "wrong person", {.author = "J Price"}));
  EXPECT_EQ(Must(south_.replica().Status()).needs_you, 0u);
  EXPECT_THAT(Must(south_.replica().Outcomes()),
              Contains(AllOf(Field(&OwnChange::change, refused),
                             Field(&OwnChange::state, ChangeState::kWithdrawn),
                             Field(&OwnChange::withdrawn_because, "wrong person"))));
  EXPECT_EQ(Must(south_.replica().Status()).waiting, 1u) << "the server is told";
  EXPECT_EQ(south_->Json(id_).contains("gp"), false) << "a withdrawal edits nothing";
  // The first answer is lost, the next push arrives twice.
  south_.link->Script({Fault::kNone, Fault::kDropReply});
  EXPECT_FALSE(south_.Sync().ok());
  south_.link->Script({Fault::kNone, Fault::kTwice});
  EXPECT_EQ(Must(south_.Sync()).applied, 1u);
  EXPECT_THAT(Must(south_.replica().Outbox()), IsEmpty());
  int withdrawals = 0;
  for (const HistoryLine& line : Must(a_.replica().History(id_, a_.link.get()))) {
    if (line.withdrawn_because.empty()) continue;
    ++withdrawals;
    EXPECT_EQ(line.resolves, refused);
    EXPECT_EQ(line.withdrawn_because, "wrong person");
    EXPECT_EQ(line.author, "J Price");
  }
  EXPECT_EQ(withdrawals, 1);
  EXPECT_EQ(south_.replica().WithdrawParked(refused, "again", {}).code(),
            absl::StatusCode::kNotFound);
}

// Also where the device may not write: what was refused for that is taken back all the same.
TEST_F(LedgerTest, AWithdrawalNeedsNoAccess) {
  const std::string theirs = Must(a_->Add("Person", R"({"name":"Gwen"})", {.file = "new"}));
  Must(a_.Sync());
  Must(south_->Add("Person", R"({"name":"Idris"})", {.file = theirs}));
  EXPECT_EQ(Must(south_.Sync()).rejected, 1u);
  const std::string refused = Must(south_.replica().Outbox())[0].change;
  Must(south_.replica().WithdrawParked(refused, "wrong file", {}));
  EXPECT_EQ(Must(south_.Sync()).applied, 1u);
  EXPECT_THAT(Must(south_.replica().Outbox()), IsEmpty());
  for (const HistoryLine& line : Must(a_.replica().History(theirs, a_.link.get()))) {
    EXPECT_EQ(line.withdrawn_because, "") << "an outsider's words are shown to nobody";
  }
}

TEST_F(LedgerTest, OnlyWhatIsParkedIsFixedOrWithdrawn) {
  Must(south_->Edit(id_, R"({"gp":"Dr Lee"})"));
  const std::string waiting = Must(south_.replica().Outbox())[0].change;
  EXPECT_EQ(south_.replica().WithdrawParked(waiting, "why", {}).code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(south_.replica().FixParked(waiting, "", {}, {}).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_THAT(Must(south_.replica().ExportParked("")), IsEmpty());
}

TEST_F(LedgerTest, AnExportHoldsAll) {
  const std::string refused = RefusedEdit();
  const auto lines = Must(south_.replica().ExportParked(""));
  ASSERT_THAT(lines, SizeIs(1));
  const auto line = nlohmann::json::parse(lines[0]);
  EXPECT_EQ(line["change"], refused);
  EXPECT_EQ(line["record"], id_);
  EXPECT_EQ(line["state"], "REJECTED");
  EXPECT_EQ(line["fields"]["gp"], "Dr Lee");
  EXPECT_EQ(line["file"], file_.ToString());
  EXPECT_FALSE(line["reason"].get<std::string>().empty());
  EXPECT_FALSE(line["unit"]["payload"].get<std::string>().empty());
  EXPECT_EQ(Must(south_.replica().ExportParked(refused)), lines);
}

TEST_F(LedgerTest, WhatIsParkedDelaysNothing) {
  RefusedEdit();
  Must(south_->Edit(id_, R"({"preferred_name":"May"})"));
  EXPECT_EQ(Must(south_.Sync()).applied, 1u);
  EXPECT_EQ(Must(south_.replica().Status()).needs_you, 1u);
}

class NoticesTest : public LedgerTest {
 protected:
  // Both edit the GP; the south's is later.
  void Displace() {
    Must(a_->Edit(id_, R"({"gp":"Dr Lee"})"));
    Must(a_.Sync());
    south_->clock().Advance(60'000);
    Must(south_->Edit(id_, R"({"gp":"Dr Ray"})"));
    world_.clock().Advance(120'000);
    Must(south_.Sync());
  }
};

TEST_F(NoticesTest, TheDisplacedAuthorIsToldOnTheirOwnDevice) {
  Displace();
  a_.link->CutPullsAfter(1);
  while (!a_.Sync().ok()) {
  }
  const auto notices = Must(a_.replica().Notices());
  ASSERT_THAT(notices, SizeIs(1));
  EXPECT_EQ(notices[0].record, id_);
  EXPECT_EQ(notices[0].field, "gp");
  EXPECT_EQ(notices[0].title, "Mary");
  EXPECT_EQ(notices[0].yours_json, "\"Dr Lee\"");
  EXPECT_EQ(notices[0].now_json, "\"Dr Ray\"");
  EXPECT_EQ(notices[0].by_author, "s user");
  EXPECT_EQ(notices[0].state, ChangeState::kMerged);
  EXPECT_EQ(Must(a_.replica().Status()).notices, 1u);
  EXPECT_THAT(Must(south_.replica().Notices()), IsEmpty());
  EXPECT_EQ(a_.replica().MarkNoticesRead({notices[0].id, 99}).code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Must(a_.replica().Notices()), SizeIs(1)) << "none was marked";
  Must(a_.replica().MarkNoticesRead({notices[0].id}));
  EXPECT_THAT(Must(a_.replica().Notices()), IsEmpty());
  EXPECT_THAT(Must(a_.replica().Notices(true)), SizeIs(1));
  // A repair brings everything again, and marks nothing as unread.
  Must(a_->db().Exec("UPDATE _compartment SET digest = randomblob(16)"));
  Must(a_->Edit(id_, R"({"preferred_name":"May"})"));
  EXPECT_TRUE(Must(a_.Sync()).repaired);
  EXPECT_THAT(Must(a_.replica().Notices()), IsEmpty());
  EXPECT_THAT(Must(a_.replica().Notices(true)), SizeIs(1));
}

TEST_F(NoticesTest, WhoLosesTheRecordKeepsNoWordOfIt) {
  Must(south_->Edit(id_, R"({"gp":"Dr Lee"})"));
  Must(south_.Sync());
  a_->clock().Advance(60'000);
  Must(a_->Edit(id_, R"({"gp":"Dr Ray"})"));
  world_.clock().Advance(120'000);
  Must(a_.Sync());
  Must(south_.Sync());
  EXPECT_THAT(Must(south_.replica().Notices()), SizeIs(1));
  Must(server::Unshare(world_.tenant(), file_, "south", world_.clock().Read().wall_ms).status());
  Must(south_.Sync());
  EXPECT_THAT(Must(south_.replica().Notices(true)), IsEmpty());
  EXPECT_EQ(Must(south_->db().QueryInt("SELECT count(*) FROM _notice")), 0);
}

TEST_F(NoticesTest, AnEarlierValueIsRestoredInOneStep) {
  Displace();
  Must(a_.Sync());
  const AuthorNotice notice = Must(a_.replica().Notices())[0];
  const std::string reason = Must(a_.replica().Restore(id_, "gp", notice.change, {}));
  EXPECT_THAT(reason, HasSubstr("restores the version of a user of 2026-11-22"));
  EXPECT_EQ(a_->Json(id_)["gp"], "Dr Lee");
  Must(a_.Sync());
  Must(south_.Sync());
  EXPECT_EQ(south_->Json(id_)["gp"], "Dr Lee");
  EXPECT_EQ(Must(south_.replica().Get(id_)).Info().fields.size(), 3u);
  const auto lines = Must(south_.replica().History(id_, south_.link.get()));
  EXPECT_EQ(lines.back().settled, reason);
  // Somebody else's replaced version is known to the server only.
  EXPECT_EQ(a_.replica().Restore(id_, "gp", notice.by_change, {}).status().code(),
            absl::StatusCode::kNotFound);
  Must(a_.replica().Restore(id_, "gp", notice.by_change, {}, a_.link.get()));
  EXPECT_EQ(a_->Json(id_)["gp"], "Dr Ray");
  EXPECT_EQ(a_.replica().Restore(id_, "gp", notice.by_change, {}, a_.link.get()).status().code(),
            absl::StatusCode::kInvalidArgument)
      << "it stands";
}

TEST_F(NoticesTest, OverTwoVersionsRestoringIsADecision) {
  Must(a_->Edit(id_, R"({"address":"1 High St"})"));
  const std::string first = Must(a_.replica().Outbox()).back().change;
  Must(a_.Sync());
  Must(south_.Sync());
  Must(a_->Edit(id_, R"({"address":"2 High St"})"));
  Must(south_->Edit(id_, R"({"address":"3 High St"})"));
  Must(a_.Sync());
  Must(south_.Sync());
  Must(a_.Sync());
  ASSERT_THAT(Must(a_.replica().Conflicts()), SizeIs(1));
  EXPECT_EQ(a_.replica().Restore(id_, "address", first, {}).status().code(),
            absl::StatusCode::kPermissionDenied)
      << "one of the versions is their own";
  Must(a_.replica().Restore(id_, "address", first, {.author = "M Osei"}));
  EXPECT_THAT(Must(a_.replica().Conflicts()), IsEmpty());
  EXPECT_EQ(a_->Json(id_)["address"], "1 High St");
  Must(a_.Sync());
  EXPECT_THAT(Must(a_.replica().Conflicts()), IsEmpty());
}

}  // namespace
}  // namespace doorstep
