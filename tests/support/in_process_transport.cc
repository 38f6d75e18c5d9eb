#include "tests/support/in_process_transport.h"

#include <memory>
#include <utility>

#include "sync/base/limits.h"
#include "sync/change/pack.h"

namespace doorstep::testing {
namespace {

absl::Status NoLink() { return absl::UnavailableError("no link: the test dropped it"); }

}  // namespace

class FaultyTransport::Stream : public PullStream {
 public:
  Stream(FaultyTransport* owner, std::unique_ptr<PullStream> next)
      : owner_(owner), next_(std::move(next)) {}

  absl::StatusOr<bool> Next(v1::PullBatch* batch) override {
    if (owner_->cancelled_) return absl::CancelledError("cancelled");
    if (owner_->cut_after_ != 0 && got_ >= owner_->cut_after_) return NoLink();
    const Fault fault = owner_->NextFault();
    if (fault == Fault::kDropRequest) return NoLink();
    absl::StatusOr<bool> more = next_->Next(batch);
    if (fault == Fault::kDropReply) return NoLink();
    if (more.ok() && *more) {
      ++got_;
      ++owner_->batches_;
      v1::PullRows rows;
      if (Unpack(batch->rows(), kMaxSqlValueBytes, &rows).ok()) {
        owner_->records_ += static_cast<uint64_t>(rows.records_size());
      }
    }
    return more;
  }

 private:
  FaultyTransport* owner_;
  std::unique_ptr<PullStream> next_;
  int got_ = 0;
};

Fault FaultyTransport::NextFault() {
  if (!script_.empty()) {
    const Fault fault = script_.front();
    script_.pop_front();
    return fault;
  }
  return decide_ ? decide_() : Fault::kNone;
}

template <typename Response>
absl::StatusOr<Response> FaultyTransport::Call(
    const std::function<absl::StatusOr<Response>()>& call) {
  if (cancelled_) return absl::CancelledError("cancelled");
  const Fault fault = NextFault();
  if (fault == Fault::kDropRequest) return NoLink();
  absl::StatusOr<Response> response = call();
  if (fault == Fault::kTwice) response = call();
  if (fault == Fault::kDropReply) return NoLink();
  return response;
}

absl::StatusOr<v1::HelloResponse> FaultyTransport::Hello(const v1::HelloRequest& request) {
  ++hellos_;
  return Call<v1::HelloResponse>([&] { return next_->Hello(request); });
}

absl::StatusOr<v1::PushResponse> FaultyTransport::Push(const v1::PushRequest& request) {
  ++pushes_;
  last_push_ = request;
  return Call<v1::PushResponse>([&] { return next_->Push(request); });
}

absl::StatusOr<std::unique_ptr<PullStream>> FaultyTransport::Pull(const v1::PullRequest& request) {
  if (cancelled_) return absl::CancelledError("cancelled");
  last_pull_ = request;
  absl::StatusOr<std::unique_ptr<PullStream>> stream = next_->Pull(request);
  if (!stream.ok()) return stream.status();
  return std::make_unique<Stream>(this, *std::move(stream));
}

absl::StatusOr<v1::HistoryResponse> FaultyTransport::History(const v1::HistoryRequest& request) {
  return Call<v1::HistoryResponse>([&] { return next_->History(request); });
}

absl::StatusOr<v1::AskAttachmentsResponse> FaultyTransport::AskAttachments(
    const v1::AskAttachmentsRequest& request) {
  return Call<v1::AskAttachmentsResponse>([&] { return next_->AskAttachments(request); });
}

absl::StatusOr<v1::PutChunkResponse> FaultyTransport::PutChunk(const v1::PutChunkRequest& request) {
  ++puts_;
  chunk_bytes_ += request.data().size();
  return Call<v1::PutChunkResponse>([&] { return next_->PutChunk(request); });
}

absl::StatusOr<v1::GetChunkResponse> FaultyTransport::GetChunk(const v1::GetChunkRequest& request) {
  ++gets_;
  return Call<v1::GetChunkResponse>([&] { return next_->GetChunk(request); });
}

absl::Status FaultyTransport::Watch(const v1::WatchRequest& request,
                                    const std::function<bool(uint64_t)>& on_notice) {
  return next_->Watch(request, on_notice);
}

void FaultyTransport::Cancel() {
  cancelled_ = true;
  next_->Cancel();
}

}  // namespace doorstep::testing
