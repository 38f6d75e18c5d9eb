// The SQL of a schema: typed STRICT tables for record kinds and views over them for people.
//
//   k_<table>   a row per record: _row, id, _compartment, _meta, _unknown, _hidden (why it is
//   hidden;
//               NULL: it is not), a column per field (an atomic value: per part; a SET: a JSON
//               array)
//   <table>     the view that people query: ids as text, enum names, file and tier, _hidden last
//
// Pure functions from the schema to text. Identifiers come from the schema only.
#ifndef SYNC_TABLES_DDL_H_
#define SYNC_TABLES_DDL_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sync/schema/schema.h"

namespace doorstep {

// The tables that stand beside the kinds in every database, replica's and server's.
absl::string_view SharedTablesSql();

// CREATE TABLE IF NOT EXISTS and indexes of one kind.
std::string KindTableSql(const KindSpec& kind);
// DROP VIEW IF EXISTS and CREATE VIEW: views hold no data and are made anew with each schema.
std::string KindViewSql(const KindSpec& kind);

struct Column {
  std::string name;
  absl::string_view type;  // INTEGER, REAL, TEXT, BLOB
};
// Those of one field, and of a kind: in order of field number, then part.
std::vector<Column> ColumnsOf(const FieldSpec& field);
std::vector<Column> ColumnsOf(const KindSpec& kind);

// "name" within double quotes, doubled where needed.
std::string QuoteIdentifier(absl::string_view name);

}  // namespace doorstep

#endif  // SYNC_TABLES_DDL_H_
