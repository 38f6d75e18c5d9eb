// A server's core with devices that speak the protocol by hand, for tests of the server alone.
#ifndef TESTS_SERVER_WORLD_H_
#define TESTS_SERVER_WORLD_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "doorstep/v1/sync.pb.h"
#include "gtest/gtest.h"
#include "server/sync_core.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep::server {

// Ends the test program when `result` is not OK: for steps that are not the matter of the test.
template <typename T>
T Must(absl::StatusOr<T> result) {
  if (!result.ok()) {
    ADD_FAILURE() << result.status();
    abort();
  }
  return *std::move(result);
}
inline void Must(const absl::Status& status) {
  if (!status.ok()) {
    ADD_FAILURE() << status;
    abort();
  }
}

// A directory that goes with its owner.
class TestDirectory {
 public:
  TestDirectory();
  ~TestDirectory();
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// 2026-11-22T09:00:00Z
inline constexpr int64_t kNine = 1'795'338'000'000;

// A number as an id: readable in failures.
Uuid Id(uint64_t n);

// The canonical values of a record given as JSON, and one of them.
std::string Values(absl::string_view kind, absl::string_view json);
uint32_t KindNumber(absl::string_view kind);
uint32_t FieldNumber(absl::string_view kind, absl::string_view field);

// A change without an id, which its device gives it.
ChangeData Create(absl::string_view kind, const Uuid& record, absl::string_view json);
// `base`: of every edited field. TEXT and so on carry an empty agreed value.
ChangeData Edit(absl::string_view kind, const Uuid& record, absl::string_view json,
                const std::vector<ChangeId>& base);
// An edit that takes one element out of a SET.
ChangeData Remove(absl::string_view kind, const Uuid& record, absl::string_view field,
                  absl::string_view json, const std::vector<ChangeId>& adds);
ChangeData Settled(ChangeData change, SettleMode mode, absl::string_view reason);

class World;

class TestDevice {
 public:
  TestDevice(World* world, const Uuid& id, std::string site);

  absl::StatusOr<v1::HelloResponse> Hello();
  // Hello, as a program that says that its changes [first, next) have no outcome, `pending` of
  // them.
  void Declare(const std::string& name, uint64_t first, uint64_t next, uint64_t pending);
  // Gives the changes their ids; nothing is sent.
  Unit Prepare(const Uuid& file, std::vector<ChangeData> changes, uint8_t tier = 0);
  absl::StatusOr<std::vector<v1::Receipt>> Push(const std::vector<Unit>& units);
  absl::StatusOr<std::vector<v1::Receipt>> PushPayload(uint64_t counter, uint32_t changes,
                                                       const std::string& payload);
  // Prepares and pushes one unit, which must be STORED. Returns it.
  Unit Do(const Uuid& file, std::vector<ChangeData> changes, uint8_t tier = 0);

  // One batch, taken into what is staged. The state of the pull is kept between calls.
  absl::StatusOr<v1::PullBatch> PullBatch();
  // To a checkpoint; checks the digest against the rows. Returns the number of batches.
  int Pull();
  // Begins the first pull anew.
  void Reset();

  v1::Sender Sender() const;
  v1::PullRequest NextPull() const;
  const std::map<Uuid, RecordState>& rows() const { return rows_; }
  // By counter of the unit.
  const std::map<uint64_t, v1::Outcome>& outcomes() const { return outcomes_; }
  const v1::Outcome& OutcomeOf(const Unit& unit) const { return outcomes_.at(unit.counter); }
  uint64_t cursor() const { return cursor_; }
  uint64_t records_received() const { return received_; }

  std::string author = "A Khan";
  Uuid incarnation;
  uint64_t counter = 1;  // the next
  Stamp stamp;
  bool sees_clock = true;  // the stamp is made from the world's clock
  bool zstd = true;
  bool earlier_waits = false;
  v1::HelloResponse hello;

 private:
  void Take(const v1::PullBatch& batch);
  void CheckDigest(const v1::PullBatch& batch) const;

  World& world_;
  const Uuid id_;
  const std::string site_;
  uint64_t cursor_ = 0;
  bool first_ = true;
  uint64_t first_from_ = 0;
  std::optional<v1::Position> position_;
  uint64_t received_ = 0;
  std::map<Uuid, RecordState> rows_;
  std::map<uint64_t, v1::Outcome> outcomes_;
};

class World {
 public:
  // With the sites "north" and "south" of the tenant "default".
  World();

  SyncCore& core() { return *core_; }
  Tenant& tenant() { return *tenant_; }
  ManualClock& clock() { return clock_; }
  SeededEntropy& entropy() { return entropy_; }
  const std::string& path() const { return directory_.path(); }
  TenantsOptions Options();
  // Changes the tenant's database as somebody with the file in their hands would; must change a
  // row.
  void Tamper(const std::string& sql);
  // Stops the server and starts it again.
  void Restart();

  // Has said Hello.
  std::unique_ptr<TestDevice> NewDevice(const std::string& site = "north");
  std::optional<RecordState> Load(const Uuid& record);
  // As wrong, by its author on `device`.
  Unit Hide(const Uuid& record, TestDevice& device, absl::string_view reason = "Gwen's");
  // Hidden, then withdrawn by L Ward, "about Gwen".
  void Withdraw(const Uuid& record, TestDevice& device);
  uint64_t Head();

 private:
  TestDirectory directory_;
  ManualClock clock_{kNine};
  SeededEntropy entropy_{1};
  uint64_t next_device_ = 1'000'000;
  std::unique_ptr<SyncCore> core_;
  Tenant* tenant_ = nullptr;
};

}  // namespace doorstep::server

#endif  // TESTS_SERVER_WORLD_H_
