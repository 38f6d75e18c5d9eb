// Tables that an older schema wrote, brought to a newer one: what was kept without being known
// stands in its columns then, and nothing else has changed.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/base/entropy.h"
#include "sync/change/wire.h"
#include "sync/schema/compare.h"
#include "sync/tables/record_tables.h"
#include "tests/schema/schema_text.h"

namespace doorstep {
namespace {

constexpr char kOlder[] = R"(
message Visit {
  option (doorstep.v1.kind) = { number: 9 };
  optional string name = 1 [(doorstep.v1.field) = { merge: LATEST }];
  optional Stage.Value stage = 2 [(doorstep.v1.field) = { merge: STATE }];
  /*field*/
}
/*kind*/
message Stage {
  enum Value {
    option (doorstep.v1.state_machine) = {
      initial: "OPEN"
      transitions: { from: "OPEN" to: "SHUT" }
      /*transition*/
    };
    UNSPECIFIED = 0;
    OPEN = 1;
    SHUT = 2 [(doorstep.v1.value).rank = 2];
    /*state*/
  }
}
message Rating {
  option (doorstep.v1.atomic) = { likelihood: "l" severity: "s" };
  optional int32 l = 1;
  optional int32 s = 2;
}
)";

class Evolution : public ::testing::Test {
 protected:
  Evolution() {
    older_ = *SchemaFromText(kOlder);
    newer_ = *SchemaFromText(absl::StrReplaceAll(
        kOlder, {{"/*field*/", R"(
            optional string gp = 3 [(doorstep.v1.field) = { merge: LATEST index: true }];
            repeated string tags = 4 [(doorstep.v1.field) = { merge: SET }];
            optional Rating rating = 5
                [(doorstep.v1.field) = { merge: REVIEW effective: HIGHEST_RATING }];)"},
                 {"/*transition*/", "transitions: { from: \"SHUT\" to: \"GONE\" }"},
                 {"/*state*/", "GONE = 3 [(doorstep.v1.value).rank = 1];"},
                 {"/*kind*/", R"(
            message Safeguard {
              option (doorstep.v1.kind) = { number: 3 };
              optional string plan = 1
                  [(doorstep.v1.field) = { merge: LATEST reference: "Plan" }];
            }
            message Plan {
              option (doorstep.v1.kind) = { number: 4 coherent_children: "Safeguard" };
              optional string text = 1
                  [(doorstep.v1.field) = { merge: LATEST coherent_group: "g" }];
            })"}}));
    EXPECT_TRUE(IsAdditive(*older_, *newer_));
    DatabaseOptions options;
    options.create = true;
    db_ = *Database::Open(":memory:", options);
    tables_ = std::make_unique<RecordTables>(db_.get(), older_);
    EXPECT_TRUE(tables_->Create().ok());
  }

  RecordState Record(uint32_t kind) {
    RecordState state;
    state.id = NewUuidV7(1000, entropy_);
    state.kind = kind;
    state.compartment = {file_, 0};
    return state;
  }
  // Each of the values is a head of its own, by a life of its own.
  void Put(uint32_t field, const std::vector<std::string>& values, RecordState* state) {
    FieldState& at = state->At(field);
    at.sequence = 7;
    for (const std::string& value : values) {
      Head head;
      head.id = {NewUuidV4(entropy_), 1};
      head.time_ms = 1'700'000'000'000 + static_cast<int64_t>(at.heads.size());
      head.sequence = 7;
      head.author = "A Khan";
      head.value = value;
      at.heads.push_back(head);
    }
  }
  void Save(const RecordState& state) {
    const auto saved = tables_->Save(state);
    ASSERT_TRUE(saved.ok()) << saved.status();
  }
  void Upgrade() {
    tables_ = std::make_unique<RecordTables>(db_.get(), newer_);
    const absl::Status created = tables_->Create();
    ASSERT_TRUE(created.ok()) << created;
  }
  std::string Ask(const std::string& sql) {
    const auto text = db_->QueryText(sql);
    return text.ok() ? *text : std::string(text.status().message());
  }
  RecordState Load(const Uuid& id) { return (*tables_->Load(id)).value_or(RecordState()); }

  std::shared_ptr<const Schema> older_;
  std::shared_ptr<const Schema> newer_;
  SeededEntropy entropy_{42};
  Uuid file_ = NewUuidV4(entropy_);
  std::unique_ptr<Database> db_;
  std::unique_ptr<RecordTables> tables_;
};

TEST_F(Evolution, FieldsThatWereKeptUnknownStandInTheirColumns) {
  RecordState state = Record(9);
  Put(1, {"\x0a\x05Peter"}, &state);
  Put(3,
      {"\x1a\x06"
       "Dr Lee"},
      &state);
  Put(4,
      {"\x22\x01"
       "a",
       "\x22\x01"
       "b"},
      &state);
  // Two ratings that have not seen each other, of which the older program knew nothing.
  Put(5, {"\x2a\x04\x08\x02\x10\x03", "\x2a\x04\x08\x04\x10\x04"}, &state);
  Save(state);
  EXPECT_EQ(Load(state.id), state);
  EXPECT_EQ(Ask("SELECT count(*) FROM _conflict"), "0");
  Upgrade();
  EXPECT_EQ(Load(state.id), state);
  EXPECT_EQ(Ask("SELECT gp FROM visit"), "Dr Lee");
  EXPECT_EQ(Ask("SELECT tags FROM visit"), R"(["a","b"])");
  EXPECT_EQ(Ask("SELECT rating_l * rating_s FROM visit"), "16");
  EXPECT_EQ(Ask("SELECT _unknown IS NULL FROM k_visit"), "1");
  EXPECT_EQ(Ask("SELECT field FROM _conflict"), "5");
}

TEST_F(Evolution, ARecordWithoutUnknownFieldsIsNotTouched) {
  RecordState state = Record(9);
  Put(1, {"\x0a\x05Peter"}, &state);
  Save(state);
  const std::string meta = Ask("SELECT hex(_meta) FROM k_visit");
  Upgrade();
  EXPECT_EQ(Load(state.id), state);
  EXPECT_EQ(Ask("SELECT hex(_meta) FROM k_visit"), meta);
  EXPECT_EQ(Ask("SELECT gp IS NULL FROM visit"), "1");
}

// A child of a lower number is adopted before its parent, and opens the parent's case.
TEST_F(Evolution, KindsThatWereKeptUnknownStandInTheirTables) {
  RecordState plan = Record(4);
  Put(1, {"\x0a\x04Walk"}, &plan);
  RecordState safeguard = Record(3);
  Put(1, {absl::StrCat("\x0a\x24", plan.id.ToString())}, &safeguard);
  Save(plan);
  Save(safeguard);
  EXPECT_EQ(Ask("SELECT count(*) FROM _unknown_record"), "2");
  Upgrade();
  EXPECT_EQ(Ask("SELECT count(*) FROM _unknown_record"), "0");
  EXPECT_EQ(Ask("SELECT text FROM plan"), "Walk");
  EXPECT_EQ(Ask("SELECT plan FROM safeguard"), plan.id.ToString());
  EXPECT_EQ(Ask("SELECT count(*) FROM _conflict WHERE field = 19001"), "1");
  EXPECT_EQ(Load(plan.id), plan);
  EXPECT_EQ(Load(safeguard.id), safeguard);
}

TEST_F(Evolution, ManyRecordsOfAnUnknownKind) {
  std::vector<RecordState> plans;
  for (int i = 0; i < 1203; ++i) {
    plans.push_back(Record(4));
    Put(1, {absl::StrCat("\x0a\x04", 1000 + i)}, &plans.back());
    Save(plans.back());
  }
  Upgrade();
  EXPECT_EQ(Ask("SELECT count(DISTINCT text) FROM plan"), "1203");
  EXPECT_EQ(Load(plans.back().id), plans.back());
}

// To the older program GONE is a number that follows from nothing.
TEST_F(Evolution, WhatFollowsFromANewStateIsShown) {
  RecordState state = Record(9);
  Put(2, {"\x10\x02", "\x10\x03"}, &state);
  Save(state);
  EXPECT_EQ(Ask("SELECT count(*) FROM _conflict"), "1");
  EXPECT_EQ(Ask("SELECT stage FROM visit"), "SHUT");
  Upgrade();
  EXPECT_EQ(Ask("SELECT count(*) FROM _conflict"), "0");
  EXPECT_EQ(Ask("SELECT stage FROM visit"), "GONE");
  EXPECT_EQ(Load(state.id), state);
}

}  // namespace
}  // namespace doorstep
