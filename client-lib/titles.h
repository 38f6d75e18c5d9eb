// What a screen calls a record.
#ifndef CLIENT_LIB_TITLES_H_
#define CLIENT_LIB_TITLES_H_

#include <string>

#include "absl/status/statusor.h"
#include "client-lib/store.h"
#include "sync/change/state.h"

namespace doorstep::client {

// The record's title field, on one line; the kind's label when it has none.
std::string TitleOf(const Schema& schema, const RecordState& record);

// With the title of the record that its file is named after: "Peter Hall - Going out".
absl::StatusOr<std::string> TitleWithFile(Store& store, const RecordState& record);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_TITLES_H_
