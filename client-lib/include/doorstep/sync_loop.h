// Syncing in the background: at once when something changed here or on the server, and again after
// a lost link, without being told.
//
//   auto loop = SyncLoop::Start(directory, [&] { return MakeGrpcTransport(server); }, {});
//   (*loop)->SetHints({.metered = true});   // when the system says so
//   (*loop)->Wake();                        // somebody pressed "sync", or the link is back
//   (*loop)->Cancel();                      // or destroy it; within 100 ms
//
// After a failure it waits: about a second, twice as long each time, up to five minutes, half of it
// by chance, so that a thousand tablets do not come back together. What a server asks for ("not
// before a minute") counts more. Over metered links and with a low battery it keeps no connection
// and gathers changes for five minutes; changes of safety-critical fields go at once all the same.
// They are first in every sync, with what they stand on, however much was recorded before them; the
// rest follows. Attachments then stay where they are, except those that somebody asked for,
// whatever the options say.
#ifndef DOORSTEP_SYNC_LOOP_H_
#define DOORSTEP_SYNC_LOOP_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "doorstep/replica.h"
#include "doorstep/transport.h"
#include "doorstep/types.h"

namespace doorstep {

// What the application knows of the device, and a library does not.
struct SyncHints {
  bool online = true;        // false: the system sees no network at all
  bool metered = false;      // bytes cost money
  bool battery_low = false;  // and it is not being charged
  friend bool operator==(const SyncHints&, const SyncHints&) = default;
};

struct SyncAttempt {
  absl::StatusOr<SyncResult> result;
  // When the next one comes by itself; a change comes before it, except after a failure.
  int64_t next_ms = 0;
};

struct SyncLoopOptions {
  SyncHints hints;
  AttachmentLimits attachments;  // of each of its syncs
  // After each attempt, from the loop's thread, with no lock held. It may use a Replica of its own,
  // and must not destroy the loop.
  std::function<void(const SyncAttempt&)> on_attempt;
  std::function<void(const SyncProgress&)> on_progress;  // likewise, at most ten times a second
  Environment environment;
};

// The payload of an error by which a Transport says how long the server wants to be left alone:
// milliseconds in decimal.
inline constexpr char kRetryAfterPayload[] = "doorstep/retry-after-ms";

class SyncLoop {
 public:
  using MakeTransport = std::function<std::unique_ptr<Transport>()>;

  // Begins with a sync. `make_transport` is called from several threads, once for each connection.
  // Errors as Replica::Open and Observer::Start.
  static absl::StatusOr<std::unique_ptr<SyncLoop>> Start(const std::string& directory,
                                                         MakeTransport make_transport,
                                                         SyncLoopOptions options);
  // Cancel and Wait.
  ~SyncLoop();
  SyncLoop(const SyncLoop&) = delete;
  SyncLoop& operator=(const SyncLoop&) = delete;

  // Thread-safe. It waits no longer, and a sync begins.
  void Wake();
  void SetHints(const SyncHints& hints);
  // Thread-safe. A call that runs is given up; what has arrived is kept.
  void Cancel();
  // Until the loop has ended: kCancelled, or an error that trying again does not mend, as
  // kPermissionDenied or kDataLoss. Not from on_attempt.
  absl::Status Wait();

 private:
  class Impl;
  explicit SyncLoop(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace doorstep

#endif  // DOORSTEP_SYNC_LOOP_H_
