// Batches of a pull into the replica (rule "pull"): staged until they reach a checkpoint, then
// applied in one transaction; a first pull's rows go straight in.
//
// State in _state, which every function here moves in the transaction that it writes:
//
//   first = 1                a first pull is due or under way; the replica says "incomplete"
//   repair = 1               as well: it replaces rows that are there; _confirmed has those done
//   position, first_from     where the pull under way goes on
//   forget = 1               rows were taken away, and the log may still have them
//   cursor                   the applied checkpoint: server rows equal it once complete = 1
#ifndef CLIENT_LIB_APPLY_H_
#define CLIENT_LIB_APPLY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client-lib/store.h"
#include "doorstep/v1/sync.pb.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"

namespace doorstep::client {

// A batch with its rows taken apart, and when it came.
struct Batch {
  const v1::PullBatch& message;
  const v1::PullRows& rows;
  ClockReading received;
};

struct Applied {
  // Changes whose outcome came, by word.
  uint64_t applied = 0, merged = 0, conflict = 0, held = 0, rejected = 0, withdrawn = 0;
  bool lost = false;          // a compartment is no longer held, or a record was withdrawn
  bool forked = false;        // the replica has taken a new incarnation: push again
  bool digests_agree = true;  // else: a first pull is due, which replaces every row
};

// What was taken away must not stay readable in the log: empties it, if that is due (forget = 1). A
// reader may prevent it, or the power go: then it stays due, until the next checkpoint or start.
absl::Status Forget(Store& store);

// In the transaction that its caller has open: every record is to be received again, over those
// that are there.
absl::Status BeginRepair(Store& store);

// A batch of a first pull, with its end if it is the last.
absl::Status ApplyFirst(Store& store, const Batch& batch);

// A batch of a normal pull that does not complete it.
absl::Status Stage(Store& store, const Batch& batch);

// The batch that completes a normal pull: applies it, with what was staged, in one transaction.
absl::StatusOr<Applied> ApplyCheckpoint(Store& store, const Batch& batch, Entropy& entropy);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_APPLY_H_
