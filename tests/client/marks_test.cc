// Between two devices and the server: proposed removals, hidden records, assessments that two
// people changed, signatures.
#include <string>
#include <vector>

#include "client-lib/edits.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/world.h"

namespace doorstep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class MarksTest : public ::testing::Test {
 protected:
  // Everybody has everybody's, and a minute passes.
  void SyncAll() {
    world_.clock().Advance(60'000);
    for (World::Linked* device : {&a_, &b_}) (*device)->clock().Advance(60'000);
    for (int round = 0; round < 2; ++round) {
      for (World::Linked* device : {&a_, &b_}) Must(device->Sync().status());
    }
    EXPECT_EQ(World::Stored(*a_.device), World::Stored(*b_.device));
    EXPECT_EQ(Cases(a_), Cases(b_));
    EXPECT_EQ(World::Stored(*a_.device), World::Refolded(*a_.device));
  }

  static std::vector<std::string> Cases(World::Linked& device) {
    std::vector<std::string> fields;
    for (const Conflict& conflict : Must(device.replica().Conflicts())) {
      fields.push_back(conflict.field);
    }
    return fields;
  }

  static absl::Status Settle(World::Linked& device, Decision decision) {
    decision.reason = "asked her";
    return device->Settle(Must(device.replica().Conflicts()).at(0).case_id, decision);
  }

  static absl::Status Hide(World::Linked& device, const OpenRecord& opened) {
    return device.replica().Transact({}, [&](Edits& edits) { return edits.Hide(opened, "twice"); });
  }

  static absl::Status Unhide(World::Linked& device, const std::string& id) {
    const OpenRecord opened = Must(device.replica().Get(id));
    return device.replica().Transact({}, [&](Edits& edits) { return edits.Unhide(opened); });
  }

  static absl::StatusOr<std::string> Sign(World::Linked& device, const std::string& id) {
    const OpenRecord opened = Must(device.replica().Get(id));
    absl::StatusOr<std::string> signature;
    const absl::Status done = device.replica().Transact({}, [&](Edits& edits) {
      signature = edits.Sign(opened);
      return signature.status();
    });
    if (!done.ok()) return done;
    return signature;
  }

  static int Listed(World::Linked& device, const std::string& where) {
    int count = 0;
    Must(device.replica().List("Person", where, [&](const OpenRecord&) {
      ++count;
      return absl::OkStatus();
    }));
    return count;
  }

  static std::string Hidden(World::Linked& device, const std::string& id) {
    return Must(device.replica().Get(id)).Info().hidden;
  }

  World world_;
  World::Linked a_ = world_.NewDevice("a");
  World::Linked b_ = world_.NewDevice("b");
};

TEST_F(MarksTest, AnAllergyStaysUntilSomebodyDecides) {
  const std::string id = Must(a_->Add("Person", R"({"allergies":["latex","nuts"]})"));
  SyncAll();
  Must(b_->Edit(id, R"({"allergies":["latex"]})"));
  EXPECT_EQ(b_->Json(id)["allergies"], nlohmann::json({"nuts", "latex"}));
  // Others may still be added; the same cannot be proposed twice.
  Must(b_->Edit(id, R"({"allergies":["eggs","latex","nuts"]})"));
  const absl::Status again = b_->Edit(id, R"({"allergies":["eggs","latex"]})");
  EXPECT_EQ(again.code(), absl::StatusCode::kFailedPrecondition);
  SyncAll();
  EXPECT_THAT(Cases(a_), ElementsAre("allergies"));
  const Conflict open = Must(a_.replica().Conflicts())[0];
  ASSERT_THAT(open.versions, SizeIs(2));
  EXPECT_FALSE(open.versions[0].removes);
  EXPECT_TRUE(open.versions[1].removes);
  EXPECT_EQ(open.versions[1].json, "\"nuts\"");
  // Only what is in question can be decided.
  Decision decision;
  decision.mode = Decision::Mode::kNewValue;
  for (const char* json : {R"(["eggs"])", R"(["eggs","latex","nuts","milk"])"}) {
    decision.json = json;
    EXPECT_EQ(Settle(a_, decision).code(), absl::StatusCode::kInvalidArgument) << json;
  }
  decision.json = R"(["eggs","latex"])";
  Must(Settle(a_, decision));
  SyncAll();
  EXPECT_EQ(b_->Json(id)["allergies"], nlohmann::json({"eggs", "latex"}));
  EXPECT_THAT(Cases(b_), IsEmpty());
}

TEST_F(MarksTest, WhoProposesDoesNotDecideAlone) {
  const std::string id = Must(a_->Add("Person", R"({"allergies":["nuts"]})"));
  SyncAll();
  Must(b_->Edit(id, R"({"allergies":[]})"));
  const Conflict open = Must(b_.replica().Conflicts()).at(0);
  EXPECT_FALSE(open.you_may_settle);
  Decision decision;
  decision.seen = open.seen;
  decision.reason = "he says so";
  decision.mode = Decision::Mode::kNewValue;
  decision.json = "[]";
  const auto as_proposer = [&] {
    return b_.replica().Transact(
        {}, [&](Edits& edits) { return edits.Settle(open.case_id, decision); });
  };
  const absl::Status refused = as_proposer();
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(refused.message(), HasSubstr("nobody decides alone what only they proposed"));
  EXPECT_EQ(b_->Json(id)["allergies"], nlohmann::json({"nuts"}));
  // To keep it needs nobody else.
  decision.json = R"(["nuts"])";
  Must(as_proposer());
  SyncAll();
  EXPECT_THAT(Cases(a_), IsEmpty());
  EXPECT_EQ(a_->Json(id)["allergies"], nlohmann::json({"nuts"}));
}

TEST_F(MarksTest, AnElementThatWasTakenOutIsRestoredBesideAnOpenCase) {
  const std::string id = Must(a_->Add("Person", R"({"allergies":["nuts"]})"));
  SyncAll();
  const std::string version = Must(a_.replica().History(id, nullptr)).at(0).change;
  Must(a_->Edit(id, R"({"allergies":["latex","nuts"]})"));
  Must(b_->Edit(id, R"({"allergies":[]})"));
  SyncAll();
  EXPECT_THAT(Cases(a_), ElementsAre("allergies"));
  Must(a_.replica().Restore(id, "allergies", version, {.author = "M Osei"}, nullptr).status());
  SyncAll();
  EXPECT_THAT(Cases(b_), IsEmpty());
  EXPECT_EQ(b_->Json(id)["allergies"], nlohmann::json({"nuts", "latex"}));
}

TEST_F(MarksTest, AProposalIsWithdrawnByKeepingTheElement) {
  const std::string id = Must(a_->Add("Person", R"({"allergies":["nuts"]})"));
  SyncAll();
  Must(b_->Edit(id, R"({"allergies":[]})"));
  SyncAll();
  Decision decision;
  decision.keep = 1;
  Must(Settle(a_, decision));
  SyncAll();
  EXPECT_EQ(b_->Json(id)["allergies"], nlohmann::json({"nuts"}));
  EXPECT_THAT(Cases(b_), IsEmpty());
  // And the other way, by the number of the proposal.
  Must(b_->Edit(id, R"({"allergies":[]})"));
  SyncAll();
  decision.keep = 2;
  Must(Settle(a_, decision));
  SyncAll();
  EXPECT_FALSE(b_->Json(id).contains("allergies"));
  // What is added again answers what stood against it.
  Must(b_->Edit(id, R"({"allergies":["nuts"]})"));
  SyncAll();
  EXPECT_THAT(Cases(a_), IsEmpty());
}

TEST_F(MarksTest, AHiddenRecordIsKeptAndShownAgainByAnEditThatHadNotSeenIt) {
  const std::string id = Must(a_->Add("Person", R"({"name":"Peter"})"));
  SyncAll();
  Must(Hide(a_, Must(a_.replica().Get(id))));
  SyncAll();
  EXPECT_EQ(Hidden(b_, id), "twice");
  EXPECT_EQ(Listed(b_, "_hidden IS NULL"), 0);
  EXPECT_EQ(Listed(b_, ""), 1);
  EXPECT_EQ(b_->Rows("SELECT _hidden FROM person")[0][0], "twice");
  EXPECT_EQ(b_->Json(id)["name"], "Peter");
  Must(Unhide(b_, id));
  SyncAll();
  EXPECT_EQ(Hidden(a_, id), "");
  // Hidden here, changed there.
  Must(Hide(a_, Must(a_.replica().Get(id))));
  Must(b_->Edit(id, R"({"name":"Peter Hall"})"));
  SyncAll();
  EXPECT_EQ(Hidden(a_, id), "");
  EXPECT_EQ(Unhide(a_, id).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(MarksTest, ARecordThatNeverChangesCanBeHidden) {
  const std::string id = Must(a_->Add("Statement", R"({"words":"I want to go."})"));
  SyncAll();
  Must(Hide(b_, Must(b_.replica().Get(id))));
  SyncAll();
  EXPECT_EQ(Hidden(a_, id), "twice");
  EXPECT_THAT(Must(b_.replica().Outcomes()).back().state, ChangeState::kApplied);
}

TEST_F(MarksTest, AnAssessmentThatTwoChangedIsAssessedAsAWhole) {
  const std::string risk =
      Must(a_->Add("RiskAssessment", R"({"activity":"Walks.","hazard":"Traffic."})"));
  const std::string phone =
      Must(a_->Add("Mitigation", R"({"assessment":")" + risk + R"(","control":"A telephone."})"));
  SyncAll();
  // One after the other: the second saw the first.
  Must(a_->Edit(risk, R"({"activity":"Walks alone."})"));
  SyncAll();
  Must(b_->Edit(phone, R"({"control":"A telephone and a card."})"));
  SyncAll();
  EXPECT_THAT(Cases(a_), IsEmpty());
  // Without having seen each other: a field here, a child record there.
  Must(a_->Edit(risk, R"({"hazard":"Gets lost."})"));
  Must(b_->Edit(phone, R"({"control":"A whistle."})"));
  SyncAll();
  EXPECT_THAT(Cases(a_), ElementsAre("_assessed"));
  const Conflict open = Must(b_.replica().Conflicts())[0];
  EXPECT_EQ(open.record, risk);
  EXPECT_THAT(open.advice, HasSubstr("nobody has assessed the whole"));
  ASSERT_THAT(open.versions, SizeIs(2));
  EXPECT_EQ(open.versions[0].field, "hazard");
  EXPECT_EQ(open.versions[1].field, "control");
  EXPECT_EQ(open.versions[1].record, phone);
  Must(Settle(b_, {}));
  SyncAll();
  EXPECT_THAT(Cases(a_), IsEmpty());
  EXPECT_EQ(a_->Json(risk)["hazard"], "Gets lost.");
}

constexpr char kDraft[] =
    R"({"activity":"Walks.","hazard":"Traffic.","residual_rating":{"likelihood":2,"severity":3}})";

TEST_F(MarksTest, WhatTheSchemaDemandsIsThereBeforeItIsSigned) {
  const std::string risk = Must(a_->Add("RiskAssessment", kDraft));
  const absl::Status refused = Sign(a_, risk).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(refused.message(), HasSubstr("RiskAssessment.harm_of_not_doing: got no value"));
  EXPECT_EQ(a_->Json(risk)["activity"], "Walks.");
  EXPECT_THAT(Must(a_.replica().SignOffs(risk)), IsEmpty());
  const std::string person = Must(a_->Add("Person", R"({"name":"Peter"})"));
  EXPECT_EQ(Sign(a_, person).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(MarksTest, ASignatureHoldsUntilWhatWasSignedChanges) {
  const std::string risk = Must(a_->Add("RiskAssessment", kDraft));
  Must(a_->Edit(risk, R"({"harm_of_not_doing":"Loses his mornings."})"));
  const std::string phone =
      Must(a_->Add("Mitigation", R"({"assessment":")" + risk + R"(","control":"A telephone."})"));
  const std::string signature = Must(Sign(a_, risk));
  SyncAll();
  std::vector<SignOffInfo> signs = Must(b_.replica().SignOffs(risk));
  ASSERT_THAT(signs, SizeIs(1));
  EXPECT_EQ(signs[0].id, signature);
  EXPECT_EQ(signs[0].author, "a user");
  EXPECT_EQ(signs[0].state, SignOffInfo::State::kSigned);
  EXPECT_THAT(signs[0].not_covered, IsEmpty());
  EXPECT_EQ(b_->Rows("SELECT record FROM sign_off")[0][0], risk);
  // Filled in later: not vouched for, but nothing that was signed has changed.
  Must(b_->Edit(risk, R"({"category":"outdoors"})"));
  signs = Must(b_.replica().SignOffs(risk));
  EXPECT_EQ(signs[0].state, SignOffInfo::State::kSigned);
  EXPECT_THAT(signs[0].not_covered, ElementsAre("RiskAssessment.category"));
  // Of a child, and of the record.
  Must(b_->Edit(phone, R"({"status":"NOT_WORKING"})"));
  Must(b_->Edit(phone, R"({"control":"A card."})"));
  Must(b_->Edit(risk, R"({"hazard":"Gets lost."})"));
  SyncAll();
  signs = Must(a_.replica().SignOffs(risk));
  EXPECT_EQ(signs[0].state, SignOffInfo::State::kAmended);
  EXPECT_THAT(signs[0].amended,
              ElementsAre("RiskAssessment.hazard", "Mitigation.control of " + phone));
  Must(Sign(a_, risk).status());
  signs = Must(a_.replica().SignOffs(risk));
  ASSERT_THAT(signs, SizeIs(2));
  EXPECT_EQ(signs[1].state, SignOffInfo::State::kSigned);
}

TEST_F(MarksTest, ASignatureIsMadeBySigningAlone) {
  const std::string risk = Must(a_->Add("RiskAssessment", kDraft));
  const absl::Status by_hand =
      a_->Add("SignOff", R"({"record":")" + risk + R"(","recordKind":20,"covers":"CgA="})")
          .status();
  EXPECT_EQ(by_hand.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(by_hand.message(), HasSubstr("doorstep sign"));
  EXPECT_THAT(Must(a_.replica().SignOffs(risk)), IsEmpty());
}

TEST_F(MarksTest, WhoSignsDoesNotVouchForWhatIsHiddenSince) {
  const std::string risk = Must(a_->Add("RiskAssessment", kDraft));
  Must(a_->Edit(risk, R"({"harm_of_not_doing":"Loses his mornings."})"));
  const std::string phone =
      Must(a_->Add("Mitigation", R"({"assessment":")" + risk + R"(","control":"A telephone."})"));
  Must(Sign(a_, risk).status());
  SyncAll();
  Must(Hide(b_, Must(b_.replica().Get(phone))));
  SyncAll();
  std::vector<SignOffInfo> signs = Must(a_.replica().SignOffs(risk));
  EXPECT_EQ(signs[0].state, SignOffInfo::State::kAmended);
  EXPECT_THAT(signs[0].amended, ElementsAre("Mitigation.hidden of " + phone));
  Must(Unhide(b_, phone));
  SyncAll();
  EXPECT_EQ(Must(a_.replica().SignOffs(risk))[0].state, SignOffInfo::State::kSigned);
}

TEST_F(MarksTest, WhatPeopleRelyOnIsNotHidden) {
  const std::string risk = Must(a_->Add("RiskAssessment", kDraft));
  const std::string phone =
      Must(a_->Add("Mitigation", R"({"assessment":")" + risk + R"(","control":"A telephone.",)" +
                                     R"("reliance":["RELIED_ON"]})"));
  SyncAll();
  const absl::Status refused = Hide(b_, Must(b_.replica().Get(phone)));
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.message(), HasSubstr("Mitigation.reliance: got 1 that stand"));
  EXPECT_EQ(Hidden(b_, phone), "");
}

TEST_F(MarksTest, NobodySignsOverVersionsThatDiffer) {
  const std::string risk = Must(a_->Add("RiskAssessment", kDraft));
  Must(a_->Edit(risk, R"({"harm_of_not_doing":"Loses his mornings."})"));
  SyncAll();
  Must(a_->Edit(risk, R"({"residual_rating":{"likelihood":1,"severity":3}})"));
  Must(b_->Edit(risk, R"({"residual_rating":{"likelihood":4,"severity":3}})"));
  SyncAll();
  const absl::Status refused = Sign(a_, risk).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.message(), HasSubstr("RiskAssessment.residual_rating"));
  EXPECT_TRUE(refused.GetPayload(client::kConflictPayload).has_value());
}

TEST_F(MarksTest, WhoSignsHasAssessedTheWhole) {
  const std::string risk = Must(a_->Add("RiskAssessment", kDraft));
  Must(a_->Edit(risk, R"({"harm_of_not_doing":"Loses his mornings."})"));
  Must(Sign(a_, risk).status());
  SyncAll();
  Must(a_->Edit(risk, R"({"hazard":"Gets lost."})"));
  Must(b_->Edit(risk, R"({"activity":"Walks alone."})"));
  SyncAll();
  EXPECT_EQ(Must(b_.replica().SignOffs(risk))[0].state, SignOffInfo::State::kUnassessed);
  EXPECT_THAT(Cases(b_), ElementsAre("_assessed"));
  Must(Sign(b_, risk).status());
  SyncAll();
  EXPECT_THAT(Cases(a_), IsEmpty());
  const std::vector<SignOffInfo> signs = Must(a_.replica().SignOffs(risk));
  ASSERT_THAT(signs, SizeIs(2));
  EXPECT_EQ(signs[0].state, SignOffInfo::State::kAmended);
  EXPECT_EQ(signs[1].state, SignOffInfo::State::kSigned);
}

}  // namespace
}  // namespace doorstep
