#include "client-lib/own_changes.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client-lib/names.h"
#include "client-lib/notices.h"
#include "client-lib/titles.h"
#include "client-lib/value_json.h"
#include "sync/base/status.h"
#include "sync/change/record_json.h"
#include "sync/merge/plan.h"

namespace doorstep::client {

namespace {

// What is known of a change also when its content is gone.
OwnChange DescribeFate(const OwnUnit& own, size_t place) {
  OwnChange out;
  out.change = ChangeId{own.incarnation, own.counter + place}.ToString();
  out.unit = ChangeId{own.incarnation, own.counter}.ToString();
  out.unit_changes = own.changes;
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

// What became of two versions of a field that had not seen each other.
absl::string_view MeetingWords(const FieldSpec& field) {
  switch (field.merge) {
    case MergeClass::kLatest:
      return "the later of two versions counts";
    case MergeClass::kText:
      return "joined with another version";
    case MergeClass::kSet:
      return "joined with what others had added or taken out";
    case MergeClass::kEarliest:
      return "the earlier of two versions counts";
    case MergeClass::kHighest:
      return "the higher of two versions counts";
    case MergeClass::kReview:
    case MergeClass::kImmutable:
      return "another version says the same";
    case MergeClass::kState:
      return "another step fits";
    case MergeClass::kMark:
      break;
  }
  return "beside another version";
}

// Says of a change that met others what stands there now, and what to do. The server sends no
// words with it: all is read from the row, and from what its author was told.
class Meeting {
 public:
  Meeting(Store& store, const ChangeData& change, OwnChange* out)
      : store_(store), change_(change), out_(*out) {}

  absl::Status Explain() {
    const bool conflict = out_.state == ChangeState::kConflict;
    kind_ = store_.schema().Find(change_.kind);
    if (kind_ == nullptr || (!conflict && out_.state != ChangeState::kMerged)) {
      return absl::OkStatus();
    }
    DOORSTEP_ASSIGN_OR_RETURN(record_, store_.tables().Load(change_.record));
    if (!record_.has_value()) return absl::OkStatus();
    return conflict ? ExplainConflict() : ExplainMerge();
  }

 private:
  absl::Status ExplainConflict() {
    std::vector<std::string> open;
    std::vector<std::string> decided;
    for (const FieldEdit& edit : change_.edits) {
      const FieldSpec* field = kind_->Find(edit.field);
      if (field == nullptr || !field->needs_person()) continue;
      const FieldState* now = record_->Find(edit.field);
      if (now == nullptr || !IsConflict(*field, *now)) {
        decided.push_back(field->label);
        continue;
      }
      open.push_back(field->label);
      out_.cases.push_back(CaseId(change_.record, edit.field).ToString());
    }
    DOORSTEP_ASSIGN_OR_RETURN(const std::string title, TitleWithFile(store_, *record_));
    const std::string of = absl::StrCat(kind_->label, " ", title, ": ");
    if (open.empty()) {
      out_.reason = absl::StrCat(of, "versions of ", absl::StrJoin(decided, ", "),
                                 " differed, and somebody has decided");
      out_.what_to_do =
          absl::StrCat("nothing. Who decided, and why: doorstep history ", out_.record);
      return absl::OkStatus();
    }
    out_.reason = absl::StrCat(of, "versions of ", absl::StrJoin(open, ", "), " differ");
    out_.what_to_do =
        absl::StrCat("see who decides between them, and until when: doorstep conflict ",
                     absl::StrJoin(out_.cases, ", doorstep conflict "));
    return absl::OkStatus();
  }

  absl::Status ExplainMerge() {
    DOORSTEP_ASSIGN_OR_RETURN(const Displacers displacers, WhoDisplaced(store_, change_.id));
    std::vector<std::string> met;
    std::vector<std::string> others;  // of which no other version is known here
    for (const FieldEdit& edit : change_.edits) {
      const FieldSpec* field = kind_->FindWithMarks(edit.field);
      if (field == nullptr) continue;
      std::set<std::string> authors = Beside(edit);
      if (const auto by = displacers.find(edit.field); by != displacers.end()) {
        authors.insert(by->second.begin(), by->second.end());
      }
      std::string words = absl::StrCat(field->label, ": ", MeetingWords(*field));
      if (authors.empty()) {
        others.push_back(std::move(words));
      } else {
        met.push_back(absl::StrCat(words, " (", absl::StrJoin(authors, ", "), ")"));
      }
    }
    out_.reason = absl::StrJoin(met.empty() ? others : met, "; ");
    out_.what_to_do =
        absl::StrCat("nothing, if it reads well. All versions: doorstep history ", out_.record);
    return absl::OkStatus();
  }

  // The authors of versions that stand beside this one, which had not seen them.
  std::set<std::string> Beside(const FieldEdit& edit) const {
    std::set<std::string> authors;
    const FieldState* now = record_->Find(edit.field);
    if (now == nullptr) return authors;
    const bool stands = std::any_of(now->heads.begin(), now->heads.end(),
                                    [&](const Head& head) { return head.id == change_.id; });
    for (const Head& head : now->heads) {
      if (stands && head.id != change_.id) authors.insert(head.author);
    }
    return authors;
  }

  Store& store_;
  const ChangeData& change_;
  OwnChange& out_;
  const KindSpec* kind_ = nullptr;
  std::optional<RecordState> record_;
};

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
  const auto visit = [&](const OwnUnit& own) -> absl::StatusOr<bool> {
    Unit unit;
    if (!own.gone()) {
      DOORSTEP_ASSIGN_OR_RETURN(unit, outbox.Decode(own));
    }
    // A withdrawal waits like anything else.
    for (size_t i = 0; i < own.changes; ++i) {
      if (limit != 0 && out.size() >= limit) return false;
      out.push_back(own.gone() ? DescribeFate(own, i) : Describe(store, own, unit, i));
      if (own.gone()) continue;
      DOORSTEP_RETURN_IF_ERROR(Meeting(store, unit.changes[i], &out.back()).Explain());
    }
    return true;
  };
  DOORSTEP_RETURN_IF_ERROR(outbox.ForEach(which, 0, visit));
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
