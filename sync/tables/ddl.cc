#include "sync/tables/ddl.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "google/protobuf/descriptor.h"

namespace doorstep {
namespace {

absl::string_view SqlType(ValueType type) {
  switch (type) {
    case ValueType::kInt:
    case ValueType::kBool:
    case ValueType::kEnum:
      return "INTEGER";
    case ValueType::kDouble:
      return "REAL";
    case ValueType::kString:
      return "TEXT";
    case ValueType::kBytes:
    case ValueType::kAtomic:
      return "BLOB";
  }
  return "BLOB";
}

std::string TextLiteral(absl::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "''"}}), "'");
}

// A number of an enum as its name; one that this schema does not know stays a number, as text.
std::string EnumNameSql(const google::protobuf::EnumDescriptor* type, absl::string_view operand) {
  std::string sql = absl::StrCat("CASE ", operand);
  for (int i = 0; i < type->value_count(); ++i) {
    absl::StrAppend(&sql, " WHEN ", type->value(i)->number(), " THEN ",
                    TextLiteral(type->value(i)->name()));
  }
  return absl::StrCat(sql, " ELSE CAST(", operand, " AS TEXT) END");
}

std::string UuidTextSql(absl::string_view column) {
  const std::string hex = absl::StrCat("lower(hex(", column, "))");
  return absl::StrCat("substr(", hex, ",1,8)||'-'||substr(", hex, ",9,4)||'-'||substr(", hex,
                      ",13,4)||'-'||substr(", hex, ",17,4)||'-'||substr(", hex, ",21)");
}

std::string ViewColumnSql(const FieldSpec& field, const ScalarSpec& scalar) {
  std::string column = absl::StrCat("k.", QuoteIdentifier(scalar.column));
  if (scalar.type != ValueType::kEnum) return column;
  const std::string as = absl::StrCat(" AS ", QuoteIdentifier(scalar.column));
  if (!field.is_set()) return absl::StrCat(EnumNameSql(scalar.enum_type, column), as);
  return absl::StrCat("CASE WHEN ", column, " IS NULL THEN NULL ELSE (SELECT json_group_array(",
                      EnumNameSql(scalar.enum_type, "j.value"), ") FROM json_each(", column,
                      ") AS j) END", as);
}

}  // namespace

std::string QuoteIdentifier(absl::string_view name) {
  return absl::StrCat("\"", absl::StrReplaceAll(name, {{"\"", "\"\""}}), "\"");
}

absl::string_view SharedTablesSql() {
  return R"sql(
-- Ids that recur stand once and are named by number; rows are only ever added.
CREATE TABLE IF NOT EXISTS _incarnation(
  ref INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE
) STRICT;
CREATE TABLE IF NOT EXISTS _author(
  ref INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;
-- (file, tier), with the digest over its records' server state.
CREATE TABLE IF NOT EXISTS _compartment(
  ref INTEGER PRIMARY KEY,
  file BLOB NOT NULL,
  tier INTEGER NOT NULL,
  digest BLOB NOT NULL,
  records INTEGER NOT NULL,
  UNIQUE(file, tier)
) STRICT;
-- Where each record is: an id belongs to one record, whatever its kind.
CREATE TABLE IF NOT EXISTS _record(
  id BLOB PRIMARY KEY,
  kind INTEGER NOT NULL,
  row INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Records of kinds that this schema does not know: kept and passed on whole.
CREATE TABLE IF NOT EXISTS _unknown_record(
  _row INTEGER PRIMARY KEY,
  id BLOB NOT NULL,
  kind INTEGER NOT NULL,
  _compartment INTEGER NOT NULL,
  state BLOB NOT NULL
) STRICT;
-- Fields over which a conflict case is open: an index over what the rows' heads say.
CREATE TABLE IF NOT EXISTS _conflict(
  record BLOB NOT NULL,
  field INTEGER NOT NULL,
  case_id BLOB NOT NULL,
  PRIMARY KEY(record, field)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS _conflict_case ON _conflict(case_id);
)sql";
}

std::vector<Column> ColumnsOf(const FieldSpec& field) {
  if (field.is_set()) return {{field.scalar.column, "TEXT"}};
  if (field.parts.empty()) return {{field.scalar.column, SqlType(field.scalar.type)}};
  std::vector<Column> columns;
  for (const ScalarSpec& part : field.parts) columns.push_back({part.column, SqlType(part.type)});
  return columns;
}

std::vector<Column> ColumnsOf(const KindSpec& kind) {
  std::vector<Column> columns;
  for (const FieldSpec& field : kind.fields) {
    for (Column& column : ColumnsOf(field)) columns.push_back(std::move(column));
  }
  return columns;
}

std::string KindTableSql(const KindSpec& kind) {
  const std::string table = absl::StrCat("k_", kind.table);
  std::string sql = absl::StrCat("CREATE TABLE IF NOT EXISTS ", QuoteIdentifier(table),
                                 "(\n  _row INTEGER PRIMARY KEY,\n  id BLOB NOT NULL,\n"
                                 "  _compartment INTEGER NOT NULL,\n  _meta BLOB NOT NULL,\n"
                                 "  _unknown BLOB,\n  _hidden TEXT");
  for (const Column& column : ColumnsOf(kind)) {
    absl::StrAppend(&sql, ",\n  ", QuoteIdentifier(column.name), " ", column.type);
  }
  absl::StrAppend(&sql, "\n) STRICT;\n");
  for (const FieldSpec& field : kind.fields) {
    if (!field.index) continue;
    // Most records of a kind lack most fields: those need no entry, and a write touches no page of
    // such an index.
    const std::string name = absl::StrCat(table, "__", field.scalar.name);
    absl::StrAppend(&sql, "CREATE INDEX IF NOT EXISTS ", QuoteIdentifier(name), " ON ",
                    QuoteIdentifier(table), "(",
                    absl::StrJoin(ColumnsOf(field), ", ",
                                  [](std::string* out, const Column& column) {
                                    out->append(QuoteIdentifier(column.name));
                                  }),
                    ") WHERE ", QuoteIdentifier(field.scalar.column), " IS NOT NULL;\n");
  }
  return sql;
}

std::string KindViewSql(const KindSpec& kind) {
  const std::string view = QuoteIdentifier(kind.table);
  std::string sql = absl::StrCat(
      "DROP VIEW IF EXISTS ", view, ";\nCREATE VIEW ", view, " AS SELECT\n  ", UuidTextSql("k.id"),
      " AS id,\n  ", UuidTextSql("c.file"),
      " AS file,\n  CASE c.tier WHEN 0 THEN 'NORMAL' WHEN 1 THEN 'RESTRICTED' WHEN 2 THEN "
      "'SEALED' ELSE 'WITHDRAWN' END AS tier");
  for (const FieldSpec& field : kind.fields) {
    if (field.parts.empty()) {
      absl::StrAppend(&sql, ",\n  ", ViewColumnSql(field, field.scalar));
    }
    for (const ScalarSpec& part : field.parts) {
      absl::StrAppend(&sql, ",\n  ", ViewColumnSql(field, part));
    }
  }
  absl::StrAppend(&sql, ",\n  k._hidden AS _hidden\nFROM ",
                  QuoteIdentifier(absl::StrCat("k_", kind.table)),
                  " AS k JOIN _compartment AS c ON c.ref = k._compartment;\n");
  return sql;
}

}  // namespace doorstep
