#include "sync/cases/displaced.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "sync/change/wire.h"
#include "sync/merge/plan.h"

namespace doorstep {
namespace {

const Head* FindHead(const FieldState& state, const ChangeId& id) {
  const auto found = std::find_if(state.heads.begin(), state.heads.end(),
                                  [&](const Head& head) { return head.id == id; });
  return found == state.heads.end() ? nullptr : &*found;
}

// The head that people work to; null when it is none of them (a merged text, an agreed value).
const Head* Counting(const FieldState& state, const std::string& value) {
  const auto found = std::find_if(state.heads.rbegin(), state.heads.rend(),
                                  [&](const Head& head) { return head.value == value; });
  return found == state.heads.rend() ? nullptr : &*found;
}

}  // namespace

std::vector<Displaced> DisplacedBy(const FieldSpec& field, const FieldEdit& edit,
                                   const ChangeId& id, absl::string_view author, int64_t time_ms,
                                   const FieldState& before, const FieldState& after) {
  std::vector<Displaced> out;
  if (field.is_set()) return out;
  const auto same = [&](const std::string& a, const std::string& b) {
    return CompareKey(field, a) == CompareKey(field, b);
  };
  const bool conflict = IsConflict(field, after);
  // Prose that merges keeps everybody's words: nothing is displaced while no case opens.
  const bool merges = field.merge == MergeClass::kText && !conflict;
  const std::string counted = EffectiveOf(field, before).value;
  const std::string counts = EffectiveOf(field, after).value;
  for (const Head& head : before.heads) {
    const bool seen = absl::c_linear_search(edit.base, head.id);
    if (seen || merges || head.id == id || head.author == author) continue;
    if (same(head.value, edit.value)) continue;
    const bool gone = FindHead(after, head.id) == nullptr;
    const bool lost = same(head.value, counted) && !same(head.value, counts);
    if (!conflict && !gone && !lost) continue;
    out.push_back({head.id, head.author, id, std::string(author), time_ms,
                   conflict ? Word::kConflict : Word::kMerged});
  }
  if (conflict || merges || same(edit.value, counts)) return out;
  const Head* winner = Counting(after, counts);
  if (winner == nullptr || winner->id == id || winner->author == author) return out;
  out.push_back(
      {id, std::string(author), winner->id, winner->author, winner->time_ms, Word::kMerged});
  return out;
}

}  // namespace doorstep
