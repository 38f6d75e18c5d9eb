// doorstep.v1.Sync over gRPC: Hello, Push, Pull and History in the blocking API, on a bounded
// number of threads; Watch in the callback API, because a thousand quiet watchers must not hold
// threads.
#ifndef SERVER_GRPC_SERVICE_H_
#define SERVER_GRPC_SERVICE_H_

#include <atomic>
#include <cstdint>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "doorstep/v1/sync.grpc.pb.h"
#include "server/sync_core.h"
#include "sync/base/mutex.h"

namespace doorstep::server {

// Thread-safe. Borrows `core`.
class GrpcService final : public v1::Sync::WithCallbackMethod_Watch<v1::Sync::Service> {
 public:
  // Pulls beyond `max_pulls` at a time are told to come back later, so that slow readers cannot
  // take every thread.
  GrpcService(SyncCore* core, int max_pulls) : core_(*core), max_pulls_(max_pulls) {}
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

  // Ends watches now and pulls after their batch, with UNAVAILABLE, also those that come later.
  void Stop();

 private:
  class Watcher;

  // The status for the caller; what it may not know goes to the log under an id.
  grpc::Status Answer(absl::string_view call, const absl::Status& status);
  // A call about attachments, if there is room in their lane.
  template <typename Request, typename Response>
  grpc::Status InLane(absl::string_view call, grpc::ServerContext* context,
                      absl::StatusOr<Response> (SyncCore::*method)(const Request&),
                      const Request& request, Response* response);
  void Add(Watcher* watcher);
  void Remove(Watcher* watcher);

  SyncCore& core_;
  const int max_pulls_;
  std::atomic<int> pulls_{0};
  std::atomic<int> chunks_{0};  // calls about attachments, which have a lane of half as many
  std::atomic<bool> stopping_{false};

  Mutex mu_;
  absl::flat_hash_set<Watcher*> watchers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace doorstep::server

#endif  // SERVER_GRPC_SERVICE_H_
