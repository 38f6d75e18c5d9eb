// What stands in a backup (archive.h has the file around it).
//
//   pieces := begin file* end
//   begin  := 'B' {"format": 1, "made_ms": …}
//   file   := 'F' {"name": …} ('D' bytes)* 'E' {"bytes": …, of a tenant also "tenant": {…}}
//   end    := 'Z' {"files": …}, the last piece
//
// Names: tenants/NAME.db first, then attachments/NAME.db, so that what is too much in the second
// does no harm; then small files of the server: identity/… (its authority and certificate), and
// recovery/NAME.pub…, and never a key with which replicas are opened. What "tenant" says was read
// in the snapshot that was copied; whoever restores the file must find the same in it.
#ifndef SERVER_BACKUP_CONTENTS_H_
#define SERVER_BACKUP_CONTENTS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"
#include "server/keyed_database.h"
#include "server/sqlite_store.h"
#include "sync/sqlite/database.h"

namespace doorstep::server {

inline constexpr char kBackupBegin = 'B';
inline constexpr char kBackupFile = 'F';
inline constexpr char kBackupData = 'D';
inline constexpr char kBackupFileEnd = 'E';
inline constexpr char kBackupEnd = 'Z';
inline constexpr int64_t kBackupFormat = 1;

inline constexpr absl::string_view kTenantsFolder = "tenants";
inline constexpr absl::string_view kAttachmentsFolder = "attachments";
// Folders of small files beside the databases.
inline constexpr absl::string_view kRecoveryFolder = "recovery";
inline constexpr absl::string_view kSmallFolders[] = {"identity", kRecoveryFolder};

// Where a tenant's database stood.
struct TenantMark {
  std::string name;
  uint64_t head = 0;
  uint64_t epoch = 0;
  std::string history_end;  // SEQUENCE:HASH, as `status` and `history verify --expect` have it

  bool operator==(const TenantMark&) const = default;
};

nlohmann::json ToJson(const TenantMark& mark);
TenantMark TenantMarkFrom(const nlohmann::json& json);

// In the transaction that is open in `db`, a tenant's database.
absl::StatusOr<TenantMark> ReadMark(const std::string& name, Database& db);

// A database of the server's, to be read only; or, with `create`, a new one without a log, which a
// copy goes into. Both under the key of the options. The one place where the backup opens
// databases.
absl::StatusOr<KeyedDatabase> OpenForBackup(const std::string& path, bool create,
                                            const SqliteStoreOptions& options);

// Held by whoever makes a backup of a data directory, or puts one back there.
std::string BackupLock(const std::string& data_dir);
// kFailedPrecondition: somebody began to put a backup in place here and did not come to the end.
absl::Status CheckNoRestoreHalfDone(const std::string& data_dir);
// The mark of that; it names where what was here has gone.
std::string HalfDoneMark(const std::string& data_dir);

// kDataLoss unless it is one that stands above. A name leads to nowhere else.
absl::Status CheckBackupName(absl::string_view name);
// The tenant of tenants/NAME.db; empty: it is another file.
std::string TenantOf(absl::string_view name);

// Tells of work that takes long: what, and how many bytes of how many are done.
using BackupProgress = std::function<void(absl::string_view, uint64_t, uint64_t)>;

}  // namespace doorstep::server

#endif  // SERVER_BACKUP_CONTENTS_H_
