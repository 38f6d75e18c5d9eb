// The reading half of the SQLite store, shared by its views and its transactions. Private to the
// store's files.
#ifndef SERVER_SQLITE_READING_H_
#define SERVER_SQLITE_READING_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/store.h"
#include "sync/schema/schema.h"
#include "sync/sqlite/database.h"
#include "sync/tables/record_tables.h"

namespace doorstep::server::internal {

// A connection with what was prepared for it.
struct Connection {
  explicit Connection(std::unique_ptr<Database> opened, std::shared_ptr<const Schema> schema)
      : db(std::move(opened)), tables(db.get(), std::move(schema)) {}

  std::unique_ptr<Database> db;
  RecordTables tables;
};

// Sequences and counters are stored in signed columns; larger ones name nothing.
int64_t Column(uint64_t value);

// The number by which the feed names a record.
uint64_t RecordNumber(const RecordTables::Place& place);
RecordTables::Place PlaceOf(uint64_t record);

// One byte for each change, or one for all; and the same for times.
std::string EncodeWords(const std::vector<Word>& words);
std::string EncodeTimes(const std::vector<int64_t>& times_ms);

// kNotFound.
absl::StatusOr<int64_t> ReadSiteRef(Database& db, absl::string_view site);

absl::StatusOr<std::vector<NoticeRow>> ReadNotices(Database& db, const Uuid& device,
                                                   NoticePlace after, size_t limit);

// Held units (sqlite_held.cc).
absl::StatusOr<bool> ReadAnyHeld(Database& db);
absl::StatusOr<std::vector<HeldRow>> ReadHeldFor(Database& db, const Awaited& what);
absl::StatusOr<bool> ReadCreationRefused(Database& db, const Uuid& record);
absl::Status WriteHeld(Database& db, const HeldRow& held, const std::vector<Awaited>& awaited);
absl::Status RemoveHeld(Database& db, uint64_t sequence);
absl::Status WriteRefusedCreation(Database& db, const Uuid& record);

// Quarantine, and what leads to it (sqlite_quarantine.cc).
absl::StatusOr<std::optional<AccessEnd>> ReadLastLoss(Database& db, absl::string_view site,
                                                      const Uuid& file);
absl::StatusOr<std::vector<QuarantineRow>> ReadQuarantine(Database& db, uint64_t after,
                                                          size_t limit);
absl::Status WriteQuarantine(Database& db, const QuarantineRow& row);

// Withdrawn records, and who was sent what (sqlite_withdrawals.cc).
absl::StatusOr<std::vector<WithdrawalRow>> ReadWithdrawals(Database& db, absl::string_view site,
                                                           uint64_t after);
absl::StatusOr<std::vector<WithdrawalRow>> ReadWithdrawalsOf(Database& db, const Uuid& record);
absl::Status WriteWithdrawal(Database& db, const WithdrawalRow& row);
absl::StatusOr<std::vector<AccessSpan>> ReadAccess(Database& db, CompartmentRef compartment);
absl::StatusOr<std::vector<SentRow>> ReadSent(Database& db, const Uuid& device);
absl::Status WriteSent(Database& db, const SentRow& row);

// The register of devices (sqlite_register.cc).
absl::StatusOr<std::optional<InviteRow>> ReadInvite(Database& db, absl::string_view id);
absl::StatusOr<std::optional<EnrolmentRow>> ReadEnrolment(Database& db, const Uuid& device);
absl::StatusOr<std::vector<EnrolmentRow>> ReadEnrolments(Database& db);
absl::StatusOr<std::vector<Uuid>> ReadRevokedDevices(Database& db);
absl::Status WriteInvite(Database& db, const InviteRow& invite);
absl::Status WriteEnrolment(Database& db, const EnrolmentRow& enrolment);

// The audit (sqlite_audit.cc).
absl::StatusOr<std::vector<AuditRow>> ReadAudit(Database& db, uint64_t after, size_t limit);
absl::StatusOr<AuditRow> ReadAuditEnd(Database& db);
absl::Status WriteAudit(Database& db, const AuditRow& row);

// All of ReadView over a connection in which a transaction is open. `Interface` is ReadView or
// WriteTransaction.
template <typename Interface>
class SqliteReading : public Interface {
 public:
  // Borrows the connection.
  explicit SqliteReading(Connection* connection) : connection_(*connection) {}

  absl::StatusOr<uint64_t> Head() override;
  absl::StatusOr<uint64_t> Epoch() override;
  absl::StatusOr<std::vector<EpochRow>> Epochs() override;
  absl::StatusOr<std::vector<uint32_t>> ReplacedEarly(const ChangeId& change) override;
  absl::StatusOr<std::optional<RecordState>> Load(const Uuid& record) override;
  absl::StatusOr<RecordState> LoadAt(uint64_t record) override;
  absl::StatusOr<std::optional<CompartmentRef>> FindCompartment(const CompartmentId& id) override;
  absl::StatusOr<CompartmentTotals> Totals(CompartmentRef compartment) override;
  absl::StatusOr<std::vector<FeedPlace>> Feed(CompartmentRef compartment, FeedPlace after,
                                              uint64_t last_sequence, size_t limit) override;
  absl::StatusOr<uint64_t> EstimateFeed(CompartmentRef compartment, FeedPlace after,
                                        size_t exact) override;
  absl::StatusOr<std::vector<MembershipRow>> Memberships(absl::string_view site) override;
  absl::StatusOr<std::vector<MembershipRow>> Losses(absl::string_view site,
                                                    uint64_t after) override;
  absl::StatusOr<std::optional<AccessEnd>> LastLoss(absl::string_view site,
                                                    const Uuid& file) override {
    return ReadLastLoss(db(), site, file);
  }
  absl::StatusOr<bool> IsMember(absl::string_view site, CompartmentRef compartment) override;
  absl::StatusOr<std::vector<std::string>> SitesOf(CompartmentRef compartment) override;
  absl::StatusOr<std::vector<MembershipRow>> CompartmentsOf(const Uuid& file) override;
  absl::StatusOr<std::optional<UnitRow>> UnitOf(const ChangeId& change) override;
  absl::StatusOr<std::optional<UnitRow>> FirstOverlap(const Uuid& incarnation, uint64_t counter,
                                                      uint32_t changes) override;
  absl::StatusOr<std::vector<UnitRow>> Outcomes(const Uuid& device, uint64_t after,
                                                size_t limit) override;
  absl::StatusOr<bool> AnyHeld() override { return ReadAnyHeld(db()); }
  absl::StatusOr<std::vector<HeldRow>> HeldFor(const Awaited& what) override {
    return ReadHeldFor(db(), what);
  }
  absl::StatusOr<bool> CreationRefused(const Uuid& record) override {
    return ReadCreationRefused(db(), record);
  }
  absl::StatusOr<std::vector<QuarantineRow>> Quarantine(uint64_t after, size_t limit) override {
    return ReadQuarantine(db(), after, limit);
  }
  absl::StatusOr<std::vector<WithdrawalRow>> Withdrawals(absl::string_view site,
                                                         uint64_t after) override {
    return ReadWithdrawals(db(), site, after);
  }
  absl::StatusOr<std::vector<WithdrawalRow>> WithdrawalsOf(const Uuid& record) override {
    return ReadWithdrawalsOf(db(), record);
  }
  absl::StatusOr<std::vector<AccessSpan>> AccessLog(CompartmentRef compartment) override {
    return ReadAccess(db(), compartment);
  }
  absl::StatusOr<std::vector<SentRow>> SentTo(const Uuid& device) override {
    return ReadSent(db(), device);
  }
  absl::StatusOr<std::vector<NoticeRow>> Notices(const Uuid& device, NoticePlace after,
                                                 size_t limit) override;
  absl::StatusOr<std::optional<HistoryRow>> History(uint64_t sequence) override;
  absl::StatusOr<std::vector<HistoryRow>> HistoryAfter(uint64_t sequence, size_t limit) override;
  absl::StatusOr<HistoryRow> HistoryEnd() override;
  absl::StatusOr<std::vector<HistoryPlace>> HistoryOf(const Uuid& record, uint64_t after,
                                                      size_t limit) override;
  absl::StatusOr<std::optional<std::string>> FileKey(const Uuid& file) override;
  absl::StatusOr<bool> FileKnown(const Uuid& file) override;
  absl::StatusOr<std::vector<NamingRecord>> Naming(const Uuid& file,
                                                   absl::string_view sha256) override {
    return RecordsNaming(db(), tables().schema(), file, sha256);
  }
  absl::StatusOr<std::optional<SiteRow>> FindSite(absl::string_view id) override;
  absl::StatusOr<std::vector<SiteRow>> Sites() override;
  absl::StatusOr<std::vector<PersonRow>> People() override;
  absl::StatusOr<std::optional<DeviceRow>> FindDevice(const Uuid& id) override;
  absl::StatusOr<std::vector<DeviceRow>> Devices() override;
  absl::StatusOr<std::optional<Uuid>> DeviceOf(const Uuid& incarnation) override;
  absl::StatusOr<std::optional<InviteRow>> FindInvite(absl::string_view id) override {
    return ReadInvite(db(), id);
  }
  absl::StatusOr<std::optional<EnrolmentRow>> FindEnrolment(const Uuid& device) override {
    return ReadEnrolment(db(), device);
  }
  absl::StatusOr<std::vector<AuditRow>> AuditAfter(uint64_t sequence, size_t limit) override {
    return ReadAudit(db(), sequence, limit);
  }
  absl::StatusOr<AuditRow> AuditEnd() override { return ReadAuditEnd(db()); }
  absl::StatusOr<std::vector<EnrolmentRow>> Enrolments() override { return ReadEnrolments(db()); }
  absl::StatusOr<std::vector<Uuid>> RevokedDevices() override { return ReadRevokedDevices(db()); }

 protected:
  Database& db() { return *connection_.db; }
  RecordTables& tables() { return connection_.tables; }

 private:
  absl::StatusOr<std::optional<UnitRow>> OneUnit(Statement* find);

  Connection& connection_;
};

extern template class SqliteReading<ReadView>;
extern template class SqliteReading<WriteTransaction>;

}  // namespace doorstep::server::internal

#endif  // SERVER_SQLITE_READING_H_
