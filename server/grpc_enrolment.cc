#include "server/grpc_enrolment.h"

#include <grpc/support/time.h>
#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "doorstep/v1/enrolment.grpc.pb.h"
#include "server/errors.h"
#include "sync/base/mutex.h"
#include "sync/identity/limits.h"

namespace doorstep::server {
namespace {

// Calls are rare and short; who floods this listener takes nothing from the main one.
constexpr int kThreads = 8;

// The address without the port, which changes with each connection.
std::string PeerOf(const grpc::ServerContext& context) {
  const std::string peer = context.peer();
  return peer.substr(0, peer.rfind(':'));
}

class Service final : public v1::Enrolment::Service {
 public:
  void Serve(EnrolmentCore* core) { core_ = core; }

  grpc::Status Enrol(grpc::ServerContext* context, const v1::EnrolRequest* request,
                     v1::EnrolResponse* response) override {
    return Answer("Enrol", response,
                  [&](EnrolmentCore& core) { return core.Enrol(*request, PeerOf(*context)); });
  }
  grpc::Status Challenge(grpc::ServerContext*, const v1::ChallengeRequest* request,
                         v1::ChallengeResponse* response) override {
    return Answer("Challenge", response,
                  [&](EnrolmentCore& core) { return core.Challenge(*request); });
  }
  grpc::Status Renew(grpc::ServerContext* context, const v1::RenewRequest* request,
                     v1::RenewResponse* response) override {
    return Answer("Renew", response,
                  [&](EnrolmentCore& core) { return core.Renew(*request, PeerOf(*context)); });
  }
  grpc::Status Standing(grpc::ServerContext* context, const v1::StandingRequest* request,
                        v1::StandingResponse* response) override {
    return Answer("Standing", response,
                  [&](EnrolmentCore& core) { return core.Standing(*request, PeerOf(*context)); });
  }

 private:
  template <typename Response, typename Work>
  grpc::Status Answer(const char* call, Response* response, const Work& work) {
    EnrolmentCore* core = core_;
    if (core == nullptr) {
      return {grpc::StatusCode::UNAVAILABLE, "the server is starting: try again later"};
    }
    absl::StatusOr<Response> result = work(*core);
    if (result.ok()) {
      *response = *std::move(result);
      return grpc::Status::OK;
    }
    const std::string detail = Detail(result.status());
    if (!detail.empty()) spdlog::error("{}: {}", call, detail);
    return {static_cast<grpc::StatusCode>(result.status().code()),
            std::string(result.status().message())};
  }

  std::atomic<EnrolmentCore*> core_{nullptr};
};

}  // namespace

struct EnrolmentListener::Impl {
  Service service;
  int port = 0;
  std::unique_ptr<grpc::Server> server;

  Mutex mu;
  bool stopped ABSL_GUARDED_BY(mu) = false;
};

EnrolmentListener::EnrolmentListener(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

absl::StatusOr<std::unique_ptr<EnrolmentListener>> EnrolmentListener::Start(
    const EnrolmentListenerOptions& options) {
  auto impl = std::make_unique<Impl>();
  const std::string address = ListenAddress(options.host, options.port);
  grpc::ServerBuilder builder;
  ConfigureListener({kThreads, kMaxEnrolmentMessageBytes}, &builder);
  builder.AddListeningPort(address, MakeServerCredentials(options.tls), &impl->port);
  builder.RegisterService(&impl->service);
  impl->server = builder.BuildAndStart();
  if (impl->server == nullptr || impl->port == 0) {
    return absl::UnavailableError(
        absl::StrCat("listen for enrolment: got ", address,
                     ", wanted an address that is free and belongs to this machine"));
  }
  return std::unique_ptr<EnrolmentListener>(new EnrolmentListener(std::move(impl)));
}

EnrolmentListener::~EnrolmentListener() { Stop(0); }

void EnrolmentListener::Serve(EnrolmentCore* core) { impl_->service.Serve(core); }

int EnrolmentListener::port() const { return impl_->port; }

void EnrolmentListener::Stop(int64_t drain_ms) {
  MutexLock lock(impl_->mu);
  if (impl_->stopped) return;
  impl_->stopped = true;
  impl_->server->Shutdown(gpr_time_from_millis(std::max<int64_t>(drain_ms, 0), GPR_TIMESPAN));
  impl_->server->Wait();
}

}  // namespace doorstep::server
