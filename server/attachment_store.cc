#include "server/attachment_store.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/errors.h"
#include "sync/base/file.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/sqlite/migrate.h"

namespace doorstep::server {
namespace {

// "DAtt": whose database a file is.
constexpr int32_t kApplicationId = 0x44417474;
// Bytes that are hashed between two looks at the lock.
constexpr size_t kHashedBytes = 256 * kKiB;

constexpr absl::string_view kServerTablesSql = R"sql(
-- Which device began to send one that is not whole.
CREATE TABLE upload(
  blob INTEGER PRIMARY KEY,           -- blob.ref
  device BLOB NOT NULL
) STRICT;
CREATE INDEX upload_device ON upload(device);

-- Since when no record names it.
CREATE TABLE unnamed(
  blob INTEGER PRIMARY KEY,           -- blob.ref
  since_ms INTEGER NOT NULL
) STRICT;
)sql";

AttachmentProgress ProgressOf(const BlobRow& row) { return {row.here, row.whole, false}; }

}  // namespace

AttachmentStore::AttachmentStore(KeyedDatabase database, Entropy* entropy)
    : lock_(std::move(database.lock)), db_(std::move(database.db)), blobs_(db_.get(), entropy) {}

absl::StatusOr<std::unique_ptr<AttachmentStore>> AttachmentStore::Open(
    const std::string& path, bool create, Entropy& entropy, const SqliteStoreOptions& options) {
  if (create) {
    DOORSTEP_RETURN_IF_ERROR(EnsureDirectory(std::filesystem::path(path).parent_path().string()));
  }
  DatabaseOptions database;
  database.create = create;
  database.sync = options.sync;
  database.vfs = options.vfs;
  database.key = options.key;
  database.secure_delete = true;
  DOORSTEP_ASSIGN_OR_RETURN(KeyedDatabase opened, OpenKeyed(path, database));
  const std::string first = absl::StrCat(kBlobTablesSql, kServerTablesSql);
  const Migration ladder[] = {{1, "0001_attachments", first}};
  DOORSTEP_RETURN_IF_ERROR(Migrate(*opened.db, kApplicationId, ladder));
  return std::unique_ptr<AttachmentStore>(new AttachmentStore(std::move(opened), &entropy));
}

// One under another key is not here: a restored server has lost the key, and the bytes with it.
absl::StatusOr<std::optional<BlobRow>> AttachmentStore::FindLocked(const BlobId& id,
                                                                   absl::string_view key) {
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<BlobRow> row, blobs_.Find(id));
  if (row && row->key_name != NameOfKey(key)) return std::optional<BlobRow>();
  return row;
}

absl::Status AttachmentStore::RemoveLocked(int64_t ref) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * upload,
                            db_->Prepared("DELETE FROM upload WHERE blob = ?1"));
  DOORSTEP_RETURN_IF_ERROR(upload->BindInt(1, ref).Run());
  DOORSTEP_ASSIGN_OR_RETURN(Statement * unnamed,
                            db_->Prepared("DELETE FROM unnamed WHERE blob = ?1"));
  DOORSTEP_RETURN_IF_ERROR(unnamed->BindInt(1, ref).Run());
  return blobs_.Remove(ref);
}

absl::StatusOr<BlobRow> AttachmentStore::BeginLocked(const AttachmentChunk& chunk,
                                                     absl::string_view key, const Uuid& device,
                                                     int64_t now_ms) {
  // What is there under another key, or with another size, is of no use to anybody.
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<BlobRow> before, blobs_.Find(chunk.id));
  if (before) DOORSTEP_RETURN_IF_ERROR(RemoveLocked(before->ref));
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * begun,
      db_->Prepared("SELECT coalesce(sum(b.size), 0) FROM upload AS u JOIN blob AS b "
                    "ON b.ref = u.blob WHERE u.device = ?1"));
  uint64_t bytes = 0;
  {
    const ScopedReset done(begun);
    DOORSTEP_RETURN_IF_ERROR(begun->BindBlob(1, device.AsBytes()).Step().status());
    bytes = static_cast<uint64_t>(begun->Int(0));
  }
  if (bytes + chunk.size > kMaxUnfinishedAttachmentBytes) {
    return ForCaller(absl::ResourceExhaustedError(
        absl::StrCat("PutChunkRequest.size: got ", chunk.size, " beside ", bytes,
                     " bytes that this device has begun to send, wanted those finished first")));
  }
  DOORSTEP_ASSIGN_OR_RETURN(const BlobRow row, blobs_.Begin(chunk.id, chunk.size, key, now_ms));
  DOORSTEP_ASSIGN_OR_RETURN(Statement * upload,
                            db_->Prepared("INSERT INTO upload(blob, device) VALUES(?1, ?2)"));
  DOORSTEP_RETURN_IF_ERROR(upload->BindInt(1, row.ref).BindBlob(2, device.AsBytes()).Run());
  return row;
}

absl::StatusOr<AttachmentProgress> AttachmentStore::Append(const AttachmentChunk& chunk,
                                                           absl::string_view key,
                                                           const Uuid& device, int64_t now_ms,
                                                           BlobRow* row) {
  MutexLock lock(mu_);
  DOORSTEP_ASSIGN_OR_RETURN(Transaction transaction,
                            Transaction::Begin(*db_, Transaction::Mode::kWrite));
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<BlobRow> found, FindLocked(chunk.id, key));
  const bool fits = found && (found->whole || found->size == chunk.size);
  const uint64_t here = fits ? found->here : 0;
  if (chunk.offset != here || (fits && found->whole)) {
    if (fits) *row = *found;
    return fits ? ProgressOf(*found) : AttachmentProgress();
  }
  if (fits) {
    *row = *found;
  } else {
    DOORSTEP_ASSIGN_OR_RETURN(*row, BeginLocked(chunk, key, device, now_ms));
  }
  DOORSTEP_RETURN_IF_ERROR(blobs_.Append(row, chunk.data, key, now_ms));
  DOORSTEP_RETURN_IF_ERROR(transaction.Commit());
  return ProgressOf(*row);
}

// Whether what is all here fits its hash. The lock is free between pieces: others go on.
absl::StatusOr<AttachmentProgress> AttachmentStore::Finish(const BlobRow& row,
                                                           absl::string_view key) {
  Sha256 hash;
  for (uint64_t at = 0; at < row.size;) {
    MutexLock lock(mu_);
    const absl::StatusOr<std::string> piece = blobs_.Read(row, at, kHashedBytes, key);
    if (!piece.ok() && !absl::IsDataLoss(piece.status())) return piece.status();
    if (!piece.ok() || piece->empty()) break;  // damaged, or removed meanwhile: it does not fit
    hash.Add(*piece);
    at += piece->size();
  }
  const bool fits = hash.Finish() == row.id.sha256;
  MutexLock lock(mu_);
  DOORSTEP_ASSIGN_OR_RETURN(Transaction transaction,
                            Transaction::Begin(*db_, Transaction::Mode::kWrite));
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<BlobRow> now, FindLocked(row.id, key));
  if (!now || now->ref != row.ref) return AttachmentProgress{0, false, !fits};
  if (now->whole) return ProgressOf(*now);
  if (fits) {
    DOORSTEP_RETURN_IF_ERROR(blobs_.SetWhole(&*now));
    DOORSTEP_ASSIGN_OR_RETURN(Statement * done,
                              db_->Prepared("DELETE FROM upload WHERE blob = ?1"));
    DOORSTEP_RETURN_IF_ERROR(done->BindInt(1, now->ref).Run());
  } else {
    DOORSTEP_RETURN_IF_ERROR(RemoveLocked(now->ref));
  }
  DOORSTEP_RETURN_IF_ERROR(transaction.Commit());
  return fits ? ProgressOf(*now) : AttachmentProgress{0, false, true};
}

absl::StatusOr<AttachmentProgress> AttachmentStore::Put(const AttachmentChunk& chunk,
                                                        absl::string_view key, const Uuid& device,
                                                        int64_t now_ms) {
  BlobRow row;
  DOORSTEP_ASSIGN_OR_RETURN(const AttachmentProgress progress,
                            Append(chunk, key, device, now_ms, &row));
  // Also one whose last bytes came before a power cut, and that nobody has looked at since.
  if (progress.whole || row.ref == 0 || row.here < row.size) return progress;
  return Finish(row, key);
}

absl::StatusOr<AttachmentProgress> AttachmentStore::Find(const BlobId& id, absl::string_view key) {
  MutexLock lock(mu_);
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<BlobRow> row, FindLocked(id, key));
  return row ? ProgressOf(*row) : AttachmentProgress();
}

absl::StatusOr<std::optional<std::string>> AttachmentStore::Read(const BlobId& id, uint64_t offset,
                                                                 size_t max, absl::string_view key,
                                                                 uint64_t* size) {
  MutexLock lock(mu_);
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<BlobRow> row, FindLocked(id, key));
  if (!row || !row->whole) return std::optional<std::string>();
  *size = row->size;
  DOORSTEP_ASSIGN_OR_RETURN(std::string data, blobs_.Read(*row, offset, max, key));
  return std::optional<std::string>(std::move(data));
}

absl::StatusOr<bool> AttachmentStore::Expired(const BlobRow& row, bool named, int64_t now_ms) {
  const int64_t limit = now_ms - kAbandonedAttachmentMs;
  if (named) {
    DOORSTEP_ASSIGN_OR_RETURN(Statement * again,
                              db_->Prepared("DELETE FROM unnamed WHERE blob = ?1"));
    DOORSTEP_RETURN_IF_ERROR(again->BindInt(1, row.ref).Run());
    return !row.whole && row.touched_ms < limit;
  }
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * note,
      db_->Prepared("INSERT OR IGNORE INTO unnamed(blob, since_ms) VALUES(?1, ?2)"));
  DOORSTEP_RETURN_IF_ERROR(note->BindInt(1, row.ref).BindInt(2, now_ms).Run());
  DOORSTEP_ASSIGN_OR_RETURN(Statement * since,
                            db_->Prepared("SELECT since_ms FROM unnamed WHERE blob = ?1"));
  const ScopedReset done(since);
  DOORSTEP_RETURN_IF_ERROR(since->BindInt(1, row.ref).Step().status());
  return since->Int(0) < limit;
}

absl::StatusOr<int> AttachmentStore::Collect(
    absl::FunctionRef<absl::StatusOr<bool>(const BlobId&)> named, int64_t now_ms) {
  MutexLock lock(mu_);
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<BlobRow> rows,
                            blobs_.After(collected_, kCollectedAttachments));
  if (rows.empty()) {
    collected_ = 0;
    return 0;
  }
  DOORSTEP_ASSIGN_OR_RETURN(Transaction transaction,
                            Transaction::Begin(*db_, Transaction::Mode::kWrite));
  int removed = 0;
  for (const BlobRow& row : rows) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool has_record, named(row.id));
    DOORSTEP_ASSIGN_OR_RETURN(const bool expired, Expired(row, has_record, now_ms));
    if (!expired) continue;
    DOORSTEP_RETURN_IF_ERROR(RemoveLocked(row.ref));
    ++removed;
  }
  DOORSTEP_RETURN_IF_ERROR(transaction.Commit());
  collected_ = rows.back().ref;
  return removed;
}

}  // namespace doorstep::server
