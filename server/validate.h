// What may come in at all: every field of every request, before anything is looked up. Errors are
// kInvalidArgument "Message.path: got, wanted" and meant for the caller.
#ifndef SERVER_VALIDATE_H_
#define SERVER_VALIDATE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "doorstep/v1/sync.pb.h"
#include "server/attachment_store.h"
#include "server/ingest.h"
#include "server/pull.h"
#include "sync/base/bytes.h"

namespace doorstep::server {

struct CheckedSender {
  std::string tenant;
  Uuid device;
  Uuid incarnation;
  std::string site;
};

// Valid UTF-8 without control characters: fit for a terminal and a log.
bool IsOneLine(absl::string_view text);

// `message`: the request's name, for paths.
absl::StatusOr<CheckedSender> CheckSender(absl::string_view message, const v1::Sender& sender);

absl::StatusOr<CheckedSender> CheckHello(const v1::HelloRequest& request);

// A push taken apart. The job's units point into `units`.
struct CheckedPush {
  CheckedSender sender;
  v1::PushUnits units;
  PushJob job;  // without receipt_ms
};
// Fills *out, which must not move afterwards.
absl::Status CheckPush(const v1::PushRequest& request, CheckedPush* out);

struct CheckedPull {
  CheckedSender sender;
  PullQuestion question;
};
absl::StatusOr<CheckedPull> CheckPull(const v1::PullRequest& request);

struct CheckedHistory {
  CheckedSender sender;
  Uuid record;
  size_t limit = 0;
  uint64_t after = 0;
};
absl::StatusOr<CheckedHistory> CheckHistory(const v1::HistoryRequest& request);

struct CheckedAsk {
  CheckedSender sender;
  std::vector<BlobId> ids;
};
absl::StatusOr<CheckedAsk> CheckAskAttachments(const v1::AskAttachmentsRequest& request);

struct CheckedPutChunk {
  CheckedSender sender;
  AttachmentChunk chunk;  // its data points into the request
};
absl::StatusOr<CheckedPutChunk> CheckPutChunk(const v1::PutChunkRequest& request);

struct CheckedGetChunk {
  CheckedSender sender;
  BlobId id;
  uint64_t offset = 0;
  size_t max = 0;
};
absl::StatusOr<CheckedGetChunk> CheckGetChunk(const v1::GetChunkRequest& request);

absl::StatusOr<CheckedSender> CheckWatch(const v1::WatchRequest& request);

}  // namespace doorstep::server

#endif  // SERVER_VALIDATE_H_
