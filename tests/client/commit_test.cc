// What an edit becomes: which fields change, on what bases, in which units, and what is refused.
#include <string>

#include "client-lib/edits.h"
#include "client-lib/outbox.h"
#include "doorstep/care/v1/people.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/base/limits.h"
#include "tests/client/device.h"

namespace doorstep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CommitTest : public ::testing::Test {
 protected:
  Unit LastUnit() {
    client::Outbox outbox(device_.store());
    Unit last;
    Must(outbox.ForEach(client::Which::kAll, 0,
                        [&](const client::OwnUnit& own) -> absl::StatusOr<bool> {
                          last = Must(outbox.Decode(own));
                          return true;
                        }));
    return last;
  }
  size_t Units() { return device_.Rows("SELECT unit FROM _outbox").size(); }

  TestDirectory directory_;
  Device device_{directory_.path()};
};

TEST_F(CommitTest, AnEditThatChangesNothingIsNone) {
  const std::string id = Must(device_.Add("Person", R"({"name":"Peter","allergies":["nuts"]})"));
  Must(device_.Edit(id, R"({"name":"Peter","allergies":["nuts"],"gp":null})"));
  EXPECT_EQ(Units(), 1u);
}

TEST_F(CommitTest, AMessageThatLacksAFieldClearsIt) {
  const std::string id = Must(device_.Add("Person", R"({"name":"Peter","gp":"Dr Lee"})"));
  const OpenRecord open = Must(device_.replica().Get(id));
  care::v1::Person person;
  Must(open.To(&person));
  person.clear_gp();
  Must(device_.replica().Transact({}, [&](Edits& edits) { return edits.Update(open, person); }));
  EXPECT_EQ(device_.Json(id), nlohmann::json::parse(R"({"name":"Peter"})"));
  const Unit unit = LastUnit();
  ASSERT_THAT(unit.changes[0].edits, SizeIs(1));
  EXPECT_EQ(unit.changes[0].edits[0].field, 6u);
  EXPECT_EQ(unit.changes[0].edits[0].value, "");
}

TEST_F(CommitTest, BasesAreTheHeadsSeenWhenTheRecordWasOpened) {
  const std::string id = Must(device_.Add("Person", R"({"address":"1 High St"})"));
  const Unit created = LastUnit();
  const OpenRecord form = Must(device_.replica().Get(id));
  Must(device_.Edit(id, R"({"address":"2 High St"})"));
  EXPECT_THAT(LastUnit().changes[0].edits[0].base, ElementsAre(created.changes[0].id));
  // The form was open all the while: its author never saw "2 High St".
  Must(device_.replica().Transact(
      {}, [&](Edits& edits) { return edits.UpdateJson(form, R"({"address":"3 High St"})"); }));
  EXPECT_THAT(LastUnit().changes[0].edits[0].base, ElementsAre(created.changes[0].id));
  EXPECT_THAT(Must(device_.replica().Conflicts()), SizeIs(1));
}

TEST_F(CommitTest, SetsAreEditedByElement) {
  const std::string id = Must(device_.Add("RiskAssessment", R"({"triggers":["nuts","latex"]})"));
  const Unit created = LastUnit();
  Must(device_.Edit(id, R"({"triggers":["latex","penicillin"]})"));
  const FieldEdit edit = LastUnit().changes[0].edits[0];
  EXPECT_THAT(edit.adds, ElementsAre(HasSubstr("penicillin")));
  ASSERT_THAT(edit.removals, SizeIs(1));
  EXPECT_THAT(edit.removals[0].element, HasSubstr("nuts"));
  EXPECT_THAT(edit.removals[0].adds, ElementsAre(created.changes[0].id));
  EXPECT_EQ(device_.Json(id)["triggers"], nlohmann::json::parse(R"(["latex","penicillin"])"));
}

TEST_F(CommitTest, AUnitForEachFileAndOneTransactionId) {
  Must(device_.replica().Transact({}, [&](Edits& edits) {
    Must(edits.AddJson("Person", R"({"name":"A"})", {.file = "new"}));
    Must(edits.AddJson("Person", R"({"name":"B"})", {.file = "new"}));
    return absl::OkStatus();
  }));
  EXPECT_EQ(Units(), 2u);
  EXPECT_FALSE(LastUnit().transaction.IsNil());
  EXPECT_EQ(LastUnit().counter, 2u);
  Must(device_.Add("Person", R"({"name":"C"})"));
  EXPECT_TRUE(LastUnit().transaction.IsNil());
  EXPECT_EQ(LastUnit().counter, 3u);
}

TEST_F(CommitTest, TooMuchForOneTransaction) {
  auto status = device_.replica().Transact({}, [&](Edits& edits) {
    for (size_t i = 0; i <= kMaxUnitChanges; ++i) Must(edits.AddJson("Person", R"({"name":"A"})"));
    return absl::OkStatus();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(), HasSubstr("several transactions"));
  const std::string prose(60 * 1024, 'a');
  status = device_.replica().Transact({}, [&](Edits& edits) {
    for (int i = 0; i < 18; ++i) {
      Must(edits.AddJson("CaseStudy", R"({"situation":")" + prose + R"("})"));
    }
    return absl::OkStatus();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Units(), 0u);
}

TEST_F(CommitTest, RefusedInput) {
  const auto code = [&](absl::string_view kind, absl::string_view json) {
    return device_.Add(kind, json).status().code();
  };
  EXPECT_EQ(code("Person", "{}"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("Person", R"({"name":"a","name":"b"})"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("Person", R"({"nick":"a"})"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("Person", R"({"date_of_birth":"1.2.1930"})"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("Persona", R"({"name":"a"})"), absl::StatusCode::kNotFound);
  care::v1::Person broken;
  broken.set_name("\xff");
  const auto status =
      device_.replica().Transact({}, [&](Edits& edits) { return edits.Add(broken).status(); });
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("Person.name"));
  EXPECT_EQ(device_.Add("Person", R"({"name":"a"})", {.file = "x"}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(device_.Add("Person", R"({"name":"a"})", {.tier = "x"}).status().code(),
            absl::StatusCode::kInvalidArgument);
  const std::string id = Must(device_.Add("Person", R"({"name":"a"})"));
  EXPECT_EQ(device_.Add("Person", R"({"name":"a"})", {.id = id}).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(device_.replica()
                .Transact({.author = std::string(300, 'x')},
                          [&](Edits& edits) {
                            return edits.AddJson("Person", R"({"name":"a"})").status();
                          })
                .code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Units(), 1u);
}

TEST_F(CommitTest, ARecordIsEditedOncePerTransaction) {
  const std::string id = Must(device_.Add("Person", R"({"name":"a"})"));
  const OpenRecord open = Must(device_.replica().Get(id));
  const auto status = device_.replica().Transact({}, [&](Edits& edits) {
    Must(edits.UpdateJson(open, R"({"name":"b"})"));
    return edits.UpdateJson(open, R"({"gp":"c"})");
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(CommitTest, AppendOnlyRecordsAndImmutableFields) {
  const std::string words = Must(device_.Add("Statement", R"({"words":"I want to go out"})"));
  EXPECT_EQ(device_.Edit(words, R"({"words":"x"})").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(device_.Edit(words, R"({"speaker":"Peter"})").code(),
            absl::StatusCode::kInvalidArgument);
  Must(device_.Edit(words, R"({"words":"I want to go out"})"));

  const std::string study = Must(device_.Add("CaseStudy", R"({"title":"t"})"));
  const std::string risk =
      Must(device_.Add("RiskAssessment", R"({"case_study":")" + study + R"("})"));
  const auto status =
      device_.Edit(risk, R"({"case_study":"01890000-0000-7000-8000-000000000000"})");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("never changes"));
  // Not set at creation: may be set once.
  Must(device_.Edit(study, R"({"occurred_at":{"instant_ms":"1"}})"));
  EXPECT_EQ(device_.Edit(study, R"({"occurred_at":{"instant_ms":"2"}})").code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(CommitTest, TransitionsAreChecked) {
  const std::string risk = Must(device_.Add("RiskAssessment", R"({"activity":"walk"})"));
  auto status = device_.Edit(risk, R"({"status":"UNDER_REVIEW"})");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("IN_FORCE, SUPERSEDED"));
  Must(device_.Edit(risk, R"({"status":"IN_FORCE"})"));
  Must(device_.Edit(risk, R"({"status":"UNDER_REVIEW"})"));
  EXPECT_EQ(device_.Edit(risk, R"({"status":null})").code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(CommitTest, ANewRecordMayBeginInAnyState) {
  const std::string risk =
      Must(device_.Add("RiskAssessment", R"({"activity":"walk","status":"IN_FORCE"})"));
  EXPECT_EQ(device_.Edit(risk, R"({"status":"DRAFT"})").code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(CommitTest, OverAVisibleConflictOnlyADecision) {
  const std::string id = Must(device_.Add("Person", R"({"address":"1 High St"})"));
  const OpenRecord form = Must(device_.replica().Get(id));
  Must(device_.Edit(id, R"({"address":"2 High St"})"));
  Must(device_.replica().Transact(
      {}, [&](Edits& edits) { return edits.UpdateJson(form, R"({"address":"3 High St"})"); }));
  const std::vector<Conflict> conflicts = Must(device_.replica().Conflicts());
  ASSERT_THAT(conflicts, SizeIs(1));
  const auto status = device_.Edit(id, R"({"address":"4 High St"})");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr(conflicts[0].case_id));
  EXPECT_THAT(status.message(), HasSubstr("doorstep settle"));
  EXPECT_EQ(std::string(*status.GetPayload(client::kConflictPayload)), conflicts[0].case_id);
  // Another field of the same record is free.
  Must(device_.Edit(id, R"({"name":"Peter"})"));

  Decision decision;
  decision.keep = 1;
  EXPECT_EQ(device_.Settle(conflicts[0].case_id, decision).code(),
            absl::StatusCode::kInvalidArgument);  // no reason
  decision.reason = "rang him";
  decision.keep = 3;
  EXPECT_EQ(device_.Settle(conflicts[0].case_id, decision).code(),
            absl::StatusCode::kInvalidArgument);
  decision.keep = 1;
  Must(device_.Settle(conflicts[0].case_id, decision));
  EXPECT_THAT(Must(device_.replica().Conflicts()), IsEmpty());
  EXPECT_EQ(device_.Json(id)["address"], "2 High St");
  const Unit unit = LastUnit();
  EXPECT_EQ(unit.changes[0].settle->mode, SettleMode::kKeep);
  EXPECT_THAT(unit.changes[0].edits[0].base, SizeIs(2));
}

TEST_F(CommitTest, PayloadAndRowsAreOneCommit) {
  const std::string id = Must(device_.Add("Person", R"({"name":"a"})"));
  EXPECT_EQ(device_.Rows("SELECT (SELECT count(*) FROM _outbox), (SELECT count(*) FROM _pending),"
                         " (SELECT value FROM _state WHERE key = 'next_counter'),"
                         " (SELECT count(*) FROM _shadow)"),
            nlohmann::json::parse("[[1,1,2,0]]"));
  EXPECT_EQ(device_.Rows("SELECT records FROM _compartment"), nlohmann::json::parse("[[0]]"));
}

}  // namespace
}  // namespace doorstep
