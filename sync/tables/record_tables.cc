#include "sync/tables/record_tables.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/change/row_codec.h"
#include "sync/change/wire.h"
#include "sync/merge/judgement.h"
#include "sync/merge/marks.h"
#include "sync/merge/plan.h"
#include "sync/tables/columns.h"
#include "sync/tables/ddl.h"
#include "sync/tables/meta.h"

namespace doorstep {
namespace {

// Columns before those of the fields, in every statement of a kind.
constexpr int kFixedColumns = 5;  // id, _compartment, _meta, _unknown, _hidden

// Rows that are looked at in one go while others are rewritten.
constexpr int kAdoptChunk = 500;

}  // namespace

// The three statements of a kind, as text.
struct RecordTables::KindSql {
  std::string insert;
  std::string update;
  std::string select;
  std::vector<int> first_column;  // of each field, in `select`

  explicit KindSql(const KindSpec& kind) {
    const std::string table = QuoteIdentifier(absl::StrCat("k_", kind.table));
    std::string names = "id, _compartment, _meta, _unknown, _hidden";
    std::string places = "?1, ?2, ?3, ?4, ?5";
    std::string sets = "id = ?1, _compartment = ?2, _meta = ?3, _unknown = ?4, _hidden = ?5";
    int parameter = kFixedColumns;
    for (const FieldSpec& field : kind.fields) {
      first_column.push_back(parameter);
      for (const Column& column : ColumnsOf(field)) {
        ++parameter;
        const std::string name = QuoteIdentifier(column.name);
        absl::StrAppend(&names, ", ", name);
        absl::StrAppend(&places, ", ?", parameter);
        absl::StrAppend(&sets, ", ", name, " = ?", parameter);
      }
    }
    insert = absl::StrCat("INSERT INTO ", table, "(", names, ") VALUES(", places, ")");
    update = absl::StrCat("UPDATE ", table, " SET ", sets, " WHERE _row = ?", parameter + 1);
    select = absl::StrCat("SELECT ", names, " FROM ", table, " WHERE _row = ?1");
  }
};

RecordTables::RecordTables(Database* db, std::shared_ptr<const Schema> schema)
    : db_(db), schema_(std::move(schema)), dictionary_(db) {}

RecordTables::~RecordTables() = default;

const RecordTables::KindSql& RecordTables::SqlOf(const KindSpec& kind) {
  std::unique_ptr<KindSql>& sql = sql_[kind.number];
  if (sql == nullptr) sql = std::make_unique<KindSql>(kind);
  return *sql;
}

absl::Status RecordTables::Create() {
  DOORSTEP_RETURN_IF_ERROR(db_->Exec(SharedTablesSql()));
  for (const KindSpec& kind : schema_->kinds()) {
    // Columns first: an index may be over one that is new.
    DOORSTEP_RETURN_IF_ERROR(AddMissingColumns(kind));
    DOORSTEP_RETURN_IF_ERROR(db_->Exec(KindTableSql(kind)));
    DOORSTEP_RETURN_IF_ERROR(db_->Exec(KindViewSql(kind)));
  }
  return AdoptUnknown();
}

absl::Status RecordTables::AddMissingColumns(const KindSpec& kind) {
  absl::flat_hash_set<std::string> present;
  {
    DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Statement> list,
                              db_->Prepare("SELECT name FROM pragma_table_info(?1)"));
    const std::string table = absl::StrCat("k_", kind.table);
    list->BindText(1, table);
    while (true) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
      if (!more) break;
      present.emplace(list->Text(0));
    }
  }
  if (present.empty()) return absl::OkStatus();  // no such table yet
  std::vector<Column> columns = ColumnsOf(kind);
  columns.push_back({"_hidden", "TEXT"});
  for (const Column& column : columns) {
    if (present.contains(column.name)) continue;
    DOORSTEP_RETURN_IF_ERROR(
        db_->Exec(absl::StrCat("ALTER TABLE ", QuoteIdentifier(absl::StrCat("k_", kind.table)),
                               " ADD COLUMN ", QuoteIdentifier(column.name), " ", column.type)));
  }
  return absl::OkStatus();
}

absl::Status RecordTables::AdoptUnknown() {
  // Until such a record stands in its kind's table nobody finds it: children and parents may be
  // adopted in any order.
  for (const KindSpec& kind : schema_->kinds()) {
    DOORSTEP_ASSIGN_OR_RETURN(Statement * forget,
                              db_->Prepared("DELETE FROM _record WHERE id IN"
                                            " (SELECT id FROM _unknown_record WHERE kind = ?1)"));
    DOORSTEP_RETURN_IF_ERROR(forget->BindInt(1, kind.number).Run());
  }
  for (const KindSpec& kind : schema_->kinds()) {
    DOORSTEP_RETURN_IF_ERROR(AdoptFields(kind));
    DOORSTEP_RETURN_IF_ERROR(AdoptRecords(kind));
  }
  // What two versions show may follow from values that are new to this schema.
  std::vector<Uuid> open;
  {
    DOORSTEP_ASSIGN_OR_RETURN(
        std::unique_ptr<Statement> list,
        db_->Prepare("SELECT DISTINCT record FROM _conflict ORDER BY record"));
    while (true) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
      if (!more) break;
      DOORSTEP_ASSIGN_OR_RETURN(const Uuid id, Uuid::FromBytes(list->Blob(0)));
      open.push_back(id);
    }
  }
  for (const Uuid& id : open) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::optional<Place> place, Find(id));
    if (!place) continue;
    DOORSTEP_ASSIGN_OR_RETURN(const RecordState state, LoadAt(*place));
    DOORSTEP_RETURN_IF_ERROR(Update(*place, state));
  }
  return absl::OkStatus();
}

// Rows of the kind that have fields which an older schema did not know.
absl::Status RecordTables::AdoptFields(const KindSpec& kind) {
  const std::string sql =
      absl::StrCat("SELECT _row FROM ", QuoteIdentifier(absl::StrCat("k_", kind.table)),
                   " WHERE _row > ?1 AND _unknown IS NOT NULL ORDER BY _row LIMIT ", kAdoptChunk);
  int64_t after = 0;
  while (true) {
    std::vector<int64_t> rows;
    {
      DOORSTEP_ASSIGN_OR_RETURN(std::unique_ptr<Statement> list, db_->Prepare(sql));
      list->BindInt(1, after);
      while (true) {
        DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
        if (!more) break;
        rows.push_back(list->Int(0));
      }
    }
    if (rows.empty()) return absl::OkStatus();
    after = rows.back();
    for (const int64_t row : rows) {
      const Place place{kind.number, row};
      DOORSTEP_ASSIGN_OR_RETURN(const RecordState state, LoadAt(place));
      DOORSTEP_RETURN_IF_ERROR(Update(place, state));
    }
  }
}

// Records of the kind that came before the kind was known.
absl::Status RecordTables::AdoptRecords(const KindSpec& kind) {
  int64_t after = 0;
  while (true) {
    std::vector<RecordState> adopted;
    {
      DOORSTEP_ASSIGN_OR_RETURN(
          std::unique_ptr<Statement> list,
          db_->Prepare(absl::StrCat("SELECT _row, state FROM _unknown_record"
                                    " WHERE _row > ?1 AND kind = ?2 ORDER BY _row LIMIT ",
                                    kAdoptChunk)));
      list->BindInt(1, after).BindInt(2, kind.number);
      while (true) {
        DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
        if (!more) break;
        after = list->Int(0);
        DOORSTEP_ASSIGN_OR_RETURN(RecordState state, DecodeState(list->Blob(1)));
        adopted.push_back(std::move(state));
      }
    }
    if (adopted.empty()) break;
    for (const RecordState& state : adopted) DOORSTEP_RETURN_IF_ERROR(Insert(state).status());
  }
  DOORSTEP_ASSIGN_OR_RETURN(Statement * forget,
                            db_->Prepared("DELETE FROM _unknown_record WHERE kind = ?1"));
  return forget->BindInt(1, kind.number).Run();
}

absl::StatusOr<std::optional<RecordTables::Place>> RecordTables::Find(const Uuid& id) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * find,
                            db_->Prepared("SELECT kind, row FROM _record WHERE id = ?1"));
  ScopedReset done(find);
  find->BindBlob(1, id.AsBytes());
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  if (!found) return std::optional<Place>();
  return std::optional<Place>(Place{static_cast<uint32_t>(find->Int(0)), find->Int(1)});
}

absl::StatusOr<std::optional<RecordState>> RecordTables::Load(const Uuid& id) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<Place> place, Find(id));
  if (!place) return std::optional<RecordState>();
  DOORSTEP_ASSIGN_OR_RETURN(RecordState state, LoadAt(*place));
  return std::optional<RecordState>(std::move(state));
}

absl::StatusOr<RecordState> RecordTables::LoadAt(const Place& place) {
  const KindSpec* kind = schema_->Find(place.kind);
  if (kind == nullptr) return LoadUnknown(place);
  const KindSql& sql = SqlOf(*kind);
  DOORSTEP_ASSIGN_OR_RETURN(Statement * select, db_->Prepared(sql.select));
  ScopedReset done(select);
  select->BindInt(1, place.row);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, select->Step());
  if (!found) {
    return absl::DataLossError(absl::StrCat("k_", kind->table, ": no row ", place.row));
  }
  RecordState state;
  state.kind = place.kind;
  DOORSTEP_ASSIGN_OR_RETURN(state.id, Uuid::FromBytes(select->Blob(0)));
  DOORSTEP_ASSIGN_OR_RETURN(state.compartment, dictionary_.Compartment(select->Int(1)));
  auto value = [&](size_t i) -> absl::StatusOr<std::string> {
    return ColumnValue(kind->fields[i], *select, sql.first_column[i]);
  };
  DOORSTEP_RETURN_IF_ERROR(
      DecodeMeta(*kind, select->Blob(2), select->Blob(3), value, dictionary_, &state));
  return state;
}

absl::StatusOr<RecordState> RecordTables::LoadUnknown(const Place& place) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * select,
                            db_->Prepared("SELECT state FROM _unknown_record WHERE _row = ?1"));
  ScopedReset done(select);
  select->BindInt(1, place.row);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, select->Step());
  if (!found) return absl::DataLossError(absl::StrCat("_unknown_record: no row ", place.row));
  return DecodeState(select->Blob(0));
}

absl::StatusOr<RecordTables::Place> RecordTables::Save(const RecordState& state) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<Place> place, Find(state.id));
  if (!place) return Insert(state);
  if (place->kind != state.kind) {
    return absl::AlreadyExistsError(absl::StrCat("record ", state.id.ToString(), " is of kind ",
                                                 place->kind, ", got kind ", state.kind));
  }
  DOORSTEP_RETURN_IF_ERROR(Update(*place, state));
  return *place;
}

absl::Status RecordTables::Bind(const KindSpec& kind, const RecordState& state,
                                Statement* statement) {
  static const FieldState kNever;
  int parameter = kFixedColumns + 1;
  auto next = state.fields.begin();
  std::deque<std::string> keep;
  std::deque<Effective> effective;
  for (const FieldSpec& field : kind.fields) {
    while (next != state.fields.end() && next->field < field.number()) ++next;
    const bool has = next != state.fields.end() && next->field == field.number();
    effective.push_back(EffectiveOf(field, has ? *next : kNever));
    DOORSTEP_RETURN_IF_ERROR(BindEffective(field, effective.back(), &parameter, &keep, statement));
  }
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t compartment, dictionary_.RefOf(state.compartment));
  DOORSTEP_ASSIGN_OR_RETURN(const EncodedMeta meta, EncodeMeta(kind, state, dictionary_));
  statement->BindBlob(1, state.id.AsBytes()).BindInt(2, compartment).BindBlob(3, meta.meta);
  if (meta.unknown.empty()) {
    statement->BindNull(4);
  } else {
    statement->BindBlob(4, meta.unknown);
  }
  const std::optional<std::string> hidden = HiddenBecause(state);
  if (hidden.has_value()) {
    statement->BindText(5, *hidden);
  } else {
    statement->BindNull(5);
  }
  return statement->Run();
}

absl::StatusOr<RecordTables::Place> RecordTables::Insert(const RecordState& state) {
  const KindSpec* kind = schema_->Find(state.kind);
  if (kind == nullptr) return InsertUnknown(state);
  DOORSTEP_ASSIGN_OR_RETURN(Statement * insert, db_->Prepared(SqlOf(*kind).insert));
  DOORSTEP_RETURN_IF_ERROR(Bind(*kind, state, insert));
  const Place place{state.kind, db_->LastInsertRowid()};
  if (row_hook_) DOORSTEP_RETURN_IF_ERROR(row_hook_(place, /*is_new=*/true));
  DOORSTEP_ASSIGN_OR_RETURN(Statement * index,
                            db_->Prepared("INSERT INTO _record(id, kind, row) VALUES(?1, ?2, ?3)"));
  index->BindBlob(1, state.id.AsBytes()).BindInt(2, place.kind).BindInt(3, place.row);
  DOORSTEP_RETURN_IF_ERROR(index->Run());
  DOORSTEP_RETURN_IF_ERROR(WriteConflicts(*kind, state, /*is_new=*/true));
  return place;
}

absl::StatusOr<RecordTables::Place> RecordTables::InsertUnknown(const RecordState& state) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t compartment, dictionary_.RefOf(state.compartment));
  const std::string blob = EncodeState(state);
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * insert,
      db_->Prepared("INSERT INTO _unknown_record(id, kind, _compartment, state) "
                    "VALUES(?1, ?2, ?3, ?4)"));
  insert->BindBlob(1, state.id.AsBytes()).BindInt(2, state.kind).BindInt(3, compartment);
  DOORSTEP_RETURN_IF_ERROR(insert->BindBlob(4, blob).Run());
  const Place place{state.kind, db_->LastInsertRowid()};
  DOORSTEP_ASSIGN_OR_RETURN(Statement * index,
                            db_->Prepared("INSERT INTO _record(id, kind, row) VALUES(?1, ?2, ?3)"));
  index->BindBlob(1, state.id.AsBytes()).BindInt(2, place.kind).BindInt(3, place.row);
  DOORSTEP_RETURN_IF_ERROR(index->Run());
  return place;
}

absl::Status RecordTables::Update(const Place& place, const RecordState& state) {
  const KindSpec* kind = schema_->Find(place.kind);
  if (kind == nullptr) {
    const std::string blob = EncodeState(state);
    DOORSTEP_ASSIGN_OR_RETURN(
        Statement * update, db_->Prepared("UPDATE _unknown_record SET state = ?1 WHERE _row = ?2"));
    return update->BindBlob(1, blob).BindInt(2, place.row).Run();
  }
  if (row_hook_) DOORSTEP_RETURN_IF_ERROR(row_hook_(place, /*is_new=*/false));
  std::vector<RecordState> parents;  // of whose judgements it was part until now
  if (MayHaveParents(*kind)) {
    DOORSTEP_ASSIGN_OR_RETURN(const RecordState before, LoadAt(place));
    DOORSTEP_ASSIGN_OR_RETURN(parents, ParentsOf(before));
  }
  DOORSTEP_ASSIGN_OR_RETURN(Statement * update, db_->Prepared(SqlOf(*kind).update));
  update->BindInt(static_cast<int>(ColumnsOf(*kind).size()) + kFixedColumns + 1, place.row);
  DOORSTEP_RETURN_IF_ERROR(Bind(*kind, state, update));
  for (const RecordState& parent : parents) {
    DOORSTEP_RETURN_IF_ERROR(WriteJudgement(parent, /*is_new=*/false));
  }
  return WriteConflicts(*kind, state, /*is_new=*/false);
}

absl::Status RecordTables::WriteConflicts(const KindSpec& kind, const RecordState& state,
                                          bool is_new) {
  if (!is_new) {
    DOORSTEP_ASSIGN_OR_RETURN(Statement * clear,
                              db_->Prepared("DELETE FROM _conflict WHERE record = ?1"));
    DOORSTEP_RETURN_IF_ERROR(clear->BindBlob(1, state.id.AsBytes()).Run());
  }
  // Nobody decides about what was withdrawn.
  const bool withdrawn = state.compartment.tier == kWithdrawnTier;
  for (const FieldState& field : state.fields) {
    const FieldSpec* spec = kind.Find(field.field);
    if (withdrawn || spec == nullptr || !IsConflict(*spec, field)) continue;
    DOORSTEP_RETURN_IF_ERROR(WriteCase(state.id, field.field));
  }
  if (kind.IsJudgement()) DOORSTEP_RETURN_IF_ERROR(WriteJudgement(state, /*is_new=*/true));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<RecordState> parents, ParentsOf(state));
  for (const RecordState& parent : parents) {
    DOORSTEP_RETURN_IF_ERROR(WriteJudgement(parent, /*is_new=*/false));
  }
  return absl::OkStatus();
}

absl::Status RecordTables::WriteCase(const Uuid& record, uint32_t field) {
  const Uuid case_id = CaseId(record, field);
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * open,
      db_->Prepared("INSERT INTO _conflict(record, field, case_id) VALUES(?1, ?2, ?3)"));
  open->BindBlob(1, record.AsBytes()).BindInt(2, field);
  return open->BindBlob(3, case_id.AsBytes()).Run();
}

// The case over the record's judgement, which its children's rows have a part in. `is_new`: there
// is no row of it.
absl::Status RecordTables::WriteJudgement(const RecordState& state, bool is_new) {
  if (!is_new) {
    DOORSTEP_ASSIGN_OR_RETURN(
        Statement * clear, db_->Prepared("DELETE FROM _conflict WHERE record = ?1 AND field = ?2"));
    clear->BindBlob(1, state.id.AsBytes()).BindInt(2, kAssessedField);
    DOORSTEP_RETURN_IF_ERROR(clear->Run());
  }
  if (state.compartment.tier == kWithdrawnTier) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<RecordState> children, ChildrenOf(state));
  Judgement judgement = {&state};
  for (const RecordState& child : children) judgement.push_back(&child);
  if (UnassessedHeads(*schema_, judgement).empty()) return absl::OkStatus();
  return WriteCase(state.id, kAssessedField);
}

absl::StatusOr<std::vector<RecordState>> RecordTables::Referring(const KindSpec& kind,
                                                                 const FieldSpec& field,
                                                                 const Uuid& id) {
  std::vector<int64_t> rows;
  {
    DOORSTEP_ASSIGN_OR_RETURN(
        Statement * list, db_->Prepared(absl::StrCat(
                              "SELECT _row FROM ", QuoteIdentifier(absl::StrCat("k_", kind.table)),
                              " WHERE ", QuoteIdentifier(field.scalar.column),
                              " = ?1 ORDER BY id LIMIT ", kMaxJudgementRecords)));
    ScopedReset done(list);
    const std::string text = id.ToString();
    list->BindText(1, text);
    while (true) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
      if (!more) break;
      rows.push_back(list->Int(0));
    }
  }
  std::vector<RecordState> found;
  found.reserve(rows.size());
  for (const int64_t row : rows) {
    DOORSTEP_ASSIGN_OR_RETURN(RecordState state, LoadAt({kind.number, row}));
    found.push_back(std::move(state));
  }
  return found;
}

absl::StatusOr<std::vector<RecordState>> RecordTables::ChildrenOf(const RecordState& record) {
  std::vector<RecordState> children;
  const KindSpec* kind = schema_->Find(record.kind);
  if (kind == nullptr) return children;
  for (const std::string& name : kind->coherent_children) {
    const KindSpec& child = *schema_->FindByName(name);
    for (const FieldSpec& field : child.fields) {
      if (field.reference != kind->name || field.is_set()) continue;
      DOORSTEP_ASSIGN_OR_RETURN(std::vector<RecordState> found, Referring(child, field, record.id));
      // What no replica has is part of no judgement, here as there.
      std::erase_if(
          found, [](const RecordState& each) { return each.compartment.tier == kWithdrawnTier; });
      std::move(found.begin(), found.end(), std::back_inserter(children));
    }
  }
  std::sort(children.begin(), children.end(),
            [](const RecordState& a, const RecordState& b) { return a.id < b.id; });
  // A child may refer to it by two fields.
  children.erase(
      std::unique(children.begin(), children.end(),
                  [](const RecordState& a, const RecordState& b) { return a.id == b.id; }),
      children.end());
  if (children.size() > kMaxJudgementRecords) children.resize(kMaxJudgementRecords);
  return children;
}

// The kind to whose judgements a record of `kind` belongs by this field; null: by this field to
// none.
const KindSpec* RecordTables::ParentKind(const KindSpec& kind, const FieldSpec& field) const {
  if (field.reference.empty() || field.is_set()) return nullptr;
  const KindSpec* parent = schema_->FindByName(field.reference);
  if (parent == nullptr) return nullptr;
  const std::vector<std::string>& children = parent->coherent_children;
  return std::find(children.begin(), children.end(), kind.name) == children.end() ? nullptr
                                                                                  : parent;
}

bool RecordTables::MayHaveParents(const KindSpec& kind) const {
  return std::any_of(kind.fields.begin(), kind.fields.end(),
                     [&](const FieldSpec& field) { return ParentKind(kind, field) != nullptr; });
}

absl::StatusOr<std::vector<RecordState>> RecordTables::ParentsOf(const RecordState& record) {
  std::vector<RecordState> parents;
  const KindSpec* kind = schema_->Find(record.kind);
  if (kind == nullptr) return parents;
  for (const FieldSpec& field : kind->fields) {
    const KindSpec* parent = ParentKind(*kind, field);
    if (parent == nullptr) continue;
    const FieldState* state = record.Find(field.number());
    if (state == nullptr) continue;
    const std::string value = EffectiveOf(field, *state).value;
    const absl::StatusOr<Scalar> scalar = DecodeScalar(field.scalar, value);
    if (!scalar.ok() || !scalar->present) continue;
    DOORSTEP_ASSIGN_OR_RETURN(const Uuid id, Uuid::Parse(scalar->bytes));
    DOORSTEP_ASSIGN_OR_RETURN(std::optional<RecordState> found, Load(id));
    if (found.has_value() && found->kind == parent->number) parents.push_back(*std::move(found));
  }
  return parents;
}

absl::Status RecordTables::Remove(const Uuid& id) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<Place> place, Find(id));
  if (!place) return absl::OkStatus();
  const KindSpec* kind = schema_->Find(place->kind);
  DOORSTEP_ASSIGN_OR_RETURN(const RecordState state, LoadAt(*place));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<RecordState> parents, ParentsOf(state));
  if (row_hook_) DOORSTEP_RETURN_IF_ERROR(row_hook_(*place, /*is_new=*/false));
  const std::string table =
      kind == nullptr ? "_unknown_record" : QuoteIdentifier(absl::StrCat("k_", kind->table));
  DOORSTEP_ASSIGN_OR_RETURN(Statement * remove,
                            db_->Prepared(absl::StrCat("DELETE FROM ", table, " WHERE _row = ?1")));
  DOORSTEP_RETURN_IF_ERROR(remove->BindInt(1, place->row).Run());
  DOORSTEP_ASSIGN_OR_RETURN(remove, db_->Prepared("DELETE FROM _record WHERE id = ?1"));
  DOORSTEP_RETURN_IF_ERROR(remove->BindBlob(1, id.AsBytes()).Run());
  DOORSTEP_ASSIGN_OR_RETURN(remove, db_->Prepared("DELETE FROM _conflict WHERE record = ?1"));
  DOORSTEP_RETURN_IF_ERROR(remove->BindBlob(1, id.AsBytes()).Run());
  for (const RecordState& parent : parents) {
    DOORSTEP_RETURN_IF_ERROR(WriteJudgement(parent, /*is_new=*/false));
  }
  return absl::OkStatus();
}

absl::Status RecordTables::ForEach(absl::FunctionRef<absl::Status(const RecordState&)> visit) {
  std::vector<std::pair<uint32_t, std::string>> tables;
  for (const KindSpec& kind : schema_->kinds()) {
    tables.emplace_back(kind.number, QuoteIdentifier(absl::StrCat("k_", kind.table)));
  }
  tables.emplace_back(0, "_unknown_record");
  for (const auto& [number, table] : tables) {
    DOORSTEP_ASSIGN_OR_RETURN(
        std::unique_ptr<Statement> list,
        db_->Prepare(absl::StrCat("SELECT _row FROM ", table, " ORDER BY _row")));
    while (true) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
      if (!more) break;
      DOORSTEP_ASSIGN_OR_RETURN(const RecordState state, LoadAt({number, list->Int(0)}));
      DOORSTEP_RETURN_IF_ERROR(visit(state));
    }
  }
  return absl::OkStatus();
}

void DigestLedger::Replace(const RecordState* before, const RecordState* after) {
  // Fields that did not change cancel out: do not hash them.
  if (before != nullptr && after != nullptr && before->compartment == after->compartment) {
    Difference& difference = differences_[after->compartment];
    for (const FieldState& field : after->fields) {
      const FieldState* old = before->Find(field.field);
      if (old != nullptr && *old == field) continue;
      if (old != nullptr) difference.minus.Add(DigestOf(*before, *old));
      difference.plus.Add(DigestOf(*after, field));
    }
    for (const FieldState& field : before->fields) {
      if (after->Find(field.field) == nullptr) difference.minus.Add(DigestOf(*before, field));
    }
    return;
  }
  if (before != nullptr) {
    Difference& difference = differences_[before->compartment];
    difference.minus.Add(DigestOf(*before));
    --difference.records;
  }
  if (after != nullptr) {
    Difference& difference = differences_[after->compartment];
    difference.plus.Add(DigestOf(*after));
    ++difference.records;
  }
}

absl::Status DigestLedger::Flush(RecordTables& tables) {
  for (const auto& [compartment, difference] : differences_) {
    DOORSTEP_ASSIGN_OR_RETURN(const int64_t ref, tables.dictionary().RefOf(compartment));
    DOORSTEP_ASSIGN_OR_RETURN(CompartmentDigest now, ReadDigest(tables.db(), compartment));
    now.digest.Add(difference.plus);
    now.digest.Subtract(difference.minus);
    const std::string bytes = now.digest.ToBytes();
    DOORSTEP_ASSIGN_OR_RETURN(
        Statement * update,
        tables.db().Prepared("UPDATE _compartment SET digest = ?1, records = ?2 WHERE ref = ?3"));
    update->BindBlob(1, bytes).BindInt(2, now.records + difference.records).BindInt(3, ref);
    DOORSTEP_RETURN_IF_ERROR(update->Run());
  }
  differences_.clear();
  return absl::OkStatus();
}

absl::StatusOr<CompartmentDigest> ReadDigest(Database& db, const CompartmentId& id) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find,
      db.Prepared("SELECT digest, records FROM _compartment WHERE file = ?1 AND tier = ?2"));
  ScopedReset done(find);
  find->BindBlob(1, id.file.AsBytes()).BindInt(2, id.tier);
  DOORSTEP_ASSIGN_OR_RETURN(const bool found, find->Step());
  CompartmentDigest out;
  if (!found) return out;
  DOORSTEP_ASSIGN_OR_RETURN(out.digest, Digest::FromBytes(find->Blob(0)));
  out.records = find->Int(1);
  return out;
}

}  // namespace doorstep
