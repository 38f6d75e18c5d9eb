// The gRPC server around a SyncCore: sockets, threads, health, reflection, and an orderly end. No
// gRPC type shows here.
#ifndef SERVER_GRPC_SERVER_H_
#define SERVER_GRPC_SERVER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "server/grpc_listener.h"
#include "server/sync_core.h"

namespace doorstep::server {

struct GrpcServerOptions {
  std::string host = "127.0.0.1";
  int port = 0;  // 0: any free one
  // nullopt: plain text, on loopback only (the caller has checked). Else TLS: who calls shows a
  // certificate of `tls->authority`, or there is no connection.
  std::optional<TlsOptions> tls;
  int threads = 64;  // that serve calls; watchers need none
};

// Thread-safe.
class GrpcServer {
 public:
  // Listens and serves. Borrows `core`. kUnavailable: the address cannot be listened on.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(SyncCore* core,
                                                           const GrpcServerOptions& options);
  // Stops at once if Stop was not called.
  ~GrpcServer();

  int port() const;

  // Takes no more calls, tells watchers and pulls to come back later, waits for the calls that run
  // for at most `drain_ms`, then cuts them off. A push that is cut off may have been stored; the
  // device asks again.
  void Stop(int64_t drain_ms);

 private:
  struct Impl;
  explicit GrpcServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace doorstep::server

#endif  // SERVER_GRPC_SERVER_H_
