#include "server/decide.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "sync/base/limits.h"
#include "sync/merge/admission_time.h"
#include "sync/merge/plan.h"
#include "sync/merge/record.h"
#include "sync/merge/sign_off.h"
#include "sync/merge/states.h"

namespace doorstep::server {
namespace {

// Bytes of one head beside its value, author and so on, about.
constexpr size_t kHeadBytes = 64;
// Bytes of an id that a head names, about.
constexpr size_t kIdBytes = 16;
constexpr absl::string_view kSignOffKind = "doorstep.v1.SignOff";
constexpr absl::string_view kWantsDecision =
    ": got an edit over versions that differ, wanted a decision";
constexpr absl::string_view kWantsReview =
    ": got an edit over a pause that nobody has reviewed, wanted a decision";
constexpr absl::string_view kDecide = "decide between the versions, and say why";

struct Work {
  RecordState state;
  const RecordState* before = nullptr;  // null: new
  int64_t last_time_ms = INT64_MIN;     // of this unit's latest change of it
};

size_t BytesOf(const RecordState& state) {
  size_t bytes = 0;
  for (const FieldState& field : state.fields) {
    for (const Head& head : field.heads) {
      bytes += kHeadBytes + head.author.size() + head.value.size() + head.settle.reason.size();
      if (head.agreed) bytes += head.agreed->value.size();
      bytes += kIdBytes * (head.removes.size() + head.seen.size());
    }
  }
  return bytes;
}

class Decider {
 public:
  explicit Decider(const Question& question) : q_(question) {}
  Decision Decide();

 private:
  Work* Find(size_t i, const ChangeData& change);
  bool CheckEdit(size_t i, const FieldSpec& field, const FieldEdit& edit, const ChangeData& change,
                 const RecordState& state);
  bool CheckSignOff(size_t i, const ChangeData& change);
  bool CheckTakesOut(size_t i, const FieldSpec& field, const FieldEdit& edit,
                     const RecordState& state);
  bool CheckAllNamed(size_t i, const FieldSpec& field, const FieldEdit& edit,
                     const ChangeData& change);
  bool CheckTransition(size_t i, const FieldSpec& field, const FieldEdit& edit,
                       const ChangeData& change, const RecordState& state);
  bool CheckSize(size_t i, const KindSpec& kind, const ChangeData& change,
                 const RecordState& state);
  FieldState Seen(const FieldEdit& edit, const RecordState& state) const;
  void NoteDisplaced(const KindSpec& kind, const ChangeData& change, int64_t time_ms,
                     const RecordState& before, const RecordState& after);
  int64_t LatestBase(const ChangeData& change, const Work& work) const;
  void Apply(const KindSpec& kind, const ChangeData& change, Work* work);
  bool Refuse(size_t i, absl::string_view what, absl::string_view what_to_do);

  const Question& q_;
  Decision decision_;
  absl::flat_hash_map<Uuid, Work> work_;
  std::vector<Uuid> order_;
};

// Always false.
bool Decider::Refuse(size_t i, absl::string_view what, absl::string_view what_to_do) {
  decision_.refusal = Refusal{absl::StrCat("changes[", i, "].", what), std::string(what_to_do)};
  return false;
}

// The record of a change as it stands before it; null when the change is refused.
Work* Decider::Find(size_t i, const ChangeData& change) {
  auto it = work_.find(change.record);
  if (it == work_.end()) {
    Work work;
    const auto stored = q_.states->find(change.record);
    if (stored != q_.states->end()) {
      work.before = &stored->second;
      work.state = stored->second;
    } else if (change.create) {
      work.state.id = change.record;
      work.state.kind = change.kind;
      work.state.compartment = q_.unit->compartment;
    } else {
      // The same words when the record is in another file: see below.
      Refuse(i, "record: got one that is not in this file, wanted one that is",
             "its creation may have been refused, or it is in another file: look there, then "
             "record this again");
      return nullptr;
    }
    it = work_.emplace(change.record, std::move(work)).first;
    order_.push_back(change.record);
  }
  const RecordState& state = it->second.state;
  if (state.kind == change.kind && state.compartment == q_.unit->compartment) return &it->second;
  if (change.create) {
    Refuse(i, "record: got an id that is in use, wanted a new one",
           "record this again: it will get a new id");
  } else if (state.compartment != q_.unit->compartment) {
    Refuse(i, "record: got one that is not in this file, wanted one that is",
           "its creation may have been refused, or it is in another file: look there, then "
           "record this again");
  } else {
    Refuse(i, absl::StrCat("kind: got ", change.kind, ", wanted ", state.kind),
           "the program that wrote this is faulty: report it");
  }
  return nullptr;
}

// The versions that the author of an edit names as seen, as far as they are known.
FieldState Decider::Seen(const FieldEdit& edit, const RecordState& state) const {
  FieldState seen;
  seen.field = edit.field;
  const FieldState* stored = state.Find(edit.field);
  for (const ChangeId& id : edit.base) {
    const auto is_this = [&](const Head& head) { return head.id == id; };
    if (stored != nullptr) {
      const auto head = std::find_if(stored->heads.begin(), stored->heads.end(), is_this);
      if (head != stored->heads.end()) {
        seen.heads.push_back(*head);
        continue;
      }
    }
    if (q_.replaced == nullptr) continue;
    const auto replaced = q_.replaced->find(std::pair(id, edit.field));
    if (replaced == q_.replaced->end()) continue;
    Head head;
    head.id = id;
    head.author = replaced->second.author;
    head.value = replaced->second.value;
    if (replaced->second.settled) head.settle.mode = SettleMode::kNewValue;
    seen.heads.push_back(std::move(head));
  }
  return seen;
}

// Whether the edit may be made at all. Depends on what its author saw, as far as that can be: then
// the answer is the same in whatever order edits arrive.
bool Decider::CheckEdit(size_t i, const FieldSpec& field, const FieldEdit& edit,
                        const ChangeData& change, const RecordState& state) {
  const std::string path = absl::StrCat("values.", field.scalar.name);
  if (field.merge == MergeClass::kImmutable && !edit.base.empty() && !change.settle) {
    return Refuse(i, absl::StrCat(path, ": got a change of a field that is set once, wanted none"),
                  "make a new record that names this one, and say what was wrong");
  }
  if (field.merge == MergeClass::kState) return CheckTransition(i, field, edit, change, state);
  if (field.removal_reviewed && change.settle) return CheckTakesOut(i, field, edit, state);
  if (field.merge != MergeClass::kReview) return true;
  if (!CheckAllNamed(i, field, edit, change)) return false;
  if (edit.base.empty()) return true;
  const FieldState seen = Seen(edit, state);
  if (!IsConflict(field, seen)) return true;
  if (change.settle) {
    const std::vector<SeenVersion> versions = SeenVersions(seen);
    if (MaySettle(field, versions, q_.author)) return true;
    return Refuse(
        i, absl::StrCat("values.", MayNotSettle(field, versions, q_.author)),
        "ask the reviewer, the deputy or the duty contact to decide: nobody settles alone "
        "a case of which one version is their own");
  }
  return Refuse(i, absl::StrCat(path, edit.base.size() < 2 ? kWantsReview : kWantsDecision),
                kDecide);
}

// A signature vouches for all that the schema demands.
bool Decider::CheckSignOff(size_t i, const ChangeData& change) {
  std::string sign_off;
  // Canonical values are fields of the message: one after the other they are the message.
  for (const FieldEdit& edit : change.edits) sign_off += edit.value;
  const std::string problem = SignOffProblem(*q_.schema, sign_off);
  if (problem.empty()) return true;
  return Refuse(i, absl::StrCat("values.", problem),
                "open the record, fill in what is missing, then sign again");
}

// What a decision takes out, somebody else than its author proposed to take out.
bool Decider::CheckTakesOut(size_t i, const FieldSpec& field, const FieldEdit& edit,
                            const RecordState& state) {
  static const FieldState kNone;
  const FieldState* stored = state.Find(edit.field);
  const std::vector<Head>& heads = stored == nullptr ? kNone.heads : stored->heads;
  for (const FieldEdit::Removal& removal : edit.removals) {
    const bool stays = absl::c_linear_search(edit.adds, removal.element);
    // All that it named was refused.
    if (stays || removal.adds.empty()) continue;
    FieldState named;
    std::vector<SeenVersion> seen;
    for (const ChangeId& id : removal.adds) {
      if (q_.replaced != nullptr) {
        const auto replaced = q_.replaced->find(std::pair(id, edit.field));
        if (replaced != q_.replaced->end()) seen.push_back(replaced->second);
      }
      for (const Head& head : heads) {
        if (head.id == id) named.heads.push_back(head);
      }
    }
    const std::vector<SeenVersion> standing = SeenVersions(named);
    seen.insert(seen.end(), standing.begin(), standing.end());
    if (MayTakeOut(removal.element, seen, q_.author)) continue;
    return Refuse(i, absl::StrCat("values.", MayNotSettle(field, seen, q_.author)),
                  "propose to take it out; somebody else decides");
  }
  return true;
}

// Over versions that differ, all of which their author had before them, nobody replaces one alone:
// so versions could be taken away one after the other by somebody who may not decide.
bool Decider::CheckAllNamed(size_t i, const FieldSpec& field, const FieldEdit& edit,
                            const ChangeData& change) {
  if (q_.visible == nullptr || q_.unchecked->contains({change.id, edit.field})) return true;
  const auto it = q_.visible->find({change.id, edit.field});
  if (it == q_.visible->end() || !IsConflict(field, it->second)) return true;
  const std::string path = absl::StrCat("values.", field.scalar.name);
  const std::vector<Head>& heads = it->second.heads;
  if (!change.settle) {
    return Refuse(i, absl::StrCat(path, heads.size() < 2 ? kWantsReview : kWantsDecision), kDecide);
  }
  const auto named = std::count_if(heads.begin(), heads.end(), [&](const Head& head) {
    return absl::c_linear_search(edit.base, head.id);
  });
  if (static_cast<size_t>(named) == heads.size()) return true;
  return Refuse(i,
                absl::StrCat(path, ": got a decision that names ", named, " of ", heads.size(),
                             " versions that stood before its author, wanted all of them"),
                "open the case again, and decide between all of its versions");
}

// Against the states that the change names and nothing else: so whoever comes second is not refused
// for it, and a wrong transition is refused even when it comes second.
bool Decider::CheckTransition(size_t i, const FieldSpec& field, const FieldEdit& edit,
                              const ChangeData& change, const RecordState& state) {
  static const FieldState kNone;
  if (q_.unchecked->contains({change.id, edit.field})) return true;
  const FieldState* stored = state.Find(edit.field);
  const std::vector<Head>& heads = stored == nullptr ? kNone.heads : stored->heads;
  std::vector<std::string> seen;
  for (const ChangeId& id : edit.base) {
    const auto head = std::find_if(heads.begin(), heads.end(),
                                   [&](const Head& candidate) { return candidate.id == id; });
    if (head != heads.end()) {
      seen.push_back(head->value);
      continue;
    }
    const auto replaced = q_.base_values->find({id, edit.field});
    if (replaced == q_.base_values->end()) return true;
    seen.push_back(replaced->second);
  }
  const auto problem = TransitionProblem(field, seen, edit.value, change.create);
  if (!problem.has_value()) return true;
  return Refuse(i, absl::StrCat("values.", field.scalar.name, ": ", *problem),
                "open the record again, and take one of the steps that may follow");
}

bool Decider::CheckSize(size_t i, const KindSpec& kind, const ChangeData& change,
                        const RecordState& state) {
  for (const FieldEdit& edit : change.edits) {
    const FieldSpec* field = kind.FindWithMarks(edit.field);
    const FieldState* now = state.Find(edit.field);
    if (field == nullptr || now == nullptr) continue;
    const std::string path = absl::StrCat("values.", field->scalar.name);
    if (field->is_set()) {
      absl::flat_hash_set<absl::string_view> elements;
      for (const Head& head : now->heads) elements.insert(head.value);
      if (elements.size() > kMaxSetElements || now->heads.size() > 2 * kMaxSetElements) {
        return Refuse(i,
                      absl::StrCat(path, ": got more elements, wanted at most ", kMaxSetElements),
                      "take out what is not needed, then add this again");
      }
    } else if (now->heads.size() > kMaxFieldHeads) {
      return Refuse(i,
                    absl::StrCat(path, ": got one more version, wanted at most ", kMaxFieldHeads),
                    "decide between the versions that there are, then record this again");
    }
  }
  if (BytesOf(state) <= kMaxRecordBytes) return true;
  return Refuse(i,
                absl::StrCat("record: got more than ", kMaxRecordBytes,
                             " bytes with all its versions, wanted less"),
                "decide between its versions, or put long texts into records of their own");
}

// The highest time of what the change names as base, and of this unit's changes before it.
int64_t Decider::LatestBase(const ChangeData& change, const Work& work) const {
  int64_t latest = std::max(work.last_time_ms, LatestBaseTime(change, work.state));
  auto look = [&](const ChangeId& id) {
    const auto it = q_.base_times->find(id);
    if (it != q_.base_times->end()) latest = std::max(latest, it->second);
  };
  for (const FieldEdit& edit : change.edits) {
    for (const ChangeId& id : edit.base) look(id);
    for (const FieldEdit::Removal& removal : edit.removals) {
      for (const ChangeId& id : removal.adds) look(id);
    }
  }
  return latest;
}

void Decider::NoteDisplaced(const KindSpec& kind, const ChangeData& change, int64_t time_ms,
                            const RecordState& before, const RecordState& after) {
  for (const FieldEdit& edit : change.edits) {
    const FieldSpec* field = kind.Find(edit.field);
    const FieldState* then = before.Find(edit.field);
    const FieldState* now = after.Find(edit.field);
    if (field == nullptr || then == nullptr || now == nullptr) continue;
    for (Displaced& displaced :
         DisplacedBy(*field, edit, change.id, q_.author, time_ms, *then, *now)) {
      decision_.displaced.push_back({change.record, change.kind, edit.field, std::move(displaced)});
    }
  }
}

void Decider::Apply(const KindSpec& kind, const ChangeData& change, Work* work) {
  const AdmissionTime time =
      Admit(q_.unit->stamp, q_.sending, q_.receipt_ms, LatestBase(change, *work));
  decision_.times_ms.push_back(time.time_ms);
  decision_.uncertainty_ms = std::max(decision_.uncertainty_ms, time.uncertainty_ms);
  work->last_time_ms = time.time_ms;
  const RecordState before = work->state;  // also of a second creation under one id
  decision_.words.push_back(
      PlanChange(kind, change, time.time_ms, q_.sequence, q_.author, &work->state));
  NoteDisplaced(kind, change, time.time_ms, before, work->state);
  // A removal from a SET that never had anything leaves no trace.
  std::erase_if(work->state.fields,
                [](const FieldState& field) { return field.sequence == 0 && field.heads.empty(); });
}

Decision Decider::Decide() {
  const std::vector<ChangeData>& changes = q_.unit->changes;
  for (size_t i = 0; i < changes.size(); ++i) {
    const ChangeData& change = changes[i];
    const KindSpec* kind = q_.schema->Find(change.kind);
    Work* work = kind == nullptr ? nullptr : Find(i, change);
    if (work == nullptr) break;
    const bool allowed =
        std::all_of(change.edits.begin(), change.edits.end(), [&](const FieldEdit& edit) {
          const FieldSpec* field = kind->Find(edit.field);
          return field == nullptr || CheckEdit(i, *field, edit, change, work->state);
        });
    if (!allowed || (kind->full_name == kSignOffKind && !CheckSignOff(i, change))) break;
    Apply(*kind, change, work);
    if (!CheckSize(i, *kind, change, work->state)) break;
  }
  if (decision_.refusal) return std::move(decision_);
  for (const Uuid& id : order_) {
    Work& work = work_.at(id);
    if (work.before == nullptr || work.state != *work.before) {
      decision_.changed.push_back(std::move(work.state));
    }
  }
  return std::move(decision_);
}

}  // namespace

Decision DecideUnit(const Question& question) { return Decider(question).Decide(); }

}  // namespace doorstep::server
