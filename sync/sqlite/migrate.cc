#include "sync/sqlite/migrate.h"

#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "sync/base/status.h"

namespace doorstep {
namespace {

absl::Status CheckLadder(absl::Span<const Migration> ladder) {
  for (size_t i = 0; i < ladder.size(); ++i) {
    if (ladder[i].version != static_cast<int>(i) + 1) {
      return absl::InternalError(absl::StrCat("migration ", ladder[i].name, ": got version ",
                                              ladder[i].version, ", wanted ", i + 1));
    }
  }
  return absl::OkStatus();
}

// Refuses a file that is not ours to change. Returns the rung on which it stands. In a transaction.
absl::StatusOr<int> CheckedVersion(Database& db, int32_t application_id, int last) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t id, db.QueryInt("PRAGMA application_id"));
  DOORSTEP_ASSIGN_OR_RETURN(const int version, SchemaVersion(db));
  if (id != application_id) {
    DOORSTEP_ASSIGN_OR_RETURN(const int64_t objects,
                              db.QueryInt("SELECT count(*) FROM sqlite_schema"));
    if (id != 0 || version != 0 || objects != 0) {
      return absl::FailedPreconditionError(absl::StrFormat(
          "%s: got application id 0x%08x, wanted 0x%08x: this database is another program's",
          db.path(), static_cast<uint32_t>(id), static_cast<uint32_t>(application_id)));
    }
  }
  if (version > last) {
    return absl::FailedPreconditionError(
        absl::StrCat(db.path(), ": got schema version ", version, ", wanted at most ", last,
                     ": a newer release of this program wrote this database"));
  }
  return version;
}

// As CheckedVersion, at one moment: another process may be writing the numbers.
absl::StatusOr<int> VersionNow(Database& db, int32_t application_id, int last) {
  DOORSTEP_ASSIGN_OR_RETURN(Transaction snapshot, Transaction::Begin(db, Transaction::Mode::kRead));
  DOORSTEP_ASSIGN_OR_RETURN(const int version, CheckedVersion(db, application_id, last));
  DOORSTEP_RETURN_IF_ERROR(snapshot.Commit());
  return version;
}

absl::Status Climb(Database& db, const Migration& rung) {
  DOORSTEP_RETURN_IF_ERROR(db.Exec(rung.sql));
  if (!db.InTransaction()) return absl::InternalError("ends the transaction");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int> SchemaVersion(Database& db) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t version, db.QueryInt("PRAGMA user_version"));
  return static_cast<int>(version);
}

absl::Status Migrate(Database& db, int32_t application_id, absl::Span<const Migration> ladder) {
  if (application_id == 0) return absl::InternalError("application id: got 0, wanted another");
  DOORSTEP_RETURN_IF_ERROR(CheckLadder(ladder));
  const int last = static_cast<int>(ladder.size());
  DOORSTEP_ASSIGN_OR_RETURN(int version, VersionNow(db, application_id, last));
  if (version == last && last > 0) return absl::OkStatus();

  DOORSTEP_ASSIGN_OR_RETURN(Transaction transaction,
                            Transaction::Begin(db, Transaction::Mode::kWrite));
  // Another process may have climbed while this one waited for the lock.
  DOORSTEP_ASSIGN_OR_RETURN(version, CheckedVersion(db, application_id, last));
  for (const Migration& rung : ladder.subspan(static_cast<size_t>(version))) {
    if (absl::Status status = Climb(db, rung); !status.ok()) {
      return Annotate(std::move(status), absl::StrCat("migration ", rung.name));
    }
  }
  DOORSTEP_RETURN_IF_ERROR(db.Exec(
      absl::StrCat("PRAGMA application_id = ", application_id, "; PRAGMA user_version = ", last)));
  return transaction.Commit();
}

}  // namespace doorstep
