#include "doorstep/sync_loop.h"

#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "client-lib/outbox.h"
#include "client-lib/pace.h"
#include "client-lib/replica_impl.h"
#include "client-lib/secret.h"
#include "doorstep/observer.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"
#include "sync/base/mutex.h"
#include "sync/base/status.h"

namespace doorstep {
namespace {

using client::Decide;
using client::Pace;
using client::Situation;

// Changes whenever something is recorded here, and at no sync.
constexpr char kRecorded[] = "SELECT coalesce(max(unit), 0) FROM _outbox";

uint64_t Random(Entropy& entropy) {
  uint64_t random = 0;
  entropy.Fill(absl::MakeSpan(reinterpret_cast<uint8_t*>(&random), sizeof random));
  return random;
}

bool HasUrgent(Replica& replica) {
  return client::Outbox(*replica.inside().store).AnyUrgent().value_or(false);
}

}  // namespace

// Two threads beside the observer's: one syncs and waits, one watches the server meanwhile.
class SyncLoop::Impl {
 public:
  Impl(std::unique_ptr<Replica> replica, std::unique_ptr<Replica> watching,
       MakeTransport make_transport, SyncLoopOptions options)
      : replica_(std::move(replica)),
        watching_replica_(std::move(watching)),
        make_transport_(std::move(make_transport)),
        options_(std::move(options)),
        clock_(options_.environment.clock == nullptr ? *SystemClock()
                                                     : *options_.environment.clock),
        entropy_(options_.environment.entropy == nullptr ? *SystemEntropy()
                                                         : *options_.environment.entropy),
        hints_(options_.hints),
        transport_(make_transport_()) {}

  ~Impl() {
    observer_.reset();  // before what its callback uses
    Cancel();
    if (syncer_.joinable()) syncer_.join();
    if (watcher_.joinable()) watcher_.join();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  absl::Status Begin(const std::string& directory) {
    DOORSTEP_ASSIGN_OR_RETURN(
        observer_,
        Observer::Start(
            directory, kRecorded, [this](const absl::StatusOr<Answer>&) { NoteRecorded(); },
            options_.environment));
    client::Wipe(&options_.environment.unlock.secret);  // all that opens it is open
    {
      // It begins by telling what is there, which is no news to the first sync.
      MutexLock lock(mu_);
      while (!recorded_) news_.Wait(mu_);
    }
    syncer_ = std::thread([this] { End(Run()); });
    watcher_ = std::thread([this] { Watch(); });
    return absl::OkStatus();
  }

  void Wake() {
    MutexLock lock(mu_);
    woken_ = true;
    news_.NotifyAll();
  }

  void SetHints(const SyncHints& hints) {
    MutexLock lock(mu_);
    if (hints_ == hints) return;
    // Back in the network: whatever was waited for is over.
    woken_ |= hints.online && !hints_.online;
    hints_ = hints;
    news_.NotifyAll();
  }

  void Cancel() {
    MutexLock lock(mu_);
    cancelled_ = true;
    transport_->Cancel();
    if (watching_ != nullptr) watching_->Cancel();
    news_.NotifyAll();
  }

  absl::Status Wait() {
    MutexLock lock(mu_);
    while (!ended_.has_value()) news_.Wait(mu_);
    return *ended_;
  }

 private:
  void NoteRecorded() {
    MutexLock lock(mu_);
    recorded_ = true;
    news_.NotifyAll();
  }

  void End(absl::Status status) {
    MutexLock lock(mu_);
    ended_ = std::move(status);
    want_watch_ = false;
    cancelled_ = true;  // the watcher ends too
    if (watching_ != nullptr) watching_->Cancel();
    news_.NotifyAll();
  }

  bool IsCancelled() {
    MutexLock lock(mu_);
    return cancelled_;
  }

  absl::StatusOr<SyncResult> Sync() {
    SyncOptions options;
    options.attachments = options_.attachments;
    {
      MutexLock lock(mu_);
      woken_ = recorded_ = lost_ = false;
      options.attachments.only_asked |= hints_.metered || hints_.battery_low;
    }
    got_on_ = false;
    options.progress = [this](const SyncProgress& progress) {
      got_on_ = progress.attachment_bytes_sent + progress.attachment_bytes_received > 0;
      if (options_.on_progress) options_.on_progress(progress);
      return !IsCancelled();
    };
    return replica_->Sync(*transport_, options);
  }

  absl::Status Run() {
    Situation situation;
    while (true) {
      const absl::StatusOr<SyncResult> result = Sync();
      if (IsCancelled()) return absl::CancelledError("the sync loop was cancelled");
      // A large attachment gets on piece by piece over a link that is cut often: that is no reason
      // to wait longer each time.
      const int failures = result.ok() ? 0 : got_on_ ? 1 : situation.failures + 1;
      situation = Situation();
      situation.failures = failures;
      if (result.ok()) {
        MutexLock lock(mu_);
        checkpoint_ = result->checkpoint;
      } else {
        situation.server_wait_ms = client::RetryAfterMs(result.status());
      }
      const uint64_t random = Random(entropy_);
      const bool over = !result.ok() && !client::IsPassing(result.status());
      if (options_.on_attempt) {
        options_.on_attempt({result, over ? 0 : DecideNow(&situation, random).wait_ms});
      }
      if (over) return result.status();
      DOORSTEP_RETURN_IF_ERROR(WaitForNext(situation, random));
    }
  }

  Pace DecideNow(Situation* situation, uint64_t random) {
    {
      MutexLock lock(mu_);
      situation->hints = hints_;
      situation->changed = recorded_ || head_ > checkpoint_;
    }
    const SyncHints& hints = situation->hints;
    situation->urgent =
        (situation->failures > 0 || ((hints.metered || hints.battery_low) && situation->changed)) &&
        HasUrgent(*replica_);
    return Decide(*situation, random);
  }

  // Until it is time for the next attempt. `begun_ms` is when what is waited for began.
  absl::Status WaitForNext(Situation situation, uint64_t random) {
    int64_t begun_ms = clock_.Read().mono_ms;
    while (true) {
      const bool changed_before = situation.changed;
      const Pace pace = DecideNow(&situation, random);
      const int64_t now_ms = clock_.Read().mono_ms;
      if (situation.changed && !changed_before && situation.failures == 0) begun_ms = now_ms;
      const int64_t left_ms = begun_ms + pace.wait_ms - now_ms;
      MutexLock lock(mu_);
      if (cancelled_) return absl::CancelledError("the sync loop was cancelled");
      if (woken_ || left_ms <= 0) return absl::OkStatus();
      if (lost_) {
        lost_ = false;
        situation.failures = 1;
        situation.server_wait_ms = server_wait_ms_;
        begun_ms = now_ms;
        continue;
      }
      const bool watch = pace.watch && may_watch_;
      if (watch != want_watch_) {
        want_watch_ = watch;
        if (!watch && watching_ != nullptr) watching_->Cancel();
        news_.NotifyAll();
      }
      // What is news: the same facts as were decided on, or others.
      if (hints_ == situation.hints && (recorded_ || head_ > checkpoint_) == situation.changed) {
        news_.WaitFor(mu_, left_ms);
      }
    }
  }

  // The second thread.
  void Watch() {
    while (true) {
      std::shared_ptr<Transport> transport;
      {
        MutexLock lock(mu_);
        while (!cancelled_ && !want_watch_) news_.Wait(mu_);
        if (cancelled_) return;
        watching_ = make_transport_();
        transport = watching_;
      }
      const absl::Status status = watching_replica_->Watch(*transport, [this](uint64_t head) {
        MutexLock lock(mu_);
        head_ = std::max(head_, head);
        news_.NotifyAll();
        return want_watch_ && !cancelled_;
      });
      MutexLock lock(mu_);
      watching_ = nullptr;
      if (!want_watch_) continue;
      want_watch_ = false;
      // A server that does not let itself be watched is asked now and then instead.
      may_watch_ = client::IsPassing(status);
      // Refused, as after a loss: a sync hears why, and the loop ends with that.
      woken_ |= absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status);
      lost_ = may_watch_;
      server_wait_ms_ = client::RetryAfterMs(status);
      news_.NotifyAll();
    }
  }

  const std::unique_ptr<Replica> replica_;           // of the first thread
  const std::unique_ptr<Replica> watching_replica_;  // of the second
  const MakeTransport make_transport_;
  SyncLoopOptions options_;  // after Begin as it is
  Clock& clock_;
  Entropy& entropy_;

  Mutex mu_;
  CondVar news_;
  SyncHints hints_ ABSL_GUARDED_BY(mu_);
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  bool woken_ ABSL_GUARDED_BY(mu_) = false;
  bool recorded_ ABSL_GUARDED_BY(mu_) = false;  // here, since the last attempt began
  bool lost_ ABSL_GUARDED_BY(mu_) = false;      // the watching connection
  bool want_watch_ ABSL_GUARDED_BY(mu_) = false;
  bool may_watch_ ABSL_GUARDED_BY(mu_) = true;
  int64_t server_wait_ms_ ABSL_GUARDED_BY(mu_) = 0;  // said when the connection ended
  uint64_t head_ ABSL_GUARDED_BY(mu_) = 0;           // the server's, as it told
  uint64_t checkpoint_ ABSL_GUARDED_BY(mu_) = 0;
  std::optional<absl::Status> ended_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<Transport> watching_ ABSL_GUARDED_BY(mu_);

  bool got_on_ = false;  // of the first thread: the last attempt moved bytes of attachments

  const std::unique_ptr<Transport> transport_;  // of the first thread, but for Cancel
  std::unique_ptr<Observer> observer_;
  std::thread syncer_, watcher_;  // last: they use all of the above
};

SyncLoop::SyncLoop(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SyncLoop::~SyncLoop() = default;

absl::StatusOr<std::unique_ptr<SyncLoop>> SyncLoop::Start(const std::string& directory,
                                                          MakeTransport make_transport,
                                                          SyncLoopOptions options) {
  OpenOptions open;
  open.environment = options.environment;
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Replica> replica, Replica::Open(directory, open));
  open.read_only = true;
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Replica> watching, Replica::Open(directory, open));
  auto impl = std::make_unique<Impl>(std::move(replica), std::move(watching),
                                     std::move(make_transport), std::move(options));
  DOORSTEP_RETURN_IF_ERROR(impl->Begin(directory));
  return std::unique_ptr<SyncLoop>(new SyncLoop(std::move(impl)));
}

void SyncLoop::Wake() { impl_->Wake(); }
void SyncLoop::SetHints(const SyncHints& hints) { impl_->SetHints(hints); }
void SyncLoop::Cancel() { impl_->Cancel(); }
absl::Status SyncLoop::Wait() { return impl_->Wait(); }

}  // namespace doorstep
