// Any value, state or unit of EverythingSchema(), for properties. Call only within a RapidCheck
// property or rc::gen::exec.
#ifndef TESTS_CHANGE_ARBITRARY_H_
#define TESTS_CHANGE_ARBITRARY_H_

#include <cstdint>
#include <string>

#include "sync/base/bytes.h"
#include "sync/change/state.h"
#include "sync/schema/schema.h"

namespace doorstep {

// From a few, so that ids meet; never nil.
Uuid AnyUuid();
ChangeId AnyChangeId();

// A canonical value of the field (an element of a SET); never empty.
std::string AnyValue(const FieldSpec& field);

// A state as a server might hold it: heads in canonical order, also of fields and kinds that no
// schema knows.
RecordState AnyState();

// A unit that ParseUnit accepts, in canonical order.
Unit AnyUnit();

}  // namespace doorstep

#endif  // TESTS_CHANGE_ARBITRARY_H_
