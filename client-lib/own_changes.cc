#include "client-lib/own_changes.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client-lib/names.h"
#include "client-lib/value_json.h"
#include "sync/base/status.h"
#include "sync/change/record_json.h"

namespace doorstep::client {

namespace {

// What is known of a change also when its content is gone.
OwnChange DescribeFate(const OwnUnit& own, size_t place) {
  OwnChange out;
  out.change = ChangeId{own.incarnation, own.counter + place}.ToString();
  out.author = own.author;
  if (place < own.words.size()) out.state = StateOf(static_cast<Word>(own.words[place]));
  // A withdrawal may come too late for what was held: then it stands.
  const bool stands = out.state == ChangeState::kApplied || out.state == ChangeState::kMerged ||
                      out.state == ChangeState::kConflict;
  if (own.resolution == Resolution::kWithdrawn && !stands) {
    out.state = ChangeState::kWithdrawn;
    out.withdrawn_because = own.resolution_reason;
  }
  out.sent_again = own.resolution == Resolution::kSentAgain && !stands;
  out.needs_you = own.parked;
  out.receipt = own.receipt_sequence;
  out.sent = own.receipt_epoch != 0 || !own.waiting();
  out.reason = own.reason;
  out.what_to_do = own.what_to_do;
  out.admitted_time_ms = own.time_ms;
  out.sequence = own.sequence;
  return out;
}

}  // namespace

OwnChange Describe(const Store& store, const OwnUnit& own, const Unit& unit, size_t place) {
  const ChangeData& change = unit.changes[place];
  OwnChange out = DescribeFate(own, place);
  out.record = change.record.ToString();
  out.kind = store.KindName(change.kind);
  const KindSpec* kind = store.schema().Find(change.kind);
  for (const FieldEdit& edit : change.edits) {
    const FieldSpec* field = kind == nullptr ? nullptr : kind->FindWithMarks(edit.field);
    out.fields.push_back(field == nullptr ? absl::StrCat(edit.field) : field->scalar.name);
  }
  if (change.resolves.has_value()) {
    out.resolves = change.resolves->change.ToString();
    out.withdraws = change.Withdraws();
  }
  out.device_time_ms = unit.stamp.wall_ms;
  return out;
}

absl::StatusOr<std::vector<OwnChange>> OwnChanges(Store& store, Which which, uint64_t limit) {
  Outbox outbox(store);
  std::vector<OwnChange> out;
  DOORSTEP_RETURN_IF_ERROR(
      outbox.ForEach(which, 0, [&](const OwnUnit& own) -> absl::StatusOr<bool> {
        Unit unit;
        if (!own.gone()) {
          DOORSTEP_ASSIGN_OR_RETURN(unit, outbox.Decode(own));
        }
        // A withdrawal waits like anything else.
        for (size_t i = 0; i < own.changes; ++i) {
          if (limit != 0 && out.size() >= limit) return false;
          out.push_back(own.gone() ? DescribeFate(own, i) : Describe(store, own, unit, i));
        }
        return true;
      }));
  return out;
}

absl::StatusOr<std::string> EditsAsJson(const Schema& schema, const ChangeData& change) {
  const KindSpec* kind = schema.Find(change.kind);
  if (kind == nullptr) return "{}";
  std::string values;
  for (const FieldEdit& edit : change.edits) {
    values += edit.value;
    for (const std::string& element : edit.adds) values += element;
  }
  return ValuesToJson(schema, *kind, values, /*pretty=*/false);
}

absl::StatusOr<std::vector<std::string>> ClearedNames(const Schema& schema,
                                                      const ChangeData& change) {
  std::vector<std::string> names;
  const KindSpec* kind = schema.Find(change.kind);
  for (const FieldEdit& edit : change.edits) {
    const FieldSpec* field = kind == nullptr ? nullptr : kind->FindWithMarks(edit.field);
    if (field == nullptr) continue;
    if (!field->is_set() && edit.value.empty()) names.push_back(field->scalar.name);
    for (const FieldEdit::Removal& removal : edit.removals) {
      DOORSTEP_ASSIGN_OR_RETURN(const std::string element,
                                ValueJson(schema, *kind, *field, removal.element));
      names.push_back(absl::StrCat(field->scalar.name, "[", element, "]"));
    }
  }
  return names;
}

}  // namespace doorstep::client
