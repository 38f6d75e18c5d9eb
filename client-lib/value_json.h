// Single values as JSON text, for the structures that a replica hands out.
#ifndef CLIENT_LIB_VALUE_JSON_H_
#define CLIENT_LIB_VALUE_JSON_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "doorstep/types.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep::client {

// The value (of a SET: one element) as protobuf JSON; "null" for no value.
absl::StatusOr<std::string> ValueJson(const Schema& schema, const KindSpec& kind,
                                      const FieldSpec& field, absl::string_view value);

// A head as it is handed out.
absl::StatusOr<Version> VersionOf(const Schema& schema, const KindSpec& kind,
                                  const FieldSpec& field, const Head& head);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_VALUE_JSON_H_
