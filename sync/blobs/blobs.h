// Attachments in a database of their own: each grows from its first byte to its last in chunks, and
// counts as whole once all are there and fit its hash. Server and replica keep them in the same
// tables, under keys of their own.
//
// Threads as the database. What writes belongs to the transaction that its caller has open, unless
// it says otherwise.
#ifndef SYNC_BLOBS_BLOBS_H_
#define SYNC_BLOBS_BLOBS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/base/entropy.h"
#include "sync/blobs/chunk.h"
#include "sync/sqlite/database.h"

namespace doorstep {

// The tables; the first rung of whoever keeps them.
extern const absl::string_view kBlobTablesSql;

struct BlobRow {
  int64_t ref = 0;
  BlobId id;
  uint64_t size = 0;
  uint64_t here = 0;  // bytes that are here, from the first on
  bool whole = false;
  std::string key_name;    // NameOfKey
  int64_t touched_ms = 0;  // when the last bytes came
};

class Blobs {
 public:
  // Borrows both.
  Blobs(Database* db, Entropy* entropy) : db_(*db), entropy_(*entropy) {}

  absl::StatusOr<std::optional<BlobRow>> Find(const BlobId& id);
  // In order of ref, those after `ref`, at most `limit`.
  absl::StatusOr<std::vector<BlobRow>> After(int64_t ref, size_t limit);

  // A new one, without bytes yet.
  absl::StatusOr<BlobRow> Begin(const BlobId& id, uint64_t size, absl::string_view key,
                                int64_t now_ms);
  // The bytes that follow; no more than are missing. Moves row->here.
  absl::Status Append(BlobRow* row, absl::string_view data, absl::string_view key, int64_t now_ms);
  absl::Status SetWhole(BlobRow* row);
  // With its chunks. OK also when it is not there.
  absl::Status Remove(int64_t ref);

  // Bytes from `offset` on: as many as there are, at most `max`. kDataLoss: damaged.
  absl::StatusOr<std::string> Read(const BlobRow& row, uint64_t offset, size_t max,
                                   absl::string_view key);

 private:
  Database& db_;
  Entropy& entropy_;
};

}  // namespace doorstep

#endif  // SYNC_BLOBS_BLOBS_H_
