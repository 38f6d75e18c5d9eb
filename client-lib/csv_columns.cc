#include "client-lib/csv_columns.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "sync/base/status.h"

namespace doorstep::client {
namespace {

using nlohmann::json;

// What makes a spreadsheet take a cell for a formula.
constexpr absl::string_view kFormulaBegins = "=+-@\t\r";

// Whether a text, without the apostrophes at its beginning, is empty or would be a formula.
bool NeedsApostrophe(absl::string_view text) {
  const size_t begin = text.find_first_not_of('\'');
  return begin == absl::string_view::npos ||
         kFormulaBegins.find(text[begin]) != absl::string_view::npos;
}

std::string Escaped(absl::string_view text) {
  return absl::StrCat(NeedsApostrophe(text) ? "'" : "", text);
}

// What may be a formula, or empty and yet a value. (Bytes are base64.)
bool IsText(const ScalarSpec& scalar) {
  return scalar.type == ValueType::kString || scalar.type == ValueType::kBytes;
}

std::string CellOf(const ScalarSpec& scalar, const json& value) {
  if (!value.is_string()) return value.dump(-1, ' ', false, json::error_handler_t::replace);
  const auto& text = value.get_ref<const std::string&>();
  return IsText(scalar) ? Escaped(text) : text;
}

absl::StatusOr<json> ValueOf(const ScalarSpec& scalar, absl::string_view path,
                             absl::string_view cell) {
  if (IsText(scalar)) return json(FromTextCell(cell));
  if (scalar.type == ValueType::kBool) {
    // Spreadsheets write them in capitals.
    if (absl::EqualsIgnoreCase(cell, "true")) return json(true);
    if (absl::EqualsIgnoreCase(cell, "false")) return json(false);
    return InvalidField(path, cell, "true or false");
  }
  // Numbers and enum names are read from text where the field is one.
  return json(std::string(cell));
}

}  // namespace

std::vector<CsvColumn> CsvColumns(const KindSpec& kind) {
  std::vector<CsvColumn> columns;
  for (const absl::string_view name : {kKindColumn, kIdColumn, kFileColumn, kTierColumn}) {
    columns.push_back({std::string(name)});
  }
  for (const FieldSpec& field : kind.fields) {
    if (field.parts.empty() || field.is_set()) {
      columns.push_back({field.scalar.name, &field, &field.scalar});
      continue;
    }
    for (const ScalarSpec& part : field.parts) {
      columns.push_back(
          {absl::StrCat(field.scalar.name, ".", part.name), &field, &part, /*is_part=*/true});
    }
  }
  for (const absl::string_view name : {kHiddenColumn, kUndecidedColumn, kUnknownColumn}) {
    columns.push_back({std::string(name)});
  }
  return columns;
}

std::string ToCell(const CsvColumn& column, const json& record) {
  auto value = record.find(column.field->scalar.name);
  if (value == record.end()) return "";
  if (column.field->is_set()) return value->dump(-1, ' ', false, json::error_handler_t::replace);
  if (!column.is_part) return CellOf(*column.scalar, *value);
  const auto part = value->find(column.scalar->name);
  return part == value->end() ? "" : CellOf(*column.scalar, *part);
}

absl::Status FromCell(const KindSpec& kind, const CsvColumn& column, absl::string_view cell,
                      json* record) {
  if (cell.empty()) return absl::OkStatus();
  const std::string path = absl::StrCat(kind.name, ".", column.name);
  if (column.field->is_set()) {
    json list = json::parse(cell.begin(), cell.end(), nullptr, /*allow_exceptions=*/false);
    if (!list.is_array()) return InvalidField(path, cell, "a JSON array, as [\"A\",\"B\"]");
    (*record)[column.field->scalar.name] = std::move(list);
    return absl::OkStatus();
  }
  DOORSTEP_ASSIGN_OR_RETURN(json value, ValueOf(*column.scalar, path, cell));
  json& place = (*record)[column.field->scalar.name];
  (column.is_part ? place[column.scalar->name] : place) = std::move(value);
  return absl::OkStatus();
}

std::string ToTextCell(absl::string_view text) { return text.empty() ? "" : Escaped(text); }

std::string FromTextCell(absl::string_view cell) {
  const bool escaped = absl::StartsWith(cell, "'") && NeedsApostrophe(cell);
  return std::string(escaped ? cell.substr(1) : cell);
}

}  // namespace doorstep::client
