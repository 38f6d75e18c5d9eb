// Field values in and out of typed columns.
#ifndef SYNC_TABLES_COLUMNS_H_
#define SYNC_TABLES_COLUMNS_H_

#include <deque>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sync/merge/plan.h"
#include "sync/schema/schema.h"
#include "sync/sqlite/statement.h"

namespace doorstep {

// Binds the effective value of a field to its columns, from parameter `*parameter` on, which it
// moves past them. Bound text may point into `effective` or into `*keep`: both must outlive the
// statement's run.
absl::Status BindEffective(const FieldSpec& field, const Effective& effective, int* parameter,
                           std::deque<std::string>* keep, Statement* statement);

// The canonical value that stands in the columns of a field (not a SET), from result column
// `column` on; empty for NULL.
std::string ColumnValue(const FieldSpec& field, const Statement& statement, int column);

}  // namespace doorstep

#endif  // SYNC_TABLES_COLUMNS_H_
