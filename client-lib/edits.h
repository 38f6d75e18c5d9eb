// What a callback of Transact has asked for so far: checked, compared with what was opened, not yet
// written.
#ifndef CLIENT_LIB_EDITS_H_
#define CLIENT_LIB_EDITS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client-lib/conflicts.h"
#include "client-lib/fold.h"
#include "client-lib/open_record.h"
#include "client-lib/store.h"
#include "doorstep/replica.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"
#include "sync/change/state.h"
#include "sync/change/wire.h"

namespace doorstep {
namespace client {

// One record's edits. The change has no id yet.
struct Edit {
  CompartmentId compartment;
  ChangeData change;
};

// The payload of a kFailedPrecondition over a visible conflict: the case's id as text.
inline constexpr absl::string_view kConflictPayload = "doorstep/case";

// The values that a field is to have: one, the elements of a SET, or none.
using Wanted = absl::flat_hash_map<uint32_t, std::vector<std::string>>;

// "Person.name".
std::string FieldPath(const KindSpec& kind, const FieldSpec& field);

// kInvalidArgument when `after` does not follow what the author saw (merge/states.h).
absl::Status CheckTransition(const KindSpec& kind, const FieldSpec& field,
                             const std::vector<std::string>& seen, absl::string_view after,
                             bool create);

}  // namespace client

struct Edits::Impl {
  client::Store& store;
  client::Fold& fold;
  Entropy& entropy;
  ClockReading moment;
  const std::string& author;

  std::vector<client::Edit> edits;
  absl::flat_hash_map<Uuid, CompartmentId> touched;

  absl::StatusOr<std::string> Add(const KindSpec& kind, std::vector<FieldValues> values,
                                  const AddOptions& options);
  // Fields that `wanted` lacks stay as they are.
  absl::Status Update(const client::OpenedRecord& opened, const client::Wanted& wanted);
  absl::Status Settle(absl::string_view case_id, const Decision& decision);
  absl::Status AddVersion(absl::string_view case_id, absl::string_view json);
  absl::Status SayWhetherSame(absl::string_view first, absl::string_view second, bool same,
                              absl::string_view reason);
  // An empty reason takes the mark back.
  absl::Status Mark(const client::OpenedRecord& opened, uint32_t field, absl::string_view reason);
  absl::StatusOr<std::string> Sign(const client::OpenedRecord& opened);

 private:
  absl::StatusOr<CompartmentId> PlaceOf(const Uuid& record, const KindSpec& kind,
                                        const std::vector<FieldValues>& values,
                                        const AddOptions& options);
  absl::StatusOr<Uuid> FileByReference(const Uuid& record, const KindSpec& kind,
                                       const std::vector<FieldValues>& values);
  absl::Status CheckUntouched(const Uuid& record) const;
  absl::Status CheckPause(const KindSpec& kind, const FieldSpec& field,
                          absl::string_view value) const;
  absl::Status CheckNothingOpened(const KindSpec& kind, const FieldSpec& field, const Uuid& record);
  absl::StatusOr<std::vector<ChangeId>> BaseOf(const client::OpenedRecord& opened, uint32_t field);
  absl::StatusOr<ChangeId> IdOf(const Head& head);
  absl::StatusOr<std::vector<ChangeId>> Current(const client::OpenedRecord& opened,
                                                const std::vector<ChangeId>& ids);
  absl::StatusOr<std::vector<ChangeId>> SeenBy(const client::OpenedRecord& opened,
                                               const ChangeData& change);
  absl::StatusOr<std::vector<ChangeId>> SeenByNew(const ChangeData& change);
  absl::Status SettleOne(const client::OpenedRecord& opened, const client::OpenCase& open,
                         const Decision& decision, FieldEdit* change);
  absl::StatusOr<FieldEdit> SettledSet(const client::OpenCase& open, const Decision& decision);
  absl::StatusOr<FieldEdit> EditOf(const client::OpenedRecord& opened, const FieldSpec& field,
                                   std::vector<std::string> wanted);
  absl::StatusOr<std::string> DecidedValue(const KindSpec& kind, const FieldSpec& field,
                                           const FieldState& state, const Decision& decision);
};

}  // namespace doorstep

#endif  // CLIENT_LIB_EDITS_H_
