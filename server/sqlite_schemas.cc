#include "server/sqlite_schemas.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "server/epoch.h"
#include "sync/base/status.h"
#include "sync/tables/record_tables.h"

namespace doorstep::server {
namespace {

constexpr char kProgram[] = "doorstep-server/0.1.0";

std::string RandomBytes(Entropy& entropy, size_t size) {
  std::string bytes(size, '\0');
  entropy.Fill(absl::MakeSpan(reinterpret_cast<uint8_t*>(bytes.data()), size));
  return bytes;
}

// The row of _server and the tenant's own key.
absl::Status FillNew(Database& db, Entropy& entropy) {
  const std::string zeros(32, '\0');
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * insert,
      db.Prepared("INSERT INTO _server(one, head, schema_hash, history_sequence, "
                  "history_chain) VALUES(1, 0, x'', 0, ?1)"));
  DOORSTEP_RETURN_IF_ERROR(insert->BindBlob(1, zeros).Run());
  DOORSTEP_ASSIGN_OR_RETURN(insert,
                            db.Prepared("INSERT INTO _epoch(epoch, from_sequence) VALUES(?1, 0)"));
  DOORSTEP_RETURN_IF_ERROR(insert->BindInt(1, static_cast<int64_t>(NewEpoch(entropy))).Run());
  const std::string key = RandomBytes(entropy, 32);
  DOORSTEP_ASSIGN_OR_RETURN(insert, db.Prepared("INSERT INTO _file_key(file, key) VALUES(?1, ?2)"));
  const Uuid nil;
  return insert->BindBlob(1, nil.AsBytes()).BindBlob(2, key).Run();
}

// The last in _schema, read only when it is not `own`; null when there is none (yet).
absl::StatusOr<std::shared_ptr<const Schema>> KeptSchema(Database& db,
                                                         const std::shared_ptr<const Schema>& own) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * last,
      db.Prepared("SELECT hash, descriptor_set FROM _schema ORDER BY number DESC LIMIT 1"));
  ScopedReset done(last);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, last->Step());
  if (!found) return std::shared_ptr<const Schema>();
  if (last->Blob(0) == own->hash()) return own;
  absl::StatusOr<std::shared_ptr<const Schema>> kept = Schema::FromDescriptorSet(last->Blob(1));
  if (kept.ok()) return kept;
  return absl::FailedPreconditionError(
      absl::StrCat("the schema of this tenant was pushed with a newer program (",
                   kept.status().message(), "): run that program, or a later one"));
}

// Brings the tables to it, and notes it. In a transaction.
absl::Status TakeOver(Database& db, const std::shared_ptr<const Schema>& schema,
                      const SchemaRow& row) {
  RecordTables tables(&db, schema);
  DOORSTEP_RETURN_IF_ERROR(tables.Create());
  DOORSTEP_ASSIGN_OR_RETURN(Statement * update, db.Prepared("UPDATE _server SET schema_hash = ?1"));
  DOORSTEP_RETURN_IF_ERROR(update->BindBlob(1, schema->hash()).Run());
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * insert,
      db.Prepared("INSERT INTO _schema(hash, descriptor_set, sequence, since_ms, by, served_ms) "
                  "VALUES(?1, ?2, ?3, ?4, ?5, 0)"));
  insert->BindBlob(1, schema->hash()).BindBlob(2, schema->descriptor_set());
  insert->BindInt(3, static_cast<int64_t>(row.sequence)).BindInt(4, row.since_ms);
  return insert->BindText(5, row.by).Run();
}

}  // namespace

absl::StatusOr<std::vector<SchemaRow>> ReadSchemas(Database& db) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      db.Prepared(
          "SELECT number, hash, sequence, since_ms, by, served_ms FROM _schema ORDER BY number"));
  ScopedReset done(list);
  std::vector<SchemaRow> rows;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return rows;
    rows.push_back({list->Int(0), std::string(list->Blob(1)), static_cast<uint64_t>(list->Int(2)),
                    list->Int(3), std::string(list->Text(4)), list->Int(5)});
  }
}

absl::StatusOr<SchemaPush> PushSchema(Database& db, const std::shared_ptr<const Schema>& schema,
                                      absl::string_view by, int64_t now_ms) {
  DOORSTEP_ASSIGN_OR_RETURN(Transaction transaction,
                            Transaction::Begin(db, Transaction::Mode::kWrite));
  DOORSTEP_ASSIGN_OR_RETURN(const std::shared_ptr<const Schema> kept, KeptSchema(db, schema));
  if (kept == nullptr) return absl::InternalError("_schema: no row, wanted the one in use");
  SchemaPush push;
  push.changes = CompareSchemas(*kept, *schema);
  const bool breaks = std::any_of(push.changes.begin(), push.changes.end(),
                                  [](const SchemaChange& change) { return change.Breaks(); });
  if (breaks || kept->hash() == schema->hash()) return push;
  DOORSTEP_RETURN_IF_ERROR(db.Exec("UPDATE _server SET head = head + 1"));
  SchemaRow row;
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t head, db.QueryInt("SELECT head FROM _server"));
  row.sequence = static_cast<uint64_t>(head);
  row.since_ms = now_ms;
  row.by = std::string(by);
  DOORSTEP_RETURN_IF_ERROR(TakeOver(db, schema, row));
  DOORSTEP_RETURN_IF_ERROR(transaction.Commit());
  push.done = true;
  return push;
}

namespace internal {

absl::StatusOr<bool> IsInUse(Database& db, absl::string_view hash) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find, db.Prepared("SELECT schema_hash FROM _server"));
  ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  return found && find->Blob(0) == hash;
}

absl::StatusOr<std::shared_ptr<const Schema>> PrepareSchema(
    Database& db, const std::shared_ptr<const Schema>& own, Entropy& entropy, int64_t now_ms) {
  // A database that an earlier release left has no row in _schema.
  const auto current = [&]() -> absl::StatusOr<std::shared_ptr<const Schema>> {
    DOORSTEP_ASSIGN_OR_RETURN(const std::shared_ptr<const Schema> kept, KeptSchema(db, own));
    if (kept == nullptr || SchemaInUse(own, kept)->hash() != kept->hash()) return nullptr;
    DOORSTEP_ASSIGN_OR_RETURN(const bool in_use, IsInUse(db, kept->hash()));
    return in_use ? kept : nullptr;
  };
  DOORSTEP_ASSIGN_OR_RETURN(std::shared_ptr<const Schema> schema, current());
  if (schema != nullptr) return schema;
  DOORSTEP_ASSIGN_OR_RETURN(Transaction transaction,
                            Transaction::Begin(db, Transaction::Mode::kWrite));
  DOORSTEP_ASSIGN_OR_RETURN(schema, current());  // another process may have been quicker
  if (schema != nullptr) return schema;
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t rows, db.QueryInt("SELECT count(*) FROM _server"));
  if (rows == 0) DOORSTEP_RETURN_IF_ERROR(FillNew(db, entropy));
  DOORSTEP_ASSIGN_OR_RETURN(const std::shared_ptr<const Schema> kept, KeptSchema(db, own));
  schema = SchemaInUse(own, kept);
  SchemaRow row;
  row.since_ms = now_ms;
  row.by = kProgram;
  DOORSTEP_RETURN_IF_ERROR(TakeOver(db, schema, row));
  DOORSTEP_RETURN_IF_ERROR(transaction.Commit());
  return schema;
}

absl::Status NoteServed(Database& db, int64_t now_ms) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * note,
      db.Prepared("UPDATE _schema SET served_ms = ?1 WHERE served_ms = 0 AND number = "
                  "(SELECT max(number) FROM _schema)"));
  return note->BindInt(1, now_ms).Run();
}

}  // namespace internal
}  // namespace doorstep::server
