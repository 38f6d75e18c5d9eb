// Who has died, and what has stopped because of that: from the records that stand here, on fixtures
// that were worked out by hand.
#include "sync/tables/stopped.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/change/record_json.h"
#include "sync/change/wire.h"
#include "sync/merge/marks.h"

namespace doorstep {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kGone[] = R"({"name": "Gwen", "date_of_death": "2026-11-20"})";
constexpr char kLives[] = R"({"name": "Idris"})";

class StoppedTest : public ::testing::Test {
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

  static Uuid Numbered(uint8_t number) {
    Uuid id;
    id.b[0] = 1;
    id.b[15] = number;
    return id;
  }
  static std::string Text(uint8_t number) { return Numbered(number).ToString(); }
  static const KindSpec& Kind(const std::string& name) {
    return *Schema::BuiltIn()->FindByName(name);
  }

  // The record `id` of a file, as one change wrote it.
  RecordState Written(const std::string& kind, uint8_t id, uint8_t file, const std::string& json) {
    RecordState state;
    state.id = Numbered(id);
    state.kind = Kind(kind).number;
    state.compartment = {Numbered(file), 0};
    const auto bytes = JsonToValues(*Schema::BuiltIn(), Kind(kind), json);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    const auto values = ParseValues(Kind(kind), *bytes, Unknown::kRefuse);
    EXPECT_TRUE(values.ok()) << values.status();
    for (const FieldValues& field : *values) {
      for (const std::string& value : field.values) AddHead(field.field, value, &state);
    }
    return state;
  }
  void AddHead(uint32_t field, const std::string& value, RecordState* state) {
    FieldState& at = state->At(field);
    at.sequence = ++counter_;
    Head head;
    head.id = {Numbered(200), counter_};
    head.time_ms = static_cast<int64_t>(counter_);
    head.sequence = counter_;
    head.author = "A Khan";
    head.value = value;
    at.heads.push_back(head);
  }
  void Save(const RecordState& state) { ASSERT_TRUE(tables_->Save(state).ok()); }
  RecordState Put(const std::string& kind, uint8_t id, uint8_t file, const std::string& json) {
    RecordState state = Written(kind, id, file, json);
    Save(state);
    return state;
  }
  // One more version of the day, empty: the person lives.
  void AlsoSays(uint8_t id, const std::string& day) {
    RecordState state = *tables_->Load(Numbered(id)).value();
    const FieldSpec& field = *Kind("Person").FindByName("date_of_death");
    std::string value;
    if (!day.empty()) {
      value = JsonToValues(*Schema::BuiltIn(), Kind("Person"),
                           absl::StrCat(R"({"date_of_death": ")", day, R"("})"))
                  .value();
    }
    AddHead(field.number(), value, &state);
    Save(state);
  }

  Stopped Look() {
    auto stopped = Stopped::Read(*tables_);
    EXPECT_TRUE(stopped.ok()) << stopped.status();
    return *std::move(stopped);
  }
  bool Has(const RecordState& record) { return Look().Has(record).value(); }

  std::unique_ptr<Database> db_;
  std::unique_ptr<RecordTables> tables_;
  uint64_t counter_ = 0;
};

TEST_F(StoppedTest, NothingStopsWhileNobodyHasDied) {
  Put("Person", 1, 1, kLives);
  const RecordState task = Put("Task", 10, 1, absl::StrCat(R"({"person": ")", Text(1), R"("})"));
  EXPECT_THAT(Look().marked(), IsEmpty());
  EXPECT_FALSE(Look().Closes(Numbered(1)));
  EXPECT_FALSE(Has(task));
}

// By what a record names; by what that names, and so on; by who stands in its file.
TEST_F(StoppedTest, WhatIsAboutSomebodyWhoHasDiedStops) {
  Put("Person", 1, 1, kGone);
  Put("Person", 2, 2, kLives);
  const std::string names = absl::StrCat(R"({"subjects": [")", Text(1), R"("]})");
  Put("CaseStudy", 20, 2, names);  // in another's file: whom it names counts
  Put("RiskAssessment", 21, 2, absl::StrCat(R"({"case_study": ")", Text(20), R"("})"));
  const RecordState safeguard =
      Put("Mitigation", 22, 2, absl::StrCat(R"({"assessment": ")", Text(21), R"("})"));
  EXPECT_TRUE(Has(safeguard));
  EXPECT_TRUE(Look().IsAbout(safeguard, Numbered(1)).value());
  EXPECT_FALSE(Look().IsAbout(safeguard, Numbered(2)).value());
  EXPECT_TRUE(Has(Put("Task", 23, 1, R"({"what": "tea"})")));
  EXPECT_FALSE(Has(Put("Task", 24, 2, R"({"what": "tea"})")));
  EXPECT_FALSE(Has(Put("Task", 25, 9, R"({"what": "tea"})"))) << "a file in which nobody stands";
  EXPECT_FALSE(Has(Put("Task", 26, 1, absl::StrCat(R"({"person": ")", Text(2), R"("})"))));
}

TEST_F(StoppedTest, ACouplesGoesOnForTheOneWhoLives) {
  Put("Person", 1, 1, kGone);
  Put("Person", 2, 1, kLives);
  const RecordState both =
      Put("CaseStudy", 20, 1,
          absl::StrCat(R"({"subjects": [")", Text(1), R"(", ")", Text(2), R"("]})"));
  const RecordState nobody = Put("CaseStudy", 21, 1, R"({"title": "their garden"})");
  EXPECT_FALSE(Has(both));
  EXPECT_FALSE(Has(nobody));
  EXPECT_TRUE(Has(*tables_->Load(Numbered(1)).value())) << "her own reviews";
  EXPECT_FALSE(Has(*tables_->Load(Numbered(2)).value()));
  AlsoSays(2, "2026-11-21");
  EXPECT_TRUE(Has(both));
  EXPECT_TRUE(Has(nobody));
}

// Somebody who is not here may live; a chain that is longer than anybody looks names nobody.
TEST_F(StoppedTest, WhoIsNotHereCountsAsLiving) {
  Put("Person", 1, 1, kGone);
  const RecordState absent = Put("Task", 20, 1, absl::StrCat(R"({"person": ")", Text(9), R"("})"));
  EXPECT_FALSE(Has(absent));
  const RecordState both =
      Put("CaseStudy", 21, 1,
          absl::StrCat(R"({"subjects": [")", Text(1), R"(", ")", Text(9), R"("]})"));
  EXPECT_FALSE(Has(both));
}

// About the day two may disagree; about whether, nobody is forgotten who may live.
TEST_F(StoppedTest, WhileOneSaysThatThePersonLivesItGoesOn) {
  Put("Person", 1, 1, kGone);
  const RecordState task = Put("Task", 10, 1, absl::StrCat(R"({"person": ")", Text(1), R"("})"));
  AlsoSays(1, "2026-11-19");
  EXPECT_TRUE(Has(task));
  EXPECT_TRUE(Look().Closes(Numbered(1)));
  AlsoSays(1, "");
  const Stopped undecided = Look();
  EXPECT_FALSE(Has(task));
  EXPECT_FALSE(undecided.Closes(Numbered(1)));
  ASSERT_EQ(undecided.marked().size(), 1u);
  const FieldSpec& field = *Kind("Person").FindByName("date_of_death");
  EXPECT_EQ(ClosedBy(undecided.marked()[0].Find(field.number())), Closed::kUndecided);
}

TEST_F(StoppedTest, TakenBackItGoesOn) {
  RecordState person = Put("Person", 1, 1, kGone);
  const RecordState task = Put("Task", 10, 1, absl::StrCat(R"({"person": ")", Text(1), R"("})"));
  EXPECT_TRUE(Has(task));
  FieldState& day = person.At(Kind("Person").FindByName("date_of_death")->number());
  day.heads[0].value.clear();
  Save(person);
  EXPECT_FALSE(Has(task));
  EXPECT_THAT(Look().marked(), IsEmpty());
  EXPECT_EQ(ClosedBy(&day), Closed::kNo);
  EXPECT_EQ(ClosedBy(nullptr), Closed::kNo);
}

// Whoever was registered by mistake and is hidden keeps nobody's work going.
TEST_F(StoppedTest, WhoIsHiddenDoesNotStandInTheFile) {
  Put("Person", 1, 1, kGone);
  RecordState twice = Put("Person", 2, 1, kLives);
  const RecordState task = Put("Task", 10, 1, R"({"what": "tea"})");
  EXPECT_FALSE(Has(task));
  const std::vector<ChangeId> seen = HeadsToHide(twice);
  AddHead(kHiddenField, MarkValue(kHiddenField, "written twice"), &twice);
  twice.At(kHiddenField).heads[0].seen = seen;
  Save(twice);
  EXPECT_TRUE(Has(task));
}

TEST_F(StoppedTest, ThoseWhoAreMarkedStandInOrder) {
  for (const uint8_t id : {3, 1, 2}) Put("Person", id, id, kGone);
  std::vector<Uuid> ids;
  const Stopped stopped = Look();
  for (const RecordState& each : stopped.marked()) ids.push_back(each.id);
  EXPECT_THAT(ids, ElementsAre(Numbered(1), Numbered(2), Numbered(3)));
}

}  // namespace
}  // namespace doorstep
