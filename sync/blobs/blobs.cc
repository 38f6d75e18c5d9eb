#include "sync/blobs/blobs.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sync/base/status.h"

namespace doorstep {

const absl::string_view kBlobTablesSql = R"sql(
-- An attachment, or as much of it as is here.
CREATE TABLE blob(
  ref INTEGER PRIMARY KEY,
  file BLOB NOT NULL,
  sha256 BLOB NOT NULL,
  size INTEGER NOT NULL,
  here INTEGER NOT NULL,              -- bytes, from the first on
  whole INTEGER NOT NULL DEFAULT 0,   -- 1: all are here, and fit the hash
  key_name BLOB NOT NULL,             -- which key its chunks have
  touched_ms INTEGER NOT NULL,        -- when the last bytes came
  UNIQUE(file, sha256)
) STRICT;

-- See the grammar in sync/blobs/chunk.h.
CREATE TABLE chunk(
  blob INTEGER NOT NULL,              -- blob.ref
  at INTEGER NOT NULL,                -- the place of its first byte
  body BLOB NOT NULL,
  PRIMARY KEY(blob, at)
) STRICT;
)sql";

namespace {

absl::StatusOr<BlobRow> ReadRow(const Statement& s) {
  BlobRow row;
  row.ref = s.Int(0);
  DOORSTEP_ASSIGN_OR_RETURN(row.id.file, Uuid::FromBytes(s.Blob(1)));
  row.id.sha256 = std::string(s.Blob(2));
  row.size = static_cast<uint64_t>(s.Int(3));
  row.here = static_cast<uint64_t>(s.Int(4));
  row.whole = s.Int(5) != 0;
  row.key_name = std::string(s.Blob(6));
  row.touched_ms = s.Int(7);
  return row;
}

}  // namespace

absl::StatusOr<std::optional<BlobRow>> Blobs::Find(const BlobId& id) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db_.Prepared("SELECT ref, file, sha256, size, here, whole, key_name, "
                                         "touched_ms FROM blob WHERE file = ?1 AND sha256 = ?2"));
  const ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found,
                            find->BindBlob(1, id.file.AsBytes()).BindBlob(2, id.sha256).Step());
  if (!found) return std::optional<BlobRow>();
  DOORSTEP_ASSIGN_OR_RETURN(BlobRow row, ReadRow(*find));
  return std::optional<BlobRow>(std::move(row));
}

absl::StatusOr<std::vector<BlobRow>> Blobs::After(int64_t ref, size_t limit) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      db_.Prepared("SELECT ref, file, sha256, size, here, whole, key_name, touched_ms FROM blob "
                   "WHERE ref > ?1 ORDER BY ref LIMIT ?2"));
  const ScopedReset done(list);
  list->BindInt(1, ref).BindInt(2, static_cast<int64_t>(limit));
  std::vector<BlobRow> rows;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return rows;
    DOORSTEP_ASSIGN_OR_RETURN(BlobRow row, ReadRow(*list));
    rows.push_back(std::move(row));
  }
}

absl::StatusOr<BlobRow> Blobs::Begin(const BlobId& id, uint64_t size, absl::string_view key,
                                     int64_t now_ms) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * insert,
      db_.Prepared("INSERT INTO blob(file, sha256, size, here, key_name, touched_ms) "
                   "VALUES(?1, ?2, ?3, 0, ?4, ?5)"));
  const std::string name = NameOfKey(key);
  insert->BindBlob(1, id.file.AsBytes()).BindBlob(2, id.sha256);
  insert->BindInt(3, static_cast<int64_t>(size)).BindBlob(4, name).BindInt(5, now_ms);
  DOORSTEP_RETURN_IF_ERROR(insert->Run());
  return BlobRow{db_.LastInsertRowid(), id, size, 0, false, name, now_ms};
}

absl::Status Blobs::Append(BlobRow* row, absl::string_view data, absl::string_view key,
                           int64_t now_ms) {
  if (data.size() > row->size - row->here) {
    return absl::InternalError("blob: more bytes than it has");
  }
  if (data.empty()) return absl::OkStatus();
  const auto at = static_cast<int64_t>(row->here);
  const std::string body = SealChunk(row->id, row->here, data, key, entropy_);
  DOORSTEP_ASSIGN_OR_RETURN(Statement * insert,
                            db_.Prepared("INSERT INTO chunk(blob, at, body) VALUES(?1, ?2, ?3)"));
  DOORSTEP_RETURN_IF_ERROR(insert->BindInt(1, row->ref).BindInt(2, at).BindBlob(3, body).Run());
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * update,
      db_.Prepared("UPDATE blob SET here = ?2, touched_ms = ?3 WHERE ref = ?1"));
  const auto here = at + static_cast<int64_t>(data.size());
  DOORSTEP_RETURN_IF_ERROR(update->BindInt(1, row->ref).BindInt(2, here).BindInt(3, now_ms).Run());
  row->here = static_cast<uint64_t>(here);
  row->touched_ms = now_ms;
  return absl::OkStatus();
}

absl::Status Blobs::SetWhole(BlobRow* row) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * update,
                            db_.Prepared("UPDATE blob SET whole = 1 WHERE ref = ?1"));
  DOORSTEP_RETURN_IF_ERROR(update->BindInt(1, row->ref).Run());
  row->whole = true;
  return absl::OkStatus();
}

absl::Status Blobs::Remove(int64_t ref) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * chunks, db_.Prepared("DELETE FROM chunk WHERE blob = ?1"));
  DOORSTEP_RETURN_IF_ERROR(chunks->BindInt(1, ref).Run());
  DOORSTEP_ASSIGN_OR_RETURN(Statement * blob, db_.Prepared("DELETE FROM blob WHERE ref = ?1"));
  return blob->BindInt(1, ref).Run();
}

absl::StatusOr<std::string> Blobs::Read(const BlobRow& row, uint64_t offset, size_t max,
                                        absl::string_view key) {
  std::string out;
  if (offset >= row.here || max == 0) return out;
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      db_.Prepared("SELECT at, body FROM chunk WHERE blob = ?1 AND at >= "
                   "(SELECT max(at) FROM chunk WHERE blob = ?1 AND at <= ?2) ORDER BY at"));
  const ScopedReset done(list);
  list->BindInt(1, row.ref).BindInt(2, static_cast<int64_t>(offset));
  uint64_t next = offset;
  while (out.size() < max && next < row.here) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return absl::DataLossError("chunk: one is missing");
    const auto at = static_cast<uint64_t>(list->Int(0));
    DOORSTEP_ASSIGN_OR_RETURN(const std::string data, OpenChunk(row.id, at, list->Blob(1), key));
    if (at > next || next - at >= data.size()) return absl::DataLossError("chunk: one is missing");
    const absl::string_view rest = absl::string_view(data).substr(next - at);
    absl::StrAppend(&out, rest.substr(0, max - out.size()));
    next = at + data.size();
  }
  return out;
}

}  // namespace doorstep
