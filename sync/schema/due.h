// What is due and what ends it, as a schema says it (doorstep/v1/due.proto, due_more.proto). Read
// from descriptors when asked: few ask.
#ifndef SYNC_SCHEMA_DUE_H_
#define SYNC_SCHEMA_DUE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "sync/schema/schema.h"

namespace doorstep {

// What people are told; {title} and {value} stand for the record's title and the field's value.
struct ClosingWords {
  std::string told;
  std::string taken_back;
};
// Nothing: a value of this field closes nothing.
std::optional<ClosingWords> ClosingOf(const FieldSpec& field);
// The field of which a value closes what is about the record; null: the kind has none.
const FieldSpec* ClosingField(const KindSpec& kind);

// Whether it is a day by which somebody has something to do; an instant.
bool IsDue(const FieldSpec& field);
bool IsDueAt(const FieldSpec& field);
// Of a STATE field: whether in this state nothing in the record is due. 0 = the initial state.
bool NothingDue(const FieldSpec& field, int64_t state);
// Of a bool: whether nothing in a record is due while it is true.
bool Voids(const FieldSpec& field);

// Whether nothing in a record is due while the field has a value.
bool Answers(const FieldSpec& field);
// Of a reference: in what it names nothing is due while the field with this name, of the same
// record, has a value; empty: while the record is there. nullopt: it ends nothing.
std::optional<std::string> EndsWhen(const FieldSpec& field);

// That the options stand only where they mean something. kInvalidArgument "path: got, wanted".
absl::Status CheckDueOptions(const FieldSpec& field);
// That a kind has at most one field that closes, and the fields that its options name.
absl::Status CheckDueFields(const KindSpec& kind);

}  // namespace doorstep

#endif  // SYNC_SCHEMA_DUE_H_
