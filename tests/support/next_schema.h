// What a later release might bring: today's schema with additions, and with a change that breaks a
// rule.
#ifndef TESTS_SUPPORT_NEXT_SCHEMA_H_
#define TESTS_SUPPORT_NEXT_SCHEMA_H_

#include <memory>

#include "sync/schema/schema.h"

namespace doorstep::testing {

// Adds the text field Person.shoe_size (900), the barrier NO_LINK (90), and the kind Outing
// (900): whither (1), its title, and person (2).
std::shared_ptr<const Schema> NextSchema();

// NextSchema, in which Person.gp merges in another way.
std::shared_ptr<const Schema> BreakingSchema();

}  // namespace doorstep::testing

#endif  // TESTS_SUPPORT_NEXT_SCHEMA_H_
