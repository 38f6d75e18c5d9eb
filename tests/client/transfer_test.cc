// Export and import: nothing is lost on the way, nothing comes twice, and nothing half.
#include "doorstep/transfer.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "doorstep/attachments.h"
#include "doorstep/v1/built_in_schema.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.pb.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "sync/base/limits.h"
#include "sync/schema/schema.h"
#include "tests/client/world.h"

namespace doorstep {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr char kId[] = "0190a7c2-7f30-7c1e-9d2b-3a5f6c7d8e9f";
constexpr char kOtherId[] = "0190a7c2-7f30-7c1e-9d2b-3a5f6c7d8ea0";

std::string ExportOf(Replica& replica, const ExportOptions& options = {}) {
  std::string all;
  Must(Export(replica, options, [&](absl::string_view row) {
         absl::StrAppend(&all, row);
         return absl::OkStatus();
       }).status());
  return all;
}

std::string ExportOf(Device& device, const ExportOptions& options = {}) {
  return ExportOf(device.replica(), options);
}

absl::StatusOr<ImportResult> TryImport(Replica& replica, const std::string& text,
                                       const ImportOptions& options = {}) {
  size_t at = 0;
  return Import(replica, options, [&](char* buffer, size_t size) -> absl::StatusOr<size_t> {
    const size_t count = std::min(size, text.size() - at);
    std::copy_n(text.data() + at, count, buffer);
    at += count;
    return count;
  });
}

ImportResult ImportInto(Device& device, const std::string& text,
                        const ImportOptions& options = {}) {
  return Must(TryImport(device.replica(), text, options));
}

ImportOptions Csv(const std::string& kind = "") {
  ImportOptions options;
  options.format = TransferFormat::kCsv;
  options.kind = kind;
  return options;
}

// A value of the type that is hard to carry; `turn` makes others.
json HardValue(const ScalarSpec& scalar, int turn) {
  const int64_t low = scalar.range.has_value() ? scalar.range->min : scalar.is_unsigned ? 0 : -1;
  switch (scalar.type) {
    case ValueType::kInt:
      return low + turn % 2;
    case ValueType::kBool:
      return turn % 2 == 0;
    case ValueType::kEnum:
      return scalar.values[static_cast<size_t>(turn) % scalar.values.size()].name;
    case ValueType::kDouble:
      return -0.1 * (turn + 1);
    case ValueType::kBytes:
      return turn % 2 == 0 ? "AP8=" : "";
    case ValueType::kString:
      break;
    case ValueType::kAtomic:
      return nullptr;
  }
  if (scalar.format == StringFormat::kRecordId) return turn % 2 == 0 ? kId : kOtherId;
  if (scalar.format == StringFormat::kCivilDate) return turn % 2 == 0 ? "1930-02-01" : "2026-11-22";
  const std::vector<std::string> texts = {"",       "=1+1",    "'", "a,\"b\"",    " x ", "l\r\nm",
                                          "\ttab'", "'=quote", "-", "Zo\xC3\xAB", "\r"};
  return texts[static_cast<size_t>(turn) % texts.size()].substr(0, scalar.max_bytes);
}

json HardRecord(const KindSpec& kind, int turn) {
  json record = json::object();
  for (const FieldSpec& field : kind.fields) {
    // One record in three has gaps.
    if (turn % 3 == 2 && (field.number() + static_cast<uint32_t>(turn)) % 2 == 0) continue;
    ++turn;
    if (field.is_set()) {
      record[field.scalar.name] = {HardValue(field.scalar, turn),
                                   HardValue(field.scalar, turn + 1)};
    } else if (field.parts.empty()) {
      record[field.scalar.name] = HardValue(field.scalar, turn);
    } else {
      for (const ScalarSpec& part : field.parts) {
        record[field.scalar.name][part.name] = HardValue(part, ++turn);
      }
    }
  }
  return record;
}

class TransferTest : public ::testing::Test {
 protected:
  // Some records of every kind that people record.
  void FillWithEveryKind() {
    for (const KindSpec& kind : device_.replica().schema().kinds()) {
      if (kind.name == "SignOff") continue;
      for (int turn = 0; turn < 12; ++turn) {
        Must(device_.Add(kind.name, HardRecord(kind, turn).dump(), {.file = "new"}).status());
      }
    }
  }
  std::unique_ptr<Device> Another() {
    ++others_;
    return std::make_unique<Device>(absl::StrCat(directory_.path(), "/other", others_), "other",
                                    "north", 100 + others_);
  }
  // Everything that this device holds, with what waits to be sent.
  std::string Holdings() {
    return absl::StrCat(ExportOf(device_), Must(device_.replica().Status()).waiting);
  }

  TestDirectory directory_;
  Device device_{directory_.path() + "/tablet"};
  uint64_t others_ = 0;
};

TEST_F(TransferTest, EveryKindComesBackAsItWasFromJsonLines) {
  FillWithEveryKind();
  const std::string exported = ExportOf(device_);
  const auto other = Another();
  const ImportResult result = ImportInto(*other, exported);
  EXPECT_EQ(result.errors, 0u) << (result.first_errors.empty() ? ""
                                                               : result.first_errors[0].message);
  EXPECT_EQ(result.added, 37u * 12);
  EXPECT_TRUE(ExportOf(*other) == exported);
  // And the second time nothing comes.
  const uint64_t waiting = Must(other->replica().Status()).waiting;
  const ImportResult again = ImportInto(*other, exported);
  EXPECT_EQ(again.added, 0u);
  EXPECT_EQ(again.here, 37u * 12);
  EXPECT_TRUE(ExportOf(*other) == exported);
  EXPECT_EQ(Must(other->replica().Status()).waiting, waiting);
}

TEST_F(TransferTest, EveryKindComesBackAsItWasFromCsv) {
  FillWithEveryKind();
  const auto other = Another();
  for (const KindSpec& kind : device_.replica().schema().kinds()) {
    if (kind.name == "SignOff") continue;
    const std::string exported = ExportOf(device_, {TransferFormat::kCsv, kind.name});
    const ImportResult result = ImportInto(*other, exported, Csv());
    EXPECT_EQ(result.errors, 0u) << kind.name << ": "
                                 << (result.first_errors.empty() ? ""
                                                                 : result.first_errors[0].message);
    EXPECT_EQ(result.added, 12u) << kind.name;
    EXPECT_TRUE(ExportOf(*other, {TransferFormat::kCsv, kind.name}) == exported) << kind.name;
    EXPECT_EQ(ImportInto(*other, exported, Csv()).here, 12u) << kind.name;
  }
  EXPECT_TRUE(ExportOf(*other) == ExportOf(device_));
}

TEST_F(TransferTest, ABadRowLeavesTheReplicaAsItWas) {
  Must(device_.Add("Person", R"({"name":"Peter"})").status());
  std::string lines;
  for (int i = 0; i < 1500; ++i) {
    absl::StrAppend(&lines, R"({"kind":"Person","record":{"name":"Person )", i, "\"}}\n");
  }
  const std::string before = Holdings();
  const ImportResult result = ImportInto(
      device_, lines + "{\"kind\":\"Person\",\"record\":{\"date_of_birth\":\"1.2.1930\"}}\n");
  EXPECT_EQ(result.added, 0u);
  EXPECT_EQ(result.errors, 1u);
  ASSERT_THAT(result.first_errors, SizeIs(1));
  EXPECT_EQ(result.first_errors[0].line, 1501u);
  EXPECT_THAT(result.first_errors[0].message,
              AllOf(HasSubstr("Person.date_of_birth: got \"1.2.1930\""), HasSubstr("wanted YYYY")));
  EXPECT_EQ(Holdings(), before);
  EXPECT_THAT(Must(device_.replica().Search("1400")), IsEmpty());

  ImportOptions dry;
  dry.dry_run = true;
  EXPECT_EQ(ImportInto(device_, lines, dry).added, 1500u);
  EXPECT_EQ(Holdings(), before);
  int calls = 0;
  ImportOptions stopped;
  stopped.progress = [&](uint64_t records) { return ++calls < 2 && records > 0; };
  EXPECT_TRUE(absl::IsCancelled(TryImport(device_.replica(), lines, stopped).status()));
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(Holdings(), before);

  EXPECT_EQ(ImportInto(device_, lines).added, 1500u);
  EXPECT_THAT(Must(device_.replica().Search("1400")), SizeIs(1));
  EXPECT_EQ(Must(device_.replica().Status()).records, 1501u);
}

TEST_F(TransferTest, RowsWithoutIdsComeOnceAndAlikeOnesStayApart) {
  const std::string fall = R"({"kind":"Incident","record":{"description":"Fell in the hall"}})";
  const std::string lines = absl::StrCat(fall, "\n", fall, "\n");
  EXPECT_EQ(ImportInto(device_, lines).added, 2u);
  EXPECT_EQ(ImportInto(device_, lines).here, 2u);
  EXPECT_EQ(Must(device_.replica().Status()).records, 2u);
  // One more of the kind is the third.
  const ImportResult third = ImportInto(device_, absl::StrCat(lines, fall));
  EXPECT_EQ(third.here, 2u);
  EXPECT_EQ(third.added, 1u);
  // Another device of the site calls them the same.
  const auto other = Another();
  ImportInto(*other, absl::StrCat(lines, fall));
  EXPECT_EQ(ExportOf(*other), ExportOf(device_));
}

TEST_F(TransferTest, WhatIsHereOtherwiseIsAnErrorOrIsKept) {
  const std::string id = Must(device_.Add("Person", R"({"name":"Peter","gp":"Dr Lee"})"));
  const std::string exported = ExportOf(device_);
  Must(device_.Edit(id, R"({"gp":"Dr Wu"})"));
  const std::string before = Holdings();
  const ImportResult refused = ImportInto(device_, exported);
  ASSERT_THAT(refused.first_errors, SizeIs(1));
  EXPECT_THAT(refused.first_errors[0].message,
              AllOf(HasSubstr("Person.gp: got \"Dr Lee\", wanted \"Dr Wu\""), HasSubstr(id)));
  ImportOptions keep;
  keep.keep_existing = true;
  const ImportResult kept = ImportInto(device_, exported, keep);
  EXPECT_EQ(kept.kept, 1u);
  EXPECT_EQ(kept.errors, 0u);
  EXPECT_EQ(Holdings(), before);
  // Another kind, place, or second row of the file under the same id.
  for (const std::string& other :
       {absl::StrReplaceAll(exported, {{"Dr Lee", "Dr Wu"}, {"NORMAL", "SEALED"}}),
        absl::StrCat(R"({"kind":"Task","id":")", id, R"(","record":{"what":"x"}})"),
        absl::StrCat(R"({"kind":"Person","file":"new","id":")", id,
                     R"(","record":{"name":"Peter","gp":"Dr Wu"}})")}) {
    EXPECT_THAT(ImportInto(device_, other).first_errors, SizeIs(1)) << other;
  }
  const auto other = Another();
  EXPECT_THAT(
      ImportInto(*other, exported + absl::StrReplaceAll(exported, {{"Lee", "Wu"}})).first_errors,
      SizeIs(1));
  EXPECT_EQ(ImportInto(*other, exported + exported).here, 1u);
}

TEST_F(TransferTest, HiddenRecordsStayHidden) {
  const std::string id = Must(device_.Add("Person", R"({"name":"Peter"})"));
  const OpenRecord opened = Must(device_.replica().Get(id));
  Must(device_.replica().Transact(
      {}, [&](Edits& edits) { return edits.Hide(opened, "=on \"the\" wrong record"); }));
  const std::string exported = ExportOf(device_);
  EXPECT_THAT(exported, HasSubstr(R"("hidden":"=on \"the\" wrong record")"));
  const auto lines = Another();
  EXPECT_EQ(ImportInto(*lines, exported).added, 1u);
  EXPECT_EQ(ExportOf(*lines), exported);
  EXPECT_EQ(ImportInto(*lines, exported).here, 1u);
  const auto csv = Another();
  ImportInto(*csv, ExportOf(device_, {TransferFormat::kCsv, "Person"}), Csv());
  EXPECT_EQ(ExportOf(*csv), exported);
  EXPECT_EQ(Must(csv->replica().Get(id)).Info().hidden, "=on \"the\" wrong record");
}

TEST_F(TransferTest, HostileLines) {
  const std::string before = Holdings();
  const auto record = [](const std::string& fields) {
    return absl::StrCat("{\"kind\":\"Person\",\"record\":{", fields, "}}");
  };
  const std::string nul("\0", 1);
  const std::vector<std::pair<std::string, std::string>> lines = {
      {record("\"name\":\"x\"").substr(0, 30), "one JSON object"},
      {record("\"name\":\"a\",\"name\":\"b\""), "stands twice"},
      {R"({"kind":"Person","record":{},"record":{}})", "stands twice"},
      {record("\"name\":{\"name\":\"a\",\"name\":\"b\"}"), "stands twice"},
      {record("\"name\":\"\xFF\""), "UTF-8"},
      {record("\"name\":\"" + nul + "\""), "one JSON object"},
      {record("\"name\":\"\\u0000\""), "Person.name"},
      {record("\"naem\":\"x\""), "wanted name"},
      {record("\"allergies\":" + std::string(100'000, '[')), "nesting"},
      {record("\"inherent_rating\":{}"), "no such field"},
      {record("\"name\":\"" + std::string(kMaxTextFieldBytes + 1, 'x') + "\""), "Person.name"},
      {R"({"kind":"Person","record":{"name":"x"},"naem":1})", "\"naem\""},
      {R"({"kind":"Person","record":{"name":"x"},"tier":"SECRET"})", "tier"},
      {R"({"kind":"Person","record":{"name":"x"},"file":"nowhere"})", "file"},
      {R"({"kind":"kind 4711","record":{"_unknown":""}})", "newer"},
      {std::string(kMaxRecordJsonBytes + 10, '{'), "got more than"},
      {"PK\x03\x04 a spreadsheet", "one JSON object"},
  };
  for (const auto& [line, wanted] : lines) {
    const ImportResult result =
        ImportInto(device_, absl::StrCat(record("\"name\":\"good\""), "\n", line));
    ASSERT_THAT(result.first_errors, SizeIs(1)) << line.substr(0, 100);
    EXPECT_EQ(result.first_errors[0].line, 2u);
    EXPECT_THAT(result.first_errors[0].message, HasSubstr(wanted)) << line.substr(0, 100);
    EXPECT_LT(result.first_errors[0].message.size(), 2'000u);
  }
  EXPECT_EQ(Holdings(), before);
  ImportOptions few;
  few.max_errors = 2;
  const ImportResult many = ImportInto(device_, "a\nb\nc\nd\n", few);
  EXPECT_EQ(many.errors, 4u);
  EXPECT_THAT(many.first_errors, SizeIs(2));
}

TEST_F(TransferTest, HostileCsv) {
  const std::string before = Holdings();
  const std::vector<std::pair<std::string, std::string>> files = {
      {"naem\nx\n", "no such column"},
      {"name,name\nx,y\n", "each column once"},
      {"name,gp\nx\n", "1 cells"},
      {"name,gp\nx,y,z\n", "3 cells"},
      {"name;gp\nx;y\n", "no such column"},
      {"name\n\"x\n", "never closed"},
      {"name\n\xFF\xFE\n", "UTF-8"},
      {std::string("name,gp\nx\0y,z\n", 14), "Person.name"},
      {"name,third_party\nx,maybe\n", "Person.third_party: got \"maybe\", wanted true or false"},
      {"name,date_of_birth\nx,22/11/2026\n", "Person.date_of_birth"},
      {"name,allergies\nx,nuts\n", "wanted a JSON array"},
      {"name,_id\nx,short\n", "id: got"},
      {"name,_kind\nx,Task\n", "_kind"},
      {"name,occurred_at.precision\nx,WRONG\n", "occurred_at"},
  };
  for (const auto& [file, wanted] : files) {
    const ImportResult result = ImportInto(device_, file, Csv("Person"));
    ASSERT_THAT(result.first_errors, SizeIs(1)) << file;
    EXPECT_THAT(result.first_errors[0].message, HasSubstr(wanted)) << file;
    EXPECT_THAT(result.first_errors[0].message, Not(HasSubstr("\n"))) << file;
  }
  EXPECT_THAT(ImportInto(device_, "name\nx\n", Csv()).first_errors, SizeIs(1));
  EXPECT_THAT(ImportInto(device_, "_kind,name\nNoSuch,x\ny,z\n", Csv()).first_errors, SizeIs(1));
  EXPECT_EQ(ImportInto(device_, "", Csv()).records, 0u);
  EXPECT_EQ(Holdings(), before);
  // What a spreadsheet makes of it.
  EXPECT_EQ(ImportInto(device_,
                       "\xEF\xBB\xBF"
                       "_kind,name,third_party\r\nPerson,\"Hall, Peter\",TRUE\r\n,,\r\n",
                       Csv())
                .errors,
            1u);
  EXPECT_EQ(ImportInto(device_,
                       "\xEF\xBB\xBF"
                       "_kind,name,third_party\r\nPerson,\"Hall, Peter\",TRUE\r\n",
                       Csv())
                .added,
            1u);
  EXPECT_EQ(device_.Rows("SELECT name, third_party FROM person"),
            json::array({json::array({"Hall, Peter", 1})}));
}

TEST_F(TransferTest, EmptyRecordsAndSignaturesArePassedOver) {
  const ImportResult empty = ImportInto(device_, R"({"kind":"Person","record":{}})");
  EXPECT_EQ(empty.empty, 1u);
  EXPECT_EQ(empty.errors, 0u);
  const KindSpec& kind = *device_.replica().schema().FindByName("RiskAssessment");
  const std::string id = Must(device_.Add(kind.name, HardRecord(kind, 4).dump(), {.file = "new"}));
  const OpenRecord opened = Must(device_.replica().Get(id));
  const absl::Status signed_off =
      device_.replica().Transact({}, [&](Edits& edits) { return edits.Sign(opened).status(); });
  ASSERT_TRUE(signed_off.ok()) << signed_off;
  const auto other = Another();
  const ImportResult result = ImportInto(*other, ExportOf(device_));
  EXPECT_EQ(result.added, 1u);
  EXPECT_EQ(result.sign_offs, 1u);
}

// What does not come back, and nothing else: signatures, and the versions beside the one that is
// worked to. (A signature lists heads of one history; versions would be their importer's.)
TEST(TransferWorldTest, OnlySignaturesAndVersionsBesideStayBehind) {
  World world;
  auto khan = world.NewDevice("khan");
  auto osei = world.NewDevice("osei");
  const KindSpec& kind = *khan.replica().schema().FindByName("RiskAssessment");
  const std::string id = Must(khan->Add(kind.name, HardRecord(kind, 4).dump(), {.file = "new"}));
  const OpenRecord opened = Must(khan.replica().Get(id));
  Must(khan.replica().Transact({}, [&](Edits& edits) { return edits.Sign(opened).status(); }));
  for (World::Linked* each : {&khan, &osei}) Must(each->Sync().status());
  Must(khan->Edit(id, R"({"residual_rating":{"likelihood":1,"severity":3}})"));
  Must(osei->Edit(id, R"({"residual_rating":{"likelihood":4,"severity":3}})"));
  for (World::Linked* each : {&khan, &osei, &khan}) Must(each->Sync().status());
  std::string left;
  int sign_offs = 0;
  const std::string exported = ExportOf(*khan.device);
  for (const absl::string_view text : absl::StrSplit(exported, '\n', absl::SkipEmpty())) {
    json line = json::parse(text.begin(), text.end(), nullptr, false);
    if (line["kind"] == "SignOff") {
      EXPECT_EQ(line["record"]["record"], id) << "readable outside, if nowhere else";
      ++sign_offs;
      continue;
    }
    EXPECT_THAT(line["undecided"], SizeIs(1));
    line.erase("undecided");
    left += line.dump();
  }
  EXPECT_EQ(sign_offs, 1);
  auto other = world.NewDevice("other", "south");
  const ImportResult result = ImportInto(*other.device, exported);
  EXPECT_EQ(result.sign_offs, 1u);
  EXPECT_EQ(result.undecided, 1u);
  EXPECT_EQ(json::parse(ExportOf(*other.device), nullptr, false).dump(), left);
  EXPECT_THAT(Must(other.replica().Conflicts()), IsEmpty());
  EXPECT_THAT(Must(other.replica().SignOffs(id)), IsEmpty());
}

// An import brings records, not their attachments, and says how many are missing.
TEST_F(TransferTest, AttachmentsStayBehindAndAreCounted) {
  const std::string person = Must(device_.Add("Person", R"({"name":"Peter"})"));
  const auto attach = [&](Device& device, const std::string& bytes) {
    AttachOptions options;
    options.place.file = person;
    return Must(AttachBytes(device.replica(), bytes, options));
  };
  const std::string first = attach(device_, "the step");
  const std::string second = attach(device_, "the door");
  const std::string exported = ExportOf(device_);
  const ImportResult again = ImportInto(device_, exported);
  EXPECT_EQ(again.here, 3u);
  EXPECT_EQ(again.attachments_missing, 0u);

  const auto other = Another();
  ImportOptions dry;
  dry.dry_run = true;
  EXPECT_EQ(ImportInto(*other, exported, dry).attachments_missing, 2u);
  const ImportResult result = ImportInto(*other, exported);
  EXPECT_EQ(result.added, 3u);
  EXPECT_EQ(result.attachments_missing, 2u);
  EXPECT_EQ(Must(FindAttachment(other->replica(), first)).state, AttachmentState::kOnItsWay);
  // The same bytes attached there, in the same file: they belong to the imported record, too.
  attach(*other, "the step");
  EXPECT_EQ(Must(FindAttachment(other->replica(), first)).state, AttachmentState::kHere);
  EXPECT_EQ(Must(FindAttachment(other->replica(), second)).state, AttachmentState::kOnItsWay);
  EXPECT_EQ(ExportOf(*other).find("the step"), std::string::npos);
}

TEST(TransferWorldTest, OfWhatIsUndecidedAllVersionsAreExported) {
  World world;
  auto khan = world.NewDevice("khan");
  auto osei = world.NewDevice("osei");
  const std::string id =
      Must(khan->Add("RiskAssessment", R"({"residual_rating":{"likelihood":2,"severity":3}})"));
  Must(khan.Sync().status());
  Must(osei.Sync().status());
  Must(khan->Edit(id, R"({"residual_rating":{"likelihood":1,"severity":3}})"));
  Must(osei->Edit(id, R"({"residual_rating":{"likelihood":4,"severity":3}})"));
  Must(khan.Sync().status());
  Must(osei.Sync().status());
  const std::string exported = ExportOf(*osei.device);
  const json line = json::parse(exported, nullptr, false);
  EXPECT_EQ(line["record"]["residual_rating"]["likelihood"], 4);
  ASSERT_THAT(line["undecided"], SizeIs(1));
  EXPECT_EQ(line["undecided"][0]["field"], "residual_rating");
  std::vector<int> likelihoods;
  for (const json& version : line["undecided"][0]["versions"]) {
    likelihoods.push_back(version["value"]["likelihood"]);
  }
  EXPECT_THAT(likelihoods, UnorderedElementsAre(1, 4));

  auto other = world.NewDevice("other", "south");
  const ImportResult result = ImportInto(*other.device, exported);
  EXPECT_EQ(result.added, 1u);
  EXPECT_EQ(result.undecided, 1u);
  EXPECT_EQ(other->Json(id)["residual_rating"]["likelihood"], 4);
}

// As the built-in schema was before Person had a gp, and before there were tasks.
std::shared_ptr<const Schema> OlderSchema() {
  google::protobuf::FileDescriptorSet set;
  set.ParseFromArray(kBuiltInSchema, static_cast<int>(kBuiltInSchemaSize));
  for (auto& file : *set.mutable_file()) {
    auto* messages = file.mutable_message_type();
    for (int i = messages->size() - 1; i >= 0; --i) {
      if (messages->Get(i).name() == "Task") messages->DeleteSubrange(i, 1);
    }
    for (auto& message : *messages) {
      if (message.name() != "Person") continue;
      auto* fields = message.mutable_field();
      int gone = -1;  // the oneof that makes it optional
      for (int i = fields->size() - 1; i >= 0; --i) {
        if (fields->Get(i).name() != "gp") continue;
        gone = fields->Get(i).oneof_index();
        fields->DeleteSubrange(i, 1);
      }
      message.mutable_oneof_decl()->DeleteSubrange(gone, 1);
      for (auto& field : *fields) {
        if (field.has_oneof_index() && field.oneof_index() > gone) {
          field.set_oneof_index(field.oneof_index() - 1);
        }
      }
    }
  }
  return Must(Schema::FromDescriptorSet(set.SerializeAsString()));
}

TEST(TransferWorldTest, WhatAnOlderProgramDoesNotKnowItCarries) {
  World world;
  auto newer = world.NewDevice("newer");
  ManualClock clock(kNine);
  SeededEntropy entropy(77);
  Environment old;
  old.clock = &clock;
  old.entropy = &entropy;
  old.schema = OlderSchema();
  TestDirectory directory;
  const auto make = [&](const std::string& name) {
    const std::string path = absl::StrCat(directory.path(), "/", name);
    InitOptions init;
    init.site = "north";
    init.device_name = name;
    init.user = "A Khan";
    init.environment = old;
    Must(Replica::Init(path, init));
    OpenOptions options;
    options.environment = old;
    return Must(Replica::Open(path, options));
  };
  const std::unique_ptr<Replica> older = make("older");
  testing::CoreTransport link(&world.core());
  Must(newer->Add("Person", R"({"name":"Peter","gp":"Dr Lee"})").status());
  Must(newer->Add("Task", R"({"what":"Ring the surgery","due":"2026-11-30"})").status());
  Must(newer.Sync().status());
  Must(older->Sync(link, {}).status());
  const std::string exported = ExportOf(*older);
  EXPECT_THAT(exported, AllOf(HasSubstr("\"_unknown\""), Not(HasSubstr("gp")),
                              HasSubstr("\"kind\":\"kind 44\"")));

  auto third = world.NewDevice("third");
  EXPECT_EQ(ImportInto(*third.device, exported).added, 2u);
  EXPECT_EQ(ExportOf(*third.device), ExportOf(*newer.device));
  auto by_csv = world.NewDevice("by_csv");
  ImportInto(*by_csv.device, ExportOf(*older, {TransferFormat::kCsv, "Person"}), Csv());
  EXPECT_EQ(by_csv->Rows("SELECT name, gp FROM person"),
            json::array({json::array({"Peter", "Dr Lee"})}));

  // A program that cannot check it does not take it, and says so.
  const std::unique_ptr<Replica> fourth = make("fourth");
  const ImportResult refused = Must(TryImport(*fourth, exported));
  EXPECT_EQ(refused.errors, 2u);
  EXPECT_THAT(refused.first_errors[0].message, HasSubstr("newer program"));
  EXPECT_EQ(Must(fourth->Status()).records, 0u);
}

}  // namespace
}  // namespace doorstep
