#include "server/sqlite_reading.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "sync/base/status.h"
#include "sync/base/varint.h"

namespace doorstep::server::internal {
namespace {

constexpr int kKindBits = 16;

// Runs `row` for each row of a statement that has its bindings.
absl::Status ForEachRow(Statement* select, absl::FunctionRef<absl::Status(Statement&)> row) {
  ScopedReset done(select);
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, select->Step());
    if (!more) return absl::OkStatus();
    DOORSTEP_RETURN_IF_ERROR(row(*select));
  }
}

absl::StatusOr<std::vector<Word>> DecodeWords(absl::string_view bytes) {
  std::vector<Word> words;
  words.reserve(bytes.size());
  for (const char byte : bytes) {
    if (byte < 1 || byte > static_cast<char>(Word::kWithdrawn)) {
      return absl::DataLossError(absl::StrCat("_unit.words: got ", static_cast<int>(byte)));
    }
    words.push_back(static_cast<Word>(byte));
  }
  return words;
}

absl::StatusOr<std::vector<int64_t>> DecodeTimes(int64_t first, absl::string_view bytes) {
  std::vector<int64_t> times = {first};
  if (bytes.empty()) return times;
  times.clear();
  ByteReader reader(bytes);
  while (!reader.empty()) {
    int64_t difference = 0;
    if (!reader.ReadSigned(&difference)) return absl::DataLossError("_unit.times: no varints");
    times.push_back(
        static_cast<int64_t>(static_cast<uint64_t>(first) + static_cast<uint64_t>(difference)));
  }
  return times;
}

// Columns of every select that makes a UnitRow.
#define DOORSTEP_UNIT_COLUMNS                                                              \
  "SELECT u.sequence, d.id, i.id, u.counter, u.changes, a.name, u.schema_hash, u.epoch, "  \
  "u.checkpoint, u.hash, u.words, u.reason, u.what_to_do, u.time_ms, u.times, "            \
  "u.uncertainty_ms, u.received_ms FROM _unit AS u JOIN _device AS d ON d.ref = u.device " \
  "JOIN _incarnation AS i ON i.ref = u.incarnation JOIN _author AS a ON a.ref = u.author "

absl::StatusOr<UnitRow> ReadUnit(const Statement& s) {
  UnitRow unit;
  unit.sequence = static_cast<uint64_t>(s.Int(0));
  DOORSTEP_ASSIGN_OR_RETURN(unit.device, Uuid::FromBytes(s.Blob(1)));
  DOORSTEP_ASSIGN_OR_RETURN(unit.incarnation, Uuid::FromBytes(s.Blob(2)));
  unit.counter = static_cast<uint64_t>(s.Int(3));
  unit.changes = static_cast<uint32_t>(s.Int(4));
  unit.author = std::string(s.Text(5));
  unit.schema_hash = std::string(s.Blob(6));
  unit.epoch = static_cast<uint64_t>(s.Int(7));
  unit.checkpoint = static_cast<uint64_t>(s.Int(8));
  unit.hash = std::string(s.Blob(9));
  DOORSTEP_ASSIGN_OR_RETURN(unit.words, DecodeWords(s.Blob(10)));
  unit.reason = std::string(s.Text(11));
  unit.what_to_do = std::string(s.Text(12));
  DOORSTEP_ASSIGN_OR_RETURN(unit.times_ms, DecodeTimes(s.Int(13), s.Blob(14)));
  unit.uncertainty_ms = s.Int(15);
  unit.received_ms = s.Int(16);
  return unit;
}

absl::StatusOr<MembershipRow> ReadMembership(const Statement& s) {
  MembershipRow row;
  row.ref = s.Int(0);
  DOORSTEP_ASSIGN_OR_RETURN(row.compartment.file, Uuid::FromBytes(s.Blob(1)));
  row.compartment.tier = static_cast<uint8_t>(s.Int(2));
  row.sequence = static_cast<uint64_t>(s.Int(3));
  return row;
}

absl::StatusOr<std::vector<MembershipRow>> ReadMemberships(Statement* select) {
  std::vector<MembershipRow> rows;
  DOORSTEP_RETURN_IF_ERROR(ForEachRow(select, [&](Statement& s) -> absl::Status {
    DOORSTEP_ASSIGN_OR_RETURN(MembershipRow row, ReadMembership(s));
    rows.push_back(row);
    return absl::OkStatus();
  }));
  return rows;
}

#define DOORSTEP_HISTORY_COLUMNS \
  "SELECT sequence, header, key_file, nonce, body, body_hash, chain FROM _history "

absl::StatusOr<HistoryRow> ReadHistory(const Statement& s) {
  HistoryRow row;
  row.sequence = static_cast<uint64_t>(s.Int(0));
  row.header = std::string(s.Blob(1));
  DOORSTEP_ASSIGN_OR_RETURN(row.key_file, Uuid::FromBytes(s.Blob(2)));
  row.nonce = std::string(s.Blob(3));
  if (!s.IsNull(4)) row.body = std::string(s.Blob(4));
  row.body_hash = std::string(s.Blob(5));
  row.chain = std::string(s.Blob(6));
  return row;
}

#define DOORSTEP_DEVICE_COLUMNS                                                                    \
  "SELECT d.id, d.name, s.id, d.incarnation, d.client, d.first_contact_ms, "                       \
  "d.last_contact_ms, d.pending, d.waiting_from, d.waiting_until FROM _device AS d JOIN _site AS " \
  "s ON s.ref = d.site "

absl::StatusOr<DeviceRow> ReadDevice(const Statement& s) {
  DeviceRow row;
  DOORSTEP_ASSIGN_OR_RETURN(row.id, Uuid::FromBytes(s.Blob(0)));
  row.name = std::string(s.Text(1));
  row.site = std::string(s.Text(2));
  DOORSTEP_ASSIGN_OR_RETURN(row.incarnation, Uuid::FromBytes(s.Blob(3)));
  row.client = std::string(s.Text(4));
  row.first_contact_ms = s.Int(5);
  row.last_contact_ms = s.Int(6);
  row.pending = static_cast<uint64_t>(s.Int(7));
  row.waiting_from = static_cast<uint64_t>(s.Int(8));
  row.waiting_until = static_cast<uint64_t>(s.Int(9));
  return row;
}

SiteRow ReadSite(const Statement& s) {
  return {std::string(s.Text(0)), std::string(s.Text(1)), std::string(s.Text(2))};
}

}  // namespace

int64_t Column(uint64_t value) {
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  return static_cast<int64_t>(std::min(value, kMax));
}

uint64_t RecordNumber(const RecordTables::Place& place) {
  return static_cast<uint64_t>(place.row) << kKindBits | place.kind;
}

RecordTables::Place PlaceOf(uint64_t record) {
  RecordTables::Place place;
  place.kind = static_cast<uint32_t>(record & ((1u << kKindBits) - 1));
  place.row = static_cast<int64_t>(record >> kKindBits);
  return place;
}

std::string EncodeWords(const std::vector<Word>& words) {
  const bool alike =
      std::all_of(words.begin(), words.end(), [&](Word word) { return word == words.front(); });
  std::string bytes;
  for (const Word word : words) {
    bytes.push_back(static_cast<char>(word));
    if (alike) break;
  }
  return bytes;
}

std::string EncodeTimes(const std::vector<int64_t>& times_ms) {
  const bool alike = std::all_of(times_ms.begin(), times_ms.end(),
                                 [&](int64_t time) { return time == times_ms.front(); });
  std::string bytes;
  if (alike) return bytes;
  for (const int64_t time : times_ms) {
    // Wraps rather than overflows: hostile clocks reach both ends.
    PutSigned(
        static_cast<int64_t>(static_cast<uint64_t>(time) - static_cast<uint64_t>(times_ms.front())),
        &bytes);
  }
  return bytes;
}

template <typename Interface>
absl::StatusOr<uint64_t> SqliteReading<Interface>::Head() {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t head, db().QueryInt("SELECT head FROM _server"));
  return static_cast<uint64_t>(head);
}

template <typename Interface>
absl::StatusOr<uint64_t> SqliteReading<Interface>::Epoch() {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db().Prepared("SELECT epoch FROM _epoch ORDER BY ref DESC LIMIT 1"));
  ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  if (!found) return absl::DataLossError("_epoch: got no row, wanted the life of this database");
  return static_cast<uint64_t>(find->Int(0));
}

template <typename Interface>
absl::StatusOr<std::vector<uint32_t>> SqliteReading<Interface>::ReplacedEarly(
    const ChangeId& change) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list, db().Prepared("SELECT field FROM _replaced_early"
                                      " WHERE incarnation = ?1 AND counter = ?2 ORDER BY field"));
  ScopedReset done(list);
  list->BindBlob(1, change.incarnation.AsBytes()).BindInt(2, static_cast<int64_t>(change.counter));
  std::vector<uint32_t> fields;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return fields;
    fields.push_back(static_cast<uint32_t>(list->Int(0)));
  }
}

template <typename Interface>
absl::StatusOr<std::vector<EpochRow>> SqliteReading<Interface>::Epochs() {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * list,
                            db().Prepared("SELECT epoch, from_sequence FROM _epoch ORDER BY ref"));
  ScopedReset done(list);
  std::vector<EpochRow> epochs;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return epochs;
    epochs.push_back({static_cast<uint64_t>(list->Int(0)), static_cast<uint64_t>(list->Int(1))});
  }
}

template <typename Interface>
absl::StatusOr<std::optional<RecordState>> SqliteReading<Interface>::Load(const Uuid& record) {
  return tables().Load(record);
}

template <typename Interface>
absl::StatusOr<RecordState> SqliteReading<Interface>::LoadAt(uint64_t record) {
  return tables().LoadAt(PlaceOf(record));
}

template <typename Interface>
absl::StatusOr<std::optional<CompartmentRef>> SqliteReading<Interface>::FindCompartment(
    const CompartmentId& id) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find,
      db().Prepared("SELECT ref FROM _compartment WHERE file = ?1 AND tier = ?2"));
  ScopedReset done(find);
  find->BindBlob(1, id.file.AsBytes()).BindInt(2, id.tier);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  if (!found) return std::optional<CompartmentRef>();
  return std::optional<CompartmentRef>(find->Int(0));
}

template <typename Interface>
absl::StatusOr<CompartmentTotals> SqliteReading<Interface>::Totals(CompartmentRef compartment) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find, db().Prepared("SELECT digest, records FROM _compartment WHERE ref = ?1"));
  ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->BindInt(1, compartment).Step());
  CompartmentTotals totals;
  if (!found) return totals;
  DOORSTEP_ASSIGN_OR_RETURN(totals.digest, Digest::FromBytes(find->Blob(0)));
  totals.records = static_cast<uint64_t>(find->Int(1));
  return totals;
}

template <typename Interface>
absl::StatusOr<std::vector<FeedPlace>> SqliteReading<Interface>::Feed(CompartmentRef compartment,
                                                                      FeedPlace after,
                                                                      uint64_t last_sequence,
                                                                      size_t limit) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list, db().Prepared("SELECT sequence, record FROM _feed WHERE compartment = ?1 "
                                      "AND (sequence, record) > (?2, ?3) AND sequence <= ?4 "
                                      "ORDER BY sequence, record LIMIT ?5"));
  list->BindInt(1, compartment).BindInt(2, Column(after.sequence)).BindInt(3, Column(after.record));
  list->BindInt(4, Column(last_sequence)).BindInt(5, Column(limit));
  std::vector<FeedPlace> places;
  DOORSTEP_RETURN_IF_ERROR(ForEachRow(list, [&](Statement& s) {
    places.push_back({static_cast<uint64_t>(s.Int(0)), static_cast<uint64_t>(s.Int(1))});
    return absl::OkStatus();
  }));
  return places;
}

template <typename Interface>
absl::StatusOr<uint64_t> SqliteReading<Interface>::EstimateFeed(CompartmentRef compartment,
                                                                FeedPlace after, size_t exact) {
  uint64_t counted = 0;
  {
    DOORSTEP_ASSIGN_OR_RETURN(
        Statement * count,
        db().Prepared("SELECT count(*) FROM (SELECT 1 FROM _feed WHERE compartment = ?1 "
                      "AND (sequence, record) > (?2, ?3) LIMIT ?4)"));
    ScopedReset done(count);
    count->BindInt(1, compartment).BindInt(2, Column(after.sequence));
    count->BindInt(3, Column(after.record)).BindInt(4, Column(exact));
    DOORSTEP_RETURN_IF_ERROR(count->Step().status());
    counted = static_cast<uint64_t>(count->Int(0));
  }
  if (counted < exact) return counted;
  // As if records were spread evenly over the compartment's sequences.
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * span,
      db().Prepared("SELECT (SELECT min(sequence) FROM _feed WHERE compartment = ?1), "
                    "(SELECT max(sequence) FROM _feed WHERE compartment = ?1)"));
  ScopedReset done(span);
  DOORSTEP_RETURN_IF_ERROR(span->BindInt(1, compartment).Step().status());
  const double first = static_cast<double>(span->Int(0));
  const double last = static_cast<double>(span->Int(1));
  DOORSTEP_ASSIGN_OR_RETURN(const CompartmentTotals totals, Totals(compartment));
  const double from = std::max(first, static_cast<double>(after.sequence));
  const double share = std::clamp((last - from + 1) / (last - first + 1), 0.0, 1.0);
  const auto guess = static_cast<uint64_t>(share * static_cast<double>(totals.records));
  return std::max<uint64_t>(guess, counted);
}

template <typename Interface>
absl::StatusOr<std::vector<MembershipRow>> SqliteReading<Interface>::Memberships(
    absl::string_view site) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      db().Prepared("SELECT c.ref, c.file, c.tier, m.since_sequence FROM _membership AS m "
                    "JOIN _compartment AS c ON c.ref = m.compartment "
                    "WHERE m.site = (SELECT ref FROM _site WHERE id = ?1) ORDER BY c.ref"));
  return ReadMemberships(&list->BindText(1, site));
}

template <typename Interface>
absl::StatusOr<std::vector<MembershipRow>> SqliteReading<Interface>::Losses(absl::string_view site,
                                                                            uint64_t after) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      db().Prepared("SELECT c.ref, c.file, c.tier, l.sequence FROM _loss AS l "
                    "JOIN _compartment AS c ON c.ref = l.compartment "
                    "WHERE l.site = (SELECT ref FROM _site WHERE id = ?1) AND l.sequence > ?2 "
                    "ORDER BY l.sequence"));
  return ReadMemberships(&list->BindText(1, site).BindInt(2, Column(after)));
}

template <typename Interface>
absl::StatusOr<bool> SqliteReading<Interface>::IsMember(absl::string_view site,
                                                        CompartmentRef compartment) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db().Prepared("SELECT 1 FROM _membership WHERE compartment = ?2 "
                                          "AND site = (SELECT ref FROM _site WHERE id = ?1)"));
  ScopedReset done(find);
  return find->BindText(1, site).BindInt(2, compartment).Step();
}

template <typename Interface>
absl::StatusOr<std::vector<std::string>> SqliteReading<Interface>::SitesOf(
    CompartmentRef compartment) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list, db().Prepared("SELECT s.id FROM _membership AS m JOIN _site AS s "
                                      "ON s.ref = m.site WHERE m.compartment = ?1 ORDER BY s.id"));
  std::vector<std::string> sites;
  DOORSTEP_RETURN_IF_ERROR(ForEachRow(&list->BindInt(1, compartment), [&](Statement& s) {
    sites.emplace_back(s.Text(0));
    return absl::OkStatus();
  }));
  return sites;
}

template <typename Interface>
absl::StatusOr<std::vector<MembershipRow>> SqliteReading<Interface>::CompartmentsOf(
    const Uuid& file) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      db().Prepared("SELECT ref, file, tier, 0 FROM _compartment WHERE file = ?1 AND tier < ?2 "
                    "ORDER BY tier"));
  return ReadMemberships(&list->BindBlob(1, file.AsBytes()).BindInt(2, kWithdrawnTier));
}

template <typename Interface>
absl::StatusOr<std::optional<UnitRow>> SqliteReading<Interface>::OneUnit(Statement* find) {
  ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  if (!found) return std::optional<UnitRow>();
  DOORSTEP_ASSIGN_OR_RETURN(UnitRow unit, ReadUnit(*find));
  return std::optional<UnitRow>(std::move(unit));
}

template <typename Interface>
absl::StatusOr<std::optional<UnitRow>> SqliteReading<Interface>::UnitOf(const ChangeId& change) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find,
      db().Prepared(DOORSTEP_UNIT_COLUMNS
                    "WHERE u.incarnation = (SELECT ref FROM _incarnation WHERE id = ?1) "
                    "AND u.counter <= ?2 ORDER BY u.counter DESC LIMIT 1"));
  find->BindBlob(1, change.incarnation.AsBytes()).BindInt(2, Column(change.counter));
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<UnitRow> unit, OneUnit(find));
  if (unit && change.counter - unit->counter >= unit->changes) unit.reset();
  return unit;
}

template <typename Interface>
absl::StatusOr<std::optional<UnitRow>> SqliteReading<Interface>::FirstOverlap(
    const Uuid& incarnation, uint64_t counter, uint32_t changes) {
  // Stored units do not overlap, so the one that holds `counter`, if any, is the first.
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<UnitRow> unit, UnitOf({incarnation, counter}));
  if (unit) return unit;
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find,
      db().Prepared(DOORSTEP_UNIT_COLUMNS
                    "WHERE u.incarnation = (SELECT ref FROM _incarnation WHERE id = ?1) "
                    "AND u.counter >= ?2 AND u.counter < ?3 ORDER BY u.counter LIMIT 1"));
  find->BindBlob(1, incarnation.AsBytes()).BindInt(2, Column(counter));
  return OneUnit(&find->BindInt(3, Column(counter + changes)));
}

template <typename Interface>
absl::StatusOr<std::vector<UnitRow>> SqliteReading<Interface>::Outcomes(const Uuid& device,
                                                                        uint64_t after,
                                                                        size_t limit) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list, db().Prepared(DOORSTEP_UNIT_COLUMNS
                                      "WHERE u.device = (SELECT ref FROM _device WHERE id = ?1) "
                                      "AND u.sequence > ?2 ORDER BY u.sequence LIMIT ?3"));
  list->BindBlob(1, device.AsBytes()).BindInt(2, Column(after)).BindInt(3, Column(limit));
  std::vector<UnitRow> units;
  DOORSTEP_RETURN_IF_ERROR(ForEachRow(list, [&](Statement& s) -> absl::Status {
    DOORSTEP_ASSIGN_OR_RETURN(UnitRow unit, ReadUnit(s));
    units.push_back(std::move(unit));
    return absl::OkStatus();
  }));
  return units;
}

template <typename Interface>
absl::StatusOr<std::vector<NoticeRow>> SqliteReading<Interface>::Notices(const Uuid& device,
                                                                         NoticePlace after,
                                                                         size_t limit) {
  return ReadNotices(db(), device, after, limit);
}

template <typename Interface>
absl::StatusOr<std::optional<HistoryRow>> SqliteReading<Interface>::History(uint64_t sequence) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db().Prepared(DOORSTEP_HISTORY_COLUMNS "WHERE sequence = ?1"));
  ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->BindInt(1, Column(sequence)).Step());
  if (!found) return std::optional<HistoryRow>();
  DOORSTEP_ASSIGN_OR_RETURN(HistoryRow row, ReadHistory(*find));
  return std::optional<HistoryRow>(std::move(row));
}

template <typename Interface>
absl::StatusOr<std::vector<HistoryRow>> SqliteReading<Interface>::HistoryAfter(uint64_t sequence,
                                                                               size_t limit) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      db().Prepared(DOORSTEP_HISTORY_COLUMNS "WHERE sequence > ?1 ORDER BY sequence LIMIT ?2"));
  std::vector<HistoryRow> rows;
  DOORSTEP_RETURN_IF_ERROR(ForEachRow(&list->BindInt(1, Column(sequence)).BindInt(2, Column(limit)),
                                      [&](Statement& s) -> absl::Status {
                                        DOORSTEP_ASSIGN_OR_RETURN(HistoryRow row, ReadHistory(s));
                                        rows.push_back(std::move(row));
                                        return absl::OkStatus();
                                      }));
  return rows;
}

template <typename Interface>
absl::StatusOr<HistoryRow> SqliteReading<Interface>::HistoryEnd() {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db().Prepared("SELECT history_sequence, history_chain FROM _server"));
  ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  if (!found) return absl::DataLossError("_server: no row");
  HistoryRow row;
  row.sequence = static_cast<uint64_t>(find->Int(0));
  row.chain = std::string(find->Blob(1));
  return row;
}

template <typename Interface>
absl::StatusOr<std::vector<HistoryPlace>> SqliteReading<Interface>::HistoryOf(const Uuid& record,
                                                                              uint64_t after,
                                                                              size_t limit) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      db().Prepared("SELECT sequence, change FROM _history_record WHERE record = ?1 "
                    "AND sequence > ?2 ORDER BY sequence, change LIMIT ?3"));
  list->BindBlob(1, record.AsBytes()).BindInt(2, Column(after)).BindInt(3, Column(limit));
  std::vector<HistoryPlace> places;
  DOORSTEP_RETURN_IF_ERROR(ForEachRow(list, [&](Statement& s) {
    places.push_back({static_cast<uint64_t>(s.Int(0)), static_cast<uint32_t>(s.Int(1))});
    return absl::OkStatus();
  }));
  return places;
}

template <typename Interface>
absl::StatusOr<std::optional<std::string>> SqliteReading<Interface>::FileKey(const Uuid& file) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db().Prepared("SELECT key FROM _file_key WHERE file = ?1"));
  ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->BindBlob(1, file.AsBytes()).Step());
  if (!found || find->IsNull(0)) return std::optional<std::string>();
  return std::optional<std::string>(std::string(find->Blob(0)));
}

template <typename Interface>
absl::StatusOr<bool> SqliteReading<Interface>::FileKnown(const Uuid& file) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db().Prepared("SELECT 1 FROM _file_key WHERE file = ?1"));
  ScopedReset done(find);
  return find->BindBlob(1, file.AsBytes()).Step();
}

template <typename Interface>
absl::StatusOr<std::optional<SiteRow>> SqliteReading<Interface>::FindSite(absl::string_view id) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db().Prepared("SELECT id, name, type FROM _site WHERE id = ?1"));
  ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->BindText(1, id).Step());
  if (!found) return std::optional<SiteRow>();
  return std::optional<SiteRow>(ReadSite(*find));
}

template <typename Interface>
absl::StatusOr<std::vector<SiteRow>> SqliteReading<Interface>::Sites() {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * list,
                            db().Prepared("SELECT id, name, type FROM _site ORDER BY id"));
  std::vector<SiteRow> sites;
  DOORSTEP_RETURN_IF_ERROR(ForEachRow(list, [&](Statement& s) {
    sites.push_back(ReadSite(s));
    return absl::OkStatus();
  }));
  return sites;
}

template <typename Interface>
absl::StatusOr<std::vector<PersonRow>> SqliteReading<Interface>::People() {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * list,
                            db().Prepared("SELECT id, name FROM _person ORDER BY id"));
  std::vector<PersonRow> people;
  DOORSTEP_RETURN_IF_ERROR(ForEachRow(list, [&](Statement& s) {
    people.push_back({std::string(s.Text(0)), std::string(s.Text(1))});
    return absl::OkStatus();
  }));
  return people;
}

template <typename Interface>
absl::StatusOr<std::optional<DeviceRow>> SqliteReading<Interface>::FindDevice(const Uuid& id) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db().Prepared(DOORSTEP_DEVICE_COLUMNS "WHERE d.id = ?1"));
  ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->BindBlob(1, id.AsBytes()).Step());
  if (!found) return std::optional<DeviceRow>();
  DOORSTEP_ASSIGN_OR_RETURN(DeviceRow row, ReadDevice(*find));
  return std::optional<DeviceRow>(std::move(row));
}

template <typename Interface>
absl::StatusOr<std::vector<DeviceRow>> SqliteReading<Interface>::Devices() {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * list,
                            db().Prepared(DOORSTEP_DEVICE_COLUMNS "ORDER BY d.id"));
  std::vector<DeviceRow> devices;
  DOORSTEP_RETURN_IF_ERROR(ForEachRow(list, [&](Statement& s) -> absl::Status {
    DOORSTEP_ASSIGN_OR_RETURN(DeviceRow row, ReadDevice(s));
    devices.push_back(std::move(row));
    return absl::OkStatus();
  }));
  return devices;
}

template <typename Interface>
absl::StatusOr<std::optional<Uuid>> SqliteReading<Interface>::DeviceOf(const Uuid& incarnation) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find, db().Prepared("SELECT d.id FROM _device_incarnation AS i JOIN _device AS d "
                                      "ON d.ref = i.device WHERE i.incarnation = ?1"));
  ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->BindBlob(1, incarnation.AsBytes()).Step());
  if (!found) return std::optional<Uuid>();
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid device, Uuid::FromBytes(find->Blob(0)));
  return std::optional<Uuid>(device);
}

template class SqliteReading<ReadView>;
template class SqliteReading<WriteTransaction>;

}  // namespace doorstep::server::internal
