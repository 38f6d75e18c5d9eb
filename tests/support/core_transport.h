// A server in the same process as a Transport: no sockets, no threads.
//
//   CoreTransport link(&core);
//   replica->Sync(link, {});
#ifndef TESTS_SUPPORT_CORE_TRANSPORT_H_
#define TESTS_SUPPORT_CORE_TRANSPORT_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "doorstep/transport.h"
#include "doorstep/v1/sync.pb.h"
#include "server/sync_core.h"

namespace doorstep::testing {

class CoreTransport : public Transport {
 public:
  // Borrows the core, which may be exchanged for another, as when a server restarts; null: no link.
  explicit CoreTransport(server::SyncCore* core) : core_(core) {}
  void set_core(server::SyncCore* core) { core_ = core; }

  absl::StatusOr<v1::HelloResponse> Hello(const v1::HelloRequest& request) override;
  absl::StatusOr<v1::PushResponse> Push(const v1::PushRequest& request) override;
  absl::StatusOr<std::unique_ptr<PullStream>> Pull(const v1::PullRequest& request) override;
  absl::StatusOr<v1::HistoryResponse> History(const v1::HistoryRequest& request) override;
  absl::StatusOr<v1::AskAttachmentsResponse> AskAttachments(
      const v1::AskAttachmentsRequest& request) override;
  absl::StatusOr<v1::PutChunkResponse> PutChunk(const v1::PutChunkRequest& request) override;
  absl::StatusOr<v1::GetChunkResponse> GetChunk(const v1::GetChunkRequest& request) override;
  // kUnimplemented.
  absl::Status Watch(const v1::WatchRequest& request,
                     const std::function<bool(uint64_t)>& on_notice) override;
  void Cancel() override {}

 private:
  server::SyncCore* core_;
};

}  // namespace doorstep::testing

#endif  // TESTS_SUPPORT_CORE_TRANSPORT_H_
