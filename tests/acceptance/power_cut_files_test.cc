// L7 on real files: a server and a device work on disks that forget what was not synced; one of
// them loses power at some change of a file; what is left goes to real files, and the real programs
// go on from there, round after round. DOORSTEP_SEED=N repeats who loses power, when, and what is
// torn.
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "doorstep/replica.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "server/sync_core.h"
#include "sync/base/entropy.h"
#include "tests/acceptance/device.h"
#include "tests/support/core_transport.h"
#include "tests/support/opened_replica.h"
#include "tests/support/power_cut_vfs.h"
#include "tests/support/process.h"
#include "tests/support/seed.h"
#include "tests/support/test_keys.h"

namespace doorstep::testing {
namespace {

using nlohmann::json;
using ::testing::IsEmpty;
using Durability = OpenOptions::Durability;

constexpr int kRounds = 20;
constexpr int kPeoplePerRound = 12;
constexpr int kPeoplePerSync = 4;
// Changes of files by either side in one round, about; the cut falls into them.
constexpr uint64_t kChangesPerRound = 250;

class PowerCutFiles : public ::testing::Test {
 protected:
  PowerCutFiles() : seed_(SeedForTest()), random_(seed_) {
    server_.AddSite("north-team");
    tablet_.Init("");
    other_.Init("");
  }

  // Both sides work, until the power goes: `nth` 0: after the work. Real files hold what is left.
  void WorkUntilPowerCut(bool server_loses, int64_t nth, Survivors survivors,
                         Durability durability);
  // The real programs go on from the files. Returns how many acknowledged people are gone.
  int GoOn();

  std::set<std::string> PeopleOf(const Device& device) {
    std::set<std::string> names;
    const json answer = device.Json({"sql", "SELECT name FROM person"});
    for (const json& row : answer.value("rows", json::array())) {
      EXPECT_TRUE(names.insert(row[0].get<std::string>()).second) << row << " is there twice";
    }
    return names;
  }

  const uint64_t seed_;
  SeededEntropy random_;
  TempDir dir_;
  ServerProcess server_{dir_.File("server")};
  const Device tablet_{dir_.File("tablet"), "north-team", "A Khan"};
  const Device other_{dir_.File("other"), "north-team", "M Osei"};
  std::set<std::string> acknowledged_;
  int people_ = 0;
  int cut_at_work_ = 0;  // rounds in which the power went before the work was done
};

void PowerCutFiles::WorkUntilPowerCut(bool server_loses, int64_t nth, Survivors survivors,
                                      Durability durability) {
  PowerCutVfs device_disk(random_.Next());
  PowerCutVfs server_disk(random_.Next());
  ASSERT_TRUE(device_disk.ReadIn(tablet_.directory() + "/replica.db"));
  ASSERT_TRUE(server_disk.ReadIn(server_.data_dir() + "/tenants/default.db"));
  {
    server::TenantsOptions server_options;
    server_options.data_dir = server_.data_dir();
    server_options.sqlite.vfs = server_disk.name();
    server_options.sqlite.key = ServerKey();
    server::SyncCore core(server_options);
    CoreTransport link(&core);
    OpenOptions options;
    options.durability = durability;
    options.environment.vfs = device_disk.name();
    options.environment.test_key = KeyOf(tablet_.directory());
    auto replica = Replica::Open(tablet_.directory(), options);
    ASSERT_TRUE(replica.ok()) << replica.status();

    PowerCutVfs& loser = server_loses ? server_disk : device_disk;
    if (nth > 0) loser.CutPowerAtChange(nth, survivors);
    bool on = true;
    for (int i = 0; on && i < kPeoplePerRound; ++i) {
      const std::string name = absl::StrCat("Person ", ++people_);
      const absl::Status saved = (*replica)->Transact({}, [&](Edits& edits) {
        return edits.AddJson("Person", absl::StrCat(R"({"name":")", name, "\"}"), {.file = "new"})
            .status();
      });
      if (saved.ok()) acknowledged_.insert(name);
      on = saved.ok();
      if (on && (i + 1) % kPeoplePerSync == 0) on = (*replica)->Sync(link, {}).ok();
    }
    cut_at_work_ += on ? 0 : 1;
    if (on) loser.PowerCut(survivors);
  }
  ASSERT_TRUE(device_disk.WriteOut());
  ASSERT_TRUE(server_disk.WriteOut());
}

int PowerCutFiles::GoOn() {
  const RunResult verified = server_.Operator({"history", "verify"});
  EXPECT_EQ(verified.exit, 0) << verified;
  server_.Start();
  tablet_.Sync(server_.address());
  EXPECT_THAT(tablet_.Json({"outbox"})["changes"], IsEmpty());
  other_.Sync(server_.address());
  EXPECT_EQ(tablet_.Digests(), other_.Digests());
  EXPECT_EQ(tablet_.Out({"export"}), other_.Out({"export"}));
  server_.Stop();
  const std::set<std::string> there = PeopleOf(tablet_);
  EXPECT_EQ(PeopleOf(other_), there);
  int lost = 0;
  for (const std::string& name : acknowledged_) lost += there.count(name) == 0 ? 1 : 0;
  return lost;
}

TEST_F(PowerCutFiles, RealProgramsGoOnFromWhatIsLeft) {
  for (int round = 1; round <= kRounds && !HasFailure(); ++round) {
    const bool server_loses = random_.Below(2) == 0;
    const auto survivors = random_.Below(2) == 0 ? Survivors::kNone : Survivors::kTorn;
    const auto nth = static_cast<int64_t>(1 + random_.Below(kChangesPerRound));
    SCOPED_TRACE(absl::StrCat("seed ", seed_, ", round ", round, ": the ",
                              server_loses ? "server" : "device", " at change ", nth));
    WorkUntilPowerCut(server_loses, nth, survivors, Durability::kFull);
    EXPECT_EQ(GoOn(), 0);
  }
  EXPECT_GT(cut_at_work_, kRounds / 4) << "most cuts came after the work";
  std::cout << cut_at_work_ << " of " << kRounds << " cuts came during work; "
            << acknowledged_.size() << " people acknowledged" << std::endl;
}

// kNormal promises less, which shows that the test above would see a missing sync.
TEST_F(PowerCutFiles, WithLessSyncingTheDeviceLosesAndWeSeeIt) {
  WorkUntilPowerCut(/*server_loses=*/false, /*nth=*/100, Survivors::kNone, Durability::kNormal);
  EXPECT_GT(GoOn(), 0);
}

}  // namespace
}  // namespace doorstep::testing
