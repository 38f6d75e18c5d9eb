#include "client-lib/outbox.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sync/base/status.h"
#include "sync/change/unit_codec.h"

namespace doorstep::client {
namespace {

// Units read in one go by a walk: at most some megabytes.
constexpr int kChunk = 16;

constexpr absl::string_view kColumns =
    "SELECT unit, incarnation, counter, changes, compartment, author, schema_hash, epoch,"
    " checkpoint, payload, hash, receipt_epoch, receipt_sequence, words, parked, reason,"
    " what_to_do, sequence, time_ms, resolution, resolved_by, resolution_reason,"
    " urgent FROM _outbox ";

std::string WalkSql(Which which) {
  absl::string_view where;
  switch (which) {
    case Which::kFirst:
      where = "WHERE urgent = 1 AND unit > ?1";
      break;
    case Which::kWaiting:
      where = "WHERE words IS NULL AND unit > ?1";
      break;
    case Which::kOpen:
      where =
          "WHERE unit IN (SELECT unit FROM _outbox WHERE words IS NULL"
          " UNION ALL SELECT unit FROM _outbox WHERE parked = 1) AND unit > ?1";
      break;
    case Which::kAll:
      where = "WHERE unit > ?1";
      break;
  }
  return absl::StrCat(kColumns, where, " ORDER BY unit LIMIT ", kChunk);
}

}  // namespace

absl::StatusOr<int64_t> Outbox::Add(const OwnUnit& unit, const std::vector<Uuid>& records) {
  Dictionary& dictionary = store_->tables().dictionary();
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t incarnation, dictionary.RefOf(unit.incarnation));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t compartment, dictionary.RefOf(unit.compartment));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t author, dictionary.RefOf(unit.author));
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * add,
      store_->db().Prepared(
          "INSERT INTO _outbox(incarnation, counter, changes, compartment, author, schema_hash,"
          " epoch, checkpoint, payload, hash) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"));
  add->BindInt(1, incarnation).BindInt(2, static_cast<int64_t>(unit.counter));
  add->BindInt(3, unit.changes).BindInt(4, compartment).BindInt(5, author);
  add->BindBlob(6, unit.schema_hash).BindInt(7, static_cast<int64_t>(unit.epoch));
  add->BindInt(8, static_cast<int64_t>(unit.checkpoint)).BindBlob(9, unit.payload);
  DOORSTEP_RETURN_IF_ERROR(add->BindBlob(10, unit.hash).Run());
  const int64_t place = store_->db().LastInsertRowid();
  DOORSTEP_RETURN_IF_ERROR(AddPending(place, records));
  return place;
}

absl::Status Outbox::AddPending(int64_t unit, const std::vector<Uuid>& records) {
  for (const Uuid& record : records) {
    DOORSTEP_ASSIGN_OR_RETURN(
        Statement * mark,
        store_->db().Prepared("INSERT INTO _pending(record, unit) VALUES(?1, ?2)"));
    DOORSTEP_RETURN_IF_ERROR(mark->BindBlob(1, record.AsBytes()).BindInt(2, unit).Run());
  }
  return absl::OkStatus();
}

absl::StatusOr<OwnUnit> Outbox::ReadRow(const Statement& row) {
  Dictionary& dictionary = store_->tables().dictionary();
  OwnUnit unit;
  unit.unit = row.Int(0);
  DOORSTEP_ASSIGN_OR_RETURN(unit.incarnation, dictionary.Incarnation(row.Int(1)));
  unit.counter = static_cast<uint64_t>(row.Int(2));
  unit.changes = static_cast<uint32_t>(row.Int(3));
  DOORSTEP_ASSIGN_OR_RETURN(unit.compartment, dictionary.Compartment(row.Int(4)));
  DOORSTEP_ASSIGN_OR_RETURN(unit.author, dictionary.Author(row.Int(5)));
  unit.schema_hash = std::string(row.Blob(6));
  unit.epoch = static_cast<uint64_t>(row.Int(7));
  unit.checkpoint = static_cast<uint64_t>(row.Int(8));
  unit.payload = std::string(row.Blob(9));
  unit.hash = std::string(row.Blob(10));
  unit.receipt_epoch = static_cast<uint64_t>(row.Int(11));
  unit.receipt_sequence = static_cast<uint64_t>(row.Int(12));
  unit.words = std::string(row.Blob(13));
  unit.parked = row.Int(14) != 0;
  unit.reason = std::string(row.Text(15));
  unit.what_to_do = std::string(row.Text(16));
  unit.sequence = static_cast<uint64_t>(row.Int(17));
  unit.time_ms = row.Int(18);
  unit.resolution = static_cast<Resolution>(row.Int(19));
  unit.resolved_by = row.Int(20);
  unit.resolution_reason = std::string(row.Text(21));
  unit.urgency = static_cast<Urgency>(row.Int(22));
  return unit;
}

absl::StatusOr<OwnUnit> Outbox::Load(int64_t unit) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            store_->db().Prepared(absl::StrCat(kColumns, "WHERE unit = ?1")));
  ScopedReset done(find);
  find->BindInt(1, unit);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  if (!found) return absl::DataLossError(absl::StrCat("_outbox: no unit ", unit));
  return ReadRow(*find);
}

absl::StatusOr<std::optional<OwnUnit>> Outbox::Find(const Uuid& incarnation, uint64_t counter) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find,
      store_->db().Prepared(absl::StrCat(
          kColumns,
          "WHERE incarnation = (SELECT ref FROM _incarnation WHERE id = ?1) AND counter = ?2")));
  ScopedReset done(find);
  find->BindBlob(1, incarnation.AsBytes()).BindInt(2, static_cast<int64_t>(counter));
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  if (!found) return std::optional<OwnUnit>();
  DOORSTEP_ASSIGN_OR_RETURN(OwnUnit unit, ReadRow(*find));
  return std::optional<OwnUnit>(std::move(unit));
}

absl::StatusOr<std::optional<OwnUnit>> Outbox::FindHolding(const ChangeId& change) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            store_->db().Prepared(absl::StrCat(
                                kColumns,
                                "WHERE incarnation = (SELECT ref FROM _incarnation WHERE id = ?1)"
                                " AND counter <= ?2 ORDER BY counter DESC LIMIT 1")));
  ScopedReset done(find);
  find->BindBlob(1, change.incarnation.AsBytes());
  find->BindInt(2, static_cast<int64_t>(change.counter));
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  if (!found) return std::optional<OwnUnit>();
  DOORSTEP_ASSIGN_OR_RETURN(OwnUnit unit, ReadRow(*find));
  if (change.counter - unit.counter >= unit.changes) return std::optional<OwnUnit>();
  return std::optional<OwnUnit>(std::move(unit));
}

absl::StatusOr<int64_t> Outbox::WaitingWith(const ChangeId& change) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find,
      store_->db().Prepared("SELECT unit, counter + changes, words IS NULL FROM _outbox"
                            " WHERE incarnation = (SELECT ref FROM _incarnation WHERE id = ?1)"
                            " AND counter <= ?2 ORDER BY counter DESC LIMIT 1"));
  ScopedReset done(find);
  find->BindBlob(1, change.incarnation.AsBytes());
  find->BindInt(2, static_cast<int64_t>(change.counter));
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  if (!found || change.counter >= static_cast<uint64_t>(find->Int(1)) || find->Int(2) == 0) {
    return 0;
  }
  return find->Int(0);
}

absl::Status Outbox::ForEach(Which which, int64_t after,
                             absl::FunctionRef<absl::StatusOr<bool>(const OwnUnit&)> visit) {
  const std::string sql = WalkSql(which);
  while (true) {
    std::vector<OwnUnit> chunk;
    {
      DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Statement> list, store_->db().Prepare(sql));
      list->BindInt(1, after);
      while (true) {
        DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
        if (!more) break;
        DOORSTEP_ASSIGN_OR_RETURN(OwnUnit unit, ReadRow(*list));
        chunk.push_back(std::move(unit));
      }
    }
    if (chunk.empty()) return absl::OkStatus();
    after = chunk.back().unit;
    for (const OwnUnit& unit : chunk) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool more, visit(unit));
      if (!more) return absl::OkStatus();
    }
  }
}

absl::StatusOr<std::vector<int64_t>> Outbox::Naming(const Uuid& record) {
  // A payload holds the ids of its records as they are; who finds one by chance finds out when it
  // is decoded.
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      store_->db().Prepared("SELECT unit FROM _outbox WHERE instr(payload, ?1) > 0 ORDER BY unit"));
  ScopedReset done(list);
  list->BindBlob(1, record.AsBytes());
  std::vector<int64_t> units;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return units;
    units.push_back(list->Int(0));
  }
}

absl::StatusOr<Unit> Outbox::Decode(const OwnUnit& unit) const {
  absl::StatusOr<Unit> decoded =
      ParseUnit(store_->schema(), unit.incarnation, unit.counter, unit.changes, unit.payload);
  if (decoded.ok()) return decoded;
  return Annotate(decoded.status(), absl::StrCat("own unit ", unit.unit));
}

absl::StatusOr<Unit> Outbox::DecodeOf(const OwnUnit& unit, const Uuid& record) const {
  absl::StatusOr<Unit> decoded = ParseUnitOf(store_->schema(), unit.incarnation, unit.counter,
                                             unit.changes, unit.payload, record);
  if (decoded.ok()) return decoded;
  return Annotate(decoded.status(), absl::StrCat("own unit ", unit.unit));
}

absl::Status Outbox::SetReceipt(int64_t unit, uint64_t epoch, uint64_t sequence) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * set,
      store_->db().Prepared("UPDATE _outbox SET receipt_epoch = ?1, receipt_sequence = ?2"
                            " WHERE unit = ?3"));
  set->BindInt(1, static_cast<int64_t>(epoch)).BindInt(2, static_cast<int64_t>(sequence));
  return set->BindInt(3, unit).Run();
}

absl::StatusOr<uint64_t> Outbox::OldestReceipt(uint64_t epoch) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find,
      store_->db().Prepared(
          "SELECT coalesce(min(o.receipt_sequence), 0) FROM _outbox AS o"
          " JOIN _incarnation AS i ON i.ref = o.incarnation"
          " WHERE o.words IS NULL AND o.receipt_epoch = ?1 AND o.receipt_sequence > 0"
          " AND NOT EXISTS (SELECT 1 FROM _staged_outcome AS s"
          " WHERE s.incarnation = i.id AND s.counter = o.counter)"));
  ScopedReset done(find);
  find->BindInt(1, static_cast<int64_t>(epoch));
  DOORSTEP_RETURN_IF_ERROR(find->Step().status());
  return static_cast<uint64_t>(find->Int(0));
}

absl::Status Outbox::SetOutcome(int64_t unit, const UnitOutcome& outcome) {
  const bool parked = std::any_of(outcome.words.begin(), outcome.words.end(), [](char word) {
    return word == static_cast<char>(Word::kHeld) || word == static_cast<char>(Word::kRejected);
  });
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * set,
      store_->db().Prepared("UPDATE _outbox SET words = ?1, parked = iif(resolution = 0 AND "
                            "length(payload) > 0, ?2, 0),"
                            " reason = ?3, what_to_do = ?4, sequence = ?5, time_ms = ?6,"
                            " urgent = NULL WHERE unit = ?7"));
  set->BindBlob(1, outcome.words).BindInt(2, parked ? 1 : 0).BindText(3, outcome.reason);
  set->BindText(4, outcome.what_to_do).BindInt(5, static_cast<int64_t>(outcome.sequence));
  return set->BindInt(6, outcome.time_ms).BindInt(7, unit).Run();
}

absl::Status Outbox::Reopen(int64_t unit, const std::vector<Uuid>& records) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * set,
      store_->db().Prepared("UPDATE _outbox SET words = NULL, parked = 0, reason = '',"
                            " what_to_do = '', sequence = 0, time_ms = 0, receipt_epoch = 0,"
                            " receipt_sequence = 0 WHERE unit = ?1"));
  DOORSTEP_RETURN_IF_ERROR(set->BindInt(1, unit).Run());
  return AddPending(unit, records);
}

absl::StatusOr<uint64_t> Outbox::HighestReceipt(uint64_t epoch) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find,
      store_->db().Prepared("SELECT coalesce(max(receipt_sequence), 0) FROM _outbox"
                            " WHERE words IS NULL AND receipt_epoch = ?1"));
  ScopedReset done(find);
  DOORSTEP_RETURN_IF_ERROR(find->BindInt(1, static_cast<int64_t>(epoch)).Step().status());
  return static_cast<uint64_t>(find->Int(0));
}

absl::StatusOr<uint64_t> Outbox::HighestOutcome() {
  DOORSTEP_ASSIGN_OR_RETURN(
      const int64_t highest,
      store_->db().QueryInt("SELECT coalesce(max(sequence), 0) FROM _outbox"));
  return static_cast<uint64_t>(highest);
}

absl::Status Outbox::Reissue(int64_t unit, const Uuid& incarnation, uint64_t counter,
                             const std::string& payload, const std::string& hash) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t ref, store_->tables().dictionary().RefOf(incarnation));
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * set,
      store_->db().Prepared("UPDATE _outbox SET incarnation = ?1, counter = ?2, payload = ?3,"
                            " hash = ?4, receipt_epoch = 0, receipt_sequence = 0"
                            " WHERE unit = ?5"));
  set->BindInt(1, ref).BindInt(2, static_cast<int64_t>(counter)).BindBlob(3, payload);
  return set->BindBlob(4, hash).BindInt(5, unit).Run();
}

absl::Status Outbox::Resolve(int64_t unit, Resolution how, int64_t by, const std::string& reason) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * set,
      store_->db().Prepared("UPDATE _outbox SET parked = 0, resolution = ?1, resolved_by = ?2,"
                            " resolution_reason = ?3 WHERE unit = ?4"));
  set->BindInt(1, static_cast<int64_t>(how)).BindInt(2, by).BindText(3, reason);
  return set->BindInt(4, unit).Run();
}

absl::Status Outbox::SetUrgency(int64_t unit, Urgency urgency) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * set,
      store_->db().Prepared("UPDATE _outbox SET urgent = nullif(?1, 0) WHERE unit = ?2"));
  return set->BindInt(1, static_cast<int64_t>(urgency)).BindInt(2, unit).Run();
}

absl::Status Outbox::OfferAnew() {
  return store_->db().Exec("UPDATE _outbox SET urgent = 1 WHERE urgent = 2");
}

absl::Status Outbox::ForgetUrgency() {
  return store_->db().Exec("UPDATE _outbox SET urgent = NULL WHERE urgent IS NOT NULL");
}

absl::StatusOr<bool> Outbox::AnyUrgent() {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find,
      store_->db().Prepared("SELECT 1 FROM _outbox WHERE urgent IS NOT NULL LIMIT 1"));
  ScopedReset done(find);
  return find->Step();
}

absl::StatusOr<std::vector<int64_t>> Outbox::PendingOf(const Uuid& record) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      store_->db().Prepared("SELECT unit FROM _pending WHERE record = ?1 ORDER BY unit"));
  ScopedReset done(list);
  list->BindBlob(1, record.AsBytes());
  std::vector<int64_t> units;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return units;
    units.push_back(list->Int(0));
  }
}

absl::StatusOr<bool> Outbox::IsPending(const Uuid& record) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find, store_->db().Prepared("SELECT 1 FROM _pending WHERE record = ?1 LIMIT 1"));
  ScopedReset done(find);
  find->BindBlob(1, record.AsBytes());
  return find->Step();
}

absl::StatusOr<bool> Outbox::AnyPending() {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            store_->db().Prepared("SELECT 1 FROM _pending LIMIT 1"));
  ScopedReset done(find);
  return find->Step();
}

absl::StatusOr<std::vector<Uuid>> Outbox::RecordsOf(int64_t unit) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      store_->db().Prepared("SELECT record FROM _pending WHERE unit = ?1 ORDER BY record"));
  ScopedReset done(list);
  list->BindInt(1, unit);
  std::vector<Uuid> records;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return records;
    DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, Uuid::FromBytes(list->Blob(0)));
    records.push_back(record);
  }
}

absl::Status Outbox::Settle(int64_t unit) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * forget,
                            store_->db().Prepared("DELETE FROM _pending WHERE unit = ?1"));
  return forget->BindInt(1, unit).Run();
}

absl::StatusOr<uint64_t> Outbox::FirstWaiting(const Uuid& incarnation) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find, store_->db().Prepared("SELECT ifnull(min(o.counter), 0) FROM _outbox AS o "
                                              "JOIN _incarnation AS i ON i.ref = o.incarnation "
                                              "WHERE o.words IS NULL AND i.id = ?1"));
  ScopedReset done(find);
  find->BindBlob(1, incarnation.AsBytes());
  DOORSTEP_RETURN_IF_ERROR(find->Step().status());
  return static_cast<uint64_t>(find->Int(0));
}

absl::StatusOr<Outbox::Counts> Outbox::Count() {
  Counts counts;
  DOORSTEP_ASSIGN_OR_RETURN(
      const int64_t waiting,
      store_->db().QueryInt("SELECT coalesce(sum(changes), 0) FROM _outbox WHERE words IS NULL"));
  DOORSTEP_ASSIGN_OR_RETURN(
      const int64_t parked,
      store_->db().QueryInt("SELECT coalesce(sum(changes), 0) FROM _outbox WHERE parked = 1"));
  counts.waiting = static_cast<uint64_t>(waiting);
  counts.parked = static_cast<uint64_t>(parked);
  return counts;
}

}  // namespace doorstep::client
