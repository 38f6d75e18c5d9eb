// What one schema changes in another, and whether that may be: R17 as a pure function.
//
// Devices out there go on with the schema that they have, for months. So a change is *additive*
// when every program of either schema can hold, merge and show what the other writes, each what it
// knows; anything else *breaks* a rule. No I/O; looks at the specs only, so that comments, the
// order of files and JSON names are no difference.
#ifndef SYNC_SCHEMA_COMPARE_H_
#define SYNC_SCHEMA_COMPARE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sync/schema/schema.h"

namespace doorstep {

enum class SchemaRule : uint8_t {
  kAdditive,    // breaks none
  kKindStays,   // a released kind stays, under its number and name, with its record rules
  kFieldStays,  // a released field stays, under its number and name, with its type
  kClass,       // its merge class never changes
  kRule,        // nor its rule, and what that depends on
  kAtomic,      // an atomic message gains and loses no parts
  kLimit,       // the values allowed in a released field never change
  kValueStays,  // a released enum value stays, under its number and name
  kJudgement,   // what is part of one judgement never changes
  kSafety,      // what is safety-critical stays so
};
// As in the README and in --json: "additive", "kind-stays", "class", …
absl::string_view NameOf(SchemaRule rule);
// The rule as a sentence.
absl::string_view TextOf(SchemaRule rule);
// What to do instead of breaking it; empty for kAdditive.
absl::string_view InsteadOf(SchemaRule rule);

struct SchemaChange {
  SchemaRule rule = SchemaRule::kAdditive;
  std::string where;   // "Person", "Person.gp", "CaseStudy.decision.by", "Task.status=DONE"
  uint32_t kind = 0;   // its number
  uint32_t field = 0;  // its number; 0: of the kind itself
  std::string what;    // "got merge REVIEW, wanted LATEST"; of what is additive, just what it is

  bool Breaks() const { return rule != SchemaRule::kAdditive; }
};

// In order of kind, then field. Empty: both mean the same.
std::vector<SchemaChange> CompareSchemas(const Schema& from, const Schema& to);

// Whether a program of `to` may take over what a program of `from` has written.
bool IsAdditive(const Schema& from, const Schema& to);

// The schema under which a database is opened that was last used with `kept` (null: never), by a
// program whose own is `own`: its own, when that takes `kept` over whole; else `kept` leads. So an
// older program, or one that was built without what was pushed, takes nothing away.
std::shared_ptr<const Schema> SchemaInUse(const std::shared_ptr<const Schema>& own,
                                          const std::shared_ptr<const Schema>& kept);

}  // namespace doorstep

#endif  // SYNC_SCHEMA_COMPARE_H_
