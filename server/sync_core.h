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
#include "server/audit/refusals.h"
#include "server/identity/register.h"
#include "server/notifier.h"
#include "server/tenants.h"
#include "sync/base/limits.h"

namespace doorstep::server {

// Whom the calls are for. kEnrolled: a call without the certificate of the device that it names is
// refused, also one whose shell forgot to say who calls.
enum class Callers { kAnyone, kEnrolled };

// Thread-safe.
class SyncCore {
 public:
  // kAnyone is for tests, and for a server that only its own machine can reach.
  explicit SyncCore(const TenantsOptions& options, Callers callers = Callers::kAnyone);
  ~SyncCore();

  absl::StatusOr<v1::HelloResponse> Hello(const v1::HelloRequest& request,
                                          const Caller& caller = {});
  absl::StatusOr<v1::PushResponse> Push(const v1::PushRequest& request, const Caller& caller = {});
  // One batch. For the next, put `next` into `position` (and on a first pull `first_from` into
  // `first_from`); stop after `complete` or `first_done`. `max_bytes`: of rows before compression.
  absl::StatusOr<v1::PullBatch> Pull(const v1::PullRequest& request,
                                     size_t max_bytes = kMaxPullBatchBytes,
                                     const Caller& caller = {});
  absl::StatusOr<v1::HistoryResponse> History(const v1::HistoryRequest& request,
                                              const Caller& caller = {});
  absl::StatusOr<v1::AskAttachmentsResponse> AskAttachments(
      const v1::AskAttachmentsRequest& request, const Caller& caller = {});
  absl::StatusOr<v1::PutChunkResponse> PutChunk(const v1::PutChunkRequest& request,
                                                const Caller& caller = {});
  absl::StatusOr<v1::GetChunkResponse> GetChunk(const v1::GetChunkRequest& request,
                                                const Caller& caller = {});

  // Calls `watcher` (see notifier.h) with the head whenever something may have changed for the
  // device, at once if something already has since `request.cursor()`. Ends when the result is
  // destroyed, which must happen before this object.
  absl::StatusOr<std::unique_ptr<Notifier::Registration>> Watch(const v1::WatchRequest& request,
                                                                const Notifier::Callback& watcher,
                                                                const Caller& caller = {});

  // For programs that make tenants, sites and people.
  Tenants& tenants() { return tenants_; }
  Callers callers() const { return callers_; }

 private:
  Tenants tenants_;
  const Callers callers_;
  Refusals refusals_;
};

}  // namespace doorstep::server

#endif  // SERVER_SYNC_CORE_H_
