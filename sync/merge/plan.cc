#include "sync/merge/plan.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"

namespace doorstep {
namespace {

Head MakeHead(const FieldSpec& field, const EditContext& context, const std::string& value) {
  Head head;
  head.id = context.id;
  head.time_ms = context.time_ms;
  head.sequence = context.sequence;
  head.author = std::string(context.author);
  head.value = value;
  head.settle = context.settle;
  if (field.keeps_seen && context.seen != nullptr) head.seen = *context.seen;
  return head;
}

void Insert(Head head, std::vector<Head>* heads) {
  auto place = std::upper_bound(heads->begin(), heads->end(), head, HeadBefore);
  heads->insert(place, std::move(head));
}

// Whether the edit with this id holds `value`; null: any value.
bool Holds(const std::vector<Head>& heads, const ChangeId& id, const std::string* value) {
  return std::any_of(heads.begin(), heads.end(), [&](const Head& head) {
    return head.id == id && (value == nullptr || head.value == *value);
  });
}

// The next heads of a field of any class but SET. `unseen` becomes the number of heads that the
// author had not seen.
std::vector<Head> NextHeads(const FieldSpec& field, const FieldEdit& edit,
                            const EditContext& context, std::vector<Head> heads, size_t* unseen) {
  if (Holds(heads, context.id, nullptr)) {
    *unseen = heads.size() - 1;
    return heads;
  }
  std::erase_if(heads, [&](const Head& head) { return absl::c_linear_search(edit.base, head.id); });
  *unseen = heads.size();
  Head head = MakeHead(field, context, edit.value);
  head.agreed = edit.agreed;
  Insert(std::move(head), &heads);
  if (field.merge == MergeClass::kLatest) heads.erase(heads.begin(), heads.end() - 1);
  return heads;
}

// The next live adds, and proposals, of a SET. `kept` becomes whether an add that the author had
// not seen, or the want of a decision, keeps an element that the edit removes.
std::vector<Head> NextAdds(const FieldSpec& field, const FieldEdit& edit,
                           const EditContext& context, std::vector<Head> heads, bool* kept) {
  for (const FieldEdit::Removal& removal : edit.removals) {
    // All that it named was refused.
    if (removal.adds.empty()) continue;
    const bool added = absl::c_linear_search(edit.adds, removal.element);
    const bool decided = !field.removal_reviewed || context.settle.mode != SettleMode::kNone;
    if (!decided && !added) {
      if (!Holds(heads, context.id, &removal.element)) {
        Head proposal = MakeHead(field, context, removal.element);
        proposal.removes = removal.adds;
        std::sort(proposal.removes.begin(), proposal.removes.end());
        Insert(std::move(proposal), &heads);
      }
    } else {
      std::erase_if(heads, [&](const Head& head) {
        return head.value == removal.element && absl::c_linear_search(removal.adds, head.id);
      });
    }
    *kept |= std::any_of(heads.begin(), heads.end(), [&](const Head& head) {
      return head.value == removal.element && head.id != context.id && !head.IsProposal();
    });
  }
  for (const std::string& element : edit.adds) {
    if (!Holds(heads, context.id, &element)) Insert(MakeHead(field, context, element), &heads);
  }
  return heads;
}

}  // namespace

Word Plan(const FieldSpec& field, const FieldEdit& edit, const EditContext& context,
          FieldState* state) {
  size_t unseen = 0;
  bool kept = false;
  std::vector<Head> heads = field.is_set() ? NextAdds(field, edit, context, state->heads, &kept)
                                           : NextHeads(field, edit, context, state->heads, &unseen);
  if (heads != state->heads) {
    state->heads = std::move(heads);
    if (context.sequence != 0) state->sequence = context.sequence;
  }
  const bool alone = unseen == 0 && !kept;
  if (alone && field.is_set()) return Word::kApplied;
  if (IsConflict(field, *state)) return Word::kConflict;
  return alone ? Word::kApplied : Word::kMerged;
}

}  // namespace doorstep
