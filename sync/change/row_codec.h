// Record states as rows of a pull batch (doorstep.v1.PullRows), both directions. Also how a replica
// keeps a whole state in one blob (shadow, staging, kinds it does not know).
#ifndef SYNC_CHANGE_ROW_CODEC_H_
#define SYNC_CHANGE_ROW_CODEC_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/change/state.h"

namespace doorstep::v1 {
class FieldHeads;
class HeadId;
class HeadRef;
class PullRows;
}  // namespace doorstep::v1

namespace doorstep {

// Appends rows to a batch, keeping its dictionaries. Not thread-safe. Borrows `rows`, which should
// be empty to begin with.
class RowWriter {
 public:
  explicit RowWriter(v1::PullRows* rows);

  // Adds the fields whose sequence is beyond `after`, with all their heads; the default head is the
  // one that most fields have. Returns the bytes that the row takes, about; 0 when there was no
  // such field and nothing was added.
  size_t AddRecord(const RecordState& state, uint64_t after);
  // All fields, also those that have no sequence yet; a row even if there are none.
  size_t AddWhole(const RecordState& state);

  uint32_t Incarnation(const Uuid& id);
  uint32_t Author(absl::string_view name);
  uint32_t Compartment(const CompartmentId& id);

 private:
  size_t Add(const RecordState& state, const std::vector<const FieldState*>& fields);
  void SetHead(const Head& head, v1::HeadRef* out);
  void SetId(const ChangeId& id, v1::HeadId* out);
  void AddException(const FieldState& field, v1::FieldHeads* out);

  v1::PullRows* rows_;
  absl::flat_hash_map<Uuid, uint32_t> incarnations_;
  absl::flat_hash_map<std::string, uint32_t> authors_;
  absl::flat_hash_map<CompartmentId, uint32_t> compartments_;
};

// Row i of a batch. kInvalidArgument when it does not hold together (a place outside a dictionary,
// an id of the wrong length, a value that is no field, heads out of order): the sender is broken.
// Needs no schema: fields are told apart by their tags, so unknown kinds and fields pass through.
// Several entries of one field in `values` are elements of a SET.
absl::StatusOr<RecordState> ReadRow(const v1::PullRows& rows, int i);

// One whole state as a self-contained blob (a PullRows with one record), and back.
std::string EncodeState(const RecordState& state);
absl::StatusOr<RecordState> DecodeState(absl::string_view blob);

// Replaces the fields of `state` that `delta` has. Same record.
void ApplyDelta(RecordState delta, RecordState* state);

}  // namespace doorstep

#endif  // SYNC_CHANGE_ROW_CODEC_H_
