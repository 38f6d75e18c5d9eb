// Reading by SQL: what people typed runs on a connection that can do nothing else.
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client-lib/names.h"
#include "client-lib/open.h"
#include "client-lib/replica_impl.h"
#include "doorstep/replica.h"
#include "nlohmann/json.hpp"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/tables/ddl.h"

namespace doorstep {
namespace {

// Ids read in one go while records are visited.
constexpr int kListChunk = 500;

std::string Text(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string CellAsJson(const Statement& row, int column) {
  switch (row.Type(column)) {
    case ColumnType::kNull:
      return "null";
    case ColumnType::kInt:
      return absl::StrCat(row.Int(column));
    case ColumnType::kDouble:
      return std::isfinite(row.Double(column)) ? Text(row.Double(column)) : "null";
    case ColumnType::kText:
      return Text(std::string(row.Text(column)));
    case ColumnType::kBlob:
      return Text(ToHex(row.Blob(column)));
  }
  return "null";
}

}  // namespace

absl::StatusOr<Database*> Replica::Impl::Reader() {
  if (reader == nullptr) {
    DatabaseOptions database;
    database.read_only = true;
    database.vfs = options.environment.vfs;
    database.key = std::string(store->access().key.view());
    absl::StatusOr<std::unique_ptr<Database>> found =
        Database::Open(client::DatabasePath(directory), database);
    client::Wipe(&database.key);
    DOORSTEP_RETURN_IF_ERROR(found.status());
    std::unique_ptr<Database> opened = *std::move(found);
    DOORSTEP_RETURN_IF_ERROR(opened->RestrictToReading(kMaxTypedSqlSteps));
    reader = std::move(opened);
  }
  return reader.get();
}

absl::Status Replica::Query(absl::string_view sql,
                            absl::FunctionRef<absl::Status(const std::vector<std::string>& columns,
                                                           const std::vector<std::string>& cells)>
                                row) {
  if (sql.size() > kMaxTypedSqlBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("sql: got ", sql.size(), " bytes, wanted at most ", kMaxTypedSqlBytes));
  }
  DOORSTEP_ASSIGN_OR_RETURN(Database * reader, impl_->Reader());
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Statement> statement, reader->Prepare(sql));
  std::vector<std::string> columns;
  columns.reserve(static_cast<size_t>(statement->ColumnCount()));
  for (int i = 0; i < statement->ColumnCount(); ++i) {
    columns.emplace_back(statement->ColumnName(i));
  }
  std::vector<std::string> cells(columns.size());
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, statement->Step());
    if (!more) return absl::OkStatus();
    for (size_t i = 0; i < cells.size(); ++i) {
      cells[i] = CellAsJson(*statement, static_cast<int>(i));
    }
    DOORSTEP_RETURN_IF_ERROR(row(columns, cells));
  }
}

absl::Status Replica::List(absl::string_view kind_name, absl::string_view where,
                           absl::FunctionRef<absl::Status(const OpenRecord&)> visit) {
  DOORSTEP_ASSIGN_OR_RETURN(const KindSpec* kind,
                            client::FindKind(impl_->store->schema(), kind_name));
  const auto show = [&](absl::string_view id) -> absl::Status {
    absl::StatusOr<OpenRecord> record = Get(id);
    // It went while the list was read.
    if (absl::IsNotFound(record.status())) return absl::OkStatus();
    if (!record.ok()) return record.status();
    return visit(*record);
  };
  if (!where.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(Database * reader, impl_->Reader());
    // On lines of its own, so that a comment in it ends there.
    DOORSTEP_ASSIGN_OR_RETURN(
        std::unique_ptr<Statement> ids,
        reader->Prepare(absl::StrCat("SELECT id FROM ", QuoteIdentifier(kind->table), " WHERE (\n",
                                     where, "\n) ORDER BY id")));
    while (true) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool more, ids->Step());
      if (!more) return absl::OkStatus();
      DOORSTEP_RETURN_IF_ERROR(show(ids->Text(0)));
    }
  }
  Uuid after;
  while (true) {
    std::vector<Uuid> chunk;
    {
      DOORSTEP_ASSIGN_OR_RETURN(
          std::unique_ptr<Statement> ids,
          impl_->store->db().Prepare(
              absl::StrCat("SELECT id FROM _record WHERE kind = ?1 AND id > ?2 ORDER BY id LIMIT ",
                           kListChunk)));
      ids->BindInt(1, kind->number).BindBlob(2, after.AsBytes());
      while (true) {
        DOORSTEP_ASSIGN_OR_RETURN(const bool more, ids->Step());
        if (!more) break;
        DOORSTEP_ASSIGN_OR_RETURN(const Uuid id, Uuid::FromBytes(ids->Blob(0)));
        chunk.push_back(id);
      }
    }
    if (chunk.empty()) return absl::OkStatus();
    after = chunk.back();
    for (const Uuid& id : chunk) DOORSTEP_RETURN_IF_ERROR(show(id.ToString()));
  }
}

}  // namespace doorstep
