// Admission of units: what a device says it did becomes state, or is refused with a reason.
//
// The decision (decide.h) is pure; this is the script around it that reads what the decision needs
// and writes what it decided.
#ifndef SERVER_INGEST_H_
#define SERVER_INGEST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/notifier.h"
#include "server/store.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"
#include "sync/schema/schema.h"

namespace doorstep::server {

// One unit as it came, already within bounds (validate.h). Views into the request.
struct OfferedUnit {
  uint64_t counter = 0;
  uint32_t changes = 0;
  absl::string_view author;
  absl::string_view schema_hash;
  uint64_t epoch = 0;
  uint64_t checkpoint = 0;
  absl::string_view payload;
  bool earlier_waits = false;  // an earlier unit of the incarnation was answered kWaits
};

// The units of one push call.
struct PushJob {
  Uuid device;
  std::string site;
  Uuid incarnation;
  ClockReading sending;  // the device's clocks
  int64_t receipt_ms = 0;
  std::vector<OfferedUnit> units;
};

// Same numbers as doorstep.v1.Receipt.Status.
enum class ReceiptStatus : uint8_t { kStored = 1, kRepeat = 2, kWaits = 3, kForkedId = 4 };

struct UnitReceipt {
  uint64_t counter = 0;
  ReceiptStatus status = ReceiptStatus::kStored;
  uint64_t sequence = 0;  // 0 when it was not stored
  std::string detail;     // kWaits, kForkedId: why
};

// Admits or refuses one unit of `job` inside `transaction`; adds to `summary` whom it concerns.
// `epochs`: ReadView::Epochs. The job's device is registered, and its incarnation is its own. After
// an error the transaction is unfit for commit.
absl::StatusOr<UnitReceipt> Ingest(const Schema& schema, const PushJob& job,
                                   const OfferedUnit& unit, const std::vector<EpochRow>& epochs,
                                   WriteTransaction& transaction, Entropy& entropy,
                                   CommitSummary* summary);

}  // namespace doorstep::server

#endif  // SERVER_INGEST_H_
