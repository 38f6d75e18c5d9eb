// All own units, in order of commit, with what became of them; and which of them each record's
// row still stands on.
//
// Threads and transactions as the store: every write belongs to the Write that its caller has open.
#ifndef CLIENT_LIB_OUTBOX_H_
#define CLIENT_LIB_OUTBOX_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client-lib/store.h"
#include "sync/base/bytes.h"
#include "sync/change/state.h"

namespace doorstep::client {

// What somebody did about a parked unit.
enum class Resolution : uint8_t { kNone = 0, kSentAgain = 1, kWithdrawn = 2 };

// When a waiting unit is offered, beside others (urgent.h).
enum class Urgency : uint8_t {
  kNone = 0,     // oldest first, after all that go first
  kFirst = 1,    // before those, oldest first
  kOffered = 2,  // the same, and offered in the sync that is under way
  kInTurn = 3,   // safety-critical, but too much stands behind it to go first
};

struct OwnUnit {
  int64_t unit = 0;  // place in the order of commit
  Uuid incarnation;
  uint64_t counter = 0;
  uint32_t changes = 0;
  CompartmentId compartment;
  std::string author;
  std::string schema_hash;
  uint64_t epoch = 0;
  uint64_t checkpoint = 0;
  std::string payload;
  std::string hash;
  uint64_t receipt_epoch = 0;  // 0: no receipt
  uint64_t receipt_sequence = 0;
  std::string words;  // one byte (Word) for each change; empty = no outcome yet
  bool parked = false;
  std::string reason;
  std::string what_to_do;
  uint64_t sequence = 0;
  int64_t time_ms = 0;
  Resolution resolution = Resolution::kNone;
  int64_t resolved_by = 0;  // the own unit that answers it
  std::string resolution_reason;
  Urgency urgency = Urgency::kNone;

  bool waiting() const { return words.empty(); }
  // Its content has left this device, see lost.h. It cannot be decoded.
  bool gone() const { return payload.empty(); }
};

// An outcome as the server tells it. `words` as in OwnUnit.
struct UnitOutcome {
  std::string words;
  std::string reason;
  std::string what_to_do;
  uint64_t sequence = 0;
  int64_t time_ms = 0;
};

// Which of the own units a walk visits: those to be offered first, those without outcome, these and
// parked ones, every one.
enum class Which { kFirst, kWaiting, kOpen, kAll };

class Outbox {
 public:
  explicit Outbox(Store& store) : store_(&store) {}

  // Appends; returns its place. The records of its changes become pending.
  absl::StatusOr<int64_t> Add(const OwnUnit& unit, const std::vector<Uuid>& records);

  absl::StatusOr<OwnUnit> Load(int64_t unit);
  // The unit with this id; nullopt when it is not here.
  absl::StatusOr<std::optional<OwnUnit>> Find(const Uuid& incarnation, uint64_t counter);
  // The unit that holds this change.
  absl::StatusOr<std::optional<OwnUnit>> FindHolding(const ChangeId& change);
  // The place of the unit that holds this change and has no outcome; 0: there is none.
  absl::StatusOr<int64_t> WaitingWith(const ChangeId& change);
  // In order of commit, from the first after `after`. The visitor returns false to stop. It may
  // write to the outbox.
  absl::Status ForEach(Which which, int64_t after,
                       absl::FunctionRef<absl::StatusOr<bool>(const OwnUnit&)> visit);
  // Places of units whose payload names a record, oldest first.
  absl::StatusOr<std::vector<int64_t>> Naming(const Uuid& record);

  // The unit's changes, decoded.
  absl::StatusOr<Unit> Decode(const OwnUnit& unit) const;
  // Of one record alone: what a form that is opened needs of a unit of a thousand changes.
  absl::StatusOr<Unit> DecodeOf(const OwnUnit& unit, const Uuid& record) const;

  absl::Status SetReceipt(int64_t unit, uint64_t epoch, uint64_t sequence);
  absl::Status SetOutcome(int64_t unit, const UnitOutcome& outcome);
  // The unit is parked no more.
  absl::Status Resolve(int64_t unit, Resolution how, int64_t by, const std::string& reason);
  // The lowest sequence among receipts of this epoch without outcome, received or staged; 0 = none.
  absl::StatusOr<uint64_t> OldestReceipt(uint64_t epoch);
  // A unit with an outcome goes back to having none, and its records are pending again.
  absl::Status Reopen(int64_t unit, const std::vector<Uuid>& records);
  // The highest sequence among receipts of this epoch without outcome; 0 = none.
  absl::StatusOr<uint64_t> HighestReceipt(uint64_t epoch);
  // The highest sequence of an outcome; 0 = none.
  absl::StatusOr<uint64_t> HighestOutcome();
  // A new id for the same edits; forgets the receipt.
  absl::Status Reissue(int64_t unit, const Uuid& incarnation, uint64_t counter,
                       const std::string& payload, const std::string& hash);

  // Of a waiting unit. With its outcome it is kNone.
  absl::Status SetUrgency(int64_t unit, Urgency urgency);
  // What was offered first in an earlier sync is so again.
  absl::Status OfferAnew();
  // Every unit is kNone.
  absl::Status ForgetUrgency();
  // Whether something safety-critical waits, or something on which it stands.
  absl::StatusOr<bool> AnyUrgent();

  // Pending units of a record, in order of commit.
  absl::StatusOr<std::vector<int64_t>> PendingOf(const Uuid& record);
  absl::StatusOr<bool> IsPending(const Uuid& record);
  absl::StatusOr<bool> AnyPending();
  absl::StatusOr<std::vector<Uuid>> RecordsOf(int64_t unit);
  // The unit leaves the fold of its records.
  absl::Status Settle(int64_t unit);

  // The lowest counter of this incarnation without outcome; 0 = none.
  absl::StatusOr<uint64_t> FirstWaiting(const Uuid& incarnation);

  struct Counts {
    uint64_t waiting = 0;  // changes
    uint64_t parked = 0;
  };
  absl::StatusOr<Counts> Count();

 private:
  absl::Status AddPending(int64_t unit, const std::vector<Uuid>& records);
  absl::StatusOr<OwnUnit> ReadRow(const Statement& row);
  Store* store_;
};

}  // namespace doorstep::client

#endif  // CLIENT_LIB_OUTBOX_H_
