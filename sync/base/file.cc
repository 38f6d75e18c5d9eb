#include "sync/base/file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "sync/base/bytes.h"
#include "sync/base/entropy.h"
#include "sync/base/status.h"

namespace doorstep {
namespace {

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return absl::StatusCode::kResourceExhausted;
    case EISDIR:
    case ENOTDIR:
      return absl::StatusCode::kFailedPrecondition;
    case EWOULDBLOCK:
      return absl::StatusCode::kAborted;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

// Reads errno.
absl::Status SystemError(absl::string_view path, absl::string_view doing) {
  const int error = errno;
  return absl::Status(CodeOf(error), absl::StrCat(path, ": ", doing, ": ", strerrordesc_np(error)));
}

// Owns a descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status WriteAll(int fd, const std::string& path, absl::string_view content) {
  while (!content.empty()) {
    const ssize_t put = write(fd, content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return SystemError(path, "write");
    content.remove_prefix(static_cast<size_t>(put));
  }
  return absl::OkStatus();
}

// Fills a file that was just created, to the disk.
absl::Status FillAndSync(int owned_fd, const std::string& path, absl::string_view content,
                         mode_t mode) {
  Descriptor fd(owned_fd);
  if (fchmod(fd.get(), mode) != 0) return SystemError(path, "set mode");
  DOORSTEP_RETURN_IF_ERROR(WriteAll(fd.get(), path, content));
  if (fsync(fd.get()) != 0) return SystemError(path, "sync");
  if (close(fd.Release()) != 0) return SystemError(path, "close");
  return absl::OkStatus();
}

std::string TemporaryName(const std::string& path) {
  std::array<uint8_t, 8> random;
  SystemEntropy()->Fill(absl::MakeSpan(random));
  const absl::string_view bytes(reinterpret_cast<const char*>(random.data()), random.size());
  return absl::StrCat(path, ".", ToHex(bytes), ".tmp");
}

bool IsDirectory(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  const Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) return SystemError(path, "open");
  std::string content;
  std::array<char, 64 * kKiB> buffer;
  while (true) {
    const ssize_t got = read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(path, "read");
    if (got == 0) return content;
    if (static_cast<size_t>(got) > max_bytes - content.size()) {
      return absl::OutOfRangeError(
          absl::StrCat(path, ": got more than ", max_bytes, " bytes, wanted at most that"));
    }
    content.append(buffer.data(), static_cast<size_t>(got));
  }
}

absl::Status WriteFileAtomically(const std::string& path, absl::string_view content, mode_t mode) {
  if (IsDirectory(path)) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": got a directory, wanted a file"));
  }
  const std::string temporary = TemporaryName(path);
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return SystemError(temporary, "create");
  absl::Status status = FillAndSync(fd, temporary, content, mode);
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
    status = SystemError(path, "replace");
  }
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  return SyncDirectory(DirectoryOf(path));
}

absl::Status EnsureDirectory(const std::string& path, mode_t mode) {
  if (IsDirectory(path)) return absl::OkStatus();
  // Each prefix that ends before a slash, then the whole.
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string prefix = path.substr(0, end);
    const bool made = mkdir(prefix.c_str(), mode) == 0;
    const int error = errno;
    if (made) {
      DOORSTEP_RETURN_IF_ERROR(SyncDirectory(DirectoryOf(prefix)));
    } else if (!IsDirectory(prefix)) {
      errno = error == EEXIST ? ENOTDIR : error;
      return SystemError(prefix, "make directory");
    }
    if (end == std::string::npos || end + 1 == path.size()) return absl::OkStatus();
  }
}

absl::Status SyncDirectory(const std::string& path) {
  const Descriptor fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.ok()) return SystemError(path, "open directory");
  if (fsync(fd.get()) != 0) return SystemError(path, "sync directory");
  return absl::OkStatus();
}

absl::Status CopyFileDurably(const std::string& from, const std::string& to) {
  const Descriptor source(open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source.ok()) return SystemError(from, "open");
  Descriptor target(open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!target.ok()) return SystemError(to, "create");
  std::array<char, 64 * kKiB> buffer;
  while (true) {
    const ssize_t got = read(source.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(from, "read");
    if (got == 0) break;
    DOORSTEP_RETURN_IF_ERROR(
        WriteAll(target.get(), to, absl::string_view(buffer.data(), static_cast<size_t>(got))));
  }
  if (fsync(target.get()) != 0) return SystemError(to, "sync");
  if (close(target.Release()) != 0) return SystemError(to, "close");
  return absl::OkStatus();
}

absl::StatusOr<OldContent> OldContent::Hold(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return SystemError(path, "open");
  return OldContent(fd, path);
}

absl::Status OldContent::Overwrite() {
  struct stat info;
  if (fstat(fd_, &info) != 0) return SystemError(path_, "look at");
  if (lseek(fd_, 0, SEEK_SET) < 0) return SystemError(path_, "overwrite");
  const std::string zeros(64 * kKiB, '\0');
  for (auto left = static_cast<size_t>(info.st_size); left > 0;) {
    const size_t part = std::min(left, zeros.size());
    DOORSTEP_RETURN_IF_ERROR(WriteAll(fd_, path_, absl::string_view(zeros).substr(0, part)));
    left -= part;
  }
  if (fsync(fd_) != 0) return SystemError(path_, "sync");
  return absl::OkStatus();
}

OldContent::OldContent(OldContent&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

OldContent& OldContent::operator=(OldContent&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) close(fd_);
    fd_ = std::exchange(other.fd_, -1);
    path_ = std::move(other.path_);
  }
  return *this;
}

OldContent::~OldContent() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<FileLock> FileLock::Acquire(const std::string& path, Mode mode, int wait_ms) {
  constexpr int kPauseMs = 10;
  for (int waited_ms = 0;; waited_ms += kPauseMs) {
    absl::StatusOr<FileLock> lock = TryAcquire(path, mode);
    if (!absl::IsAborted(lock.status()) || waited_ms >= wait_ms) return lock;
    poll(nullptr, 0, kPauseMs);
  }
}

absl::StatusOr<FileLock> FileLock::TryAcquire(const std::string& path, Mode mode) {
  Descriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.ok() && mode == Mode::kShared) {
    // Who may only read takes part too.
    fd = Descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  }
  if (!fd.ok()) return SystemError(path, "open");
  int result;
  do {
    result = flock(fd.get(), (mode == Mode::kShared ? LOCK_SH : LOCK_EX) | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result != 0 && errno == EWOULDBLOCK) {
    return absl::AbortedError(absl::StrCat(path, ": locked by another process"));
  }
  if (result != 0) return SystemError(path, "lock");
  return FileLock(fd.Release());
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace doorstep
