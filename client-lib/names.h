// Words for what a replica hands out: tiers, states of changes.
#ifndef CLIENT_LIB_NAMES_H_
#define CLIENT_LIB_NAMES_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "doorstep/types.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep::client {

std::string TierName(uint8_t tier);  // "NORMAL"
absl::StatusOr<uint8_t> ParseTier(absl::string_view name);
ChangeState StateOf(Word word);
// The kind by its short or full name; kNotFound lists those that there are.
absl::StatusOr<const KindSpec*> FindKind(const Schema& schema, absl::string_view name);
// An id as people type it. kInvalidArgument says what it was for.
absl::StatusOr<Uuid> ParseId(absl::string_view what, absl::string_view text);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_NAMES_H_
