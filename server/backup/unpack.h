// Puts the files of a backup into a directory.
#ifndef SERVER_BACKUP_UNPACK_H_
#define SERVER_BACKUP_UNPACK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/backup/contents.h"
#include "server/backup/keys.h"

namespace doorstep::server {

struct Unpacked {
  int64_t made_ms = 0;
  uint64_t bytes = 0;               // of the backup
  std::vector<TenantMark> tenants;  // as whoever made it found them
  std::vector<std::string> attachments;
  std::vector<std::string> small_files;
};

// `directory` is there and empty. To the backup's end; durable when it returns. Without
// `small_files` only databases are written. Errors as ArchiveReader's; kDataLoss also for pieces in
// an order that no backup has. What was written until then stays: the caller removes the directory.
absl::StatusOr<Unpacked> UnpackBackup(const std::string& file, const BackupKeys& keys,
                                      const std::string& directory, bool small_files,
                                      const BackupProgress& progress);

}  // namespace doorstep::server

#endif  // SERVER_BACKUP_UNPACK_H_
