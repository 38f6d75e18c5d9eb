// The database of a replica: its connection, its record tables, and what it knows of itself.
//
// Nothing in it is remembered in memory that another process could change, except dictionaries
// (their rows never change). Threads: as the Replica.
#ifndef CLIENT_LIB_STORE_H_
#define CLIENT_LIB_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client-lib/access.h"
#include "client-lib/bell.h"
#include "client-lib/search_index.h"
#include "client-lib/secret.h"
#include "client-lib/shelf.h"
#include "sync/base/bytes.h"
#include "sync/base/clock.h"
#include "sync/base/entropy.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"
#include "sync/sqlite/database.h"
#include "sync/tables/record_tables.h"

namespace doorstep::client {

// Keys of _state.
namespace key {
inline constexpr absl::string_view kTenant = "tenant";
inline constexpr absl::string_view kSite = "site";
inline constexpr absl::string_view kDevice = "device";  // 16 bytes; written last by Init
inline constexpr absl::string_view kDeviceName = "device_name";
inline constexpr absl::string_view kUser = "user";
inline constexpr absl::string_view kServer = "server";
inline constexpr absl::string_view kSchemaHash = "schema_hash";
// The descriptor set that the replica was given (Replica::UseSchema); empty once that is no more
// than the program's own.
inline constexpr absl::string_view kSchemaKept = "schema_kept";
inline constexpr absl::string_view kIncarnation = "incarnation";
inline constexpr absl::string_view kNextCounter = "next_counter";
inline constexpr absl::string_view kEpoch = "epoch";        // 0 = never met a server
inline constexpr absl::string_view kOrigin = "origin";      // the server's first epoch
inline constexpr absl::string_view kCursor = "cursor";      // the applied checkpoint
inline constexpr absl::string_view kComplete = "complete";  // 1: the first pull has finished
inline constexpr absl::string_view kFirst = "first";        // 1: a first pull is due or under way
inline constexpr absl::string_view kFirstFrom = "first_from";  // K0, once the server has named it
inline constexpr absl::string_view kPosition = "position";     // of the pull that was cut
// 1: something was taken away and may still be readable in the log; see apply.h.
inline constexpr absl::string_view kForget = "forget";
// Where the server's history ended when it last sent a batch; its own encoding.
inline constexpr absl::string_view kHistoryEnd = "history_end";
inline constexpr absl::string_view kRepair = "repair";      // see apply.h
inline constexpr absl::string_view kExpected = "expected";  // records, while incomplete
inline constexpr absl::string_view kUpToDateAt = "up_to_date_at";
inline constexpr absl::string_view kContact = "contact_ms";
inline constexpr absl::string_view kContactMono = "contact_mono_ms";
inline constexpr absl::string_view kContactBoot = "contact_boot";
inline constexpr absl::string_view kSends = "sends";
// Under which attachments are kept here (shelf.h); 32 bytes.
inline constexpr absl::string_view kAttachmentKey = "attachment_key";
// 1: records were taken away, and attachments may have to go with them.
inline constexpr absl::string_view kCollect = "collect";
inline constexpr absl::string_view kCollectedAt = "collected_at";  // when that was last looked for
// The largest attachment, in bytes, that the last sync received unasked, and one more; 0: nobody
// has said.
inline constexpr absl::string_view kUnaskedPlusOne = "unasked_plus_one";
inline constexpr absl::string_view kSearchMarked = "search_marked";  // what the index was made of
}  // namespace key

class Store {
 public:
  // `bell_directory`: where observers listen; empty = nowhere.
  Store(std::unique_ptr<Database> db, std::shared_ptr<const Schema> schema,
        std::string bell_directory, Access access);

  Database& db() { return *db_; }
  RecordTables& tables() { return tables_; }
  Bell& bell() { return bell_; }
  SearchIndex& search() { return search_; }
  const Access& access() const { return access_; }
  void Hold(std::optional<FileLock> lock) { access_.lock = std::move(lock); }
  const Schema& schema() const { return *schema_; }
  const std::shared_ptr<const Schema>& shared_schema() const { return schema_; }

  // Facts of _state. 0 or empty when there is none.
  absl::StatusOr<int64_t> Int(absl::string_view key);
  absl::StatusOr<std::string> Text(absl::string_view key);
  absl::StatusOr<Uuid> Id(absl::string_view key);  // nil when there is none
  absl::Status SetInt(absl::string_view key, int64_t value);
  absl::Status SetText(absl::string_view key, absl::string_view value);
  absl::Status SetBlob(absl::string_view key, absl::string_view value);

  // Who uses the replica: the person who opened it, else the one that Init named.
  absl::StatusOr<std::string> User();
  // Who makes a change that `asked` (empty: nobody in particular) is to have made.
  // kPermissionDenied when another person has opened the replica: what is written is theirs.
  absl::StatusOr<std::string> AuthorFor(const std::string& asked);

  // Whether the index of words is one of the fields that are marked now.
  absl::StatusOr<bool> SearchIsCurrent();
  // After RecordTables::Create, in its transaction: makes the index anew where it is not current,
  // else brings it in step.
  absl::Status BringSearchUpToDate();

  // The last word of the server, for stamps.
  absl::Status SetContact(int64_t server_ms, const ClockReading& when);
  absl::StatusOr<Stamp> MakeStamp(const ClockReading& now);

  // The attachments beside this database. Null: there are none yet, and without `create` none are
  // made. Not in a transaction that writes.
  absl::StatusOr<Shelf*> Attachments(bool create, Entropy& entropy);
  // How to open them, without the key; before the first use.
  void SetAttachmentOptions(const DatabaseOptions& options) { shelf_options_ = options; }

  // The short name; of a kind that this schema does not know: "kind 57".
  std::string KindName(uint32_t kind) const;

 private:
  absl::StatusOr<std::unique_ptr<Shelf>> OpenShelf(const Secret& file_key,
                                                   const std::string& chunk_key, bool create,
                                                   Entropy& entropy);

  Access access_;  // first: its lock outlives the connection
  std::unique_ptr<Database> db_;
  std::shared_ptr<const Schema> schema_;
  RecordTables tables_;
  SearchIndex search_;
  Bell bell_;
  DatabaseOptions shelf_options_;
  std::unique_ptr<Shelf> shelf_;
};

// A write transaction of a store: what was not committed is rolled back, in memory too.
class Write {
 public:
  // kFailedPrecondition when another program has meanwhile brought the replica to another schema.
  static absl::StatusOr<Write> Begin(Store& store);
  Write(Write&& other) noexcept;
  Write& operator=(Write&&) = delete;
  ~Write();

  absl::Status Commit();

 private:
  Write(Store& store, Transaction transaction);
  Store* store_;  // null: over
  Transaction transaction_;
};

// A read snapshot, unless a transaction is open already.
class Read {
 public:
  static absl::StatusOr<Read> Begin(Store& store);

 private:
  explicit Read(std::unique_ptr<Transaction> transaction) : transaction_(std::move(transaction)) {}
  std::unique_ptr<Transaction> transaction_;
};

}  // namespace doorstep::client

#endif  // CLIENT_LIB_STORE_H_
