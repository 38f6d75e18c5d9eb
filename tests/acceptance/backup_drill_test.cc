// The drill of rule R11, with the programs as people have them: a backup is made while tablets
// write and sync, work goes on, a tablet is lost for ever, the server is killed, and the backup put
// back. Everything that was ever acknowledged is there again, from the devices, or stands under
// `doorstep rescued`.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "sync/base/entropy.h"
#include "tests/acceptance/device.h"
#include "tests/support/process.h"
#include "tests/support/seed.h"

namespace doorstep::testing {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr size_t kTablets = 4;
constexpr size_t kLost = kTablets - 1;  // this one does not come back
// Records that each tablet begins with, and the bytes of each, so that a backup takes seconds.
constexpr int kBegun = 12;
constexpr size_t kLongText = 24'000;
// So often at most, until the backup is made.
constexpr int kMostRounds = 200;

// Each tablet edits a field of its own in everybody's records, so that what was acknowledged last
// is what must be there.
constexpr const char* kField[kTablets] = {"gp", "preferred_name", "communication_needs", "uprn"};

class BackupDrill : public ::testing::Test {
 protected:
  BackupDrill() : seed_(SeedForTest()), random_(seed_) {
    server_.AddSite("north-team");
    for (const char* name : {"khan", "osei", "ward", "lost"}) {
      tablets_.push_back(std::make_unique<Device>(dir_.File(name), "north-team", name));
      tablets_.back()->Init("127.0.0.1:1");
    }
    server_.Start();
    EXPECT_EQ(Backup({"keygen", key_}).exit, 0);
  }

  RunResult Backup(std::vector<std::string> args) {
    args.insert(args.begin(), {"backup"});
    return server_.Operator(args);
  }
  std::unique_ptr<Process> BeginBackup() {
    return std::make_unique<Process>(std::vector<std::string>{
        ProgramPath("doorstep-server"), "backup", "create", backup_, "--public-key", key_ + ".pub",
        "--rate", "1", "--json", "--data", server_.data_dir()});
  }

  std::string LongText() {
    std::string text;
    while (text.size() < kLongText) absl::StrAppend(&text, absl::Hex(random_.Next()), " ");
    return text;
  }

  void AddRecord(size_t tablet, const std::string& text) {
    const json record = {{"name", absl::StrCat("Person ", ++people_)},
                         {"address", "1 High Street"}};
    json whole = record;
    if (!text.empty()) whole["about_me"] = text;
    const std::string id = tablets_[tablet]->Add("Person", whole);
    ASSERT_THAT(id, Not(IsEmpty()));
    written_[tablet][id]["name"] = record["name"];
    ids_[tablet].push_back(id);
    if (tablet == kLost) made_by_lost_.insert(id);
  }
  // Of a record that everybody has.
  void EditRecord(size_t tablet) {
    if (shared_.empty()) return;
    const std::string& id = shared_[random_.Below(shared_.size())];
    const std::string value = absl::StrCat(random_.Below(1'000'000));
    tablets_[tablet]->Edit(id, {{kField[tablet], value}});
    written_[tablet][id][kField[tablet]] = value;
  }

  std::vector<size_t> All() const {
    std::vector<size_t> all;
    for (size_t i = 0; i < kTablets - (lost_ ? 1 : 0); ++i) all.push_back(i);
    return all;
  }

  // All at once; what one has written is acknowledged when its sync succeeds.
  void SyncAll() {
    std::vector<std::unique_ptr<Process>> syncs;
    const std::vector<std::string> everywhere = received_;
    received_.clear();
    for (const size_t i : All()) {
      syncs.push_back(std::make_unique<Process>(DoorstepCommand(
          tablets_[i]->directory(), {"sync", "--json", "--server", server_.address()})));
    }
    for (const size_t i : All()) {
      const RunResult result = syncs[i]->Wait();
      EXPECT_EQ(result.exit, 0) << tablets_[i]->user() << result;
      if (result.exit != 0) continue;
      ++syncs_;
      for (const auto& [id, fields] : written_[i]) {
        for (const auto& [field, value] : fields) acknowledged_[id][field] = value;
      }
      written_[i].clear();
      received_.insert(received_.end(), ids_[i].begin(), ids_[i].end());
      ids_[i].clear();
    }
    shared_.insert(shared_.end(), everywhere.begin(), everywhere.end());
  }
  void SyncToQuiet() {
    for (int i = 0; i < 4; ++i) SyncAll();
    for (const size_t i : All()) {
      EXPECT_EQ(tablets_[i]->Number("waiting"), 0) << tablets_[i]->user();
    }
  }
  void Round() {
    for (const size_t i : All()) {
      EditRecord(i);
      AddRecord(i, "");
    }
    SyncAll();
  }

  // id → the exported line.
  std::map<std::string, json> Exported(size_t tablet) const {
    std::map<std::string, json> dump;
    for (absl::string_view line :
         absl::StrSplit(tablets_[tablet]->Out({"export"}), '\n', absl::SkipEmpty())) {
      json record = json::parse(line, nullptr, /*allow_exceptions=*/false);
      EXPECT_TRUE(record.is_object()) << line;
      const std::string id = record.value("id", "");
      EXPECT_TRUE(dump.emplace(id, std::move(record)).second) << id << " stands twice";
    }
    return dump;
  }

  // Kills the server, shows that the backup is whole, and puts it back.
  void KillAndRestore() {
    server_.Kill();
    const RunResult verified =
        Backup({"verify", backup_, "--secret-key", key_, "--temp", dir_.path(), "--json"});
    EXPECT_EQ(verified.exit, 0) << verified;
    const json whole = json::parse(verified.out, nullptr, /*allow_exceptions=*/false);
    EXPECT_EQ(whole["whole"], true) << verified;
    EXPECT_EQ(Backup({"restore", backup_, "--secret-key", key_}).exit, 4) << "something is there";
    const RunResult restored =
        Backup({"restore", backup_, "--secret-key", key_, "--replace", "--json"});
    EXPECT_EQ(restored.exit, 0) << restored;
    const json report = json::parse(restored.out, nullptr, /*allow_exceptions=*/false);
    restored_head_ = report["tenants"][0].value("head", uint64_t{0});
    EXPECT_NE(report["tenants"][0]["epoch"], whole["tenants"][0]["epoch"]);
    EXPECT_TRUE(std::filesystem::exists(report.value("set_aside", "") + "/tenants/default.db"));
    server_.StartAgain();
  }

  uint64_t Head() {
    const RunResult status = server_.Operator({"status", "--json"});
    return json::parse(status.out, nullptr, /*allow_exceptions=*/false).value("head", uint64_t{0});
  }

  // What the server keeps for its author until the record comes back: record → fields.
  std::map<std::string, std::set<std::string>> Held() const {
    std::map<std::string, std::set<std::string>> held;
    for (const size_t i : All()) {
      const json outbox = tablets_[i]->Json({"outbox"});
      for (const json& each : outbox["changes"]) {
        EXPECT_EQ(each["state"], "HELD") << each;
        for (const json& field : each["fields"]) held[each["record"]].insert(field);
      }
    }
    return held;
  }
  // What the server lost and only these still hold: record → field → value.
  std::map<std::string, std::map<std::string, json>> Rescued() const {
    std::map<std::string, std::map<std::string, json>> rescued;
    for (const size_t i : All()) {
      const json list = tablets_[i]->Json({"rescued"});
      for (const json& each : list["rescued"]) {
        // What the living wrote comes from themselves; but in a record that the lost tablet made it
        // waits with the record.
        EXPECT_TRUE(each["author"] == "lost" || made_by_lost_.count(each["record"]) > 0) << each;
        for (const auto& [field, value] : each["fields"].items()) {
          rescued[each["record"]][field] = value;
        }
      }
    }
    return rescued;
  }

  const uint64_t seed_;
  SeededEntropy random_;
  TempDir dir_;
  ServerProcess server_{dir_.File("server")};
  const std::string key_ = dir_.File("backup.key");
  const std::string backup_ = dir_.File("b.backup");
  std::vector<std::unique_ptr<Device>> tablets_;
  bool lost_ = false;
  int people_ = 0, syncs_ = 0;
  uint64_t restored_head_ = 0;
  std::vector<std::string> shared_;         // records that everybody has
  std::vector<std::string> received_;       // acknowledged at the last sync
  std::vector<std::string> ids_[kTablets];  // written, not yet acknowledged
  std::set<std::string> made_by_lost_;
  using Facts = std::map<std::string, std::map<std::string, json>>;  // id → field → value
  Facts written_[kTablets];
  Facts acknowledged_;
};

TEST_F(BackupDrill, EverythingAcknowledgedComesBackOrIsAProposal) {
  for (const size_t i : All()) {
    for (int n = 0; n < kBegun; ++n) AddRecord(i, LongText());
  }
  const std::string assessment = tablets_[0]->Add(
      "RiskAssessment",
      {{"hazard", "Roads"}, {"residual_rating", {{"likelihood", 2}, {"severity", 3}}}});
  SyncToQuiet();
  Round();

  // Under load.
  const int before_backup = syncs_;
  const std::unique_ptr<Process> backup = BeginBackup();
  int rounds = 0;
  while (!backup->WaitFor(std::chrono::microseconds(0)) && rounds < kMostRounds) {
    Round();
    ++rounds;
  }
  const RunResult made = backup->Wait();
  ASSERT_EQ(made.exit, 0) << made;
  EXPECT_GT(rounds, 0) << "nobody wrote while it was made";
  EXPECT_GE(syncs_, before_backup + static_cast<int>(kTablets));
  const json about = json::parse(made.out, nullptr, /*allow_exceptions=*/false);

  // Acknowledged afterwards, two versions of one rating among it, and what only others will have.
  tablets_[0]->Edit(assessment, {{"residual_rating", {{"likelihood", 1}, {"severity", 3}}}});
  tablets_[1]->Edit(assessment, {{"residual_rating", {{"likelihood", 4}, {"severity", 3}}}});
  for (int i = 0; i < 3; ++i) Round();
  SyncToQuiet();
  EXPECT_GT(Head(), about["tenants"][0].value("head", uint64_t{0}) + 20);
  const std::map<std::string, json> before = Exported(0);
  EXPECT_EQ(before, Exported(kLost));
  const json conflicts_before = tablets_[0]->Conflicts();
  ASSERT_THAT(conflicts_before, SizeIs(1));
  lost_ = true;
  std::filesystem::remove_all(tablets_[kLost]->directory());

  KillAndRestore();
  EXPECT_EQ(Head(), restored_head_);
  SyncToQuiet();

  // Of the living everything is there again, everywhere, and nothing stands twice.
  const std::map<std::string, json> after = Exported(0);
  for (const size_t i : All()) {
    EXPECT_EQ(Exported(i), after) << tablets_[i]->user();
    EXPECT_EQ(tablets_[i]->Digests(), tablets_[0]->Digests());
    EXPECT_EQ(tablets_[i]->Conflicts().size(), 1) << tablets_[i]->user();
  }
  EXPECT_EQ(tablets_[0]->Conflicts()[0]["record"], conflicts_before[0]["record"]);
  const Facts rescued = Rescued();
  EXPECT_THAT(rescued, Not(IsEmpty())) << "the lost tablet's last work";
  const std::map<std::string, std::set<std::string>> held = Held();
  const auto proposed_as = [&rescued](const std::string& id, const std::string& field) {
    const auto record = rescued.find(id);
    if (record == rescued.end()) return json();
    const auto found = record->second.find(field);
    return found == record->second.end() ? json() : found->second;
  };
  int records = 0, values = 0, proposed = 0, waiting = 0;
  for (const auto& [id, fields] : acknowledged_) {
    const auto found = after.find(id);
    records += found != after.end() ? 1 : 0;
    for (const auto& [field, value] : fields) {
      const bool here =
          found != after.end() && found->second["record"].value(field, json()) == value;
      const bool kept = proposed_as(id, field) == value;
      const auto waiting_fields = held.find(id);
      const bool waits = waiting_fields != held.end() && waiting_fields->second.count(field) > 0;
      values += here ? 1 : 0;
      proposed += !here && kept ? 1 : 0;
      waiting += !here && waits ? 1 : 0;
      EXPECT_TRUE(here || kept || waits) << id << " " << field << ": wanted " << value << ", got "
                                         << (found == after.end() ? json() : found->second);
    }
  }
  EXPECT_GT(proposed, 0);
  // Whole records, where the lost tablet had no last word.
  int same = 0;
  for (const auto& [id, record] : before) {
    if (rescued.count(id) > 0) continue;
    ++same;
    const auto found = after.find(id);
    ASSERT_NE(found, after.end()) << record;
    EXPECT_EQ(found->second["record"], record["record"]) << id;
  }
  EXPECT_GT(same, 50);
  std::cout << "drill: " << rounds << " rounds during the backup, " << records << " records and "
            << values << " values came back, " << proposed << " values are proposals, " << waiting
            << " wait for a record that the lost tablet made\n";
  EXPECT_EQ(server_.Operator({"history", "verify"}).exit, 0);
}

}  // namespace
}  // namespace doorstep::testing
