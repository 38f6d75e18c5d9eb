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
#include "doorstep/v1/sign_off.pb.h"
#include "google/protobuf/message.h"
#include "nlohmann/json.hpp"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/base/utf8.h"
#include "sync/change/record_json.h"
#include "sync/change/site_file.h"
#include "sync/merge/judgement.h"
#include "sync/merge/marks.h"
#include "sync/merge/plan.h"
#include "sync/merge/record.h"
#include "sync/merge/states.h"

namespace doorstep {
namespace {

using client::Wanted;

// Somebody must decide first; says which case, and how.
absl::Status UndecidedError(const KindSpec& kind, const FieldSpec& field, const RecordState& record,
                            const FieldState& state) {
  const std::string case_id = CaseId(record.id, field.number()).ToString();
  const std::string what =
      state.heads.size() == 1
          ? absl::StrCat("a ", field.label, " that nobody has reviewed stands")
          : absl::StrCat(state.heads.size(), " versions of the ", field.label, " stand");
  absl::Status status = absl::FailedPreconditionError(
      absl::StrCat(client::FieldPath(kind, field), ": ", what, " on record ", record.id.ToString(),
                   ", wanted a decision ", state.heads.size() == 1 ? "on it" : "between them",
                   " before another edit. To decide case ", case_id, ": doorstep settle ", case_id,
                   " --keep N | --value JSON | --both, with --reason WHY"));
  status.SetPayload(client::kConflictPayload, absl::Cord(case_id));
  return status;
}

// Signatures are made by signing: nothing else looks at what is signed.
absl::Status RefuseEngineKind(const KindSpec& kind) {
  if (kind.full_name != v1::SignOff::descriptor()->full_name()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      kind.name, ": got one that was made by hand, wanted one that signing makes: doorstep sign"));
}

// Whether an element that somebody proposed to take out is not among `after`.
bool TakesWhatIsInQuestion(const FieldSpec& field, const FieldState& state,
                           const std::vector<std::string>& after) {
  const std::vector<size_t> places = CaseHeads(field, state);
  return std::any_of(places.begin(), places.end(), [&](size_t place) {
    return !std::binary_search(after.begin(), after.end(), state.heads[place].value);
  });
}

absl::Status CheckEdit(const KindSpec& kind, const FieldSpec& field, const RecordState& record,
                       const FieldState& state, const Effective& before,
                       const std::vector<std::string>& after) {
  // To a set in question people may go on adding.
  const bool conflict =
      field.is_set() ? TakesWhatIsInQuestion(field, state, after) : IsConflict(field, state);
  if (conflict) return UndecidedError(kind, field, record, state);
  if (field.merge == MergeClass::kImmutable && !before.value.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        client::FieldPath(kind, field), ": got another value, wanted what was set when record ",
        record.id.ToString(), " was made: it never changes"));
  }
  if (field.merge == MergeClass::kState) {
    std::vector<std::string> seen;
    if (!before.value.empty()) seen.push_back(before.value);
    return client::CheckTransition(kind, field, seen, after.empty() ? "" : after.front(), false);
  }
  if (field.is_set() && after.size() > kMaxSetElements) {
    return absl::ResourceExhaustedError(absl::StrCat(client::FieldPath(kind, field), ": got ",
                                                     after.size(), " elements, wanted at most ",
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

}  // namespace

absl::Status Edits::Impl::CheckUntouched(const Uuid& record) const {
  if (!touched.contains(record)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("record ", record.ToString(),
                   ": got a second edit in one transaction, wanted all its edits in one, or the "
                   "second in a transaction of its own"));
}

// A restricted matter does not follow its references into a file that more people see.
absl::StatusOr<Uuid> Edits::Impl::FileByReference(const Uuid& record, const KindSpec& kind,
                                                  const std::vector<FieldValues>& values) {
  for (const FieldValues& field : values) {
    const FieldSpec* spec = kind.Find(field.field);
    if (spec == nullptr || spec->reference.empty() || field.values.empty()) continue;
    DOORSTEP_ASSIGN_OR_RETURN(const Scalar scalar,
                              DecodeScalar(spec->scalar, field.values.front()));
    DOORSTEP_ASSIGN_OR_RETURN(const Uuid target, Uuid::Parse(scalar.bytes));
    std::optional<CompartmentId> place;
    if (const auto it = touched.find(target); it != touched.end()) {
      place = it->second;
    } else {
      DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> held, store.tables().Load(target));
      if (held.has_value()) place = held->compartment;
    }
    if (place.has_value() && place->tier >= static_cast<uint8_t>(kind.tier)) return place->file;
    if (kind.tier != Tier::kNormal) continue;
    return absl::NotFoundError(
        absl::StrCat(client::FieldPath(kind, *spec), ": ", spec->reference, " ", target.ToString(),
                     " is not held here, so its file is not known: name the file, or sync first"));
  }
  if (kind.tier != Tier::kNormal) return record;
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
    DOORSTEP_ASSIGN_OR_RETURN(place.file, FileByReference(record, kind, values));
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
    edit.change.record = NewUuidV7(moment.wall_ms, entropy);
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
      DOORSTEP_RETURN_IF_ERROR(CheckPause(kind, spec, field.values.front()));
      out.value = std::move(field.values.front());
      if (spec.merge == MergeClass::kState) {
        DOORSTEP_RETURN_IF_ERROR(client::CheckTransition(kind, spec, {}, out.value, true));
      }
      continue;
    }
    if (field.values.size() > kMaxSetElements) {
      return absl::ResourceExhaustedError(
          absl::StrCat(client::FieldPath(kind, spec), ": got ", field.values.size(),
                       " elements, wanted at most ", kMaxSetElements));
    }
    out.adds = std::move(field.values);
  }
  DOORSTEP_ASSIGN_OR_RETURN(edit.change.seen, SeenByNew(edit.change));
  touched.emplace(edit.change.record, edit.compartment);
  edits.push_back(std::move(edit));
  return edits.back().change.record.ToString();
}

// A new record joins the judgement of those that it refers to, as they stand now.
absl::StatusOr<std::vector<ChangeId>> Edits::Impl::SeenByNew(const ChangeData& change) {
  const KindSpec& kind = *store.schema().Find(change.kind);
  const bool of_judgement =
      std::any_of(change.edits.begin(), change.edits.end(),
                  [&](const FieldEdit& edit) { return kind.Find(edit.field)->keeps_seen; });
  if (!of_judgement) return std::vector<ChangeId>();
  RecordState record;
  record.id = change.record;
  record.kind = change.kind;
  PlanChange(kind, change, 0, 0, "", &record);
  DOORSTEP_ASSIGN_OR_RETURN(std::vector<ChangeId> ids, client::SeenElsewhere(store, record));
  if (ids.size() > kMaxSeenHeads) ids.resize(kMaxSeenHeads);
  return ids;
}

// A head that was pending when its record was opened may have another id since.
absl::StatusOr<ChangeId> Edits::Impl::IdOf(const Head& head) {
  if (head.sequence != 0) return head.id;
  return client::CurrentId(store, head.id);
}

absl::StatusOr<std::vector<ChangeId>> Edits::Impl::BaseOf(const client::OpenedRecord& opened,
                                                          uint32_t field) {
  std::vector<ChangeId> base;
  if (const FieldState* state = opened.state.Find(field); state != nullptr) {
    for (const Head& head : state->heads) {
      DOORSTEP_ASSIGN_OR_RETURN(const ChangeId id, IdOf(head));
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
    if (field.carries_agreed()) edit.agreed = AgreedFor(field, state);
    return edit;
  }
  const std::vector<std::string> before = EffectiveOf(field, state).elements;
  for (const std::string& element : wanted) {
    if (std::binary_search(before.begin(), before.end(), element)) continue;
    edit.adds.push_back(element);
    // Proposals to take out what somebody else has taken out since are answered by adding it again.
    FieldEdit::Removal answered;
    answered.element = element;
    for (const Head& head : state.heads) {
      if (head.value != element) continue;
      DOORSTEP_ASSIGN_OR_RETURN(const ChangeId id, IdOf(head));
      answered.adds.push_back(id);
    }
    if (answered.adds.empty()) continue;
    std::sort(answered.adds.begin(), answered.adds.end());
    edit.removals.push_back(std::move(answered));
  }
  for (const std::string& element : before) {
    if (std::binary_search(wanted.begin(), wanted.end(), element)) continue;
    FieldEdit::Removal removal;
    removal.element = element;
    for (const Head& head : state.heads) {
      if (head.value != element || head.IsProposal()) continue;
      DOORSTEP_ASSIGN_OR_RETURN(const ChangeId id, IdOf(head));
      removal.adds.push_back(id);
    }
    std::sort(removal.adds.begin(), removal.adds.end());
    edit.removals.push_back(std::move(removal));
  }
  return edit;
}

// Ids of the opened record as they are now, ascending, each once.
absl::StatusOr<std::vector<ChangeId>> Edits::Impl::Current(const client::OpenedRecord& opened,
                                                           const std::vector<ChangeId>& ids) {
  std::vector<ChangeId> out;
  out.reserve(ids.size());
  for (ChangeId id : ids) {
    if (!opened.admitted.contains(id)) {
      DOORSTEP_ASSIGN_OR_RETURN(id, client::CurrentId(store, id));
    }
    out.push_back(id);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

// What the author of a change of the opened record saw in other fields and records of its
// judgement; nothing when the change is of no member of one.
absl::StatusOr<std::vector<ChangeId>> Edits::Impl::SeenBy(const client::OpenedRecord& opened,
                                                          const ChangeData& change) {
  const bool of_judgement = std::any_of(
      change.edits.begin(), change.edits.end(),
      [&](const FieldEdit& edit) { return opened.kind->FindWithMarks(edit.field)->keeps_seen; });
  if (!of_judgement) return std::vector<ChangeId>();
  std::vector<ChangeId> ids = opened.seen_elsewhere;
  for (const MemberHead& member : MemberHeads(store.schema(), {&opened.state})) {
    const bool edited = std::any_of(change.edits.begin(), change.edits.end(),
                                    [&](const auto& edit) { return edit.field == member.field; });
    if (!edited) ids.push_back(member.head->id);
  }
  DOORSTEP_ASSIGN_OR_RETURN(ids, Current(opened, ids));
  if (ids.size() <= kMaxSeenHeads) return ids;
  return absl::ResourceExhaustedError(
      absl::StrCat("record ", opened.id, ": got ", ids.size(),
                   " versions that belong to one assessment, wanted at most ", kMaxSeenHeads));
}

// A form that was opened before two versions stood is saved when everybody here sees both: it must
// not replace one of them.
absl::Status Edits::Impl::CheckNothingOpened(const KindSpec& kind, const FieldSpec& field,
                                             const Uuid& record) {
  if (field.merge != MergeClass::kReview) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> now, store.tables().Load(record));
  const FieldState* state = now.has_value() ? now->Find(field.number()) : nullptr;
  if (state == nullptr || !IsConflict(field, *state)) return absl::OkStatus();
  return UndecidedError(kind, field, *now, *state);
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
      return absl::InvalidArgumentError(
          absl::StrCat(kind.name, " ", opened.id, ": got an edit, wanted a new ", kind.name,
                       " that corrects it: records of this kind never change"));
    }
    DOORSTEP_RETURN_IF_ERROR(CheckEdit(kind, field, opened.state, state, before, it->second));
    DOORSTEP_RETURN_IF_ERROR(CheckNothingOpened(kind, field, opened.state.id));
    if (!it->second.empty()) {
      DOORSTEP_RETURN_IF_ERROR(CheckPause(kind, field, it->second.front()));
    }
    DOORSTEP_ASSIGN_OR_RETURN(FieldEdit change, EditOf(opened, field, it->second));
    edit.change.edits.push_back(std::move(change));
  }
  if (edit.change.edits.empty()) return absl::OkStatus();
  DOORSTEP_RETURN_IF_ERROR(CheckUntouched(opened.state.id));
  DOORSTEP_ASSIGN_OR_RETURN(edit.change.seen, SeenBy(opened, edit.change));
  touched.emplace(opened.state.id, edit.compartment);
  edits.push_back(std::move(edit));
  return absl::OkStatus();
}

absl::StatusOr<std::string> Edits::Add(const google::protobuf::Message& message,
                                       const AddOptions& options) {
  std::string bytes;
  message.SerializePartialToString(&bytes);
  return AddBytes(message.GetDescriptor()->full_name(), bytes, options);
}

absl::StatusOr<std::string> Edits::AddBytes(absl::string_view kind_name, absl::string_view bytes,
                                            const AddOptions& options) {
  DOORSTEP_ASSIGN_OR_RETURN(const KindSpec* kind,
                            client::FindKind(impl_->store.schema(), kind_name));
  DOORSTEP_RETURN_IF_ERROR(RefuseEngineKind(*kind));
  DOORSTEP_ASSIGN_OR_RETURN(std::vector<FieldValues> values,
                            ParseValues(*kind, bytes, Unknown::kKeep));
  return impl_->Add(*kind, std::move(values), options);
}

absl::StatusOr<std::string> Edits::AddJson(absl::string_view kind_name, absl::string_view json,
                                           const AddOptions& options) {
  DOORSTEP_ASSIGN_OR_RETURN(const KindSpec* kind,
                            client::FindKind(impl_->store.schema(), kind_name));
  DOORSTEP_RETURN_IF_ERROR(RefuseEngineKind(*kind));
  DOORSTEP_ASSIGN_OR_RETURN(const std::string bytes,
                            JsonToValues(impl_->store.schema(), *kind, json));
  DOORSTEP_ASSIGN_OR_RETURN(std::vector<FieldValues> values,
                            ParseValues(*kind, bytes, Unknown::kKeep));
  return impl_->Add(*kind, std::move(values), options);
}

absl::Status Edits::Update(const OpenRecord& opened, const google::protobuf::Message& now) {
  const std::string& name = now.GetDescriptor()->full_name();
  if (name != opened.full_name()) {
    return absl::InvalidArgumentError(
        absl::StrCat("record ", opened.id(), ": got a ", name, ", wanted a ", opened.full_name()));
  }
  std::string bytes;
  now.SerializePartialToString(&bytes);
  return UpdateBytes(opened, bytes);
}

absl::Status Edits::UpdateBytes(const OpenRecord& opened, absl::string_view now) {
  const client::OpenedRecord& record = *opened.impl_;
  Wanted wanted;
  if (record.kind != nullptr) {
    DOORSTEP_ASSIGN_OR_RETURN(std::vector<FieldValues> values,
                              ParseValues(*record.kind, now, Unknown::kKeep));
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

}  // namespace doorstep
