// The enrolment listener: doorstep.v1.Enrolment over gRPC and TLS, where the server shows its
// certificate and callers none. No gRPC type shows here.
#ifndef SERVER_GRPC_ENROLMENT_H_
#define SERVER_GRPC_ENROLMENT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/grpc_listener.h"
#include "server/identity/enrolment.h"

namespace doorstep::server {

struct EnrolmentListenerOptions {
  std::string host;
  int port = 0;    // 0: any free one
  TlsOptions tls;  // without an authority
};

// Thread-safe.
class EnrolmentListener {
 public:
  // Takes the port; calls are answered once Serve() has been called. kUnavailable: the address
  // cannot be listened on.
  static absl::StatusOr<std::unique_ptr<EnrolmentListener>> Start(
      const EnrolmentListenerOptions& options);
  // Stops at once if Stop was not called.
  ~EnrolmentListener();

  // Once. Borrows `core`.
  void Serve(EnrolmentCore* core);
  int port() const;
  // Takes no more calls, and waits for those that run for at most `drain_ms`.
  void Stop(int64_t drain_ms);

 private:
  struct Impl;
  explicit EnrolmentListener(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace doorstep::server

#endif  // SERVER_GRPC_ENROLMENT_H_
