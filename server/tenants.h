// The tenants of one server: a directory of databases, opened when first asked for.
#ifndef SERVER_TENANTS_H_
#define SERVER_TENANTS_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/sqlite_store.h"
#include "server/store.h"
#include "server/tenant.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"
#include "sync/base/limits.h"
#include "sync/base/mutex.h"
#include "sync/schema/schema.h"

namespace doorstep::server {

// The tenant that commands and replicas mean when they name none.
inline constexpr absl::string_view kDefaultTenant = "default";

// Opens (with `create`, makes if needed) the store of one tenant at `path`.
using StoreOpener =
    std::function<absl::StatusOr<std::unique_ptr<Store>>(const std::string& path, bool create)>;

struct TenantsOptions {
  std::string data_dir;
  Clock* clock = nullptr;                          // null: the machine's
  Entropy* entropy = nullptr;                      // null: the kernel's
  std::shared_ptr<const Schema> schema = nullptr;  // the program's own; null: the built-in one
  SqliteStoreOptions sqlite = {};
  StoreOpener open_store = nullptr;  // null: SQLite, with the options above
  size_t pull_batch_items = kMaxPullBatchItems;
};

// Thread-safe. Tenants live as long as this object.
class Tenants {
 public:
  explicit Tenants(const TenantsOptions& options);

  // kNotFound: there is none of that name (or the name is none).
  absl::StatusOr<Tenant*> Find(absl::string_view name);
  // Makes it (and the data directory) if needed. kInvalidArgument for a name that is no file name.
  absl::StatusOr<Tenant*> Ensure(absl::string_view name);
  // Names of all tenants on disk, sorted.
  absl::StatusOr<std::vector<std::string>> List() const;
  // Those opened so far.
  std::vector<Tenant*> Open() const;

  // For a server, about once a second, from one thread: a tenant whose schema another process has
  // changed (schema push) is opened anew while it goes on serving, and it is noted under which
  // schema it serves. `taken` gets the names of tenants that serve with another one now. The first
  // error of any tenant; the others are looked after all the same.
  absl::Status TakeNewSchemas(std::vector<std::string>* taken);

  // DATA/tenants/<name>.db
  std::string PathOf(absl::string_view name) const;
  // DATA/attachments/<name>.db; made with the first attachment.
  std::string AttachmentsPathOf(absl::string_view name) const;
  // A connection of its own to that database, which must be there and up to date (Find).
  absl::StatusOr<std::unique_ptr<Database>> OpenDatabase(absl::string_view name,
                                                         bool read_only) const;
  // The tenant's public recovery key (recovery.h); empty: there is none.
  absl::StatusOr<std::string> RecoveryKey(absl::string_view name) const;
  Clock& clock() const { return *options_.clock; }
  Entropy& entropy() const { return *options_.entropy; }
  size_t pull_batch_items() const { return options_.pull_batch_items; }

 private:
  // Whether it serves with another one now.
  absl::StatusOr<bool> TakeNewSchema(Tenant& tenant);
  absl::StatusOr<Tenant*> OpenLocked(absl::string_view name, bool create)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  TenantsOptions options_;
  mutable Mutex mu_;
  absl::flat_hash_map<std::string, std::unique_ptr<Tenant>> open_ ABSL_GUARDED_BY(mu_);
  // By TakeNewSchemas alone: the schema with which each tenant was noted to serve.
  absl::flat_hash_map<std::string, std::string> served_;
};

// 1 to 64 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit: fit for a file name and
// a command line. kInvalidArgument otherwise, with `path` in the message. For tenants and sites.
absl::Status CheckName(absl::string_view path, absl::string_view name);

}  // namespace doorstep::server

#endif  // SERVER_TENANTS_H_
