// kill -9 of clients and of the server, in a write or a sync, on real files: nothing is lost,
// nothing happens twice, everybody sees what they wrote.
//
// A round: everybody writes; one of them may be killed in that. Then all sync, and the server, one
// of them or all three are killed; a round counts when that hit a sync that ran, else it is done
// again. In every second round the victim dies at a random one of its writes, syncs, truncations
// and messages, half of the writes torn (tests/support/io_moment.h); in the others at a random
// moment. Everybody still sees what they wrote (L6). Every fifth round ends quiet: every change has
// one outcome (L4), and all replicas are the same, digests and dumps (L1).
//
// The seed is printed; DOORSTEP_SEED=N repeats the choices (what is written, who is killed, after
// how long, at which write), though not the scheduler's. DOORSTEP_KILLS=N sets how many rounds.
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "sync/base/entropy.h"
#include "tests/acceptance/device.h"
#include "tests/support/io_moment.h"
#include "tests/support/process.h"
#include "tests/support/seed.h"

namespace doorstep::testing {
namespace {

using nlohmann::json;
using std::chrono::microseconds;
using std::chrono::steady_clock;
using ::testing::AnyOf;
using ::testing::IsEmpty;

constexpr uint64_t kRounds = 200;
constexpr uint64_t kQuietEvery = 5;
constexpr uint64_t kPeoplePerRound = 20;
// Records that each worker edits again and again.
constexpr size_t kOwnRecords = 4;
constexpr int kKilled = 128 + SIGKILL;
// Of the kills: some come after their victim has ended. Not more than one in so many.
constexpr int64_t kHitsPerMiss = 3;
// So often in a row never.
constexpr int kMostMisses = 10;

// A device, and what the test knows that its user did.
struct Worker {
  Worker(const TempDir& dir, const std::string& who)
      : device(dir.File(who), "north-team", who), name(who), io(dir.File(who + " io")) {}

  // A command that counts what it writes, and dies where `io` says.
  std::vector<std::string> Mortal(std::vector<std::string> args) const {
    return WithEnvironment(io.Environment(), DoorstepCommand(device.directory(), std::move(args)));
  }

  const Device device;
  const std::string name;
  IoMoment io;
  int64_t changes = 0;                       // committed
  int64_t people = 0;                        // imported
  std::map<std::string, std::string> needs;  // own records by id → what was last written
  std::set<std::string> triggers;            // added to the shared assessment
};

// What a replica shows of its user's work.
struct OwnWork {
  int64_t people = 0, names = 0;
  std::map<std::string, std::string> needs;
  std::set<std::string> triggers;
};

class Kill : public ::testing::Test {
 protected:
  Kill() : seed_(SeedForTest()), random_(seed_) {
    server_.AddSite("north-team");
    for (const char* name : {"khan", "osei", "ward"}) {
      workers_.push_back(std::make_unique<Worker>(dir_, name));
      workers_.back()->device.Init("");
    }
    server_.StartWith(WithEnvironment(server_io_.Environment(), {}));
    server_.Start();
    shared_ = workers_[0]->device.Add("RiskAssessment", {{"hazard", "Shared by all"}});
    workers_[0]->changes = 1;
    SyncToQuiet();
  }

  // Somewhere in what usually takes so long.
  microseconds Moment(microseconds usual) {
    return microseconds(random_.Below(static_cast<uint64_t>(usual.count()) + 1));
  }
  // One of what are usually so many.
  int64_t Which(int64_t usual) {
    return 1 + static_cast<int64_t>(random_.Below(static_cast<uint64_t>(usual)));
  }

  void Write(Worker& worker, bool kill);
  void Import(Worker& worker, bool kill);
  void Edit(Worker& worker);
  OwnWork See(const Worker& worker) const;
  void ExpectOwnWrites(const Worker& worker) const;
  bool KillWhileAllSync(bool by_io);
  bool KillByIo(uint64_t who, uint64_t victim, const std::vector<std::unique_ptr<Process>>& syncs);
  void SyncToQuiet();
  void ExpectOneOutcomeEach(const Worker& worker) const;
  void ExpectAgreement() const;
  void ExpectHistoryOnce() const;

  const uint64_t seed_;
  SeededEntropy random_;
  TempDir dir_;
  ServerProcess server_{dir_.File("server")};
  IoMoment server_io_{dir_.File("server io")};
  std::vector<std::unique_ptr<Worker>> workers_;
  std::string shared_;
  // What was hit while it ran; and rounds that were done again.
  int64_t killed_writers_ = 0, killed_syncs_ = 0, killed_servers_ = 0, by_io_ = 0, too_late_ = 0;
  // How long it takes, and how much it writes, when nobody disturbs.
  microseconds usual_import_{20'000}, usual_sync_{100'000};
  int64_t import_io_ = 30, sync_io_ = 50, server_sync_io_ = 100;
};

// Several people in one transaction. Killed in it, all of them are there or none, and what was
// acknowledged is.
void Kill::Import(Worker& worker, bool kill) {
  const auto people = static_cast<int64_t>(1 + random_.Below(kPeoplePerRound));
  std::string lines;
  for (int64_t i = 0; i < people; ++i) {
    absl::StrAppend(&lines, R"({"kind":"Person","record":{"name":")", worker.name, " ",
                    worker.people + i, R"(","gp":"Dr )", random_.Below(1000), "\"}}\n");
  }
  const std::string file = dir_.File("import.jsonl");
  WriteAll(file, lines);
  const auto begin = steady_clock::now();
  const int64_t io_before = worker.io.Done();
  const bool by_io = random_.Below(2) == 0;
  if (kill && by_io) worker.io.DieAt(Which(import_io_));
  Process import(worker.Mortal({"import", file}));
  if (kill && !by_io) {
    import.WaitFor(Moment(usual_import_));
    import.Signal(SIGKILL);
  }
  const RunResult result = import.Wait();
  worker.io.DieAt(0);
  bool there = result.exit == 0;
  if (there) {
    if (!kill) {
      import_io_ = worker.io.Done() - io_before;
      usual_import_ = std::chrono::duration_cast<microseconds>(steady_clock::now() - begin);
    }
  } else {
    EXPECT_TRUE(kill) << result;
    EXPECT_EQ(result.exit, kKilled) << result;
    ++killed_writers_;
    const OwnWork seen = See(worker);
    EXPECT_THAT(seen.people, AnyOf(worker.people, worker.people + people)) << worker.name;
    there = seen.people != worker.people;
  }
  if (there) {
    worker.people += people;
    worker.changes += people;
  }
}

// Of an own record, or of what everybody edits.
void Kill::Edit(Worker& worker) {
  if (random_.Below(2) == 0) {
    const std::string trigger = absl::StrCat(worker.name, " ", random_.Next());
    worker.device.Out({"edit", shared_, "triggers+=" + trigger});
    worker.triggers.insert(trigger);
    ++worker.changes;
    return;
  }
  std::string id;
  if (worker.needs.size() < kOwnRecords) {
    id = worker.device.Add("Person", {{"name", worker.name + " edited"}}, {"--file", "new"});
    ++worker.changes;
  } else {
    id = std::next(worker.needs.begin(), static_cast<int>(random_.Below(kOwnRecords)))->first;
  }
  const std::string need = absl::StrCat("note ", random_.Next());
  worker.device.Edit(id, {{"communication_needs", need}});
  worker.needs[id] = need;
  ++worker.changes;
}

void Kill::Write(Worker& worker, bool kill) {
  Import(worker, kill);
  Edit(worker);
}

OwnWork Kill::See(const Worker& worker) const {
  const std::string mine = absl::StrCat("name LIKE '", worker.name, " %'");
  const json answer = worker.device.Json(
      {"sql",
       absl::StrCat("SELECT '', CAST(count(*) AS TEXT), CAST(count(DISTINCT name) AS TEXT)"
                    " FROM person WHERE ",
                    mine, " AND name NOT LIKE '% edited' UNION ALL SELECT id, communication_needs,",
                    " '' FROM person WHERE ", mine, " AND communication_needs IS NOT NULL",
                    " UNION ALL SELECT 'shared', coalesce(triggers, '[]'), ''",
                    " FROM risk_assessment WHERE id = '", shared_, "'")});
  OwnWork seen;
  for (const json& row : answer.value("rows", json::array())) {
    const std::string what = row[0], value = row[1];
    if (what.empty()) {
      seen.people = std::stoll(value);
      seen.names = std::stoll(row[2].get<std::string>());
    } else if (what == "shared") {
      seen.triggers = json::parse(value).get<std::set<std::string>>();
    } else {
      seen.needs[what] = value;
    }
  }
  return seen;
}

// L6.
void Kill::ExpectOwnWrites(const Worker& worker) const {
  SCOPED_TRACE(worker.name);
  const OwnWork seen = See(worker);
  EXPECT_EQ(seen.people, worker.people);
  EXPECT_EQ(seen.names, worker.people) << "somebody is there twice";
  EXPECT_EQ(seen.needs, worker.needs);
  EXPECT_TRUE(std::includes(seen.triggers.begin(), seen.triggers.end(), worker.triggers.begin(),
                            worker.triggers.end()));
}

constexpr uint64_t kServer = 0;  // who is killed
constexpr uint64_t kOneDevice = 1;
constexpr uint64_t kAllDevices = 2;  // as when the power of a house fails

// Whether the one that was to die at some write did, while all synced.
bool Kill::KillByIo(uint64_t who, uint64_t victim,
                    const std::vector<std::unique_ptr<Process>>& syncs) {
  const IoMoment& io = who == kServer ? server_io_ : workers_[victim]->io;
  syncs[victim]->Wait();
  if (who == kAllDevices && io.Died()) {
    for (const auto& sync : syncs) sync->Signal(SIGKILL);
  }
  for (const auto& sync : syncs) sync->Wait();
  const bool died = io.Died();
  server_io_.DieAt(0);
  workers_[victim]->io.DieAt(0);
  by_io_ += died ? 1 : 0;
  return died;
}

// Returns whether it hit what ran.
bool Kill::KillWhileAllSync(bool by_io) {
  const uint64_t who = random_.Below(5) * 2 / 4;
  const uint64_t victim = random_.Below(workers_.size());
  const microseconds moment = Moment(usual_sync_);
  const int64_t at_io = Which(who == kServer ? server_sync_io_ : sync_io_);
  SCOPED_TRACE(absl::StrCat(
      "kill ",
      who == kServer      ? "the server"
      : who == kOneDevice ? workers_[victim]->name
                          : "all devices",
      by_io ? absl::StrCat(" at write ", at_io) : absl::StrCat(" after ", moment.count(), " us")));
  if (by_io) (who == kServer ? server_io_ : workers_[victim]->io).DieAt(at_io);
  std::vector<std::unique_ptr<Process>> syncs;
  for (const auto& worker : workers_) {
    syncs.push_back(
        std::make_unique<Process>(worker->Mortal({"sync", "--server", server_.address()})));
  }
  bool hit = false;
  if (by_io) {
    hit = KillByIo(who, victim, syncs);
  } else {
    hit = !syncs[victim]->WaitFor(moment);
    for (uint64_t i = 0; who != kServer && i < syncs.size(); ++i) {
      if (who == kAllDevices || i == victim) syncs[i]->Signal(SIGKILL);
    }
  }
  if (who == kServer && (hit || !by_io)) server_.Kill();
  killed_servers_ += who == kServer && hit ? 1 : 0;
  for (uint64_t i = 0; i < syncs.size(); ++i) {
    const bool shot = who == kAllDevices || (who == kOneDevice && i == victim);
    const RunResult result = syncs[i]->Wait();
    if (who == kServer) {
      EXPECT_THAT(result.exit, AnyOf(0, 5)) << result;
    } else {
      EXPECT_THAT(result.exit, AnyOf(0, shot ? kKilled : 0)) << result;
    }
    killed_syncs_ += result.exit == kKilled ? 1 : 0;
    if (shot && i == victim) hit = result.exit == kKilled;
  }
  for (const auto& worker : workers_) ExpectOwnWrites(*worker);
  if (!server_.running()) server_.Start();
  return hit;
}

// Twice, so that everybody has received what the last has sent.
void Kill::SyncToQuiet() {
  const auto begin = steady_clock::now();
  int64_t devices_before = 0, devices_after = 0;
  const int64_t server_before = server_io_.Done();
  for (const auto& worker : workers_) {
    devices_before += worker->io.Done();
    const RunResult result = testing::Run(worker->Mortal({"sync", "--server", server_.address()}));
    EXPECT_EQ(result.exit, 0) << worker->name << "\n" << result;
    devices_after += worker->io.Done();
  }
  const auto count = static_cast<int64_t>(workers_.size());
  sync_io_ = std::max<int64_t>(1, (devices_after - devices_before) / count);
  server_sync_io_ = std::max<int64_t>(1, server_io_.Done() - server_before);
  usual_sync_ = std::chrono::duration_cast<microseconds>(steady_clock::now() - begin) / count;
  for (const auto& worker : workers_) worker->device.Sync(server_.address());
}

// L4.
void Kill::ExpectOneOutcomeEach(const Worker& worker) const {
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
void Kill::ExpectAgreement() const {
  int64_t records = 1;
  std::set<std::string> triggers;
  for (const auto& worker : workers_) {
    records += worker->people + static_cast<int64_t>(worker->needs.size());
    triggers.insert(worker->triggers.begin(), worker->triggers.end());
  }
  const auto digests = workers_[0]->device.Digests();
  const std::string dump = workers_[0]->device.Out({"export"});
  EXPECT_EQ(std::count(dump.begin(), dump.end(), '\n') + 1, records);
  for (const auto& worker : workers_) {
    SCOPED_TRACE(worker->name);
    EXPECT_EQ(worker->device.Digests(), digests);
    EXPECT_TRUE(worker->device.Out({"export"}) == dump) << "the replicas differ";
    EXPECT_EQ(See(*worker).triggers, triggers);
  }
}

// The server's history has each edit once.
void Kill::ExpectHistoryOnce() const {
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
  const uint64_t rounds = FromEnvironment("DOORSTEP_KILLS", kRounds);
  for (uint64_t round = 1; round <= rounds && !HasFailure(); ++round) {
    SCOPED_TRACE(absl::StrCat("seed ", seed_, ", round ", round));
    bool hit = false;
    for (int tries = 0; !hit && tries < kMostMisses && !HasFailure(); ++tries) {
      const uint64_t killed_in_write = random_.Below(2 * workers_.size());
      for (uint64_t i = 0; i < workers_.size(); ++i) Write(*workers_[i], i == killed_in_write);
      hit = KillWhileAllSync(/*by_io=*/round % 2 == 0);
      too_late_ += hit ? 0 : 1;
    }
    EXPECT_TRUE(hit) << "nothing that ran was hit";
    if (round % kQuietEvery != 0 && round != rounds) continue;
    SyncToQuiet();
    for (const auto& worker : workers_) {
      ExpectOwnWrites(*worker);
      ExpectOneOutcomeEach(*worker);
    }
    ExpectAgreement();
  }
  ExpectHistoryOnce();
  server_.Stop();
  const RunResult verified = server_.Operator({"history", "verify"});
  EXPECT_EQ(verified.exit, 0) << verified;
  std::cout << "killed " << killed_writers_ << " writers, " << killed_syncs_ << " syncs and "
            << killed_servers_ << " servers, " << by_io_ << " rounds at a chosen write; "
            << too_late_ << " kills came too late" << std::endl;
  // A kill that hits nothing proves nothing. Each round has hit a sync or the server.
  const auto wanted = static_cast<int64_t>(rounds);
  EXPECT_GE(by_io_, wanted / 2);
  EXPECT_GE(killed_syncs_ + killed_servers_, wanted);
  EXPECT_LE(too_late_, wanted / kHitsPerMiss + kMostMisses);
  if (rounds < kRounds) return;  // too few for what follows to be sure
  EXPECT_GE(killed_servers_, 50);
  EXPECT_GE(killed_syncs_, 100);
  EXPECT_GE(killed_writers_, 50);
}

}  // namespace
}  // namespace doorstep::testing
