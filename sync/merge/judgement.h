// Coherent groups: fields, and child records, that are one professional judgement.
//
// The members of a judgement are the fields of a record that share its kind's coherent group, and
// the members of each record of a kind in its `coherent_children` that refers to it: the fields of
// that kind's own group, or all fields. Every value stays as its own class has it; but when two
// people changed different members and neither saw what the other did, nobody has assessed the
// whole. A function of the heads, in any order of arrival.
#ifndef SYNC_MERGE_JUDGEMENT_H_
#define SYNC_MERGE_JUDGEMENT_H_

#include <cstdint>
#include <vector>

#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep {

// The record first, then its children, in order of id.
using Judgement = std::vector<const RecordState*>;

struct MemberHead {
  const RecordState* record = nullptr;
  uint32_t field = 0;
  const Head* head = nullptr;
};
// All heads of all members, record by record, in order of field and then canonical.
std::vector<MemberHead> MemberHeads(const Schema& schema, const Judgement& judgement);

// Their ids, ascending: what a mark "assessed as a whole" (kAssessedField of the first record)
// names, and what a change of a member says that its author has seen.
std::vector<ChangeId> MemberIds(const std::vector<MemberHead>& heads);

// Heads that take part in a pair that nobody has assessed; empty: the judgement holds together. A
// pair is two heads of different members, by different changes, of which neither names the other
// as seen (Head::seen); an author has seen their own earlier changes of the same incarnation. A
// mark with a reason that names both settles a pair, for good: what changes later makes other
// pairs.
std::vector<MemberHead> UnassessedHeads(const Schema& schema, const Judgement& judgement);

}  // namespace doorstep

#endif  // SYNC_MERGE_JUDGEMENT_H_
