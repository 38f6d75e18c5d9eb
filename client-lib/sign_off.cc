#include "client-lib/sign_off.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "client-lib/edits.h"
#include "client-lib/fork.h"
#include "client-lib/names.h"
#include "client-lib/open_record.h"
#include "client-lib/replica_impl.h"
#include "doorstep/v1/sign_off.pb.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/change/wire.h"
#include "sync/merge/judgement.h"
#include "sync/merge/marks.h"
#include "sync/merge/plan.h"
#include "sync/merge/sign_off.h"

namespace doorstep {
namespace {

Judgement JudgementOf(const RecordState& record, const std::vector<RecordState>& children) {
  Judgement judgement = {&record};
  for (const RecordState& child : children) judgement.push_back(&child);
  return judgement;
}

// "RiskAssessment.hazard", or as a screen says it "risk assessment: hazard"; of another record with
// its id.
std::string NameOf(const Schema& schema, const Judgement& judgement, const SignedField& field,
                   bool on_screen = false) {
  const auto found = std::find_if(judgement.begin(), judgement.end(), [&](const RecordState* each) {
    return each->id == field.record;
  });
  if (found == judgement.end()) return absl::StrCat("record ", field.record.ToString());
  const KindSpec* kind = schema.Find((*found)->kind);
  const FieldSpec* spec = kind == nullptr ? nullptr : kind->FindWithMarks(field.field);
  std::string name =
      spec == nullptr ? absl::StrCat("field ", field.field)
      : on_screen
          ? absl::StrCat(kind->label, ": ", spec->label)
          : absl::StrCat(kind->name, ".",
                         MarkField(field.field) == nullptr ? spec->scalar.name : spec->label);
  if (field.record == judgement.front()->id) return name;
  return absl::StrCat(name, " of ", field.record.ToString());
}

std::string NotYet(absl::string_view what, absl::string_view wanted) {
  return absl::StrCat(what, ", wanted ", wanted, " before it is signed; the draft is kept");
}

// A person signs for what they see: one value of each, and all that the schema demands.
absl::Status CheckSignable(const Schema& schema, const KindSpec& kind, const Judgement& judgement) {
  static const FieldState kNone;
  for (const FieldSpec& field : kind.fields) {
    if (!field.sign_off_requires) continue;
    const FieldState* state = judgement.front()->Find(field.number());
    const Effective effective = EffectiveOf(field, state == nullptr ? kNone : *state);
    if (effective.value.empty() && effective.elements.empty()) {
      return absl::InvalidArgumentError(
          NotYet(absl::StrCat(client::FieldPath(kind, field), ": got no value"), "one"));
    }
  }
  for (const RecordState* record : judgement) {
    const KindSpec* of = schema.Find(record->kind);
    if (of == nullptr) continue;
    for (const FieldState& state : record->fields) {
      const FieldSpec* field = of->Find(state.field);
      if (field == nullptr || !IsConflict(*field, state)) continue;
      absl::Status status = absl::FailedPreconditionError(
          NotYet(absl::StrCat(client::FieldPath(*of, *field), " of record ", record->id.ToString(),
                              ": got versions that differ"),
                 "a decision between them"));
      status.SetPayload(client::kConflictPayload,
                        absl::Cord(CaseId(record->id, state.field).ToString()));
      return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> Edits::Impl::Sign(const client::OpenedRecord& opened) {
  if (opened.kind == nullptr || !opened.kind->sign_off) {
    return absl::InvalidArgumentError(
        absl::StrCat(opened.kind_name, " ", opened.id,
                     ": got a record of a kind that is not signed, wanted one "
                     "of a kind with sign_off"));
  }
  if (HiddenBecause(opened.state).has_value()) {
    return absl::FailedPreconditionError(
        NotYet(absl::StrCat("record ", opened.id, ": got a hidden record"), "it to be shown"));
  }
  const Judgement judgement = JudgementOf(opened.state, opened.children);
  DOORSTEP_RETURN_IF_ERROR(CheckSignable(store.schema(), *opened.kind, judgement));
  std::vector<SignedHead> heads = HeadsToSign(judgement);
  for (SignedHead& head : heads) {
    if (opened.admitted.contains(head.id)) continue;
    DOORSTEP_ASSIGN_OR_RETURN(head.id, client::CurrentId(store, head.id));
  }
  v1::SignOff sign_off;
  sign_off.set_record(opened.id);
  sign_off.set_record_kind(opened.kind->number);
  sign_off.set_schema_hash(store.schema().hash());
  sign_off.set_covers(EncodeSigned(heads));
  DOORSTEP_ASSIGN_OR_RETURN(const KindSpec* kind,
                            client::FindKind(store.schema(), "doorstep.v1.SignOff"));
  DOORSTEP_ASSIGN_OR_RETURN(std::vector<FieldValues> values,
                            ParseValues(*kind, sign_off.SerializeAsString(), Unknown::kRefuse));
  // Who signs has assessed the whole.
  if (!UnassessedHeads(store.schema(), judgement).empty()) {
    DOORSTEP_RETURN_IF_ERROR(Mark(opened, kAssessedField, "signed as a whole"));
  }
  AddOptions options;
  options.file = opened.state.compartment.file.ToString();
  options.tier = client::TierName(opened.state.compartment.tier);
  return Add(*kind, std::move(values), options);
}

absl::StatusOr<std::string> Edits::Sign(const OpenRecord& opened) {
  return impl_->Sign(*opened.impl_);
}

namespace client {

absl::StatusOr<std::vector<SignOffInfo>> SignOffsOf(Store& store, const RecordState& record) {
  std::vector<SignOffInfo> out;
  const Schema& schema = store.schema();
  const KindSpec* kind = schema.FindByName("doorstep.v1.SignOff");
  if (kind == nullptr) return out;
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<RecordState> children,
                            store.tables().ChildrenOf(record));
  const Judgement judgement = JudgementOf(record, children);
  const bool unassessed = !UnassessedHeads(schema, judgement).empty();
  DOORSTEP_ASSIGN_OR_RETURN(
      const std::vector<RecordState> found,
      store.tables().Referring(*kind, *kind->FindByName("record"), record.id));
  for (const RecordState& state : found) {
    v1::SignOff sign_off;
    const FieldState* covers = state.Find(v1::SignOff::kCoversFieldNumber);
    if (covers == nullptr || covers->heads.empty() ||
        !sign_off.ParseFromString(covers->heads.front().value)) {
      continue;
    }
    const absl::StatusOr<std::vector<SignedHead>> heads = DecodeSigned(sign_off.covers());
    if (!heads.ok()) continue;
    const Coverage coverage = CoverageOf(*heads, judgement);
    SignOffInfo& info = out.emplace_back();
    info.id = state.id.ToString();
    info.author = covers->heads.front().author;
    info.time_ms = covers->heads.front().time_ms;
    info.pending = covers->heads.front().sequence == 0;
    for (const SignedField& field : coverage.amended) {
      info.amended.push_back(NameOf(schema, judgement, field));
      info.amended_words.push_back(NameOf(schema, judgement, field, /*on_screen=*/true));
    }
    for (const SignedField& field : coverage.not_covered) {
      info.not_covered.push_back(NameOf(schema, judgement, field));
      info.not_covered_words.push_back(NameOf(schema, judgement, field, /*on_screen=*/true));
    }
    const KindSpec* signed_kind = schema.Find(record.kind);
    if (signed_kind != nullptr) {
      for (const FieldSpec* field : DemandedNotCovered(*signed_kind, record.id, *heads)) {
        info.missing.push_back(FieldPath(*signed_kind, *field));
        info.missing_words.push_back(field->label);
      }
    }
    info.state = !info.missing.empty()  ? SignOffInfo::State::kIncomplete
                 : unassessed           ? SignOffInfo::State::kUnassessed
                 : info.amended.empty() ? SignOffInfo::State::kSigned
                                        : SignOffInfo::State::kAmended;
  }
  std::sort(out.begin(), out.end(), [](const SignOffInfo& a, const SignOffInfo& b) {
    return std::tie(a.time_ms, a.id) < std::tie(b.time_ms, b.id);
  });
  return out;
}

}  // namespace client

absl::StatusOr<std::vector<SignOffInfo>> Replica::SignOffs(absl::string_view id) {
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, client::ParseId("id", id));
  DOORSTEP_ASSIGN_OR_RETURN(const client::Read read, client::Read::Begin(*impl_->store));
  DOORSTEP_ASSIGN_OR_RETURN(const auto state, impl_->store->tables().Load(record));
  if (!state.has_value()) {
    return absl::NotFoundError(absl::StrCat("record ", record.ToString(), " is not held here"));
  }
  return client::SignOffsOf(*impl_->store, *state);
}

}  // namespace doorstep
