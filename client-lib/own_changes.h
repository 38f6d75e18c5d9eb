// Own changes as they are handed out.
#ifndef CLIENT_LIB_OWN_CHANGES_H_
#define CLIENT_LIB_OWN_CHANGES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client-lib/outbox.h"
#include "client-lib/store.h"
#include "doorstep/types.h"
#include "sync/change/state.h"

namespace doorstep::client {

// The change at `place` in its unit.
OwnChange Describe(const Store& store, const OwnUnit& own, const Unit& unit, size_t place);

// With what can be told here of changes that met others (MERGED, CONFLICT).
absl::StatusOr<std::vector<OwnChange>> OwnChanges(Store& store, Which which, uint64_t limit);

// What a change set, as JSON; empty object when it only cleared.
absl::StatusOr<std::string> EditsAsJson(const Schema& schema, const ChangeData& change);
// Fields that it cleared, and elements that it removed from SETs: `allergies["nuts"]`.
absl::StatusOr<std::vector<std::string>> ClearedNames(const Schema& schema,
                                                      const ChangeData& change);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_OWN_CHANGES_H_
