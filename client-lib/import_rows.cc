#include "client-lib/import_rows.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "client-lib/csv_columns.h"
#include "client-lib/names.h"
#include "nlohmann/json.hpp"
#include "sync/base/status.h"
#include "sync/base/utf8.h"

namespace doorstep::client {
namespace {

using nlohmann::json;

// Of what an import's line holds: a list in a part of a record, and the versions of a field.
constexpr int kMaxDepth = 8;

absl::Status NotUtf8(absl::string_view path) {
  return absl::InvalidArgumentError(
      absl::StrCat(path,
                   "got bytes that are not UTF-8, wanted UTF-8 (where a spreadsheet asks: "
                   "\"CSV UTF-8\")"));
}

// As a JSON value in which no key of an object stands twice, in whatever depth.
absl::StatusOr<json> ParseStrictly(const std::string& text) {
  if (!IsValidUtf8(text)) return NotUtf8("");
  std::vector<std::set<std::string>> open;  // the keys of each object that is being read
  std::string problem;
  const auto watch = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > kMaxDepth && problem.empty()) problem = "got deep nesting, wanted a record";
    if (event == json::parse_event_t::object_start) open.emplace_back();
    if (event == json::parse_event_t::object_end) open.pop_back();
    if (event == json::parse_event_t::key && problem.empty()) {
      const auto& key = value.get_ref<const std::string&>();
      if (!open.back().insert(key).second) {
        problem = absl::StrCat(Quoted(key), ": stands twice, wanted each key once");
      }
    }
    return problem.empty();
  };
  json parsed = json::parse(text, watch, /*allow_exceptions=*/false);
  if (!problem.empty()) return absl::InvalidArgumentError(problem);
  return parsed;
}

class JsonRows : public ImportRows {
 public:
  explicit JsonRows(ByteSource source) : lines_(source) {}

  absl::StatusOr<bool> Next(ImportRow* row) override;
  uint64_t line() const override { return lines_.line_number(); }
  const absl::Status& source_status() const override { return lines_.status(); }

 private:
  LineReader lines_;
};

absl::StatusOr<bool> JsonRows::Next(ImportRow* row) {
  std::string line;
  switch (lines_.Next(&line)) {
    case RowState::kEnd:
      return false;
    case RowState::kBad:
      return absl::InvalidArgumentError(lines_.problem());
    case RowState::kRow:
      break;
  }
  DOORSTEP_ASSIGN_OR_RETURN(const json parsed, ParseStrictly(line));
  if (!parsed.is_object() || !parsed.contains("kind") || !parsed.contains("record")) {
    return InvalidField("line", line,
                        "one JSON object: {\"kind\":\"Person\",\"record\":{…}} with optional "
                        "\"id\", \"file\", \"tier\" and \"hidden\"");
  }
  *row = ImportRow();
  for (const auto& [key, value] : parsed.items()) {
    if (key == "record") {
      if (!value.is_object()) return InvalidField(key, value.type_name(), "an object of fields");
      row->json = value.dump();
      continue;
    }
    if (key == "undecided") {
      row->undecided = true;
      continue;
    }
    std::string* const text = key == "kind"     ? &row->kind
                              : key == "id"     ? &row->id
                              : key == "file"   ? &row->file
                              : key == "tier"   ? &row->tier
                              : key == "hidden" ? &row->hidden
                                                : nullptr;
    if (text == nullptr) {
      return InvalidField("key", key, "kind, id, file, tier, hidden, undecided or record");
    }
    if (!value.is_string()) return InvalidField(key, value.type_name(), "text");
    *text = value.get<std::string>();
  }
  return true;
}

class CsvRows : public ImportRows {
 public:
  CsvRows(const Schema& schema, std::string kind, ByteSource source)
      : schema_(schema), kind_name_(std::move(kind)), rows_(source) {}

  absl::StatusOr<bool> Next(ImportRow* row) override;
  uint64_t line() const override { return rows_.line_number(); }
  const absl::Status& source_status() const override { return rows_.status(); }

 private:
  absl::Status ReadHeader();
  absl::Status FindColumns();
  absl::Status Fill(const std::vector<std::string>& cells, ImportRow* row);

  const Schema& schema_;
  std::string kind_name_;  // empty: of the first row
  CsvReader rows_;
  std::vector<std::string> header_;
  bool over_ = false;  // the header makes no sense of any row
  const KindSpec* kind_ = nullptr;
  std::vector<CsvColumn> columns_;  // as the header names them
};

absl::Status CsvRows::ReadHeader() {
  const RowState state = rows_.Next(&header_);
  if (state == RowState::kEnd) return absl::OkStatus();
  if (state == RowState::kBad) return absl::InvalidArgumentError(rows_.problem());
  std::set<absl::string_view> seen;
  for (std::string& name : header_) {
    name = std::string(absl::StripAsciiWhitespace(name));
    if (!IsValidUtf8(name)) return NotUtf8("first row: ");
    if (!seen.insert(name).second) {
      return InvalidField("first row", name, "each column once");
    }
  }
  if (kind_name_.empty() && !seen.contains(kKindColumn)) {
    return InvalidField("first row", absl::StrJoin(header_, ","),
                        "names of columns, with _kind (or the kind named with --kind)");
  }
  return absl::OkStatus();
}

absl::Status CsvRows::FindColumns() {
  DOORSTEP_ASSIGN_OR_RETURN(kind_, FindImportedKind(schema_, kind_name_));
  const std::vector<CsvColumn> known = CsvColumns(*kind_);
  for (const std::string& name : header_) {
    const auto it = std::find_if(known.begin(), known.end(),
                                 [&](const CsvColumn& column) { return column.name == name; });
    if (it == known.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(kind_->name, ".", Quoted(name), ": got no such column, wanted ",
                       absl::StrJoin(known, ", ", [](std::string* out, const CsvColumn& column) {
                         absl::StrAppend(out, column.name);
                       })));
    }
    columns_.push_back(*it);
  }
  return absl::OkStatus();
}

absl::Status CsvRows::Fill(const std::vector<std::string>& cells, ImportRow* row) {
  if (cells.size() != columns_.size()) {
    return InvalidField("row", absl::StrCat(cells.size(), " cells"),
                        absl::StrCat(columns_.size(), ", as the first row has"));
  }
  *row = ImportRow();
  row->kind = kind_name_;
  json record = json::object();
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string& cell = cells[i];
    const CsvColumn& column = columns_[i];
    if (!IsValidUtf8(cell)) return NotUtf8(absl::StrCat(kind_->name, ".", column.name, ": "));
    if (column.field != nullptr) {
      DOORSTEP_RETURN_IF_ERROR(FromCell(*kind_, column, cell, &record));
    } else if (column.name == kKindColumn) {
      if (cell != kind_name_) {
        return InvalidField("_kind", cell, absl::StrCat(kind_name_, " in the whole file"));
      }
    } else if (column.name == kIdColumn) {
      row->id = cell;
    } else if (column.name == kFileColumn) {
      row->file = cell;
    } else if (column.name == kTierColumn) {
      row->tier = cell;
    } else if (column.name == kHiddenColumn) {
      row->hidden = FromTextCell(cell);
    } else if (column.name == kUndecidedColumn) {
      row->undecided = !cell.empty();
    } else if (column.name == kUnknownColumn && !cell.empty()) {
      record[std::string(kUnknownColumn)] = cell;
    }
  }
  row->json = record.dump();
  return absl::OkStatus();
}

absl::StatusOr<bool> CsvRows::Next(ImportRow* row) {
  if (over_) return false;
  if (header_.empty()) {
    const absl::Status read = ReadHeader();
    over_ = !read.ok() || header_.empty();
    if (!read.ok()) return read;
    if (over_) return false;
  }
  std::vector<std::string> cells;
  switch (rows_.Next(&cells)) {
    case RowState::kEnd:
      return false;
    case RowState::kBad:
      return absl::InvalidArgumentError(rows_.problem());
    case RowState::kRow:
      break;
  }
  if (kind_ == nullptr) {
    if (kind_name_.empty()) {
      const auto at = std::find(header_.begin(), header_.end(), kKindColumn);
      const auto place = static_cast<size_t>(at - header_.begin());
      if (place < cells.size()) kind_name_ = cells[place];
    }
    if (const absl::Status found = FindColumns(); !found.ok()) {
      over_ = true;
      return found;
    }
  }
  DOORSTEP_RETURN_IF_ERROR(Fill(cells, row));
  return true;
}

}  // namespace

absl::StatusOr<const KindSpec*> FindImportedKind(const Schema& schema, absl::string_view name) {
  absl::string_view number = name;
  uint32_t value = 0;
  if (absl::ConsumePrefix(&number, "kind ") && absl::SimpleAtoi(number, &value)) {
    if (const KindSpec* kind = schema.Find(value); kind != nullptr) return kind;
    return absl::NotFoundError(absl::StrCat(
        "kind: got ", Quoted(name), ", which this program does not know: a newer one can take it"));
  }
  return FindKind(schema, name);
}

std::unique_ptr<ImportRows> MakeImportRows(const Schema& schema, const ImportOptions& options,
                                           ByteSource source) {
  if (options.format == TransferFormat::kCsv) {
    return std::make_unique<CsvRows>(schema, options.kind, source);
  }
  return std::make_unique<JsonRows>(source);
}

}  // namespace doorstep::client
