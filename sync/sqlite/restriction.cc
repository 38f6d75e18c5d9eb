#include "sync/sqlite/restriction.h"

#include <sqlite3.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/sqlite/result_code.h"

namespace doorstep::internal {
namespace {

using Names = absl::flat_hash_set<std::string>;

// The first column of all rows, in lower case.
absl::StatusOr<Names> QueryNames(sqlite3* db, const char* sql) {
  const auto collect = [](void* names, int, char** values, char**) {
    static_cast<Names*>(names)->insert(absl::AsciiStrToLower(values[0]));
    return 0;
  };
  Names names;
  if (const int rc = sqlite3_exec(db, sql, collect, &names, nullptr); rc != SQLITE_OK) {
    return ErrorOf(db, rc, sql);
  }
  return names;
}

// 2097152 is SQLITE_INNOCUOUS: no side effects, and nothing told that the arguments did not. FTS5
// registers its functions without it.
constexpr char kFunctionsSql[] = R"sql(
  SELECT DISTINCT name FROM pragma_function_list WHERE (flags & 2097152) <> 0
  UNION SELECT 'match' UNION SELECT 'bm25' UNION SELECT 'highlight' UNION SELECT 'snippet')sql";

constexpr char kForbiddenModulesSql[] = R"sql(
  SELECT name FROM pragma_module_list WHERE lower(name) NOT IN
    ('fts5', 'fts5vocab', 'json_each', 'json_tree', 'jsonb_each', 'jsonb_tree'))sql";

// Keys stand in tables whose names begin so.
constexpr char kSecretTables[] = "_secret";

// SQLite's "defence against dark arts", as far as honest questions allow.
void LowerLimits(sqlite3* db) {
  sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_limit(db, SQLITE_LIMIT_COMPOUND_SELECT, 20);
  sqlite3_limit(db, SQLITE_LIMIT_EXPR_DEPTH, 100);
  sqlite3_limit(db, SQLITE_LIMIT_FUNCTION_ARG, 32);
  // Matching takes the product of both lengths, in one step that the budget cannot cut.
  sqlite3_limit(db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100);
  sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, static_cast<int>(kMaxTypedSqlBytes));
  sqlite3_limit(db, SQLITE_LIMIT_TRIGGER_DEPTH, 1);
  sqlite3_limit(db, SQLITE_LIMIT_VDBE_OP, 25000);
}

// Called while a statement compiles: https://www.sqlite.org/c3ref/set_authorizer.html
int Authorize(void* context, int action, const char* first, const char* second, const char*,
              const char*) {
  const auto* restriction = static_cast<const Restriction*>(context);
  const auto lower = [](const char* name) {
    return absl::AsciiStrToLower(name == nullptr ? "" : name);
  };
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
      return SQLITE_OK;
    case SQLITE_READ:
      return restriction->forbidden_modules.contains(lower(first)) ||
                     absl::StartsWith(lower(first), kSecretTables)
                 ? SQLITE_DENY
                 : SQLITE_OK;
    case SQLITE_FUNCTION:
      return restriction->functions.contains(lower(second)) ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_PRAGMA:
      // FTS5 asks itself whether its index has changed.
      return lower(first) == "data_version" && second == nullptr ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_TRANSACTION:
      return restriction->allow_transaction ? SQLITE_OK : SQLITE_DENY;
    default:
      return SQLITE_DENY;
  }
}

// Not zero ends the statement.
int CountSteps(void* context) {
  auto* restriction = static_cast<Restriction*>(context);
  restriction->steps += kSqlProgressSteps;
  restriction->exceeded = restriction->max_steps > 0 && restriction->steps > restriction->max_steps;
  return restriction->exceeded ? 1 : 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Restriction>> Restriction::Install(sqlite3* db, int64_t max_steps) {
  auto restriction = std::make_unique<Restriction>();
  restriction->max_steps = max_steps;
  DOORSTEP_ASSIGN_OR_RETURN(restriction->functions, QueryNames(db, kFunctionsSql));
  DOORSTEP_ASSIGN_OR_RETURN(restriction->forbidden_modules, QueryNames(db, kForbiddenModulesSql));
  constexpr char kQueryOnly[] = "PRAGMA query_only = ON";  // a second fence, at run time
  if (const int rc = sqlite3_exec(db, kQueryOnly, nullptr, nullptr, nullptr); rc != SQLITE_OK) {
    return ErrorOf(db, rc, kQueryOnly);
  }
  LowerLimits(db);
  sqlite3_progress_handler(db, kSqlProgressSteps, CountSteps, restriction.get());
  if (const int rc = sqlite3_set_authorizer(db, Authorize, restriction.get()); rc != SQLITE_OK) {
    return ErrorOf(db, rc, "");
  }
  return restriction;
}

}  // namespace doorstep::internal
