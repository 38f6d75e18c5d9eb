// What every gRPC listener of this server has in common: its limits, and how it is secured.
#ifndef SERVER_GRPC_LISTENER_H_
#define SERVER_GRPC_LISTENER_H_

#include <cstddef>
#include <memory>
#include <string>

namespace grpc {
class ServerBuilder;
class ServerCredentials;
}  // namespace grpc

namespace doorstep::server {

// PEM. The version of TLS is the process's (sync/identity/tls_policy.h).
struct TlsOptions {
  std::string chain;  // of this server
  std::string key;
  // Whose certificates callers must show; empty: callers show none.
  std::string authority;
};

struct ListenerLimits {
  int threads = 0;  // that serve calls
  size_t message_bytes = 0;
};

void ConfigureListener(const ListenerLimits& limits, grpc::ServerBuilder* builder);

std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(const TlsOptions& tls);

// HOST:PORT, an address of IPv6 in brackets.
std::string ListenAddress(const std::string& host, int port);

}  // namespace doorstep::server

#endif  // SERVER_GRPC_LISTENER_H_
