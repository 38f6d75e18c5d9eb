// A record as cells of a CSV row, and back: the columns that include/doorstep/transfer.h describes.
#ifndef CLIENT_LIB_CSV_COLUMNS_H_
#define CLIENT_LIB_CSV_COLUMNS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"
#include "sync/schema/schema.h"

namespace doorstep::client {

inline constexpr absl::string_view kKindColumn = "_kind";
inline constexpr absl::string_view kIdColumn = "_id";
inline constexpr absl::string_view kFileColumn = "_file";
inline constexpr absl::string_view kTierColumn = "_tier";
inline constexpr absl::string_view kHiddenColumn = "_hidden";
inline constexpr absl::string_view kUndecidedColumn = "_undecided";
inline constexpr absl::string_view kUnknownColumn = "_unknown";

// One column of a field or a part of it.
struct CsvColumn {
  std::string name;
  const FieldSpec* field = nullptr;    // null: one of those above
  const ScalarSpec* scalar = nullptr;  // the field's, or of one part of it
  bool is_part = false;
};

// All columns of a kind, in the order in which they are written.
std::vector<CsvColumn> CsvColumns(const KindSpec& kind);

// The value of one field column in a record's JSON (change/record_json.h) as a cell; empty: none.
std::string ToCell(const CsvColumn& column, const nlohmann::json& record);
// The inverse: puts the value into the JSON. kInvalidArgument names the column, as
// "Person.third_party: got "maybe", wanted true or false"; what the value may be is not checked.
absl::Status FromCell(const KindSpec& kind, const CsvColumn& column, absl::string_view cell,
                      nlohmann::json* record);

// A text as a cell that no spreadsheet takes for a formula (nothing stays nothing), and back.
std::string ToTextCell(absl::string_view text);
std::string FromTextCell(absl::string_view cell);

}  // namespace doorstep::client

#endif  // CLIENT_LIB_CSV_COLUMNS_H_
