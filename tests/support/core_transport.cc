#include "tests/support/core_transport.h"

#include <utility>

namespace doorstep::testing {
namespace {

absl::Status NoLink() { return absl::UnavailableError("no link to the server"); }

class CorePullStream : public PullStream {
 public:
  CorePullStream(server::SyncCore* core, v1::PullRequest request)
      : core_(core), request_(std::move(request)) {}

  absl::StatusOr<bool> Next(v1::PullBatch* batch) override {
    if (done_) return false;
    absl::StatusOr<v1::PullBatch> next = core_->Pull(request_);
    if (!next.ok()) return next.status();
    *batch = *std::move(next);
    *request_.mutable_position() = batch->next();
    if (request_.first()) request_.set_first_from(batch->first_from());
    done_ = batch->complete() || batch->first_done();
    return true;
  }

 private:
  server::SyncCore* core_;
  v1::PullRequest request_;
  bool done_ = false;
};

}  // namespace

absl::StatusOr<v1::HelloResponse> CoreTransport::Hello(const v1::HelloRequest& request) {
  if (core_ == nullptr) return NoLink();
  return core_->Hello(request);
}

absl::StatusOr<v1::PushResponse> CoreTransport::Push(const v1::PushRequest& request) {
  if (core_ == nullptr) return NoLink();
  return core_->Push(request);
}

absl::StatusOr<std::unique_ptr<PullStream>> CoreTransport::Pull(const v1::PullRequest& request) {
  if (core_ == nullptr) return NoLink();
  return std::make_unique<CorePullStream>(core_, request);
}

absl::StatusOr<v1::HistoryResponse> CoreTransport::History(const v1::HistoryRequest& request) {
  if (core_ == nullptr) return NoLink();
  return core_->History(request);
}

absl::StatusOr<v1::AskAttachmentsResponse> CoreTransport::AskAttachments(
    const v1::AskAttachmentsRequest& request) {
  if (core_ == nullptr) return NoLink();
  return core_->AskAttachments(request);
}

absl::StatusOr<v1::PutChunkResponse> CoreTransport::PutChunk(const v1::PutChunkRequest& request) {
  if (core_ == nullptr) return NoLink();
  return core_->PutChunk(request);
}

absl::StatusOr<v1::GetChunkResponse> CoreTransport::GetChunk(const v1::GetChunkRequest& request) {
  if (core_ == nullptr) return NoLink();
  return core_->GetChunk(request);
}

absl::Status CoreTransport::Watch(const v1::WatchRequest& /*request*/,
                                  const std::function<bool(uint64_t)>& /*on_notice*/) {
  return absl::UnimplementedError("a server in this process is not watched");
}

}  // namespace doorstep::testing
