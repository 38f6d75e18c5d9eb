#include "server/backup/new_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "sync/base/file.h"
#include "sync/base/status.h"

namespace doorstep::server {

absl::StatusOr<std::unique_ptr<NewFile>> NewFile::Create(const std::string& path) {
  std::unique_ptr<NewFile> file(new NewFile(path, -1));
  file->fd_ =
      ::open(file->PartPath().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file->fd_ < 0) return absl::ErrnoToStatus(errno, file->PartPath());
  return file;
}

NewFile::~NewFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(PartPath().c_str());
}

absl::Status NewFile::Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd_, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return absl::ErrnoToStatus(errno, PartPath());
    bytes.remove_prefix(static_cast<size_t>(wrote));
    bytes_ += static_cast<uint64_t>(wrote);
  }
  return absl::OkStatus();
}

absl::Status NewFile::Finish() {
  if (::fsync(fd_) != 0) return absl::ErrnoToStatus(errno, PartPath());
  if (::rename(PartPath().c_str(), path_.c_str()) != 0) return absl::ErrnoToStatus(errno, path_);
  ::close(std::exchange(fd_, -1));
  const std::string parent = std::filesystem::path(path_).parent_path().string();
  return SyncDirectory(parent.empty() ? "." : parent);
}

}  // namespace doorstep::server
