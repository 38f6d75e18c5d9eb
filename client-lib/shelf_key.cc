#include "client-lib/shelf_key.h"

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "client-lib/keyring.h"
#include "client-lib/open.h"
#include "client-lib/store.h"
#include "client-lib/unlock.h"
#include "sync/base/status.h"
#include "sync/sqlite/rekey.h"

namespace doorstep::client {
namespace {

constexpr absl::string_view kKey = "attachments_file";
constexpr absl::string_view kNext = "attachments_file_next";

absl::StatusOr<Secret> ReadOne(Database& db, absl::string_view name) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db.Prepared("SELECT value FROM _secret WHERE key = ?1"));
  const ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->BindText(1, name).Step());
  return found ? Secret(find->Blob(0)) : Secret();
}

absl::Status WriteOne(Database& db, absl::string_view name, const Secret& value) {
  if (value.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(Statement * forget,
                              db.Prepared("DELETE FROM _secret WHERE key = ?1"));
    return forget->BindText(1, name).Run();
  }
  DOORSTEP_ASSIGN_OR_RETURN(Statement * put,
                            db.Prepared("INSERT INTO _secret(key, value) VALUES(?1, ?2) "
                                        "ON CONFLICT(key) DO UPDATE SET value = ?2"));
  return put->BindText(1, name).BindBlob(2, value.view()).Run();
}

absl::StatusOr<ShelfKeys> ReadKeys(Database& db) {
  ShelfKeys keys;
  DOORSTEP_ASSIGN_OR_RETURN(keys.key, ReadOne(db, kKey));
  DOORSTEP_ASSIGN_OR_RETURN(keys.next, ReadOne(db, kNext));
  return keys;
}

// In a transaction of its own.
absl::Status Keep(Database& db, const ShelfKeys& keys) {
  DOORSTEP_ASSIGN_OR_RETURN(Transaction transaction,
                            Transaction::Begin(db, Transaction::Mode::kWrite));
  DOORSTEP_RETURN_IF_ERROR(WriteOne(db, kKey, keys.key));
  DOORSTEP_RETURN_IF_ERROR(WriteOne(db, kNext, keys.next));
  return transaction.Commit();
}

Secret NewKey() {
  std::string random = RandomBytes(kKeyBytes);
  return Secret::Taking(&random);
}

absl::Status MakeKey(Store& store) {
  DOORSTEP_ASSIGN_OR_RETURN(Write write, Write::Begin(store));
  DOORSTEP_ASSIGN_OR_RETURN(const ShelfKeys now, ReadKeys(store.db()));
  if (!now.key.empty()) return absl::OkStatus();  // another process was first
  DOORSTEP_RETURN_IF_ERROR(WriteOne(store.db(), kKey, NewKey()));
  return write.Commit();
}

// The replica's database, alone, with the tables that this program knows.
absl::StatusOr<std::unique_ptr<Database>> OpenReplica(const std::string& directory,
                                                      const Secret& replica_key) {
  DatabaseOptions options;
  options.key = std::string(replica_key.view());
  options.secure_delete = true;
  absl::StatusOr<std::unique_ptr<Database>> db = Database::Open(DatabasePath(directory), options);
  Wipe(&options.key);
  if (db.ok()) DOORSTEP_RETURN_IF_ERROR(MigrateReplica(**db));
  return db;
}

absl::Status RekeyTo(const std::string& path, const Secret& before, const Secret& after) {
  std::string old_key(before.view());
  std::string new_key(after.view());
  absl::Status done = RekeyFile(path, old_key, new_key);
  Wipe(&old_key);
  Wipe(&new_key);
  return done.ok() ? done : Annotate(std::move(done), "attachments");
}

bool IsThere(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error) || error;
}

}  // namespace

std::string AttachmentsPathOf(absl::string_view database) {
  return absl::StrCat(absl::StripSuffix(database, "replica.db"), "attachments.db");
}

absl::StatusOr<ShelfKeys> ShelfKeysOf(Store& store, bool create) {
  DOORSTEP_ASSIGN_OR_RETURN(ShelfKeys keys, ReadKeys(store.db()));
  if (!keys.key.empty() || !create) return keys;
  // What is in the file waits for the disk: its key must not go to a power cut that it survives.
  const DatabaseOptions::Sync before = store.db().sync();
  DOORSTEP_RETURN_IF_ERROR(store.db().SetSync(DatabaseOptions::Sync::kFull));
  absl::Status made = MakeKey(store);
  made.Update(store.db().SetSync(before));
  DOORSTEP_RETURN_IF_ERROR(made);
  return ReadKeys(store.db());
}

absl::Status EncryptShelf(const std::string& directory, const Secret& replica_key) {
  const std::string path = AttachmentsPathOf(DatabasePath(directory));
  const absl::StatusOr<bool> plain = IsPlainDatabase(path);
  if (absl::IsNotFound(plain.status())) return absl::OkStatus();
  DOORSTEP_RETURN_IF_ERROR(plain.status());
  if (!*plain) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<Database> db,
                            OpenReplica(directory, replica_key));
  DOORSTEP_ASSIGN_OR_RETURN(ShelfKeys keys, ReadKeys(*db));
  if (keys.key.empty()) {
    keys.key = NewKey();
    DOORSTEP_RETURN_IF_ERROR(Keep(*db, keys));
  }
  return RekeyTo(path, Secret(), keys.key);
}

absl::Status RekeyShelf(const std::string& directory, const Secret& replica_key) {
  const std::string path = AttachmentsPathOf(DatabasePath(directory));
  DOORSTEP_ASSIGN_OR_RETURN(const std::unique_ptr<Database> db,
                            OpenReplica(directory, replica_key));
  DOORSTEP_ASSIGN_OR_RETURN(ShelfKeys keys, ReadKeys(*db));
  if (keys.key.empty()) return absl::OkStatus();
  // The next file gets a key that nobody has learnt.
  if (!IsThere(path)) return Keep(*db, ShelfKeys());
  if (!keys.next.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool before, OpensWith(path, keys.key));
    if (!before) {
      // Both keys stay when it is damaged.
      DOORSTEP_ASSIGN_OR_RETURN(const bool after, OpensWith(path, keys.next));
      if (!after) {
        return absl::DataLossError(
            absl::StrCat(path, ": attachments: opens with neither of its two keys: it is damaged"));
      }
      keys.key = std::move(keys.next);
    }
  }
  // Durably first, so that whichever file a crash leaves, the replica opens it.
  keys.next = NewKey();
  DOORSTEP_RETURN_IF_ERROR(Keep(*db, keys));
  DOORSTEP_RETURN_IF_ERROR(RekeyTo(path, keys.key, keys.next));
  keys.key = std::move(keys.next);
  keys.next = Secret();
  return Keep(*db, keys);
}

}  // namespace doorstep::client
