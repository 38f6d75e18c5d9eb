#include "doorstep/grpc_transport.h"

#include <grpc/support/time.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client-lib/grpc_enrolment.h"
#include "doorstep/sync_loop.h"
#include "doorstep/v1/sync.grpc.pb.h"
#include "sync/base/limits.h"
#include "sync/base/link_limits.h"
#include "sync/base/mutex.h"
#include "sync/base/status.h"
#include "sync/identity/tls_policy.h"

namespace doorstep {
namespace {

using grpc::ClientContext;

// A watching connection asks after this long whether the server is still there. Servers cut off
// who asks more often than every five minutes.
constexpr int kKeepaliveMs = 6 * 60 * 1000;
constexpr int kKeepaliveTimeoutMs = 20 * 1000;

// How a server says when it wants to be called again, in milliseconds; a convention of gRPC.
constexpr char kPushback[] = "grpc-retry-pushback-ms";
// A connection that is being made is given up this soon after Cancel().
constexpr int64_t kCancelLookMs = 50;

// By the clock that nobody can set.
gpr_timespec DeadlineIn(int64_t ms) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(ms, GPR_TIMESPAN));
}

// What so many bytes take on the slowest link.
int64_t TransferMs(size_t bytes) {
  return static_cast<int64_t>(bytes * 1000 / kSlowestBytesPerSecond);
}

// HOST of HOST:PORT, without brackets.
absl::string_view HostOf(absl::string_view address) {
  const size_t colon = address.rfind(':');
  absl::string_view host = address.substr(0, colon);
  if (absl::StartsWith(host, "[") && absl::EndsWith(host, "]")) {
    host = host.substr(1, host.size() - 2);
  }
  return host;
}

bool IsLoopback(absl::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  const std::vector<absl::string_view> parts = absl::StrSplit(host, '.');
  if (parts.size() != 4 || parts[0] != "127") return false;
  for (const absl::string_view part : parts) {
    int number = 0;
    if (!absl::SimpleAtoi(part, &number) || number < 0 || number > 255) return false;
  }
  return true;
}

// `plain`: nothing secures the link.
absl::Status CheckAddress(const std::string& address, bool plain) {
  const size_t colon = address.rfind(':');
  int port = 0;
  const bool has_port = colon != std::string::npos &&
                        absl::SimpleAtoi(address.substr(colon + 1), &port) && port > 0 &&
                        port < 65536;
  if (!has_port || colon == 0) return InvalidField("server", address, "HOST:PORT");
  if (!plain || IsLoopback(HostOf(address))) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("server: got ", Quoted(address),
                   ", wanted an address of this machine (127.0.0.1, [::1], localhost): this device "
                   "has not enrolled, and without that the link is plain text (doorstep enrol)"));
}

// The call that runs now, so that another thread can end it. Thread-safe.
class Running {
 public:
  // False: Cancel() was called, do not begin.
  bool Begin(ClientContext* context) {
    MutexLock lock(mu_);
    if (cancelled_) return false;
    context_ = context;
    return true;
  }
  void End() {
    MutexLock lock(mu_);
    context_ = nullptr;
  }
  void Cancel() {
    MutexLock lock(mu_);
    cancelled_ = true;
    if (context_ != nullptr) context_->TryCancel();
  }
  bool cancelled() {
    MutexLock lock(mu_);
    return cancelled_;
  }

 private:
  Mutex mu_;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  ClientContext* context_ ABSL_GUARDED_BY(mu_) = nullptr;
};

// Ends the running call's registration on every way out.
class Call {
 public:
  Call(Running& running, ClientContext* context) : running_(running) {
    begun_ = running_.Begin(context);
  }
  ~Call() { running_.End(); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  bool begun() const { return begun_; }

 private:
  Running& running_;
  bool begun_ = false;
};

absl::Status Cancelled() { return absl::CancelledError("the call was cancelled"); }

// No link is said in words that a person understands; everything else is the server's answer.
absl::Status WithoutAdvice(const grpc::Status& status, const std::string& address) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::CANCELLED:
      return absl::UnavailableError(
          absl::StrCat("no link to ", address, ": ", status.error_message()));
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return absl::UnavailableError(absl::StrCat("no link to ", address, ": no answer in time"));
    default:
      return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                          status.error_message());
  }
}

// `context`: of the call that ended so; its last metadata may say when to come again.
absl::Status ToStatus(const grpc::Status& status, const ClientContext& context,
                      const std::string& address, bool cancelled) {
  if (status.ok()) return absl::OkStatus();
  if (cancelled) return Cancelled();
  absl::Status out = WithoutAdvice(status, address);
  const auto& metadata = context.GetServerTrailingMetadata();
  const auto advice = metadata.find(kPushback);
  if (advice != metadata.end()) {
    out.SetPayload(kRetryAfterPayload,
                   absl::Cord(absl::string_view(advice->second.data(), advice->second.size())));
  }
  return out;
}

// One Pull call, with a deadline for each batch: a completion queue of its own lets Next() give up.
class GrpcPullStream : public PullStream {
 public:
  GrpcPullStream(v1::Sync::Stub& stub, const v1::PullRequest& request, std::string address,
                 int64_t timeout_ms, std::shared_ptr<Running> running)
      : address_(std::move(address)), timeout_ms_(timeout_ms), running_(std::move(running)) {
    begun_ = running_->Begin(&context_);
    if (!begun_) return;
    reader_ = stub.AsyncPull(&context_, request, &queue_, this);
    // The tag of the call's start.
    started_ = Wait();
  }

  ~GrpcPullStream() override {
    if (begun_) {
      context_.TryCancel();
      running_->End();
    }
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  absl::StatusOr<bool> Next(v1::PullBatch* batch) override {
    if (!begun_ || (!started_ && running_->cancelled())) return Cancelled();
    if (timed_out_) return TimedOut();
    if (started_) {
      reader_->Read(batch, this);
      // The server's batches double from small ones.
      if (Wait(TransferMs(2 * std::max(largest_, kFirstTransferBytes)))) {
        largest_ = std::max(largest_, batch->ByteSizeLong());
        return true;
      }
      if (timed_out_) return TimedOut();
    }
    grpc::Status status;
    reader_->Finish(&status, this);
    if (!Wait() && timed_out_) return TimedOut();
    DOORSTEP_RETURN_IF_ERROR(ToStatus(status, context_, address_, running_->cancelled()));
    return false;
  }

 private:
  // For the one operation that is under way. False: it failed, or nothing came in time; the call is
  // then over.
  bool Wait(int64_t transfer_ms = 0) {
    void* tag = nullptr;
    bool ok = false;
    switch (queue_.AsyncNext(&tag, &ok, DeadlineIn(timeout_ms_ + transfer_ms))) {
      case grpc::CompletionQueue::GOT_EVENT:
        return ok;
      case grpc::CompletionQueue::TIMEOUT:
        timed_out_ = true;
        context_.TryCancel();
        // The operation still holds its buffers: let it end before they go.
        queue_.Next(&tag, &ok);
        return false;
      case grpc::CompletionQueue::SHUTDOWN:
        return false;
    }
    return false;
  }

  absl::Status TimedOut() const {
    return absl::UnavailableError(absl::StrCat("no link to ", address_, ": no answer in time"));
  }

  const std::string address_;
  const int64_t timeout_ms_;
  const std::shared_ptr<Running> running_;
  ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::ClientAsyncReader<v1::PullBatch>> reader_;
  size_t largest_ = 0;  // of the batches so far, bytes
  bool begun_ = false;
  bool started_ = false;
  bool timed_out_ = false;
};

class GrpcTransport : public IdentifiedTransport {
 public:
  GrpcTransport(std::string address, const GrpcOptions& options)
      : address_(std::move(address)), options_(options), running_(std::make_shared<Running>()) {}

  absl::StatusOr<v1::HelloResponse> Hello(const v1::HelloRequest& request) override {
    return Unary<v1::HelloResponse>(request, &v1::Sync::Stub::Hello);
  }
  absl::StatusOr<v1::PushResponse> Push(const v1::PushRequest& request) override {
    return Unary<v1::PushResponse>(request, &v1::Sync::Stub::Push);
  }
  absl::StatusOr<v1::HistoryResponse> History(const v1::HistoryRequest& request) override {
    return Unary<v1::HistoryResponse>(request, &v1::Sync::Stub::History);
  }

  absl::StatusOr<v1::AskAttachmentsResponse> AskAttachments(
      const v1::AskAttachmentsRequest& request) override {
    return Unary<v1::AskAttachmentsResponse>(request, &v1::Sync::Stub::AskAttachments);
  }
  absl::StatusOr<v1::PutChunkResponse> PutChunk(const v1::PutChunkRequest& request) override {
    return Unary<v1::PutChunkResponse>(request, &v1::Sync::Stub::PutChunk);
  }
  absl::StatusOr<v1::GetChunkResponse> GetChunk(const v1::GetChunkRequest& request) override {
    return Unary<v1::GetChunkResponse>(request, &v1::Sync::Stub::GetChunk, request.max_bytes());
  }

  absl::StatusOr<std::unique_ptr<PullStream>> Pull(const v1::PullRequest& request) override {
    DOORSTEP_RETURN_IF_ERROR(Connect());
    // Hello went before it on this connection, so a refusal has been heard by now.
    return std::make_unique<GrpcPullStream>(*stub_, request, address_, options_.call_timeout_ms,
                                            running_);
  }

  absl::Status Watch(const v1::WatchRequest& request,
                     const std::function<bool(uint64_t)>& on_notice) override {
    DOORSTEP_RETURN_IF_ERROR(Connect());
    ClientContext context;
    const Call call(*running_, &context);
    if (!call.begun()) return Cancelled();
    const auto reader = stub_->Watch(&context, request);
    v1::Notice notice;
    while (reader->Read(&notice)) {
      if (on_notice(notice.head())) continue;
      context.TryCancel();
      while (reader->Read(&notice)) {
      }
      reader->Finish();
      return absl::OkStatus();
    }
    const grpc::Status status = reader->Finish();
    if (status.ok())
      return absl::UnavailableError(absl::StrCat("no link to ", address_, ": closed"));
    return ToStatus(status, context, address_, running_->cancelled());
  }

  void Cancel() override { running_->Cancel(); }

  void UseIdentity(const DeviceIdentity& identity) override {
    if (options_.identity == identity) return;
    options_.identity = identity;
    Disconnect();
  }

  absl::StatusOr<DeviceIdentity> Renew() override {
    if (running_->cancelled()) return Cancelled();
    DOORSTEP_ASSIGN_OR_RETURN(DeviceIdentity renewed,
                              client::RenewIdentity(options_.identity, options_));
    UseIdentity(renewed);
    return renewed;
  }

 private:
  bool secure() const { return options_.identity.enrolled(); }

  void Disconnect() {
    stub_ = nullptr;
    channel_ = nullptr;
  }

  // A server that does not take this device's certificate just closes the connection, and one whose
  // certificate this device does not take is left alone: both look like a lost link. Where one was
  // lost, the enrolment listener is as silent.
  absl::Status Explained(absl::Status status) {
    if (!secure() || !absl::IsUnavailable(status)) return status;
    // After a certificate was refused, gRPC would wait longer before each try.
    Disconnect();
    return client::WhyNoLink(options_.identity, options_).value_or(std::move(status));
  }

  std::shared_ptr<grpc::ChannelCredentials> Credentials() const {
    if (!secure()) return grpc::InsecureChannelCredentials();
    const DeviceIdentity& identity = options_.identity;
    return grpc::SslCredentials({identity.authority, identity.key, identity.chain});
  }

  template <typename Response, typename Request>
  absl::StatusOr<Response> Unary(const Request& request,
                                 grpc::Status (v1::Sync::Stub::*method)(ClientContext*,
                                                                        const Request&, Response*),
                                 size_t answer_bytes = 0) {
    DOORSTEP_RETURN_IF_ERROR(Connect());
    ClientContext context;
    context.set_deadline(
        DeadlineIn(options_.call_timeout_ms + TransferMs(request.ByteSizeLong() + answer_bytes)));
    const Call call(*running_, &context);
    if (!call.begun()) return Cancelled();
    Response response;
    const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
    if (status.ok()) return response;
    return Explained(ToStatus(status, context, address_, running_->cancelled()));
  }

  absl::Status Connect() { return Explained(ConnectOnce()); }

  // Waits for a connection, if there is none now.
  absl::Status ConnectOnce() {
    if (channel_ == nullptr) {
      DOORSTEP_RETURN_IF_ERROR(CheckAddress(address_, !secure()));
      grpc::ChannelArguments arguments;
      arguments.SetMaxReceiveMessageSize(static_cast<int>(kMaxGrpcMessageBytes));
      arguments.SetMaxSendMessageSize(static_cast<int>(kMaxGrpcMessageBytes));
      arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
      arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
      arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
      if (secure()) {
        arguments.SetSslTargetNameOverride(options_.identity.server_name);
      } else {
        // A proxy of the surroundings has no business between a program and its own machine.
        arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
      }
      channel_ = grpc::CreateCustomChannel(address_, Credentials(), arguments);
      stub_ = v1::Sync::NewStub(channel_);
    }
    if (running_->cancelled()) return Cancelled();
    const gpr_timespec deadline = DeadlineIn(options_.connect_timeout_ms);
    grpc_connectivity_state state = channel_->GetState(/*try_to_connect=*/true);
    while (state != GRPC_CHANNEL_READY) {
      if (state == GRPC_CHANNEL_TRANSIENT_FAILURE || state == GRPC_CHANNEL_SHUTDOWN ||
          gpr_time_cmp(gpr_now(GPR_CLOCK_MONOTONIC), deadline) >= 0) {
        // A channel that failed waits longer each time: begin afresh with the next call.
        Disconnect();
        return absl::UnavailableError(
            absl::StrCat("no link to ", address_, ": nobody answers there"));
      }
      channel_->WaitForStateChange(state, DeadlineIn(kCancelLookMs));
      if (running_->cancelled()) return Cancelled();
      state = channel_->GetState(/*try_to_connect=*/true);
    }
    return absl::OkStatus();
  }

  const std::string address_;
  GrpcOptions options_;
  const std::shared_ptr<Running> running_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Sync::Stub> stub_;
};

}  // namespace

absl::Status UseOnlyTls13() { return SpeakOnlyTls13(); }

std::unique_ptr<Transport> MakeGrpcTransport(const std::string& address,
                                             const GrpcOptions& options) {
  return std::make_unique<GrpcTransport>(address, options);
}

}  // namespace doorstep
