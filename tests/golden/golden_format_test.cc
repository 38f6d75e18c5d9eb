// The bytes of version 1: units, rows, _meta, digests, hashes and the history's chain, over a
// schema with a field of every type and merge class. What is written today is what was written
// then, and what was written then is read as the same.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "gtest/gtest.h"
#include "server/history.h"
#include "sync/base/entropy.h"
#include "sync/change/digest.h"
#include "sync/change/record_json.h"
#include "sync/change/row_codec.h"
#include "sync/change/unit_codec.h"
#include "sync/change/wire.h"
#include "sync/merge/marks.h"
#include "sync/merge/plan.h"
#include "sync/sqlite/database.h"
#include "sync/tables/meta.h"
#include "sync/tables/record_tables.h"
#include "tests/client/device.h"
#include "tests/golden/golden.h"
#include "tests/schema/schema_text.h"
#include "tests/support/process.h"

namespace doorstep {
namespace {

using testing::GoldenPath;
using testing::ReadAll;
using testing::WriteAll;
using testing::WritesGolden;

constexpr char kThing[] = R"({
  "name": "Peter", "day": "2026-11-22", "score": -3, "big": "-5000000000", "count": 4000000000,
  "yes": true, "real": 2.5, "blob": "AAEC", "colour": "RED",
  "rating": {"likelihood": 2, "severity": 3, "why": "reminder works"},
  "prose": "He walks. He likes it.", "tags": ["a", "é"], "colours": ["DARK_GREEN"],
  "numbers": [-1, 7], "other": "01980000-0000-7000-8000-000000000001", "stage": "OPEN",
  "agreed_rating": {"likelihood": 1, "severity": 1}, "door": "blue", "plain": 0, "origin": "here"})";
constexpr char kLater[] = R"({
  "name": "Peter Hall", "day": "2026-12-01", "score": 5, "colour": "BLUE",
  "rating": {"likelihood": 4, "severity": 3}, "prose": "He walks daily. He likes it.",
  "tags": ["b"], "stage": "SHUT", "agreed_rating": {"likelihood": 5, "severity": 5},
  "door": "green"})";

Uuid IdOf(uint8_t n) {
  Uuid id{{n}};
  id.b[6] = 0x70;
  id.b[8] = 0x80;
  return id;
}

// The schema as it was then, so that additions to today's do not touch the bytes.
class GoldenFormat : public ::testing::Test {
 protected:
  GoldenFormat() {
    if (WritesGolden()) {
      std::filesystem::create_directories(GoldenPath(""));
      // With its imports, as the pool has them.
      const auto set = SetFromEverything();
      WriteAll(GoldenPath("schema.pb"), set);
    }
    schema_ = Must(Schema::FromDescriptorSet(ReadAll(GoldenPath("schema.pb"))));
    kind_ = schema_->FindByName("Thing");
  }

  static std::string SetFromEverything() {
    google::protobuf::FileDescriptorSet set;
    const auto* file = EverythingSchema()->pool()->FindFileByName("test.proto");
    std::vector<const google::protobuf::FileDescriptor*> order;
    const auto add = [&](const auto& self, const google::protobuf::FileDescriptor* one) -> void {
      for (int i = 0; i < one->dependency_count(); ++i) self(self, one->dependency(i));
      if (std::find(order.begin(), order.end(), one) == order.end()) order.push_back(one);
    };
    add(add, file);
    for (const auto* one : order) one->CopyTo(set.add_file());
    return set.SerializeAsString();
  }

  ChangeData Change(uint64_t counter, const char* json) const {
    ChangeData change;
    change.id = {IdOf(9), counter};
    change.record = IdOf(1);
    change.kind = kind_->number;
    const std::string values = Must(JsonToValues(*schema_, *kind_, json));
    for (FieldValues& field : Must(ParseValues(*kind_, values, Unknown::kRefuse))) {
      FieldEdit edit;
      edit.field = field.field;
      if (kind_->Find(field.field)->is_set()) {
        edit.adds = std::move(field.values);
      } else {
        edit.value = std::move(field.values.front());
      }
      change.edits.push_back(std::move(edit));
    }
    return change;
  }

  // Creates a record; then edits it, over two versions of each field, with a decision.
  doorstep::Unit UnitOf() const {
    doorstep::Unit unit;
    unit.incarnation = IdOf(9);
    unit.counter = 41;
    unit.compartment = {IdOf(2), 1};
    unit.stamp = {kNine, 77, 1'000, kNine - 5'000, 500, 77};
    unit.transaction = IdOf(3);
    unit.changes.push_back(Change(41, kThing));
    unit.changes.back().create = true;
    ChangeData later = Change(42, kLater);
    for (FieldEdit& edit : later.edits) {
      const FieldSpec& field = *kind_->Find(edit.field);
      if (field.is_set()) {
        edit.removals.push_back(
            {Must(JsonToValues(*schema_, *kind_, R"({"tags":["a"]})")), {{IdOf(9), 41}}});
        continue;
      }
      edit.base = {{IdOf(8), 5}, {IdOf(9), 41}};
      if (field.carries_agreed()) edit.agreed = Agreed{17, edit.value};
    }
    later.settle = Settle{SettleMode::kNewValue, "agreed with Peter"};
    unit.changes.push_back(std::move(later));
    return unit;
  }

  // Hides the record: a mark, with the heads that its author saw.
  doorstep::Unit MarkUnit() const {
    doorstep::Unit unit = UnitOf();
    unit.counter = 43;
    unit.changes.resize(1);
    ChangeData& hide = unit.changes.front();
    hide = Change(43, "{}");
    hide.seen = {{IdOf(8), 5}, {IdOf(9), 42}};
    FieldEdit& mark = hide.edits.emplace_back();
    mark.field = kHiddenField;
    mark.value = MarkValue(kHiddenField, "recorded twice");
    mark.base = {{IdOf(8), 6}};
    return unit;
  }

  // Takes back a change that was refused.
  doorstep::Unit WithdrawalUnit() const {
    doorstep::Unit unit = UnitOf();
    unit.counter = 44;
    unit.changes.resize(1);
    unit.changes.front() = Change(44, "{}");
    unit.changes.front().resolves = Resolves{{IdOf(9), 41}, "written for another person"};
    return unit;
  }

  // A record that is hidden, with heads that say what their author saw, and a proposed removal.
  RecordState MarkedState() const {
    RecordState state = StateOf();
    Head mark = state.At(900).heads.front();
    mark.id = {IdOf(9), 43};
    mark.value = MarkValue(kHiddenField, "recorded twice");
    mark.seen = {{IdOf(8), 5}, {IdOf(9), 42}};
    state.At(kHiddenField).sequence = 22;
    state.At(kHiddenField).heads = {mark};
    FieldState& tags = state.At(kind_->FindByName("tags")->number());
    Head proposal = tags.heads.front();
    proposal.id = {IdOf(8), 50};
    proposal.removes = {{IdOf(9), 41}};
    tags.heads.push_back(std::move(proposal));
    std::sort(tags.heads.begin(), tags.heads.end(), HeadBefore);
    FieldState& rating = state.At(kind_->FindByName("rating")->number());
    rating.heads.front().seen = {{IdOf(8), 5}};
    return state;
  }

  // A record with one head for most fields, two for some, and a field that no schema knows.
  RecordState StateOf() const {
    RecordState state;
    state.id = IdOf(1);
    state.kind = kind_->number;
    state.compartment = {IdOf(2), 1};
    const doorstep::Unit unit = UnitOf();
    uint64_t sequence = 20;
    for (const ChangeData& change : unit.changes) {
      for (const FieldEdit& edit : change.edits) {
        FieldState& field = state.At(edit.field);
        field.sequence = sequence;
        std::vector<std::string> values = edit.adds;
        if (!kind_->Find(edit.field)->is_set()) values = {edit.value};
        for (const std::string& value : values) {
          Head head;
          head.id = {change.create ? IdOf(9) : IdOf(8), change.id.counter};
          head.time_ms = kNine + static_cast<int64_t>(change.id.counter);
          head.sequence = sequence;
          head.author = change.create ? "A Khan" : "J Price";
          head.value = value;
          head.agreed = edit.agreed;
          if (!change.create && kind_->Find(edit.field)->needs_person()) {
            head.settle = Settle{SettleMode::kBoth, "both right"};
          }
          field.heads.push_back(std::move(head));
        }
      }
      ++sequence;
    }
    FieldState& unknown = state.At(900);
    unknown.sequence = 21;
    Head head;
    head.id = {IdOf(7), 1};
    head.time_ms = kNine;
    head.sequence = 21;
    head.author = "A Khan";
    head.value = "\xa2\x38\x01x";  // field 900, one byte of text
    unknown.heads.push_back(std::move(head));
    return state;
  }

  // In memory, with the tables of the schema.
  std::unique_ptr<Database> MakeTables() const {
    DatabaseOptions options;
    options.create = true;
    auto db = Must(Database::Open(":memory:", options));
    Must(RecordTables(db.get(), schema_).Create());
    return db;
  }

  static server::HistoryHeader HeaderOf() {
    server::HistoryHeader header;
    header.unit.sequence = 20;
    header.unit.device = IdOf(4);
    header.unit.incarnation = IdOf(9);
    header.unit.counter = 41;
    header.unit.changes = 2;
    header.unit.author = "A Khan";
    header.unit.schema_hash = std::string(16, 's');
    header.unit.epoch = 99;
    header.unit.checkpoint = 17;
    header.unit.hash = std::string(32, 'h');
    header.unit.words = {Word::kApplied, Word::kConflict};
    header.unit.times_ms = {kNine, kNine + 1};
    header.unit.uncertainty_ms = 5;
    header.unit.received_ms = kNine + 9;
    header.key_file = IdOf(2);
    return header;
  }

  // Everything that version 1 writes, by name.
  std::map<std::string, std::string> WrittenToday() const {
    std::map<std::string, std::string> out;
    const std::string payload = Must(EncodeUnit(UnitOf()));
    const RecordState state = StateOf();
    out["unit"] = payload;
    out["unit_mark"] = Must(EncodeUnit(MarkUnit()));
    out["unit_withdrawal"] = Must(EncodeUnit(WithdrawalUnit()));
    out["state_marked"] = EncodeState(MarkedState());
    out["digest_marked"] = DigestOf(MarkedState()).ToBytes();
    out["unit_hash"] = UnitHash("A Khan", std::string(16, 's'), payload);
    out["state"] = EncodeState(state);
    out["digest"] = DigestOf(state).ToBytes();
    out["compartment_digest"] = DigestOf(state.compartment, DigestOf(state)).ToBytes();
    out["case"] = std::string(CaseId(state.id, 10).AsBytes());
    const auto db = MakeTables();
    RecordTables tables(db.get(), schema_);
    const EncodedMeta meta = Must(EncodeMeta(*kind_, state, tables.dictionary()));
    out["meta"] = meta.meta;
    const auto marked = MakeTables();
    RecordTables marked_tables(marked.get(), schema_);
    out["meta_marked"] = Must(EncodeMeta(*kind_, MarkedState(), marked_tables.dictionary())).meta;
    out["meta_unknown"] = meta.unknown;
    SeededEntropy entropy(1);
    server::HistoryRow end;
    end.chain = std::string(32, '\0');
    const server::HistoryRow row =
        Must(server::SealEntry(HeaderOf(), payload, std::string(32, 'k'), end, entropy));
    out["history_header"] = row.header;
    server::HistoryHeader held = HeaderOf();
    held.unit.words = {Word::kHeld, Word::kWithdrawn};
    out["history_header_held"] = server::EncodeHeader(held);
    out["history_body"] = *row.body;
    out["history_chain"] = row.chain;
    return out;
  }

  std::shared_ptr<const Schema> schema_;
  const KindSpec* kind_ = nullptr;
};

std::map<std::string, std::string> Read() {
  std::map<std::string, std::string> out;
  for (absl::string_view line :
       absl::StrSplit(ReadAll(GoldenPath("formats.txt")), '\n', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(line, ' ');
    out[parts.first] = absl::HexStringToBytes(parts.second);
  }
  return out;
}

TEST_F(GoldenFormat, WhatIsWrittenIsWhatWasWritten) {
  const auto today = WrittenToday();
  if (WritesGolden()) {
    std::string text;
    for (const auto& [name, bytes] : today) {
      absl::StrAppend(&text, name, " ", absl::BytesToHexString(bytes), "\n");
    }
    WriteAll(GoldenPath("formats.txt"), text);
  }
  const auto golden = Read();
  EXPECT_EQ(golden.size(), today.size());
  for (const auto& [name, bytes] : golden) {
    ASSERT_EQ(today.count(name), 1u) << name;
    EXPECT_EQ(absl::BytesToHexString(today.at(name)), absl::BytesToHexString(bytes))
        << name << ": the format changed without a new version (tests/golden/README.md)";
  }
}

TEST_F(GoldenFormat, WhatWasWrittenIsReadAsTheSame) {
  const auto golden = Read();
  const doorstep::Unit unit = UnitOf();
  const auto parsed = ParseUnit(*schema_, unit.incarnation, unit.counter, 2, golden.at("unit"));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_TRUE(*parsed == unit);
  for (const auto& [name, wrote] :
       {std::pair("unit_mark", MarkUnit()), std::pair("unit_withdrawal", WithdrawalUnit())}) {
    EXPECT_TRUE(Must(ParseUnit(*schema_, wrote.incarnation, wrote.counter, 1, golden.at(name))) ==
                wrote)
        << name;
  }
  EXPECT_TRUE(Must(DecodeState(golden.at("state_marked"))) == MarkedState());
  const server::HistoryHeader held = Must(server::ParseHeader(golden.at("history_header_held")));
  EXPECT_EQ(held.unit.words, (std::vector<Word>{Word::kHeld, Word::kWithdrawn}));
  const RecordState state = StateOf();
  EXPECT_TRUE(Must(DecodeState(golden.at("state"))) == state);

  const server::HistoryHeader header = Must(server::ParseHeader(golden.at("history_header")));
  EXPECT_EQ(server::EncodeHeader(header), golden.at("history_header"));
  EXPECT_EQ(header.unit.author, "A Khan");

  // _meta, through tables that hold the record.
  {
    const auto marked = MakeTables();
    RecordTables tables(marked.get(), schema_);
    Must(tables.Save(MarkedState()).status());
    EXPECT_TRUE(Must(tables.Load(state.id)).value() == MarkedState());
    auto row = Must(marked->Prepare("SELECT _meta FROM k_thing"));
    ASSERT_TRUE(Must(row->Step()));
    EXPECT_EQ(absl::BytesToHexString(row->Blob(0)),
              absl::BytesToHexString(golden.at("meta_marked")));
  }
  const auto db = MakeTables();
  RecordTables tables(db.get(), schema_);
  Must(tables.Save(state).status());
  EXPECT_TRUE(Must(tables.Load(state.id)).value() == state);
  auto row = Must(db->Prepare("SELECT _meta, _unknown FROM k_thing"));
  ASSERT_TRUE(Must(row->Step()));
  EXPECT_EQ(absl::BytesToHexString(row->Blob(0)), absl::BytesToHexString(golden.at("meta")));
  EXPECT_EQ(absl::BytesToHexString(row->Blob(1)),
            absl::BytesToHexString(golden.at("meta_unknown")));
}

}  // namespace
}  // namespace doorstep
