#include "client-lib/notices.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client-lib/names.h"
#include "client-lib/outbox.h"
#include "client-lib/titles.h"
#include "client-lib/value_json.h"
#include "sync/base/status.h"
#include "sync/cases/words.h"
#include "sync/merge/plan.h"

namespace doorstep::client {
namespace {

absl::Status Broken(absl::string_view what) {
  return absl::InternalError(absl::StrCat("pull: the server sent a displacement with ", what));
}

absl::StatusOr<Uuid> IncarnationAt(const v1::PullRows& rows, uint32_t place) {
  if (place >= static_cast<uint32_t>(rows.incarnations_size())) return Broken("no incarnation");
  return Uuid::FromBytes(rows.incarnations(static_cast<int>(place)));
}

absl::Status StageOne(Store& store, const v1::PullRows& rows, const v1::Displacement& what) {
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, Uuid::FromBytes(what.record()));
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid incarnation, IncarnationAt(rows, what.incarnation()));
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid by, IncarnationAt(rows, what.by_incarnation()));
  const auto authors = static_cast<uint32_t>(rows.authors_size());
  if (what.author() >= authors || what.by_author() >= authors) return Broken("no author");
  if (what.word() != v1::Outcome::MERGED && what.word() != v1::Outcome::CONFLICT) {
    return Broken("an unknown word");
  }
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * put,
      store.db().Prepared(
          "INSERT OR IGNORE INTO _notice(sequence, record, kind, field, incarnation, counter,"
          " author, by_incarnation, by_counter, by_author, by_time_ms, word, staged)"
          " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 1)"));
  put->BindInt(1, static_cast<int64_t>(what.sequence())).BindBlob(2, record.AsBytes());
  put->BindInt(3, what.kind()).BindInt(4, what.field()).BindBlob(5, incarnation.AsBytes());
  put->BindInt(6, static_cast<int64_t>(what.counter()));
  put->BindText(7, rows.authors(static_cast<int>(what.author()))).BindBlob(8, by.AsBytes());
  put->BindInt(9, static_cast<int64_t>(what.by_counter()));
  put->BindText(10, rows.authors(static_cast<int>(what.by_author())));
  return put->BindInt(11, what.by_time_ms()).BindInt(12, what.word()).Run();
}

struct Row {
  AuthorNotice notice;
  Uuid record;
  uint32_t kind = 0;
  uint32_t field = 0;
  ChangeId change;
};

absl::StatusOr<std::vector<Row>> ReadRows(Store& store, bool all) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      store.db().Prepared("SELECT notice, record, kind, field, incarnation, counter, author,"
                          " by_incarnation, by_counter, by_author, by_time_ms, word, read_ms"
                          " FROM _notice WHERE staged = 0 AND (?1 OR read_ms = 0)"
                          " ORDER BY sequence DESC, notice DESC"));
  ScopedReset done(list);
  list->BindInt(1, all ? 1 : 0);
  std::vector<Row> rows;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return rows;
    Row& row = rows.emplace_back();
    row.notice.id = list->Int(0);
    DOORSTEP_ASSIGN_OR_RETURN(row.record, Uuid::FromBytes(list->Blob(1)));
    row.kind = static_cast<uint32_t>(list->Int(2));
    row.field = static_cast<uint32_t>(list->Int(3));
    DOORSTEP_ASSIGN_OR_RETURN(row.change.incarnation, Uuid::FromBytes(list->Blob(4)));
    row.change.counter = static_cast<uint64_t>(list->Int(5));
    row.notice.author = std::string(list->Text(6));
    ChangeId by;
    DOORSTEP_ASSIGN_OR_RETURN(by.incarnation, Uuid::FromBytes(list->Blob(7)));
    by.counter = static_cast<uint64_t>(list->Int(8));
    row.notice.by_change = by.ToString();
    row.notice.by_author = std::string(list->Text(9));
    row.notice.by_time_ms = list->Int(10);
    row.notice.state = StateOf(static_cast<Word>(list->Int(11)));
    row.notice.read = list->Int(12) != 0;
  }
}

// What the own change had set the field to; nothing when it is not here (another life, or gone).
absl::Status DescribeOwn(Store& store, Outbox& outbox, Row* row) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<OwnUnit> own, outbox.FindHolding(row->change));
  if (!own || own->gone()) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const Unit unit, outbox.Decode(*own));
  const ChangeData& change = unit.changes[row->change.counter - own->counter];
  const KindSpec* kind = store.schema().Find(change.kind);
  const FieldSpec* field = kind == nullptr ? nullptr : kind->Find(row->field);
  if (field == nullptr) return absl::OkStatus();
  for (const FieldEdit& edit : change.edits) {
    if (edit.field != row->field) continue;
    DOORSTEP_ASSIGN_OR_RETURN(row->notice.yours_json,
                              ValueJson(store.schema(), *kind, *field, edit.value));
    row->notice.yours_words = ValueText(*field, edit.value);
    break;
  }
  return absl::OkStatus();
}

absl::Status Describe(Store& store, Outbox& outbox, Row* row) {
  AuthorNotice& out = row->notice;
  out.record = row->record.ToString();
  out.kind = store.KindName(row->kind);
  out.change = row->change.ToString();
  const KindSpec* kind = store.schema().Find(row->kind);
  const FieldSpec* field = kind == nullptr ? nullptr : kind->Find(row->field);
  out.field = field == nullptr ? absl::StrCat(row->field) : field->scalar.name;
  out.label = field == nullptr ? out.field : field->label;
  DOORSTEP_RETURN_IF_ERROR(DescribeOwn(store, outbox, row));
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> state,
                            store.tables().Load(row->record));
  if (!state || field == nullptr) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(out.title, TitleWithFile(store, *state));
  const FieldState* held = state->Find(row->field);
  if (held == nullptr) return absl::OkStatus();
  const std::string value = EffectiveOf(*field, *held).value;
  DOORSTEP_ASSIGN_OR_RETURN(out.now_json, ValueJson(store.schema(), *kind, *field, value));
  out.now_words = ValueText(*field, value);
  if (IsConflict(*field, *held)) out.case_id = CaseId(row->record, row->field).ToString();
  return absl::OkStatus();
}

}  // namespace

absl::Status StageNotices(Store& store, const v1::PullRows& rows) {
  for (const v1::Displacement& what : rows.displacements()) {
    DOORSTEP_RETURN_IF_ERROR(StageOne(store, rows, what));
  }
  return absl::OkStatus();
}

absl::Status ShowNotices(Store& store) {
  return store.db().Exec(
      "DELETE FROM _notice WHERE staged = 1 AND record NOT IN (SELECT id FROM _record);"
      "UPDATE _notice SET staged = 0 WHERE staged = 1;");
}

absl::Status ForgetNotices(Store& store, const Uuid& record) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * forget,
                            store.db().Prepared("DELETE FROM _notice WHERE record = ?1"));
  return forget->BindBlob(1, record.AsBytes()).Run();
}

absl::StatusOr<std::vector<AuthorNotice>> ListNotices(Store& store, bool all) {
  DOORSTEP_ASSIGN_OR_RETURN(std::vector<Row> rows, ReadRows(store, all));
  Outbox outbox(store);
  std::vector<AuthorNotice> out;
  out.reserve(rows.size());
  for (Row& row : rows) {
    DOORSTEP_RETURN_IF_ERROR(Describe(store, outbox, &row));
    out.push_back(std::move(row.notice));
  }
  return out;
}

absl::StatusOr<Displacers> WhoDisplaced(Store& store, const ChangeId& change) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      store.db().Prepared("SELECT field, by_author FROM _notice WHERE incarnation = ?1"
                          " AND counter = ?2 AND staged = 0 ORDER BY field, by_author"));
  const ScopedReset done(list);
  list->BindBlob(1, change.incarnation.AsBytes()).BindInt(2, static_cast<int64_t>(change.counter));
  Displacers found;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return found;
    found[static_cast<uint32_t>(list->Int(0))].insert(std::string(list->Text(1)));
  }
}

absl::StatusOr<uint64_t> CountUnread(Store& store) {
  DOORSTEP_ASSIGN_OR_RETURN(
      const int64_t count,
      store.db().QueryInt("SELECT count(*) FROM _notice WHERE read_ms = 0 AND staged = 0"));
  return static_cast<uint64_t>(count);
}

absl::Status MarkRead(Store& store, const std::vector<int64_t>& notices, int64_t now_ms) {
  const int64_t when = std::max<int64_t>(now_ms, 1);
  if (notices.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(
        Statement * mark,
        store.db().Prepared("UPDATE _notice SET read_ms = ?1 WHERE read_ms = 0 AND staged = 0"));
    return mark->BindInt(1, when).Run();
  }
  for (const int64_t notice : notices) {
    DOORSTEP_ASSIGN_OR_RETURN(
        Statement * mark,
        store.db().Prepared("UPDATE _notice SET read_ms = iif(read_ms = 0, ?1, read_ms)"
                            " WHERE notice = ?2 AND staged = 0"));
    DOORSTEP_RETURN_IF_ERROR(mark->BindInt(1, when).BindInt(2, notice).Run());
    if (store.db().Changes() == 0) {
      return absl::NotFoundError(
          absl::StrCat("notice: got ", notice, ", wanted the number of one that is here"));
    }
  }
  return absl::OkStatus();
}

}  // namespace doorstep::client
