// Replica contents as text: see include/doorstep/transfer.h.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client-lib/csv_columns.h"
#include "client-lib/names.h"
#include "client-lib/replica_impl.h"
#include "client-lib/text_rows.h"
#include "client-lib/value_json.h"
#include "doorstep/json.h"
#include "doorstep/replica.h"
#include "doorstep/transfer.h"
#include "nlohmann/json.hpp"
#include "sync/base/status.h"
#include "sync/change/record_json.h"
#include "sync/merge/marks.h"
#include "sync/merge/record.h"

namespace doorstep {
namespace {

using client::Store;
using nlohmann::json;

// Ids read in one go while records are visited.
constexpr int kChunk = 500;

std::string Text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

class Exporter {
 public:
  Exporter(Store& store, const ExportOptions& options,
           absl::FunctionRef<absl::Status(absl::string_view)> sink)
      : store_(store), options_(options), sink_(sink) {}

  absl::StatusOr<ExportResult> Run();

 private:
  absl::StatusOr<std::vector<uint32_t>> KindsHeld();
  absl::Status ExportKind(uint32_t number);
  absl::Status Write(const RecordState& state);
  absl::StatusOr<json> Undecided(const RecordState& state, const KindSpec* kind);
  absl::StatusOr<std::string> RecordJson(const RecordState& state, const KindSpec* kind);
  std::string JsonLine(const RecordState& state, const std::string& hidden, const json& undecided,
                       const std::string& record) const;
  std::string CsvRow(const RecordState& state, const std::string& hidden, const json& undecided,
                     const std::string& record) const;

  Store& store_;
  const ExportOptions& options_;
  absl::FunctionRef<absl::Status(absl::string_view)> sink_;
  std::vector<client::CsvColumn> columns_;
  ExportResult result_;
};

absl::StatusOr<std::vector<uint32_t>> Exporter::KindsHeld() {
  std::vector<uint32_t> kinds;
  if (!options_.kind.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(const KindSpec* kind,
                              client::FindKind(store_.schema(), options_.kind));
    kinds.push_back(kind->number);
    return kinds;
  }
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Statement> list,
                            store_.db().Prepare("SELECT DISTINCT kind FROM _record ORDER BY kind"));
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return kinds;
    kinds.push_back(static_cast<uint32_t>(list->Int(0)));
  }
}

absl::Status Exporter::ExportKind(uint32_t number) {
  Uuid after;
  while (true) {
    std::vector<Uuid> chunk;
    {
      DOORSTEP_ASSIGN_OR_RETURN(
          Statement * ids,
          store_.db().Prepared("SELECT id FROM _record WHERE kind = ?1 AND id > ?2 "
                               "ORDER BY id LIMIT ?3"));
      ScopedReset done(ids);
      ids->BindInt(1, number).BindBlob(2, after.AsBytes()).BindInt(3, kChunk);
      while (true) {
        DOORSTEP_ASSIGN_OR_RETURN(const bool more, ids->Step());
        if (!more) break;
        DOORSTEP_ASSIGN_OR_RETURN(const Uuid id, Uuid::FromBytes(ids->Blob(0)));
        chunk.push_back(id);
      }
    }
    if (chunk.empty()) return absl::OkStatus();
    after = chunk.back();
    for (const Uuid& id : chunk) {
      DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> state, store_.tables().Load(id));
      if (state.has_value()) DOORSTEP_RETURN_IF_ERROR(Write(*state));
    }
  }
}

// The fields of which a person must decide something, with all versions, so that none is left out.
absl::StatusOr<json> Exporter::Undecided(const RecordState& state, const KindSpec* kind) {
  std::vector<uint32_t> fields;
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * open,
      store_.db().Prepared("SELECT field FROM _conflict WHERE record = ?1 ORDER BY field"));
  ScopedReset done(open);
  open->BindBlob(1, state.id.AsBytes());
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, open->Step());
    if (!more) break;
    fields.push_back(static_cast<uint32_t>(open->Int(0)));
  }
  json list = json::array();
  for (const uint32_t number : fields) {
    const FieldSpec* field = kind == nullptr ? nullptr : kind->FindWithMarks(number);
    if (field == nullptr) continue;
    json versions = json::array();
    if (const FieldState* held = state.Find(number); held != nullptr) {
      for (const Head& head : held->heads) {
        DOORSTEP_ASSIGN_OR_RETURN(const Version version,
                                  client::VersionOf(store_.schema(), *kind, *field, head));
        versions.push_back(ToJson(version));
      }
    }
    list.push_back({{"field", field->scalar.name}, {"versions", std::move(versions)}});
  }
  return list;
}

absl::StatusOr<std::string> Exporter::RecordJson(const RecordState& state, const KindSpec* kind) {
  if (kind != nullptr) {
    return ValuesToJson(store_.schema(), *kind, EffectiveMessage(*kind, state), /*pretty=*/false);
  }
  // A newer program's: its bytes, for one that can read them.
  std::string bytes;
  for (const FieldState& field : state.fields) {
    if (MarkField(field.field) != nullptr) continue;
    for (const Head& head : field.heads) bytes += head.value;
  }
  return absl::StrCat("{\"_unknown\":\"", absl::Base64Escape(bytes), "\"}");
}

// Written piece by piece, so that the fields stay in the order of the kind.
std::string Exporter::JsonLine(const RecordState& state, const std::string& hidden,
                               const json& undecided, const std::string& record) const {
  std::string line =
      absl::StrCat("{\"kind\":\"", store_.KindName(state.kind), "\",\"id\":\"", state.id.ToString(),
                   "\",\"file\":\"", state.compartment.file.ToString(), "\",\"tier\":\"",
                   client::TierName(state.compartment.tier), "\"");
  if (!hidden.empty()) absl::StrAppend(&line, ",\"hidden\":", Text(hidden));
  if (!undecided.empty()) absl::StrAppend(&line, ",\"undecided\":", Text(undecided));
  absl::StrAppend(&line, ",\"record\":", record, "}\n");
  return line;
}

std::string Exporter::CsvRow(const RecordState& state, const std::string& hidden,
                             const json& undecided, const std::string& record) const {
  const json values = Parsed(record);
  std::string row;
  for (const client::CsvColumn& column : columns_) {
    if (!row.empty()) row.push_back(',');
    std::string cell;
    if (column.field != nullptr) {
      cell = client::ToCell(column, values);
    } else if (column.name == client::kKindColumn) {
      cell = store_.KindName(state.kind);
    } else if (column.name == client::kIdColumn) {
      cell = state.id.ToString();
    } else if (column.name == client::kFileColumn) {
      cell = state.compartment.file.ToString();
    } else if (column.name == client::kTierColumn) {
      cell = client::TierName(state.compartment.tier);
    } else if (column.name == client::kHiddenColumn) {
      cell = client::ToTextCell(hidden);
    } else if (column.name == client::kUndecidedColumn) {
      if (!undecided.empty()) cell = Text(undecided);
    } else if (column.name == client::kUnknownColumn) {
      cell = values.value(std::string(client::kUnknownColumn), "");
    }
    client::AppendCsvCell(cell, &row);
  }
  return row + "\r\n";
}

absl::Status Exporter::Write(const RecordState& state) {
  const KindSpec* kind = store_.schema().Find(state.kind);
  DOORSTEP_ASSIGN_OR_RETURN(const std::string record, RecordJson(state, kind));
  DOORSTEP_ASSIGN_OR_RETURN(const json undecided, Undecided(state, kind));
  const std::string hidden = HiddenBecause(state).value_or("");
  ++result_.records;
  if (!undecided.empty()) ++result_.undecided;
  return sink_(options_.format == TransferFormat::kCsv
                   ? CsvRow(state, hidden, undecided, record)
                   : JsonLine(state, hidden, undecided, record));
}

absl::StatusOr<ExportResult> Exporter::Run() {
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<uint32_t> kinds, KindsHeld());
  if (options_.format == TransferFormat::kCsv) {
    columns_ = client::CsvColumns(*store_.schema().Find(kinds.front()));
    std::string header;
    for (const client::CsvColumn& column : columns_) {
      if (!header.empty()) header.push_back(',');
      client::AppendCsvCell(column.name, &header);
    }
    DOORSTEP_RETURN_IF_ERROR(sink_(header + "\r\n"));
  }
  for (const uint32_t kind : kinds) DOORSTEP_RETURN_IF_ERROR(ExportKind(kind));
  return result_;
}

}  // namespace

absl::StatusOr<ExportResult> Export(Replica& replica, const ExportOptions& options,
                                    absl::FunctionRef<absl::Status(absl::string_view)> sink) {
  if (options.format == TransferFormat::kCsv && options.kind.empty()) {
    return absl::InvalidArgumentError("kind: got none, wanted one: a CSV file holds one kind");
  }
  Store& store = *replica.inside().store;
  DOORSTEP_ASSIGN_OR_RETURN(const client::Read read, client::Read::Begin(store));
  return Exporter(store, options, sink).Run();
}

}  // namespace doorstep
