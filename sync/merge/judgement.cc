#include "sync/merge/judgement.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"

namespace doorstep {
namespace {

using Member = std::pair<const RecordState*, uint32_t>;

// One change, with the members of which it holds a head. What it has seen is the same for all.
struct Change {
  const std::vector<ChangeId>* seen = nullptr;
  const std::string* author = nullptr;
  std::set<Member> members;
};

bool DifferentMembers(const Change& a, const Change& b) {
  return a.members.size() > 1 || b.members.size() > 1 || *a.members.begin() != *b.members.begin();
}

}  // namespace

std::vector<MemberHead> MemberHeads(const Schema& schema, const Judgement& judgement) {
  std::vector<MemberHead> out;
  for (const RecordState* record : judgement) {
    const KindSpec* kind = schema.Find(record->kind);
    if (kind == nullptr) continue;
    for (const FieldState& state : record->fields) {
      const FieldSpec* field = kind->Find(state.field);
      if (field == nullptr || !field->keeps_seen) continue;
      for (const Head& head : state.heads) out.push_back({record, state.field, &head});
    }
  }
  return out;
}

std::vector<ChangeId> MemberIds(const std::vector<MemberHead>& heads) {
  std::vector<ChangeId> ids;
  ids.reserve(heads.size());
  for (const MemberHead& member : heads) ids.push_back(member.head->id);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

std::vector<MemberHead> UnassessedHeads(const Schema& schema, const Judgement& judgement) {
  std::vector<MemberHead> heads = MemberHeads(schema, judgement);
  std::map<ChangeId, Change> changes;
  for (const MemberHead& member : heads) {
    Change& change = changes[member.head->id];
    change.seen = &member.head->seen;
    change.author = &member.head->author;
    change.members.emplace(member.record, member.field);
  }
  std::vector<const std::vector<ChangeId>*> assessed;
  const FieldState* marks = judgement.front()->Find(kAssessedField);
  if (marks != nullptr) {
    for (const Head& mark : marks->heads) {
      if (!mark.value.empty()) assessed.push_back(&mark.seen);
    }
  }
  std::set<ChangeId> apart;
  for (auto a = changes.begin(); a != changes.end(); ++a) {
    for (auto b = std::next(a); b != changes.end(); ++b) {
      if (a->first.incarnation == b->first.incarnation && *a->second.author == *b->second.author) {
        continue;
      }
      if (absl::c_binary_search(*a->second.seen, b->first) ||
          absl::c_binary_search(*b->second.seen, a->first))
        continue;
      if (!DifferentMembers(a->second, b->second)) continue;
      const bool settled = std::any_of(assessed.begin(), assessed.end(), [&](const auto* seen) {
        return absl::c_binary_search(*seen, a->first) && absl::c_binary_search(*seen, b->first);
      });
      if (settled) continue;
      apart.insert(a->first);
      apart.insert(b->first);
    }
  }
  std::erase_if(heads, [&](const MemberHead& member) { return !apart.contains(member.head->id); });
  return heads;
}

}  // namespace doorstep
