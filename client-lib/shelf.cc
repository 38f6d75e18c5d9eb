#include "client-lib/shelf.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/sqlite/migrate.h"

namespace doorstep::client {
namespace {

// "DShe": whose database a file is.
constexpr int32_t kApplicationId = 0x44536865;
constexpr size_t kPieceBytes = 256 * kKiB;
constexpr size_t kCollectedAtOnce = 200;

constexpr absl::string_view kReplicaTablesSql = R"sql(
-- What is known of an attachment beside its bytes.
CREATE TABLE known(
  file BLOB NOT NULL,
  sha256 BLOB NOT NULL,
  asked INTEGER NOT NULL DEFAULT 0,           -- 1: somebody wants it now
  sent INTEGER NOT NULL DEFAULT 0,            -- bytes that the server has acknowledged
  confirmed_epoch INTEGER NOT NULL DEFAULT 0, -- the life of the server that has it whole
  put_ms INTEGER NOT NULL DEFAULT 0,          -- put here for a record that is being written since
  PRIMARY KEY(file, sha256)
) STRICT, WITHOUT ROWID;
)sql";

}  // namespace

Shelf::Shelf(std::unique_ptr<Database> db, std::string key, Entropy* entropy)
    : db_(std::move(db)), key_(std::move(key)), blobs_(db_.get(), entropy) {}

absl::StatusOr<std::unique_ptr<Shelf>> Shelf::Open(const std::string& path,
                                                   const DatabaseOptions& options, std::string key,
                                                   Entropy& entropy) {
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Database> db, Database::Open(path, options));
  if (!options.read_only) {
    const std::string first = absl::StrCat(kBlobTablesSql, kReplicaTablesSql);
    const Migration ladder[] = {{1, "0001_attachments", first}};
    DOORSTEP_RETURN_IF_ERROR(Migrate(*db, kApplicationId, ladder));
  }
  return std::unique_ptr<Shelf>(new Shelf(std::move(db), std::move(key), &entropy));
}

absl::StatusOr<std::optional<BlobRow>> Shelf::Row(const BlobId& id) {
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<BlobRow> row, blobs_.Find(id));
  if (row && row->key_name != NameOfKey(key_)) return std::optional<BlobRow>();
  return row;
}

absl::StatusOr<Shelved> Shelf::Find(const BlobId& id) {
  Shelved out;
  out.id = id;
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<BlobRow> row, Row(id));
  if (row) {
    out.size = row->size;
    out.here = row->here;
    out.whole = row->whole;
  }
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db_->Prepared("SELECT asked, sent, confirmed_epoch FROM known "
                                          "WHERE file = ?1 AND sha256 = ?2"));
  const ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found,
                            find->BindBlob(1, id.file.AsBytes()).BindBlob(2, id.sha256).Step());
  if (!found) return out;
  out.asked = find->Int(0) != 0;
  out.sent = static_cast<uint64_t>(find->Int(1));
  out.confirmed_epoch = static_cast<uint64_t>(find->Int(2));
  return out;
}

absl::Status Shelf::Note(const BlobId& id, absl::string_view sql, int64_t value) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * add, db_->Prepared("INSERT OR IGNORE INTO known(file, sha256) VALUES(?1, ?2)"));
  DOORSTEP_RETURN_IF_ERROR(add->BindBlob(1, id.file.AsBytes()).BindBlob(2, id.sha256).Run());
  DOORSTEP_ASSIGN_OR_RETURN(Statement * set, db_->Prepared(sql));
  set->BindBlob(1, id.file.AsBytes()).BindBlob(2, id.sha256).BindInt(3, value);
  return set->Run();
}

absl::Status Shelf::RemoveRow(const BlobId& id) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<BlobRow> row, blobs_.Find(id));
  return row ? blobs_.Remove(row->ref) : absl::OkStatus();
}

absl::Status Shelf::Put(const BlobId& id, uint64_t size, Source source, int64_t now_ms) {
  DOORSTEP_ASSIGN_OR_RETURN(Transaction transaction,
                            Transaction::Begin(*db_, Transaction::Mode::kWrite));
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<BlobRow> before, Row(id));
  if (!before || !before->whole) {
    DOORSTEP_RETURN_IF_ERROR(RemoveRow(id));
    DOORSTEP_ASSIGN_OR_RETURN(BlobRow row, blobs_.Begin(id, size, key_, now_ms));
    Sha256 hash;
    while (true) {
      DOORSTEP_ASSIGN_OR_RETURN(const std::string piece, source());
      if (piece.empty() || piece.size() > row.size - row.here) break;
      hash.Add(piece);
      DOORSTEP_RETURN_IF_ERROR(blobs_.Append(&row, piece, key_, now_ms));
    }
    if (row.here != size || hash.Finish() != id.sha256) {
      return absl::AbortedError("the attachment changed while it was read: try again");
    }
    DOORSTEP_RETURN_IF_ERROR(blobs_.SetWhole(&row));
  }
  DOORSTEP_RETURN_IF_ERROR(
      Note(id, "UPDATE known SET put_ms = ?3 WHERE file = ?1 AND sha256 = ?2", now_ms));
  return transaction.Commit();
}

absl::Status Shelf::NoteWritten(const BlobId& id) {
  return Note(id, "UPDATE known SET put_ms = ?3 WHERE file = ?1 AND sha256 = ?2", 0);
}

absl::Status Shelf::SetAsked(const BlobId& id, bool asked) {
  return Note(id, "UPDATE known SET asked = ?3 WHERE file = ?1 AND sha256 = ?2", asked ? 1 : 0);
}

absl::Status Shelf::SetSent(const BlobId& id, uint64_t bytes) {
  return Note(id, "UPDATE known SET sent = ?3 WHERE file = ?1 AND sha256 = ?2",
              static_cast<int64_t>(bytes));
}

absl::Status Shelf::SetConfirmed(const BlobId& id, uint64_t epoch) {
  return Note(id, "UPDATE known SET confirmed_epoch = ?3 WHERE file = ?1 AND sha256 = ?2",
              static_cast<int64_t>(epoch));
}

absl::StatusOr<bool> Shelf::Fits(const BlobRow& row) {
  Sha256 hash;
  for (uint64_t at = 0; at < row.size;) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::string piece, blobs_.Read(row, at, kPieceBytes, key_));
    if (piece.empty()) return false;
    hash.Add(piece);
    at += piece.size();
  }
  return hash.Finish() == row.id.sha256;
}

absl::StatusOr<Shelved> Shelf::Receive(const BlobId& id, uint64_t size, absl::string_view data,
                                       int64_t now_ms) {
  bool fits = true;
  {
    DOORSTEP_ASSIGN_OR_RETURN(Transaction transaction,
                              Transaction::Begin(*db_, Transaction::Mode::kWrite));
    DOORSTEP_ASSIGN_OR_RETURN(std::optional<BlobRow> row, Row(id));
    if (!row || (!row->whole && row->size != size)) {
      DOORSTEP_RETURN_IF_ERROR(RemoveRow(id));
      DOORSTEP_ASSIGN_OR_RETURN(row, blobs_.Begin(id, size, key_, now_ms));
    }
    if (!row->whole) {
      DOORSTEP_RETURN_IF_ERROR(blobs_.Append(&*row, data, key_, now_ms));
      if (row->here == row->size) {
        const absl::StatusOr<bool> read = Fits(*row);
        if (!read.ok() && !absl::IsDataLoss(read.status())) return read.status();
        fits = read.ok() && *read;
        DOORSTEP_RETURN_IF_ERROR(fits ? blobs_.SetWhole(&*row) : blobs_.Remove(row->ref));
      }
    }
    DOORSTEP_RETURN_IF_ERROR(transaction.Commit());
  }
  if (!fits) return absl::DataLossError("attachment: its bytes do not fit its hash");
  return Find(id);
}

absl::StatusOr<std::string> Shelf::Read(const BlobId& id, uint64_t offset, size_t max) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<BlobRow> row, Row(id));
  if (!row) return std::string();
  return blobs_.Read(*row, offset, max, key_);
}

absl::StatusOr<bool> Shelf::IsBeingWritten(const BlobId& id, int64_t now_ms) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find, db_->Prepared("SELECT put_ms FROM known WHERE file = ?1 AND sha256 = ?2"));
  const ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found,
                            find->BindBlob(1, id.file.AsBytes()).BindBlob(2, id.sha256).Step());
  if (!found || find->Int(0) == 0) return false;
  // A clock that was set back makes nothing immortal.
  const int64_t age = now_ms - find->Int(0);
  return age >= -kUnwrittenAttachmentMs && age < kUnwrittenAttachmentMs;
}

absl::StatusOr<int> Shelf::Collect(absl::FunctionRef<absl::StatusOr<Question>()> look,
                                   int64_t now_ms) {
  int removed = 0;
  for (int64_t last = 0;;) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<BlobRow> rows,
                              blobs_.After(last, kCollectedAtOnce));
    if (rows.empty()) break;
    last = rows.back().ref;
    DOORSTEP_ASSIGN_OR_RETURN(Transaction transaction,
                              Transaction::Begin(*db_, Transaction::Mode::kWrite));
    DOORSTEP_ASSIGN_OR_RETURN(const Question stays, look());
    for (const BlobRow& row : rows) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool being_written, IsBeingWritten(row.id, now_ms));
      if (being_written) continue;
      DOORSTEP_ASSIGN_OR_RETURN(const bool is_to_stay, stays(row.id));
      if (is_to_stay) continue;
      DOORSTEP_RETURN_IF_ERROR(blobs_.Remove(row.ref));
      DOORSTEP_ASSIGN_OR_RETURN(Statement * forget,
                                db_->Prepared("DELETE FROM known WHERE file = ?1 AND sha256 = ?2"));
      DOORSTEP_RETURN_IF_ERROR(
          forget->BindBlob(1, row.id.file.AsBytes()).BindBlob(2, row.id.sha256).Run());
      ++removed;
    }
    DOORSTEP_RETURN_IF_ERROR(transaction.Commit());
  }
  if (removed > 0) DOORSTEP_RETURN_IF_ERROR(db_->CheckpointWal(/*truncate=*/true));
  return removed;
}

}  // namespace doorstep::client
