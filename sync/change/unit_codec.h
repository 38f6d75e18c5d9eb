// Units as bytes: what an author's device writes once, and the one parser of such untrusted bytes.
#ifndef SYNC_CHANGE_UNIT_CODEC_H_
#define SYNC_CHANGE_UNIT_CODEC_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sync/base/bytes.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep {

// Serializes a doorstep.v1.UnitPayload; units that mean the same give the same bytes. References to
// the unit's own incarnation are written as "the sender's own", so that minting a new incarnation
// needs no other edit. The change ids must be the unit's counter and those that follow it, counted
// from 1, and the values canonical. kInvalidArgument when that does not hold for the ids, or when
// the unit exceeds a limit of sync/base/limits.h; the message says which.
// An `agreed` of "there was none" in a change that creates its record goes without saying: it is
// left out, and ParseUnit yields none.
absl::StatusOr<std::string> EncodeUnit(const Unit& unit);

// Reads and checks everything that can be checked without looking at state: lengths, counts, ids,
// that kinds and fields exist, that values obey the schema (wire.h), that bases and removals name
// fields that are edited, that no change names itself or a later one as seen, that an append-only
// record is only created, that SETs are edited as sets, that a settlement has a reason, that edits
// of fields that carry `agreed` (FieldSpec) do so unless they create the record, that a change
// without edits withdraws another and says why, and that a unit with withdrawals has nothing else.
// Lists come out in canonical order: edits by field, ids ascending, elements in order of bytes.
// kInvalidArgument: `changes[3].values.Person.nhs_number: got ..., wanted ...`.
// kUnimplemented: something that a newer program or schema may know: a kind, a field, an enum
// number, an unknown part of the payload itself. Nothing of a payload is ever ignored.
absl::StatusOr<Unit> ParseUnit(const Schema& schema, const Uuid& incarnation, uint64_t counter,
                               uint32_t changes, absl::string_view payload);

// The same of the changes to one record alone, for units of which the whole has been read before (a
// device's own): what the other changes say is not looked at. No change when none is of the record.
absl::StatusOr<Unit> ParseUnitOf(const Schema& schema, const Uuid& incarnation, uint64_t counter,
                                 uint32_t changes, absl::string_view payload, const Uuid& record);

// Identifies a unit's content for idempotence: BLAKE2b-256 over author, schema hash and payload
// (length-prefixed). The key (incarnation, counter) is not part of it.
std::string UnitHash(absl::string_view author, absl::string_view schema_hash,
                     absl::string_view payload);

}  // namespace doorstep

#endif  // SYNC_CHANGE_UNIT_CODEC_H_
