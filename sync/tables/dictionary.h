// Ids that recur in rows, by number: incarnations, authors, compartments.
//
// A dictionary row, once committed, never changes; so numbers may be remembered. A number first
// given inside a transaction that is rolled back is forgotten by Forget().
#ifndef SYNC_TABLES_DICTIONARY_H_
#define SYNC_TABLES_DICTIONARY_H_

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "sync/base/bytes.h"
#include "sync/change/state.h"
#include "sync/sqlite/database.h"

namespace doorstep {

// Threads as its database. Errors are the database's; kDataLoss for a number that has no row.
class Dictionary {
 public:
  // Borrows the database.
  explicit Dictionary(Database* db) : db_(db) {}

  // Finds, or adds in the transaction that is open.
  absl::StatusOr<int64_t> RefOf(const Uuid& incarnation);
  absl::StatusOr<int64_t> RefOf(const std::string& author);
  absl::StatusOr<int64_t> RefOf(const CompartmentId& compartment);

  absl::StatusOr<Uuid> Incarnation(int64_t ref);
  absl::StatusOr<std::string> Author(int64_t ref);
  absl::StatusOr<CompartmentId> Compartment(int64_t ref);

  // To be called after a rollback.
  void Forget();

 private:
  template <typename Key>
  struct Both {
    absl::flat_hash_map<Key, int64_t> refs;
    absl::flat_hash_map<int64_t, Key> keys;
    void Put(const Key& key, int64_t ref) {
      refs[key] = ref;
      keys[ref] = key;
    }
  };

  Database* db_;
  Both<Uuid> incarnations_;
  Both<std::string> authors_;
  Both<CompartmentId> compartments_;
};

}  // namespace doorstep

#endif  // SYNC_TABLES_DICTIONARY_H_
