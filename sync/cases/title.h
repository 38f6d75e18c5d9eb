// By what a record is called on a screen and in a report.
#ifndef SYNC_CASES_TITLE_H_
#define SYNC_CASES_TITLE_H_

#include <string>

#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep {

// The effective value of its kind's title field, on one short line; empty when it has none.
std::string OwnTitle(const Schema& schema, const RecordState& record);
// The same, or the kind's label.
std::string TitleOf(const Schema& schema, const RecordState& record);

}  // namespace doorstep

#endif  // SYNC_CASES_TITLE_H_
