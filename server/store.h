// What the server keeps of one tenant, and the contract that every database behind it obeys.
//
// Values are those of sync/change; no type of a particular database appears here. The contract
// (tests/server/store_contract_test.cc runs it against any implementation):
//
//   - A ReadView is one snapshot: everything that it answers belongs to one moment.
//   - Sequences start at 1 and are given by WriteTransaction::NextSequence, one for each unit that
//     is admitted or refused and one for each grant and loss. NO SEQUENCE BECOMES VISIBLE BEFORE
//     ALL LOWER ONES: a view whose Head() is n will never see a row appear at or below n. (One
//     writer at a time gives that for nothing; a database with concurrent writers must hold back.)
//   - A transaction is visible whole or not at all, and survives a power cut once Commit is OK.
//   - Other processes may write the same database (operator commands), so an implementation
//     remembers nothing from one transaction to the next that such a write could make wrong.
//
// Codes: kAborted and kUnavailable mean "not stored, try again"; kResourceExhausted a full disk;
// kDataLoss a damaged database; kInternal a mistake in this program.
//
// Threads: a Store may be used from any thread; a view or transaction from one at a time.
#ifndef SERVER_STORE_H_
#define SERVER_STORE_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/base/bytes.h"
#include "sync/base/clock.h"
#include "sync/cases/displaced.h"
#include "sync/change/digest.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"
#include "sync/tables/attachments.h"

namespace doorstep::server {

// A compartment by number, as rows name it. Never reused.
using CompartmentRef = int64_t;

// Where a record stands in the feed of its compartment: at the highest sequence of its fields, then
// by the record's own number. {s, UINT64_MAX} is after everything at s.
struct FeedPlace {
  uint64_t sequence = 0;
  uint64_t record = 0;  // names the record to LoadAt for as long as it is held

  auto operator<=>(const FeedPlace&) const = default;
  bool operator==(const FeedPlace&) const = default;
};

// A line of the ledger: what became of one unit.
struct UnitRow {
  uint64_t sequence = 0;
  Uuid device;
  Uuid incarnation;
  uint64_t counter = 0;  // of the first change
  uint32_t changes = 0;
  std::string author;
  std::string schema_hash;
  uint64_t epoch = 0;
  uint64_t checkpoint = 0;  // that the author had seen
  std::string hash;         // UnitHash, 32 bytes
  std::vector<Word> words;  // one for each change, or one for all
  std::string reason;       // REJECTED, HELD, WITHDRAWN: why
  std::string what_to_do;
  std::vector<int64_t> times_ms;  // admitted time of each change, or one for all
  int64_t uncertainty_ms = 0;
  int64_t received_ms = 0;

  Word WordOf(uint32_t change) const;
  int64_t TimeOf(uint32_t change) const;
  // Its edits are in no record, and never will be.
  bool Refused() const {
    return !words.empty() && (words[0] == Word::kRejected || words[0] == Word::kWithdrawn);
  }
  // No final outcome yet.
  bool Held() const { return !words.empty() && words[0] == Word::kHeld; }
};

// What a unit is held for: a record, or (with a counter) a change.
struct Awaited {
  Uuid id;  // of the record, or the change's incarnation
  uint64_t counter = 0;

  auto operator<=>(const Awaited&) const = default;
};

// A unit that is held. Its line in the ledger has the word HELD.
struct HeldRow {
  uint64_t sequence = 0;  // of that line
  ChangeId first;         // its first change
  ClockReading sending;   // the device's clocks when it sent

  bool operator==(const HeldRow&) const = default;
};

// What an author is told: `what` happened to a field of a record.
struct NoticeRow {
  Uuid device;  // that is told
  uint64_t sequence = 0;
  uint32_t place = 0;  // among the notices of that sequence
  CompartmentRef compartment = 0;
  Uuid record;
  uint32_t kind = 0;
  uint32_t field = 0;
  Displaced what;

  bool operator==(const NoticeRow&) const = default;
};

// After it at one sequence come the notices with a higher place.
struct NoticePlace {
  uint64_t sequence = 0;
  uint64_t place = 0;
};

struct MembershipRow {
  CompartmentRef ref = 0;
  CompartmentId compartment;
  uint64_t sequence = 0;  // of the grant (or of the loss)
};

// How a site's access to a file ended.
struct AccessEnd {
  uint64_t sequence = 0;
  int64_t time_ms = 0;  // 0: nobody noted it

  bool operator==(const AccessEnd&) const = default;
};

// A unit that was made after its author's access to the file had ended: refused, and kept for those
// who hold the file now. Its line stands in the ledger, its content in the history.
struct QuarantineRow {
  uint64_t sequence = 0;  // of that line
  CompartmentId compartment;
  std::string site;  // of the device
  AccessEnd ended;
  // Somebody has dealt with it: when, who, and what they did. 0 and empty: nobody has.
  int64_t closed_ms = 0;
  std::string closed_by;
  std::string closed_reason;

  bool operator==(const QuarantineRow&) const = default;
};

// Who withdrew a record, or gave it back, when and why.
struct Deed {
  int64_t time_ms = 0;
  std::string by;
  std::string reason;

  bool operator==(const Deed&) const = default;
};

// A record that was taken off all replicas (withdrawal.h).
struct WithdrawalRow {
  uint64_t sequence = 0;
  Uuid record;
  CompartmentRef ref = 0;  // where it stood
  CompartmentId compartment;
  Deed withdrawn;
  uint64_t restored_sequence = 0;  // 0: it is withdrawn
  Deed restored;

  bool operator==(const WithdrawalRow&) const = default;
};

// That a site held a compartment, from one sequence until another (0: it does).
struct AccessSpan {
  std::string site;
  uint64_t since = 0;  // 0 of what was held before anybody noted it, too
  uint64_t until = 0;

  bool operator==(const AccessSpan&) const = default;
  bool Holds(uint64_t head) const { return since <= head && (until == 0 || head < until); }
};

// What a device was sent: everything up to `sequence` that its site could see in the state in which
// the highest sequence was `head`. `begun`: a first pull of it has begun, in no such order; what of
// it has come, nobody knows, and least of all whether what was taken has gone.
struct SentRow {
  Uuid device;
  uint64_t sequence = 0;
  uint64_t head = 0;
  int64_t time_ms = 0;
  bool begun = false;

  bool operator==(const SentRow&) const = default;
};

struct CompartmentTotals {
  Digest digest;
  uint64_t records = 0;
};

// A life of the database.
struct EpochRow {
  uint64_t epoch = 0;
  uint64_t from_sequence = 0;  // up to it, it has what the one before had
};

struct SiteRow {
  std::string id;
  std::string name;
  std::string type;

  bool operator==(const SiteRow&) const = default;
};

struct PersonRow {
  std::string id;
  std::string name;

  bool operator==(const PersonRow&) const = default;
};

struct DeviceRow {
  Uuid id;
  std::string name;
  std::string site;
  Uuid incarnation;  // the latest
  std::string client;
  int64_t first_contact_ms = 0;
  int64_t last_contact_ms = 0;
  uint64_t pending = 0;  // changes without outcome, as the device declared at its last Hello
  // Of `incarnation`: the counters that they lie between (the second not included), 0 and 0 when
  // the device did not say.
  uint64_t waiting_from = 0, waiting_until = 0;

  bool operator==(const DeviceRow&) const = default;
};

// Lets one device in, once (identity/invites.h).
struct InviteRow {
  std::string id;           // 8 bytes
  std::string secret_hash;  // SHA-256
  std::string site;
  std::string name;  // of the device
  int64_t created_ms = 0;
  int64_t expires_ms = 0;
  int64_t used_ms = 0;  // 0: it was not
  Uuid used_by;         // nil: nobody

  bool operator==(const InviteRow&) const = default;
};

// A device in the register (identity/register.h).
struct EnrolmentRow {
  Uuid device;
  std::string site;
  std::string name;
  std::string public_key;  // subject public key info, DER
  int64_t enrolled_ms = 0;
  int64_t until_ms = 0;    // its last certificate expires
  int64_t revoked_ms = 0;  // 0: it is not
  std::string revoked_reason;

  bool operator==(const EnrolmentRow&) const = default;
};

// A line of the history (history.h), which gives its parts their meaning.
struct HistoryRow {
  uint64_t sequence = 0;
  std::string header;
  Uuid key_file;  // whose key the body is encrypted with; nil: the tenant's own
  std::string nonce;
  std::optional<std::string> body;  // nullopt: erased
  std::string body_hash;
  std::string chain;
};

// A line of the audit (audit/audit.h).
struct AuditRow {
  uint64_t sequence = 0;
  std::string entry;
  std::string chain;
};

struct HistoryPlace {
  uint64_t sequence = 0;
  uint32_t change = 0;
};

class ReadView {
 public:
  virtual ~ReadView() = default;

  // The highest sequence given; 0 in a new database.
  virtual absl::StatusOr<uint64_t> Head() = 0;
  // Names this life of the database; a restored one has another. Below 2^53.
  virtual absl::StatusOr<uint64_t> Epoch() = 0;
  // Fields of which a change that is not here yet was replaced already (AddReplacedEarly).
  virtual absl::StatusOr<std::vector<uint32_t>> ReplacedEarly(const ChangeId& change) = 0;
  // All lives of it, oldest first; never empty. The last is Epoch().
  virtual absl::StatusOr<std::vector<EpochRow>> Epochs() = 0;

  // --- Records ---
  virtual absl::StatusOr<std::optional<RecordState>> Load(const Uuid& record) = 0;
  virtual absl::StatusOr<RecordState> LoadAt(uint64_t record) = 0;

  // --- Compartments ---
  virtual absl::StatusOr<std::optional<CompartmentRef>> FindCompartment(
      const CompartmentId& id) = 0;
  virtual absl::StatusOr<CompartmentTotals> Totals(CompartmentRef compartment) = 0;
  // Places in the feed after `after` and not beyond `last_sequence`, in order, at most `limit`.
  virtual absl::StatusOr<std::vector<FeedPlace>> Feed(CompartmentRef compartment, FeedPlace after,
                                                      uint64_t last_sequence, size_t limit) = 0;
  // About how many places come after `after`: exact up to `exact`, beyond it a guess.
  virtual absl::StatusOr<uint64_t> EstimateFeed(CompartmentRef compartment, FeedPlace after,
                                                size_t exact) = 0;

  // --- Membership (see membership.h for what it decides) ---
  // In order of compartment number.
  virtual absl::StatusOr<std::vector<MembershipRow>> Memberships(absl::string_view site) = 0;
  // The latest loss of each compartment, after a sequence, in order of sequence.
  virtual absl::StatusOr<std::vector<MembershipRow>> Losses(absl::string_view site,
                                                            uint64_t after) = 0;
  // The latest loss of any compartment of the file; none: the site never lost one. Says nothing of
  // whether the site was given it again.
  virtual absl::StatusOr<std::optional<AccessEnd>> LastLoss(absl::string_view site,
                                                            const Uuid& file) = 0;
  virtual absl::StatusOr<bool> IsMember(absl::string_view site, CompartmentRef compartment) = 0;
  virtual absl::StatusOr<std::vector<std::string>> SitesOf(CompartmentRef compartment) = 0;
  // The compartments of a file that exist and that somebody may hold, in order of tier.
  virtual absl::StatusOr<std::vector<MembershipRow>> CompartmentsOf(const Uuid& file) = 0;

  // --- Ledger ---
  // The unit that holds this change.
  virtual absl::StatusOr<std::optional<UnitRow>> UnitOf(const ChangeId& change) = 0;
  // The first unit of the incarnation with a change in [counter, counter + changes).
  virtual absl::StatusOr<std::optional<UnitRow>> FirstOverlap(const Uuid& incarnation,
                                                              uint64_t counter,
                                                              uint32_t changes) = 0;
  // Of one device, after a sequence, in order, at most `limit`.
  virtual absl::StatusOr<std::vector<UnitRow>> Outcomes(const Uuid& device, uint64_t after,
                                                        size_t limit) = 0;

  // --- Held units ---
  virtual absl::StatusOr<bool> AnyHeld() = 0;
  // Those that wait for this, in order of sequence.
  virtual absl::StatusOr<std::vector<HeldRow>> HeldFor(const Awaited& what) = 0;
  virtual absl::StatusOr<bool> CreationRefused(const Uuid& record) = 0;

  // --- Quarantine: after a sequence, in order, at most `limit` ---
  virtual absl::StatusOr<std::vector<QuarantineRow>> Quarantine(uint64_t after, size_t limit) = 0;

  // --- Withdrawn records, and who was sent what ---
  // Those that are withdrawn from compartments that the site holds, after a sequence, in order.
  virtual absl::StatusOr<std::vector<WithdrawalRow>> Withdrawals(absl::string_view site,
                                                                 uint64_t after) = 0;
  // All of a record (nil: of all records), those that were given back too, in order of sequence.
  virtual absl::StatusOr<std::vector<WithdrawalRow>> WithdrawalsOf(const Uuid& record) = 0;
  // By site, then in order of sequence.
  virtual absl::StatusOr<std::vector<AccessSpan>> AccessLog(CompartmentRef compartment) = 0;
  // In order of time.
  virtual absl::StatusOr<std::vector<SentRow>> SentTo(const Uuid& device) = 0;

  // Notices for one device, after a place, in order, at most `limit`.
  virtual absl::StatusOr<std::vector<NoticeRow>> Notices(const Uuid& device, NoticePlace after,
                                                         size_t limit) = 0;

  // --- History ---
  virtual absl::StatusOr<std::optional<HistoryRow>> History(uint64_t sequence) = 0;
  // In order of sequence, at most `limit`.
  virtual absl::StatusOr<std::vector<HistoryRow>> HistoryAfter(uint64_t sequence, size_t limit) = 0;
  // Sequence and chain hash of the last entry, as remembered apart from the entries; sequence 0 in
  // a new database.
  virtual absl::StatusOr<HistoryRow> HistoryEnd() = 0;
  virtual absl::StatusOr<std::vector<HistoryPlace>> HistoryOf(const Uuid& record, uint64_t after,
                                                              size_t limit) = 0;
  // 32 bytes; nullopt: there is no such file, or its key was destroyed. Nil: the tenant's own key.
  virtual absl::StatusOr<std::optional<std::string>> FileKey(const Uuid& file) = 0;
  // Whether anything was ever admitted to, or granted of, the file.
  virtual absl::StatusOr<bool> FileKnown(const Uuid& file) = 0;

  // --- Audit ---
  // In order, at most `limit`.
  virtual absl::StatusOr<std::vector<AuditRow>> AuditAfter(uint64_t sequence, size_t limit) = 0;
  // The last one, without its entry, as remembered apart from the entries; sequence 0 in a new
  // database.
  virtual absl::StatusOr<AuditRow> AuditEnd() = 0;

  // --- Attachments (their bytes are elsewhere: attachment_store.h) ---
  // Records of the file that name one, hidden ones too.
  virtual absl::StatusOr<std::vector<NamingRecord>> Naming(const Uuid& file,
                                                           absl::string_view sha256) = 0;

  // --- Sites, people, devices; lists in order of id ---
  virtual absl::StatusOr<std::optional<SiteRow>> FindSite(absl::string_view id) = 0;
  virtual absl::StatusOr<std::vector<SiteRow>> Sites() = 0;
  virtual absl::StatusOr<std::vector<PersonRow>> People() = 0;
  virtual absl::StatusOr<std::optional<DeviceRow>> FindDevice(const Uuid& id) = 0;
  virtual absl::StatusOr<std::vector<DeviceRow>> Devices() = 0;
  // The device that owns an incarnation.
  virtual absl::StatusOr<std::optional<Uuid>> DeviceOf(const Uuid& incarnation) = 0;

  // --- The register of devices ---
  virtual absl::StatusOr<std::optional<InviteRow>> FindInvite(absl::string_view id) = 0;
  virtual absl::StatusOr<std::optional<EnrolmentRow>> FindEnrolment(const Uuid& device) = 0;
  // In order of device.
  virtual absl::StatusOr<std::vector<EnrolmentRow>> Enrolments() = 0;
  // In order of device.
  virtual absl::StatusOr<std::vector<Uuid>> RevokedDevices() = 0;
};

// Sees its own writes. Rolled back unless committed.
class WriteTransaction : public ReadView {
 public:
  // The next sequence, which the transaction then owns.
  virtual absl::StatusOr<uint64_t> NextSequence() = 0;

  // Begins another life of the database, which shares with earlier ones what they had up to
  // `from_sequence`. kAlreadyExists.
  virtual absl::Status AddEpoch(uint64_t epoch, uint64_t from_sequence) = 0;
  // A change that this restored database has lost is named as a base: should its author hand it
  // over again, it is no head of the field. Once is enough; again is no error.
  virtual absl::Status AddReplacedEarly(const ChangeId& change, uint32_t field) = 0;

  // Writes a record whole, and keeps its place in the feed and the digest of its compartment in
  // step. `before` is what Load gave, null for a new record. kAlreadyExists for an id that belongs
  // to a record of another kind.
  virtual absl::Status Save(const RecordState* before, const RecordState& after) = 0;

  // Finds or makes.
  virtual absl::StatusOr<CompartmentRef> RefOf(const CompartmentId& id) = 0;
  // Give and take, each with a sequence of its own. Granting what is held, and taking what is not,
  // changes nothing and returns 0.
  virtual absl::StatusOr<uint64_t> Grant(absl::string_view site, CompartmentRef compartment) = 0;
  // `now_ms`: when it is taken, see AccessEnd.
  virtual absl::StatusOr<uint64_t> Revoke(absl::string_view site, CompartmentRef compartment,
                                          int64_t now_ms) = 0;

  // kAlreadyExists when the (incarnation, counter) is there.
  virtual absl::Status AddUnit(const UnitRow& unit) = 0;
  // The unit is in the ledger as HELD. Again for the same one: it waits for these as well.
  virtual absl::Status AddHeld(const HeldRow& held, const std::vector<Awaited>& awaited) = 0;
  // Takes the line out of the ledger, so that AddUnit can give the unit its final outcome.
  virtual absl::Status EndHeld(uint64_t sequence) = 0;
  // Once is enough; again is no error.
  virtual absl::Status AddRefusedCreation(const Uuid& record) = 0;
  // Adds, or says that it was given back.
  virtual absl::Status PutWithdrawal(const WithdrawalRow& row) = 0;
  // Says nothing again that an earlier row says.
  virtual absl::Status AddSent(const SentRow& row) = 0;
  // Adds or replaces.
  virtual absl::Status PutQuarantine(const QuarantineRow& row) = 0;
  virtual absl::Status AddNotice(const NoticeRow& notice) = 0;

  // Moves HistoryEnd() to it.
  virtual absl::Status AddHistory(const HistoryRow& row) = 0;
  virtual absl::Status AddHistoryOf(const Uuid& record, HistoryPlace place) = 0;
  // Moves AuditEnd() to it. kAlreadyExists.
  virtual absl::Status AddAudit(const AuditRow& row) = 0;
  // Makes the file known. kAlreadyExists when it has a key.
  virtual absl::Status AddFileKey(const Uuid& file, absl::string_view key) = 0;

  // kAlreadyExists when the id is there.
  virtual absl::Status AddSite(const SiteRow& site) = 0;
  virtual absl::Status AddPerson(const PersonRow& person) = 0;
  // Adds or replaces.
  virtual absl::Status PutDevice(const DeviceRow& device) = 0;
  virtual absl::Status AddIncarnation(const Uuid& incarnation, const Uuid& device) = 0;

  // Both add or replace. kNotFound: there is no such site.
  virtual absl::Status PutInvite(const InviteRow& invite) = 0;
  virtual absl::Status PutEnrolment(const EnrolmentRow& enrolment) = 0;

  // After an error nothing of the transaction is stored (kUnavailable: it may yet appear).
  virtual absl::Status Commit() = 0;
};

class Store {
 public:
  virtual ~Store() = default;
  virtual absl::StatusOr<std::unique_ptr<ReadView>> Read() = 0;
  // Waits for other writers; kAborted when that takes too long.
  virtual absl::StatusOr<std::unique_ptr<WriteTransaction>> Write() = 0;
  // The same, but its commit need not wait for the disk; a later one that does takes it along. For
  // what devices say again at each contact, never for what a receipt promises.
  virtual absl::StatusOr<std::unique_ptr<WriteTransaction>> WriteUnsynced() { return Write(); }

  // The schema of its tables; null: the one that it was asked for.
  virtual std::shared_ptr<const Schema> schema() const { return nullptr; }
  // False once another process has brought the tables to another: open the store anew.
  virtual absl::StatusOr<bool> SchemaIsInUse() { return true; }
  // Notes for the operator that a server serves with it.
  virtual absl::Status NoteServed(int64_t /*now_ms*/) { return absl::OkStatus(); }
};

}  // namespace doorstep::server

#endif  // SERVER_STORE_H_
