// Pushes of several threads share commits, and each gets its own answer.
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/admin.h"
#include "server/history.h"
#include "sync/change/unit_codec.h"
#include "tests/server/world.h"

namespace doorstep::server {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int kThreads = 8;
constexpr int kUnits = 40;

// Counts commits, and fails those that somebody asked to fail.
class SpyStore : public Store {
 public:
  explicit SpyStore(std::unique_ptr<Store> store) : store_(std::move(store)) {}
  absl::StatusOr<std::unique_ptr<ReadView>> Read() override { return store_->Read(); }
  absl::StatusOr<std::unique_ptr<WriteTransaction>> Write() override {
    ++transactions;
    if (failing > 0) {
      --failing;
      return absl::UnavailableError("the disk");
    }
    return store_->Write();
  }

  std::atomic<int> transactions{0};
  std::atomic<int> failing{0};

 private:
  std::unique_ptr<Store> store_;
};

class GroupCommit : public ::testing::Test {
 protected:
  GroupCommit() {
    SqliteStoreOptions options;
    auto store = std::make_unique<SpyStore>(Must(
        OpenSqliteStore(directory_.path() + "/t.db", true, Schema::BuiltIn(), entropy_, options)));
    spy_ = store.get();
    tenant_ =
        std::make_unique<Tenant>("t", std::move(store), Schema::BuiltIn(), &entropy_, nullptr);
    Must(AddSite(*tenant_, {"north", "North", ""}, entropy_));
    auto write = Must(tenant_->store().Write());
    for (uint64_t i = 0; i < kThreads; ++i) {
      DeviceRow device;
      device.id = Id(10 + i);
      device.site = "north";
      Must(write->PutDevice(device));
    }
    Must(write->Commit());
    write.reset();
    spy_->transactions = 0;
  }

  PushJob Job(uint64_t device, const std::string& payload, uint64_t counter) {
    PushJob job;
    job.device = Id(10 + device);
    job.site = "north";
    job.incarnation = Id(1000 + device);
    job.receipt_ms = kNine;
    OfferedUnit unit;
    unit.counter = counter;
    unit.changes = 1;
    unit.author = "A Khan";
    unit.payload = payload;
    job.units.push_back(unit);
    return job;
  }

  static std::string Payload(uint64_t device, uint64_t counter) {
    Unit unit;
    unit.incarnation = Id(1000 + device);
    unit.counter = counter;
    unit.compartment = {Id(1), 0};
    unit.changes.push_back(
        Create("CaseStudy", Id(100'000 * (device + 1) + counter), R"({"title": "x"})"));
    unit.changes[0].id = {unit.incarnation, counter};
    return Must(EncodeUnit(unit));
  }

  TestDirectory directory_;
  SeededEntropy entropy_{3};
  SpyStore* spy_ = nullptr;
  std::unique_ptr<Tenant> tenant_;
};

TEST_F(GroupCommit, EveryThreadGetsItsAnswerAndEverythingIsStored) {
  std::vector<std::thread> threads;
  std::atomic<int> stored{0};
  for (uint64_t device = 0; device < kThreads; ++device) {
    threads.emplace_back([&, device] {
      for (uint64_t counter = 1; counter <= kUnits; ++counter) {
        const std::string payload = Payload(device, counter);
        const auto receipts = tenant_->Push(Job(device, payload, counter));
        if (receipts.ok() && receipts->size() == 1 && (*receipts)[0].counter == counter &&
            (*receipts)[0].status == ReceiptStatus::kStored) {
          ++stored;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(stored, kThreads * kUnits);
  EXPECT_LE(spy_->transactions, kThreads * kUnits);
  auto view = Must(tenant_->store().Read());
  const CompartmentRef ref = *Must(view->FindCompartment({Id(1), 0}));
  EXPECT_EQ(Must(view->Totals(ref)).records, static_cast<uint64_t>(kThreads * kUnits));
  EXPECT_THAT(Must(view->Feed(ref, {}, UINT64_MAX, 1000)), SizeIs(kThreads * kUnits));
  EXPECT_THAT(Must(VerifyHistory(*view)).faults, IsEmpty());
}

TEST_F(GroupCommit, OneThreadAloneNeedsNoOther) {
  const std::string payload = Payload(0, 1);
  EXPECT_THAT(Must(tenant_->Push(Job(0, payload, 1))), SizeIs(1));
  EXPECT_EQ(spy_->transactions, 1);
}

TEST_F(GroupCommit, AFaultOfTheStoreIsAnsweredAndForgotten) {
  const std::string payload = Payload(0, 1);
  spy_->failing = 1;
  EXPECT_TRUE(absl::IsUnavailable(tenant_->Push(Job(0, payload, 1)).status()));
  EXPECT_EQ(Must(tenant_->Push(Job(0, payload, 1)))[0].status, ReceiptStatus::kStored);
}

TEST_F(GroupCommit, FaultsUnderLoadLoseNothingThatWasPromised) {
  std::vector<std::thread> threads;
  std::atomic<int> answered{0};
  for (uint64_t device = 0; device < kThreads; ++device) {
    threads.emplace_back([&, device] {
      for (uint64_t counter = 1; counter <= kUnits; ++counter) {
        const std::string payload = Payload(device, counter);
        for (int attempt = 0; attempt < 1000; ++attempt) {
          if (counter % 5 == 0 && attempt == 0) ++spy_->failing;
          const auto receipts = tenant_->Push(Job(device, payload, counter));
          if (!receipts.ok()) continue;
          ++answered;
          break;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered, kThreads * kUnits);
  auto view = Must(tenant_->store().Read());
  const CompartmentRef ref = *Must(view->FindCompartment({Id(1), 0}));
  EXPECT_EQ(Must(view->Totals(ref)).records, static_cast<uint64_t>(kThreads * kUnits));
  EXPECT_THAT(Must(VerifyHistory(*view)).faults, IsEmpty());
}

// A device that may not push does not spoil the commit of those that may.
TEST_F(GroupCommit, ARefusedCallLeavesTheOthersAlone) {
  std::vector<std::thread> threads;
  std::atomic<int> stored{0};
  std::atomic<int> refused{0};
  for (uint64_t device = 0; device < kThreads; ++device) {
    threads.emplace_back([&, device] {
      for (uint64_t counter = 1; counter <= kUnits; ++counter) {
        const std::string payload = Payload(device, counter);
        PushJob job = Job(device, payload, counter);
        if (device % 2 == 1) job.site = "south";
        // Some shared transactions fail, and are taken apart.
        if (counter % 7 == 0) ++spy_->failing;
        auto receipts = tenant_->Push(job);
        while (absl::IsUnavailable(receipts.status())) receipts = tenant_->Push(job);
        if (receipts.ok()) ++stored;
        if (absl::IsPermissionDenied(receipts.status())) ++refused;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(stored, kThreads / 2 * kUnits);
  EXPECT_EQ(refused, kThreads / 2 * kUnits);
}

// Readers see whole commits while writers write.
TEST_F(GroupCommit, ReadersSeeWholeCommits) {
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done) {
      auto view = Must(tenant_->store().Read());
      const auto ref = Must(view->FindCompartment({Id(1), 0}));
      if (!ref) continue;
      const uint64_t records = Must(view->Totals(*ref)).records;
      EXPECT_THAT(Must(view->Feed(*ref, {}, UINT64_MAX, 10'000)), SizeIs(records));
    }
  });
  for (uint64_t counter = 1; counter <= 100; ++counter) {
    const std::string payload = Payload(0, counter);
    Must(tenant_->Push(Job(0, payload, counter)));
  }
  done = true;
  reader.join();
}

// Watchers come and go while writers write; who stays hears of the last commit.
TEST_F(GroupCommit, WatchersComeAndGoWhileOthersCommit) {
  std::atomic<uint64_t> heard{0};
  const auto stays = tenant_->notifier().Register(Id(10), "north", [&](uint64_t head) {
    uint64_t before = heard;
    while (before < head && !heard.compare_exchange_weak(before, head)) {
    }
  });
  std::atomic<bool> done{false};
  std::atomic<int> refused{0};
  std::vector<std::thread> passers_by;
  for (uint64_t device = 1; device < kThreads; ++device) {
    passers_by.emplace_back([&, device] {
      while (!done) {
        int own_calls = 0;  // no call may come after the registration is gone
        const auto watching = tenant_->notifier().Register(Id(10 + device), "north",
                                                           [&own_calls](uint64_t) { ++own_calls; });
        std::this_thread::yield();
        if (watching == nullptr) ++refused;
      }
    });
  }
  for (uint64_t counter = 1; counter <= 100; ++counter) {
    const std::string payload = Payload(0, counter);
    Must(tenant_->Push(Job(0, payload, counter)));
  }
  done = true;
  for (std::thread& thread : passers_by) thread.join();
  EXPECT_EQ(refused, 0);
  EXPECT_EQ(heard, Must(Must(tenant_->store().Read())->Head()));
  EXPECT_EQ(tenant_->notifier().watchers(), 1u);
}

}  // namespace
}  // namespace doorstep::server
