// A sync that goes on by itself: when it tries again, and how soon it stops. Time is the machine's:
// what is asserted of it is generous upwards, except that a cancel takes at most 100 ms.
#include "doorstep/sync_loop.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "client-lib/pace.h"
#include "doorstep/v1/sync.pb.h"
#include "gtest/gtest.h"
#include "sync/base/mutex.h"
#include "tests/client/device.h"

namespace doorstep {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int64_t kCancelMs = 100;

// What the link of a test does. Shared by the transports that the loop makes.
struct Script {
  Mutex mu;
  CondVar changed;
  std::vector<absl::Status> answers ABSL_GUARDED_BY(mu);  // to each hello; the last is repeated
  bool hangs ABSL_GUARDED_BY(mu) = false;                 // a call ends by Cancel() only
  int hellos ABSL_GUARDED_BY(mu) = 0;
};

class ScriptedTransport : public Transport {
 public:
  explicit ScriptedTransport(Script* script) : script_(*script) {}

  absl::StatusOr<v1::HelloResponse> Hello(const v1::HelloRequest&) override {
    MutexLock lock(script_.mu);
    const auto call = static_cast<size_t>(script_.hellos++);
    script_.changed.NotifyAll();
    while (script_.hangs && !cancelled_) script_.changed.Wait(script_.mu);
    if (cancelled_) return absl::CancelledError("cancelled");
    return script_.answers[std::min(call, script_.answers.size() - 1)];
  }
  absl::StatusOr<v1::PushResponse> Push(const v1::PushRequest&) override { return Unreached(); }
  absl::StatusOr<std::unique_ptr<PullStream>> Pull(const v1::PullRequest&) override {
    return Unreached();
  }
  absl::StatusOr<v1::HistoryResponse> History(const v1::HistoryRequest&) override {
    return Unreached();
  }
  absl::Status Watch(const v1::WatchRequest&, const std::function<bool(uint64_t)>&) override {
    return Unreached();
  }
  void Cancel() override {
    MutexLock lock(script_.mu);
    cancelled_ = true;
    script_.changed.NotifyAll();
  }

 private:
  static absl::Status Unreached() { return absl::InternalError("no hello has succeeded"); }

  Script& script_;
  bool cancelled_ = false;  // guarded by the script's mutex
};

class SyncLoopTest : public ::testing::Test {
 protected:
  void Begin(std::vector<absl::Status> answers, SyncHints hints = {}) {
    {
      MutexLock lock(script_.mu);
      script_.answers = std::move(answers);
    }
    SyncLoopOptions options;
    options.hints = hints;
    options.environment.schema = device_.environment().schema;
    options.on_attempt = [this](const SyncAttempt& attempt) {
      MutexLock lock(script_.mu);
      attempts_.push_back(attempt);
      script_.changed.NotifyAll();
    };
    loop_ = Must(SyncLoop::Start(
        directory_.path(), [this] { return std::make_unique<ScriptedTransport>(&script_); },
        std::move(options)));
  }
  // Waits for the n-th attempt to be over (from 1).
  SyncAttempt Attempt(size_t n) {
    MutexLock lock(script_.mu);
    while (attempts_.size() < n) script_.changed.Wait(script_.mu);
    return attempts_[n - 1];
  }
  // How long it takes to end.
  int64_t CancelMs() {
    const auto begun = steady_clock::now();
    loop_->Cancel();
    EXPECT_TRUE(absl::IsCancelled(loop_->Wait()));
    return duration_cast<milliseconds>(steady_clock::now() - begun).count();
  }

  TestDirectory directory_;
  Device device_{directory_.path()};
  Script script_;
  std::vector<SyncAttempt> attempts_;  // guarded by the script's mutex
  std::unique_ptr<SyncLoop> loop_;
};

TEST_F(SyncLoopTest, TriesAgainAfterALongerWaitEachTime) {
  Begin({absl::UnavailableError("no link")});
  for (size_t n = 1; n <= 3; ++n) {
    const SyncAttempt attempt = Attempt(n);
    EXPECT_TRUE(absl::IsUnavailable(attempt.result.status())) << attempt.result.status();
    EXPECT_GE(attempt.next_ms, client::kFirstWaitMs << (n - 1) >> 1);
    EXPECT_LE(attempt.next_ms, client::kFirstWaitMs << (n - 1));
  }
  EXPECT_LE(CancelMs(), kCancelMs) << "while it waited";
}

TEST_F(SyncLoopTest, ACallThatHangsIsGivenUp) {
  {
    MutexLock lock(script_.mu);
    script_.hangs = true;
  }
  Begin({absl::UnavailableError("no link")});
  {
    MutexLock lock(script_.mu);
    while (script_.hellos == 0) script_.changed.Wait(script_.mu);
  }
  EXPECT_LE(CancelMs(), kCancelMs);
}

TEST_F(SyncLoopTest, WhatDoesNotPassEndsIt) {
  Begin({absl::UnavailableError("no link"), absl::PermissionDeniedError("the device is lost")});
  EXPECT_TRUE(absl::IsPermissionDenied(loop_->Wait()));
  EXPECT_EQ(Attempt(2).next_ms, 0);
}

TEST_F(SyncLoopTest, TheServerSaysWhen) {
  absl::Status busy = absl::UnavailableError("too many pulls");
  busy.SetPayload(kRetryAfterPayload, absl::Cord("120000"));
  Begin({busy, absl::UnavailableError("no link")});
  EXPECT_GE(Attempt(1).next_ms, 120'000);
  EXPECT_LE(Attempt(1).next_ms, 150'000);
  // Somebody who presses "sync" does not wait for that.
  loop_->Wake();
  EXPECT_LE(Attempt(2).next_ms, 2 * client::kFirstWaitMs);
}

TEST_F(SyncLoopTest, TheNetworkIsBack) {
  SyncHints hints;
  hints.online = false;
  Begin({absl::UnavailableError("no link")}, hints);
  EXPECT_GE(Attempt(1).next_ms, client::kIdleMs);
  hints.online = true;
  loop_->SetHints(hints);
  EXPECT_LE(Attempt(2).next_ms, 2 * client::kFirstWaitMs);
}

TEST_F(SyncLoopTest, WhatIsUrgentIsTriedMoreOften) {
  Must(device_.replica().Transact({}, [](Edits& edits) {
    return edits.AddJson("Person", R"({"name":"Peter","allergies":["nuts"]})").status();
  }));
  absl::Status busy = absl::UnavailableError("no link");
  SyncHints hints;
  hints.metered = true;
  Begin({busy}, hints);
  for (size_t n = 1; n <= 12; ++n) {
    EXPECT_LE(Attempt(n).next_ms, client::kMaxUrgentWaitMs);
    loop_->Wake();
  }
}

TEST_F(SyncLoopTest, EndsWhenDestroyed) {
  Begin({absl::UnavailableError("no link")});
  Attempt(1);
  loop_.reset();
}

}  // namespace
}  // namespace doorstep
