#include "client-lib/conflicts.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client-lib/value_json.h"
#include "sync/base/status.h"
#include "sync/merge/judgement.h"
#include "sync/merge/plan.h"

namespace doorstep::client {
namespace {

constexpr int64_t kHourMs = 3600 * 1000;
// Somebody decides within this time; longer where no harm hangs on it.
constexpr int64_t kSafetyDueMs = 24 * kHourMs;
constexpr int64_t kOtherDueMs = 7 * 24 * kHourMs;

// A row of _conflict.
struct Case {
  Uuid record;
  uint32_t field = 0;
};

absl::StatusOr<std::vector<Case>> ReadCases(Statement* list) {
  ScopedReset done(list);
  std::vector<Case> cases;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return cases;
    DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, Uuid::FromBytes(list->Blob(0)));
    cases.push_back({record, static_cast<uint32_t>(list->Int(1))});
  }
}

absl::StatusOr<OpenCase> Load(Store& store, const Case& found) {
  OpenCase open;
  DOORSTEP_ASSIGN_OR_RETURN(auto record, store.tables().Load(found.record));
  if (record.has_value()) {
    open.record = *std::move(record);
    open.kind = store.schema().Find(open.record.kind);
  }
  if (open.kind != nullptr) open.field = open.kind->FindWithMarks(found.field);
  // A whole assessment is no field of its own.
  const bool has_heads = found.field == kAssessedField || open.record.Find(found.field) != nullptr;
  if (open.field == nullptr || !has_heads) {
    return absl::DataLossError(absl::StrCat("_conflict: a case over record ",
                                            found.record.ToString(), ", which has no such field"));
  }
  if (found.field == kAssessedField) {
    DOORSTEP_ASSIGN_OR_RETURN(open.children, store.tables().ChildrenOf(open.record));
  }
  return open;
}

}  // namespace

absl::StatusOr<OpenCase> FindCase(Store& store, absl::string_view case_id) {
  const std::string digits = absl::AsciiStrToLower(absl::StrReplaceAll(case_id, {{"-", ""}}));
  const bool is_hex = std::all_of(digits.begin(), digits.end(), absl::ascii_isxdigit);
  if (digits.empty() || digits.size() > 32 || !is_hex) {
    return InvalidField("case", case_id, "the id of an open case, or its first digits");
  }
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * find,
      store.db().Prepared("SELECT record, field FROM _conflict"
                          " WHERE substr(lower(hex(case_id)), 1, ?2) = ?1 ORDER BY case_id"));
  find->BindText(1, digits).BindInt(2, static_cast<int64_t>(digits.size()));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<Case> cases, ReadCases(find));
  if (cases.empty()) {
    return absl::NotFoundError(
        absl::StrCat("case: got ", Quoted(case_id), ", wanted a case that is open here"));
  }
  if (cases.size() > 1) {
    return InvalidField("case", case_id,
                        absl::StrCat("more digits: ", cases.size(), " open cases begin so"));
  }
  return Load(store, cases.front());
}

absl::StatusOr<std::vector<Conflict>> AllConflicts(Store& store) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      store.db().Prepared("SELECT record, field FROM _conflict ORDER BY record, field"));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<Case> cases, ReadCases(list));
  std::vector<Conflict> out;
  out.reserve(cases.size());
  for (const Case& found : cases) {
    DOORSTEP_ASSIGN_OR_RETURN(const OpenCase open, Load(store, found));
    DOORSTEP_ASSIGN_OR_RETURN(Conflict conflict, Describe(store.schema(), open));
    out.push_back(std::move(conflict));
  }
  std::sort(out.begin(), out.end(), [](const Conflict& a, const Conflict& b) {
    return std::tie(a.due_ms, a.case_id) < std::tie(b.due_ms, b.case_id);
  });
  return out;
}

namespace {

// The changes that nobody has assessed together, in order of time.
absl::Status DescribeJudgement(const Schema& schema, const OpenCase& open, Conflict* out) {
  Judgement judgement = {&open.record};
  for (const RecordState& child : open.children) judgement.push_back(&child);
  for (const MemberHead& member : UnassessedHeads(schema, judgement)) {
    const KindSpec& kind = *schema.Find(member.record->kind);
    const FieldSpec& field = *kind.Find(member.field);
    DOORSTEP_ASSIGN_OR_RETURN(Version version, VersionOf(schema, kind, field, *member.head));
    version.field = field.scalar.name;
    version.record = member.record->id.ToString();
    out->versions.push_back(std::move(version));
  }
  std::stable_sort(out->versions.begin(), out->versions.end(),
                   [](const Version& a, const Version& b) { return a.time_ms < b.time_ms; });
  if (out->versions.size() > 1) out->opened_ms = out->versions[1].time_ms;
  out->due_ms = out->opened_ms + kSafetyDueMs;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Conflict> Describe(const Schema& schema, const OpenCase& open) {
  static const FieldState kNone;
  const FieldState* held = open.record.Find(open.field->number());
  const FieldState& state = held == nullptr ? kNone : *held;
  Conflict out;
  out.case_id = CaseId(open.record.id, open.field->number()).ToString();
  out.record = open.record.id.ToString();
  out.kind = open.kind->name;
  out.field = open.field->scalar.name;
  out.label = open.field->label;
  out.safety = open.field->safety;
  if (open.field->number() == kAssessedField) {
    out.safety = true;
    out.advice = "changed by two people - nobody has assessed the whole";
    DOORSTEP_RETURN_IF_ERROR(DescribeJudgement(schema, open, &out));
    return out;
  }
  for (const size_t place : CaseHeads(*open.field, state)) {
    DOORSTEP_ASSIGN_OR_RETURN(Version version,
                              VersionOf(schema, *open.kind, *open.field, state.heads[place]));
    out.versions.push_back(std::move(version));
  }
  const Effective effective = EffectiveOf(*open.field, state);
  if (!effective.value.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(out.until_decided_json,
                              ValueJson(schema, *open.kind, *open.field, effective.value));
  }
  if (open.field->effective == EffectiveRule::kNone) out.advice = open.field->when_unsettled;
  // A case opens when a second version meets the first.
  if (state.heads.size() > 1) out.opened_ms = state.heads[1].time_ms;
  out.due_ms = out.opened_ms + (open.field->safety ? kSafetyDueMs : kOtherDueMs);
  return out;
}

}  // namespace doorstep::client
