// Marks, and judgements that two people changed: functions of the heads.
#include "sync/merge/judgement.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "sync/change/wire.h"
#include "sync/merge/marks.h"
#include "sync/merge/record.h"
#include "sync/schema/schema.h"
#include "tests/merge/sample_fields.h"

namespace doorstep {
namespace {

std::vector<ChangeId> Ids(const std::vector<std::string>& names) {
  std::vector<ChangeId> ids;
  for (const std::string& name : names) ids.push_back(Id(name));
  std::sort(ids.begin(), ids.end());
  return ids;
}

const KindSpec& Kind(const char* name) { return *Schema::BuiltIn()->FindByName(name); }
uint32_t Number(const char* kind, const char* field) {
  return Kind(kind).FindByName(field)->number();
}

struct Write {
  std::string id;
  uint32_t field;
  std::string text;  // empty: cleared
  std::vector<std::string> base;
  std::vector<std::string> seen;
  std::string author = "A Khan";
};

class Record {
 public:
  Record(const char* kind, uint8_t number) : kind_(Kind(kind)) {
    state_.id.b[0] = number;
    state_.kind = kind_.number;
  }

  Record& Do(const Write& write) {
    ChangeData change;
    change.id = Id(write.id);
    change.record = state_.id;
    change.kind = state_.kind;
    change.seen = Ids(write.seen);
    FieldEdit& edit = change.edits.emplace_back();
    edit.field = write.field;
    const FieldSpec& field = *kind_.FindWithMarks(write.field);
    edit.value = Text(field, write.text);
    edit.base = Ids(write.base);
    PlanChange(kind_, change, 10 + write.id[1], 1, write.author, &state_);
    return *this;
  }
  const RecordState& state() const { return state_; }

 private:
  const KindSpec& kind_;
  RecordState state_;
};

std::string Apart(const Judgement& judgement) {
  std::vector<std::string> names;
  for (const MemberHead& member : UnassessedHeads(*Schema::BuiltIn(), judgement)) {
    names.push_back(
        absl::StrCat(std::string(1, static_cast<char>(member.head->id.incarnation.b[0])),
                     member.head->id.counter));
  }
  std::sort(names.begin(), names.end());
  return absl::StrJoin(names, " ");
}

const uint32_t kActivity = Number("RiskAssessment", "activity");
const uint32_t kHazard = Number("RiskAssessment", "hazard");
const uint32_t kLocation = Number("RiskAssessment", "location");
const uint32_t kControl = Number("Mitigation", "control");

TEST(Judgement, TwoWhoHadNotSeenEachOther) {
  Record risk("RiskAssessment", 1);
  risk.Do({"A1", kActivity, "Walks", {}, {}}).Do({"A2", kHazard, "Traffic", {}, {"A1"}});
  EXPECT_EQ(Apart({&risk.state()}), "") << "one author";
  risk.Do({"B1", kActivity, "Walks alone", {"A1"}, {"A2"}});
  EXPECT_EQ(Apart({&risk.state()}), "") << "B saw A's";
  risk.Do({"C1", kHazard, "Gets lost", {"A2"}, {"A1"}});
  EXPECT_EQ(Apart({&risk.state()}), "B1 C1");
}

TEST(Judgement, TwoPeopleAtOneTabletAreTwo) {
  Record risk("RiskAssessment", 1);
  risk.Do({"A1", kActivity, "Walks", {}, {}, "A Khan"});
  // J Price had the form open before A Khan saved hers.
  risk.Do({"A2", kHazard, "Traffic", {}, {}, "J Price"});
  EXPECT_EQ(Apart({&risk.state()}), "A1 A2");
  risk.Do({"A3", kHazard, "Traffic, ice", {"A2"}, {"A1"}, "J Price"});
  EXPECT_EQ(Apart({&risk.state()}), "") << "opened again, and seen";
}

TEST(Judgement, AMemberThatIsChangedByOneWhoSawAllEndsIt) {
  Record risk("RiskAssessment", 1);
  risk.Do({"B1", kActivity, "Walks", {}, {}}).Do({"C1", kHazard, "Gets lost", {}, {}});
  EXPECT_EQ(Apart({&risk.state()}), "B1 C1");
  risk.Do({"D1", kHazard, "Gets lost at night", {"C1"}, {"B1"}});
  EXPECT_EQ(Apart({&risk.state()}), "");
}

TEST(Judgement, OtherFieldsAreNoMembers) {
  Record risk("RiskAssessment", 1);
  risk.Do({"B1", kActivity, "Walks", {}, {}}).Do({"C1", kLocation, "Park", {}, {}});
  EXPECT_EQ(Apart({&risk.state()}), "");
}

TEST(Judgement, OneMemberChangedTwiceIsItsOwnClassesAffair) {
  Record risk("RiskAssessment", 1);
  risk.Do({"B1", kActivity, "Walks", {}, {}}).Do({"C1", kActivity, "Runs", {}, {}});
  EXPECT_EQ(Apart({&risk.state()}), "");
}

TEST(Judgement, ChildrenAreMembers) {
  Record risk("RiskAssessment", 1);
  risk.Do({"A1", kActivity, "Walks", {}, {}});
  Record phone("Mitigation", 2);
  phone.Do({"A2", kControl, "A telephone", {}, {"A1"}});
  EXPECT_EQ(Apart({&risk.state(), &phone.state()}), "");
  risk.Do({"B1", kActivity, "Walks alone", {"A1"}, {"A2"}});
  phone.Do({"C1", kControl, "A whistle", {"A2"}, {"A1"}});
  EXPECT_EQ(Apart({&risk.state(), &phone.state()}), "B1 C1");
  EXPECT_EQ(Apart({&risk.state()}), "");
}

TEST(Judgement, AMarkThatNamesBothSettlesAPairAndNoLaterOne) {
  Record risk("RiskAssessment", 1);
  risk.Do({"B1", kActivity, "Walks", {}, {}}).Do({"C1", kHazard, "Gets lost", {}, {}});
  risk.Do({"D1", kAssessedField, "Seen whole", {}, {"B1"}});
  EXPECT_EQ(Apart({&risk.state()}), "B1 C1") << "names one of them only";
  risk.Do({"D2", kAssessedField, "Seen whole", {"D1"}, {"B1", "C1"}});
  EXPECT_EQ(Apart({&risk.state()}), "");
  risk.Do({"E1", kHazard, "Falls", {}, {}});
  EXPECT_EQ(Apart({&risk.state()}), "B1 E1");
  Record taken_back = risk;
  taken_back.Do({"D3", kAssessedField, "", {"D2"}, {}});
  EXPECT_EQ(Apart({&taken_back.state()}), "B1 C1 E1");
}

TEST(Judgement, DoesNotDependOnTheOrderOfArrival) {
  std::vector<Write> writes = {{"B1", kActivity, "Walks", {}, {}},
                               {"C1", kHazard, "Gets lost", {}, {}},
                               {"D1", kAssessedField, "Seen whole", {}, {"B1", "C1"}},
                               {"E1", kHazard, "Falls", {}, {"B1"}}};
  std::vector<int> order = {0, 1, 2, 3};
  do {
    Record risk("RiskAssessment", 1);
    for (const int i : order) risk.Do(writes[i]);
    EXPECT_EQ(Apart({&risk.state()}), "");
    EXPECT_EQ(risk.state().fields.size(), 3u);
  } while (std::next_permutation(order.begin(), order.end()));
}

std::string Hidden(const Record& record) {
  return HiddenBecause(record.state()).value_or("(shown)");
}

TEST(Marks, ARecordIsHiddenWhileItsMarkNamesAllHeads) {
  Record person("Person", 1);
  const uint32_t name = Number("Person", "name");
  const uint32_t gp = Number("Person", "gp");
  person.Do({"A1", name, "Peter", {}, {}}).Do({"A2", gp, "Dr Shah", {}, {}});
  EXPECT_EQ(Hidden(person), "(shown)");
  person.Do({"B1", kHiddenField, "wrong person", {}, {"A1", "A2"}});
  EXPECT_EQ(Hidden(person), "wrong person");
  Record edited = person;
  edited.Do({"C1", gp, "Dr Lee", {"A2"}, {}});
  EXPECT_EQ(Hidden(edited), "(shown)") << "an edit that the mark's author had not seen";
  Record again = edited;
  again.Do({"B2", kHiddenField, "still wrong", {"B1"}, {"A1", "C1"}});
  EXPECT_EQ(Hidden(again), "still wrong");
  Record shown = person;
  shown.Do({"D1", kHiddenField, "", {"B1"}, {}});
  EXPECT_EQ(Hidden(shown), "(shown)");
  Record both = person;
  both.Do({"D1", kHiddenField, "", {}, {}});
  EXPECT_EQ(Hidden(both), "(shown)") << "concurrent: to show it wins";
}

TEST(Marks, WhatAnAuthorHadNotSeenIsShownInAnyOrder) {
  const uint32_t name = Number("Person", "name");
  std::vector<Write> writes = {{"A1", name, "Peter", {}, {}},
                               {"B1", kHiddenField, "twice", {}, {"A1"}},
                               {"C1", kHiddenField, "wrong", {}, {"A1"}},
                               {"D1", name, "Pete", {"A1"}, {}}};
  std::vector<int> order = {0, 1, 2, 3};
  do {
    if (std::find(order.begin(), order.end(), 0) > std::find(order.begin(), order.end(), 3)) {
      continue;
    }
    Record person("Person", 1);
    for (const int i : order) {
      person.Do(writes[i]);
      if (i == 0) continue;
    }
    EXPECT_EQ(Hidden(person), "(shown)");
    Record without("Person", 1);
    for (const int i : order) {
      if (i != 3) without.Do(writes[i]);
    }
    EXPECT_EQ(Hidden(without), "wrong");
  } while (std::next_permutation(order.begin(), order.end()));
}

}  // namespace
}  // namespace doorstep
