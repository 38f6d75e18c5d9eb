#include "client-lib/conflicts.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "client-lib/responsible.h"
#include "client-lib/titles.h"
#include "client-lib/value_json.h"
#include "sync/base/bytes.h"
#include "sync/base/status.h"
#include "sync/cases/bands.h"
#include "sync/cases/case.h"
#include "sync/cases/deadlines.h"
#include "sync/cases/settling.h"
#include "sync/cases/title.h"
#include "sync/cases/words.h"
#include "sync/change/wire.h"
#include "sync/merge/admission_time.h"
#include "sync/merge/judgement.h"
#include "sync/merge/plan.h"

namespace doorstep::client {
namespace {

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

// The best guess at the server's time.
absl::StatusOr<int64_t> ServerNow(Store& store, const ClockReading& now) {
  DOORSTEP_ASSIGN_OR_RETURN(const Stamp stamp, store.MakeStamp(now));
  return EstimateTime(stamp, INT64_MIN);
}

CasePerson PersonOf(const std::string& name, CaseRole role) {
  return {name, name.empty() ? "" : std::string(CaseRoleName(role))};
}

// Decisions behind the record that a conflict in it leaves as they are: of the records that it
// names, the fields with the rule LAST_AGREED.
absl::StatusOr<std::vector<std::string>> Unchanged(Store& store, const OpenCase& open) {
  std::vector<std::string> out;
  for (const FieldSpec& field : open.kind->fields) {
    const FieldState* held = open.record.Find(field.number());
    if (field.reference.empty() || field.is_set() || held == nullptr) continue;
    const std::string value = EffectiveOf(field, *held).value;
    if (value.empty()) continue;
    DOORSTEP_ASSIGN_OR_RETURN(const Scalar id, DecodeScalar(field.scalar, value));
    DOORSTEP_ASSIGN_OR_RETURN(const Uuid target, Uuid::Parse(id.bytes));
    DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> record, store.tables().Load(target));
    const KindSpec* kind = record ? store.schema().Find(record->kind) : nullptr;
    if (kind == nullptr) continue;
    for (const FieldSpec& decision : kind->fields) {
      const FieldState* state = record->Find(decision.number());
      if (decision.effective != EffectiveRule::kLastAgreed || state == nullptr) continue;
      const std::string now = EffectiveOf(decision, *state).value;
      if (now.empty() || IsConflict(decision, *state)) continue;
      out.push_back(absl::StrCat(decision.label, " (", TitleOf(store.schema(), *record), "): ",
                                 ValueWords(decision, now), ". That decision has not changed."));
    }
  }
  return out;
}

// The changes that nobody has assessed together.
absl::StatusOr<FieldState> DescribeJudgement(const Schema& schema, const OpenCase& open,
                                             Conflict* out) {
  FieldState heads;
  heads.field = kAssessedField;
  Judgement judgement = {&open.record};
  for (const RecordState& child : open.children) judgement.push_back(&child);
  for (const MemberHead& member : UnassessedHeads(schema, judgement)) {
    const KindSpec& kind = *schema.Find(member.record->kind);
    const FieldSpec& field = *kind.Find(member.field);
    DOORSTEP_ASSIGN_OR_RETURN(Version version, VersionOf(schema, kind, field, *member.head));
    version.field = field.scalar.name;
    version.label = field.label;
    version.record = member.record->id.ToString();
    version.words = ValueWords(field, member.head->value);
    out->versions.push_back(std::move(version));
    heads.heads.push_back(*member.head);
  }
  std::stable_sort(out->versions.begin(), out->versions.end(),
                   [](const Version& a, const Version& b) { return a.time_ms < b.time_ms; });
  std::sort(heads.heads.begin(), heads.heads.end(), HeadBefore);
  out->safety = true;
  out->advice = "changed by two people - nobody has assessed the whole";
  out->until_decided = "Changed by two people: nobody has assessed the whole.";
  return heads;
}

// The heads over which the case is, with their place in the conflict.
absl::StatusOr<FieldState> DescribeVersions(const Schema& schema, const OpenCase& open,
                                            Conflict* out) {
  if (open.field->number() == kAssessedField) return DescribeJudgement(schema, open, out);
  const FieldState& state = *open.record.Find(open.field->number());
  FieldState heads;
  heads.field = state.field;
  for (const size_t place : CaseHeads(*open.field, state)) {
    const Head& head = state.heads[place];
    DOORSTEP_ASSIGN_OR_RETURN(Version version, VersionOf(schema, *open.kind, *open.field, head));
    version.words = ValueWords(*open.field, head.value);
    out->versions.push_back(std::move(version));
    heads.heads.push_back(head);
  }
  const Effective effective = EffectiveOf(*open.field, state);
  if (!effective.value.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(out->until_decided_json,
                              ValueJson(schema, *open.kind, *open.field, effective.value));
  }
  if (open.field->effective == EffectiveRule::kNone) out->advice = open.field->when_unsettled;
  out->until_decided = UntilDecided(*open.field, state);
  return heads;
}

// Short, so that it can be typed; two lists of versions of one case do not share it by accident.
std::string SeenToken(const std::vector<Version>& versions) {
  std::vector<std::string> named;
  named.reserve(versions.size());
  for (const Version& version : versions) {
    named.push_back(absl::StrCat(version.change, " ", version.record, " ", version.field, "\n"));
  }
  std::sort(named.begin(), named.end());
  const std::string input = absl::StrJoin(named, "");
  std::array<unsigned char, crypto_generichash_BYTES_MIN> hash;
  // Cannot fail: the lengths are within the function's fixed bounds and there is no key.
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(input.data()),
                     input.size(), nullptr, 0);
  return ToHex({reinterpret_cast<const char*>(hash.data()), 4});
}

absl::StatusOr<Conflict> DescribeWith(Store& store, People& people, const OpenCase& open,
                                      int64_t now_ms, const std::string& user) {
  Conflict out;
  out.case_id = CaseId(open.record.id, open.field->number()).ToString();
  out.record = open.record.id.ToString();
  out.kind = open.kind->name;
  out.field = open.field->scalar.name;
  out.label = open.field->label;
  out.safety = open.field->safety;
  out.rating = IsRating(*open.field);
  DOORSTEP_ASSIGN_OR_RETURN(out.title, TitleWithFile(store, open.record));
  DOORSTEP_ASSIGN_OR_RETURN(const FieldState heads, DescribeVersions(store.schema(), open, &out));
  out.seen = SeenToken(out.versions);
  DOORSTEP_ASSIGN_OR_RETURN(out.unchanged, Unchanged(store, open));

  // An assessment as a whole is as pressing as what it is made of.
  FieldSpec field = *open.field;
  field.safety = out.safety;
  DOORSTEP_ASSIGN_OR_RETURN(const Responsible responsible, people.Of(open.record.compartment.file));
  const CaseView view = ViewCase(field, heads, responsible, now_ms);
  out.opened_ms = view.opened_ms;
  out.due_ms = view.due_ms;
  out.paused = view.paused;
  out.reviewer = PersonOf(view.reviewer, view.reviewer_role);
  out.deputy = PersonOf(view.deputy, CaseRole::kDeputy);
  out.duty = PersonOf(view.duty, CaseRole::kDuty);
  out.level = view.level;
  out.with = PersonOf(view.with, view.with_role);
  out.next_ms = view.next_ms;
  for (const PassedOver& over : view.passed_over) {
    out.passed_over.push_back(
        {over.name, over.why == PassedOver::Why::kAway ? "is away" : "wrote one of the versions"});
  }
  out.nobody = view.nobody;
  out.you_may_add = !open.kind->append_only && open.field->merge == MergeClass::kReview;
  out.you_may_settle = MaySettle(*open.field, SeenVersions(heads), user);
  return out;
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

absl::StatusOr<std::vector<Conflict>> AllConflicts(Store& store, const ClockReading& now,
                                                   const std::string& user) {
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      store.db().Prepared("SELECT record, field FROM _conflict ORDER BY record, field"));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<Case> cases, ReadCases(list));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t now_ms, ServerNow(store, now));
  People people(store, now_ms);
  std::vector<Conflict> out;
  out.reserve(cases.size());
  for (const Case& found : cases) {
    DOORSTEP_ASSIGN_OR_RETURN(const OpenCase open, Load(store, found));
    DOORSTEP_ASSIGN_OR_RETURN(Conflict conflict, DescribeWith(store, people, open, now_ms, user));
    out.push_back(std::move(conflict));
  }
  std::sort(out.begin(), out.end(), [](const Conflict& a, const Conflict& b) {
    return std::tie(a.due_ms, a.case_id) < std::tie(b.due_ms, b.case_id);
  });
  return out;
}

absl::StatusOr<Conflict> Describe(Store& store, const OpenCase& open, const ClockReading& now,
                                  const std::string& user) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t now_ms, ServerNow(store, now));
  People people(store, now_ms);
  return DescribeWith(store, people, open, now_ms, user);
}

absl::StatusOr<std::string> SeenNow(Store& store, const OpenCase& open) {
  Conflict now;
  DOORSTEP_RETURN_IF_ERROR(DescribeVersions(store.schema(), open, &now).status());
  return SeenToken(now.versions);
}

absl::Status CheckMaySettle(Store& store, const OpenCase& open,
                            const std::vector<std::string>& takes_out, const ClockReading& now,
                            const std::string& author) {
  const FieldState* state = open.record.Find(open.field->number());
  if (state == nullptr) return absl::OkStatus();
  const std::vector<SeenVersion> seen = SeenVersions(*state);
  const bool may = open.field->is_set() ? std::all_of(takes_out.begin(), takes_out.end(),
                                                      [&](const std::string& element) {
                                                        return MayTakeOut(element, seen, author);
                                                      })
                                        : MaySettle(*open.field, seen, author);
  if (may) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t now_ms, ServerNow(store, now));
  People people(store, now_ms);
  DOORSTEP_ASSIGN_OR_RETURN(const Responsible responsible, people.Of(open.record.compartment.file));
  const CaseView view = ViewCase(*open.field, *state, responsible, now_ms);
  const std::string who =
      view.with.empty()
          ? absl::StrCat(view.nobody, " Anybody else who holds the record may decide.")
          : absl::StrCat("It is with ", view.with, " (", CaseRoleName(view.with_role), ").");
  return absl::PermissionDeniedError(absl::StrCat(
      open.kind->name, ".", MayNotSettle(*open.field, seen, author),
      open.field->is_set() ? ": nobody decides alone what only they proposed; anybody may keep it. "
                           : ": nobody settles alone what one version of is their own. ",
      who));
}

}  // namespace doorstep::client
