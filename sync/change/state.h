// What a field, a record and a change are, in memory. Plain values; no I/O.
//
// A *value* is everywhere the protobuf encoding of one field, tag included, in canonical form (see
// wire.h): the empty string means "no value" (never set, or cleared), and the concatenation of the
// values of a record's fields is a serialized message of its kind. An element of a SET is a value
// of its own (never packed).
#ifndef SYNC_CHANGE_STATE_H_
#define SYNC_CHANGE_STATE_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "sync/base/bytes.h"

namespace doorstep {

// The identity of a change: one life of a device, and a count within it.
struct ChangeId {
  Uuid incarnation;
  uint64_t counter = 0;

  auto operator<=>(const ChangeId&) const = default;
  bool operator==(const ChangeId&) const = default;
  bool IsNil() const { return counter == 0 && incarnation.IsNil(); }
  // "incarnation:counter".
  std::string ToString() const;

  template <typename H>
  friend H AbslHashValue(H h, const ChangeId& id) {
    return H::combine(std::move(h), id.incarnation, id.counter);
  }
};

// The last conflict-free server value that an author stood on. Sequence 0: there was none.
struct Agreed {
  uint64_t sequence = 0;
  std::string value;

  bool operator==(const Agreed&) const = default;
};

enum class SettleMode : uint8_t { kNone = 0, kKeep = 1, kNewValue = 2, kBoth = 3 };

struct Settle {
  SettleMode mode = SettleMode::kNone;
  std::string reason;

  bool operator==(const Settle&) const = default;
};

// A value that no change has yet seen and replaced. Of a SET: one live add of one element.
struct Head {
  ChangeId id;
  int64_t time_ms = 0;    // admitted time; an own estimate while pending
  uint64_t sequence = 0;  // of the unit; 0 while pending
  std::string author;
  std::string value;
  std::optional<Agreed> agreed;
  Settle settle;
  // Of a SET whose removals are reviewed: not empty makes this a proposal to take the element out,
  // by an author who saw these adds of it. Ascending.
  std::vector<ChangeId> removes;
  // Of a member of a coherent group, and of a mark: heads of other fields, and of other records of
  // the judgement, that the author saw. Ascending.
  std::vector<ChangeId> seen;

  bool IsProposal() const { return !removes.empty(); }
  bool operator==(const Head&) const = default;
};

// Canonical order: time, then id, then value.
bool HeadBefore(const Head& a, const Head& b);

struct FieldState {
  uint32_t field = 0;
  // Of the last unit that changed this state on the server; 0 = none yet. A SET from which the
  // last element was removed keeps it with no heads.
  uint64_t sequence = 0;
  std::vector<Head> heads;  // canonical order

  bool operator==(const FieldState&) const = default;
};

struct CompartmentId {
  Uuid file;
  uint8_t tier = 0;

  auto operator<=>(const CompartmentId&) const = default;
  bool operator==(const CompartmentId&) const = default;

  template <typename H>
  friend H AbslHashValue(H h, const CompartmentId& c) {
    return H::combine(std::move(h), c.file, c.tier);
  }
};

struct RecordState {
  Uuid id;
  uint32_t kind = 0;
  CompartmentId compartment;
  std::vector<FieldState> fields;  // in order of number; also those that this schema does not know

  bool operator==(const RecordState&) const = default;
  const FieldState* Find(uint32_t field) const;
  // Finds or inserts in order.
  FieldState& At(uint32_t field);
  // The highest sequence of its fields.
  uint64_t Sequence() const;
};

// What a change does to one field.
struct FieldEdit {
  struct Removal {
    std::string element;
    std::vector<ChangeId> adds;  // that the author saw
    bool operator==(const Removal&) const = default;
  };

  uint32_t field = 0;
  std::string value;           // the new value, empty = cleared; unused for a SET
  std::vector<ChangeId> base;  // the heads that the author saw; unused for a SET
  std::optional<Agreed> agreed;
  std::vector<std::string> adds;  // SET
  std::vector<Removal> removals;  // SET

  bool operator==(const FieldEdit&) const = default;
};

// The refused or held change that another answers.
struct Resolves {
  ChangeId change;
  std::string reason;  // of a withdrawal

  bool operator==(const Resolves&) const = default;
};

struct ChangeData {
  ChangeId id;
  Uuid record;
  uint32_t kind = 0;
  bool create = false;
  std::vector<FieldEdit> edits;  // in order of field number, one per field
  std::optional<Settle> settle;
  // See Head. Kept with the heads of the edited fields that keep it (FieldSpec::keeps_seen).
  std::vector<ChangeId> seen;
  std::optional<Resolves> resolves;

  // Takes a refused or held change back, and edits nothing.
  bool Withdraws() const { return resolves.has_value() && edits.empty(); }
  bool operator==(const ChangeData&) const = default;
};

// When the device believes that it happened (doorstep.v1.Stamp).
struct Stamp {
  int64_t wall_ms = 0;
  uint64_t boot = 0;
  int64_t mono_ms = 0;
  int64_t contact_ms = 0;  // 0 = never
  int64_t contact_mono_ms = 0;
  uint64_t contact_boot = 0;

  bool operator==(const Stamp&) const = default;
};

struct Unit {
  Uuid incarnation;
  uint64_t counter = 0;  // of the first change
  CompartmentId compartment;
  Stamp stamp;
  Uuid transaction;  // nil = this unit is all of its transaction
  std::vector<ChangeData> changes;

  bool operator==(const Unit&) const = default;
};

// What became of a change. Same numbers as doorstep.v1.Outcome.Word.
enum class Word : uint8_t {
  kUnspecified = 0,
  kApplied = 1,
  kMerged = 2,
  kConflict = 3,
  kHeld = 4,
  kRejected = 5,
  kWithdrawn = 6,
};
absl::string_view WordName(Word word);  // "APPLIED"

}  // namespace doorstep

#endif  // SYNC_CHANGE_STATE_H_
