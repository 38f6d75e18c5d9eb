// The streams that a normal pull merges: one for each compartment of the device, one of losses, one
// of outcomes, one of notices. Each gives its items in order of place. Private to pull.cc and its
// tests.
#ifndef SERVER_PULL_SOURCES_H_
#define SERVER_PULL_SOURCES_H_

#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/pull.h"
#include "server/store.h"

namespace doorstep::server {

// Beyond every sequence and every record's number.
inline constexpr uint64_t kBeyondAll = std::numeric_limits<uint64_t>::max();

struct PullItem {
  enum class What { kGrant, kLoss, kWithdrawal, kOutcome, kRecord, kNotice };

  Place place;
  What what = What::kRecord;
  MembershipRow membership;  // of a record: its compartment; of a withdrawal: where it stood
  Uuid withdrawn;
  UnitRow outcome;
  NoticeRow notice;
  uint64_t record = 0;
  uint64_t floor = 0;  // fields beyond this sequence are sent
};

class PullSource {
 public:
  virtual ~PullSource() = default;

  // Makes Next() valid if there is anything more. To be called at the start and after Pop().
  absl::Status Advance();
  bool exhausted() const { return items_.empty(); }
  const PullItem& Next() const { return items_.front(); }
  void Pop() { items_.pop_front(); }

  // About how many records come from here, Next() included, counting at most `exact` exactly.
  virtual absl::StatusOr<uint64_t> Estimate(size_t exact);

 protected:
  // Appends the next items, none at the end.
  virtual absl::Status Fill(std::deque<PullItem>* items) = 0;

 private:
  std::deque<PullItem> items_;
};

// The records of a compartment after a place. When the device got it after its cursor, first the
// grant, and every record whole; else the fields beyond the cursor.
std::unique_ptr<PullSource> CompartmentSource(ReadView* view, const MembershipRow& held,
                                              uint64_t cursor, const Place& after);
// What was taken: compartments from the site, records from whoever holds their place.
std::unique_ptr<PullSource> LossSource(ReadView* view, std::string site, const Place& after);
std::unique_ptr<PullSource> OutcomeSource(ReadView* view, const Uuid& device, const Place& after);
// Notices about records in one of `held`: who has lost access hears no more of a record.
std::unique_ptr<PullSource> NoticeSource(ReadView* view, const Uuid& device,
                                         const std::vector<MembershipRow>& held,
                                         const Place& after);

}  // namespace doorstep::server

#endif  // SERVER_PULL_SOURCES_H_
