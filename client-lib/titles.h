// What a screen calls a record.
#ifndef CLIENT_LIB_TITLES_H_
#define CLIENT_LIB_TITLES_H_

#include <string>

#include "absl/status/statusor.h"
#include "client-lib/store.h"
#include "sync/change/state.h"

namespace doorstep::client {

// TitleOf with that of the record which its file is named after: "Peter Hall - Going out".
absl::StatusOr<std::string> TitleWithFile(Store& store, const RecordState& record);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_TITLES_H_
