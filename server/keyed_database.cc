#include "server/keyed_database.h"

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sync/base/status.h"
#include "sync/sqlite/rekey.h"

namespace doorstep::server {
namespace {

// While the database is encrypted anew.
constexpr int kLockWaitMs = 10'000;

std::string LockPath(const std::string& path) { return absl::StrCat(path, ".lock"); }

absl::Status WithoutItsKey(const std::string& path, const std::string& key,
                           const absl::Status& status) {
  const absl::StatusOr<bool> plain = IsPlainDatabase(path);
  if (!plain.ok() || (*plain && key.empty())) return status;
  if (*plain) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, ": got a key, wanted none: it was made without (doorstep-server rekey encrypts it)"));
  }
  if (key.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        path,
        ": got no key, wanted its key (--key-file or --key-command): it is encrypted, or "
        "damaged"));
  }
  return absl::PermissionDeniedError(
      absl::StrCat(path, ": does not open with this key: it has another, or is damaged (",
                   status.message(), ")"));
}

absl::Status NoDatabase(const std::string& path) {
  return absl::NotFoundError(absl::StrCat(path, ": no such database"));
}

bool IsThere(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error) || error;
}

}  // namespace

absl::StatusOr<KeyedDatabase> OpenKeyed(const std::string& path, const DatabaseOptions& options) {
  KeyedDatabase opened;
  if (!options.vfs.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(opened.db, Database::Open(path, options));
    return opened;
  }
  // No lock file is left where there is nothing.
  if (!options.create && !IsThere(path)) return NoDatabase(path);
  DOORSTEP_ASSIGN_OR_RETURN(
      opened.lock, FileLock::Acquire(LockPath(path), FileLock::Mode::kShared, kLockWaitMs));
  absl::StatusOr<std::unique_ptr<Database>> db = Database::Open(path, options);
  if (absl::IsDataLoss(db.status())) return WithoutItsKey(path, options.key, db.status());
  DOORSTEP_RETURN_IF_ERROR(db.status());
  opened.db = *std::move(db);
  return opened;
}

absl::StatusOr<FileLock> LockDatabase(const std::string& path) {
  absl::StatusOr<FileLock> lock =
      FileLock::Acquire(LockPath(path), FileLock::Mode::kExclusive, kLockWaitMs);
  if (!absl::IsAborted(lock.status())) return lock;
  return absl::AbortedError(
      absl::StrCat(path, ": another program has it open: wait until it has ended"));
}

absl::StatusOr<bool> RekeyDatabase(const std::string& path, const std::string& old_key,
                                   const std::string& new_key) {
  if (!IsThere(path)) return NoDatabase(path);
  DOORSTEP_ASSIGN_OR_RETURN(const FileLock lock, LockDatabase(path));
  DOORSTEP_ASSIGN_OR_RETURN(const bool plain, IsPlainDatabase(path));
  const std::string key = plain ? "" : old_key;
  const absl::Status status = RekeyFile(path, key, new_key);
  if (status.ok()) return true;
  if (!absl::IsDataLoss(status)) return status;
  DatabaseOptions with_new;
  with_new.key = new_key;
  if (!plain && Database::Open(path, with_new).ok()) return false;
  return WithoutItsKey(path, key, status);
}

}  // namespace doorstep::server
