// A long file that is under its name when it is whole, or not at all.
#ifndef SERVER_BACKUP_NEW_FILE_H_
#define SERVER_BACKUP_NEW_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace doorstep::server {

// Codes as in sync/base/file.h.
class NewFile {
 public:
  // Begins "<path>.part", with mode 0600; what was left there by a crash goes.
  static absl::StatusOr<std::unique_ptr<NewFile>> Create(const std::string& path);
  // Removes what was not finished.
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  absl::Status Write(absl::string_view bytes);
  // After OK it is at `path`, also after a power cut.
  absl::Status Finish();

  uint64_t bytes() const { return bytes_; }

 private:
  NewFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string PartPath() const { return path_ + ".part"; }

  const std::string path_;
  int fd_;  // -1 once finished
  uint64_t bytes_ = 0;
};

}  // namespace doorstep::server

#endif  // SERVER_BACKUP_NEW_FILE_H_
