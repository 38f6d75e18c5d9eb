#include "server/grpc_server.h"

#include <grpc/support/time.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "server/attachments.h"
#include "server/grpc_service.h"
#include "server/identity/register.h"
#include "sync/base/limits.h"
#include "sync/base/mutex.h"

namespace doorstep::server {
namespace {

// How often commits of other processes are looked for.
constexpr int64_t kForeignCommitsMs = 1000;
// Attachments are looked through in steps, so far apart.
constexpr int64_t kCollectMs = 10'000;

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

// Streams of devices that were taken out of use since the last look, also by another process.
// `known`: those that were found then, by tenant.
void EndStreamsOfRevoked(SyncCore& core, GrpcService& service,
                         absl::flat_hash_map<std::string, std::vector<Uuid>>* known) {
  for (Tenant* tenant : core.tenants().Open()) {
    const absl::StatusOr<std::vector<Uuid>> revoked = RevokedDevices(*tenant);
    if (!revoked.ok()) {
      spdlog::warn("tenant {}: {}", tenant->name(), std::string(revoked.status().message()));
      continue;
    }
    std::vector<Uuid>& before = (*known)[tenant->name()];
    if (before == *revoked) continue;
    before = *revoked;
    service.EndStreamsOf(tenant->name(), {revoked->begin(), revoked->end()});
  }
}

}  // namespace

struct GrpcServer::Impl {
  Impl(SyncCore* core, const GrpcServerOptions& options) : service(core, options.threads) {}

  GrpcService service;
  int port = 0;
  std::unique_ptr<grpc::Server> server;
  absl::flat_hash_map<std::string, std::vector<Uuid>> revoked;  // of the ticker's thread
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
  const std::string address = ListenAddress(options.host, options.port);
  grpc::ServerBuilder builder;
  ConfigureListener({options.threads, kMaxGrpcMessageBytes}, &builder);
  builder.AddListeningPort(address,
                           options.tls.has_value() ? MakeServerCredentials(*options.tls)
                                                   : grpc::InsecureServerCredentials(),
                           &impl->port);
  builder.RegisterService(&impl->service);
  impl->server = builder.BuildAndStart();
  if (impl->server == nullptr || impl->port == 0) {
    return absl::UnavailableError(absl::StrCat(
        "listen: got ", address, ", wanted an address that is free and belongs to this machine"));
  }
  // Answered for the server as a whole anyway; probes may ask for the service by its name too.
  impl->server->GetHealthCheckService()->SetServingStatus(v1::Sync::service_full_name(), true);
  impl->ticker = std::make_unique<Ticker>(kForeignCommitsMs, [core, raw = impl.get()] {
    NoticeForeignCommits(*core);
    if (core->callers() == Callers::kEnrolled) {
      EndStreamsOfRevoked(*core, raw->service, &raw->revoked);
    }
  });
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
