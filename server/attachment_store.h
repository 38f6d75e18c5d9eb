// The bytes of one tenant's attachments: DIR/attachments/NAME.db, apart from the records, so that
// neither their size nor their writing is in the way of a push. Encrypted under the keys of their
// files (_file_key), which stand in the tenant's own database: whoever destroys a key there has
// erased the attachments too.
//
// Who may see what is decided elsewhere (attachments.h). Threads: any.
#ifndef SERVER_ATTACHMENT_STORE_H_
#define SERVER_ATTACHMENT_STORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/keyed_database.h"
#include "server/sqlite_store.h"
#include "sync/base/entropy.h"
#include "sync/base/file.h"
#include "sync/base/mutex.h"
#include "sync/blobs/blobs.h"
#include "sync/sqlite/database.h"

namespace doorstep::server {

// How far an attachment is here.
struct AttachmentProgress {
  uint64_t received = 0;  // bytes, from the first on, that survive a power cut
  bool whole = false;     // all of them, and they fit the hash
  bool wrong = false;     // they were all here and did not: they are gone now
};

// Bytes to be stored, all of it checked.
struct AttachmentChunk {
  BlobId id;
  uint64_t size = 0;
  uint64_t offset = 0;
  absl::string_view data;
};

class AttachmentStore {
 public:
  // `create`: makes file and directory if needed, else kNotFound. About its key as OpenKeyed.
  static absl::StatusOr<std::unique_ptr<AttachmentStore>> Open(const std::string& path, bool create,
                                                               Entropy& entropy,
                                                               const SqliteStoreOptions& options);

  // Durable when it returns. Bytes that do not follow those that are here are not stored.
  // kResourceExhausted, for the caller: the device has begun too much.
  absl::StatusOr<AttachmentProgress> Put(const AttachmentChunk& chunk, absl::string_view key,
                                         const Uuid& device, int64_t now_ms);
  absl::StatusOr<AttachmentProgress> Find(const BlobId& id, absl::string_view key);
  // Bytes of a whole one; nullopt: it is not whole here. `size` becomes that of the whole.
  absl::StatusOr<std::optional<std::string>> Read(const BlobId& id, uint64_t offset, size_t max,
                                                  absl::string_view key, uint64_t* size);

  // Looks at the next kCollectedAttachments of them, and removes what has been without a record
  // that names it, or unfinished and without new bytes, for kAbandonedAttachmentMs. `named`:
  // whether a record names it. Returns how many it removed.
  absl::StatusOr<int> Collect(absl::FunctionRef<absl::StatusOr<bool>(const BlobId&)> named,
                              int64_t now_ms);

 private:
  AttachmentStore(KeyedDatabase database, Entropy* entropy);
  absl::StatusOr<AttachmentProgress> Append(const AttachmentChunk& chunk, absl::string_view key,
                                            const Uuid& device, int64_t now_ms, BlobRow* row);
  absl::StatusOr<std::optional<BlobRow>> FindLocked(const BlobId& id, absl::string_view key)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<BlobRow> BeginLocked(const AttachmentChunk& chunk, absl::string_view key,
                                      const Uuid& device, int64_t now_ms)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status RemoveLocked(int64_t ref) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<AttachmentProgress> Finish(const BlobRow& row, absl::string_view key);
  absl::StatusOr<bool> Expired(const BlobRow& row, bool named, int64_t now_ms)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Mutex mu_;
  const std::optional<FileLock> lock_;  // outlives the connection
  const std::unique_ptr<Database> db_ ABSL_PT_GUARDED_BY(mu_);
  Blobs blobs_ ABSL_GUARDED_BY(mu_);
  int64_t collected_ ABSL_GUARDED_BY(mu_) = 0;  // the last blob.ref that was looked at
};

}  // namespace doorstep::server

#endif  // SERVER_ATTACHMENT_STORE_H_
