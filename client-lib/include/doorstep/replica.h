// A replica: the records that one device holds, in one SQLite database, with everything its people
// have changed and not yet handed over.
//
//   auto replica = Replica::Open("/data/peter-tablet", {});
//   care::v1::CaseStudy study;
//   study.set_title("To the newsagent");
//   std::string id;
//   (*replica)->Transact({.author = "A Khan"}, [&](Edits& edits) {
//     id = *edits.Add(study, {.file = peter_file});
//     return absl::OkStatus();
//   });
//   (*replica)->Sync(*MakeGrpcTransport("127.0.0.1:7400"), {});
//
// Local reads and writes never wait for the network. Several processes may open one replica. A
// crash at any moment loses nothing that Transact acknowledged, nor (with the default durability)
// does a power cut.
//
// Threads: a Replica is used by one thread at a time. Errors: absl::Status; messages name the
// field, what was got and what was wanted. Codes: kInvalidArgument (mend the input),
// kFailedPrecondition (an open conflict, an unsynced replica: the message says what to do),
// kNotFound, kAborted (another process holds it: try again), kUnavailable (no link),
// kResourceExhausted (disk or a limit), kDataLoss (the file is damaged and was set aside).
#ifndef DOORSTEP_REPLICA_H_
#define DOORSTEP_REPLICA_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "doorstep/transport.h"
#include "doorstep/types.h"

namespace google::protobuf {
class Message;
}

namespace doorstep {

class Clock;
class Entropy;
class KeyStore;
class Schema;

// Who opens a replica (people.h). Nobody in particular, where the device alone does.
struct Unlock {
  std::string person;  // empty = the only one who can
  std::string secret;  // PIN or passphrase; empty = none is given
};

// Who opens a replica and what a program may replace; null = the machine's clock and entropy, the
// built-in schema, a key store of files.
struct Environment {
  Clock* clock = nullptr;
  Entropy* entropy = nullptr;
  std::shared_ptr<const Schema> schema;
  KeyStore* key_store = nullptr;  // where the secrets of this device are
  Unlock unlock;
  // For tests and benchmarks. A registered SQLite VFS by name.
  std::string vfs;
  // In place of a keyring (with a VFS there is none): the key of the database itself, 32 bytes, or
  // "plain" for none.
  std::string test_key;
  // Whoever is added chooses a secret that is guessed as fast as it is tried.
  bool test_weak_secrets = false;
};

struct InitOptions {
  std::string tenant = "default";
  std::string site;         // required
  std::string device_name;  // required; what a manager sees
  std::string user;         // required; the default author
  std::string server;       // HOST:PORT, remembered for tools
  // A schema of its own, as for Replica::UseSchema; empty = the program's.
  std::string descriptor_set;
  // The tenant's public recovery key, 32 bytes (`doorstep-server recovery make`); empty = the
  // server may say it at a sync.
  std::string recovery_key;
  // With a secret in `environment.unlock`, that person (or `user`) opens the replica from the
  // beginning; else whoever has the device, until somebody is added (people.h).
  Environment environment;
};

struct OpenOptions {
  enum class Durability {
    kFull,    // a change survives a power cut from the moment that Transact returns
    kNormal,  // the latest changes may be lost to a power cut, never to a crash of the program;
              // synced before anything is sent
  };
  Durability durability = Durability::kFull;
  bool read_only = false;
  // Read the whole file and look for damage. After any other call has answered kDataLoss, this is
  // how the database is set aside.
  bool check = false;
  Environment environment;
};

// A record as it was opened: its value, and (inside) the heads that its reader saw. Keep it while a
// form is open; a later Update says "this is what I had before me".
class OpenRecord {
 public:
  ~OpenRecord();
  OpenRecord(OpenRecord&&) noexcept;
  OpenRecord& operator=(OpenRecord&&) noexcept;

  const std::string& id() const;
  const std::string& kind() const;       // short name
  const std::string& full_name() const;  // of the message
  // The effective values as a serialized message of the kind, unknown fields included.
  const std::string& bytes() const;
  // As protobuf JSON with the proto's field names.
  absl::StatusOr<std::string> ToJson(bool pretty = false) const;
  // Parses into a generated (or dynamic) message of the same full name; kInvalidArgument otherwise.
  absl::Status To(google::protobuf::Message* message) const;
  RecordInfo Info() const;

 private:
  friend class Replica;
  friend class Edits;
  struct Impl;
  explicit OpenRecord(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct AddOptions {
  // An id; empty = the file of the record's first reference that is set, else the site's file, and
  // of a kind that is restricted: of a reference to a record as restricted, else a file of its own;
  // "new" = a file of its own, which gets the record's id.
  std::string file{};
  std::string tier{};  // "NORMAL", "RESTRICTED", "SEALED"; empty = the kind's
  std::string id{};    // to give one (imports); empty = minted
};

struct Decision {
  enum class Mode { kKeep, kNewValue, kBoth } mode = Mode::kKeep;
  // Conflict::seen, of the conflict as it was shown to who decides. What came in since is decided
  // by nobody unseen, and `keep` counts in the list that was shown.
  std::string seen;    // required
  int keep = 0;        // kKeep: the version's place in Conflict::versions, from 1
  std::string json;    // kNewValue
  std::string reason;  // required
};

// The edits of one transaction. Valid inside the callback only.
class Edits {
 public:
  // A new record; returns its id.
  absl::StatusOr<std::string> Add(const google::protobuf::Message& message,
                                  const AddOptions& options = {});
  absl::StatusOr<std::string> AddJson(absl::string_view kind, absl::string_view json,
                                      const AddOptions& options = {});
  // As Add, from the wire bytes of the kind's message.
  absl::StatusOr<std::string> AddBytes(absl::string_view kind, absl::string_view bytes,
                                       const AddOptions& options = {});
  // The fields that differ from what was opened are the change; nothing else is sent. A field that
  // the message lacks is cleared. kFailedPrecondition names the case when a field that differs has
  // an open conflict; kInvalidArgument: the kind is append-only, so a new record corrects this one.
  absl::Status Update(const OpenRecord& opened, const google::protobuf::Message& now);
  absl::Status UpdateBytes(const OpenRecord& opened, absl::string_view now);
  // Only the fields that the JSON object names; null clears.
  absl::Status UpdateJson(const OpenRecord& opened, absl::string_view json);
  // Settles a conflict over all its versions. kFailedPrecondition, naming the case (payload
  // "doorstep/case"), when other versions stand than `decision.seen` names. Of a set whose removals
  // are reviewed kKeep decides over the element of that version (keep an add: it stays; keep a
  // proposal: it goes), and kNewValue, a JSON array, says which elements are to stand. Of an
  // assessment that two people changed any mode says that it has been assessed as a whole.
  // kPermissionDenied, naming who may, when one of the versions is the author's own and they fall
  // in different bands.
  absl::Status Settle(absl::string_view case_id, const Decision& decision);
  // Puts one more version beside those between which a conflict is, and decides nothing: anybody
  // may. `json`: its value. kFailedPrecondition for fields that are not under review.
  absl::Status AddVersion(absl::string_view case_id, absl::string_view json);
  // Says whether two records of one kind, both held here, are one that was recorded twice. Nothing
  // of either is touched; saying the opposite later takes it back. `reason`: required.
  absl::Status SayWhetherSame(absl::string_view first, absl::string_view second, bool same,
                              absl::string_view reason);
  // Leaves the record out of lists and counts, on every device, until somebody shows it again or
  // changes it without having seen this. Nothing is deleted. `opened` says what was seen.
  absl::Status Hide(const OpenRecord& opened, absl::string_view reason);
  absl::Status Unhide(const OpenRecord& opened);
  // Signs the record as it was opened, with the records that are one judgement with it; returns the
  // sign-off's id. kInvalidArgument names a field without the value that the schema demands;
  // kFailedPrecondition one of which versions stand that somebody must decide between (payload
  // "doorstep/case"). Nothing is lost by either. Signing says that the whole has been assessed.
  absl::StatusOr<std::string> Sign(const OpenRecord& opened);

 private:
  friend class Replica;
  struct Impl;
  explicit Edits(Impl* impl) : impl_(impl) {}
  Impl* impl_;
};

struct TransactOptions {
  std::string author;  // empty = the replica's user
};

struct SearchOptions {
  std::string kind;     // only records of this kind; empty = all
  bool hidden = false;  // hidden records too
  size_t limit = 50;    // 0 = all
};

// What a sync does about attachments, after all records. What was asked for comes and goes whatever
// stands here.
struct AttachmentLimits {
  bool none = false;        // not even those
  bool only_asked = false;  // bytes cost money, or the battery is low
  // The largest that is received unasked: a photograph made for a screen, and no film.
  uint64_t unasked_bytes = 1024 * 1024;
  uint64_t budget_bytes = 0;  // both ways together, in one sync; 0 = no limit
};

struct SyncOptions {
  AttachmentLimits attachments;
  // Called from the calling thread, at most about ten times a second, and once more at the end,
  // also when that is an error; return false to stop (what has arrived is kept; kCancelled).
  std::function<bool(const SyncProgress&)> progress;
};

class Replica {
 public:
  // Makes a replica in a directory (made if needed). Needs no network. kAlreadyExists when there is
  // one; kPermissionDenied for a directory that cannot be written.
  static absl::Status Init(const std::string& directory, const InitOptions& options);
  // Brings the replica in a directory to another schema, a serialized FileDescriptorSet, which
  // stays with it: what it had kept without knowing it is read now, and nothing is received again.
  // It leads over the schema of any program that has less. Other programs that have the replica
  // open must open it anew. kInvalidArgument: it is no schema, or breaks a rule of evolution
  // (proto/README.md), which the message names; nothing was changed.
  static absl::Status UseSchema(const std::string& directory, absl::string_view descriptor_set,
                                const OpenOptions& options = {});
  // kNotFound: none there. kUnauthenticated, kPermissionDenied: it did not unlock, see people.h.
  // kDataLoss: it did, and the database is damaged; it was set aside, with its keyring, under the
  // name in the message, never deleted.
  static absl::StatusOr<std::unique_ptr<Replica>> Open(const std::string& directory,
                                                       const OpenOptions& options);
  ~Replica();

  // Runs `edit` and commits what it did, all or nothing. An error of `edit` leaves everything as
  // it was.
  absl::Status Transact(const TransactOptions& options,
                        absl::FunctionRef<absl::Status(Edits&)> edit);

  absl::StatusOr<OpenRecord> Get(absl::string_view id);
  // kNotFound also when the record is of another kind.
  absl::Status Get(absl::string_view id, google::protobuf::Message* message);
  // Records of a kind in order of id. `where`: an SQL expression over the kind's view, or empty.
  absl::Status List(absl::string_view kind, absl::string_view where,
                    absl::FunctionRef<absl::Status(const OpenRecord&)> visit);

  // Records whose full-text fields have all of these words, best first; titles count most. A word
  // that ends in * finds what begins so. Capitals, accents and punctuation make no difference, and
  // nothing that is typed is an error, except nothing at all (kInvalidArgument) and too much. What
  // is found is what records show here, own pending changes included.
  absl::StatusOr<std::vector<SearchHit>> Search(absl::string_view words,
                                                const SearchOptions& options = {});

  // One read-only SQL statement over the views. Rows go to `row` as they come, each cell as JSON
  // (text, number, null; blobs as hexadecimal text). kPermissionDenied for anything that writes.
  absl::Status Query(absl::string_view sql,
                     absl::FunctionRef<absl::Status(const std::vector<std::string>& columns,
                                                    const std::vector<std::string>& cells)>
                         row);

  // Sends what waits, receives what is new, up to a checkpoint. What was received before a failure
  // is kept and not asked for again. kAborted when another process syncs this replica now.
  absl::StatusOr<SyncResult> Sync(Transport& transport, const SyncOptions& options);
  // Waits for the server's word that something changed; kCancelled after transport.Cancel().
  absl::Status Watch(Transport& transport, const std::function<bool(uint64_t)>& on_notice);

  absl::StatusOr<ReplicaStatus> Status();
  // From the stored digests; with `recompute` from the rows themselves.
  absl::StatusOr<DigestInfo> Digest(bool recompute = false);

  // Changes without outcome and those that need somebody; oldest first.
  absl::StatusOr<std::vector<OwnChange>> Outbox();
  // All own changes with their outcomes; oldest first. `limit` 0 = all.
  absl::StatusOr<std::vector<OwnChange>> Outcomes(uint64_t limit = 0);

  // The signatures of a record, oldest first, and whether each still holds.
  absl::StatusOr<std::vector<SignOffInfo>> SignOffs(absl::string_view id);
  // Of a parked change (refused or held; by its id, the beginning of it, or its number when only
  // one has that): what it asked for, as a JSON object to be mended.
  absl::StatusOr<std::string> ParkedValues(absl::string_view change);
  // Sends its unit again as a new one on top of the record as it is now, with `json` in place of
  // this change's values (empty: as they were) and, for a new record, in another file if one is
  // named. Marks are marks again, decisions decisions, and a version that replaced none stands
  // beside what there is. The parked unit is resolved in the same commit. Returns the id of the new
  // change. kFailedPrecondition: the values stand already, or the record is not held here any more.
  absl::StatusOr<std::string> FixParked(absl::string_view change, absl::string_view json,
                                        const AddOptions& place, const TransactOptions& options);
  // Takes its unit back: here at once, and with the next sync on the server, whose history keeps
  // what was refused, who withdrew it and why. Returns the other changes of that unit (those with
  // the same OwnChange::unit), which are taken back with it.
  absl::StatusOr<std::vector<OwnChange>> WithdrawParked(absl::string_view change,
                                                        absl::string_view reason,
                                                        const TransactOptions& options);
  // All that the outbox holds of a parked change, or of all (empty): a JSON object each.
  absl::StatusOr<std::vector<std::string>> ExportParked(absl::string_view change);

  // Gives a field the value of an earlier version (the id of a change, or the beginning of it): an
  // ordinary edit, or a decision where two versions stand, with a reason that names what it
  // restores. Own changes and current versions are found offline, all others with a transport.
  // Returns that reason. kNotFound: no such version is known here.
  absl::StatusOr<std::string> Restore(absl::string_view id, absl::string_view field,
                                      absl::string_view version, const TransactOptions& options,
                                      Transport* transport = nullptr);

  absl::StatusOr<std::vector<Conflict>> Conflicts();
  // A case by its id, or by the first digits of it if they name only one. With a transport the
  // server is asked for the versions' device times and uncertainties.
  absl::StatusOr<Conflict> FindConflict(absl::string_view case_id, Transport* transport = nullptr);

  // What authors are told of changes that displaced theirs, newest first; without `all` those that
  // nobody has marked as read.
  absl::StatusOr<std::vector<AuthorNotice>> Notices(bool all = false);
  // Empty: all of them. kNotFound: there is no such notice, and none was marked.
  absl::Status MarkNoticesRead(const std::vector<int64_t>& notices);

  // Pairs of records that may be one recorded twice, and what people have said of pairs. With an
  // `id`, only pairs with that record. Reads what identifies every record of such kinds.
  absl::StatusOr<std::vector<Duplicate>> Duplicates(absl::string_view id = {});

  // After the server was restored from a backup: what only this replica still holds of others'
  // work. A line goes by itself when its author's device has handed it over again. Else somebody
  // looks at it, records it again if it still counts, and dismisses it.
  absl::StatusOr<std::vector<Rescued>> RescuedChanges();
  absl::Status DismissRescued(absl::string_view change);

  // The versions of a record: own changes and current heads; with a transport, all that the server
  // has. Oldest first. kUnavailable: there is no link, or this replica has never met its server.
  absl::StatusOr<std::vector<HistoryLine>> History(absl::string_view id,
                                                   Transport* transport = nullptr);

  // Short names of the record kinds, in order of their numbers.
  std::vector<std::string> Kinds() const;
  // What a screen calls a kind, or with `field` a field of it; a name that the schema does not have
  // comes back as it is.
  std::string Label(absl::string_view kind, absl::string_view field = {}) const;
  const Schema& schema() const;

  // The inside, for this library's own files. Not part of the contract.
  struct Impl;
  Impl& inside() { return *impl_; }

 private:
  explicit Replica(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace doorstep

#endif  // DOORSTEP_REPLICA_H_
