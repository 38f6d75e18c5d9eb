// The parts of a unit's payload that are read without knowing the rest. For unit_parse.cc; the
// bytes are nobody's word.
#ifndef SYNC_CHANGE_UNIT_PARTS_H_
#define SYNC_CHANGE_UNIT_PARTS_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/base/bytes.h"
#include "sync/change/state.h"

namespace doorstep {

absl::StatusOr<Stamp> ReadStamp(absl::string_view message);
absl::StatusOr<Settle> ReadSettle(absl::string_view message);
// Whether a Change, of which nothing has been checked, names the record.
bool ChangesRecord(absl::string_view change, const Uuid& record);

}  // namespace doorstep

#endif  // SYNC_CHANGE_UNIT_PARTS_H_
