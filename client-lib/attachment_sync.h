// The attachments' part of a sync, after all records: asks the server what it has, sends what it
// lacks, receives what is wanted here. One exchange for each step; every answer is an
// acknowledgement that outlives a cut.
//
//   ask … ─→ send, send, … ─→ receive, receive, … ─→ done
//
// In each direction what somebody asked for goes first, then the small before the large, then the
// newest record's.
#ifndef CLIENT_LIB_ATTACHMENT_SYNC_H_
#define CLIENT_LIB_ATTACHMENT_SYNC_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client-lib/attachment_rows.h"
#include "client-lib/store.h"
#include "doorstep/replica.h"
#include "doorstep/transport.h"
#include "doorstep/types.h"
#include "doorstep/v1/sync.pb.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"
#include "sync/base/link_limits.h"

namespace doorstep::client {

class AttachmentSync {
 public:
  // What there is to do, as the records name it now. Borrows all; `totals` grows.
  static absl::StatusOr<std::unique_ptr<AttachmentSync>> Plan(Store& store, Clock& clock,
                                                              Entropy& entropy,
                                                              Transport& transport, uint64_t epoch,
                                                              const AttachmentLimits& limits,
                                                              SyncProgress* totals);

  bool HasWork() const { return !to_ask_.empty(); }  // before the first step
  uint64_t moved() const { return moved_; }          // bytes of attachments, both ways

  // One exchange. False: nothing is left to do. kUnavailable and kCancelled: the link is gone. What
  // the server refuses of one attachment stays for another sync, and the others go on.
  absl::StatusOr<bool> Step();

 private:
  AttachmentSync(Store& store, Clock& clock, Entropy& entropy, Transport& transport, uint64_t epoch,
                 const AttachmentLimits& limits, SyncProgress* totals);
  absl::Status Ask();
  absl::Status Heard(const NamedAttachment& one, const v1::AttachmentState& state);
  absl::Status Confirm(const NamedAttachment& one);  // the server has it whole
  void Order();
  absl::Status Send();
  absl::Status TakeReceipt(const v1::PutChunkResponse& response);
  absl::Status Receive();
  absl::Status Keep(const v1::GetChunkResponse& response);
  // Whether the error is about this attachment alone.
  static bool IsAboutOne(const absl::Status& status);
  size_t ChunkBytes(uint64_t left) const;
  void FitToLink(int64_t took_ms, bool full);

  Store& store_;
  Clock& clock_;
  Entropy& entropy_;
  Transport& transport_;
  const uint64_t epoch_;
  const AttachmentLimits limits_;
  SyncProgress& totals_;

  struct Sending {
    NamedAttachment what;
    uint64_t offset = 0;  // what the server has
    bool again = false;   // it did not fit the hash there, and is sent once more
  };
  std::deque<NamedAttachment> to_ask_;
  std::deque<Sending> to_send_;
  std::deque<NamedAttachment> to_receive_;
  bool ordered_ = false;
  size_t chunk_bytes_ = kFirstTransferBytes;
  uint64_t moved_ = 0;  // bytes, both ways
};

}  // namespace doorstep::client

#endif  // CLIENT_LIB_ATTACHMENT_SYNC_H_
