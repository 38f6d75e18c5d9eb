#include "sync/sqlite/rekey.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "sync/base/file.h"
#include "sync/base/status.h"
#include "sync/sqlite/database.h"

namespace doorstep {
namespace {

// The first bytes of every database that is not encrypted, its terminating zero among them.
constexpr char kPlainHeader[] = "SQLite format 3";

// Nobody should have it open: whoever does will not be gone soon.
constexpr int kOthersMs = 500;

absl::Status SystemError(absl::string_view path, absl::string_view doing) {
  return absl::ErrnoToStatus(errno, absl::StrCat(path, ": ", doing));
}

// A file as SQLite opens it. It must be SQLite that does: when a program closes a file, POSIX takes
// every lock from it that any of its connections has there, and SQLite alone knows to wait.
class RawFile {
 public:
  explicit RawFile(const std::string& path)
      : name_(sqlite3_create_filename(path.c_str(), "", "", 0, nullptr)) {
    sqlite3_vfs* const vfs = sqlite3_vfs_find("unix");
    if (name_ == nullptr || vfs == nullptr) return;
    memory_ = std::make_unique<char[]>(static_cast<size_t>(vfs->szOsFile));
    file_ = reinterpret_cast<sqlite3_file*>(memory_.get());
    rc_ = vfs->xOpen(vfs, name_, file_, SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB, nullptr);
  }
  ~RawFile() {
    if (file_ != nullptr && file_->pMethods != nullptr) file_->pMethods->xClose(file_);
    sqlite3_free_filename(name_);
  }
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;

  // Fills with zeros what the file does not have.
  bool Read(char* bytes, size_t size) {
    if (rc_ != SQLITE_OK) return false;
    const int rc = file_->pMethods->xRead(file_, bytes, static_cast<int>(size), 0);
    return rc == SQLITE_OK || rc == SQLITE_IOERR_SHORT_READ;
  }

 private:
  const sqlite3_filename name_;
  std::unique_ptr<char[]> memory_;
  sqlite3_file* file_ = nullptr;
  int rc_ = SQLITE_CANTOPEN;
};

// Brings all that stands in the log into the file, and the file out of WAL mode: then it is a
// database by itself.
absl::Status LeaveWal(const std::string& path, const std::string& key) {
  DatabaseOptions options;
  options.key = key;
  options.wal = false;
  options.busy_timeout_ms = kOthersMs;
  return Database::Open(path, options).status();
}

absl::Status RekeyCopy(const std::string& copy, const std::string& old_key,
                       const std::string& new_key) {
  DatabaseOptions options;
  options.key = old_key;
  options.wal = false;
  options.secure_delete = true;
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Database> db, Database::Open(copy, options));
  // A journal on disk would hold the pages as they were, and nobody goes on with half a copy.
  DOORSTEP_RETURN_IF_ERROR(db->Exec("PRAGMA journal_mode = MEMORY"));
  DOORSTEP_RETURN_IF_ERROR(db->Rekey(new_key));
  db = nullptr;
  options.key = new_key;
  DOORSTEP_ASSIGN_OR_RETURN(db, Database::Open(copy, options));
  return db->QuickCheck();
}

absl::Status SyncFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SystemError(path, "open");
  absl::Status status = fsync(fd) == 0 ? absl::OkStatus() : SystemError(path, "sync");
  close(fd);
  return status;
}

// The half of a copy that a crash left, or this attempt. It may be plain.
void Discard(const std::string& copy) {
  auto old = OldContent::Hold(copy);
  if (!old.ok()) return;
  old->Overwrite().IgnoreError();
  unlink(copy.c_str());
}

}  // namespace

absl::StatusOr<bool> IsPlainDatabase(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return SystemError(path, "look at");
  if (access(path.c_str(), R_OK) != 0) return SystemError(path, "open");
  if (sqlite3_initialize() != SQLITE_OK) return absl::InternalError("SQLite does not start");
  char head[sizeof kPlainHeader] = {};
  if (!RawFile(path).Read(head, sizeof head)) {
    return absl::UnavailableError(absl::StrCat(path, ": cannot be read"));
  }
  return std::memcmp(head, kPlainHeader, sizeof head) == 0;
}

absl::Status RekeyFile(const std::string& path, const std::string& old_key,
                       const std::string& new_key) {
  const std::string copy = absl::StrCat(path, ".rekeying");
  Discard(copy);
  absl::StatusOr<OldContent> log = OldContent::Hold(absl::StrCat(path, "-wal"));
  DOORSTEP_RETURN_IF_ERROR(LeaveWal(path, old_key));
  // It is gone, and what was in it is in the file.
  if (log.ok() && old_key.empty()) DOORSTEP_RETURN_IF_ERROR(log->Overwrite());
  absl::Status made = CopyFileDurably(path, copy);
  if (made.ok()) made = RekeyCopy(copy, old_key, new_key);
  if (made.ok()) made = SyncFile(copy);
  if (!made.ok()) {
    Discard(copy);
    return Annotate(std::move(made), "rekey");
  }
  DOORSTEP_ASSIGN_OR_RETURN(OldContent old, OldContent::Hold(path));
  if (rename(copy.c_str(), path.c_str()) != 0) return SystemError(path, "replace");
  const size_t slash = path.rfind('/');
  DOORSTEP_RETURN_IF_ERROR(
      SyncDirectory(slash == std::string::npos ? "." : path.substr(0, slash + 1)));
  return old_key.empty() ? old.Overwrite() : absl::OkStatus();
}

}  // namespace doorstep
