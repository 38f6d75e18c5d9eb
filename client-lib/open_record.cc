#include "client-lib/open_record.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "client-lib/names.h"
#include "client-lib/value_json.h"
#include "client-lib/value_words.h"
#include "google/protobuf/message.h"
#include "sync/base/status.h"
#include "sync/change/record_json.h"
#include "sync/merge/judgement.h"
#include "sync/merge/marks.h"
#include "sync/merge/plan.h"
#include "sync/merge/record.h"

namespace doorstep {

OpenRecord::OpenRecord(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OpenRecord::~OpenRecord() = default;
OpenRecord::OpenRecord(OpenRecord&&) noexcept = default;
OpenRecord& OpenRecord::operator=(OpenRecord&&) noexcept = default;

const std::string& OpenRecord::id() const { return impl_->id; }
const std::string& OpenRecord::kind() const { return impl_->kind_name; }
const std::string& OpenRecord::full_name() const { return impl_->full_name; }
const std::string& OpenRecord::bytes() const { return impl_->bytes; }

absl::StatusOr<std::string> OpenRecord::ToJson(bool pretty) const {
  if (impl_->kind == nullptr) {
    return absl::UnimplementedError(absl::StrCat(
        "record ", impl_->id, " is of ", impl_->kind_name,
        ", which this program does not know: a newer program shows it, and it is kept until then"));
  }
  return ValuesToJson(*impl_->schema, *impl_->kind, impl_->bytes, pretty);
}

absl::Status OpenRecord::To(google::protobuf::Message* message) const {
  if (message->GetDescriptor()->full_name() != impl_->full_name) {
    return absl::InvalidArgumentError(absl::StrCat("record ", impl_->id, ": got a ",
                                                   message->GetDescriptor()->full_name(),
                                                   " to fill, wanted a ", impl_->full_name));
  }
  if (!message->ParseFromString(impl_->bytes)) {
    return absl::DataLossError(
        absl::StrCat("record ", impl_->id, " does not parse as ", impl_->full_name));
  }
  return absl::OkStatus();
}

RecordInfo OpenRecord::Info() const {
  RecordInfo info;
  info.id = impl_->id;
  info.kind = impl_->kind_name;
  info.file = impl_->state.compartment.file.ToString();
  info.tier = client::TierName(impl_->state.compartment.tier);
  info.label = impl_->kind == nullptr ? impl_->kind_name : impl_->kind->label;
  info.pending = impl_->pending;
  if (const auto reason = HiddenBecause(impl_->state)) info.hidden = *reason;
  std::vector<FieldWords> words;
  if (impl_->kind != nullptr) {
    words = client::WordsOf(*impl_->kind, impl_->bytes).value_or(std::vector<FieldWords>());
  }
  for (const FieldState& field : impl_->state.fields) {
    if (MarkField(field.field) != nullptr) continue;
    const FieldSpec* spec = impl_->kind == nullptr ? nullptr : impl_->kind->Find(field.field);
    if (spec == nullptr) {
      info.unknown_fields.push_back(absl::StrCat(field.field));
      continue;
    }
    if (field.heads.empty()) continue;
    FieldInfo out;
    out.field = spec->scalar.name;
    out.label = spec->label;
    out.provisional = EffectiveOf(*spec, field).provisional;
    const auto said = std::find_if(words.begin(), words.end(),
                                   [&](const FieldWords& each) { return each.field == out.field; });
    if (said != words.end()) {
      out.words = said->words;
    } else if (out.provisional) {
      out.words = spec->when_unsettled;
    }
    for (const Head& head : field.heads) {
      absl::StatusOr<Version> version =
          client::VersionOf(*impl_->schema, *impl_->kind, *spec, head);
      if (version.ok()) out.versions.push_back(*std::move(version));
    }
    info.fields.push_back(std::move(out));
  }
  return info;
}

namespace client {
namespace {

// Own pending edits of LATEST fields that no head shows and no later own edit has replaced.
void FindHidden(const KindSpec& kind, const PendingUnits& pending, OpenedRecord* record) {
  absl::flat_hash_set<ChangeId> replaced;
  for (auto unit = pending.rbegin(); unit != pending.rend(); ++unit) {
    for (const ChangeData& change : (*unit)->unit.changes) {
      if (change.record != record->state.id) continue;
      for (const FieldEdit& edit : change.edits) {
        const FieldSpec* field = kind.Find(edit.field);
        if (field == nullptr || field->merge != MergeClass::kLatest) continue;
        const FieldState* state = record->state.Find(edit.field);
        const bool shown =
            state != nullptr && std::any_of(state->heads.begin(), state->heads.end(),
                                            [&](const Head& head) { return head.id == change.id; });
        if (!shown && !replaced.contains(change.id)) {
          record->hidden[edit.field].push_back(change.id);
        }
        replaced.insert(edit.base.begin(), edit.base.end());
      }
    }
  }
}

void AddAdmitted(const RecordState& record, absl::flat_hash_set<ChangeId>* admitted) {
  for (const FieldState& field : record.fields) {
    for (const Head& head : field.heads) {
      if (head.sequence != 0) admitted->insert(head.id);
    }
  }
}

}  // namespace

absl::StatusOr<std::vector<ChangeId>> SeenElsewhere(Store& store, const RecordState& record,
                                                    absl::flat_hash_set<ChangeId>* admitted) {
  DOORSTEP_ASSIGN_OR_RETURN(std::vector<RecordState> others, store.tables().ChildrenOf(record));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<RecordState> parents,
                            store.tables().ParentsOf(record));
  for (const RecordState& parent : parents) {
    DOORSTEP_ASSIGN_OR_RETURN(std::vector<RecordState> siblings, store.tables().ChildrenOf(parent));
    std::erase_if(siblings, [&](const RecordState& sibling) { return sibling.id == record.id; });
    std::move(siblings.begin(), siblings.end(), std::back_inserter(others));
    others.push_back(parent);
  }
  Judgement judgement;
  judgement.reserve(others.size());
  for (const RecordState& other : others) {
    judgement.push_back(&other);
    if (admitted != nullptr) AddAdmitted(other, admitted);
  }
  return MemberIds(MemberHeads(store.schema(), judgement));
}

absl::StatusOr<OpenedRecord> MakeOpenRecord(Store& store, Fold& fold, RecordState state) {
  OpenedRecord record;
  record.schema = store.shared_schema();
  record.kind = store.schema().Find(state.kind);
  record.state = std::move(state);
  record.id = record.state.id.ToString();
  record.kind_name = store.KindName(record.state.kind);
  record.full_name = record.kind == nullptr ? record.kind_name : record.kind->full_name;
  if (record.kind != nullptr) record.bytes = EffectiveMessage(*record.kind, record.state);
  DOORSTEP_ASSIGN_OR_RETURN(const PendingUnits pending, fold.Pending(record.state.id));
  record.pending = !pending.empty();
  if (record.kind != nullptr) {
    FindHidden(*record.kind, pending, &record);
    AddAdmitted(record.state, &record.admitted);
    DOORSTEP_ASSIGN_OR_RETURN(record.seen_elsewhere,
                              SeenElsewhere(store, record.state, &record.admitted));
    DOORSTEP_ASSIGN_OR_RETURN(record.children, store.tables().ChildrenOf(record.state));
  }
  return record;
}

}  // namespace client
}  // namespace doorstep
