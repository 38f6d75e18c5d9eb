#include "client-lib/store.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client-lib/shelf_key.h"
#include "sync/base/status.h"

namespace doorstep::client {

Store::Store(std::unique_ptr<Database> db, std::shared_ptr<const Schema> schema,
             std::string bell_directory, Access access)
    : access_(std::move(access)),
      db_(std::move(db)),
      schema_(std::move(schema)),
      tables_(db_.get(), schema_),
      search_(db_.get(), schema_.get()),
      bell_(std::move(bell_directory)) {
  tables_.SetRowHook([this](const RecordTables::Place& place, bool is_new) {
    return search_.Note(place, is_new);
  });
}

absl::StatusOr<std::string> Store::User() {
  if (!access_.person.empty()) return access_.person;
  return Text(key::kUser);
}

absl::StatusOr<std::string> Store::AuthorFor(const std::string& asked) {
  if (asked.empty()) return User();
  if (access_.person.empty() || asked == access_.person) return asked;
  return absl::PermissionDeniedError(
      absl::StrCat("author: got ", Quoted(asked), ", wanted ", Quoted(access_.person),
                   ", who has unlocked this replica: what is written is theirs"));
}

absl::StatusOr<bool> Store::SearchIsCurrent() {
  DOORSTEP_ASSIGN_OR_RETURN(const std::string marked, Text(key::kSearchMarked));
  return marked == search_.Marked();
}

absl::Status Store::BringSearchUpToDate() {
  DOORSTEP_ASSIGN_OR_RETURN(const bool current, SearchIsCurrent());
  if (current) return search_.Flush();
  DOORSTEP_RETURN_IF_ERROR(search_.Build());
  return SetText(key::kSearchMarked, search_.Marked());
}

absl::StatusOr<int64_t> Store::Int(absl::string_view key) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db_->Prepared("SELECT value FROM _state WHERE key = ?1"));
  ScopedReset done(find);
  find->BindText(1, key);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  return found ? find->Int(0) : 0;
}

absl::StatusOr<std::string> Store::Text(absl::string_view key) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db_->Prepared("SELECT value FROM _state WHERE key = ?1"));
  ScopedReset done(find);
  find->BindText(1, key);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  if (!found) return std::string();
  const absl::string_view value =
      find->Type(0) == ColumnType::kBlob ? find->Blob(0) : find->Text(0);
  return std::string(value);
}

absl::StatusOr<Uuid> Store::Id(absl::string_view key) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::string bytes, Text(key));
  if (bytes.empty()) return Uuid();
  return Uuid::FromBytes(bytes);
}

absl::Status Store::SetInt(absl::string_view key, int64_t value) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * set, db_->Prepared("INSERT INTO _state(key, value) VALUES(?1, ?2)"
                                     " ON CONFLICT(key) DO UPDATE SET value = excluded.value"));
  return set->BindText(1, key).BindInt(2, value).Run();
}

absl::Status Store::SetText(absl::string_view key, absl::string_view value) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * set, db_->Prepared("INSERT INTO _state(key, value) VALUES(?1, ?2)"
                                     " ON CONFLICT(key) DO UPDATE SET value = excluded.value"));
  return set->BindText(1, key).BindText(2, value).Run();
}

absl::Status Store::SetBlob(absl::string_view key, absl::string_view value) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * set, db_->Prepared("INSERT INTO _state(key, value) VALUES(?1, ?2)"
                                     " ON CONFLICT(key) DO UPDATE SET value = excluded.value"));
  return set->BindText(1, key).BindBlob(2, value).Run();
}

absl::Status Store::SetContact(int64_t server_ms, const ClockReading& when) {
  DOORSTEP_RETURN_IF_ERROR(SetInt(key::kContact, server_ms));
  DOORSTEP_RETURN_IF_ERROR(SetInt(key::kContactMono, when.mono_ms));
  return SetInt(key::kContactBoot, static_cast<int64_t>(when.boot));
}

absl::StatusOr<Stamp> Store::MakeStamp(const ClockReading& now) {
  Stamp stamp;
  stamp.wall_ms = now.wall_ms;
  stamp.boot = now.boot;
  stamp.mono_ms = now.mono_ms;
  DOORSTEP_ASSIGN_OR_RETURN(stamp.contact_ms, Int(key::kContact));
  DOORSTEP_ASSIGN_OR_RETURN(stamp.contact_mono_ms, Int(key::kContactMono));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t boot, Int(key::kContactBoot));
  stamp.contact_boot = static_cast<uint64_t>(boot);
  return stamp;
}

namespace {

// replica.db: attachments.db.
// The one place that knows the key. It is made with the first attachment.
absl::StatusOr<std::string> AttachmentKey(Store& store, bool create, Entropy& entropy) {
  DOORSTEP_ASSIGN_OR_RETURN(std::string key, store.Text(key::kAttachmentKey));
  if (!key.empty() || !create) return key;
  DOORSTEP_ASSIGN_OR_RETURN(Write write, Write::Begin(store));
  DOORSTEP_ASSIGN_OR_RETURN(key, store.Text(key::kAttachmentKey));  // another process was first
  if (!key.empty()) return key;
  key = NewChunkKey(entropy);
  DOORSTEP_RETURN_IF_ERROR(store.SetBlob(key::kAttachmentKey, key));
  DOORSTEP_RETURN_IF_ERROR(write.Commit());
  return key;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Shelf>> Store::OpenShelf(const Secret& file_key,
                                                        const std::string& chunk_key, bool create,
                                                        Entropy& entropy) {
  DatabaseOptions options = shelf_options_;
  options.create = create;
  options.key = std::string(file_key.view());
  auto shelf = Shelf::Open(AttachmentsPathOf(db_->path()), options, chunk_key, entropy);
  Wipe(&options.key);
  return shelf;
}

absl::StatusOr<Shelf*> Store::Attachments(bool create, Entropy& entropy) {
  if (shelf_ != nullptr) return shelf_.get();
  DOORSTEP_ASSIGN_OR_RETURN(const std::string key, AttachmentKey(*this, create, entropy));
  if (key.empty()) return nullptr;
  absl::StatusOr<std::unique_ptr<Shelf>> shelf;
  if (access_.key.empty()) {
    shelf = OpenShelf(Secret(), key, create, entropy);
  } else {
    DOORSTEP_ASSIGN_OR_RETURN(const ShelfKeys file, ShelfKeysOf(*this, create));
    if (file.key.empty()) return nullptr;
    shelf = OpenShelf(file.key, key, create, entropy);
    if (absl::IsDataLoss(shelf.status()) && !file.next.empty()) {
      shelf = OpenShelf(file.next, key, create, entropy);
    }
  }
  if (absl::IsNotFound(shelf.status())) return nullptr;
  if (!shelf.ok()) return Annotate(shelf.status(), "attachments");
  shelf_ = *std::move(shelf);
  return shelf_.get();
}

std::string Store::KindName(uint32_t kind) const {
  const KindSpec* spec = schema_->Find(kind);
  return spec == nullptr ? absl::StrCat("kind ", kind) : spec->name;
}

Write::Write(Store& store, Transaction transaction)
    : store_(&store), transaction_(std::move(transaction)) {}

Write::Write(Write&& other) noexcept
    : store_(std::exchange(other.store_, nullptr)), transaction_(std::move(other.transaction_)) {}

Write::~Write() {
  // The transaction itself rolls back when it goes; ids that it gave out must go with it,
  // and what its rows would have said.
  if (store_ == nullptr) return;
  store_->tables().dictionary().Forget();
  store_->search().Forget();
}

absl::StatusOr<Write> Write::Begin(Store& store) {
  if (store.db().InTransaction()) {
    return absl::FailedPreconditionError(
        "a transaction of this replica is open: do not start another inside its callback");
  }
  DOORSTEP_ASSIGN_OR_RETURN(Transaction transaction,
                            Transaction::Begin(store.db(), Transaction::Mode::kWrite));
  Write write(store, std::move(transaction));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string hash, store.Text(key::kSchemaHash));
  if (hash != store.schema().hash()) {
    return absl::FailedPreconditionError(
        "another program has brought this replica to another schema: open it again");
  }
  return write;
}

absl::Status Write::Commit() {
  DOORSTEP_RETURN_IF_ERROR(store_->search().Flush());
  DOORSTEP_RETURN_IF_ERROR(transaction_.Commit());
  std::exchange(store_, nullptr)->bell().Ring();
  return absl::OkStatus();
}

absl::StatusOr<Read> Read::Begin(Store& store) {
  if (store.db().InTransaction()) return Read(nullptr);
  DOORSTEP_ASSIGN_OR_RETURN(Transaction transaction,
                            Transaction::Begin(store.db(), Transaction::Mode::kRead));
  return Read(std::make_unique<Transaction>(std::move(transaction)));
}

}  // namespace doorstep::client
