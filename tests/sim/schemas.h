// The schema of an older release: what programs had before some of today's fields and kinds came.
#ifndef TESTS_SIM_SCHEMAS_H_
#define TESTS_SIM_SCHEMAS_H_

#include <memory>

#include "sync/schema/schema.h"

namespace doorstep::sim {

// Today's without Observation, Person.address, CaseStudy.learning_consent,
// RiskAssessment.benefits and RiskAssessment.value_to_person.
std::shared_ptr<const Schema> OldSchema();

}  // namespace doorstep::sim

#endif  // TESTS_SIM_SCHEMAS_H_
