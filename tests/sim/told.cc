#include "tests/sim/told.h"

#include <algorithm>

#include "tests/sim/judgement.h"

namespace doorstep::sim {

std::vector<Told> WhoIsTold(const ModelChange& change, uint32_t field, const std::string& author,
                            const Heads& before, const Heads& after) {
  std::vector<Told> told;
  const v1::MergeClass merge = ClassOf(change.kind, field);
  // SETs keep what others added.
  if (FieldOf(change.kind, field) == nullptr || merge == v1::SET) return told;
  if (before.empty() || after.empty()) return told;
  const ModelEdit& edit = change.edits.at(field);
  const auto same = [&](const std::string& a, const std::string& b) {
    return Compared(change.kind, field, a) == Compared(change.kind, field, b);
  };
  Told one;
  one.record = change.record;
  one.field = field;
  // Of texts the model knows only some that must open a case; of all others nothing for sure.
  const bool texts = merge == v1::TEXT && after.size() > 1;
  if (merge == v1::TEXT && !texts) return told;
  one.sure = !texts || MustAsk(field, after);
  one.conflict = texts || IsOpen(change.kind, field, after);
  const std::string counted = texts ? "" : Shown(change.kind, field, before);
  const std::string counts = texts ? "" : Shown(change.kind, field, after);
  for (const ModelHead& head : before) {
    if (edit.base.contains(head.id) || head.author == author) continue;
    if (same(head.value, edit.value)) continue;
    const bool gone = std::none_of(after.begin(), after.end(),
                                   [&](const ModelHead& h) { return h.id == head.id; });
    const bool lost = !texts && same(head.value, counted) && !same(head.value, counts);
    if (!one.conflict && !gone && !lost) continue;
    one.change = head.id;
    one.by = change.id;
    told.push_back(one);
  }
  if (one.conflict || same(edit.value, counts)) return told;
  // Its own value does not count: that of the last version that says what counts does.
  const auto winner = std::find_if(after.rbegin(), after.rend(),
                                   [&](const ModelHead& h) { return h.value == counts; });
  if (winner == after.rend() || winner->id == change.id || winner->author == author) return told;
  one.change = change.id;
  one.by = winner->id;
  told.push_back(one);
  return told;
}

}  // namespace doorstep::sim
