// Records written to typed tables come back as they were, and people can query them.
#include "sync/tables/record_tables.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "doorstep/care/v1/case_work.pb.h"
#include "doorstep/care/v1/people.pb.h"
#include "doorstep/care/v1/risk.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/base/entropy.h"
#include "sync/change/wire.h"
#include "sync/merge/marks.h"
#include "sync/merge/plan.h"
#include "sync/merge/record.h"

namespace doorstep {
namespace {

namespace care = care::v1;

class RecordTablesTest : public testing::Test {
 protected:
  void SetUp() override {
    DatabaseOptions options;
    options.create = true;
    auto db = Database::Open(":memory:", options);
    ASSERT_TRUE(db.ok()) << db.status();
    db_ = *std::move(db);
    tables_ = std::make_unique<RecordTables>(db_.get(), Schema::BuiltIn());
    ASSERT_TRUE(tables_->Create().ok());
  }

  // A record that one change wrote.
  RecordState Written(const google::protobuf::Message& message, uint64_t counter = 1) {
    const KindSpec* kind = Schema::BuiltIn()->FindByName(message.GetDescriptor()->full_name());
    RecordState state;
    state.id = NewUuidV7(1000, entropy_);
    state.kind = kind->number;
    state.compartment = {file_, 0};
    auto values = ParseValues(*kind, message.SerializeAsString(), Unknown::kRefuse);
    EXPECT_TRUE(values.ok()) << values.status();
    for (const FieldValues& field : *values) {
      FieldState& at = state.At(field.field);
      at.sequence = 7;
      for (const std::string& value : field.values) at.heads.push_back(MakeHead(counter, value));
    }
    return state;
  }

  Head MakeHead(uint64_t counter, const std::string& value) {
    Head head;
    head.id = {incarnation_, counter};
    head.time_ms = 1'700'000'000'000 + static_cast<int64_t>(counter);
    head.sequence = 7;
    head.author = "A Khan";
    head.value = value;
    return head;
  }

  RecordState Reload(const Uuid& id) {
    auto loaded = tables_->Load(id);
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    EXPECT_TRUE(loaded->has_value());
    return loaded->value_or(RecordState());
  }

  std::string Ask(const std::string& sql) {
    auto text = db_->QueryText(sql);
    return text.ok() ? *text : std::string(text.status().message());
  }

  SeededEntropy entropy_{42};
  Uuid file_ = NewUuidV4(entropy_);
  Uuid incarnation_ = NewUuidV4(entropy_);
  std::unique_ptr<Database> db_;
  std::unique_ptr<RecordTables> tables_;
};

care::CaseStudy Newsagent() {
  care::CaseStudy study;
  study.set_title("To the newsagent; it's \"his\" morning");
  study.set_situation("Wants to go alone.\nEvery day. \xE2\x80\x93 always has");
  study.add_barriers(care::Barrier::MEMORY_COGNITION);
  study.add_barriers(care::Barrier::STAFFING);
  study.add_subjects("018f0000-0000-7000-8000-000000000001");
  study.mutable_decision()->set_outcome(care::Decision::SUPPORTED);
  study.mutable_decision()->set_rationale("reminder");
  study.set_weekly_cost_before(0);
  study.set_third_party(false);
  return study;
}

TEST_F(RecordTablesTest, ARecordComesBackAsItWas) {
  const RecordState state = Written(Newsagent());
  ASSERT_TRUE(tables_->Save(state).ok());
  EXPECT_EQ(Reload(state.id), state);
}

TEST_F(RecordTablesTest, ARecordOfOneChangeCostsFewBytesOfMeta) {
  care::RiskAssessment risk;
  risk.set_activity("walks to the newsagent alone");
  risk.mutable_residual_rating()->set_likelihood(2);
  risk.mutable_residual_rating()->set_severity(3);
  risk.set_review_due("2027-02-01");
  ASSERT_TRUE(tables_->Save(Written(risk)).ok());
  EXPECT_LE(db_->QueryInt("SELECT length(_meta) FROM k_risk_assessment").value_or(999), 20);
}

TEST_F(RecordTablesTest, HeadsAgreedSettlementsAndEmptiedSetsComeBack) {
  RecordState state = Written(Newsagent());
  const KindSpec* kind = Schema::BuiltIn()->FindByName("CaseStudy");
  FieldState& decision = state.At(kind->FindByName("decision")->number());
  Head other = MakeHead(2, decision.heads[0].value);
  other.agreed = Agreed{5, decision.heads[0].value};
  other.settle = {SettleMode::kBoth, "seen together"};
  other.author = "J Price";
  other.value.clear();
  decision.heads.push_back(other);
  decision.sequence = 9;
  FieldState& barriers = state.At(kind->FindByName("barriers")->number());
  barriers.heads.clear();
  barriers.sequence = 11;
  ASSERT_TRUE(tables_->Save(state).ok());
  EXPECT_EQ(Reload(state.id), state);
  EXPECT_EQ(db_->QueryInt("SELECT count(*) FROM _conflict").value_or(-1), 1);
}

TEST_F(RecordTablesTest, ProposalsWhatWasSeenAndMarksComeBack) {
  care::Person person;
  person.set_name("Peter");
  person.add_allergies("nuts");
  RecordState state = Written(person);
  const KindSpec* kind = Schema::BuiltIn()->FindByName("Person");
  FieldState& allergies = state.At(kind->FindByName("allergies")->number());
  Head proposal = MakeHead(2, allergies.heads[0].value);
  proposal.removes = {{incarnation_, 1}};
  proposal.seen = {{incarnation_, 1}, {NewUuidV4(entropy_), 7}};
  std::sort(proposal.seen.begin(), proposal.seen.end());
  allergies.heads.push_back(proposal);
  Head mark = MakeHead(3, MarkValue(kHiddenField, "written \"twice\""));
  mark.seen = HeadsToHide(state);
  FieldState& hidden = state.At(kHiddenField);
  hidden.sequence = 7;
  hidden.heads = {mark};
  ASSERT_TRUE(tables_->Save(state).ok());
  EXPECT_EQ(Reload(state.id), state);
  EXPECT_EQ(Ask("SELECT _hidden FROM person"), "written \"twice\"");
  EXPECT_EQ(Ask("SELECT allergies FROM person"), "[\"nuts\"]");
  EXPECT_EQ(db_->QueryInt("SELECT count(*) FROM _conflict").value_or(-1), 1);
  EXPECT_EQ(db_->QueryInt("SELECT count(*) FROM k_person WHERE _unknown IS NOT NULL").value_or(-1),
            0);
}

TEST_F(RecordTablesTest, AJudgementsCaseFollowsItsChildren) {
  care::RiskAssessment risk;
  risk.set_activity("Walks.");
  RecordState parent = Written(risk);
  care::Mitigation mitigation;
  mitigation.set_assessment(parent.id.ToString());
  mitigation.set_control("A telephone.");
  RecordState child = Written(mitigation);
  const auto cases = [&] {
    return db_->QueryInt("SELECT count(*) FROM _conflict WHERE field = 19001").value_or(-1);
  };
  // Somebody else's, who had not seen the assessment.
  const Uuid other = NewUuidV4(entropy_);
  for (FieldState& field : child.fields) field.heads[0].id = {other, 1};
  // Whichever comes first.
  ASSERT_TRUE(tables_->Save(child).ok());
  EXPECT_EQ(cases(), 0);
  ASSERT_TRUE(tables_->Save(parent).ok());
  EXPECT_EQ(cases(), 1);
  ASSERT_TRUE(tables_->Save(parent).ok());
  EXPECT_EQ(cases(), 1);
  EXPECT_EQ(tables_->ChildrenOf(parent)->size(), 1u);
  EXPECT_EQ(tables_->ParentsOf(child)->size(), 1u);
  for (FieldState& field : child.fields) field.heads[0].seen = {{incarnation_, 1}};
  ASSERT_TRUE(tables_->Save(child).ok());
  EXPECT_EQ(cases(), 0);
  for (FieldState& field : child.fields) field.heads[0].seen.clear();
  ASSERT_TRUE(tables_->Save(child).ok());
  EXPECT_EQ(cases(), 1);
  // It belongs to none any more: of two registrations of it the other counts.
  RecordState alone = child;
  std::erase_if(alone.fields, [](const FieldState& field) {
    return field.field == care::Mitigation::kAssessmentFieldNumber;
  });
  ASSERT_TRUE(tables_->Save(alone).ok());
  EXPECT_EQ(cases(), 0);
  ASSERT_TRUE(tables_->Save(child).ok());
  EXPECT_EQ(cases(), 1);
  ASSERT_TRUE(tables_->Remove(child.id).ok());
  EXPECT_EQ(cases(), 0);
}

TEST_F(RecordTablesTest, ASettledConflictLeavesTheIndex) {
  RecordState state = Written(Newsagent());
  const uint32_t field =
      Schema::BuiltIn()->FindByName("CaseStudy")->FindByName("decision")->number();
  const std::vector<Head> agreed = state.At(field).heads;
  Head other = MakeHead(2, "");
  state.At(field).heads.push_back(other);
  ASSERT_TRUE(tables_->Save(state).ok());
  state.At(field).heads = agreed;
  ASSERT_TRUE(tables_->Save(state).ok());
  EXPECT_EQ(db_->QueryInt("SELECT count(*) FROM _conflict").value_or(-1), 0);
}

TEST_F(RecordTablesTest, ViewsShowIdsAsTextAndEnumsByName) {
  const RecordState state = Written(Newsagent());
  ASSERT_TRUE(tables_->Save(state).ok());
  EXPECT_EQ(Ask("SELECT id FROM case_study"), state.id.ToString());
  EXPECT_EQ(Ask("SELECT file FROM case_study"), file_.ToString());
  EXPECT_EQ(Ask("SELECT tier FROM case_study"), "NORMAL");
  EXPECT_EQ(Ask("SELECT decision_outcome FROM case_study"), "SUPPORTED");
  EXPECT_EQ(Ask("SELECT barriers FROM case_study"), R"(["MEMORY_COGNITION","STAFFING"])");
  EXPECT_EQ(Ask("SELECT title FROM case_study"), "To the newsagent; it's \"his\" morning");
  EXPECT_EQ(Ask("SELECT typeof(weekly_cost_after) FROM case_study"), "null");
  EXPECT_EQ(Ask("SELECT weekly_cost_before || typeof(weekly_cost_before) FROM case_study"),
            "0integer");
}

TEST_F(RecordTablesTest, AnIdBelongsToOneKind) {
  RecordState study = Written(Newsagent());
  ASSERT_TRUE(tables_->Save(study).ok());
  care::Person person;
  person.set_name("Peter");
  RecordState impostor = Written(person);
  impostor.id = study.id;
  EXPECT_EQ(tables_->Save(impostor).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(RecordTablesTest, ARemovedRecordIsGone) {
  const RecordState state = Written(Newsagent());
  ASSERT_TRUE(tables_->Save(state).ok());
  ASSERT_TRUE(tables_->Remove(state.id).ok());
  ASSERT_TRUE(tables_->Remove(state.id).ok());
  EXPECT_FALSE(tables_->Load(state.id)->has_value());
  EXPECT_EQ(db_->QueryInt("SELECT count(*) FROM k_case_study").value_or(-1), 0);
}

// What a newer schema's records look like to this one: fields and kinds that it does not have.
TEST_F(RecordTablesTest, UnknownFieldsAndKindsComeBackUnchanged) {
  RecordState state = Written(Newsagent());
  FieldState& unknown = state.At(900);
  unknown.sequence = 8;
  unknown.heads = {MakeHead(3,
                            "\xA2\x38\x03"
                            "abc"),
                   MakeHead(4,
                            "\xA2\x38\x03"
                            "xyz")};
  ASSERT_TRUE(tables_->Save(state).ok());
  EXPECT_EQ(Reload(state.id), state);

  RecordState stranger = Written(Newsagent());
  stranger.kind = 4242;
  ASSERT_TRUE(tables_->Save(stranger).ok());
  EXPECT_EQ(Reload(stranger.id), stranger);
  ASSERT_TRUE(tables_->Create().ok());
  EXPECT_EQ(Reload(stranger.id), stranger);
  EXPECT_EQ(Reload(state.id), state);
}

TEST_F(RecordTablesTest, ForEachVisitsEveryRecordOnce) {
  std::vector<Uuid> ids;
  for (int i = 0; i < 20; ++i) {
    RecordState state = Written(Newsagent(), static_cast<uint64_t>(i + 1));
    if (i % 5 == 0) state.kind = 4242;
    ids.push_back(state.id);
    ASSERT_TRUE(tables_->Save(state).ok());
  }
  std::vector<Uuid> seen;
  ASSERT_TRUE(tables_
                  ->ForEach([&](const RecordState& state) {
                    seen.push_back(state.id);
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_THAT(seen, testing::UnorderedElementsAreArray(ids));
}

// The ledger adds and subtracts; what it stores must be what the rows say.
TEST_F(RecordTablesTest, DigestsFollowTheRows) {
  DigestLedger ledger;
  RecordState first = Written(Newsagent(), 1);
  RecordState second = Written(Newsagent(), 2);
  ledger.Replace(nullptr, &first);
  ledger.Replace(nullptr, &second);
  RecordState edited = first;
  edited.At(2).heads[0] = MakeHead(9, edited.At(2).heads[0].value);
  ledger.Replace(&first, &edited);
  ASSERT_TRUE(ledger.Flush(*tables_).ok());

  Digest expected = DigestOf(edited);
  expected.Add(DigestOf(second));
  auto stored = ReadDigest(*db_, {file_, 0});
  ASSERT_TRUE(stored.ok());
  EXPECT_EQ(stored->digest, expected);
  EXPECT_EQ(stored->records, 2);

  ledger.Replace(&second, nullptr);
  ASSERT_TRUE(ledger.Flush(*tables_).ok());
  EXPECT_EQ(ReadDigest(*db_, {file_, 0})->digest, DigestOf(edited));
  EXPECT_EQ(ReadDigest(*db_, {file_, 0})->records, 1);
}

TEST_F(RecordTablesTest, ProvisionalValuesStandInTheColumns) {
  care::RiskAssessment risk;
  risk.mutable_residual_rating()->set_likelihood(1);
  risk.mutable_residual_rating()->set_severity(3);
  RecordState state = Written(risk);
  const FieldSpec* field =
      Schema::BuiltIn()->FindByName("RiskAssessment")->FindByName("residual_rating");
  risk.mutable_residual_rating()->set_likelihood(4);
  RecordState worse = Written(risk);
  Head head = MakeHead(2, worse.At(field->number()).heads[0].value);
  state.At(field->number()).heads.push_back(head);
  ASSERT_TRUE(tables_->Save(state).ok());
  EXPECT_EQ(Ask("SELECT residual_rating_likelihood * residual_rating_severity "
                "FROM risk_assessment"),
            "12");
  EXPECT_EQ(Reload(state.id), state);
}

}  // namespace
}  // namespace doorstep
