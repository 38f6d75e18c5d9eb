// Decisions and marks: what a callback of Transact does about what others have written.
#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "client-lib/conflicts.h"
#include "client-lib/edits.h"
#include "client-lib/open_record.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/base/utf8.h"
#include "sync/change/record_json.h"
#include "sync/merge/marks.h"
#include "sync/merge/plan.h"
#include "sync/merge/states.h"

namespace doorstep {
namespace client {

std::string FieldPath(const KindSpec& kind, const FieldSpec& field) {
  return absl::StrCat(kind.name, ".", field.scalar.name);
}

absl::Status CheckTransition(const KindSpec& kind, const FieldSpec& field,
                             const std::vector<std::string>& seen, absl::string_view after,
                             bool create) {
  const auto problem = TransitionProblem(field, seen, after, create);
  if (!problem.has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(FieldPath(kind, field), ": ", *problem));
}

}  // namespace client

namespace {

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

// A version that came in while somebody was deciding is not decided with the others.
absl::Status CheckSeen(client::Store& store, const client::OpenCase& open,
                       const Decision& decision) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::string now, client::SeenNow(store, open));
  if (decision.seen == now) return absl::OkStatus();
  absl::Status status = absl::FailedPreconditionError(absl::StrCat(
      "seen: got ", decision.seen.empty() ? "nothing" : Quoted(decision.seen), ", wanted ",
      Quoted(now), ": the versions of ", client::FieldPath(*open.kind, *open.field),
      " are other ones than were shown; look at them, then decide"));
  status.SetPayload(client::kConflictPayload,
                    absl::Cord(CaseId(open.record.id, open.field->number()).ToString()));
  return status;
}

}  // namespace

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

// What a decision over proposed removals does: elements in question stay or go; no other changes.
absl::StatusOr<FieldEdit> Edits::Impl::SettledSet(const client::OpenCase& open,
                                                  const Decision& decision) {
  const FieldSpec& field = *open.field;
  const FieldState& state = *open.record.Find(field.number());
  const std::vector<size_t> places = CaseHeads(field, state);
  std::vector<std::string> in_question;
  in_question.reserve(places.size());
  for (const size_t place : places) in_question.push_back(state.heads[place].value);
  std::sort(in_question.begin(), in_question.end());
  in_question.erase(std::unique(in_question.begin(), in_question.end()), in_question.end());
  std::vector<std::string> stay = EffectiveOf(field, state).elements;
  if (decision.mode == Decision::Mode::kBoth) {
    return InvalidField("both", field.scalar.name, "for a set: which elements stay");
  }
  if (decision.mode == Decision::Mode::kKeep) {
    if (decision.keep < 1 || static_cast<size_t>(decision.keep) > places.size()) {
      return InvalidField("keep", absl::StrCat(decision.keep),
                          absl::StrCat("the number of a version, 1 to ", places.size()));
    }
    const Head& kept = state.heads[places[static_cast<size_t>(decision.keep) - 1]];
    in_question = {kept.value};
    if (kept.IsProposal()) std::erase(stay, kept.value);
  } else {
    const std::string object = absl::StrCat("{\"", field.scalar.name, "\":", decision.json, "}");
    DOORSTEP_ASSIGN_OR_RETURN(const std::string bytes,
                              JsonToValues(store.schema(), *open.kind, object));
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<FieldValues> values,
                              ParseValues(*open.kind, bytes, Unknown::kRefuse));
    std::vector<std::string> wanted;
    if (!values.empty()) wanted = values.front().values;
    std::vector<std::string> others = stay;
    std::erase_if(others, [&](const std::string& element) {
      return std::binary_search(in_question.begin(), in_question.end(), element);
    });
    const bool fits = values.size() <= 1 &&
                      (values.empty() || values.front().field == field.number()) &&
                      std::includes(stay.begin(), stay.end(), wanted.begin(), wanted.end()) &&
                      std::includes(wanted.begin(), wanted.end(), others.begin(), others.end());
    if (!fits) {
      return InvalidField("value", decision.json,
                          "the elements that stand, with or without those in question");
    }
    stay = std::move(wanted);
  }
  FieldEdit edit;
  edit.field = field.number();
  for (const std::string& element : in_question) {
    FieldEdit::Removal& removal = edit.removals.emplace_back();
    removal.element = element;
    for (const Head& head : state.heads) {
      if (head.value != element) continue;
      DOORSTEP_ASSIGN_OR_RETURN(const ChangeId id, IdOf(head));
      removal.adds.push_back(id);
    }
    std::sort(removal.adds.begin(), removal.adds.end());
    if (std::binary_search(stay.begin(), stay.end(), element)) edit.adds.push_back(element);
  }
  return edit;
}

// The decided value of a field of any class but SET.
absl::Status Edits::Impl::SettleOne(const client::OpenedRecord& opened,
                                    const client::OpenCase& open, const Decision& decision,
                                    FieldEdit* change) {
  const KindSpec& kind = *open.kind;
  const FieldSpec& field = *open.field;
  const FieldState& state = *open.record.Find(field.number());
  DOORSTEP_ASSIGN_OR_RETURN(change->value, DecidedValue(kind, field, state, decision));
  if (field.merge == MergeClass::kState) {
    std::vector<std::string> seen;
    for (const Head& head : state.heads) seen.push_back(head.value);
    DOORSTEP_RETURN_IF_ERROR(client::CheckTransition(kind, field, seen, change->value, false));
  }
  DOORSTEP_ASSIGN_OR_RETURN(change->base, BaseOf(opened, field.number()));
  if (field.carries_agreed()) change->agreed = AgreedFor(field, state);
  return absl::OkStatus();
}

absl::Status Edits::Impl::Settle(absl::string_view case_id, const Decision& decision) {
  DOORSTEP_RETURN_IF_ERROR(CheckReason(decision.reason));
  DOORSTEP_ASSIGN_OR_RETURN(const client::OpenCase open, client::FindCase(store, case_id));
  DOORSTEP_RETURN_IF_ERROR(CheckUntouched(open.record.id));
  DOORSTEP_RETURN_IF_ERROR(CheckSeen(store, open, decision));
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
  if (field.number() == kAssessedField) return Mark(opened, kAssessedField, decision.reason);
  client::Edit edit;
  edit.compartment = open.record.compartment;
  edit.change.record = open.record.id;
  edit.change.kind = kind.number;
  FieldEdit& change = edit.change.edits.emplace_back();
  change.field = field.number();
  std::vector<std::string> takes_out;
  if (field.is_set()) {
    DOORSTEP_ASSIGN_OR_RETURN(change, SettledSet(open, decision));
    for (const FieldEdit::Removal& removal : change.removals) {
      const auto stays = std::find(change.adds.begin(), change.adds.end(), removal.element);
      if (stays == change.adds.end()) takes_out.push_back(removal.element);
    }
  }
  DOORSTEP_RETURN_IF_ERROR(client::CheckMaySettle(store, open, takes_out, moment, author));
  if (!field.is_set()) {
    DOORSTEP_RETURN_IF_ERROR(SettleOne(opened, open, decision, &change));
  }
  DOORSTEP_ASSIGN_OR_RETURN(edit.change.seen, SeenBy(opened, edit.change));
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

absl::Status Edits::Impl::AddVersion(absl::string_view case_id, absl::string_view json) {
  DOORSTEP_ASSIGN_OR_RETURN(const client::OpenCase open, client::FindCase(store, case_id));
  DOORSTEP_RETURN_IF_ERROR(CheckUntouched(open.record.id));
  const FieldSpec& field = *open.field;
  if (open.kind->append_only || field.merge != MergeClass::kReview) {
    return absl::FailedPreconditionError(
        absl::StrCat(client::FieldPath(*open.kind, field),
                     ": got another version, wanted a decision: versions stand beside each other "
                     "where they are reviewed"));
  }
  const FieldState& state = *open.record.Find(field.number());
  client::Edit edit;
  edit.compartment = open.record.compartment;
  edit.change.record = open.record.id;
  edit.change.kind = open.kind->number;
  // It names no version as its base, so it replaces none.
  FieldEdit& change = edit.change.edits.emplace_back();
  change.field = field.number();
  Decision value;
  value.mode = Decision::Mode::kNewValue;
  value.json = std::string(json);
  DOORSTEP_ASSIGN_OR_RETURN(change.value, DecidedValue(*open.kind, field, state, value));
  DOORSTEP_RETURN_IF_ERROR(CheckPause(*open.kind, field, change.value));
  if (field.carries_agreed()) change.agreed = AgreedFor(field, state);
  DOORSTEP_ASSIGN_OR_RETURN(const client::OpenedRecord opened,
                            client::MakeOpenRecord(store, fold, open.record));
  DOORSTEP_ASSIGN_OR_RETURN(edit.change.seen, SeenBy(opened, edit.change));
  touched.emplace(open.record.id, edit.compartment);
  edits.push_back(std::move(edit));
  return absl::OkStatus();
}

absl::Status Edits::Impl::Mark(const client::OpenedRecord& opened, uint32_t field,
                               absl::string_view reason) {
  if (opened.kind == nullptr) {
    return absl::UnimplementedError(
        absl::StrCat("record ", opened.id, " is of ", opened.kind_name,
                     ", which this program does not know: a newer program can change it"));
  }
  DOORSTEP_RETURN_IF_ERROR(CheckUntouched(opened.state.id));
  client::Edit edit;
  edit.compartment = opened.state.compartment;
  edit.change.record = opened.state.id;
  edit.change.kind = opened.kind->number;
  FieldEdit& mark = edit.change.edits.emplace_back();
  mark.field = field;
  mark.value = MarkValue(field, reason);
  DOORSTEP_ASSIGN_OR_RETURN(mark.base, BaseOf(opened, field));
  if (field == kHiddenField && !reason.empty()) {
    std::vector<ChangeId> ids = HeadsToHide(opened.state);
    // A later time may yet bring out what LATEST does not show now.
    for (const auto& [number, hidden] : opened.hidden) {
      ids.insert(ids.end(), hidden.begin(), hidden.end());
    }
    DOORSTEP_ASSIGN_OR_RETURN(edit.change.seen, Current(opened, ids));
  } else if (!reason.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(edit.change.seen, SeenBy(opened, edit.change));
  }
  if (edit.change.seen.size() > kMaxSeenHeads) {
    return absl::ResourceExhaustedError(absl::StrCat("record ", opened.id, ": got ",
                                                     edit.change.seen.size(),
                                                     " versions, wanted at most ", kMaxSeenHeads));
  }
  touched.emplace(opened.state.id, edit.compartment);
  edits.push_back(std::move(edit));
  return absl::OkStatus();
}

absl::Status Edits::Settle(absl::string_view case_id, const Decision& decision) {
  return impl_->Settle(case_id, decision);
}

absl::Status Edits::AddVersion(absl::string_view case_id, absl::string_view json) {
  return impl_->AddVersion(case_id, json);
}

namespace {

// What people rely on within an assessment does not vanish with its record: to take it out needs
// somebody else.
absl::Status CheckNothingReliedOn(const client::OpenedRecord& opened) {
  if (opened.kind == nullptr) return absl::OkStatus();
  for (const FieldSpec& field : opened.kind->fields) {
    const FieldState* state = opened.state.Find(field.number());
    if (!field.removal_reviewed || !field.keeps_seen || state == nullptr) continue;
    const size_t elements = EffectiveOf(field, *state).elements.size();
    if (elements == 0) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        client::FieldPath(*opened.kind, field), ": got ", elements,
        " that stand, wanted none before the record is hidden: propose to take them out, and "
        "somebody else decides"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Edits::Hide(const OpenRecord& opened, absl::string_view reason) {
  DOORSTEP_RETURN_IF_ERROR(CheckReason(reason));
  DOORSTEP_RETURN_IF_ERROR(CheckNothingReliedOn(*opened.impl_));
  return impl_->Mark(*opened.impl_, kHiddenField, reason);
}

absl::Status Edits::Unhide(const OpenRecord& opened) {
  if (!HiddenBecause(opened.impl_->state).has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("record ", opened.id(), ": got one that is not hidden, wanted a hidden one"));
  }
  return impl_->Mark(*opened.impl_, kHiddenField, "");
}

}  // namespace doorstep
