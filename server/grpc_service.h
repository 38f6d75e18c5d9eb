// doorstep.v1.Sync over gRPC: Hello, Push, Pull and History in the blocking API, on a bounded
// number of threads; Watch in the callback API, because a thousand quiet watchers must not hold
// threads.
#ifndef SERVER_GRPC_SERVICE_H_
#define SERVER_GRPC_SERVICE_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "doorstep/v1/sync.grpc.pb.h"
#include "server/identity/register.h"
#include "server/sync_core.h"
#include "sync/base/bytes.h"
#include "sync/base/mutex.h"

namespace doorstep::server {

// Thread-safe. Borrows `core`.
class GrpcService final : public v1::Sync::WithCallbackMethod_Watch<v1::Sync::Service> {
 public:
  // Calls beyond `max_calls` at a time are told to come back later, and so are pulls beyond half of
  // that, so that slow readers cannot take every thread. (What is beyond gRPC's own threads it
  // would refuse itself, and nobody would be told when to come back.)
  GrpcService(SyncCore* core, int max_calls) : core_(*core), max_calls_(max_calls) {}
  // No call may run any more.
  ~GrpcService() override = default;

  grpc::Status Hello(grpc::ServerContext* context, const v1::HelloRequest* request,
                     v1::HelloResponse* response) override;
  grpc::Status Push(grpc::ServerContext* context, const v1::PushRequest* request,
                    v1::PushResponse* response) override;
  grpc::Status Pull(grpc::ServerContext* context, const v1::PullRequest* request,
                    grpc::ServerWriter<v1::PullBatch>* writer) override;
  grpc::Status History(grpc::ServerContext* context, const v1::HistoryRequest* request,
                       v1::HistoryResponse* response) override;
  grpc::Status AskAttachments(grpc::ServerContext* context,
                              const v1::AskAttachmentsRequest* request,
                              v1::AskAttachmentsResponse* response) override;
  grpc::Status PutChunk(grpc::ServerContext* context, const v1::PutChunkRequest* request,
                        v1::PutChunkResponse* response) override;
  grpc::Status GetChunk(grpc::ServerContext* context, const v1::GetChunkRequest* request,
                        v1::GetChunkResponse* response) override;
  grpc::ServerWriteReactor<v1::Notice>* Watch(grpc::CallbackServerContext* context,
                                              const v1::WatchRequest* request) override;

  // Ends watches, and pulls however slowly they are read, of devices that may not call any more.
  void EndStreamsOf(const std::string& tenant, const absl::flat_hash_set<Uuid>& devices);

  // Ends watches now and pulls after their batch, with UNAVAILABLE, also those that come later.
  void Stop();

 private:
  class Watcher;
  class OpenPull;

  // The status for the caller; what it may not know goes to the log under an id. Where it is to try
  // again it is told when.
  grpc::Status Answer(absl::string_view call, const absl::Status& status,
                      grpc::ServerContextBase* context);
  // A call that is answered at once.
  template <typename Request, typename Response>
  grpc::Status Call(absl::string_view call, grpc::ServerContext* context,
                    absl::StatusOr<Response> (SyncCore::*method)(const Request&, const Caller&),
                    const Request& request, Response* response);
  // A call about attachments, if there is room in their lane.
  template <typename Request, typename Response>
  grpc::Status InLane(absl::string_view call, grpc::ServerContext* context,
                      absl::StatusOr<Response> (SyncCore::*method)(const Request&, const Caller&),
                      const Request& request, Response* response);
  // Who calls, by the certificate of the connection.
  Caller CallerIn(const grpc::ServerContextBase& context) const;
  void Add(Watcher* watcher);
  void Remove(Watcher* watcher);

  SyncCore& core_;
  const int max_calls_;
  std::atomic<int> calls_{0};   // all of them, but for watches
  std::atomic<int> pulls_{0};   // at most half of them
  std::atomic<int> chunks_{0};  // calls about attachments, which have a lane of half of that
  std::atomic<bool> stopping_{false};

  Mutex mu_;
  absl::flat_hash_set<Watcher*> watchers_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_set<OpenPull*> open_pulls_ ABSL_GUARDED_BY(mu_);
};

}  // namespace doorstep::server

#endif  // SERVER_GRPC_SERVICE_H_
