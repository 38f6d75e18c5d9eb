#include "client-lib/edits.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "client-lib/conflicts.h"
#include "client-lib/fork.h"
#include "client-lib/names.h"
#include "client-lib/open_record.h"
#include "google/protobuf/message.h"
#include "nlohmann/json.hpp"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/base/utf8.h"
#include "sync/change/record_json.h"
#include "sync/change/site_file.h"
#include "sync/merge/plan.h"
#include "sync/merge/states.h"

namespace doorstep {
namespace {

using client::Wanted;

std::string FieldPath(const KindSpec& kind, const FieldSpec& field) {
  return absl::StrCat(kind.name, ".", field.scalar.name);
}

// Somebody must decide first; says which case, and how.
absl::Status UndecidedError(const KindSpec& kind, const FieldSpec& field, const RecordState& record,
                            const FieldState& state) {
  const std::string case_id = CaseId(record.id, field.number()).ToString();
  absl::Status status = absl::FailedPreconditionError(absl::StrCat(
      FieldPath(kind, field), ": ", state.heads.size(), " versions of the ", field.label,
      " stand on record ", record.id.ToString(),
      ", wanted a decision between them before another edit. To decide case ", case_id,
      ": doorstep settle ", case_id, " --keep N | --value JSON | --both, with --reason WHY"));
  status.SetPayload(client::kConflictPayload, absl::Cord(case_id));
  return status;
}

// A transition is checked against what its author saw.
absl::Status CheckTransition(const KindSpec& kind, const FieldSpec& field,
                             const std::vector<std::string>& seen, absl::string_view after,
                             bool create) {
  const auto problem = TransitionProblem(field, seen, after, create);
  if (!problem.has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(FieldPath(kind, field), ": ", *problem));
}

absl::Status CheckEdit(const KindSpec& kind, const FieldSpec& field, const RecordState& record,
                       const FieldState& state, const Effective& before,
                       const std::vector<std::string>& after) {
  if (IsConflict(field, state)) return UndecidedError(kind, field, record, state);
  if (field.merge == MergeClass::kImmutable && !before.value.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        FieldPath(kind, field), ": got another value, wanted what was set when record ",
        record.id.ToString(), " was made: it never changes"));
  }
  if (field.merge == MergeClass::kState) {
    std::vector<std::string> seen;
    if (!before.value.empty()) seen.push_back(before.value);
    return CheckTransition(kind, field, seen, after.empty() ? "" : after.front(), false);
  }
  if (field.is_set() && after.size() > kMaxSetElements) {
    return absl::ResourceExhaustedError(absl::StrCat(FieldPath(kind, field), ": got ", after.size(),
                                                     " elements, wanted at most ",
                                                     kMaxSetElements));
  }
  return absl::OkStatus();
}

absl::Status RefuseUnknown(const KindSpec& kind, const std::vector<FieldValues>& values) {
  for (const FieldValues& field : values) {
    if (kind.Find(field.field) != nullptr) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(kind.name, ": got field ", field.field,
                     ", which this program does not know, wanted fields of its schema: a newer "
                     "program can take it"));
  }
  return absl::OkStatus();
}

// A generated or dynamic message, as values of the kind of the same name.
absl::StatusOr<std::vector<FieldValues>> ValuesOf(const KindSpec& kind,
                                                  const google::protobuf::Message& message) {
  std::string bytes;
  message.SerializePartialToString(&bytes);
  return ParseValues(kind, bytes, Unknown::kKeep);
}

absl::Status CheckReason(absl::string_view reason) {
  if (reason.empty()) {
    return absl::InvalidArgumentError("reason: got none, wanted why this was decided");
  }
  if (reason.size() > kMaxSettleReasonBytes || !IsValidUtf8(reason) ||
      reason.find('\0') != absl::string_view::npos) {
    return InvalidField("reason", reason,
                        absl::StrCat("at most ", kMaxSettleReasonBytes, " bytes of UTF-8"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Edits::Impl::CheckUntouched(const Uuid& record) const {
  if (!touched.contains(record)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("record ", record.ToString(),
                   ": got a second edit in one transaction, wanted all its edits in one, or the "
                   "second in a transaction of its own"));
}

absl::StatusOr<Uuid> Edits::Impl::FileByReference(const KindSpec& kind,
                                                  const std::vector<FieldValues>& values) {
  for (const FieldValues& field : values) {
    const FieldSpec* spec = kind.Find(field.field);
    if (spec == nullptr || spec->reference.empty() || field.values.empty()) continue;
    DOORSTEP_ASSIGN_OR_RETURN(const Scalar scalar,
                              DecodeScalar(spec->scalar, field.values.front()));
    DOORSTEP_ASSIGN_OR_RETURN(const Uuid target, Uuid::Parse(scalar.bytes));
    if (const auto it = touched.find(target); it != touched.end()) return it->second.file;
    DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> held, store.tables().Load(target));
    if (held.has_value()) return held->compartment.file;
    return absl::NotFoundError(
        absl::StrCat(FieldPath(kind, *spec), ": ", spec->reference, " ", target.ToString(),
                     " is not held here, so its file is not known: name the file, or sync first"));
  }
  DOORSTEP_ASSIGN_OR_RETURN(const std::string tenant, store.Text(client::key::kTenant));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string site, store.Text(client::key::kSite));
  return SiteFile(tenant, site);
}

absl::StatusOr<CompartmentId> Edits::Impl::PlaceOf(const Uuid& record, const KindSpec& kind,
                                                   const std::vector<FieldValues>& values,
                                                   const AddOptions& options) {
  CompartmentId place;
  place.tier = static_cast<uint8_t>(kind.tier);
  if (!options.tier.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(place.tier, client::ParseTier(options.tier));
  }
  if (options.file.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(place.file, FileByReference(kind, values));
  } else if (options.file == "new") {
    place.file = record;
  } else {
    DOORSTEP_ASSIGN_OR_RETURN(place.file, client::ParseId("file", options.file));
  }
  return place;
}

absl::StatusOr<std::string> Edits::Impl::Add(const KindSpec& kind, std::vector<FieldValues> values,
                                             const AddOptions& options) {
  DOORSTEP_RETURN_IF_ERROR(RefuseUnknown(kind, values));
  if (values.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(kind.name, ": got no field, wanted at least one"));
  }
  client::Edit edit;
  edit.change.kind = kind.number;
  edit.change.create = true;
  if (options.id.empty()) {
    edit.change.record = NewUuidV7(wall_ms, entropy);
  } else {
    DOORSTEP_ASSIGN_OR_RETURN(edit.change.record, client::ParseId("id", options.id));
  }
  DOORSTEP_RETURN_IF_ERROR(CheckUntouched(edit.change.record));
  DOORSTEP_ASSIGN_OR_RETURN(const auto held, store.tables().Find(edit.change.record));
  if (held.has_value()) {
    return absl::AlreadyExistsError(absl::StrCat("id: got ", options.id, ", which a ",
                                                 store.KindName(held->kind),
                                                 " has, wanted a new one"));
  }
  DOORSTEP_ASSIGN_OR_RETURN(edit.compartment, PlaceOf(edit.change.record, kind, values, options));
  for (FieldValues& field : values) {
    const FieldSpec& spec = *kind.Find(field.field);
    FieldEdit& out = edit.change.edits.emplace_back();
    out.field = field.field;
    if (!spec.is_set()) {
      out.value = std::move(field.values.front());
      if (spec.merge == MergeClass::kState) {
        DOORSTEP_RETURN_IF_ERROR(CheckTransition(kind, spec, {}, out.value, true));
      }
      continue;
    }
    if (field.values.size() > kMaxSetElements) {
      return absl::ResourceExhaustedError(
          absl::StrCat(FieldPath(kind, spec), ": got ", field.values.size(),
                       " elements, wanted at most ", kMaxSetElements));
    }
    out.adds = std::move(field.values);
  }
  touched.emplace(edit.change.record, edit.compartment);
  edits.push_back(std::move(edit));
  return edits.back().change.record.ToString();
}

absl::StatusOr<std::vector<ChangeId>> Edits::Impl::BaseOf(const client::OpenedRecord& opened,
                                                          uint32_t field) {
  std::vector<ChangeId> base;
  if (const FieldState* state = opened.state.Find(field); state != nullptr) {
    for (const Head& head : state->heads) {
      ChangeId id = head.id;
      // It was pending when the record was opened, and may have another id since.
      if (head.sequence == 0) {
        DOORSTEP_ASSIGN_OR_RETURN(id, client::CurrentId(store, id));
      }
      base.push_back(id);
    }
  }
  if (const auto it = opened.hidden.find(field); it != opened.hidden.end()) {
    for (const ChangeId& hidden : it->second) {
      DOORSTEP_ASSIGN_OR_RETURN(const ChangeId id, client::CurrentId(store, hidden));
      base.push_back(id);
    }
  }
  std::sort(base.begin(), base.end());
  base.erase(std::unique(base.begin(), base.end()), base.end());
  return base;
}

absl::StatusOr<FieldEdit> Edits::Impl::EditOf(const client::OpenedRecord& opened,
                                              const FieldSpec& field,
                                              std::vector<std::string> wanted) {
  static const FieldState kNone;
  const FieldState* held = opened.state.Find(field.number());
  const FieldState& state = held == nullptr ? kNone : *held;
  FieldEdit edit;
  edit.field = field.number();
  if (!field.is_set()) {
    if (!wanted.empty()) edit.value = std::move(wanted.front());
    DOORSTEP_ASSIGN_OR_RETURN(edit.base, BaseOf(opened, field.number()));
    if (field.carries_agreed()) edit.agreed = AgreedFor(state);
    return edit;
  }
  const std::vector<std::string> before = EffectiveOf(field, state).elements;
  for (const std::string& element : wanted) {
    if (!std::binary_search(before.begin(), before.end(), element)) edit.adds.push_back(element);
  }
  for (const std::string& element : before) {
    if (std::binary_search(wanted.begin(), wanted.end(), element)) continue;
    FieldEdit::Removal removal;
    removal.element = element;
    for (const Head& head : state.heads) {
      if (head.value != element) continue;
      ChangeId id = head.id;
      if (head.sequence == 0) {
        DOORSTEP_ASSIGN_OR_RETURN(id, client::CurrentId(store, id));
      }
      removal.adds.push_back(id);
    }
    edit.removals.push_back(std::move(removal));
  }
  return edit;
}

absl::Status Edits::Impl::Update(const client::OpenedRecord& opened, const Wanted& wanted) {
  static const FieldState kNone;
  if (opened.kind == nullptr) {
    return absl::UnimplementedError(
        absl::StrCat("record ", opened.id, " is of ", opened.kind_name,
                     ", which this program does not know: a newer program can edit it"));
  }
  const KindSpec& kind = *opened.kind;
  client::Edit edit;
  edit.compartment = opened.state.compartment;
  edit.change.record = opened.state.id;
  edit.change.kind = kind.number;
  for (const FieldSpec& field : kind.fields) {
    const auto it = wanted.find(field.number());
    if (it == wanted.end()) continue;
    const FieldState* held = opened.state.Find(field.number());
    const FieldState& state = held == nullptr ? kNone : *held;
    const Effective before = EffectiveOf(field, state);
    const bool same = field.is_set()
                          ? it->second == before.elements
                          : before.value == (it->second.empty() ? "" : it->second.front());
    if (same) continue;
    if (kind.append_only) {
      return absl::FailedPreconditionError(
          absl::StrCat(kind.name, " ", opened.id, ": got an edit, wanted a new ", kind.name,
                       " that corrects it: records of this kind never change"));
    }
    DOORSTEP_RETURN_IF_ERROR(CheckEdit(kind, field, opened.state, state, before, it->second));
    DOORSTEP_ASSIGN_OR_RETURN(FieldEdit change, EditOf(opened, field, it->second));
    edit.change.edits.push_back(std::move(change));
  }
  if (edit.change.edits.empty()) return absl::OkStatus();
  DOORSTEP_RETURN_IF_ERROR(CheckUntouched(opened.state.id));
  touched.emplace(opened.state.id, edit.compartment);
  edits.push_back(std::move(edit));
  return absl::OkStatus();
}

absl::StatusOr<std::string> Edits::Impl::DecidedValue(const KindSpec& kind, const FieldSpec& field,
                                                      const FieldState& state,
                                                      const Decision& decision) {
  switch (decision.mode) {
    case Decision::Mode::kKeep:
      if (decision.keep < 1 || static_cast<size_t>(decision.keep) > state.heads.size()) {
        return InvalidField("keep", absl::StrCat(decision.keep),
                            absl::StrCat("the number of a version, 1 to ", state.heads.size()));
      }
      return state.heads[decision.keep - 1].value;
    case Decision::Mode::kBoth:
      return state.heads.back().value;
    case Decision::Mode::kNewValue:
      break;
  }
  const std::string object = absl::StrCat("{\"", field.scalar.name, "\":", decision.json, "}");
  DOORSTEP_ASSIGN_OR_RETURN(const std::string bytes, JsonToValues(store.schema(), kind, object));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<FieldValues> values,
                            ParseValues(kind, bytes, Unknown::kRefuse));
  if (values.empty()) return std::string();
  // Text such as `"a","gp":"b"` would name another field as well.
  if (values.size() > 1 || values.front().field != field.number()) {
    return InvalidField("value", decision.json, "one JSON value");
  }
  return values.front().values.front();
}

absl::Status Edits::Impl::Settle(absl::string_view case_id, const Decision& decision) {
  DOORSTEP_RETURN_IF_ERROR(CheckReason(decision.reason));
  DOORSTEP_ASSIGN_OR_RETURN(const client::OpenCase open, client::FindCase(store, case_id));
  DOORSTEP_RETURN_IF_ERROR(CheckUntouched(open.record.id));
  const KindSpec& kind = *open.kind;
  const FieldSpec& field = *open.field;
  if (kind.append_only) {
    return absl::FailedPreconditionError(
        absl::StrCat(kind.name,
                     ": got a decision, wanted a new record that corrects it: records "
                     "of this kind never change"));
  }
  DOORSTEP_ASSIGN_OR_RETURN(const client::OpenedRecord opened,
                            client::MakeOpenRecord(store, fold, open.record));
  client::Edit edit;
  edit.compartment = open.record.compartment;
  edit.change.record = open.record.id;
  edit.change.kind = kind.number;
  FieldEdit& change = edit.change.edits.emplace_back();
  change.field = field.number();
  const FieldState& state = *open.record.Find(field.number());
  DOORSTEP_ASSIGN_OR_RETURN(change.value, DecidedValue(kind, field, state, decision));
  if (field.merge == MergeClass::kState) {
    std::vector<std::string> seen;
    for (const Head& head : state.heads) seen.push_back(head.value);
    DOORSTEP_RETURN_IF_ERROR(CheckTransition(kind, field, seen, change.value, false));
  }
  DOORSTEP_ASSIGN_OR_RETURN(change.base, BaseOf(opened, field.number()));
  if (field.carries_agreed()) change.agreed = AgreedFor(state);
  doorstep::Settle& settle = edit.change.settle.emplace();
  settle.reason = decision.reason;
  switch (decision.mode) {
    case Decision::Mode::kKeep:
      settle.mode = SettleMode::kKeep;
      break;
    case Decision::Mode::kNewValue:
      settle.mode = SettleMode::kNewValue;
      break;
    case Decision::Mode::kBoth:
      settle.mode = SettleMode::kBoth;
      break;
  }
  touched.emplace(open.record.id, edit.compartment);
  edits.push_back(std::move(edit));
  return absl::OkStatus();
}

absl::StatusOr<std::string> Edits::Add(const google::protobuf::Message& message,
                                       const AddOptions& options) {
  DOORSTEP_ASSIGN_OR_RETURN(
      const KindSpec* kind,
      client::FindKind(impl_->store.schema(), message.GetDescriptor()->full_name()));
  DOORSTEP_ASSIGN_OR_RETURN(std::vector<FieldValues> values, ValuesOf(*kind, message));
  return impl_->Add(*kind, std::move(values), options);
}

absl::StatusOr<std::string> Edits::AddJson(absl::string_view kind_name, absl::string_view json,
                                           const AddOptions& options) {
  DOORSTEP_ASSIGN_OR_RETURN(const KindSpec* kind,
                            client::FindKind(impl_->store.schema(), kind_name));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string bytes,
                            JsonToValues(impl_->store.schema(), *kind, json));
  DOORSTEP_ASSIGN_OR_RETURN(std::vector<FieldValues> values,
                            ParseValues(*kind, bytes, Unknown::kKeep));
  return impl_->Add(*kind, std::move(values), options);
}

absl::Status Edits::Update(const OpenRecord& opened, const google::protobuf::Message& now) {
  const client::OpenedRecord& record = *opened.impl_;
  const std::string& name = now.GetDescriptor()->full_name();
  if (name != record.full_name) {
    return absl::InvalidArgumentError(
        absl::StrCat("record ", record.id, ": got a ", name, ", wanted a ", record.full_name));
  }
  Wanted wanted;
  if (record.kind != nullptr) {
    DOORSTEP_ASSIGN_OR_RETURN(std::vector<FieldValues> values, ValuesOf(*record.kind, now));
    for (const FieldSpec& field : record.kind->fields) wanted[field.number()];
    for (FieldValues& field : values) {
      // What this program does not know, it does not edit.
      if (record.kind->Find(field.field) == nullptr) continue;
      wanted[field.field] = std::move(field.values);
    }
  }
  return impl_->Update(record, wanted);
}

absl::Status Edits::UpdateJson(const OpenRecord& opened, absl::string_view json) {
  const client::OpenedRecord& record = *opened.impl_;
  Wanted wanted;
  if (record.kind != nullptr) {
    const KindSpec& kind = *record.kind;
    DOORSTEP_ASSIGN_OR_RETURN(const std::string bytes,
                              JsonToValues(impl_->store.schema(), kind, json));
    DOORSTEP_ASSIGN_OR_RETURN(std::vector<FieldValues> values,
                              ParseValues(kind, bytes, Unknown::kKeep));
    // JsonToValues has checked the text; what is left to ask is which fields it names.
    const nlohmann::json object =
        nlohmann::json::parse(json.begin(), json.end(), nullptr, /*allow_exceptions=*/false);
    for (const FieldSpec& field : kind.fields) {
      if (object.contains(field.scalar.name) || object.contains(field.descriptor->json_name())) {
        wanted[field.number()];
      }
    }
    for (FieldValues& field : values) {
      if (kind.Find(field.field) == nullptr) continue;
      wanted[field.field] = std::move(field.values);
    }
  }
  return impl_->Update(record, wanted);
}

absl::Status Edits::Settle(absl::string_view case_id, const Decision& decision) {
  return impl_->Settle(case_id, decision);
}

}  // namespace doorstep
