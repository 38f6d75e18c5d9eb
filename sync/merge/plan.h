// The decision: what an edit does to a field, and which value people work to. Pure functions of
// their arguments: no clock, lock, log, SQL or history. Server and replicas run the same.
//
// See "How edits meet" in sync/README.md for each class with worked examples.
//
// What these functions trust, because somebody has checked it before (unit_codec.h, the server's
// validation, admission_time.h):
//   - values are canonical (wire.h), the edit has the shape of the field's class, and `state` is
//     this field's, with its heads in canonical order;
//   - an id names one change, and `time_ms` is greater than the time of every change in its base;
//   - every change in the base was planned before, or never will be (it was refused);
//   - `base` holds the heads that the author saw, and the author's own pending edits of the field,
//     also those that LATEST does not show. Whether an author may change the field at all
//     (IMMUTABLE, access, states that do not follow) is not asked here.
// Under these, the heads, the effective value and IsConflict depend only on which edits were
// planned, not on their order.
#ifndef SYNC_MERGE_PLAN_H_
#define SYNC_MERGE_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep {

// What surrounds an edit when it meets the state.
struct EditContext {
  ChangeId id;
  int64_t time_ms = 0;    // admitted; estimated while pending
  uint64_t sequence = 0;  // 0 while pending
  absl::string_view author;
  Settle settle;  // mode kNone for an ordinary edit
  // ChangeData::seen; null as if empty.
  const std::vector<ChangeId>* seen = nullptr;
};

// heads := (heads − base) ∪ {the edit}; of LATEST only the last head in canonical order is kept,
// which may be another than the edit's. SET: each removal takes the adds that it names, then each
// add becomes a head beside those that the element has already. Where removals are reviewed
// (FieldSpec::removal_reviewed) a removal takes nothing: it becomes a head of its own beside the
// element's adds, a proposal that names the adds that its author saw. Only a change that settles,
// or that adds the same element again, takes the heads that its removal names, adds and proposals
// alike; so to take an element out needs a decision, and to keep it needs none.
//
// `state.sequence` becomes that of the edit when the heads changed and the sequence is not 0.
//
// Repeating an edit that is among the heads changes nothing. Repeating one that was replaced since
// would bring it back (except of LATEST): a state does not remember what it no longer holds, so
// the caller answers a repeat from its outcome, without asking again.
//
// Returns the word for this edit: kConflict when a person must now decide (IsConflict); else
// kApplied when its author had seen every head that there was, else kMerged. A SET edit is kApplied
// unless an add that its author had not seen kept an element that it removed (kMerged), or it
// proposes a removal (kConflict). For a repeat the word describes the state as it stands.
Word Plan(const FieldSpec& field, const FieldEdit& edit, const EditContext& context,
          FieldState* state);

// What stands in the typed columns.
struct Effective {
  std::string value;                  // empty = no value
  std::vector<std::string> elements;  // SET: distinct, in order of bytes
  bool provisional = false;           // until decided: a conflict is open
};

// Of one head: its value. Of several:
//   LATEST       the last in canonical order
//   EARLIEST     the earliest value, HIGHEST the highest; any value before none
//   IMMUTABLE    the first in canonical order
//   TEXT         the heads' texts as one, over the common base, if they do not overlap; else all
//                distinct texts whole, in canonical order, an empty line between two (the last
//                alone where that is longer than the field may be)
//   STATE        the concurrent transitions one after the other: in order of declared rank, the
//                highest first, then in canonical order. The first fits: its author's own path
//                leads to it. Each further one fits if it is the state come to by then, or follows
//                directly from it. The last that fits is effective
//   marks        the last in canonical order (what a mark does: marks.h, judgement.h)
//   SET          the elements of all adds; provisional while a proposal stands of an element that
//                has an add, whether the proposal's author saw that add or not
//   REVIEW       when the heads are one value in what the field compares: the last in canonical
//                order; else by rule:
//     HIGHEST_RATING  the highest likelihood x severity of one head, then the higher severity,
//                     then the last in canonical order. No value scores 0.
//     DOMINANT        the last head that holds the dominant value, else the last that holds any
//     LAST_AGREED     the last head that holds the dominant value, if the field names one; else
//                     the `agreed` with the lowest sequence (then the lowest bytes) of the heads
//     NONE            no value
// TEXT, exactly. The common base is the `agreed` with the lowest sequence (then the lowest bytes)
// of the heads; nothing, when a head carries none (it created the record). Texts that equal the
// base, and repeats, are left out: none left, the base; one left, that text, byte for byte. Of
// several, in canonical order, the second is merged with the first, the third with what came of
// that, and so on, each time over the same base. They overlap, and a person decides, when
//   - the base or one of the texts has no words;
//   - both sides changed a sentence, or changed or added sentences of one paragraph between which
//     no sentence stands that both kept;
//   - one side took away a whole paragraph which the other changed, or beside which the other
//     changed or added one;
//   - a sentence that all of them have, or that one of them added, would not be in what comes of
//     them (it stood twice and each took away another, or it was moved);
//   - there are more than kMaxMergedTexts texts, or one has more than kMaxTextUnits units, or what
//     comes of them is longer than the field may be.
// Else every change of either side happens: paragraphs that both added at one place stand in
// canonical order, what both did alike happens once. White space that differs is no change; what
// stands in the earlier text is kept. Units: sync/merge/text_units.h. Which of two equal sentences
// an author moved or kept is the diff's to say (sequence_diff.h).
//
// An atomic value is dominant when its first enum part is the dominant value and none of the parts
// that the field compares is absent: a pause counts together with its incident, not alone.
Effective EffectiveOf(const FieldSpec& field, const FieldState& state);

// Whether the value is the field's dominant one; see EffectiveOf. False for fields without one.
bool IsDominant(const FieldSpec& field, absl::string_view value);

// Whether a person must decide: at least two distinct values stand (distinct in what the rule
// compares) and the class is REVIEW or IMMUTABLE; or TEXT, and they overlap; or STATE, and one does
// not fit; or SET, and a proposal stands of an element that has an add. No value is a value here:
// somebody cleared it.
// Under LAST_AGREED also when the dominant value stands alone and no head of it is a decision: what
// stops something at once, before anybody else has looked, is looked at.
bool IsConflict(const FieldSpec& field, const FieldState& state);

// The heads over which a person decides, as places in `state.heads`: all of them; of a SET the adds
// and proposals of the elements that are proposed to go.
std::vector<size_t> CaseHeads(const FieldSpec& field, const FieldState& state);

// The `agreed` of an edit that is about to be made on top of `state`, as its author sees it (own
// pending changes included). Where nobody must decide: what the admitted heads come to, at the
// highest of their sequences, so that a merge that the author has read is what later changes are
// compared with. Else, or when all heads are pending, the lowest among the heads' own, by sequence
// and then by bytes; no heads: (0, no value).
Agreed AgreedFor(const FieldSpec& field, const FieldState& state);

// The id of the conflict case of a field: 16 bytes of BLAKE2b over the record's 16 bytes and the
// field's number in 4 bytes, most significant first.
Uuid CaseId(const Uuid& record, uint32_t field);

// A rating as its screen shows it. Fields with likelihood and severity only; 0 when a part is
// missing.
int64_t RatingScore(const FieldSpec& field, absl::string_view value);

}  // namespace doorstep

#endif  // SYNC_MERGE_PLAN_H_
