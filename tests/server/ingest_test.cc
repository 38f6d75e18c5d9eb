// What becomes of units that devices push.
#include "tests/server/ingest.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/admin.h"
#include "server/history.h"
#include "sync/base/limits.h"
#include "sync/change/site_file.h"
#include "sync/change/unit_codec.h"
#include "sync/merge/marks.h"
#include "sync/merge/plan.h"
#include "tests/server/world.h"

namespace doorstep::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(IngestTest, ANewRecordIsAppliedAndReachesTheOtherDevice) {
  const v1::Outcome outcome = Outcome(*a_, {Create("CaseStudy", kRecord, kStudy)});
  EXPECT_THAT(WordsOf(outcome), ElementsAre(v1::Outcome::APPLIED));
  EXPECT_EQ(outcome.time_ms(), kNine);
  b_->Pull();
  EXPECT_EQ(b_->rows(), a_->rows());
  ASSERT_THAT(b_->rows(), SizeIs(1));
  const RecordState& state = b_->rows().begin()->second;
  EXPECT_EQ(state.id, kRecord);
  EXPECT_EQ(state.compartment, (CompartmentId{kFile, 0}));
  const Head& head = FieldOf(state, "CaseStudy", "title").heads[0];
  EXPECT_EQ(head.author, "A Khan");
  EXPECT_EQ(head.id, (ChangeId{a_->incarnation, 1}));
  EXPECT_THAT(b_->outcomes(), IsEmpty());
}

TEST_F(IngestTest, TheSameBytesAgainAreARepeat) {
  const Unit unit = a_->Do(kFile, {Create("CaseStudy", kRecord, kStudy)});
  const uint64_t head = world_.Head();
  const v1::Receipt again = Push(*a_, unit);
  EXPECT_EQ(again.status(), v1::Receipt::REPEAT);
  EXPECT_EQ(again.sequence(), head);
  EXPECT_EQ(world_.Head(), head);
}

TEST_F(IngestTest, OtherContentUnderTheSameIdIsAFork) {
  a_->Do(kFile, {Create("CaseStudy", kRecord, kStudy), Create("CaseStudy", Id(101), kStudy)});
  const uint64_t head = world_.Head();
  for (const uint64_t counter : {1, 2}) {
    a_->counter = counter;
    const Unit other = a_->Prepare(kFile, {Create("CaseStudy", Id(102), kStudy)});
    EXPECT_EQ(Push(*a_, other).status(), v1::Receipt::FORKED_ID) << counter;
  }
  EXPECT_EQ(world_.Head(), head);
}

TEST_F(IngestTest, ARangeThatReachesIntoAnEarlierUnitIsAFork) {
  a_->counter = 3;
  a_->Do(kFile, {Create("CaseStudy", kRecord, kStudy)});
  a_->counter = 2;
  const Unit reaching = a_->Prepare(
      kFile, {Create("CaseStudy", Id(101), kStudy), Create("CaseStudy", Id(102), kStudy)});
  EXPECT_EQ(Push(*a_, reaching).status(), v1::Receipt::FORKED_ID);
}

TEST_F(IngestTest, ACopyOfADeviceGetsAForkedId) {
  const Unit mine = a_->Prepare(kFile, {Create("CaseStudy", kRecord, kStudy)});
  a_->counter = 1;
  const Unit copys = a_->Prepare(kFile, {Create("CaseStudy", Id(101), kStudy)});
  EXPECT_EQ(Push(*a_, mine).status(), v1::Receipt::STORED);
  EXPECT_EQ(Push(*a_, copys).status(), v1::Receipt::FORKED_ID);
}

TEST_F(IngestTest, AnIncarnationOfAnotherDeviceIsForked) {
  b_->incarnation = a_->incarnation;
  EXPECT_EQ(Must(b_->Hello()).standing(), v1::FORKED);
  const Unit unit = b_->Prepare(kFile, {Create("CaseStudy", kRecord, kStudy)});
  EXPECT_EQ(Push(*b_, unit).status(), v1::Receipt::FORKED_ID);
  EXPECT_FALSE(world_.Load(kRecord).has_value());
}

TEST_F(IngestTest, BytesThatAreNoUnitAreRefusedAlone) {
  const Unit good = a_->Prepare(kFile, {Create("CaseStudy", kRecord, kStudy)});
  EXPECT_EQ(Must(a_->PushPayload(50, 2, "\xff\xff nonsense"))[0].status(), v1::Receipt::STORED);
  EXPECT_EQ(Must(a_->PushPayload(50, 2, "\xff\xff nonsense"))[0].status(), v1::Receipt::REPEAT);
  EXPECT_EQ(Push(*a_, good).status(), v1::Receipt::STORED);
  a_->Pull();
  ExpectRejected(a_->outcomes().at(50), "payload");
  EXPECT_THAT(WordsOf(a_->OutcomeOf(good)), ElementsAre(v1::Outcome::APPLIED));
}

TEST_F(IngestTest, RefusedBytesAreInTheHistory) {
  const uint64_t sequence = Must(a_->PushPayload(50, 2, "nonsense"))[0].sequence();
  auto view = Must(world_.tenant().store().Read());
  const auto row = Must(view->History(sequence));
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->key_file, Uuid());
  EXPECT_EQ(Must(OpenEntry(*row, *view)), "nonsense");
}

TEST_F(IngestTest, ANewerSchemaWaitsAndNothingIsStored) {
  Unit unit = a_->Prepare(kFile, {Create("CaseStudy", kRecord, kStudy)});
  unit.changes[0].edits[0].field = 9000;
  unit.changes[0].edits[0].value = std::string("\xc2\xb2\x04\x01x", 5);  // field 9000, "x"
  const uint64_t head = world_.Head();
  const v1::Receipt receipt = Push(*a_, unit);
  EXPECT_EQ(receipt.status(), v1::Receipt::WAITS);
  EXPECT_THAT(receipt.detail(), HasSubstr("9000"));
  EXPECT_EQ(world_.Head(), head);
}

TEST_F(IngestTest, AWaitingUnitIsAdmittedOnceItsBaseIs) {
  const Unit create = a_->Prepare(kFile, {Create("CaseStudy", kRecord, kStudy)});
  const Unit edit =
      a_->Prepare(kFile, {Edit("CaseStudy", kRecord, R"({"title": "x"})", {create.changes[0].id})});
  EXPECT_EQ(Push(*a_, edit).status(), v1::Receipt::WAITS);
  EXPECT_EQ(Push(*a_, create).status(), v1::Receipt::STORED);
  EXPECT_EQ(Push(*a_, edit).status(), v1::Receipt::STORED);
  a_->Pull();
  EXPECT_THAT(WordsOf(a_->OutcomeOf(edit)), ElementsAre(v1::Outcome::APPLIED));
}

TEST_F(IngestTest, AnEditThatSawTheHeadReplacesIt) {
  const Unit create = a_->Do(kFile, {Create("CaseStudy", kRecord, kStudy)});
  const auto outcome =
      Outcome(*a_, {Edit("CaseStudy", kRecord, R"({"title": "x"})", {create.changes[0].id})});
  EXPECT_THAT(WordsOf(outcome), ElementsAre(v1::Outcome::APPLIED));
  EXPECT_THAT(FieldOf(*world_.Load(kRecord), "CaseStudy", "title").heads, SizeIs(1));
}

// Peter: two workers reassess without seeing each other.
TEST_F(IngestTest, ConcurrentRatingsAreAConflict) {
  const Unit create = a_->Do(kFile, {Create("RiskAssessment", kRecord,
                                            R"({"residual_rating": {"likelihood": 2,
                                                "severity": 3}})")});
  const ChangeId base = create.changes[0].id;
  const auto mine =
      Outcome(*a_, {Edit("RiskAssessment", kRecord,
                         R"({"residual_rating": {"likelihood": 1, "severity": 3}})", {base})});
  const auto theirs =
      Outcome(*b_, {Edit("RiskAssessment", kRecord,
                         R"({"residual_rating": {"likelihood": 4, "severity": 3}})", {base})});
  EXPECT_THAT(WordsOf(mine), ElementsAre(v1::Outcome::APPLIED));
  EXPECT_THAT(WordsOf(theirs), ElementsAre(v1::Outcome::CONFLICT));
  const RecordState state = *world_.Load(kRecord);
  const FieldState& field = FieldOf(state, "RiskAssessment", "residual_rating");
  EXPECT_THAT(field.heads, SizeIs(2));
  const KindSpec& kind = *Schema::BuiltIn()->FindByName("RiskAssessment");
  const FieldSpec& spec = *kind.FindByName("residual_rating");
  EXPECT_EQ(RatingScore(spec, EffectiveOf(spec, field).value), 12);

  // Over both versions only a decision is taken.
  const std::vector<ChangeId> both = {field.heads[0].id, field.heads[1].id};
  const char* kTwoByThree = R"({"residual_rating": {"likelihood": 2, "severity": 3}})";
  ExpectRejected(Outcome(*a_, {Edit("RiskAssessment", kRecord, kTwoByThree, both)}),
                 "wanted a decision");
  b_->author = "M Osei";
  const auto settled = Outcome(*b_, {Settled(Edit("RiskAssessment", kRecord, kTwoByThree, both),
                                             SettleMode::kNewValue, "Walked the route together.")});
  EXPECT_THAT(WordsOf(settled), ElementsAre(v1::Outcome::APPLIED));
  EXPECT_THAT(FieldOf(*world_.Load(kRecord), "RiskAssessment", "residual_rating").heads, SizeIs(1));
}

TEST_F(IngestTest, ALatestFieldMerges) {
  const Unit create = a_->Do(kFile, {Create("CaseStudy", kRecord, kStudy)});
  const ChangeId base = create.changes[0].id;
  a_->Do(kFile, {Edit("CaseStudy", kRecord, R"({"title": "x"})", {base})});
  world_.clock().Advance(1000);
  const auto outcome = Outcome(*b_, {Edit("CaseStudy", kRecord, R"({"title": "y"})", {base})});
  EXPECT_THAT(WordsOf(outcome), ElementsAre(v1::Outcome::MERGED));
}

TEST_F(IngestTest, EachChangeHasItsWord) {
  const Unit create = a_->Do(kFile, {Create("CaseStudy", kRecord, kStudy)});
  const ChangeId base = create.changes[0].id;
  a_->Do(kFile, {Edit("CaseStudy", kRecord, R"({"title": "x"})", {base})});
  const auto outcome = Outcome(*b_, {Edit("CaseStudy", kRecord, R"({"title": "y"})", {base}),
                                     Create("CaseStudy", Id(101), kStudy)});
  EXPECT_THAT(WordsOf(outcome), ElementsAre(v1::Outcome::MERGED, v1::Outcome::APPLIED));
}

TEST_F(IngestTest, TheSameRecordCreatedTwiceHasTwoHeads) {
  a_->Do(kFile, {Create("CaseStudy", kRecord, R"({"situation": "one"})")});
  const auto outcome = Outcome(*b_, {Create("CaseStudy", kRecord, R"({"situation": "two"})")});
  EXPECT_THAT(WordsOf(outcome), ElementsAre(v1::Outcome::CONFLICT));
  EXPECT_THAT(FieldOf(*world_.Load(kRecord), "CaseStudy", "situation").heads, SizeIs(2));
}

TEST_F(IngestTest, ADependentOfARefusedChangeInheritsItsBases) {
  const Unit create = a_->Do(kFile, {Create("CaseStudy", kRecord, kStudy)});
  const ChangeId base = create.changes[0].id;
  // Refused as a whole because of the second change; the first is what the next stands on.
  const Unit refused =
      a_->Do(kFile, {Edit("CaseStudy", kRecord, R"({"title": "refused"})", {base}),
                     Edit("CaseStudy", Id(999), R"({"title": "nowhere"})", {base})});
  const Unit again =
      a_->Do(kFile, {Edit("CaseStudy", kRecord, R"({"title": "again"})", {refused.changes[0].id}),
                     Edit("CaseStudy", Id(999), R"({"title": "nowhere"})", {base})});
  const auto outcome =
      Outcome(*a_, {Edit("CaseStudy", kRecord, R"({"title": "kept"})", {again.changes[0].id})});
  ExpectRejected(a_->OutcomeOf(refused), "changes[1].record");
  ExpectRejected(a_->OutcomeOf(again), "changes[1].record");
  EXPECT_THAT(WordsOf(outcome), ElementsAre(v1::Outcome::APPLIED));
  const RecordState state = *world_.Load(kRecord);
  const FieldState& title = FieldOf(state, "CaseStudy", "title");
  ASSERT_THAT(title.heads, SizeIs(1));
  EXPECT_EQ(title.heads[0].value, Values("CaseStudy", R"({"title": "kept"})"));
}

TEST_F(IngestTest, ARefusedAddOfASetIsNotThereToBeRemoved) {
  const Unit create =
      a_->Do(kFile, {Create("CaseStudy", kRecord, R"({"barriers": ["MOBILITY"]})")});
  const ChangeId base = create.changes[0].id;
  const Unit refused =
      a_->Do(kFile, {Edit("CaseStudy", kRecord, R"({"barriers": ["STAFFING"]})", {}),
                     Edit("CaseStudy", Id(999), R"({"title": "nowhere"})", {base})});
  const auto outcome =
      Outcome(*a_, {Remove("CaseStudy", kRecord, "barriers", R"({"barriers": ["STAFFING"]})",
                           {refused.changes[0].id})});
  EXPECT_THAT(WordsOf(outcome), ElementsAre(v1::Outcome::APPLIED));
  EXPECT_THAT(FieldOf(*world_.Load(kRecord), "CaseStudy", "barriers").heads, SizeIs(1));
}

TEST_F(IngestTest, AnEditOfARecordWhoseCreationWasRefusedIsRefused) {
  const Unit refused = a_->Do(kFile, {Create("CaseStudy", kRecord, kStudy),
                                      Edit("CaseStudy", Id(999), R"({"title": "nowhere"})", {})});
  ExpectRejected(
      Outcome(*a_, {Edit("CaseStudy", kRecord, R"({"title": "x"})", {refused.changes[0].id})}),
      "not in this file");
}

TEST_F(IngestTest, AUnitIsAdmittedWholeOrNotAtAll) {
  Outcome(*a_, {Create("CaseStudy", kRecord, kStudy),
                Edit("CaseStudy", Id(999), R"({"title": "nowhere"})", {})});
  EXPECT_FALSE(world_.Load(kRecord).has_value());
  EXPECT_THAT(a_->rows(), IsEmpty());
}

TEST_F(IngestTest, AFileBelongsToTheSiteThatWritesFirst) {
  a_->Do(kFile, {Create("CaseStudy", kRecord, kStudy)});
  ExpectRejected(Outcome(*other_, {Create("CaseStudy", Id(101), kStudy)}), "file: got one");
  EXPECT_FALSE(world_.Load(Id(101)).has_value());
  EXPECT_THAT(other_->rows(), IsEmpty());
}

TEST_F(IngestTest, ARefusedUnitDoesNotTakeAFile) {
  Outcome(*a_, {Edit("CaseStudy", Id(999), R"({"title": "nowhere"})", {})});
  EXPECT_THAT(WordsOf(Outcome(*other_, {Create("CaseStudy", kRecord, kStudy)})),
              ElementsAre(v1::Outcome::APPLIED));
}

TEST_F(IngestTest, ANewTierOfAFileGoesToAllThatHoldIt) {
  a_->Do(kFile, {Create("CaseStudy", kRecord, kStudy)});
  EXPECT_EQ(Must(Share(world_.tenant(), kFile, "south")), 1);
  a_->Do(kFile, {Create("CaseStudy", Id(101), kStudy)}, 1);
  other_->Pull();
  EXPECT_THAT(other_->rows(), SizeIs(2));
  EXPECT_THAT(WordsOf(Outcome(*other_, {Create("CaseStudy", Id(102), kStudy)}, kFile, 2)),
              ElementsAre(v1::Outcome::APPLIED));
  a_->Pull();
  EXPECT_EQ(a_->rows(), other_->rows());
}

TEST_F(IngestTest, ASitesOwnFileIsItsOwn) {
  const Uuid file = SiteFile("default", "south");
  ExpectRejected(Outcome(*a_, {Create("CaseStudy", kRecord, kStudy)}, file), "file: got one");
  EXPECT_THAT(WordsOf(Outcome(*other_, {Create("CaseStudy", kRecord, kStudy)}, file)),
              ElementsAre(v1::Outcome::APPLIED));
}

TEST_F(IngestTest, ASiteThatIsAddedLaterStillOwnsItsFile) {
  const Uuid file = SiteFile("default", "east");
  a_->Do(file, {Create("CaseStudy", kRecord, kStudy)});
  a_->Pull();
  EXPECT_THAT(a_->rows(), SizeIs(1));
  Must(AddSite(world_.tenant(), {"east", "East", ""}, world_.entropy()));
  a_->Pull();
  EXPECT_THAT(a_->rows(), IsEmpty());
}

// Whether a record exists elsewhere must not show in the answer.
TEST_F(IngestTest, ARecordElsewhereAndNoRecordAreRefusedInTheSameWords) {
  other_->Do(Id(2), {Create("CaseStudy", Id(200), kStudy)});
  a_->Do(kFile, {Create("CaseStudy", kRecord, kStudy)});
  const auto elsewhere = Outcome(*a_, {Edit("CaseStudy", Id(200), R"({"title": "x"})", {})});
  const auto nowhere = Outcome(*a_, {Edit("CaseStudy", Id(201), R"({"title": "x"})", {})});
  ExpectRejected(elsewhere, "changes[0].record");
  EXPECT_EQ(elsewhere.reason(), nowhere.reason());
  EXPECT_EQ(elsewhere.what_to_do(), nowhere.what_to_do());
  const auto their_file =
      Outcome(*a_, {Edit("CaseStudy", Id(200), R"({"title": "x"})", {})}, Id(2));
  const auto also_theirs =
      Outcome(*a_, {Edit("CaseStudy", Id(201), R"({"title": "x"})", {})}, Id(2));
  EXPECT_EQ(their_file.reason(), also_theirs.reason());
}

TEST_F(IngestTest, AnIdInUseIsNotCreatedElsewhere) {
  a_->Do(kFile, {Create("CaseStudy", kRecord, kStudy)});
  ExpectRejected(Outcome(*a_, {Create("CaseStudy", kRecord, kStudy)}, Id(3)), "id that is in use");
  ExpectRejected(Outcome(*a_, {Create("CaseStudy", kRecord, kStudy)}, kFile, 1),
                 "id that is in use");
  ExpectRejected(Outcome(*a_, {Create("Arrangement", kRecord, R"({"what": "shopping"})")}),
                 "id that is in use");
}

TEST_F(IngestTest, AFieldThatIsSetOnceIsNotChanged) {
  const Unit create =
      a_->Do(kFile, {Create("Arrangement", kRecord,
                            absl::StrCat(R"({"case_study": ")", Id(50).ToString(), R"("})"))});
  const std::string other = absl::StrCat(R"({"case_study": ")", Id(51).ToString(), R"("})");
  ExpectRejected(Outcome(*a_, {Edit("Arrangement", kRecord, other, {create.changes[0].id})}),
                 "set once");
  // Somebody who had not seen it makes a second version, which a person settles.
  EXPECT_THAT(WordsOf(Outcome(*b_, {Edit("Arrangement", kRecord, other, {})})),
              ElementsAre(v1::Outcome::CONFLICT));
}

TEST_F(IngestTest, ATransitionIsJudgedByWhatItsAuthorSaw) {
  const auto to = [&](const char* state, std::vector<ChangeId> base) {
    return Edit("RiskAssessment", kRecord, absl::StrCat("{\"status\": \"", state, "\"}"), base);
  };
  // What is long under way is recorded late: a record may be created in any state.
  EXPECT_THAT(
      WordsOf(Outcome(*a_, {Create("RiskAssessment", Id(77), R"({"status": "IN_FORCE"})")})),
      ElementsAre(v1::Outcome::APPLIED));
  const Unit made = a_->Do(kFile, {Create("RiskAssessment", kRecord, R"({"status": "DRAFT"})")});
  const ChangeId draft{made.incarnation, made.counter};
  ExpectRejected(Outcome(*b_, {to("UNDER_REVIEW", {draft})}),
                 "values.status: got UNDER_REVIEW, wanted what may follow DRAFT: IN_FORCE, "
                 "SUPERSEDED");
  const v1::Outcome force = Outcome(*a_, {to("IN_FORCE", {draft})});
  EXPECT_THAT(WordsOf(force), ElementsAre(v1::Outcome::APPLIED));
  // The same edit is refused also when what it names is no longer a head: the answer does not
  // depend on who came first.
  ExpectRejected(Outcome(*b_, {to("UNDER_REVIEW", {draft})}), "wanted what may follow DRAFT");
  // A right one that came late stands beside the first.
  EXPECT_THAT(WordsOf(Outcome(*b_, {to("SUPERSEDED", {draft})})),
              ElementsAre(v1::Outcome::CONFLICT));
  const FieldState status = FieldOf(*world_.Load(kRecord), "RiskAssessment", "status");
  EXPECT_THAT(status.heads, SizeIs(2));
}

TEST_F(IngestTest, TransitionsOfOneUnitFollowEachOther) {
  Unit unit = a_->Prepare(
      kFile, {Create("RiskAssessment", kRecord, R"({"status": "DRAFT"})"),
              Edit("RiskAssessment", kRecord, R"({"status": "IN_FORCE"})", {{a_->incarnation, 1}}),
              Edit("RiskAssessment", kRecord, R"({"status": "DRAFT"})", {{a_->incarnation, 2}})});
  Push(*a_, unit);
  a_->Pull();
  ExpectRejected(a_->OutcomeOf(unit),
                 "changes[2].values.status: got DRAFT, wanted what may follow IN_FORCE");
}

TEST_F(IngestTest, AMarkIsAChangeOfItsOwnAlsoOfWhatNeverChanges) {
  a_->Do(kFile, {Create("Statement", kRecord, R"({"words": "I want to go."})")});
  ChangeData hide;
  hide.record = kRecord;
  hide.kind = KindNumber("Statement");
  hide.seen = {{a_->incarnation, 1}};
  FieldEdit& mark = hide.edits.emplace_back();
  mark.field = kHiddenField;
  mark.value = MarkValue(kHiddenField, "wrong person");
  EXPECT_THAT(WordsOf(Outcome(*b_, {hide})), ElementsAre(v1::Outcome::APPLIED));
  EXPECT_EQ(HiddenBecause(*world_.Load(kRecord)), "wrong person");
  a_->Pull();
  EXPECT_EQ(HiddenBecause(a_->rows().at(kRecord)), "wrong person");
  ExpectRejected(Outcome(*b_, {Edit("Statement", kRecord, R"({"words": "x"})", {})}),
                 "records of this kind never change");
  hide.edits.front().field = FieldNumber("Statement", "words");
  hide.edits.front().value = Values("Statement", R"({"words": "x"})");
  ExpectRejected(Outcome(*b_, {hide}), "never change");
  // Of a record without a judgement nothing is assessed as a whole.
  hide.edits.front().field = kAssessedField;
  hide.edits.front().value = MarkValue(kAssessedField, "seen");
  const Unit unknown = b_->Prepare(kFile, {hide});
  EXPECT_EQ(Push(*b_, unknown).status(), v1::Receipt::WAITS);
}

// A creation waits on its device until the server knows its schema. What edits the record waits
// with it, in the same push and in a later one; nobody else's does, and nothing does for ever.
TEST_F(IngestTest, WhatEditsARecordWhoseCreationWaitsWaitsWithIt) {
  constexpr char kTitle[] = R"({"title": "To the newsagent"})";
  ChangeData newer = Create("Statement", kRecord, R"({"words": "I want to go."})");
  newer.kind = 4000;
  const Unit creation = b_->Prepare(kFile, {newer});
  const auto edit = [&] { return Edit("CaseStudy", kRecord, kTitle, {}); };
  const std::vector<v1::Receipt> receipts =
      Must(b_->Push({creation, b_->Prepare(kFile, {edit()})}));
  EXPECT_EQ(receipts[0].status(), v1::Receipt::WAITS);
  EXPECT_EQ(receipts[1].status(), v1::Receipt::WAITS);
  EXPECT_THAT(receipts[1].detail(), HasSubstr("it waits on the device"));
  b_->earlier_waits = true;
  EXPECT_EQ(Push(*b_, b_->Prepare(kFile, {edit()})).status(), v1::Receipt::WAITS);
  // What is created in the same unit does not wait.
  b_->Do(kFile, {Create("CaseStudy", Id(101), "{}"), Edit("CaseStudy", Id(101), kTitle, {})});
  b_->earlier_waits = false;
  ExpectRejected(Outcome(*b_, {edit()}), "record: got one that is not in this file");
}

TEST_F(IngestTest, WhatWasSeenIsSaidOnlyWhereItIsKept) {
  a_->Do(kFile, {Create("Person", kRecord, R"({"name": "Peter"})")});
  ChangeData change = Edit("Person", kRecord, R"({"name": "Peter Hall"})", {{a_->incarnation, 1}});
  change.seen = {{a_->incarnation, 1}};
  ExpectRejected(Outcome(*b_, {change}), "seen.heads: got some");
}

TEST_F(IngestTest, TwoPeoplesParagraphsMerge) {
  a_->Do(kFile, {Create("CaseStudy", kRecord, R"({"situation": "He walks."})")});
  const ChangeId first{a_->incarnation, 1};
  const Agreed agreed{world_.Head(), Values("CaseStudy", R"({"situation": "He walks."})")};
  const auto add = [&](const char* json) {
    ChangeData change = Edit("CaseStudy", kRecord, json, {first});
    change.edits[0].agreed = agreed;
    return change;
  };
  a_->Do(kFile, {add(R"({"situation": "He walks.\n\nHe eats."})")});
  const v1::Outcome late = Outcome(*b_, {add(R"({"situation": "He walks.\n\nHe reads."})")});
  EXPECT_THAT(WordsOf(late), ElementsAre(v1::Outcome::MERGED));
  const v1::Outcome third = Outcome(*b_, {add(R"({"situation": "He runs."})")});
  EXPECT_THAT(WordsOf(third), ElementsAre(v1::Outcome::MERGED));
  const v1::Outcome overlap = Outcome(*a_, {add(R"({"situation": "He rests."})")});
  EXPECT_THAT(WordsOf(overlap), ElementsAre(v1::Outcome::CONFLICT));
}

TEST_F(IngestTest, TooManyVersionsOfAFieldAreRefused) {
  a_->Do(kFile, {Create("CaseStudy", kRecord, R"({"situation": "0"})")});
  for (size_t i = 1; i < kMaxFieldHeads; ++i) {
    a_->Do(kFile, {Edit("CaseStudy", kRecord, absl::StrCat("{\"situation\": \"", i, "\"}"), {})});
  }
  ExpectRejected(Outcome(*a_, {Edit("CaseStudy", kRecord, R"({"situation": "x"})", {})}),
                 "one more version");
  EXPECT_THAT(FieldOf(*world_.Load(kRecord), "CaseStudy", "situation").heads,
              SizeIs(kMaxFieldHeads));
}

TEST_F(IngestTest, TooManyElementsOfASetAreRefused) {
  a_->Do(kFile, {Create("RiskAssessment", kRecord, R"({"category": "x"})")});
  std::vector<ChangeData> changes;
  for (size_t i = 0; i < kMaxSetElements + 1; ++i) {
    if (i % 500 == 0 && i > 0) a_->Do(kFile, std::move(changes)), changes.clear();
    changes.push_back(
        Edit("RiskAssessment", kRecord, absl::StrCat("{\"triggers\": [\"", i, "\"]}"), {}));
  }
  ExpectRejected(Outcome(*a_, std::move(changes)), "elements");
}

TEST_F(IngestTest, ARecordThatGrowsTooLargeIsRefused) {
  const std::string text(60 * 1024, 'x');
  const std::string json = absl::StrCat("{\"situation\": \"", text, "\"}");
  a_->Do(kFile, {Create("CaseStudy", kRecord, json)});
  v1::Outcome last;
  for (int i = 0; i < 40 && last.reason().empty(); ++i) {
    last = Outcome(*a_, {Edit("CaseStudy", kRecord, json, {})});
  }
  ExpectRejected(last, "bytes with all its versions");
}

TEST_F(IngestTest, TimesOfOneRecordRiseWithinAUnit) {
  const Unit unit = a_->Prepare(
      kFile, {Create("CaseStudy", kRecord, kStudy), Create("CaseStudy", Id(101), kStudy)});
  Unit longer = unit;
  for (const char* title : {R"({"title": "x"})", R"({"title": "y"})"}) {
    longer.changes.push_back(Edit("CaseStudy", kRecord, title, {longer.changes.back().id}));
    if (longer.changes.size() == 3) longer.changes[2].edits[0].base = {unit.changes[0].id};
    longer.changes.back().id = {a_->incarnation, a_->counter++};
  }
  EXPECT_EQ(Push(*a_, longer).status(), v1::Receipt::STORED);
  auto view = Must(world_.tenant().store().Read());
  const UnitRow row = *Must(view->UnitOf(unit.changes[0].id));
  EXPECT_THAT(row.times_ms, ElementsAre(kNine, kNine, kNine + 1, kNine + 2));
}

TEST_F(IngestTest, AWrongClockWinsNothingAndLosesNothing) {
  const Unit create = a_->Do(kFile, {Create("CaseStudy", kRecord, kStudy)});
  world_.clock().Advance(60'000);
  a_->sees_clock = false;
  a_->stamp = {};
  a_->stamp.wall_ms = 4'000'000'000'000;  // the year 2096, in another boot
  a_->stamp.boot = 77;
  const auto outcome =
      Outcome(*a_, {Edit("CaseStudy", kRecord, R"({"title": "x"})", {create.changes[0].id})});
  EXPECT_EQ(outcome.time_ms(), kNine + 1);
}

TEST_F(IngestTest, ATimeIsLaterThanItsBaseAlsoWhenTheBaseIsReplaced) {
  const Unit create = a_->Do(kFile, {Create("CaseStudy", kRecord, R"({"situation": "0"})")});
  world_.clock().Advance(5000);
  const Unit first =
      a_->Do(kFile, {Edit("CaseStudy", kRecord, R"({"situation": "1"})", {create.changes[0].id})});
  a_->Do(kFile, {Edit("CaseStudy", kRecord, R"({"situation": "2"})", {first.changes[0].id})});
  b_->sees_clock = false;
  b_->stamp.wall_ms = 5;
  b_->stamp.boot = 77;
  const auto outcome =
      Outcome(*b_, {Edit("CaseStudy", kRecord, R"({"situation": "3"})", {first.changes[0].id})});
  EXPECT_EQ(outcome.time_ms(), kNine + 5001);
}

TEST_F(IngestTest, TheEndsOfTimeDoNoHarm) {
  a_->sees_clock = false;
  uint64_t record = 300;
  for (const int64_t extreme : {INT64_MIN, INT64_MAX, int64_t{0}, int64_t{-1}}) {
    for (const uint64_t boot : {uint64_t{0}, uint64_t{1}, UINT64_MAX}) {
      a_->stamp = {extreme, boot, extreme, extreme, extreme, boot};
      const auto outcome = Outcome(*a_, {Create("CaseStudy", Id(record++), kStudy)});
      EXPECT_THAT(WordsOf(outcome), ElementsAre(v1::Outcome::APPLIED));
    }
  }
  b_->Pull();
  EXPECT_EQ(a_->rows(), b_->rows());
}

TEST_F(IngestTest, AnAuthorWhomNobodyAddedIsAdmitted) {
  a_->author = "Agency worker, first shift";
  EXPECT_THAT(WordsOf(Outcome(*a_, {Create("CaseStudy", kRecord, kStudy)})),
              ElementsAre(v1::Outcome::APPLIED));
}

TEST_F(IngestTest, TheServerRemembersAcrossARestart) {
  const Unit unit = a_->Do(kFile, {Create("CaseStudy", kRecord, kStudy)});
  world_.Restart();
  EXPECT_EQ(Push(*a_, unit).status(), v1::Receipt::REPEAT);
  a_->Pull();
  b_->Pull();
  EXPECT_EQ(a_->rows(), b_->rows());
}

}  // namespace
}  // namespace doorstep::server
