#include "doorstep/transport.h"

#include "doorstep/v1/sync.pb.h"

namespace doorstep {
namespace {

absl::Status NoAttachments() {
  return absl::UnimplementedError("this link carries no attachments");
}

}  // namespace

absl::StatusOr<v1::AskAttachmentsResponse> Transport::AskAttachments(
    const v1::AskAttachmentsRequest& /*request*/) {
  return NoAttachments();
}

absl::StatusOr<v1::PutChunkResponse> Transport::PutChunk(const v1::PutChunkRequest& /*request*/) {
  return NoAttachments();
}

absl::StatusOr<v1::GetChunkResponse> Transport::GetChunk(const v1::GetChunkRequest& /*request*/) {
  return NoAttachments();
}

}  // namespace doorstep
