// What a device had of whom: for a tablet or phone that is lost, so that the people whose records
// were on it are told, and what it had not handed over yet is recorded again.
#ifndef SERVER_EXPOSURE_H_
#define SERVER_EXPOSURE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "server/record_seen.h"
#include "server/store.h"
#include "sync/base/bytes.h"
#include "sync/schema/schema.h"

namespace doorstep::server {

struct ExposedRecord {
  Uuid record;
  std::string kind;
  SeenBy seen;  // in which version, when, and whether the device may have it still
};

// The records of one file.
struct ExposedFile {
  Uuid file;
  // Of whom it is, as it is recorded now: titles of those of its records that may be registered
  // twice, which are people. Empty: the device had none of them, or they have no name.
  std::vector<std::string> people;
  std::vector<ExposedRecord> records;  // by id
};

// Numbers of changes of one incarnation, the second not included.
struct ChangeRange {
  uint64_t from = 0;
  uint64_t until = 0;

  bool operator==(const ChangeRange&) const = default;
};

struct Exposure {
  DeviceRow device;
  // Changes that it had when it last called and that have not arrived since; exact when it said
  // their numbers, which are then in `missing`, of device.incarnation.
  uint64_t pending = 0;
  bool exact = false;
  std::vector<ChangeRange> missing;
  int64_t revoked_ms = 0;           // 0: it is in use
  std::vector<std::string> people;  // who recorded on it
  std::vector<ExposedFile> files;   // by id

  size_t records() const;
  std::string ToText() const;
  std::string ToJson() const;
};

// Of one snapshot, by the rules of ReadRecordSeen. `progress` hears how many records were looked
// at. kNotFound: no device with this id was ever heard of.
absl::StatusOr<Exposure> ReadExposure(const Uuid& device, const Schema& schema, ReadView& view,
                                      absl::FunctionRef<void(size_t)> progress);

}  // namespace doorstep::server

#endif  // SERVER_EXPOSURE_H_
