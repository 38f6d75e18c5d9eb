// One sync: hello, push of what waits, pull to a checkpoint, attachments.
//
// A state machine whose Step() is one exchange with the server, so that a simulator can put other
// devices' steps between any two. What a step has received is durable when it returns, and a
// session that stops anywhere, by an error or by being destroyed, is taken up by the next one.
//
//   Hello ─→ Push ─→ Push ─→ … ─→ Pull batch ─→ Pull batch ─→ … ─→ attachments … ─→ done
//     ↑        │ FORKED_ID: new incarnation        │ outcome of another life: new incarnation
//     └────────┴───────────────────────────────────┘
//
// Threads: as the Replica.
#ifndef CLIENT_LIB_SESSION_H_
#define CLIENT_LIB_SESSION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client-lib/apply.h"
#include "client-lib/attachment_sync.h"
#include "client-lib/outbox.h"
#include "client-lib/store.h"
#include "doorstep/transport.h"
#include "doorstep/types.h"
#include "doorstep/v1/sync.pb.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"
#include "sync/base/file.h"
#include "sync/base/link_limits.h"

namespace doorstep::client {

class Session {
 public:
  // Borrows everything. kAborted when another process (or session) syncs this replica now.
  static absl::StatusOr<std::unique_ptr<Session>> Start(Store& store, const std::string& directory,
                                                        Clock& clock, Entropy& entropy,
                                                        Transport& transport);

  // Before the first step.
  void SetAttachmentLimits(const AttachmentLimits& limits) { limits_ = limits; }

  // One exchange. False: the sync is complete. After an error the session is over.
  absl::StatusOr<bool> Step();

  const SyncProgress& progress() const { return result_.totals; }
  const SyncResult& result() const { return result_; }

 private:
  enum class State { kHello, kPush, kPull, kAttachments, kDone };

  Session(Store& store, FileLock lock, Clock& clock, Entropy& entropy, Transport& transport);
  absl::Status Hello();
  absl::Status Push();
  absl::Status Pull();
  absl::Status OpenPull();
  absl::Status HandleBatch(const v1::PullBatch& message);
  absl::Status HandleCheckpoint(const Batch& batch);
  absl::Status BeginAttachments();
  absl::Status Attachments();
  absl::Status Finish();
  absl::StatusOr<std::vector<OwnUnit>> NextUnits();
  absl::StatusOr<std::vector<OwnUnit>> Gather(Which which, int64_t after, int64_t until,
                                              std::vector<int64_t>* passed_over);
  absl::Status OfferAnew();
  void FitPushesToLink(int64_t took_ms);
  absl::Status SyncBeforeSending();
  absl::Status HandleReceipts(const std::vector<OwnUnit>& units, const v1::PushResponse& response);
  absl::StatusOr<uint64_t> HeardOf(uint64_t epoch);
  absl::Status MeetServer();
  absl::Status TakeNewLife();

  Store& store_;
  FileLock lock_;
  Clock& clock_;
  Entropy& entropy_;
  Transport& transport_;
  Outbox outbox_;

  State state_ = State::kHello;
  SyncResult result_;
  v1::HelloResponse hello_;
  size_t push_bytes_ = kFirstTransferBytes;
  int64_t last_unit_ = 0;       // offered in this session, beside those that go first
  int64_t end_unit_ = 0;        // the last to be offered
  bool late_may_go_ = true;     // what goes first, also if it was committed after end_unit_
  bool restored_ = false;       // the server was, since this replica last spoke to it
  bool synced_ = false;         // the log holds everything that is about to be sent
  int lives_ = 0;               // new incarnations taken in this session
  bool earlier_waits_ = false;  // a unit that was offered waits for a newer schema or another unit
  absl::Status push_error_;     // the server took no more; what it has is received all the same
  std::unique_ptr<PullStream> stream_;
  AttachmentLimits limits_;
  std::unique_ptr<AttachmentSync> attachments_;  // null: not under way
  int64_t slice_begun_ms_ = 0;                   // when the records were last looked at
  absl::Status attachment_error_;                // attachments stay for another sync
};

}  // namespace doorstep::client

#endif  // CLIENT_LIB_SESSION_H_
