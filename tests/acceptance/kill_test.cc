// kill -9 of clients and of the server at random moments of a sync: nothing is lost, nothing
// happens twice, everybody sees what they wrote.
//
// The seed is printed; DOORSTEP_SEED=N repeats the choices (what is written, who is killed, after
// how long), though not the scheduler's. DOORSTEP_KILLS=N sets how many.
#include <signal.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "sync/base/entropy.h"
#include "tests/acceptance/device.h"
#include "tests/support/process.h"

namespace doorstep::testing {
namespace {

using nlohmann::json;
using std::chrono::microseconds;
using ::testing::AnyOf;
using ::testing::IsEmpty;

constexpr uint64_t kKills = 50;
constexpr int kPeoplePerRound = 150;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  uint64_t value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

uint64_t NewSeed() {
  uint32_t seed = 0;
  SystemEntropy()->Fill(absl::MakeSpan(reinterpret_cast<uint8_t*>(&seed), sizeof seed));
  return seed;
}

// A device, and what the test knows that its user did.
struct Worker {
  Worker(const TempDir& dir, const std::string& who)
      : device(dir.File(who), "north-team", who), name(who) {}

  const Device device;
  const std::string name;
  int64_t changes = 0;                       // committed
  int64_t people = 0;                        // added
  std::map<std::string, std::string> needs;  // own records by id → what was last written
  std::set<std::string> triggers;            // added to the shared assessment
};

class Kill : public ::testing::Test {
 protected:
  Kill() : seed_(FromEnvironment("DOORSTEP_SEED", NewSeed())), random_(seed_) {
    std::cout << "DOORSTEP_SEED=" << seed_ << std::endl;
    server_.AddSite("north-team");
    for (const char* name : {"khan", "osei", "ward"}) {
      workers_.push_back(std::make_unique<Worker>(dir_, name));
      workers_.back()->device.Init("");
    }
    server_.Start();
    Worker& first = *workers_[0];
    shared_ = first.device.Add("RiskAssessment", {{"hazard", "Shared by all"}});
    first.changes = 1;
    SyncToQuiet();
  }

  Worker& AnyWorker() { return *workers_[random_.Below(workers_.size())]; }

  void Write(Worker& worker);
  void ExpectOwnWrites(Worker& worker);
  void KillSomebodyWhileAllSync(uint64_t round);
  void SyncToQuiet();
  void ExpectOneOutcomeEach(Worker& worker);
  void ExpectAgreement();
  void ExpectHistoryOnce();

  const uint64_t seed_;
  SeededEntropy random_;
  TempDir dir_;
  ServerProcess server_{dir_.File("server")};
  std::vector<std::unique_ptr<Worker>> workers_;
  std::string shared_;
  int64_t killed_clients_ = 0, killed_servers_ = 0, too_late_ = 0;
  microseconds usual_{100'000};  // how long a sync takes that nobody disturbs
};

// One import in units of its own, an edit of an own record, an edit of what everybody edits.
void Kill::Write(Worker& worker) {
  const auto people = static_cast<int64_t>(1 + random_.Below(kPeoplePerRound));
  std::string lines;
  for (int64_t i = 0; i < people; ++i) {
    absl::StrAppend(&lines, R"({"kind":"Person","record":{"name":")", worker.name, " ",
                    worker.people + i, R"(","gp":"Dr )", random_.Below(1000), "\"}}\n");
  }
  const std::string file = dir_.File("import.jsonl");
  WriteAll(file, lines);
  worker.device.Out({"import", file});
  worker.people += people;
  worker.changes += people;

  std::string id;
  if (worker.needs.size() < 5) {
    id = worker.device.Add("Person", {{"name", worker.name + " edited"}}, {"--file", "new"});
    ++worker.changes;
  } else {
    id = std::next(worker.needs.begin(), static_cast<int>(random_.Below(5)))->first;
  }
  const std::string need = absl::StrCat("note ", random_.Next());
  worker.device.Edit(id, {{"communication_needs", need}});
  worker.needs[id] = need;
  ++worker.changes;

  const std::string trigger = absl::StrCat(worker.name, " ", random_.Next());
  worker.device.Out({"edit", shared_, "triggers+=" + trigger});
  worker.triggers.insert(trigger);
  ++worker.changes;
}

// L6.
void Kill::ExpectOwnWrites(Worker& worker) {
  SCOPED_TRACE(worker.name);
  const std::string mine = absl::StrCat("name LIKE '", worker.name, " %'");
  const json count = worker.device.Json(
      {"sql", absl::StrCat("SELECT count(*), count(DISTINCT name) FROM person WHERE ", mine,
                           " AND name NOT LIKE '% edited'")});
  EXPECT_EQ(count["rows"][0], json({worker.people, worker.people}));
  const json notes =
      worker.device.Json({"sql", absl::StrCat("SELECT id, communication_needs FROM person WHERE ",
                                              mine, " AND communication_needs IS NOT NULL")});
  std::map<std::string, std::string> found;
  for (const json& row : notes["rows"]) found[row[0]] = row[1];
  EXPECT_EQ(found, worker.needs);
  const auto triggers = worker.device.Record(shared_)["triggers"].get<std::set<std::string>>();
  for (const std::string& trigger : worker.triggers) EXPECT_EQ(triggers.count(trigger), 1u);
}

void Kill::KillSomebodyWhileAllSync(uint64_t round) {
  const bool server = random_.Below(2) == 0;
  const uint64_t victim = random_.Below(workers_.size());
  const microseconds moment(random_.Below(static_cast<uint64_t>(usual_.count()) * 5 / 4 + 1));
  SCOPED_TRACE(absl::StrCat("seed ", seed_, ", round ", round, ": kill ",
                            server ? "the server" : workers_[victim]->name, " after ",
                            moment.count(), " us"));
  std::vector<std::unique_ptr<Process>> syncs;
  for (const auto& worker : workers_) {
    syncs.push_back(std::make_unique<Process>(
        DoorstepCommand(worker->device.directory(), {"sync", "--server", server_.address()})));
  }
  too_late_ += syncs[victim]->WaitFor(moment) ? 1 : 0;
  if (server) {
    server_.Kill();
    ++killed_servers_;
  } else {
    syncs[victim]->Signal(SIGKILL);
    ++killed_clients_;
  }
  for (uint64_t i = 0; i < syncs.size(); ++i) {
    const RunResult result = syncs[i]->Wait();
    if (server) {
      EXPECT_THAT(result.exit, AnyOf(0, 5)) << result;
    } else {
      EXPECT_THAT(result.exit, i == victim ? AnyOf(0, 128 + SIGKILL) : AnyOf(0, 0)) << result;
    }
  }
  for (const auto& worker : workers_) ExpectOwnWrites(*worker);
  if (server) server_.Start();
}

void Kill::SyncToQuiet() {
  for (int round = 0; round < 2; ++round) {
    for (const auto& worker : workers_) worker->device.Sync(server_.address());
  }
}

// L4.
void Kill::ExpectOneOutcomeEach(Worker& worker) {
  SCOPED_TRACE(worker.name);
  EXPECT_THAT(worker.device.Json({"outbox"})["changes"], IsEmpty());
  const json changes = worker.device.Json({"outbox", "--all"})["changes"];
  EXPECT_EQ(static_cast<int64_t>(changes.size()), worker.changes);
  std::set<std::string> ids;
  for (const json& change : changes) {
    ids.insert(change.value("change", ""));
    EXPECT_THAT(change.value("state", ""), AnyOf("APPLIED", "MERGED")) << change;
    EXPECT_GT(change.value("sequence", 0), 0) << change;
  }
  EXPECT_EQ(ids.size(), changes.size());
}

// L1, with nothing lost and nothing twice.
void Kill::ExpectAgreement() {
  int64_t records = 1;
  std::set<std::string> triggers;
  for (const auto& worker : workers_) {
    records += worker->people + static_cast<int64_t>(worker->needs.size());
    triggers.insert(worker->triggers.begin(), worker->triggers.end());
  }
  const auto digests = workers_[0]->device.Digests();
  for (const auto& worker : workers_) {
    SCOPED_TRACE(worker->name);
    EXPECT_EQ(worker->device.Digests(), digests);
    EXPECT_EQ(worker->device.Number("records"), records);
    EXPECT_EQ(worker->device.Record(shared_)["triggers"].get<std::set<std::string>>(), triggers);
  }
}

// The server's history has each edit once.
void Kill::ExpectHistoryOnce() {
  const json lines = workers_[0]
                         ->device.Json({"history", shared_, "--server", server_.address()})
                         .value("history", json::array());
  std::multiset<std::string> added;
  for (const json& line : lines) {
    for (const json& trigger : line["fields"].value("triggers", json::array())) {
      added.insert(trigger.get<std::string>());
    }
  }
  std::multiset<std::string> wanted;
  for (const auto& worker : workers_) {
    wanted.insert(worker->triggers.begin(), worker->triggers.end());
  }
  EXPECT_EQ(added, wanted);
}

TEST_F(Kill, NothingIsLostAndNothingHappensTwice) {
  const uint64_t kills = FromEnvironment("DOORSTEP_KILLS", kKills);
  for (uint64_t round = 0; round < kills && !HasFailure(); ++round) {
    for (const auto& worker : workers_) Write(*worker);
    KillSomebodyWhileAllSync(round);
    SCOPED_TRACE(absl::StrCat("seed ", seed_, ", after round ", round));
    const auto begin = std::chrono::steady_clock::now();
    SyncToQuiet();
    usual_ = std::chrono::duration_cast<microseconds>(std::chrono::steady_clock::now() - begin) / 4;
    for (const auto& worker : workers_) {
      ExpectOwnWrites(*worker);
      ExpectOneOutcomeEach(*worker);
    }
    ExpectAgreement();
  }
  ExpectHistoryOnce();
  std::cout << "killed " << killed_clients_ << " clients and " << killed_servers_ << " servers; "
            << too_late_ << " syncs had ended before" << std::endl;
  server_.Stop();
}

}  // namespace
}  // namespace doorstep::testing
