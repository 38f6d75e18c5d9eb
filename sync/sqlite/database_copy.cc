// The copy of a database that is in use.
#include <sqlite3.h>

#include "absl/strings/str_cat.h"
#include "sync/base/status.h"
#include "sync/sqlite/database.h"
#include "sync/sqlite/result_code.h"

namespace doorstep {
namespace {

// Ends the copy, whatever happens.
struct Copying {
  sqlite3_backup* handle;
  ~Copying() {
    if (handle != nullptr) sqlite3_backup_finish(handle);
  }
};

}  // namespace

absl::Status Database::CopyTo(Database& to, int pages,
                              absl::FunctionRef<absl::Status(int64_t, int64_t)> after_step) {
  // SQLite would take a snapshot for each step, and begin anew whenever somebody had committed.
  if (!InTransaction()) return absl::InternalError("CopyTo: no transaction is open");
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t page_bytes, QueryInt("PRAGMA page_size"));
  Copying copy{sqlite3_backup_init(to.db_, "main", db_, "main")};
  if (copy.handle == nullptr) {
    return Annotate(internal::ErrorOf(to.db_, sqlite3_errcode(to.db_), ""), "copy");
  }
  while (true) {
    const int rc = sqlite3_backup_step(copy.handle, pages);
    if (rc != SQLITE_OK && rc != SQLITE_DONE) {
      return absl::Status(internal::CodeOf(rc),
                          absl::StrCat(path_, ": copy: ", sqlite3_errstr(rc)));
    }
    const int64_t all = sqlite3_backup_pagecount(copy.handle);
    const int64_t done = all - sqlite3_backup_remaining(copy.handle);
    DOORSTEP_RETURN_IF_ERROR(after_step(done * page_bytes, all * page_bytes));
    if (rc == SQLITE_DONE) break;
  }
  const int rc = sqlite3_backup_finish(copy.handle);
  copy.handle = nullptr;
  if (rc == SQLITE_OK) return absl::OkStatus();
  return absl::Status(internal::CodeOf(rc), absl::StrCat(to.path_, ": copy: ", sqlite3_errstr(rc)));
}

}  // namespace doorstep
