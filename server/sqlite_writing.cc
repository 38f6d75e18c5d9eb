#include "server/sqlite_writing.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sync/base/status.h"

namespace doorstep::server {

Word UnitRow::WordOf(uint32_t change) const {
  if (words.empty()) return Word::kUnspecified;
  return change < words.size() ? words[change] : words.front();
}

int64_t UnitRow::TimeOf(uint32_t change) const {
  if (times_ms.empty()) return 0;
  return change < times_ms.size() ? times_ms[change] : times_ms.front();
}

namespace internal {
namespace {

class SqliteWriteTransaction : public SqliteReading<WriteTransaction> {
 public:
  // `mu` is held by the caller, who hands it over.
  SqliteWriteTransaction(Connection* connection, Mutex* mu) : SqliteReading(connection), mu_(mu) {}
  ~SqliteWriteTransaction() override;

  absl::Status Begin(bool synced);

  absl::StatusOr<uint64_t> NextSequence() override;
  absl::Status AddEpoch(uint64_t epoch, uint64_t from_sequence) override;
  absl::Status AddReplacedEarly(const ChangeId& change, uint32_t field) override;
  absl::Status Save(const RecordState* before, const RecordState& after) override;
  absl::StatusOr<CompartmentRef> RefOf(const CompartmentId& id) override;
  absl::StatusOr<uint64_t> Grant(absl::string_view site, CompartmentRef compartment) override;
  absl::StatusOr<uint64_t> Revoke(absl::string_view site, CompartmentRef compartment,
                                  int64_t now_ms) override;
  absl::Status AddUnit(const UnitRow& unit) override;
  absl::Status AddHeld(const HeldRow& held, const std::vector<Awaited>& awaited) override {
    return WriteHeld(db(), held, awaited);
  }
  absl::Status EndHeld(uint64_t sequence) override { return RemoveHeld(db(), sequence); }
  absl::Status PutWithdrawal(const WithdrawalRow& row) override {
    return WriteWithdrawal(db(), row);
  }
  absl::Status AddSent(const SentRow& row) override { return WriteSent(db(), row); }
  absl::Status PutQuarantine(const QuarantineRow& row) override {
    return WriteQuarantine(db(), row);
  }
  absl::Status AddRefusedCreation(const Uuid& record) override {
    return WriteRefusedCreation(db(), record);
  }
  absl::Status AddNotice(const NoticeRow& notice) override;
  absl::Status AddHistory(const HistoryRow& row) override;
  absl::Status AddHistoryOf(const Uuid& record, HistoryPlace place) override;
  absl::Status AddAudit(const AuditRow& row) override { return WriteAudit(db(), row); }
  absl::Status AddFileKey(const Uuid& file, absl::string_view key) override;
  absl::Status AddSite(const SiteRow& site) override;
  absl::Status AddPerson(const PersonRow& person) override;
  absl::Status PutDevice(const DeviceRow& device) override;
  absl::Status AddIncarnation(const Uuid& incarnation, const Uuid& device) override;
  absl::Status PutInvite(const InviteRow& invite) override { return WriteInvite(db(), invite); }
  absl::Status PutEnrolment(const EnrolmentRow& enrolment) override {
    return WriteEnrolment(db(), enrolment);
  }
  absl::Status Commit() override;

 private:
  absl::Status MoveInFeed(uint64_t record, const RecordState* before, const RecordState& after);
  absl::StatusOr<int64_t> DeviceRef(const Uuid& device);

  Mutex* mu_;
  std::optional<CommitsUnsynced> unsynced_;
  std::optional<Transaction> transaction_;
  uint64_t head_ = 0;
  DigestLedger digests_;
  bool committed_ = false;
};

// The lock's life is the object's, which the analysis cannot follow.
SqliteWriteTransaction::~SqliteWriteTransaction() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  transaction_.reset();
  unsynced_.reset();
  if (!committed_) tables().dictionary().Forget();
  mu_->Unlock();
}

absl::Status SqliteWriteTransaction::Begin(bool synced) {
  if (!synced) {
    DOORSTEP_ASSIGN_OR_RETURN(CommitsUnsynced unsynced, CommitsUnsynced::Begin(db()));
    unsynced_.emplace(std::move(unsynced));
  }
  DOORSTEP_ASSIGN_OR_RETURN(Transaction transaction,
                            Transaction::Begin(db(), Transaction::Mode::kWrite));
  transaction_ = std::move(transaction);
  DOORSTEP_ASSIGN_OR_RETURN(head_, Head());
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> SqliteWriteTransaction::NextSequence() {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * update, db().Prepared("UPDATE _server SET head = ?1"));
  DOORSTEP_RETURN_IF_ERROR(update->BindInt(1, static_cast<int64_t>(head_ + 1)).Run());
  return ++head_;
}

absl::Status SqliteWriteTransaction::AddEpoch(uint64_t epoch, uint64_t from_sequence) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * insert, db().Prepared("INSERT INTO _epoch(epoch, from_sequence) VALUES(?1, ?2)"));
  insert->BindInt(1, static_cast<int64_t>(epoch)).BindInt(2, static_cast<int64_t>(from_sequence));
  return insert->Run();
}

absl::Status SqliteWriteTransaction::AddReplacedEarly(const ChangeId& change, uint32_t field) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * insert,
      db().Prepared("INSERT OR IGNORE INTO _replaced_early(incarnation, counter, field)"
                    " VALUES(?1, ?2, ?3)"));
  insert->BindBlob(1, change.incarnation.AsBytes());
  insert->BindInt(2, static_cast<int64_t>(change.counter)).BindInt(3, field);
  return insert->Run();
}

absl::Status SqliteWriteTransaction::MoveInFeed(uint64_t record, const RecordState* before,
                                                const RecordState& after) {
  if (before != nullptr) {
    if (before->Sequence() == after.Sequence() && before->compartment == after.compartment) {
      return absl::OkStatus();
    }
    DOORSTEP_ASSIGN_OR_RETURN(const CompartmentRef from, RefOf(before->compartment));
    DOORSTEP_ASSIGN_OR_RETURN(Statement * leave,
                              db().Prepared("DELETE FROM _feed WHERE compartment = ?1 "
                                            "AND sequence = ?2 AND record = ?3"));
    leave->BindInt(1, from).BindInt(2, static_cast<int64_t>(before->Sequence()));
    DOORSTEP_RETURN_IF_ERROR(leave->BindInt(3, static_cast<int64_t>(record)).Run());
  }
  DOORSTEP_ASSIGN_OR_RETURN(const CompartmentRef to, RefOf(after.compartment));
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * enter,
      db().Prepared("INSERT INTO _feed(compartment, sequence, record) VALUES(?1, ?2, ?3)"));
  enter->BindInt(1, to).BindInt(2, static_cast<int64_t>(after.Sequence()));
  return enter->BindInt(3, static_cast<int64_t>(record)).Run();
}

absl::Status SqliteWriteTransaction::Save(const RecordState* before, const RecordState& after) {
  if (after.Sequence() == 0 || after.Sequence() > head_) {
    return absl::InternalError(
        absl::StrCat("save: got sequence ", after.Sequence(), ", wanted 1 to ", head_));
  }
  RecordTables::Place place;
  if (before == nullptr) {
    DOORSTEP_ASSIGN_OR_RETURN(place, tables().Insert(after));
  } else {
    DOORSTEP_ASSIGN_OR_RETURN(place, tables().Save(after));
  }
  digests_.Replace(before, &after);
  return MoveInFeed(RecordNumber(place), before, after);
}

absl::StatusOr<CompartmentRef> SqliteWriteTransaction::RefOf(const CompartmentId& id) {
  return tables().dictionary().RefOf(id);
}

absl::StatusOr<int64_t> SqliteWriteTransaction::DeviceRef(const Uuid& device) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db().Prepared("SELECT ref FROM _device WHERE id = ?1"));
  ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->BindBlob(1, device.AsBytes()).Step());
  if (!found) return absl::NotFoundError(absl::StrCat("device: got ", device.ToString()));
  return find->Int(0);
}

absl::StatusOr<uint64_t> SqliteWriteTransaction::Grant(absl::string_view site,
                                                       CompartmentRef compartment) {
  DOORSTEP_ASSIGN_OR_RETURN(const bool member, IsMember(site, compartment));
  if (member) return 0;
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t ref, ReadSiteRef(db(), site));
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t sequence, NextSequence());
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * insert,
      db().Prepared("INSERT INTO _membership(site, compartment, since_sequence) "
                    "VALUES(?1, ?2, ?3)"));
  insert->BindInt(1, ref).BindInt(2, compartment).BindInt(3, static_cast<int64_t>(sequence));
  DOORSTEP_RETURN_IF_ERROR(insert->Run());
  return sequence;
}

absl::StatusOr<uint64_t> SqliteWriteTransaction::Revoke(absl::string_view site,
                                                        CompartmentRef compartment,
                                                        int64_t now_ms) {
  DOORSTEP_ASSIGN_OR_RETURN(const bool member, IsMember(site, compartment));
  if (!member) return 0;
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t ref, ReadSiteRef(db(), site));
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t sequence, NextSequence());
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * remove,
      db().Prepared("DELETE FROM _membership WHERE site = ?1 AND compartment = ?2"));
  DOORSTEP_RETURN_IF_ERROR(remove->BindInt(1, ref).BindInt(2, compartment).Run());
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * note,
      db().Prepared("INSERT INTO _loss(site, compartment, sequence, time_ms) "
                    "VALUES(?1, ?2, ?3, ?4) ON CONFLICT(site, compartment) DO UPDATE "
                    "SET sequence = excluded.sequence, time_ms = excluded.time_ms"));
  note->BindInt(1, ref).BindInt(2, compartment).BindInt(3, static_cast<int64_t>(sequence));
  DOORSTEP_RETURN_IF_ERROR(note->BindInt(4, now_ms).Run());
  return sequence;
}

absl::Status SqliteWriteTransaction::AddUnit(const UnitRow& unit) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t device, DeviceRef(unit.device));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t incarnation,
                            tables().dictionary().RefOf(unit.incarnation));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t author, tables().dictionary().RefOf(unit.author));
  const std::string words = EncodeWords(unit.words);
  const std::string times = EncodeTimes(unit.times_ms);
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * insert,
      db().Prepared(
          "INSERT INTO _unit(sequence, device, incarnation, counter, changes, author, schema_hash, "
          "epoch, checkpoint, hash, words, reason, what_to_do, time_ms, times, uncertainty_ms, "
          "received_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, "
          "?16, ?17)"));
  insert->BindInt(1, static_cast<int64_t>(unit.sequence)).BindInt(2, device);
  insert->BindInt(3, incarnation).BindInt(4, static_cast<int64_t>(unit.counter));
  insert->BindInt(5, unit.changes).BindInt(6, author).BindBlob(7, unit.schema_hash);
  insert->BindInt(8, static_cast<int64_t>(unit.epoch));
  insert->BindInt(9, static_cast<int64_t>(unit.checkpoint));
  insert->BindBlob(10, unit.hash).BindBlob(11, words);
  if (unit.reason.empty()) {
    insert->BindNull(12).BindNull(13);
  } else {
    insert->BindText(12, unit.reason).BindText(13, unit.what_to_do);
  }
  insert->BindInt(14, unit.TimeOf(0));
  if (times.empty()) {
    insert->BindNull(15);
  } else {
    insert->BindBlob(15, times);
  }
  return insert->BindInt(16, unit.uncertainty_ms).BindInt(17, unit.received_ms).Run();
}

absl::Status SqliteWriteTransaction::AddNotice(const NoticeRow& notice) {
  Dictionary& dictionary = tables().dictionary();
  const Displaced& what = notice.what;
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t device, DeviceRef(notice.device));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t incarnation, dictionary.RefOf(what.change.incarnation));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t author, dictionary.RefOf(what.author));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t by_incarnation, dictionary.RefOf(what.by.incarnation));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t by_author, dictionary.RefOf(what.by_author));
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * insert,
      db().Prepared(
          "INSERT INTO _notice(device, sequence, place, compartment, record, kind, field, "
          "incarnation, counter, author, by_incarnation, by_counter, by_author, by_time_ms, word) "
          "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"));
  insert->BindInt(1, device).BindInt(2, static_cast<int64_t>(notice.sequence));
  insert->BindInt(3, notice.place).BindInt(4, notice.compartment);
  insert->BindBlob(5, notice.record.AsBytes()).BindInt(6, notice.kind).BindInt(7, notice.field);
  insert->BindInt(8, incarnation).BindInt(9, static_cast<int64_t>(what.change.counter));
  insert->BindInt(10, author).BindInt(11, by_incarnation);
  insert->BindInt(12, static_cast<int64_t>(what.by.counter)).BindInt(13, by_author);
  return insert->BindInt(14, what.by_time_ms).BindInt(15, static_cast<int64_t>(what.word)).Run();
}

absl::Status SqliteWriteTransaction::AddHistory(const HistoryRow& row) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * insert,
      db().Prepared("INSERT INTO _history(sequence, header, key_file, nonce, body, body_hash, "
                    "chain) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
  insert->BindInt(1, static_cast<int64_t>(row.sequence)).BindBlob(2, row.header);
  insert->BindBlob(3, row.key_file.AsBytes()).BindBlob(4, row.nonce);
  if (row.body) {
    insert->BindBlob(5, *row.body);
  } else {
    insert->BindNull(5);
  }
  DOORSTEP_RETURN_IF_ERROR(insert->BindBlob(6, row.body_hash).BindBlob(7, row.chain).Run());
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * end,
      db().Prepared("UPDATE _server SET history_sequence = ?1, history_chain = ?2"));
  return end->BindInt(1, static_cast<int64_t>(row.sequence)).BindBlob(2, row.chain).Run();
}

absl::Status SqliteWriteTransaction::AddHistoryOf(const Uuid& record, HistoryPlace place) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * insert,
      db().Prepared("INSERT INTO _history_record(record, sequence, change) VALUES(?1, ?2, ?3)"));
  insert->BindBlob(1, record.AsBytes()).BindInt(2, static_cast<int64_t>(place.sequence));
  return insert->BindInt(3, place.change).Run();
}

absl::Status SqliteWriteTransaction::AddFileKey(const Uuid& file, absl::string_view key) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * insert,
                            db().Prepared("INSERT INTO _file_key(file, key) VALUES(?1, ?2)"));
  return insert->BindBlob(1, file.AsBytes()).BindBlob(2, key).Run();
}

absl::Status SqliteWriteTransaction::AddSite(const SiteRow& site) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * insert,
                            db().Prepared("INSERT INTO _site(id, name, type) VALUES(?1, ?2, ?3)"));
  return insert->BindText(1, site.id).BindText(2, site.name).BindText(3, site.type).Run();
}

absl::Status SqliteWriteTransaction::AddPerson(const PersonRow& person) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * insert,
                            db().Prepared("INSERT INTO _person(id, name) VALUES(?1, ?2)"));
  return insert->BindText(1, person.id).BindText(2, person.name).Run();
}

absl::Status SqliteWriteTransaction::PutDevice(const DeviceRow& device) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t site, ReadSiteRef(db(), device.site));
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * put,
      db().Prepared("INSERT INTO _device(id, name, site, incarnation, client, first_contact_ms, "
                    "last_contact_ms, pending, waiting_from, waiting_until) "
                    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "
                    "ON CONFLICT(id) DO UPDATE SET name = excluded.name, site = excluded.site, "
                    "incarnation = excluded.incarnation, client = excluded.client, "
                    "first_contact_ms = excluded.first_contact_ms, "
                    "last_contact_ms = excluded.last_contact_ms, pending = excluded.pending, "
                    "waiting_from = excluded.waiting_from, "
                    "waiting_until = excluded.waiting_until"));
  put->BindBlob(1, device.id.AsBytes()).BindText(2, device.name).BindInt(3, site);
  put->BindBlob(4, device.incarnation.AsBytes()).BindText(5, device.client);
  put->BindInt(6, device.first_contact_ms).BindInt(7, device.last_contact_ms);
  put->BindInt(8, static_cast<int64_t>(device.pending));
  put->BindInt(9, static_cast<int64_t>(device.waiting_from));
  return put->BindInt(10, static_cast<int64_t>(device.waiting_until)).Run();
}

absl::Status SqliteWriteTransaction::AddIncarnation(const Uuid& incarnation, const Uuid& device) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t ref, DeviceRef(device));
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * insert,
      db().Prepared("INSERT INTO _device_incarnation(incarnation, device) VALUES(?1, ?2)"));
  return insert->BindBlob(1, incarnation.AsBytes()).BindInt(2, ref).Run();
}

absl::Status SqliteWriteTransaction::Commit() {
  DOORSTEP_RETURN_IF_ERROR(digests_.Flush(tables()));
  absl::Status status = transaction_->Commit();
  committed_ = status.ok();
  if (!committed_) transaction_.reset();  // also after kAborted: all or nothing, here and now
  return status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<WriteTransaction>> BeginWrite(
    Connection* connection, Mutex* mu, bool synced) ABSL_NO_THREAD_SAFETY_ANALYSIS {
  mu->Lock();
  auto transaction = std::make_unique<SqliteWriteTransaction>(connection, mu);
  DOORSTEP_RETURN_IF_ERROR(transaction->Begin(synced));
  return transaction;
}

}  // namespace internal
}  // namespace doorstep::server
