// Whether a row that another program wrote is one that this schema could have written.
#ifndef SYNC_CHANGE_ROW_CHECK_H_
#define SYNC_CHANGE_ROW_CHECK_H_

#include "absl/status/status.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep {

// kInvalidArgument, naming record and field, when a known field holds what no author could have
// committed: the wrong wire type, text that is not UTF-8, a value out of its bounds or not in
// canonical form, an element of a SET without a value. What the schema does not know, kinds, fields
// and enum numbers, is let through.
absl::Status CheckRow(const Schema& schema, const RecordState& state);

}  // namespace doorstep

#endif  // SYNC_CHANGE_ROW_CHECK_H_
