// The calls of doorstep.v1.Sync without a transport: messages in, messages or Status out. The
// gRPC shell, tests and the simulator call the same code.
//
//   SyncCore core({.data_dir = dir});
//   (void)core.tenants().Ensure("default");
//   auto hello = core.Hello(request);
//
// Codes: those of "Errors" in proto/README.md. Any other code is a fault of this server, and its
// message is for the operator's log, not for the caller.
#ifndef SERVER_SYNC_CORE_H_
#define SERVER_SYNC_CORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "doorstep/v1/sync.pb.h"
#include "server/notifier.h"
#include "server/tenants.h"
#include "sync/base/limits.h"

namespace doorstep::server {

// Thread-safe.
class SyncCore {
 public:
  explicit SyncCore(const TenantsOptions& options);
  ~SyncCore();

  absl::StatusOr<v1::HelloResponse> Hello(const v1::HelloRequest& request);
  absl::StatusOr<v1::PushResponse> Push(const v1::PushRequest& request);
  // One batch. For the next, put `next` into `position` (and on a first pull `first_from` into
  // `first_from`); stop after `complete` or `first_done`. `max_bytes`: of rows before compression.
  absl::StatusOr<v1::PullBatch> Pull(const v1::PullRequest& request,
                                     size_t max_bytes = kMaxPullBatchBytes);
  absl::StatusOr<v1::HistoryResponse> History(const v1::HistoryRequest& request);
  absl::StatusOr<v1::AskAttachmentsResponse> AskAttachments(
      const v1::AskAttachmentsRequest& request);
  absl::StatusOr<v1::PutChunkResponse> PutChunk(const v1::PutChunkRequest& request);
  absl::StatusOr<v1::GetChunkResponse> GetChunk(const v1::GetChunkRequest& request);

  // Calls `watcher` (see notifier.h) with the head whenever something may have changed for the
  // device, at once if something already has since `request.cursor()`. Ends when the result is
  // destroyed, which must happen before this object.
  absl::StatusOr<std::unique_ptr<Notifier::Registration>> Watch(const v1::WatchRequest& request,
                                                                const Notifier::Callback& watcher);

  // For programs that make tenants, sites and people.
  Tenants& tenants() { return tenants_; }

 private:
  Tenants tenants_;
};

}  // namespace doorstep::server

#endif  // SERVER_SYNC_CORE_H_
