// The bytes of a replica's attachments: attachments.db beside replica.db, encrypted under a key
// that stands in replica.db, and what is known of each beside its bytes.
//
// A record may be here without its attachment, and an attachment for a moment without its record:
// it is put here first, durably, and then the record is written (attachments.cc). Which attachments
// there are, records say; this says how much of each is here and at the server.
//
// Threads: as the Replica. Every function is a transaction of its own.
#ifndef CLIENT_LIB_SHELF_H_
#define CLIENT_LIB_SHELF_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/base/entropy.h"
#include "sync/blobs/blobs.h"
#include "sync/sqlite/database.h"

namespace doorstep::client {

// What is known of an attachment here.
struct Shelved {
  BlobId id;
  uint64_t size = 0;             // of the whole; 0: nothing is here
  uint64_t here = 0;             // bytes, from the first on
  bool whole = false;            // all of them, and they fit the hash
  uint64_t sent = 0;             // bytes that the server has acknowledged
  uint64_t confirmed_epoch = 0;  // the life of the server that has it whole; 0: not known
  bool asked = false;            // somebody wants it now
};

class Shelf {
 public:
  // kNotFound without `create` when there is no file. `key`: 32 bytes.
  static absl::StatusOr<std::unique_ptr<Shelf>> Open(const std::string& path,
                                                     const DatabaseOptions& options,
                                                     std::string key, Entropy& entropy);

  absl::StatusOr<Shelved> Find(const BlobId& id);

  // Pieces of a new attachment, in order; empty at the end.
  using Source = absl::FunctionRef<absl::StatusOr<std::string>()>;
  // Puts a whole one here, for a record that is written after it; durable when it returns.
  // kAborted: the bytes were others than those that were hashed.
  absl::Status Put(const BlobId& id, uint64_t size, Source source, int64_t now_ms);
  // Its record is written.
  absl::Status NoteWritten(const BlobId& id);

  // Bytes that follow those that are here. Whole in the answer: they were the last and fit the
  // hash. kDataLoss: they were the last and did not, and all are gone.
  absl::StatusOr<Shelved> Receive(const BlobId& id, uint64_t size, absl::string_view data,
                                  int64_t now_ms);
  // Bytes from `offset` on, of what is here. kDataLoss: damaged.
  absl::StatusOr<std::string> Read(const BlobId& id, uint64_t offset, size_t max);

  absl::Status SetAsked(const BlobId& id, bool asked);
  absl::Status SetSent(const BlobId& id, uint64_t bytes);
  // The server has it whole.
  absl::Status SetConfirmed(const BlobId& id, uint64_t epoch);

  // Whether it is to stay.
  using Question = std::function<absl::StatusOr<bool>(const BlobId&)>;
  // Removes what need not stay, except what was put here lately for a record that is being written,
  // and leaves nothing of it readable in the files. `look` is called within each transaction of
  // this database, and its answer asked only in that: so a record that was written before is seen,
  // and of one that is being written the mark. Returns how many went.
  absl::StatusOr<int> Collect(absl::FunctionRef<absl::StatusOr<Question>()> look, int64_t now_ms);

 private:
  Shelf(std::unique_ptr<Database> db, std::string key, Entropy* entropy);
  // Null also for one under another key: its bytes are not readable here.
  absl::StatusOr<std::optional<BlobRow>> Row(const BlobId& id);
  absl::Status Note(const BlobId& id, absl::string_view sql, int64_t value);
  absl::Status RemoveRow(const BlobId& id);
  absl::StatusOr<bool> IsBeingWritten(const BlobId& id, int64_t now_ms);
  absl::StatusOr<bool> Fits(const BlobRow& row);

  const std::unique_ptr<Database> db_;
  const std::string key_;
  Blobs blobs_;
};

}  // namespace doorstep::client

#endif  // CLIENT_LIB_SHELF_H_
