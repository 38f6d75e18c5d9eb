#include "sync/merge/plan.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace doorstep {
namespace {

bool Names(const std::vector<ChangeId>& ids, const ChangeId& id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

Head MakeHead(const EditContext& context, const std::string& value) {
  Head head;
  head.id = context.id;
  head.time_ms = context.time_ms;
  head.sequence = context.sequence;
  head.author = std::string(context.author);
  head.value = value;
  head.settle = context.settle;
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
  std::erase_if(heads, [&](const Head& head) { return Names(edit.base, head.id); });
  *unseen = heads.size();
  Head head = MakeHead(context, edit.value);
  head.agreed = edit.agreed;
  Insert(std::move(head), &heads);
  if (field.merge == MergeClass::kLatest) heads.erase(heads.begin(), heads.end() - 1);
  return heads;
}

// The next live adds of a SET. `kept` becomes whether an add that the author had not seen keeps an
// element that the edit removes.
std::vector<Head> NextAdds(const FieldEdit& edit, const EditContext& context,
                           std::vector<Head> heads, bool* kept) {
  for (const FieldEdit::Removal& removal : edit.removals) {
    std::erase_if(heads, [&](const Head& head) {
      return head.value == removal.element && Names(removal.adds, head.id);
    });
    *kept |= std::any_of(heads.begin(), heads.end(), [&](const Head& head) {
      return head.value == removal.element && head.id != context.id;
    });
  }
  for (const std::string& element : edit.adds) {
    if (!Holds(heads, context.id, &element)) Insert(MakeHead(context, element), &heads);
  }
  return heads;
}

}  // namespace

Word Plan(const FieldSpec& field, const FieldEdit& edit, const EditContext& context,
          FieldState* state) {
  size_t unseen = 0;
  bool kept = false;
  std::vector<Head> heads = field.is_set() ? NextAdds(edit, context, state->heads, &kept)
                                           : NextHeads(field, edit, context, state->heads, &unseen);
  if (heads != state->heads) {
    state->heads = std::move(heads);
    if (context.sequence != 0) state->sequence = context.sequence;
  }
  if (unseen == 0 && !kept) return Word::kApplied;
  return IsConflict(field, *state) ? Word::kConflict : Word::kMerged;
}

}  // namespace doorstep
