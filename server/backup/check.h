// Whether databases that came out of a backup are whole: opens each as a server would, and compares
// all that can be computed with what is noted.
#ifndef SERVER_BACKUP_CHECK_H_
#define SERVER_BACKUP_CHECK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/backup/contents.h"
#include "server/tenants.h"

namespace doorstep::server {

// One tenant, as it was found.
struct CheckedTenant {
  TenantMark mark;
  uint64_t history_entries = 0;
  uint64_t erased = 0;  // of them, by right
  uint64_t compartments = 0;
  uint64_t records = 0;
  uint64_t devices = 0;
  bool attachments = false;         // it has some
  std::vector<std::string> faults;  // "compartment 3: …"; empty: it is whole
};

// PRAGMA integrity_check of database and attachments; that it stands where `made` says; the
// history's chain and contents; the audit's chain; the digest of every compartment, computed anew.
// Opening brings it to this program's table layout. An error: something could not be looked at.
absl::StatusOr<CheckedTenant> CheckTenant(Tenants& tenants, const TenantMark& made,
                                          const SqliteStoreOptions& options,
                                          const BackupProgress& progress);

}  // namespace doorstep::server

#endif  // SERVER_BACKUP_CHECK_H_
