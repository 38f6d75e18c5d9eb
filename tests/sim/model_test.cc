// The model (and judgement.h) against the worked examples of sync/README.md, and its reading of
// payloads.
#include "tests/sim/model.h"

#include <string>

#include "doorstep/care/v1/case_work.pb.h"
#include "doorstep/care/v1/people.pb.h"
#include "doorstep/care/v1/risk.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/sim/judgement.h"
#include "tests/sim/told.h"

namespace doorstep::sim {
namespace {

using care::v1::AllergyStatus;
using care::v1::RiskAssessment;
using ::testing::ElementsAre;

constexpr uint32_t kPerson = 1;
constexpr uint32_t kCase = 10;
constexpr uint32_t kRisk = 20;
constexpr uint32_t kAllergyStatus = 8;
constexpr uint32_t kAddress = 10;
constexpr uint32_t kDecision = 7;
constexpr uint32_t kBarriers = 6;
constexpr uint32_t kResidual = 11;
constexpr uint32_t kReviewDue = 12;
constexpr uint32_t kName = 1;

std::string Rating(int likelihood, int severity, const std::string& why = "") {
  RiskAssessment message;
  message.mutable_residual_rating()->set_likelihood(likelihood);
  message.mutable_residual_rating()->set_severity(severity);
  if (!why.empty()) message.mutable_residual_rating()->set_rationale(why);
  return message.SerializeAsString();
}

std::string Due(const std::string& date) {
  RiskAssessment message;
  message.set_review_due(date);
  return message.SerializeAsString();
}

std::string Address(const std::string& text) {
  care::v1::Person message;
  message.set_address(text);
  return message.SerializeAsString();
}

std::string Allergy(AllergyStatus::Value value) {
  care::v1::Person message;
  message.set_allergy_status(value);
  return message.SerializeAsString();
}

std::string Decided(care::v1::Decision::Outcome outcome) {
  care::v1::CaseStudy message;
  message.mutable_decision()->set_outcome(outcome);
  return message.SerializeAsString();
}

ModelChange Edit(uint64_t counter, uint32_t kind, uint32_t field, const std::string& value,
                 std::set<Id> base = {}) {
  ModelChange change;
  change.id = {"life", counter};
  change.record = "r";
  change.kind = kind;
  change.edits[field].value = value;
  change.edits[field].base = std::move(base);
  return change;
}

Id At(uint64_t counter) { return {"life", counter}; }

TEST(ModelApply, ABaseTakesAwayWhatItNamesAndNothingElse) {
  ModelRecord record{kRisk, {}, {}};
  EXPECT_EQ(Apply(Edit(1, kRisk, kResidual, Rating(2, 2)), 1, 1, "A", false, &record), "APPLIED");
  // B has not seen 1; C has.
  EXPECT_EQ(Apply(Edit(2, kRisk, kResidual, Rating(3, 4)), 2, 2, "B", false, &record), "CONFLICT");
  EXPECT_EQ(Apply(Edit(3, kRisk, kResidual, Rating(2, 3), {At(1)}), 3, 3, "C", false, &record),
            "CONFLICT");
  const Heads& heads = record.fields[kResidual];
  ASSERT_EQ(heads.size(), 2u);
  EXPECT_EQ(Shown(kRisk, kResidual, heads), Rating(3, 4));
  EXPECT_TRUE(IsOpen(kRisk, kResidual, heads));
}

TEST(ModelApply, ValuesAreWholeAndTheHighestRatingIsWorkedTo) {
  ModelRecord record{kRisk, {}, {}};
  Apply(Edit(1, kRisk, kResidual, Rating(2, 4)), 1, 1, "A", false, &record);
  Apply(Edit(2, kRisk, kResidual, Rating(4, 2)), 2, 2, "B", false, &record);
  EXPECT_EQ(Shown(kRisk, kResidual, record.fields[kResidual]), Rating(2, 4));  // higher severity
}

TEST(ModelApply, AnotherRationaleIsNoConflict) {
  ModelRecord record{kRisk, {}, {}};
  Apply(Edit(1, kRisk, kResidual, Rating(2, 3, "reminder")), 1, 1, "A", false, &record);
  EXPECT_EQ(Apply(Edit(2, kRisk, kResidual, Rating(2, 3, "phone")), 2, 2, "B", false, &record),
            "MERGED");
  EXPECT_FALSE(IsOpen(kRisk, kResidual, record.fields[kResidual]));
}

TEST(ModelApply, LatestKeepsTheLaterByTime) {
  care::v1::Person one, two;
  one.set_name("one");
  two.set_name("two");
  ModelRecord record{kPerson, {}, {}};
  Apply(Edit(1, kPerson, kName, one.SerializeAsString()), 20, 1, "A", false, &record);
  Apply(Edit(2, kPerson, kName, two.SerializeAsString()), 10, 2, "B", false, &record);
  EXPECT_EQ(Shown(kPerson, kName, record.fields[kName]), one.SerializeAsString());
  EXPECT_EQ(record.fields[kName].size(), 1u);
}

TEST(ModelApply, ARemovalTakesOnlyTheAddsThatItNames) {
  care::v1::CaseStudy message;
  message.add_barriers(care::v1::Barrier::STAFFING);
  const std::string packed = message.SerializeAsString();
  const std::string element = std::string(1, packed[0] & ~7) + packed.substr(2);
  ModelRecord record{kCase, {}, {}};
  ModelChange first = Edit(1, kCase, kBarriers, "");
  first.edits[kBarriers].adds = {element};
  ModelChange second = first;
  second.id.counter = 2;
  ModelChange removal = Edit(3, kCase, kBarriers, "");
  removal.edits[kBarriers].removals[element] = {At(1)};
  Apply(first, 1, 1, "A", false, &record);
  Apply(second, 2, 2, "B", false, &record);
  EXPECT_EQ(Apply(removal, 3, 3, "C", false, &record), "MERGED");
  EXPECT_EQ(Shown(kCase, kBarriers, record.fields[kBarriers]), element);
}

Heads Two(const std::string& a, const std::string& b) {
  return {{1, At(1), a, 1, "A", "", ModelAgreed{4, "agreed"}, {}, {}},
          {2, At(2), b, 2, "B", "", ModelAgreed{3, "earlier"}, {}, {}}};
}

TEST(ModelShown, EachRuleOfReview) {
  using care::v1::Decision;
  EXPECT_EQ(Shown(kPerson, kAllergyStatus,
                  Two(Allergy(AllergyStatus::LISTED), Allergy(AllergyStatus::NONE_KNOWN))),
            Allergy(AllergyStatus::LISTED));
  EXPECT_EQ(Shown(kPerson, kAddress, Two(Address("1 High Street"), Address("2 Low Road"))), "");
  EXPECT_EQ(Shown(kCase, kDecision, Two(Decided(Decision::DENIED), Decided(Decision::SUPPORTED))),
            "earlier");
}

TEST(ModelShown, TheEarlierDateAndAnyDateBeforeNone) {
  EXPECT_EQ(Shown(kRisk, kReviewDue, Two(Due("2027-05-01"), Due("2027-03-01"))), Due("2027-03-01"));
  EXPECT_EQ(Shown(kRisk, kReviewDue, Two("", Due("2027-03-01"))), Due("2027-03-01"));
}

// --- Whole texts and records ---

constexpr uint32_t kHazard = 3;
constexpr uint32_t kHarm = 4;
constexpr uint32_t kAllergies = 9;

std::string Hazard(const std::string& text) {
  RiskAssessment message;
  message.set_hazard(text);
  return message.SerializeAsString();
}

Heads Texts(const std::string& base, const std::string& a, const std::string& b) {
  const ModelAgreed agreed{1, Hazard(base)};
  return {{1, At(1), Hazard(a), 1, "A", "", agreed, {}, {}},
          {2, At(2), Hazard(b), 2, "B", "", agreed, {}, {}}};
}

TEST(TextProblem, SeesWhatIsLostOrWrittenByNobodyOrNotAsked) {
  const Heads heads =
      Texts("He walks. He rests.", "He walks. He rests. Ask Ann.", "Ask Bob. He walks. He rests.");
  EXPECT_EQ(TextProblem(kHazard, heads, "Ask Bob. He walks. He rests. Ask Ann.", false), "");
  EXPECT_THAT(TextProblem(kHazard, heads, "He walks. He rests. Ask Ann.", false),
              ::testing::HasSubstr("less: Ask Bob"));
  EXPECT_THAT(TextProblem(kHazard, heads, "Ask Bob. He walks. Never. He rests. Ask Ann.", false),
              ::testing::HasSubstr("nobody wrote: Never"));
  EXPECT_THAT(TextProblem(kHazard, heads, "He walks. Ask Bob. He rests. Ask Ann.", true),
              ::testing::HasSubstr("not shown whole"));
  const Heads rewritten = Texts("He walks. He rests.", "He runs. He rests.", "He sits. He rests.");
  EXPECT_TRUE(MustAsk(kHazard, rewritten));
  EXPECT_FALSE(MustAsk(kHazard, heads));
  EXPECT_EQ(TextProblem(kHazard, rewritten, "He runs. He rests.\n\nHe sits. He rests.", true), "");
}

TEST(ModelApply, ARemovalThatIsReviewedWaitsForADecision) {
  ModelRecord record{kPerson, {}, {}};
  ModelChange add = Edit(1, kPerson, kAllergies, "");
  add.edits[kAllergies].adds = {"nuts"};
  ModelChange removal = Edit(2, kPerson, kAllergies, "");
  removal.edits[kAllergies].removals["nuts"] = {At(1)};
  Apply(add, 1, 1, "A", false, &record);
  EXPECT_EQ(Apply(removal, 2, 2, "B", false, &record), "CONFLICT");
  EXPECT_EQ(Shown(kPerson, kAllergies, record.fields[kAllergies]), "nuts");
  removal.id = At(3);
  removal.settled = "she says so";
  removal.edits[kAllergies].removals["nuts"].insert(At(2));
  EXPECT_EQ(Apply(removal, 3, 3, "C", false, &record), "APPLIED");
  EXPECT_FALSE(record.fields.contains(kAllergies));
}

TEST(HiddenBy, AnEditThatTheMarkDoesNotNameShowsTheRecordAgain) {
  ModelRecord record{kPerson, {}, {}};
  Apply(Edit(1, kPerson, kAddress, Address("x")), 1, 1, "A", false, &record);
  ModelChange mark = Edit(2, kPerson, kHiddenMark, "why");
  mark.seen = {At(1)};
  Apply(mark, 2, 2, "B", false, &record);
  EXPECT_EQ(HiddenBy(record), "why");
  Apply(Edit(3, kPerson, kAddress, Address("y"), {At(1)}), 3, 3, "C", false, &record);
  EXPECT_FALSE(HiddenBy(record).has_value());
}

TEST(Judgement, ChangesThatHaveNotSeenEachOtherAreUnassessedAndUnsigned) {
  Rows rows;
  ModelRecord& record = rows["r"];
  record.kind = kRisk;
  Apply(Edit(1, kRisk, kHazard, Hazard("Ice.")), 1, 1, "A", false, &record);
  EXPECT_EQ(WhyNotSign("r", rows), "it lacks what the schema demands");
  Apply(Edit(2, kRisk, kHarm, "harm"), 2, 2, "A", false, &record);
  EXPECT_EQ(WhyNotSign("r", rows), "");
  const Signed was = ToSign(rows);
  ModelChange rating = Edit(3, kRisk, kResidual, Rating(2, 2));
  rating.id.life = "other";
  Apply(rating, 3, 3, "B", false, &record);
  EXPECT_TRUE(IsUnassessed("r", rows));
  EXPECT_FALSE(IsAmended(was, rows)) << "what came later is not covered";
  Apply(Edit(4, kRisk, kHazard, Hazard("Snow."), {At(1)}), 4, 4, "A", false, &record);
  EXPECT_TRUE(IsAmended(was, rows));
  ModelChange mark = Edit(5, kRisk, kAssessedMark, "seen both");
  mark.seen = {At(4), {"other", 3}};
  Apply(mark, 5, 5, "C", false, &record);
  EXPECT_FALSE(IsUnassessed("r", rows));
}

TEST(Judgement, ASafeguardBelongsToTheAssessmentThatItNames) {
  Rows rows;
  const std::string id(16, 'r');
  rows[id].kind = kRisk;
  care::v1::Mitigation message;
  message.set_assessment(IdText(id));
  ModelRecord& child = rows["m"];
  child.kind = 21;
  EXPECT_EQ(JudgementOf(id, rows).size(), 1u);
  Apply(Edit(1, 21, 1, message.SerializeAsString()), 1, 1, "A", false, &child);
  EXPECT_EQ(JudgementOf(id, rows).size(), 2u);
}

ModelUnit UnitOf(const ModelChange& change, const PlaceId& place) {
  return {"A", place, {}, {change}};
}

TEST(Model, WhoWritesFirstHoldsTheFileAndOthersMayNotWrite) {
  Model model;
  ModelChange create = Edit(1, kPerson, kAddress, Address("x"));
  create.create = true;
  const ModelUnit unit = UnitOf(create, {"file", 0});
  EXPECT_EQ(model.WhyRefuse(unit, "north", 1), "");
  model.Admit(unit, "north", 5, {1});
  EXPECT_TRUE(model.Holds("north", {"file", 0}, 5));
  EXPECT_FALSE(model.Holds("north", {"file", 0}, 4));
  EXPECT_EQ(model.WhyRefuse(unit, "south", 1), kNotTheirs);
  model.Take("north", {"file", 0}, 7, 100);
  EXPECT_TRUE(model.SeenBy("north", 6).contains("r"));
  EXPECT_FALSE(model.SeenBy("north", 7).contains("r"));
}

TEST(Model, WhatWasMadeBeforeAccessEndedIsAdmitted) {
  Model model;
  ModelChange create = Edit(1, kPerson, kAddress, Address("x"));
  create.create = true;
  model.Admit(UnitOf(create, {"file", 0}), "north", 5, {1});
  ModelUnit next = UnitOf(Edit(2, kPerson, kAddress, Address("y"), {At(1)}), {"file", 0});
  next.checkpoint = 6;
  ModelUnit knew = next;
  knew.checkpoint = 7;
  model.Take("north", {"file", 0}, 7, 100);
  EXPECT_TRUE(model.Lost("north", "file"));
  EXPECT_EQ(model.WhyRefuse(next, "north", 100), "");
  EXPECT_EQ(model.WhyRefuse(next, "north", 101), kAfterwards);
  EXPECT_EQ(model.WhyRefuse(knew, "north", 50), kAfterwards) << "it had heard of the end";
  EXPECT_EQ(model.WhyRefuse(next, "south", 50), kNotTheirs);
  model.Grant("north", {"file", 0}, 9);
  EXPECT_FALSE(model.Lost("north", "file"));
  EXPECT_EQ(model.WhyRefuse(next, "north", 200), "");
}

TEST(Model, ADependentOfARefusedChangeInheritsItsBase) {
  Model model;
  ModelChange create = Edit(1, kPerson, kAddress, Address("x"));
  create.create = true;
  model.Admit(UnitOf(create, {"file", 0}), "north", 1, {1});
  model.Refuse(UnitOf(Edit(2, kPerson, kAddress, Address("y"), {At(1)}), {"file", 0}), 2, "why");
  const ModelUnit next = UnitOf(Edit(3, kPerson, kAddress, Address("z"), {At(2)}), {"file", 0});
  EXPECT_EQ(model.WaitsFor(next, "north"), "");
  model.Admit(next, "north", 3, {3});
  const Heads& heads = model.At("r", kNow)->fields.at(kAddress);
  ASSERT_EQ(heads.size(), 1u);
  EXPECT_EQ(heads.begin()->value, Address("z"));
  const ModelUnit unknown = UnitOf(Edit(4, kPerson, kAddress, "", {At(9)}), {"file", 0});
  EXPECT_NE(model.WaitsFor(unknown, "north"), "");
}

TEST(Model, AnEditOverAVisibleConflictNeedsADecision) {
  Model model;
  ModelChange create = Edit(1, kPerson, kAddress, Address("x"));
  create.create = true;
  model.Admit(UnitOf(create, {"file", 0}), "north", 1, {1});
  model.Admit(UnitOf(Edit(2, kPerson, kAddress, Address("y")), {"file", 0}), "north", 2, {2});
  ModelChange edit = Edit(3, kPerson, kAddress, Address("z"), {At(1), At(2)});
  EXPECT_EQ(model.WhyRefuse(UnitOf(edit, {"file", 0}), "north", 3), "it needs a decision");
  edit.settled = "asked her";
  EXPECT_EQ(model.WhyRefuse(UnitOf(edit, {"file", 0}), "north", 3), kNotAlone);
  ModelUnit other = UnitOf(edit, {"file", 0});
  other.author = "B";
  EXPECT_EQ(model.WhyRefuse(other, "north", 3), "");
}

// --- What a backup has lost ---

ModelUnit By(const std::string& life, uint64_t counter, uint32_t field, const std::string& value,
             std::set<Id> base = {}) {
  ModelChange change = Edit(counter, kPerson, field, value, std::move(base));
  change.id.life = life;
  ModelUnit unit = UnitOf(change, {"file", 0});
  unit.epoch = 1;
  unit.checkpoint = 9;
  return unit;
}

Model WithAddress() {
  Model model;
  model.BeginLife(1, 0);
  ModelChange create = Edit(1, kPerson, kAddress, Address("x"));
  create.create = true;
  model.Admit(UnitOf(create, {"file", 0}), "north", 3, {1});
  return model;
}

TEST(ModelRestored, WhatIsEditedAndNotHereIsWaitedFor) {
  Model model = WithAddress();
  ModelUnit edit = By("life", 7, kAddress, Address("y"));
  edit.changes[0].record = "lost";
  EXPECT_EQ(model.WaitsFor(edit, "north"), "") << "never restored: nothing was ever here";
  model.BeginLife(2, 3);
  EXPECT_EQ(model.WaitsFor(edit, "north"), "its record");
  model.Hold(edit);
  ModelUnit create = edit;
  create.changes[0].id.counter = 5;
  create.changes[0].create = true;
  model.Admit(create, "north", 4, {1});
  EXPECT_EQ(model.WaitsFor(edit, "north"), "");
}

TEST(ModelRestored, ABaseThatIsLostGivesWayToWhatItsAuthorHadSeen) {
  Model model = WithAddress();
  model.BeginLife(2, 3);
  // Of another life: "lost" had replaced x, and was lost.
  model.Admit(By("b", 1, kAddress, Address("z"), {{"lost", 4}}), "north", 5, {5});
  const Heads& heads = model.At("r", kNow)->fields.at(kAddress);
  ASSERT_EQ(heads.size(), 1u);
  EXPECT_EQ(heads.begin()->value, Address("z"));
  // It comes again, too late: it had been replaced.
  model.Admit(By("lost", 4, kAddress, Address("y"), {At(1)}), "north", 6, {4});
  EXPECT_EQ(model.At("r", kNow)->fields.at(kAddress).size(), 1u);
  // What had not been named stays beside it.
  model.Admit(By("c", 1, kAddress, Address("w"), {At(1)}), "north", 7, {6});
  EXPECT_EQ(model.At("r", kNow)->fields.at(kAddress).size(), 2u);
}

TEST(ModelRestored, TheEndOfAccessIsKnownAsFarAsItWasCommon) {
  Model model = WithAddress();
  model.Take("north", {"file", 0}, 5, 100);
  const ModelUnit unit = By("life", 2, kAddress, Address("y"), {At(1)});
  EXPECT_EQ(model.WhyRefuse(unit, "north", 50), kAfterwards);
  model.BeginLife(2, 3);
  EXPECT_EQ(model.SightOf(unit), 3u);
  EXPECT_EQ(model.WhyRefuse(unit, "north", 50), "") << "what it had seen beyond 3 was another's";
}

// --- What was refused or is held, and answered ---

TEST(ModelWithdrawal, OnlyWhatWasNeverAdmittedIsTakenBack) {
  Model model = WithAddress();
  ModelUnit unit = UnitOf(Edit(8, kPerson, kAddress, ""), {"file", 0});
  unit.changes[0].edits.clear();
  unit.changes[0].resolves = At(1);
  EXPECT_NE(model.WhyRefuse(unit, "north", 1), "") << "it was admitted";
  unit.changes[0].resolves = At(6);
  EXPECT_NE(model.WhyRefuse(unit, "north", 1), "") << "nobody has heard of it";
  model.Refuse(UnitOf(Edit(6, kPerson, kAddress, Address("y")), {"file", 0}), 4, "why");
  EXPECT_EQ(model.WhyRefuse(unit, "south", 1), "") << "whoever holds the file";
  EXPECT_THAT(model.Admit(unit, "south", 5, {1}), ElementsAre("APPLIED"));
  EXPECT_FALSE(model.Holds("south", {"file", 0}, kNow));
  EXPECT_EQ(model.At("r", kNow)->fields.at(kAddress).size(), 1u) << "it changes nothing";
}

TEST(ModelWithdrawal, WhatIsHeldEndsWithItsAnswer) {
  Model model = WithAddress();
  model.BeginLife(2, 3);
  const ModelUnit held = By("life", 7, kAddress, Address("y"), {{"life", 6}});
  model.Hold(held);
  ModelUnit again = By("life", 8, kAddress, Address("y"), {At(1)});
  again.changes[0].resolves = At(7);
  model.Admit(again, "north", 5, {1});
  EXPECT_THAT(model.taken_back(), ElementsAre(At(7)));
  model.Refuse(held, 6, kTakenBack);
  EXPECT_TRUE(model.taken_back().empty());
  EXPECT_FALSE(model.IsHeld(At(7)));
}

// --- Who is told ---

using ::testing::AllOf;
using ::testing::Field;
using ::testing::IsEmpty;

ModelChange Late(uint64_t counter, uint32_t field, const std::string& value,
                 std::set<Id> base = {}) {
  ModelChange change = Edit(counter, kPerson, field, value, std::move(base));
  change.id.life = "other";
  return change;
}

std::string Gp(const std::string& name) {
  care::v1::Person message;
  message.set_gp(name);
  return message.SerializeAsString();
}

ModelHead Head(uint64_t counter, const std::string& value, int64_t time_ms,
               const std::string& author = "A") {
  return {time_ms, At(counter), value, counter, author, "", std::nullopt, {}, {}};
}

TEST(WhoIsTold, WhoseVersionDoesNotCountAnyMore) {
  constexpr uint32_t kGp = 6;
  ModelHead second = Head(2, Gp("Ray"), 5, "B");
  second.id.life = "other";
  const Heads before = {Head(1, Gp("Lee"), 1)};
  EXPECT_THAT(WhoIsTold(Late(2, kGp, Gp("Ray")), kGp, "B", before, {second}),
              ElementsAre(AllOf(Field(&Told::change, At(1)), Field(&Told::by, second.id),
                                Field(&Told::conflict, false))));
  EXPECT_THAT(WhoIsTold(Late(2, kGp, Gp("Ray"), {At(1)}), kGp, "B", before, {second}), IsEmpty())
      << "it was seen";
  EXPECT_THAT(WhoIsTold(Late(2, kGp, Gp("Ray")), kGp, "A", before, {second}), IsEmpty())
      << "it was their own";
  EXPECT_THAT(WhoIsTold(Late(2, kGp, Gp("Lee")), kGp, "B", before, {second}), IsEmpty())
      << "it says the same";
  EXPECT_THAT(WhoIsTold(Late(2, kGp, Gp("Ray")), kGp, "B", before, before),
              ElementsAre(AllOf(Field(&Told::change, second.id), Field(&Told::by, At(1)))))
      << "it lost on arrival";
}

TEST(WhoIsTold, AllWhoseVersionsStandBesideANewOne) {
  const Heads before = {Head(1, Address("x"), 1), Head(2, Address("y"), 2, "C")};
  Heads after = before;
  after.insert(Head(3, Address("z"), 3, "B"));
  EXPECT_THAT(WhoIsTold(Late(3, kAddress, Address("z")), kAddress, "B", before, after),
              ElementsAre(AllOf(Field(&Told::change, At(1)), Field(&Told::conflict, true)),
                          AllOf(Field(&Told::change, At(2)), Field(&Told::conflict, true))));
}

TEST(ReadUnit, TakesAPayloadApart) {
  v1::UnitPayload payload;
  payload.set_file("file");
  payload.add_incarnations("other");
  v1::Change* change = payload.add_changes();
  change->set_record("r");
  change->set_kind(kRisk);
  change->set_values(Due("2027-03-01"));
  change->add_cleared(kResidual);
  v1::Base* one = change->add_bases();
  one->add_fields(kResidual);
  one->add_heads()->set_counter(4);
  v1::Base* rest = change->add_bases();
  rest->add_heads()->set_incarnation(1);
  rest->mutable_heads(0)->set_counter(9);
  const auto unit = ReadUnit(payload.SerializeAsString(), "life", 7, "A");
  ASSERT_TRUE(unit.has_value());
  const ModelChange& read = unit->changes.at(0);
  EXPECT_EQ(read.id, At(7));
  EXPECT_EQ(read.edits.at(kReviewDue).value, Due("2027-03-01"));
  EXPECT_THAT(read.edits.at(kReviewDue).base, ElementsAre(Id{"other", 9}));
  EXPECT_THAT(read.edits.at(kResidual).base, ElementsAre(At(4)));
  EXPECT_EQ(read.edits.at(kResidual).value, "");
}

}  // namespace
}  // namespace doorstep::sim
