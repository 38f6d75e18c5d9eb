// The decision about one unit: admitted or refused, and what it makes of the records that it names.
// Pure: no store, clock or log.
#ifndef SERVER_DECIDE_H_
#define SERVER_DECIDE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "sync/base/bytes.h"
#include "sync/base/clock.h"
#include "sync/cases/displaced.h"
#include "sync/cases/settling.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep::server {

// Why a unit was not admitted, for its author: no text names what the author may not see.
struct Refusal {
  std::string reason;  // `path: got, wanted`
  std::string what_to_do;
};

using RecordStates = absl::flat_hash_map<Uuid, RecordState>;
// By change and field.
using BaseValues = absl::flat_hash_map<std::pair<ChangeId, uint32_t>, std::string>;
// By change and field: versions that are heads no more (seen.h).
using ReplacedVersions = absl::flat_hash_map<std::pair<ChangeId, uint32_t>, SeenVersion>;

// By change and field: the versions that the author of an edit had before them (seen.h).
using VisibleVersions = absl::flat_hash_map<std::pair<ChangeId, uint32_t>, FieldState>;

// Whom an admitted unit has displaced, or who displaced it: they are told.
struct DisplacedValue {
  Uuid record;
  uint32_t kind = 0;
  uint32_t field = 0;
  Displaced what;
};

struct Question {
  const Schema* schema = nullptr;
  const Unit* unit = nullptr;
  absl::string_view author;
  uint64_t sequence = 0;  // that the unit will have
  ClockReading sending;   // the device's clocks when it sent
  int64_t receipt_ms = 0;
  // The records that the unit names, as they stand; those that do not exist are not there.
  const RecordStates* states = nullptr;
  // Admitted times of changes that the unit names as base and that are heads no more.
  const absl::flat_hash_map<ChangeId, int64_t>* base_times = nullptr;
  // What such changes set STATE fields to; those that could not be read are not there.
  const BaseValues* base_values = nullptr;
  // Edits (change and field) whose transition cannot be checked: see Bases.
  const absl::flat_hash_set<std::pair<ChangeId, uint32_t>>* unchecked = nullptr;
  // What the unit's author saw and that was replaced since. Null: nothing.
  const ReplacedVersions* replaced = nullptr;
  // What it had before it, where it names only a part of what stands. Null: nothing.
  const VisibleVersions* visible = nullptr;
};

struct Decision {
  std::optional<Refusal> refusal;  // set: nothing else counts
  std::vector<Word> words;         // of each change
  std::vector<int64_t> times_ms;   // of each change
  int64_t uncertainty_ms = 0;
  std::vector<RecordState> changed;  // the records that differ now, in order of first mention
  std::vector<DisplacedValue> displaced;
};

// All or nothing: one change that cannot be admitted refuses the unit.
Decision DecideUnit(const Question& question);

}  // namespace doorstep::server

#endif  // SERVER_DECIDE_H_
