// Who answers for a file, as far as this replica's records say.
#ifndef CLIENT_LIB_RESPONSIBLE_H_
#define CLIENT_LIB_RESPONSIBLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "client-lib/store.h"
#include "sync/base/bytes.h"
#include "sync/cases/responsible.h"

namespace doorstep::client {

// Reads each file once. Borrows the store, in one snapshot.
class People {
 public:
  People(Store& store, int64_t now_ms) : store_(&store), day_(CivilDay(now_ms)) {}

  // The worker of the file; lead and duty contact of the worker's site if its record is held here,
  // else of this replica's own.
  absl::StatusOr<Responsible> Of(const Uuid& file);

 private:
  using Facts = std::vector<ResponsibilityFact>;
  absl::StatusOr<const Facts*> FactsIn(const Uuid& file);

  Store* store_;
  std::string day_;
  absl::flat_hash_map<Uuid, Facts> facts_;
};

}  // namespace doorstep::client

#endif  // CLIENT_LIB_RESPONSIBLE_H_
