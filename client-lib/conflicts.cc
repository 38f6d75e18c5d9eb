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
  if (open.kind != nullptr) open.field = open.kind->Find(found.field);
  if (open.field == nullptr || open.record.Find(found.field) == nullptr) {
    return absl::DataLossError(absl::StrCat("_conflict: a case over record ",
                                            found.record.ToString(), ", which has no such field"));
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

absl::StatusOr<Conflict> Describe(const Schema& schema, const OpenCase& open) {
  const FieldState& state = *open.record.Find(open.field->number());
  Conflict out;
  out.case_id = CaseId(open.record.id, open.field->number()).ToString();
  out.record = open.record.id.ToString();
  out.kind = open.kind->name;
  out.field = open.field->scalar.name;
  out.label = open.field->label;
  out.safety = open.field->safety;
  for (const Head& head : state.heads) {
    DOORSTEP_ASSIGN_OR_RETURN(Version version, VersionOf(schema, *open.kind, *open.field, head));
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
