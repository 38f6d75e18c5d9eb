// The outcome ledger: what was refused is fixed, exported or withdrawn, once; notices; restoring.
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/admin.h"
#include "sync/base/limits.h"
#include "tests/client/world.h"

namespace doorstep {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
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

  // A person whom the south registers in a file of others, where it is refused, and what the south
  // makes of it before it hears of that. Then the file is given to it and the person is sent again,
  // so that the rest of what was refused could be. Returns the parked changes.
  std::vector<OwnChange> RefusedWith(absl::FunctionRef<absl::Status(Edits&)> more) {
    const std::string theirs = Must(a_->Add("Person", R"({"name":"Gwen"})", {.file = "new"}));
    Must(a_.Sync());
    id_ = Must(south_->Add("Person", R"({"name":"Mary"})", {.file = theirs}));
    file_ = Must(Uuid::Parse(theirs));
    other_ = Must(south_->Add("Person", R"({"name":"Nest"})", {.file = theirs}));
    Must(south_.replica().Transact({}, more));
    EXPECT_GE(Must(south_.Sync()).rejected, 3u);
    Must(server::Share(world_.tenant(), file_, "south").status());
    Must(south_.Sync());
    for (int i = 0; i < 2; ++i) {
      const std::string creation = Must(south_.replica().Outbox())[0].change;
      Must(south_.replica().FixParked(creation, "", {}, {}));
      Must(south_.Sync());
    }
    Must(a_.Sync());
    return Must(south_.replica().Outbox());
  }

  static std::string Hidden(World::Linked& device, const std::string& id) {
    return Must(device.replica().Get(id)).Info().hidden;
  }

  World world_;
  World::Linked a_ = world_.NewDevice("a");
  World::Linked south_ = world_.NewDevice("s", "south");
  std::string id_, other_;
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
  EXPECT_EQ(south_.replica().WithdrawParked(refused, "", {}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Must(south_.replica().WithdrawParked(refused, "wrong person", {.author = "J Price"})),
              IsEmpty())
      << "it stood alone";
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
  EXPECT_EQ(south_.replica().WithdrawParked(refused, "again", {}).status().code(),
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
  EXPECT_EQ(south_.replica().WithdrawParked(waiting, "why", {}).status().code(),
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

TEST_F(LedgerTest, AMarkIsSentAgainAsAMark) {
  const auto parked = RefusedWith([&](Edits& edits) {
    return edits.Hide(Must(south_.replica().Get(id_)), "registered twice");
  });
  ASSERT_THAT(parked, SizeIs(1));
  const std::string& refused = parked[0].change;
  EXPECT_EQ(Must(south_.replica().ParkedValues(refused)), R"({"_hidden":"registered twice"})");
  EXPECT_EQ(nlohmann::json::parse(Must(south_.replica().ExportParked(refused))[0])["fields"],
            nlohmann::json({{"_hidden", "registered twice"}}));
  for (const char* json : {R"({"name":"May"})", R"({"_hidden":7})", R"({"_hidden":""})", "7"}) {
    EXPECT_EQ(south_.replica().FixParked(refused, json, {}, {}).status().code(),
              absl::StatusCode::kInvalidArgument)
        << json;
  }
  EXPECT_EQ(Hidden(south_, id_), "");
  Must(south_.replica().FixParked(refused, "", {}, {}));
  EXPECT_EQ(Hidden(south_, id_), "registered twice");
  EXPECT_EQ(Must(south_.Sync()).applied, 1u);
  Must(a_.Sync());
  EXPECT_EQ(Hidden(a_, id_), "registered twice");
}

TEST_F(LedgerTest, AMarkIsSentAgainWithMendedWords) {
  const auto parked = RefusedWith(
      [&](Edits& edits) { return edits.Hide(Must(south_.replica().Get(id_)), "twice"); });
  Must(south_.replica().FixParked(parked[0].change, R"({"_hidden":"wrong file"})", {}, {}));
  Must(south_.Sync());
  EXPECT_EQ(Hidden(south_, id_), "wrong file");
}

TEST_F(LedgerTest, AMarkThatStandsAlreadyIsNotSentAgain) {
  const auto parked = RefusedWith(
      [&](Edits& edits) { return edits.Hide(Must(south_.replica().Get(id_)), "twice"); });
  const OpenRecord opened = Must(a_.replica().Get(id_));
  Must(a_.replica().Transact({}, [&](Edits& edits) { return edits.Hide(opened, "twice"); }));
  Must(a_.Sync());
  Must(south_.Sync());
  const auto status = south_.replica().FixParked(parked[0].change, "", {}, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_EQ(Must(south_.replica().Status()).needs_you, 1u);
}

TEST_F(LedgerTest, AMarkAndAnEditOfOneUnitAreBothSentAgain) {
  const auto parked = RefusedWith([&](Edits& edits) {
    const absl::Status hidden = edits.Hide(Must(south_.replica().Get(id_)), "twice");
    if (!hidden.ok()) return hidden;
    return edits.UpdateJson(Must(south_.replica().Get(other_)), R"({"gp":"Dr Lee"})");
  });
  ASSERT_THAT(parked, SizeIs(2));
  EXPECT_EQ(parked[1].unit, parked[0].change);
  EXPECT_EQ(parked[1].unit_changes, 2u);
  Must(south_.replica().FixParked(parked[1].change, R"({"gp":"Dr Ray"})", {}, {}));
  EXPECT_EQ(Must(south_.Sync()).applied, 2u);
  EXPECT_EQ(Hidden(south_, id_), "twice");
  EXPECT_EQ(south_->Json(other_)["gp"], "Dr Ray");
  std::vector<std::string> resolved;
  for (const OwnChange& change : Must(south_.replica().Outcomes())) {
    for (const OwnChange& each : parked) {
      if (change.resolves == each.change) resolved.push_back(change.resolves);
    }
  }
  EXPECT_THAT(resolved, ElementsAre(parked[0].change, parked[1].change));
}

TEST_F(LedgerTest, AWithdrawalNamesWhatGoesWithIt) {
  const auto parked = RefusedWith([&](Edits& edits) {
    const absl::Status hidden = edits.Hide(Must(south_.replica().Get(id_)), "twice");
    if (!hidden.ok()) return hidden;
    return edits.UpdateJson(Must(south_.replica().Get(other_)), R"({"gp":"Dr Lee"})");
  });
  ASSERT_THAT(parked, SizeIs(2));
  const auto others = Must(south_.replica().WithdrawParked(parked[0].change, "said twice", {}));
  ASSERT_THAT(others, SizeIs(1));
  EXPECT_EQ(others[0].change, parked[1].change);
  EXPECT_EQ(others[0].record, other_);
  EXPECT_EQ(others[0].state, ChangeState::kWithdrawn);
  EXPECT_THAT(others[0].fields, ElementsAre("gp"));
  EXPECT_EQ(Must(south_.replica().Status()).needs_you, 0u);
  Must(south_.Sync());
  EXPECT_THAT(Must(south_.replica().Outbox()), IsEmpty());
}

// A conflict with as many versions as a field may have, and one more from the south, in one unit
// with marks, which is refused for that.
class BesideTest : public LedgerTest {
 protected:
  BesideTest() {
    other_ = Must(a_->Add("Person", R"({"name":"Nest"})", {.file = id_}));
    risk_ = Must(a_->Add("RiskAssessment", R"({"activity":"Going out"})", {.file = id_}));
    third_ = Must(a_->Add("Person", R"({"name":"Owen","allergies":["nuts"]})", {.file = id_}));
    Must(a_->Edit(id_, R"({"address":"1 High St"})"));
    const OpenRecord opened = Must(a_.replica().Get(other_));
    Must(a_.replica().Transact({}, [&](Edits& edits) { return edits.Hide(opened, "moved"); }));
    Must(a_.Sync());
    Must(south_.Sync());
    Must(a_->Edit(third_, R"({"allergies":[]})"));
    Must(south_->Edit(risk_, R"({"hazard":"The road."})"));
    Must(a_->Edit(risk_, R"({"residual_rating":{"likelihood":2,"severity":2}})"));
    Disagree("2 High St", "3 High St");
    Must(south_.Sync());
    case_ = CaseOf(a_, "address");
    for (size_t i = 2; i < kMaxFieldHeads; ++i) {
      const std::string street = absl::StrCat("\"", i, " Low Rd\"");
      Must(a_.replica().Transact({.author = absl::StrCat("author ", i)},
                                 [&](Edits& edits) { return edits.AddVersion(case_, street); }));
    }
    Must(a_.Sync());
    const OpenRecord hidden = Must(south_.replica().Get(other_));
    Decision whole;
    whole.seen = SeenOf(south_, "_assessed");
    whole.reason = "looked at both";
    const std::string assessed = CaseOf(south_, "_assessed");
    const std::string allergies = CaseOf(south_, "allergies");
    Decision keep;
    keep.seen = SeenOf(south_, "allergies");
    keep.keep = 1;
    keep.reason = "she is allergic";
    Must(south_.replica().Transact({}, [&](Edits& edits) {
      absl::Status done = edits.AddVersion(case_, R"("9 Mill Lane")");
      if (done.ok()) done = edits.Unhide(hidden);
      if (done.ok()) done = edits.Settle(assessed, whole);
      return done.ok() ? edits.Settle(allergies, keep) : done;
    }));
    EXPECT_EQ(Must(south_.Sync()).rejected, 4u);
    parked_ = Must(south_.replica().Outbox());
    EXPECT_THAT(parked_, SizeIs(4));
  }

  // Two forms of the address that were open at once.
  void Disagree(const std::string& one, const std::string& two) {
    const OpenRecord form = Must(a_.replica().Get(id_));
    for (const auto& [author, street] : {std::pair("A Khan", one), std::pair("J Price", two)}) {
      Must(a_.replica().Transact({.author = author}, [&, street = street](Edits& edits) {
        return edits.UpdateJson(form, absl::StrCat(R"({"address":")", street, "\"}"));
      }));
    }
    Must(a_.Sync());
  }

  static std::string CaseOf(World::Linked& device, const std::string& field) {
    for (const Conflict& open : Must(device.replica().Conflicts())) {
      if (open.field == field) return open.case_id;
    }
    return "";
  }
  static std::string SeenOf(World::Linked& device, const std::string& field) {
    return Must(device.replica().FindConflict(CaseOf(device, field))).seen;
  }

  void Decide() {
    Decision decision;
    decision.keep = 1;
    decision.reason = "telephoned";
    decision.seen = SeenOf(a_, "address");
    Must(a_->Settle(case_, decision));
    Must(a_.Sync());
    Must(south_.Sync());
    EXPECT_EQ(CaseOf(south_, "address"), "");
  }

  // Everything of the refused unit is there, once the server has it.
  void ExpectAllThere(size_t versions) {
    EXPECT_EQ(Must(south_.Sync()).rejected, 0u);
    EXPECT_THAT(Must(south_.replica().Outbox()), IsEmpty());
    Must(a_.Sync());
    const Conflict open = Must(a_.replica().FindConflict(CaseOf(a_, "address")));
    EXPECT_THAT(open.versions, SizeIs(versions));
    EXPECT_THAT(open.versions, Contains(Field(&Version::json, R"("9 Mill Lane")")));
    EXPECT_EQ(Hidden(a_, other_), "");
    EXPECT_EQ(CaseOf(a_, "_assessed"), "") << "somebody has assessed the whole";
    EXPECT_EQ(CaseOf(a_, "allergies"), "");
    EXPECT_EQ(a_->Json(third_)["allergies"], nlohmann::json({"nuts"})) << "they were to stay";
  }

  std::string risk_, third_, case_;
  std::vector<OwnChange> parked_;
};

TEST_F(BesideTest, AVersionBesideOthersStandsBesideThemAgain) {
  EXPECT_EQ(Must(south_.replica().ParkedValues(parked_[0].change)), R"({"address":"9 Mill Lane"})");
  Decide();
  Disagree("4 High St", "5 High St");
  Must(south_.Sync());
  Must(south_.replica().FixParked(parked_[0].change, "", {}, {}));
  ExpectAllThere(3);
}

TEST_F(BesideTest, AndDoesNotReplaceWhatWasDecidedMeanwhile) {
  Decide();
  Must(south_.replica().FixParked(parked_[1].change, "", {}, {}));
  ExpectAllThere(2);
}

TEST_F(BesideTest, OfWhatStandsBesideOthersAlreadyNothingIsMade) {
  Decide();
  Disagree("9 Mill Lane", "5 High St");
  Must(south_.Sync());
  Must(south_.replica().FixParked(parked_[0].change, "", {}, {}));
  ExpectAllThere(2);
}

class OutcomesTest : public LedgerTest {
 protected:
  // What became of the last own change of the south.
  OwnChange Last() { return Must(south_.replica().Outcomes()).back(); }
  // Both edit, the south a minute later, and neither sees the other's before.
  void Both(const std::string& theirs, const std::string& ours) {
    Must(a_->Edit(id_, theirs));
    Must(a_.Sync());
    south_->clock().Advance(60'000);
    Must(south_->Edit(id_, ours));
    world_.clock().Advance(120'000);
    a_->clock().Advance(60'000);
    Must(south_.Sync());
    Must(a_.Sync());
  }
};

TEST_F(OutcomesTest, AConflictNamesItsCase) {
  Both(R"({"address":"2 High St"})", R"({"address":"3 High St"})");
  OwnChange change = Last();
  EXPECT_EQ(change.state, ChangeState::kConflict);
  EXPECT_GT(change.receipt, 0u);
  const auto conflicts = Must(south_.replica().Conflicts());
  ASSERT_THAT(conflicts, SizeIs(1));
  EXPECT_THAT(change.cases, ElementsAre(conflicts[0].case_id));
  EXPECT_EQ(change.reason, "person Mary: versions of address differ");
  EXPECT_THAT(change.what_to_do, HasSubstr("doorstep conflict " + conflicts[0].case_id));
  Decision decision;
  decision.keep = 1;
  decision.reason = "telephoned";
  decision.seen = conflicts[0].seen;
  Must(south_->Settle(conflicts[0].case_id, decision));
  change = Must(south_.replica().Outcomes()).front();
  EXPECT_EQ(change.state, ChangeState::kConflict);
  EXPECT_THAT(change.cases, IsEmpty());
  EXPECT_EQ(change.reason, "person Mary: versions of address differed, and somebody has decided");
  EXPECT_THAT(change.what_to_do, HasSubstr("doorstep history " + id_));
}

TEST_F(OutcomesTest, AMergeSaysWithWhat) {
  Both(R"({"gp":"Dr Lee"})", R"({"gp":"Dr Ray"})");
  EXPECT_EQ(Last().state, ChangeState::kMerged);
  EXPECT_EQ(Last().reason, "GP: the later of two versions counts");
  EXPECT_THAT(Last().what_to_do, HasSubstr("doorstep history " + id_));
  Must(a_->Edit(id_, R"({"about_me":"Likes tea."})"));
  Must(a_.Sync());
  Must(south_.Sync());
  Both(R"({"about_me":"Likes tea.\n\nWalks."})", R"({"about_me":"Rises early.\n\nLikes tea."})");
  EXPECT_EQ(Last().state, ChangeState::kMerged);
  EXPECT_THAT(Last().reason, HasSubstr(": joined with another version (a user)"));
}

// An edit that loses on arrival: its author is told by whom.
TEST_F(OutcomesTest, AMergeThatDoesNotCountSaysWhose) {
  Must(south_->Edit(id_, R"({"gp":"Dr Ray"})"));
  a_->clock().Advance(60'000);
  Must(a_->Edit(id_, R"({"gp":"Dr Lee"})"));
  world_.clock().Advance(120'000);
  Must(a_.Sync());
  Must(south_.Sync());
  EXPECT_EQ(Last().state, ChangeState::kMerged);
  EXPECT_EQ(Last().reason, "GP: the later of two versions counts (a user)");
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
