// The limit of a sync with nothing to do: one unary gRPC call of messages as long as those of the
// product, to a server that only answers.
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "doorstep/v1/sync.grpc.pb.h"
#include "sync/base/file.h"
#include "tests/bench/process.h"
#include "tests/bench/report.h"
#include "tests/bench/roles.h"

namespace doorstep::bench {
namespace {

class EchoService final : public v1::Sync::Service {
  grpc::Status Hello(grpc::ServerContext* /*context*/, const v1::HelloRequest* request,
                     v1::HelloResponse* response) override {
    response->set_schema_hash(request->device_name());
    return grpc::Status::OK;
  }
};

}  // namespace

absl::Status ServeEcho(const std::string& port_file) {
  EchoService service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return absl::UnavailableError("echo server: got no port");
  if (absl::Status status = WriteFileAtomically(port_file, absl::StrCat(port, "\n"));
      !status.ok()) {
    return status;
  }
  server->Wait();
  return absl::OkStatus();
}

absl::StatusOr<Json> EchoRole(const Json& arguments) {
  const std::string address = arguments["server"];
  const auto stub =
      v1::Sync::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  const int64_t rounds = arguments["rounds"];
  std::vector<double> times;
  WireBytes before;
  for (int64_t i = -1; i < rounds; ++i) {  // the first connects
    grpc::ClientContext context;
    v1::HelloRequest request;
    v1::HelloResponse response;
    request.set_device_name(std::string(arguments["bytes"].get<size_t>(), 'x'));
    const Stopwatch watch;
    const grpc::Status status = stub->Hello(&context, request, &response);
    if (!status.ok()) return absl::UnavailableError(status.error_message());
    if (i >= 0) times.push_back(watch.Seconds());
    if (i < 0) before = WireBytesTo(address);
  }
  const WireBytes after = WireBytesTo(address);
  return Json{{"seconds", Median(times)},
              {"wire_bytes",
               static_cast<double>(after.sent + after.received - before.sent - before.received) /
                   static_cast<double>(rounds)}};
}

}  // namespace doorstep::bench
