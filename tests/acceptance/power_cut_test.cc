// L7, through the whole stack in one process: what the server gave a receipt for, and what
// Transact acknowledged, survives a power cut at any change of a file; and with less syncing the
// same test sees the loss.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "doorstep/replica.h"
#include "doorstep/v1/sync.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/sync_core.h"
#include "server/tenants.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"
#include "tests/support/core_transport.h"
#include "tests/support/power_cut_vfs.h"
#include "tests/support/process.h"

namespace doorstep::testing {
namespace {

using Durability = OpenOptions::Durability;
using Sync = DatabaseOptions::Sync;
using ::testing::IsEmpty;
using v1::Receipt;

constexpr int kRounds = 40;

// Sends on, and remembers what was pushed and which receipts came.
class NotingTransport : public CoreTransport {
 public:
  using CoreTransport::CoreTransport;

  absl::StatusOr<v1::PushResponse> Push(const v1::PushRequest& request) override {
    absl::StatusOr<v1::PushResponse> response = CoreTransport::Push(request);
    if (response.ok()) answered_.emplace_back(request, *response);
    return response;
  }

  // How many of the units that got a receipt the server no longer has as it had them.
  int CountLost() {
    int lost = 0;
    for (const auto& [request, before] : answered_) {
      const auto after = CoreTransport::Push(request);
      if (!after.ok()) {  // it does not even know the device
        lost += before.receipts_size();
        continue;
      }
      for (int i = 0; i < before.receipts_size(); ++i) {
        const Receipt& was = before.receipts(i);
        if (was.status() != Receipt::STORED && was.status() != Receipt::REPEAT) continue;
        const Receipt& is = after->receipts(i);
        if (is.status() != Receipt::REPEAT || is.sequence() != was.sequence()) ++lost;
      }
    }
    return lost;
  }
  size_t answered() const { return answered_.size(); }

 private:
  std::vector<std::pair<v1::PushRequest, v1::PushResponse>> answered_;
};

// A server and a replica, of which either may be on the disk that forgets.
class PowerCut : public ::testing::Test {
 protected:
  static constexpr uint64_t kSeed = 20261122;
  // Both sides are encrypted.
  const std::string key_ = std::string(32, '\x5a');

  void StartServer(const std::string& vfs, Sync sync) {
    link_.set_core(nullptr);
    core_.reset();
    server::TenantsOptions options;
    options.data_dir = dir_.File("server");
    options.clock = &clock_;
    options.entropy = &entropy_;
    options.sqlite.vfs = vfs;
    options.sqlite.key = key_;
    options.sqlite.sync = sync;
    core_.emplace(options);
    link_.set_core(&*core_);
  }

  // Durably, whatever the test does later.
  void MakeSite(const std::string& vfs) {
    StartServer(vfs, Sync::kFull);
    const auto tenant = core_->tenants().Ensure("default");
    ASSERT_TRUE(tenant.ok()) << tenant.status();
    auto write = (*tenant)->store().Write();
    ASSERT_TRUE(write.ok()) << write.status();
    ASSERT_TRUE((*write)->AddSite({"north-team", "North Team", ""}).ok());
    ASSERT_TRUE((*write)->Commit().ok());
    write->reset();
  }

  Environment EnvironmentFor(const std::string& vfs) {
    Environment environment;
    environment.clock = &clock_;
    environment.entropy = &entropy_;
    environment.vfs = vfs;
    environment.test_key = key_;
    return environment;
  }

  void MakeReplica(const std::string& name, const std::string& vfs) {
    InitOptions init;
    init.site = "north-team";
    init.device_name = init.user = name;
    init.environment = EnvironmentFor(vfs);
    ASSERT_TRUE(Replica::Init(dir_.File(name), init).ok());
  }

  absl::StatusOr<std::unique_ptr<Replica>> OpenReplica(const std::string& name,
                                                       const std::string& vfs,
                                                       Durability durability) {
    OpenOptions options;
    options.durability = durability;
    options.environment = EnvironmentFor(vfs);
    return Replica::Open(dir_.File(name), options);
  }

  // A new person in a file of their own.
  absl::StatusOr<std::string> AddPerson(Replica& replica, const std::string& name) {
    clock_.Advance(1'000);
    std::string id;
    const absl::Status done = replica.Transact({}, [&](Edits& edits) -> absl::Status {
      auto added =
          edits.AddJson("Person", absl::StrCat(R"({"name":")", name, "\"}"), {.file = "new"});
      if (!added.ok()) return added.status();
      id = *added;
      return absl::OkStatus();
    });
    if (!done.ok()) return done;
    return id;
  }

  // Pushes rounds of changes to a server that loses power at its nth change of a file; then starts
  // it again. Returns how many units with a receipt were lost; nullopt: it could not be opened.
  std::optional<int> LoseServerPower(Sync sync, int64_t nth, Survivors survivors, bool* during);
  // The same for a device. Counts acknowledged changes that are gone.
  std::optional<int> LoseDevicePower(Durability durability, int64_t nth, Survivors survivors,
                                     bool* during);

  TempDir dir_;
  ManualClock clock_{1'795'000'000'000};
  SeededEntropy entropy_{kSeed};
  NotingTransport link_{nullptr};
  std::optional<server::SyncCore> core_;
  int tablets_ = 0;
};

std::optional<int> PowerCut::LoseServerPower(Sync sync, int64_t nth, Survivors survivors,
                                             bool* during) {
  PowerCutVfs vfs(static_cast<uint64_t>(nth));
  link_ = NotingTransport(nullptr);
  MakeSite(vfs.name());
  StartServer(vfs.name(), sync);
  const std::string name = absl::StrCat("tablet-", ++tablets_);
  MakeReplica(name, "");
  auto replica = OpenReplica(name, "", Durability::kNormal);
  EXPECT_TRUE(replica.ok()) << replica.status();
  // The device has been here before, so that the cut falls into work and not into a greeting.
  EXPECT_TRUE((*replica)->Sync(link_, {}).ok());
  if (nth > 0) vfs.CutPowerAtChange(nth, survivors);
  *during = false;
  std::vector<std::string> people;
  for (int round = 0; round < 6 && !*during; ++round) {
    for (int i = 0; i < 3; ++i) {
      auto id = AddPerson(**replica, absl::StrCat("Person ", people.size()));
      EXPECT_TRUE(id.ok()) << id.status();
      people.push_back(*id);
    }
    *during = !(*replica)->Sync(link_, {}).ok();
  }
  if (!*during) vfs.PowerCut(survivors);
  vfs.CutPowerAtChange(0, Survivors::kNone);
  link_.set_core(nullptr);
  core_.reset();

  StartServer(vfs.name(), Sync::kFull);
  const auto tenant = core_->tenants().Find("default");
  if (!tenant.ok()) {
    core_.reset();
    return std::nullopt;
  }
  int lost = link_.CountLost();
  if (lost == 0) {
    // And the device goes on as if nothing had been.
    const auto synced = (*replica)->Sync(link_, {});
    EXPECT_TRUE(synced.ok()) << synced.status();
    const auto outbox = (*replica)->Outbox();
    EXPECT_TRUE(outbox.ok() && outbox->empty());
    MakeReplica(name + "-other", "");
    auto other = OpenReplica(name + "-other", "", Durability::kNormal);
    EXPECT_TRUE(other.ok() && (*other)->Sync(link_, {}).ok());
    EXPECT_EQ((*other)->Status()->records, people.size());
    EXPECT_EQ((*other)->Digest(true)->digest, (*replica)->Digest(true)->digest);
  }
  link_.set_core(nullptr);
  core_.reset();
  return lost;
}

TEST_F(PowerCut, TheServerKeepsWhatItGaveAReceiptFor) {
  SeededEntropy random(kSeed);
  int64_t changes = 0;
  for (int round = 0; round < kRounds; ++round) {
    const auto survivors = round % 2 == 0 ? Survivors::kNone : Survivors::kTorn;
    const auto nth = static_cast<int64_t>(round == 0 ? 0 : 1 + random.Below(150));
    SCOPED_TRACE(absl::StrCat("round ", round, ", change ", nth));
    bool during = false;
    const std::optional<int> lost = LoseServerPower(Sync::kFull, nth, survivors, &during);
    ASSERT_TRUE(lost.has_value()) << "the server does not open its database";
    EXPECT_EQ(*lost, 0);
    changes += during ? 1 : 0;
  }
  EXPECT_GT(changes, kRounds / 3) << "most cuts came after the work";
}

TEST_F(PowerCut, WithoutSyncingTheServerLosesAndWeSeeIt) {
  int seen = 0;
  for (int64_t nth : {0, 40, 80}) {
    bool during = false;
    const std::optional<int> lost = LoseServerPower(Sync::kOff, nth, Survivors::kNone, &during);
    seen += !lost.has_value() || *lost > 0 ? 1 : 0;
  }
  EXPECT_GT(seen, 0);
}

std::optional<int> PowerCut::LoseDevicePower(Durability durability, int64_t nth,
                                             Survivors survivors, bool* during) {
  PowerCutVfs vfs(static_cast<uint64_t>(nth));
  const std::string name = absl::StrCat("tablet-", ++tablets_);
  MakeReplica(name, vfs.name());
  std::vector<std::string> acknowledged;
  {
    auto replica = OpenReplica(name, vfs.name(), durability);
    EXPECT_TRUE(replica.ok()) << replica.status();
    EXPECT_TRUE((*replica)->Sync(link_, {}).ok());
    if (nth > 0) vfs.CutPowerAtChange(nth, survivors);
    *during = false;
    for (int i = 0; i < 16 && !*during; ++i) {
      const auto id = AddPerson(**replica, absl::StrCat(name, " ", i));
      *during = !id.ok();
      if (id.ok()) acknowledged.push_back(*id);
      // Now and then there is a link: the cut may fall into a sync as well.
      if (!*during && i % 6 == 5) *during = !(*replica)->Sync(link_, {}).ok();
    }
    if (!*during) vfs.PowerCut(survivors);
  }
  vfs.CutPowerAtChange(0, Survivors::kNone);

  auto replica = OpenReplica(name, vfs.name(), Durability::kFull);
  if (!replica.ok()) {
    EXPECT_TRUE(absl::IsDataLoss(replica.status())) << replica.status();
    return std::nullopt;
  }
  int lost = 0;
  for (const std::string& id : acknowledged) lost += (*replica)->Get(id).ok() ? 0 : 1;
  // Whatever was lost, what is left goes on: outcomes for all, and rows as on the server.
  for (int i = 0; i < 2; ++i) {
    const auto synced = (*replica)->Sync(link_, {});
    EXPECT_TRUE(synced.ok()) << synced.status();
  }
  EXPECT_THAT(*(*replica)->Outbox(), IsEmpty());
  EXPECT_EQ((*replica)->Digest(true)->digest, (*replica)->Digest(false)->digest);
  if (lost == 0) {
    std::map<std::string, int> outcomes;
    const auto changes = (*replica)->Outcomes();
    EXPECT_TRUE(changes.ok()) << changes.status();
    for (const OwnChange& change : *changes) {
      EXPECT_EQ(change.state, ChangeState::kApplied);
      ++outcomes[change.record];
    }
    for (const std::string& id : acknowledged) EXPECT_EQ(outcomes[id], 1) << id;
  }
  return lost;
}

class DevicePowerCut : public PowerCut {
 protected:
  DevicePowerCut() { MakeSite(""); }
};

TEST_F(DevicePowerCut, TheDeviceKeepsWhatTransactAcknowledged) {
  SeededEntropy random(kSeed + 1);
  int64_t changes = 0;
  for (int round = 0; round < kRounds; ++round) {
    const auto survivors = round % 2 == 0 ? Survivors::kNone : Survivors::kTorn;
    const auto nth = static_cast<int64_t>(round == 0 ? 0 : 1 + random.Below(400));
    SCOPED_TRACE(absl::StrCat("round ", round, ", change ", nth));
    bool during = false;
    const std::optional<int> lost = LoseDevicePower(Durability::kFull, nth, survivors, &during);
    ASSERT_TRUE(lost.has_value()) << "the replica does not open";
    EXPECT_EQ(*lost, 0);
    changes += during ? 1 : 0;
  }
  EXPECT_GT(changes, kRounds / 3) << "most cuts came after the work";
}

// kNormal promises less, which shows that the test above would see a missing sync.
TEST_F(DevicePowerCut, WithLessSyncingTheDeviceLosesAndWeSeeIt) {
  bool during = false;
  const std::optional<int> lost =
      LoseDevicePower(Durability::kNormal, 0, Survivors::kNone, &during);
  ASSERT_TRUE(lost.has_value());
  EXPECT_GT(*lost, 0);
}

}  // namespace
}  // namespace doorstep::testing
