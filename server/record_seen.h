// Who has seen a record: which devices were sent it, in which version, when, and whether it has
// left them again. For whoever must say to whom something was shown that should not have been.
#ifndef SERVER_RECORD_SEEN_H_
#define SERVER_RECORD_SEEN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json_fwd.hpp"
#include "server/store.h"
#include "sync/base/bytes.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep::server {

// A change of the record that was admitted.
struct SeenRecordVersion {
  uint64_t sequence = 0;
  int64_t time_ms = 0;
  std::string author;
};

struct SeenBy {
  Uuid device;
  std::string name;
  std::string site;
  bool wrote = false;  // some of it, itself
  int64_t first_ms = 0;
  int64_t last_ms = 0;        // when the version below came
  SeenRecordVersion version;  // the last that it was sent (or wrote)
  // It was told, at this time, that the record is gone (from it, or for everybody). None: it has
  // not been heard of since, or the record is not gone.
  std::optional<int64_t> removed_ms;
  bool holds = false;  // it may have it still
  // PeopleWhoRecorded, from ReadRecordSeen.
  std::vector<std::string> people;
};

struct RecordSeen {
  Uuid record;
  std::string kind;
  CompartmentId compartment;  // where it stands, or stood
  std::vector<SeenRecordVersion> versions;
  std::optional<WithdrawalRow> withdrawn;  // in force
  std::vector<SeenBy> devices;             // by site, then by when it came first

  std::string ToText() const;
  std::string ToJson() const;
};

// Of one snapshot. A device counts from the moment that a batch was made for it, whether it arrived
// or not; in its first pull from the first batch on. kNotFound: no such record.
absl::StatusOr<RecordSeen> ReadRecordSeen(const Uuid& record, const Schema& schema, ReadView& view);

// The same of one device, for many records one after the other. `sent`: ReadView::SentTo of it.
// None: it never had the record, as far as is known.
absl::StatusOr<std::optional<SeenBy>> ReadSeenBy(const RecordState& state, const DeviceRow& device,
                                                 const std::vector<SentRow>& sent, ReadView& view);

// Who has recorded anything on a device, by name: nobody knows who else has looked at it.
absl::StatusOr<std::vector<std::string>> PeopleWhoRecorded(const Uuid& device, ReadView& view);

// As reports have them.
std::string KindName(const Schema& schema, uint32_t kind);  // its number when it is unknown
nlohmann::json ToJson(const SeenRecordVersion& version);

}  // namespace doorstep::server

#endif  // SERVER_RECORD_SEEN_H_
