// What a decision, a pause and a signature must be before the server admits them.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "doorstep/v1/sign_off.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/change/wire.h"
#include "sync/merge/sign_off.h"
#include "tests/server/ingest.h"
#include "tests/server/world.h"

namespace doorstep::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Decisions = IngestTest;

TEST_F(Decisions, ARemovalThatIsReviewedWaitsForADecision) {
  b_->author = "J Price";
  a_->Do(kFile, {Create("Person", kRecord, R"({"allergies": ["nuts"]})")});
  const ChangeId add{a_->incarnation, 1};
  const Unit proposed =
      b_->Do(kFile, {Remove("Person", kRecord, "allergies", R"({"allergies": ["nuts"]})", {add})});
  b_->Pull();
  EXPECT_THAT(WordsOf(b_->OutcomeOf(proposed)), ElementsAre(v1::Outcome::CONFLICT));
  EXPECT_THAT(FieldOf(*world_.Load(kRecord), "Person", "allergies").heads, SizeIs(2));
  a_->Pull();
  EXPECT_EQ(a_->rows(), b_->rows());
  const v1::Outcome decided =
      Outcome(*a_, {Settled(Remove("Person", kRecord, "allergies", R"({"allergies": ["nuts"]})",
                                   {add, {b_->incarnation, 1}}),
                            SettleMode::kNewValue, "tested")});
  EXPECT_THAT(WordsOf(decided), ElementsAre(v1::Outcome::APPLIED));
  EXPECT_THAT(FieldOf(*world_.Load(kRecord), "Person", "allergies").heads, IsEmpty());
}

// Also when what it names has been decided since: the answer does not hang on who came first.
TEST_F(Decisions, NobodyTakesOutWhatOnlyTheyProposedToTakeOut) {
  b_->author = "J Price";
  a_->Do(kFile, {Create("Person", kRecord, R"({"allergies": ["nuts"]})")});
  const ChangeId add{a_->incarnation, 1};
  const auto take_out = [&](const std::vector<ChangeId>& named) {
    return Settled(Remove("Person", kRecord, "allergies", R"({"allergies": ["nuts"]})", named),
                   SettleMode::kNewValue, "tested");
  };
  ExpectRejected(Outcome(*b_, {take_out({add})}), "nobody else proposed to take out");
  const ChangeId proposed =
      b_->Do(kFile, {Remove("Person", kRecord, "allergies", R"({"allergies": ["nuts"]})", {add})})
          .changes[0]
          .id;
  ExpectRejected(Outcome(*b_, {take_out({add, proposed})}), "nobody else proposed to take out");
  EXPECT_THAT(FieldOf(*world_.Load(kRecord), "Person", "allergies").heads, SizeIs(2));
  EXPECT_THAT(WordsOf(Outcome(*a_, {take_out({add, proposed})})),
              ElementsAre(v1::Outcome::APPLIED));
  ExpectRejected(Outcome(*b_, {take_out({add, proposed})}), "nobody else proposed to take out");
  EXPECT_THAT(WordsOf(Outcome(*a_, {take_out({add, proposed})})),
              ElementsAre(v1::Outcome::APPLIED));
}

// Who proposed it added something else by the same change: that still stands when the first
// decision has come, and the second is judged by the same words.
TEST_F(Decisions, TwoTakeOutAtOnceWhatSomebodyElseProposedToTakeOut) {
  b_->author = "J Price";
  a_->Do(kFile, {Create("Person", kRecord, R"({"allergies": ["nuts"]})")});
  const ChangeId add{a_->incarnation, 1};
  ChangeData instead = Remove("Person", kRecord, "allergies", R"({"allergies": ["nuts"]})", {add});
  instead.edits[0].adds.push_back(Values("Person", R"({"allergies": ["dust"]})"));
  const ChangeId proposed = b_->Do(kFile, {instead}).changes[0].id;
  for (const char* author : {"A Khan", "M Osei"}) {
    a_->author = author;
    const Unit decided =
        a_->Do(kFile, {Settled(Remove("Person", kRecord, "allergies", R"({"allergies": ["nuts"]})",
                                      {add, proposed}),
                               SettleMode::kNewValue, "tested")});
    a_->Pull();
    EXPECT_THAT(WordsOf(a_->OutcomeOf(decided)), ElementsAre(v1::Outcome::APPLIED)) << author;
  }
  EXPECT_THAT(FieldOf(*world_.Load(kRecord), "Person", "allergies").heads, SizeIs(1));
}

// A pause that one person wrote waits for another, whoever comes first.
TEST_F(Decisions, APauseIsReviewedBySomebodyElse) {
  b_->author = "J Price";
  const std::string incident = Id(7).ToString();
  const ChangeId supported =
      a_->Do(kFile, {Create("CaseStudy", kRecord, R"({"decision": {"outcome": "SUPPORTED"}})")})
          .changes[0]
          .id;
  const auto decision = [&](const char* outcome, const ChangeId& over) {
    return Edit("CaseStudy", kRecord,
                absl::StrCat(R"({"decision": {"outcome": ")", outcome, R"(", "incident": ")",
                             incident, R"("}})"),
                {over});
  };
  const Unit pause = b_->Do(kFile, {decision("PAUSED", supported)});
  const ChangeId paused = pause.changes[0].id;
  b_->Pull();
  EXPECT_THAT(WordsOf(b_->OutcomeOf(pause)), ElementsAre(v1::Outcome::CONFLICT));
  ExpectRejected(Outcome(*a_, {decision("DENIED", paused)}), "a pause that nobody has reviewed");
  ExpectRejected(
      Outcome(*b_, {Settled(decision("DENIED", paused), SettleMode::kNewValue, "I say so")}),
      "wanted somebody else's");
  EXPECT_THAT(WordsOf(Outcome(*a_, {Settled(decision("SUPPORTED", paused), SettleMode::kNewValue,
                                            "walked the way with him")})),
              ElementsAre(v1::Outcome::APPLIED));
  // Again, now that it is no head any more.
  ExpectRejected(Outcome(*b_, {decision("DENIED", paused)}), "a pause that nobody has reviewed");
  ExpectRejected(
      Outcome(*b_, {Settled(decision("DENIED", paused), SettleMode::kNewValue, "I say so")}),
      "wanted somebody else's");
}

TEST_F(Decisions, ASignatureCoversWhatTheSchemaDemands) {
  const ChangeId draft =
      a_->Do(kFile, {Create("RiskAssessment", kRecord, R"({"activity": "Walks."})")}).changes[0].id;
  const auto sign = [&](const std::vector<SignedHead>& heads, uint64_t number) {
    v1::SignOff sign_off;
    sign_off.set_record(kRecord.ToString());
    sign_off.set_record_kind(KindNumber("RiskAssessment"));
    sign_off.set_covers(EncodeSigned(heads));
    ChangeData change = Create("SignOff", Id(number), "{}");
    change.edits.clear();
    for (FieldValues& field : Must(ParseValues(*Schema::BuiltIn()->FindByName("SignOff"),
                                               sign_off.SerializeAsString(), Unknown::kRefuse))) {
      FieldEdit& edit = change.edits.emplace_back();
      edit.field = field.field;
      edit.value = field.values.front();
    }
    return Outcome(*a_, {change});
  };
  const std::string some_hash(16, 'x');
  const uint32_t activity = FieldNumber("RiskAssessment", "activity");
  const uint32_t harm = FieldNumber("RiskAssessment", "harm_of_not_doing");
  ExpectRejected(sign({{kRecord, activity, draft, some_hash}}, 201),
                 "got no RiskAssessment.harm_of_not_doing");
  // Cleared, and another record's.
  FieldState cleared;
  cleared.field = harm;
  cleared.heads.emplace_back().id = draft;
  RecordState record;
  record.id = kRecord;
  record.fields.push_back(cleared);
  ExpectRejected(sign(HeadsToSign({&record}), 202), "got no RiskAssessment.harm_of_not_doing");
  ExpectRejected(sign({{Id(8), harm, draft, some_hash}}, 203),
                 "got no RiskAssessment.harm_of_not_doing");
  EXPECT_THAT(WordsOf(sign(
                  {{kRecord, activity, draft, some_hash}, {kRecord, harm, draft, some_hash}}, 204)),
              ElementsAre(v1::Outcome::APPLIED));
}

}  // namespace
}  // namespace doorstep::server
