// Whole files, directories and locks, with Status.
//
// Codes: kNotFound (no such file or directory), kPermissionDenied (also a read-only file system),
// kAlreadyExists, kResourceExhausted (disk full, quota, too many open files), kFailedPrecondition
// (a directory where a file should be, or the reverse), kUnavailable (any other fault of the file
// system). Messages name the path and the system's words. All functions are thread-safe.
#ifndef SYNC_BASE_FILE_H_
#define SYNC_BASE_FILE_H_

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/base/limits.h"

namespace doorstep {

// The whole file. kOutOfRange when it is longer than `max_bytes`.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes = kMaxReadFileBytes);

// After OK the file holds `content`, and would after a power cut; after an error, or a crash at any
// moment, it holds either the old content or the new, never a mixture. A temporary file
// "<path>.<16 digits>.tmp" in the same directory may be left by a crash, and only by a crash. The
// file gets `mode` exactly, also when it existed with another; a symbolic link is replaced, not
// followed.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view content,
                                 mode_t mode = 0600);

// Makes `path` and its missing parents (with `mode`, less the umask), and makes them durable. OK
// when it is there already, whatever its mode.
absl::Status EnsureDirectory(const std::string& path, mode_t mode = 0700);

// Makes entries created, renamed or removed in the directory durable.
absl::Status SyncDirectory(const std::string& path);

// A copy of a file under a new name, with mode 0600, complete and durable when this returns OK (its
// name may not be: SyncDirectory). kAlreadyExists when there is such a file.
absl::Status CopyFileDurably(const std::string& from, const std::string& to);

// The content of a file that is about to be replaced or removed, to be overwritten when it has
// been: what was secret in it is then not left in the free space of the disk. (Flash memory and
// file systems that copy on write keep old blocks all the same, for a while.)
class OldContent {
 public:
  // kNotFound when there is no file.
  static absl::StatusOr<OldContent> Hold(const std::string& path);
  // With zeros, durably.
  absl::Status Overwrite();

  OldContent(OldContent&& other) noexcept;
  OldContent& operator=(OldContent&& other) noexcept;
  ~OldContent();

 private:
  OldContent(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  int fd_;  // -1 after a move
  std::string path_;
};

// An advisory lock (flock) on a file, held until destroyed or until the process ends, however it
// ends. It also excludes another FileLock of the same process. The file stays behind: removing it
// would let two holders in.
class FileLock {
 public:
  enum class Mode {
    kExclusive,  // held by nobody else
    kShared,     // held by others at most in this way
  };

  // Creates the file if needed, with mode 0600. Does not wait: kAborted when somebody else holds
  // the lock.
  static absl::StatusOr<FileLock> TryAcquire(const std::string& path, Mode mode = Mode::kExclusive);
  // Tries for so long, then kAborted.
  static absl::StatusOr<FileLock> Acquire(const std::string& path, Mode mode, int wait_ms);

  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;  // -1 after a move
};

}  // namespace doorstep

#endif  // SYNC_BASE_FILE_H_
