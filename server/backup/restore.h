// Puts a backup back, or tries whether that would work.
#ifndef SERVER_BACKUP_RESTORE_H_
#define SERVER_BACKUP_RESTORE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/backup/check.h"
#include "server/backup/contents.h"
#include "server/backup/keys.h"
#include "server/backup/unpack.h"
#include "server/tenants.h"

namespace doorstep::server {

struct VerifyReport {
  Unpacked unpacked;
  std::vector<CheckedTenant> tenants;

  bool Whole() const;
};

// Unpacks into a new directory below `temporary`, which goes again, and checks all that is in it;
// the small files, keys among them, are read and not written there.
// `options` says how tenants are opened; its data_dir does not matter.
absl::StatusOr<VerifyReport> VerifyBackup(const std::string& file, const BackupKeys& keys,
                                          const std::string& temporary, TenantsOptions options,
                                          const BackupProgress& progress);

struct RestoreReport {
  VerifyReport verified;
  std::vector<uint64_t> epochs;  // that begin with this, in the tenants' order
  std::string set_aside;         // where that is which was here; empty: nothing was
  // Devices that were revoked after the backup was made, in what was here: they are revoked again.
  int revoked_again = 0;
  // Tenants that were here, of which nobody can say which devices had been revoked.
  std::vector<std::string> unreadable;
};

// Into options.data_dir. All of it is unpacked and checked there before anything is moved, and each
// tenant has its new epoch before it is in place, so that nobody can forget it.
// kFailedPrecondition: a server runs there, or a backup is made of it; kAborted: another program
// has one of its databases open; kPermissionDenied: the directory is another account's, whose
// server could not use the files; kAlreadyExists: a tenant, or an identity that the backup has too,
// is there and not to be replaced; kDataLoss: the backup is not whole. Then nothing has changed.
absl::StatusOr<RestoreReport> RestoreBackup(const std::string& file, const BackupKeys& keys,
                                            bool replace, TenantsOptions options,
                                            const BackupProgress& progress);

}  // namespace doorstep::server

#endif  // SERVER_BACKUP_RESTORE_H_
