// The link to a server, as a replica needs it. gRPC is one implementation
// (grpc_transport.h); tests call the server in the same process.
#ifndef DOORSTEP_TRANSPORT_H_
#define DOORSTEP_TRANSPORT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace doorstep::v1 {
class AskAttachmentsRequest;
class AskAttachmentsResponse;
class GetChunkRequest;
class GetChunkResponse;
class HelloRequest;
class HelloResponse;
class HistoryRequest;
class HistoryResponse;
class PullBatch;
class PullRequest;
class PutChunkRequest;
class PutChunkResponse;
class PushRequest;
class PushResponse;
class WatchRequest;
}  // namespace doorstep::v1

namespace doorstep {

// The batches of one Pull call. Destroying it early cancels the call.
class PullStream {
 public:
  virtual ~PullStream() = default;
  // False: the server has sent all. An error ends the stream; batches before it hold.
  virtual absl::StatusOr<bool> Next(v1::PullBatch* batch) = 0;
};

// Calls block. One thread at a time, but Cancel() may come from any. Codes: kUnavailable = no
// link, try again later; everything else is the server's answer.
class Transport {
 public:
  virtual ~Transport() = default;

  virtual absl::StatusOr<v1::HelloResponse> Hello(const v1::HelloRequest& request) = 0;
  virtual absl::StatusOr<v1::PushResponse> Push(const v1::PushRequest& request) = 0;
  virtual absl::StatusOr<std::unique_ptr<PullStream>> Pull(const v1::PullRequest& request) = 0;
  virtual absl::StatusOr<v1::HistoryResponse> History(const v1::HistoryRequest& request) = 0;
  // Attachments. kUnimplemented: this link, or the server, carries none, and a sync does without.
  virtual absl::StatusOr<v1::AskAttachmentsResponse> AskAttachments(
      const v1::AskAttachmentsRequest& request);
  virtual absl::StatusOr<v1::PutChunkResponse> PutChunk(const v1::PutChunkRequest& request);
  virtual absl::StatusOr<v1::GetChunkResponse> GetChunk(const v1::GetChunkRequest& request);
  // Calls `on_notice` with the head's sequence until it returns false, the link fails, or Cancel().
  virtual absl::Status Watch(const v1::WatchRequest& request,
                             const std::function<bool(uint64_t)>& on_notice) = 0;
  // Ends the call that runs now, if any, and all later ones, with kCancelled.
  virtual void Cancel() = 0;
};

}  // namespace doorstep

#endif  // DOORSTEP_TRANSPORT_H_
