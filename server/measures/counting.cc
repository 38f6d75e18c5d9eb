#include "server/measures/counting.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sync/base/status.h"
#include "sync/cases/responsible.h"

namespace doorstep::server {

absl::StatusOr<Counting> Counting::Begin(Database& db, std::shared_ptr<const Schema> schema,
                                         ReadView& history, const MeasureOptions& options) {
  Counting counting;
  counting.db_ = &db;
  counting.schema_ = std::move(schema);
  counting.history_ = &history;
  counting.tables_ = std::make_unique<RecordTables>(&db, counting.schema_);
  counting.day_ = options.day.empty() ? CivilDay(options.now_ms) : options.day;
  counting.programme_ = options.programme;
  counting.now_ms_ = options.now_ms;
  DOORSTEP_ASSIGN_OR_RETURN(Stopped stopped, Stopped::Read(*counting.tables_));
  counting.stopped_ = std::make_unique<Stopped>(std::move(stopped));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t head, db.QueryInt("SELECT head FROM _server"));
  counting.head_ = static_cast<uint64_t>(head);
  DOORSTEP_RETURN_IF_ERROR(
      counting.Query("SELECT id, name, type FROM _site ORDER BY id", {}, [&](const Statement& row) {
        counting.sites_.push_back(
            {std::string(row.Text(0)), std::string(row.Text(1)), std::string(row.Text(2))});
        return absl::OkStatus();
      }));
  return counting;
}

absl::Status Counting::Query(absl::string_view sql, const std::vector<Bound>& bound,
                             Row row) const {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * select, db_->Prepared(sql));
  const ScopedReset done(select);
  int place = 0;
  for (const Bound& each : bound) {
    ++place;
    if (const auto* number = std::get_if<int64_t>(&each); number != nullptr) {
      select->BindInt(place, *number);
    } else {
      select->BindText(place, std::get<std::string>(each));
    }
  }
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, select->Step());
    if (!more) return absl::OkStatus();
    DOORSTEP_RETURN_IF_ERROR(row(*select));
  }
}

absl::StatusOr<int64_t> Counting::Number(absl::string_view sql,
                                         const std::vector<Bound>& bound) const {
  int64_t number = 0;
  DOORSTEP_RETURN_IF_ERROR(Query(sql, bound, [&](const Statement& row) {
    number = row.Int(0);
    return absl::OkStatus();
  }));
  return number;
}

absl::StatusOr<const FieldSpec*> Counting::Field(absl::string_view kind,
                                                 absl::string_view field) const {
  const KindSpec* spec = schema_->FindByName(kind);
  const FieldSpec* found = spec == nullptr ? nullptr : spec->FindByName(field);
  if (found != nullptr) return found;
  return absl::FailedPreconditionError(
      absl::StrCat("schema: got no ", kind, ".", field, ", wanted it for this measure"));
}

absl::StatusOr<int64_t> Counting::Conflicts(absl::string_view kind, absl::string_view field) const {
  DOORSTEP_ASSIGN_OR_RETURN(const FieldSpec* spec, Field(kind, field));
  const KindSpec& of = *schema_->FindByName(kind);
  // The kind's name is the schema's.
  return Number(absl::StrCat("SELECT count(*) FROM _conflict AS c JOIN _record AS r ON r.id = "
                             "c.record JOIN k_",
                             of.table,
                             " AS k ON k._row = r.row WHERE r.kind = ?1 AND c.field = ?2 AND "
                             "ifnull(k.entered_in_error, 0) = 0 AND k._hidden IS NULL"),
                {static_cast<int64_t>(of.number), static_cast<int64_t>(spec->number())});
}

absl::StatusOr<std::string> Counting::SiteOf(const Uuid& incarnation) {
  const auto [known, is_new] = site_of_.try_emplace(incarnation);
  if (!is_new) return known->second;
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find,
      db_->Prepared(
          "SELECT s.id FROM _device_incarnation AS i JOIN _device AS d ON d.ref = i.device "
          "JOIN _site AS s ON s.ref = d.site WHERE i.incarnation = ?1"));
  const ScopedReset done(find);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->BindBlob(1, incarnation.AsBytes()).Step());
  if (found) known->second = std::string(find->Text(0));
  return known->second;
}

absl::StatusOr<RecordState> Counting::Load(absl::string_view id) {
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, Uuid::Parse(id));
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<RecordState> state, tables_->Load(record));
  if (!state) return absl::DataLossError(absl::StrCat("record ", id, ": listed, and not there"));
  return *std::move(state);
}

absl::StatusOr<bool> Counting::HasStopped(absl::string_view id) {
  if (stopped_->marked().empty()) return false;
  DOORSTEP_ASSIGN_OR_RETURN(const RecordState record, Load(id));
  return stopped_->Has(record);
}

Written FirstWritten(const RecordState& record) {
  Written first{std::numeric_limits<int64_t>::max(), "", {}};
  for (const FieldState& field : record.fields) {
    for (const Head& head : field.heads) {
      if (head.time_ms < first.time_ms) first = {head.time_ms, head.author, head.id.incarnation};
    }
  }
  return first;
}

int64_t LastWritten(const RecordState& record, const FieldSpec& field) {
  int64_t time_ms = std::numeric_limits<int64_t>::min();
  const FieldState* held = record.Find(field.number());
  if (held == nullptr) return time_ms;
  for (const Head& head : held->heads) time_ms = std::max(time_ms, head.time_ms);
  return time_ms;
}

}  // namespace doorstep::server
