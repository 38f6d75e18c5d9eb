#include "sync/tables/stopped.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "sync/base/status.h"
#include "sync/change/wire.h"
#include "sync/merge/plan.h"
#include "sync/schema/due.h"
#include "sync/tables/ddl.h"

namespace doorstep {
namespace {

// A safeguard names an assessment, that a case, that its people: further nobody looks.
constexpr int kMaxSteps = 3;

std::string TextIn(const FieldSpec& field, absl::string_view value) {
  const auto scalar = DecodeScalar(field.scalar, value);
  return scalar.ok() ? std::string(scalar->bytes) : "";
}

// The ids that a field names now.
std::vector<std::string> Named(const FieldSpec& field, const FieldState& state) {
  std::vector<std::string> ids;
  if (!field.is_set()) {
    ids.push_back(TextIn(field, EffectiveOf(field, state).value));
  } else {
    for (const Head& head : state.heads) {
      if (!head.IsProposal()) ids.push_back(TextIn(field, head.value));
    }
  }
  ids.erase(std::remove(ids.begin(), ids.end(), ""), ids.end());
  return ids;
}

}  // namespace

Closed ClosedBy(const FieldState* state) {
  if (state == nullptr) return Closed::kNo;
  const auto with_value = std::count_if(state->heads.begin(), state->heads.end(),
                                        [](const Head& head) { return !head.value.empty(); });
  if (with_value == 0) return Closed::kNo;
  return static_cast<size_t>(with_value) == state->heads.size() ? Closed::kYes : Closed::kUndecided;
}

absl::StatusOr<Stopped> Stopped::Read(RecordTables& tables) {
  Stopped stopped(tables);
  for (const KindSpec& kind : tables.schema().kinds()) {
    const FieldSpec* closing = ClosingField(kind);
    if (closing != nullptr) DOORSTEP_RETURN_IF_ERROR(stopped.ReadKind(kind, *closing));
  }
  std::sort(stopped.marked_.begin(), stopped.marked_.end(),
            [](const RecordState& a, const RecordState& b) { return a.id < b.id; });
  return stopped;
}

// The column has no value while versions stand; _conflict has those.
absl::Status Stopped::ReadKind(const KindSpec& kind, const FieldSpec& closing) {
  const std::string column = QuoteIdentifier(closing.scalar.column);
  const std::string table = QuoteIdentifier(absl::StrCat("k_", kind.table));
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find,
      tables_->db().Prepared(absl::StrCat(
          "SELECT _row FROM ", table, " WHERE ", column, " IS NOT NULL UNION SELECT r.row",
          " FROM _conflict AS c JOIN _record AS r ON r.id = c.record",
          " WHERE r.kind = ?1 AND c.field = ?2 ORDER BY 1")));
  std::vector<int64_t> rows;
  {
    const ScopedReset done(find);
    find->BindInt(1, kind.number).BindInt(2, closing.number());
    while (true) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool more, find->Step());
      if (!more) break;
      rows.push_back(find->Int(0));
    }
  }
  for (const int64_t row : rows) {
    DOORSTEP_ASSIGN_OR_RETURN(RecordState state, tables_->LoadAt({kind.number, row}));
    const Closed closed = ClosedBy(state.Find(closing.number()));
    if (closed == Closed::kYes) closing_.insert(state.id);
    if (closed != Closed::kNo) marked_.push_back(std::move(state));
  }
  return absl::OkStatus();
}

absl::Status Stopped::FollowReferences(const RecordState& record, int depth,
                                       std::vector<std::string>* out) {
  const KindSpec* kind = tables_->schema().Find(record.kind);
  if (kind == nullptr) return absl::OkStatus();
  std::vector<std::string> others;
  for (const FieldSpec& field : kind->fields) {
    const FieldState* state = record.Find(field.number());
    if (field.reference.empty() || state == nullptr) continue;
    const KindSpec* target = tables_->schema().FindByName(field.reference);
    const bool is_subject = target != nullptr && ClosingField(*target) != nullptr;
    for (std::string& id : Named(field, *state)) {
      (is_subject ? *out : others).push_back(std::move(id));
    }
  }
  if (!out->empty() || depth == kMaxSteps) return absl::OkStatus();
  for (const std::string& each : others) {
    const absl::StatusOr<Uuid> id = Uuid::Parse(each);
    if (!id.ok()) continue;
    DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> next, tables_->Load(*id));
    if (next) DOORSTEP_RETURN_IF_ERROR(FollowReferences(*next, depth + 1, out));
  }
  return absl::OkStatus();
}

absl::StatusOr<const std::vector<std::string>*> Stopped::StandingIn(const Uuid& file) {
  const auto [known, is_new] = files_.try_emplace(file);
  std::vector<std::string>* people = &known->second;
  if (!is_new) return people;
  for (const KindSpec& kind : tables_->schema().kinds()) {
    if (ClosingField(kind) == nullptr) continue;
    DOORSTEP_ASSIGN_OR_RETURN(
        Statement * list,
        tables_->db().Prepared(
            absl::StrCat("SELECT id FROM ", QuoteIdentifier(absl::StrCat("k_", kind.table)),
                         " WHERE _hidden IS NULL AND _compartment IN (SELECT ref FROM _compartment"
                         " WHERE file = ?1) ORDER BY id")));
    const ScopedReset done(list);
    list->BindBlob(1, file.AsBytes());
    while (true) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
      if (!more) break;
      DOORSTEP_ASSIGN_OR_RETURN(const Uuid id, Uuid::FromBytes(list->Blob(0)));
      people->push_back(id.ToString());
    }
  }
  return people;
}

absl::StatusOr<std::vector<std::string>> Stopped::Subjects(const RecordState& record) {
  const KindSpec* kind = tables_->schema().Find(record.kind);
  // One of several in a file is about nobody else.
  if (kind != nullptr && ClosingField(*kind) != nullptr) {
    return std::vector<std::string>{record.id.ToString()};
  }
  std::vector<std::string> subjects;
  DOORSTEP_RETURN_IF_ERROR(FollowReferences(record, 0, &subjects));
  if (!subjects.empty()) return subjects;
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<std::string>* people,
                            StandingIn(record.compartment.file));
  return *people;
}

absl::StatusOr<bool> Stopped::Has(const RecordState& record) {
  if (closing_.empty()) return false;
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<std::string> subjects, Subjects(record));
  return !subjects.empty() &&
         std::all_of(subjects.begin(), subjects.end(), [this](const std::string& each) {
           const absl::StatusOr<Uuid> id = Uuid::Parse(each);
           return id.ok() && Closes(*id);
         });
}

absl::StatusOr<bool> Stopped::IsAbout(const RecordState& record, const Uuid& subject) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<std::string> subjects, Subjects(record));
  return absl::c_linear_search(subjects, subject.ToString());
}

}  // namespace doorstep
