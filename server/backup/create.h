// Makes a backup of all tenants of a data directory, while a server serves from it.
#ifndef SERVER_BACKUP_CREATE_H_
#define SERVER_BACKUP_CREATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/backup/contents.h"
#include "server/tenants.h"

namespace doorstep::server {

struct BackupOptions {
  std::string file;  // where it goes; must not be there
  std::string public_key;
  bool identity = true;  // the server's authority and certificates too
  int64_t bytes_per_second = 0;
  SqliteStoreOptions sqlite = {};
  BackupProgress progress = nullptr;
};

struct BackupReport {
  std::string file;
  int64_t made_ms = 0;
  uint64_t bytes = 0;  // of the file
  std::vector<TenantMark> tenants;
  std::vector<std::string> attachments;  // tenants that have some
  std::vector<std::string> small_files;
};

// Each database is copied in one snapshot, log included: nobody waits for the other, and what was
// acknowledged before this was called is in it. The copy of the moment lies in DIR/backup.tmp,
// under the same key as the database. Notes in DIR/last_backup.json that it was made.
// kFailedPrecondition: another backup is being made; kAlreadyExists: the file is there; kNotFound:
// there is no tenant.
absl::StatusOr<BackupReport> CreateBackup(const std::string& data_dir, const Tenants& tenants,
                                          const BackupOptions& options);

// When the last backup of a data directory was made; 0: never, as far as it knows.
int64_t LastBackupMs(const std::string& data_dir);

}  // namespace doorstep::server

#endif  // SERVER_BACKUP_CREATE_H_
