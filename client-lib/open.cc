#include "client-lib/open.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "client-lib/apply.h"
#include "client-lib/attachment_rows.h"
#include "client-lib/migrations.h"
#include "client-lib/shelf_key.h"
#include "client-lib/unlock.h"
#include "sync/base/file.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/base/utf8.h"
#include "sync/schema/compare.h"
#include "sync/sqlite/migrate.h"
#include "sync/tables/ddl.h"

namespace doorstep::client {
namespace {

// "DRep": whose database a file is.
constexpr int32_t kApplicationId = 0x44526570;

std::shared_ptr<const Schema> OwnSchema(const Environment& environment) {
  return environment.schema == nullptr ? Schema::BuiltIn() : environment.schema;
}

// The one to open the replica with: what it was given leads where the program's own has less.
absl::StatusOr<std::shared_ptr<const Schema>> SchemaFor(Database& db,
                                                        const Environment& environment) {
  std::shared_ptr<const Schema> own = OwnSchema(environment);
  // A file that nobody has made a replica of is refused elsewhere.
  DOORSTEP_ASSIGN_OR_RETURN(
      const int64_t tables,
      db.QueryInt("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '_state'"));
  if (tables == 0) return own;
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db.Prepared("SELECT value FROM _state WHERE key = ?1"));
  ScopedReset done(find);
  find->BindText(1, key::kSchemaKept);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  if (!found || find->Blob(0).empty() || find->Blob(0) == own->descriptor_set()) return own;
  absl::StatusOr<std::shared_ptr<const Schema>> kept = Schema::FromDescriptorSet(find->Blob(0));
  if (kept.ok()) return SchemaInUse(own, *kept);
  return absl::FailedPreconditionError(
      absl::StrCat("the schema of this replica was given to it by a newer program (",
                   kept.status().message(), "): open it with that program, or a later one"));
}

// The key in it must be wiped.
DatabaseOptions OptionsFor(const OpenOptions& options, const Access& access) {
  DatabaseOptions database;
  database.read_only = options.read_only;
  database.sync = options.durability == OpenOptions::Durability::kFull
                      ? DatabaseOptions::Sync::kFull
                      : DatabaseOptions::Sync::kNormal;
  database.secure_delete = true;
  database.vfs = options.environment.vfs;
  database.key = std::string(access.key.view());
  return database;
}

absl::StatusOr<std::unique_ptr<Database>> OpenDatabase(const std::string& directory,
                                                       const OpenOptions& options,
                                                       const Access& access, bool create) {
  DatabaseOptions database = OptionsFor(options, access);
  database.create = create;
  auto opened = Database::Open(DatabasePath(directory), database);
  Wipe(&database.key);
  return opened;
}

absl::Status CheckText(absl::string_view what, const std::string& text) {
  if (!text.empty() && text.size() <= kMaxAuthorBytes && IsValidUtf8(text) &&
      text.find('\0') == std::string::npos) {
    return absl::OkStatus();
  }
  return InvalidField(what, text, absl::StrCat("1 to ", kMaxAuthorBytes, " bytes of UTF-8"));
}

absl::Status CheckInit(const InitOptions& options) {
  DOORSTEP_RETURN_IF_ERROR(CheckText("tenant", options.tenant));
  DOORSTEP_RETURN_IF_ERROR(CheckText("site", options.site));
  DOORSTEP_RETURN_IF_ERROR(CheckText("device_name", options.device_name));
  return CheckText("user", options.user);
}

// A directory whose files SQLite could not keep in step.
absl::Status CheckWritable(const std::string& directory) {
  if (faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return absl::OkStatus();
  if (errno == ENOENT) return absl::OkStatus();  // said better elsewhere
  return absl::PermissionDeniedError(
      absl::StrCat(directory,
                   ": cannot be written by this user, wanted a directory that can: "
                   "change its permissions, or open the replica for reading"));
}

absl::Status WriteIdentity(Store& store, const InitOptions& options, Clock& clock,
                           Entropy& entropy) {
  DOORSTEP_RETURN_IF_ERROR(store.tables().Create());
  DOORSTEP_RETURN_IF_ERROR(store.BringSearchUpToDate());
  DOORSTEP_RETURN_IF_ERROR(store.SetBlob(key::kSchemaHash, store.schema().hash()));
  DOORSTEP_RETURN_IF_ERROR(store.SetBlob(key::kSchemaKept, options.descriptor_set));
  DOORSTEP_RETURN_IF_ERROR(store.SetText(key::kTenant, options.tenant));
  DOORSTEP_RETURN_IF_ERROR(store.SetText(key::kSite, options.site));
  DOORSTEP_RETURN_IF_ERROR(store.SetText(key::kDeviceName, options.device_name));
  DOORSTEP_RETURN_IF_ERROR(store.SetText(key::kUser, options.user));
  DOORSTEP_RETURN_IF_ERROR(store.SetText(key::kServer, options.server));
  DOORSTEP_RETURN_IF_ERROR(store.SetBlob(key::kIncarnation, NewUuidV4(entropy).AsBytes()));
  DOORSTEP_RETURN_IF_ERROR(store.SetInt(key::kNextCounter, 1));
  DOORSTEP_RETURN_IF_ERROR(store.SetInt(key::kFirst, 1));
  return store.SetBlob(key::kDevice, NewUuidV7(clock.Read().wall_ms, entropy).AsBytes());
}

// A column or kind that only a newer schema has: this program would lose what stands in it.
absl::Status CheckNotNewer(Database& db, const Schema& schema) {
  DOORSTEP_ASSIGN_OR_RETURN(
      std::unique_ptr<Statement> list,
      db.Prepare("SELECT s.name, c.name FROM sqlite_schema AS s, pragma_table_info(s.name) AS c"
                 " WHERE s.type = 'table' AND substr(s.name, 1, 2) = 'k_' ORDER BY s.name, c.cid"));
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return absl::OkStatus();
    const absl::string_view table = list->Text(0);
    const absl::string_view column = list->Text(1);
    bool known = column == "id" || absl::StartsWith(column, "_");
    bool has_kind = false;
    for (const KindSpec& kind : schema.kinds()) {
      if (absl::StrCat("k_", kind.table) != table) continue;
      has_kind = true;
      for (const Column& own : ColumnsOf(kind)) known |= own.name == column;
    }
    if (known && has_kind) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("this replica was used by a newer program, which keeps ", table, ".", column,
                     ": open it with that program, or a later one"));
  }
}

absl::Status AdoptSchema(Store& store) {
  DOORSTEP_ASSIGN_OR_RETURN(Transaction transaction,
                            Transaction::Begin(store.db(), Transaction::Mode::kWrite));
  DOORSTEP_RETURN_IF_ERROR(CheckNotNewer(store.db(), store.schema()));
  DOORSTEP_RETURN_IF_ERROR(store.tables().Create());
  DOORSTEP_RETURN_IF_ERROR(store.BringSearchUpToDate());
  DOORSTEP_RETURN_IF_ERROR(store.SetBlob(key::kSchemaHash, store.schema().hash()));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string kept, store.Text(key::kSchemaKept));
  if (kept != store.schema().descriptor_set()) {
    DOORSTEP_RETURN_IF_ERROR(store.SetBlob(key::kSchemaKept, ""));
  }
  return transaction.Commit();
}

absl::Status BringUpToDate(Store& store, bool read_only) {
  const std::vector<Migration> ladder = Migrations();
  DOORSTEP_ASSIGN_OR_RETURN(const int version, SchemaVersion(store.db()));
  const bool older = version < ladder.back().version;
  if (!older || !read_only) DOORSTEP_RETURN_IF_ERROR(MigrateReplica(store.db()));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string device, store.Text(key::kDevice));
  if (device.empty()) {
    return absl::NotFoundError("the replica was not finished: make it again (doorstep init)");
  }
  DOORSTEP_ASSIGN_OR_RETURN(const std::string hash, store.Text(key::kSchemaHash));
  DOORSTEP_ASSIGN_OR_RETURN(const bool searchable, store.SearchIsCurrent());
  if (!older && searchable && hash == store.schema().hash()) return absl::OkStatus();
  if (read_only) {
    return absl::FailedPreconditionError("the replica needs an upgrade: open it for writing once");
  }
  return AdoptSchema(store);
}

// Reads a little of everything that work on the replica begins with.
absl::Status QuickUse(Store& store) {
  DOORSTEP_RETURN_IF_ERROR(store.db().QueryInt("SELECT count(*) FROM sqlite_schema").status());
  DOORSTEP_RETURN_IF_ERROR(store.db().QueryInt("SELECT count(*) FROM _state").status());
  DOORSTEP_RETURN_IF_ERROR(
      store.db().QueryInt("SELECT count(*) FROM _outbox WHERE words IS NULL").status());
  DOORSTEP_RETURN_IF_ERROR(store.db().QueryInt("SELECT count(*) FROM _compartment").status());
  return store.db().QueryInt("SELECT count(*) FROM (SELECT 1 FROM _record LIMIT 1000)").status();
}

absl::StatusOr<std::unique_ptr<Store>> TryOpen(const std::string& directory,
                                               const OpenOptions& options, Access& access) {
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Database> db,
                            OpenDatabase(directory, options, access, /*create=*/false));
  const bool rings = !options.read_only && options.environment.vfs.empty();
  DOORSTEP_ASSIGN_OR_RETURN(std::shared_ptr<const Schema> schema,
                            SchemaFor(*db, options.environment));
  auto store =
      std::make_unique<Store>(std::move(db), std::move(schema), rings ? directory : std::string(),
                              Access{access.key.Copy(), access.person, access.directory, {}});
  // Their key stands in the replica: it is put in when they are opened.
  DatabaseOptions attachments = OptionsFor(options, Access());
  attachments.sync = DatabaseOptions::Sync::kFull;
  store->SetAttachmentOptions(attachments);
  if (options.check) DOORSTEP_RETURN_IF_ERROR(store->db().QuickCheck());
  DOORSTEP_RETURN_IF_ERROR(BringUpToDate(*store, options.read_only));
  DOORSTEP_RETURN_IF_ERROR(QuickUse(*store));
  // A disk that is full must not keep people from their records: then it stays due.
  if (!options.read_only) {
    Forget(*store).IgnoreError();
    CollectAttachments(*store, ClockOf(options.environment), EntropyOf(options.environment))
        .IgnoreError();
  }
  store->Hold(std::exchange(access.lock, std::nullopt));
  return store;
}

// How many changes the damaged database holds that were never received, if that can be read.
std::string UnsentText(const std::string& directory, const Access& access) {
  OpenOptions options;
  options.read_only = true;
  const auto db = OpenDatabase(directory, options, access, /*create=*/false);
  if (db.ok()) {
    const auto waiting =
        (*db)->QueryInt("SELECT coalesce(sum(changes), 0) FROM _outbox WHERE words IS NULL");
    if (waiting.ok()) {
      return absl::StrCat(
          "changes in it that the server has not received and that can still be "
          "read: ",
          *waiting);
    }
  }
  return "how many unsent changes it holds cannot be told";
}

// Moves a damaged database out of the way, with its log and its keyring, so that all still belong
// together. Only once its key was there: without it nobody can tell damage from a wrong key.
absl::Status SetAside(const std::string& directory, const absl::Status& damage,
                      const Access& access, Clock& clock) {
  const std::string path = DatabasePath(directory);
  const std::string unsent = UnsentText(directory, access);
  const std::string aside = FreeName(path + ".damaged", clock);
  const std::string attachments = AttachmentsPathOf(path);
  const std::string attachments_aside = absl::StrCat(attachments, absl::StripPrefix(aside, path));
  const std::pair<std::string, std::string> moves[] = {
      // Attachments first: their key stands in the replica.
      {attachments + "-wal", attachments_aside + "-wal"},
      {attachments + "-shm", attachments_aside + "-shm"},
      {attachments, attachments_aside},
      {path + "-wal", aside + "-wal"},
      {path + "-shm", aside + "-shm"},
      {path, aside},
      // The key goes with what it opens; a new replica makes its own.
      {KeyringPath(directory), aside + "-keyring"}};
  for (const auto& [from, to] : moves) {
    std::error_code error;
    std::filesystem::rename(from, to, error);
    if (error && error != std::errc::no_such_file_or_directory) {
      return absl::DataLossError(absl::StrCat(path, ": the replica is damaged (", damage.message(),
                                              ") and could not be set aside: ", error.message()));
    }
  }
  DOORSTEP_RETURN_IF_ERROR(SyncDirectory(directory));
  return absl::DataLossError(
      absl::StrCat(path, ": the replica is damaged (", damage.message(), "). It was set aside as ",
                   aside, "; ", unsent,
                   ". Keep that file. Next: doorstep init in the same directory, then doorstep "
                   "sync, which brings back everything that the server has"));
}

}  // namespace

std::string FreeName(const std::string& path, Clock& clock) {
  // 2026-11-22T09:00:00.123Z as 20261122T090000Z.
  std::string when = absl::StrReplaceAll(FormatUtc(clock.Read().wall_ms), {{"-", ""}, {":", ""}});
  when = absl::StrCat(when.substr(0, when.find('.')), "Z");
  std::string free = absl::StrCat(path, "-", when);
  for (int i = 2; std::filesystem::exists(free); ++i) {
    free = absl::StrCat(path, "-", when, ".", i);
  }
  return free;
}

absl::Status MigrateReplica(Database& db) { return Migrate(db, kApplicationId, Migrations()); }

std::string DatabasePath(const std::string& directory) {
  return absl::StrCat(directory, "/replica.db");
}

Clock& ClockOf(const Environment& environment) {
  return environment.clock == nullptr ? *SystemClock() : *environment.clock;
}

Entropy& EntropyOf(const Environment& environment) {
  return environment.entropy == nullptr ? *SystemEntropy() : *environment.entropy;
}

namespace {

// Of a replica that is there, or that an earlier attempt has begun; else of a new one.
absl::StatusOr<Access> AccessForInit(const std::string& directory, const InitOptions& options) {
  std::error_code error;
  if (!options.environment.vfs.empty() ||
      std::filesystem::file_size(DatabasePath(directory), error) == 0 || error) {
    return MakeAccess(directory, options);
  }
  absl::StatusOr<Access> access = GainAccess(directory, options.environment, /*read_only=*/false);
  if (!absl::IsUnauthenticated(access.status()) && !absl::IsPermissionDenied(access.status())) {
    return access;
  }
  return absl::AlreadyExistsError(
      absl::StrCat(directory, ": there is a replica already (", access.status().message(), ")"));
}

}  // namespace

absl::Status InitStore(const std::string& directory, const InitOptions& options) {
  DOORSTEP_RETURN_IF_ERROR(CheckInit(options));
  DOORSTEP_RETURN_IF_ERROR(EnsureDirectory(directory));
  DOORSTEP_RETURN_IF_ERROR(CheckWritable(directory));
  OpenOptions open;
  open.environment = options.environment;
  DOORSTEP_ASSIGN_OR_RETURN(Access access, AccessForInit(directory, options));
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Database> db,
                            OpenDatabase(directory, open, access, /*create=*/true));
  DOORSTEP_RETURN_IF_ERROR(MigrateReplica(*db));
  std::shared_ptr<const Schema> schema = OwnSchema(options.environment);
  if (!options.descriptor_set.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::shared_ptr<const Schema> given,
                              Schema::FromDescriptorSet(options.descriptor_set));
    schema = SchemaInUse(schema, given);
  }
  Store store(std::move(db), std::move(schema), "", std::move(access));
  DOORSTEP_ASSIGN_OR_RETURN(Transaction transaction,
                            Transaction::Begin(store.db(), Transaction::Mode::kWrite));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string device, store.Text(key::kDevice));
  if (!device.empty()) {
    return absl::AlreadyExistsError(absl::StrCat(directory, ": there is a replica already"));
  }
  DOORSTEP_RETURN_IF_ERROR(
      WriteIdentity(store, options, ClockOf(options.environment), EntropyOf(options.environment)));
  return transaction.Commit();
}

absl::StatusOr<std::unique_ptr<Store>> OpenStore(const std::string& directory,
                                                 const OpenOptions& options) {
  if (options.environment.vfs.empty()) {
    std::error_code error;
    if (!std::filesystem::exists(DatabasePath(directory), error) && !error) {
      return absl::NotFoundError(
          absl::StrCat(directory, ": no replica here (doorstep init makes one)"));
    }
    if (!options.read_only) DOORSTEP_RETURN_IF_ERROR(CheckWritable(directory));
  }
  absl::StatusOr<Access> access = GainAccess(directory, options.environment, options.read_only);
  absl::StatusOr<std::unique_ptr<Store>> store;
  if (access.ok()) {
    store = TryOpen(directory, options, *access);
  } else {
    store = access.status();
  }
  if (store.ok()) return store;
  if (!absl::IsDataLoss(store.status())) return Annotate(store.status(), directory);
  if (options.read_only || !options.environment.vfs.empty()) {
    return Annotate(store.status(),
                    absl::StrCat(directory,
                                 ": the replica is damaged; open it for writing, and it "
                                 "is set aside"));
  }
  const Access none;
  return SetAside(directory, store.status(), access.ok() ? *access : none,
                  ClockOf(options.environment));
}

absl::Status GiveSchema(const std::string& directory, absl::string_view descriptor_set,
                        const OpenOptions& options) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::shared_ptr<const Schema> given,
                            Schema::FromDescriptorSet(descriptor_set));
  DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Store> store, OpenStore(directory, options));
  for (const SchemaChange& change : CompareSchemas(store->schema(), *given)) {
    if (!change.Breaks()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(change.where, " (", change.kind, ".", change.field, "): ", change.what, ": ",
                     TextOf(change.rule), ". Instead: ", InsteadOf(change.rule)));
  }
  if (given->hash() == store->schema().hash()) return absl::OkStatus();
  {
    DOORSTEP_ASSIGN_OR_RETURN(Write write, Write::Begin(*store));
    DOORSTEP_RETURN_IF_ERROR(store->SetBlob(key::kSchemaKept, descriptor_set));
    DOORSTEP_RETURN_IF_ERROR(write.Commit());
  }
  // Whoever opens it now, and be it after a crash, brings it there.
  store = nullptr;
  return OpenStore(directory, options).status();
}

}  // namespace doorstep::client
