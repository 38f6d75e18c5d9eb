#include "server/tenants.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/recovery.h"
#include "sync/base/file.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"

namespace doorstep::server {

absl::Status CheckName(absl::string_view path, absl::string_view name) {
  const bool fits =
      !name.empty() && name.size() <= kMaxNameBytes && absl::ascii_isalnum(name[0]) &&
      std::all_of(name.begin(), name.end(), [](char c) {
        return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '_' || c == '.';
      });
  if (fits) return absl::OkStatus();
  return InvalidField(path, name, "1 to 64 of a-z, 0-9, '-', '_' and '.', first a letter or digit");
}

namespace {

std::shared_ptr<const Schema> SchemaOf(const Store& store,
                                       const std::shared_ptr<const Schema>& asked_for) {
  std::shared_ptr<const Schema> schema = store.schema();
  return schema == nullptr ? asked_for : schema;
}

}  // namespace

Tenants::Tenants(const TenantsOptions& options) : options_(options) {
  if (options_.clock == nullptr) options_.clock = SystemClock();
  if (options_.entropy == nullptr) options_.entropy = SystemEntropy();
  if (options_.schema == nullptr) options_.schema = Schema::BuiltIn();
  if (options_.sqlite.clock == nullptr) options_.sqlite.clock = options_.clock;
  if (options_.open_store != nullptr) return;
  options_.open_store = [this](const std::string& path, bool create) {
    return OpenSqliteStore(path, create, options_.schema, *options_.entropy, options_.sqlite);
  };
}

std::string Tenants::PathOf(absl::string_view name) const {
  return absl::StrCat(options_.data_dir, "/tenants/", name, ".db");
}

std::string Tenants::AttachmentsPathOf(absl::string_view name) const {
  return absl::StrCat(options_.data_dir, "/attachments/", name, ".db");
}

absl::StatusOr<std::unique_ptr<Database>> Tenants::OpenDatabase(absl::string_view name,
                                                                bool read_only) const {
  DatabaseOptions options;
  options.read_only = read_only;
  options.key = options_.sqlite.key;
  return Database::Open(PathOf(name), options);
}

absl::StatusOr<std::string> Tenants::RecoveryKey(absl::string_view name) const {
  return ReadRecoveryKey(options_.data_dir, name);
}

absl::StatusOr<Tenant*> Tenants::OpenLocked(absl::string_view name, bool create) {
  const auto it = open_.find(name);
  if (it != open_.end()) return it->second.get();
  absl::StatusOr<std::unique_ptr<Store>> store = options_.open_store(PathOf(name), create);
  if (!store.ok()) return Annotate(store.status(), absl::StrCat("tenant ", name));
  std::shared_ptr<const Schema> schema = SchemaOf(**store, options_.schema);
  auto tenant = std::make_unique<Tenant>(
      std::string(name), *std::move(store), std::move(schema), options_.entropy,
      [this, path = AttachmentsPathOf(name)](bool create_them) {
        return AttachmentStore::Open(path, create_them, *options_.entropy, options_.sqlite);
      });
  DOORSTEP_RETURN_IF_ERROR(tenant->NoticeForeignCommits());
  return open_.emplace(std::string(name), std::move(tenant)).first->second.get();
}

absl::StatusOr<Tenant*> Tenants::Find(absl::string_view name) {
  if (absl::Status status = CheckName("tenant", name); !status.ok()) {
    return absl::NotFoundError(status.message());
  }
  MutexLock lock(mu_);
  return OpenLocked(name, /*create=*/false);
}

absl::StatusOr<Tenant*> Tenants::Ensure(absl::string_view name) {
  DOORSTEP_RETURN_IF_ERROR(CheckName("tenant", name));
  DOORSTEP_RETURN_IF_ERROR(EnsureDirectory(absl::StrCat(options_.data_dir, "/tenants")));
  MutexLock lock(mu_);
  return OpenLocked(name, /*create=*/true);
}

absl::StatusOr<std::vector<std::string>> Tenants::List() const {
  std::vector<std::string> names;
  const std::string directory = absl::StrCat(options_.data_dir, "/tenants");
  DIR* open = ::opendir(directory.c_str());
  if (open == nullptr) {
    if (errno == ENOENT) return names;
    return absl::ErrnoToStatus(errno, directory);
  }
  while (const dirent* entry = ::readdir(open)) {
    absl::string_view name = entry->d_name;
    if (absl::ConsumeSuffix(&name, ".db") && CheckName("tenant", name).ok()) {
      names.emplace_back(name);
    }
  }
  ::closedir(open);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<Tenant*> Tenants::Open() const {
  MutexLock lock(mu_);
  std::vector<Tenant*> tenants;
  for (const auto& [name, tenant] : open_) tenants.push_back(tenant.get());
  return tenants;
}

absl::StatusOr<bool> Tenants::TakeNewSchema(Tenant& tenant) {
  DOORSTEP_ASSIGN_OR_RETURN(const bool in_use, tenant.store().SchemaIsInUse());
  if (!in_use) {
    // Ready before anybody waits.
    DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Store> store,
                              options_.open_store(PathOf(tenant.name()), /*create=*/false));
    std::shared_ptr<const Schema> schema = SchemaOf(*store, options_.schema);
    tenant.Swap(std::move(store), std::move(schema));
  }
  std::string& served = served_[tenant.name()];
  if (served == tenant.schema().hash()) return false;
  DOORSTEP_RETURN_IF_ERROR(tenant.store().NoteServed(clock().Read().wall_ms));
  served = tenant.schema().hash();
  return !in_use;
}

absl::Status Tenants::TakeNewSchemas(std::vector<std::string>* taken) {
  absl::Status first;
  for (Tenant* tenant : Open()) {
    const absl::StatusOr<bool> other = TakeNewSchema(*tenant);
    if (!other.ok()) {
      first.Update(Annotate(other.status(), absl::StrCat("tenant ", tenant->name(), ": schema")));
    } else if (*other) {
      taken->push_back(tenant->name());
    }
  }
  return first;
}

}  // namespace doorstep::server
