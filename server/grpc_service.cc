#include "server/grpc_service.h"

#include <grpc/grpc_security_constants.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "server/errors.h"
#include "sync/base/bytes.h"
#include "sync/base/link_limits.h"

namespace doorstep::server {
namespace {

constexpr char kStopping[] = "the server is stopping: try again later";

// Of a device that is sent away while all places are taken, or the disk: a pull takes some seconds.
constexpr int64_t kBusyWaitMs = 5'000;
// While the server starts again, and between two watchers who come back.
constexpr int64_t kRestartMs = 500;
constexpr int64_t kComeBackStepMs = 2;
constexpr int64_t kMaxComeBackMs = 60'000;

// Says when to come again, as gRPC's own clients understand it too.
void AskToWait(int64_t wait_ms, grpc::ServerContextBase* context) {
  context->AddTrailingMetadata("grpc-retry-pushback-ms", absl::StrCat(wait_ms));
}

grpc::Status TooMany(absl::string_view what, grpc::ServerContextBase* context) {
  AskToWait(kBusyWaitMs, context);
  return {grpc::StatusCode::UNAVAILABLE, absl::StrCat("too many ", what, ": try again later")};
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  // The two enumerations have the same numbers.
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

bool IsAmong(const absl::flat_hash_set<Uuid>& devices, const std::string& bytes) {
  const absl::StatusOr<Uuid> device = Uuid::FromBytes(bytes);
  return device.ok() && devices.contains(*device);
}

// Counts the calls that run, for as long as it lives.
class Slot {
 public:
  Slot(std::atomic<int>* used, int max) : used_(used), taken_(used->fetch_add(1) < max) {}
  ~Slot() { used_->fetch_sub(1); }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  bool taken() const { return taken_; }

 private:
  std::atomic<int>* used_;
  const bool taken_;
};

}  // namespace

grpc::Status GrpcService::Answer(absl::string_view call, const absl::Status& status,
                                 grpc::ServerContextBase* context) {
  if (absl::IsUnavailable(status)) AskToWait(kBusyWaitMs, context);
  const std::string detail = Detail(status);
  if (detail.empty()) return ToGrpc(status);
  std::array<uint8_t, 4> random;
  core_.tenants().entropy().Fill(absl::MakeSpan(random));
  const std::string id =
      ToHex(absl::string_view(reinterpret_cast<const char*>(random.data()), random.size()));
  spdlog::error("{}: error {}: {}", std::string(call), id, detail);
  return ToGrpc(absl::Status(status.code(), absl::StrCat(status.message(), " (error ", id, ")")));
}

Caller GrpcService::CallerIn(const grpc::ServerContextBase& context) const {
  if (core_.callers() == Callers::kAnyone) return {};
  const std::vector<grpc::string_ref> certificates =
      context.auth_context()->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (certificates.size() != 1) return {};
  return CallerOf(absl::string_view(certificates[0].data(), certificates[0].size()));
}

template <typename Request, typename Response>
grpc::Status GrpcService::Call(absl::string_view call, grpc::ServerContext* context,
                               absl::StatusOr<Response> (SyncCore::*method)(const Request&,
                                                                            const Caller&),
                               const Request& request, Response* response) {
  if (context->IsCancelled()) return grpc::Status::CANCELLED;
  const Slot slot(&calls_, max_calls_);
  if (!slot.taken()) return TooMany("calls", context);
  absl::StatusOr<Response> result = (core_.*method)(request, CallerIn(*context));
  if (!result.ok()) return Answer(call, result.status(), context);
  *response = *std::move(result);
  return grpc::Status::OK;
}

grpc::Status GrpcService::Hello(grpc::ServerContext* context, const v1::HelloRequest* request,
                                v1::HelloResponse* response) {
  return Call("Hello", context, &SyncCore::Hello, *request, response);
}

grpc::Status GrpcService::Push(grpc::ServerContext* context, const v1::PushRequest* request,
                               v1::PushResponse* response) {
  return Call("Push", context, &SyncCore::Push, *request, response);
}

grpc::Status GrpcService::History(grpc::ServerContext* context, const v1::HistoryRequest* request,
                                  v1::HistoryResponse* response) {
  return Call("History", context, &SyncCore::History, *request, response);
}

template <typename Request, typename Response>
grpc::Status GrpcService::InLane(absl::string_view call, grpc::ServerContext* context,
                                 absl::StatusOr<Response> (SyncCore::*method)(const Request&,
                                                                              const Caller&),
                                 const Request& request, Response* response) {
  const Slot slot(&chunks_, std::max(1, max_calls_ / 4));
  if (!slot.taken()) return TooMany("attachments", context);
  return Call(call, context, method, request, response);
}

grpc::Status GrpcService::AskAttachments(grpc::ServerContext* context,
                                         const v1::AskAttachmentsRequest* request,
                                         v1::AskAttachmentsResponse* response) {
  return InLane("AskAttachments", context, &SyncCore::AskAttachments, *request, response);
}

grpc::Status GrpcService::PutChunk(grpc::ServerContext* context, const v1::PutChunkRequest* request,
                                   v1::PutChunkResponse* response) {
  return InLane("PutChunk", context, &SyncCore::PutChunk, *request, response);
}

grpc::Status GrpcService::GetChunk(grpc::ServerContext* context, const v1::GetChunkRequest* request,
                                   v1::GetChunkResponse* response) {
  return InLane("GetChunk", context, &SyncCore::GetChunk, *request, response);
}

// A pull that is under way, for as long as it lives.
class GrpcService::OpenPull {
 public:
  OpenPull(GrpcService* service, grpc::ServerContext* context, const v1::Sender& sender)
      : service_(*service), context_(*context), tenant_(sender.tenant()), device_(sender.device()) {
    MutexLock lock(service_.mu_);
    service_.open_pulls_.insert(this);
  }
  ~OpenPull() {
    MutexLock lock(service_.mu_);
    service_.open_pulls_.erase(this);
  }
  OpenPull(const OpenPull&) = delete;
  OpenPull& operator=(const OpenPull&) = delete;

  bool IsOf(const std::string& tenant, const absl::flat_hash_set<Uuid>& devices) const {
    return tenant == tenant_ && IsAmong(devices, device_);
  }
  // Also while it waits for a device that does not read.
  void End() { context_.TryCancel(); }

 private:
  GrpcService& service_;
  grpc::ServerContext& context_;
  const std::string tenant_;
  const std::string device_;
};

grpc::Status GrpcService::Pull(grpc::ServerContext* context, const v1::PullRequest* request,
                               grpc::ServerWriter<v1::PullBatch>* writer) {
  const Slot call(&calls_, max_calls_);
  if (!call.taken()) return TooMany("calls", context);
  const Slot slot(&pulls_, max_calls_ / 2);
  if (!slot.taken()) return TooMany("pulls", context);
  const OpenPull open(this, context, request->sender());
  const Caller caller = CallerIn(*context);
  v1::PullRequest next = *request;
  // What arrives whole is kept: a slow link begins with little, others soon save overhead.
  size_t max_bytes = kFirstTransferBytes;
  for (;; max_bytes = std::min(max_bytes * 2, kMaxPullBatchBytes)) {
    if (stopping_) {
      AskToWait(kRestartMs, context);
      return {grpc::StatusCode::UNAVAILABLE, kStopping};
    }
    // A deadline that has passed shows as cancelled too.
    if (context->IsCancelled()) return grpc::Status::CANCELLED;
    const absl::StatusOr<v1::PullBatch> batch = core_.Pull(next, max_bytes, caller);
    if (!batch.ok()) return Answer("Pull", batch.status(), context);
    if (!writer->Write(*batch)) return grpc::Status::CANCELLED;
    if (batch->complete() || batch->first_done()) return grpc::Status::OK;
    *next.mutable_position() = batch->next();
    if (next.first()) next.set_first_from(batch->first_from());
  }
}

// One watching call. It deletes itself when gRPC is done with it.
class GrpcService::Watcher final : public grpc::ServerWriteReactor<v1::Notice> {
 public:
  Watcher(GrpcService* service, grpc::CallbackServerContext* context,
          const v1::WatchRequest& request)
      : service_(*service),
        context_(context),
        tenant_(request.sender().tenant()),
        device_(request.sender().device()) {
    service_.Add(this);
    absl::StatusOr<std::unique_ptr<Notifier::Registration>> registration = service_.core_.Watch(
        request, [this](uint64_t head) { Tell(head); }, service_.CallerIn(*context));
    if (registration.ok()) {
      registration_ = *std::move(registration);
    } else {
      End(service_.Answer("Watch", registration.status(), context_));
    }
  }

  bool IsOf(const std::string& tenant, const absl::flat_hash_set<Uuid>& devices) const {
    return tenant == tenant_ && IsAmong(devices, device_);
  }

  // Ends the call, once. The device is asked to come back after so long, if that is not 0.
  void End(const grpc::Status& status, int64_t wait_ms = 0) {
    MutexLock lock(mu_);
    if (ending_) return;
    ending_ = true;
    if (wait_ms > 0) AskToWait(wait_ms, context_);
    status_ = status;
    if (!writing_) FinishLocked();
  }

 private:
  void Tell(uint64_t head) {
    MutexLock lock(mu_);
    head_ = std::max(head_, head);
    if (!writing_ && !ending_) WriteLocked();
  }

  void WriteLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    writing_ = true;
    told_ = head_;
    notice_.set_head(head_);
    StartWrite(&notice_);
  }

  void FinishLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { Finish(status_); }

  void OnWriteDone(bool ok) override {
    MutexLock lock(mu_);
    writing_ = false;
    if (!ok && !ending_) {
      ending_ = true;
      status_ = grpc::Status::CANCELLED;
    }
    if (ending_) {
      FinishLocked();
    } else if (head_ > told_) {
      WriteLocked();
    }
  }

  void OnCancel() override { End(grpc::Status::CANCELLED); }

  void OnDone() override {
    registration_.reset();
    service_.Remove(this);
    delete this;
  }

  GrpcService& service_;
  grpc::CallbackServerContext* const context_;
  const std::string tenant_;
  const std::string device_;
  std::unique_ptr<Notifier::Registration> registration_;

  Mutex mu_;
  v1::Notice notice_ ABSL_GUARDED_BY(mu_);
  uint64_t head_ ABSL_GUARDED_BY(mu_) = 0;  // the latest
  uint64_t told_ ABSL_GUARDED_BY(mu_) = 0;  // the latest written
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool ending_ ABSL_GUARDED_BY(mu_) = false;
  grpc::Status status_ ABSL_GUARDED_BY(mu_);
};

grpc::ServerWriteReactor<v1::Notice>* GrpcService::Watch(grpc::CallbackServerContext* context,
                                                         const v1::WatchRequest* request) {
  return new Watcher(this, context, *request);
}

void GrpcService::Add(Watcher* watcher) {
  bool stopping = false;
  {
    MutexLock lock(mu_);
    watchers_.insert(watcher);
    stopping = stopping_;
  }
  if (stopping) watcher->End({grpc::StatusCode::UNAVAILABLE, kStopping}, kRestartMs);
}

void GrpcService::Remove(Watcher* watcher) {
  MutexLock lock(mu_);
  watchers_.erase(watcher);
}

void GrpcService::EndStreamsOf(const std::string& tenant,
                               const absl::flat_hash_set<Uuid>& devices) {
  MutexLock lock(mu_);
  for (Watcher* watcher : watchers_) {
    if (!watcher->IsOf(tenant, devices)) continue;
    watcher->End(
        {grpc::StatusCode::PERMISSION_DENIED, absl::StrCat(kRevokedWords, ": ", kRevokedAdvice)});
  }
  for (OpenPull* pull : open_pulls_) {
    if (pull->IsOf(tenant, devices)) pull->End();
  }
}

void GrpcService::Stop() {
  MutexLock lock(mu_);
  stopping_ = true;
  // One after the other, so that they do not all come back at once.
  int64_t wait_ms = kRestartMs;
  for (Watcher* watcher : watchers_) {
    watcher->End({grpc::StatusCode::UNAVAILABLE, kStopping}, wait_ms);
    wait_ms = std::min(wait_ms + kComeBackStepMs, kMaxComeBackMs);
  }
}

}  // namespace doorstep::server
