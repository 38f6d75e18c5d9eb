#include "server/grpc_server.h"

#include <grpc/support/time.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/attachments.h"
#include "server/grpc_service.h"
#include "sync/base/limits.h"
#include "sync/base/mutex.h"

namespace doorstep::server {
namespace {

// How often commits of other processes are looked for.
constexpr int64_t kForeignCommitsMs = 1000;
// Attachments are looked through in steps, so far apart.
constexpr int64_t kCollectMs = 10'000;
// Devices on mobile networks ping to keep their path open; below this they are cut off.
constexpr int kMinPingIntervalMs = 5'000;
// A quiet connection is asked whether it is still there, so that a dead watcher is noticed.
constexpr int kKeepaliveMs = 60'000;
constexpr int kKeepaliveTimeoutMs = 20'000;
// gRPC's own threads beside those that serve calls.
constexpr int kSpareThreads = 8;
constexpr int kPollers = 2;

// Calls `look` about every `period_ms` on a thread of its own, until destroyed.
class Ticker {
 public:
  Ticker(int64_t period_ms, std::function<void()> look)
      : period_ms_(period_ms), look_(std::move(look)), thread_([this] { Run(); }) {}

  ~Ticker() {
    {
      MutexLock lock(mu_);
      stop_ = true;
      stopped_.NotifyAll();
    }
    thread_.join();
  }
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

 private:
  void Run() {
    while (true) {
      {
        MutexLock lock(mu_);
        if (!stop_) stopped_.WaitFor(mu_, period_ms_);
        if (stop_) return;
      }
      look_();
    }
  }

  const int64_t period_ms_;
  const std::function<void()> look_;
  Mutex mu_;
  CondVar stopped_;
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last: it uses the others
};

// In this order: who is woken by a new schema is answered by it.
void NoticeForeignCommits(SyncCore& core) {
  std::vector<std::string> taken;
  const absl::Status schemas = core.tenants().TakeNewSchemas(&taken);
  if (!schemas.ok()) spdlog::error("{}", std::string(schemas.message()));
  for (const std::string& tenant : taken) spdlog::info("tenant {}: serves a new schema", tenant);
  for (Tenant* tenant : core.tenants().Open()) {
    const absl::Status status = tenant->NoticeForeignCommits();
    if (!status.ok()) {
      spdlog::warn("tenant {}: {}", tenant->name(), std::string(status.message()));
    }
  }
}

void CollectEverywhere(SyncCore& core) {
  for (Tenant* tenant : core.tenants().Open()) {
    const absl::StatusOr<int> went =
        CollectAttachments(*tenant, core.tenants().clock().Read().wall_ms);
    if (!went.ok()) {
      spdlog::warn("tenant {}: attachments: {}", tenant->name(),
                   std::string(went.status().message()));
    } else if (*went > 0) {
      spdlog::info("tenant {}: {} attachments that no record names are gone", tenant->name(),
                   *went);
    }
  }
}

void Configure(const GrpcServerOptions& options, grpc::ServerBuilder* builder) {
  grpc::ResourceQuota quota("doorstep");
  quota.SetMaxThreads(options.threads + kSpareThreads);
  builder->SetResourceQuota(quota);
  builder->SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::NUM_CQS, 1);
  builder->SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MIN_POLLERS, 1);
  builder->SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, kPollers);
  builder->SetMaxReceiveMessageSize(static_cast<int>(kMaxGrpcMessageBytes));
  builder->SetMaxSendMessageSize(static_cast<int>(kMaxGrpcMessageBytes));
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              kMinPingIntervalMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
}

}  // namespace

struct GrpcServer::Impl {
  Impl(SyncCore* core, const GrpcServerOptions& options) : service(core, options.threads) {}

  GrpcService service;
  int port = 0;
  std::unique_ptr<grpc::Server> server;
  std::unique_ptr<Ticker> ticker;
  std::unique_ptr<Ticker> collector;

  Mutex mu;
  bool stopped ABSL_GUARDED_BY(mu) = false;
};

GrpcServer::GrpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(SyncCore* core,
                                                              const GrpcServerOptions& options) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  auto impl = std::make_unique<Impl>(core, options);
  const std::string host =
      absl::StrContains(options.host, ':') ? absl::StrCat("[", options.host, "]") : options.host;
  const std::string address = absl::StrCat(host, ":", options.port);
  grpc::ServerBuilder builder;
  Configure(options, &builder);
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &impl->port);
  builder.RegisterService(&impl->service);
  impl->server = builder.BuildAndStart();
  if (impl->server == nullptr || impl->port == 0) {
    return absl::UnavailableError(absl::StrCat(
        "listen: got ", address, ", wanted an address that is free and belongs to this machine"));
  }
  // Answered for the server as a whole anyway; probes may ask for the service by its name too.
  impl->server->GetHealthCheckService()->SetServingStatus(v1::Sync::service_full_name(), true);
  impl->ticker =
      std::make_unique<Ticker>(kForeignCommitsMs, [core] { NoticeForeignCommits(*core); });
  impl->collector = std::make_unique<Ticker>(kCollectMs, [core] { CollectEverywhere(*core); });
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(impl)));
}

GrpcServer::~GrpcServer() { Stop(0); }

int GrpcServer::port() const { return impl_->port; }

void GrpcServer::Stop(int64_t drain_ms) {
  MutexLock lock(impl_->mu);
  if (impl_->stopped) return;
  impl_->stopped = true;
  impl_->ticker.reset();
  impl_->collector.reset();
  impl_->server->GetHealthCheckService()->SetServingStatus(false);
  impl_->service.Stop();
  // A span counts from now; gRPC reads its own clock.
  impl_->server->Shutdown(gpr_time_from_millis(std::max<int64_t>(drain_ms, 0), GPR_TIMESPAN));
  impl_->server->Wait();
}

}  // namespace doorstep::server
