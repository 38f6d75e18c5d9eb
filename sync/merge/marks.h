// Hiding a record: nothing is deleted in ordinary use.
#ifndef SYNC_MERGE_MARKS_H_
#define SYNC_MERGE_MARKS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sync/change/state.h"

namespace doorstep {

// Why the record is hidden; nullopt: it is not. A record is hidden while a head of its mark
// (kHiddenField) names every head that its other fields have (marks do not count), and no head of
// the mark is empty. So an edit by somebody who had not seen the mark, or whom its author had not
// seen, shows the record again, on every device; and of a mark and a concurrent "show it again"
// the latter wins. Of several reasons the last in canonical order.
std::optional<std::string> HiddenBecause(const RecordState& state);

// Ids of all heads that a mark of the record must name, ascending.
std::vector<ChangeId> HeadsToHide(const RecordState& state);

// The canonical value of a mark with this reason, and back.
std::string MarkValue(uint32_t field, absl::string_view reason);
std::string MarkReason(uint32_t field, absl::string_view value);

}  // namespace doorstep

#endif  // SYNC_MERGE_MARKS_H_
