// The schema of an older release: what programs had before some of today's fields and kinds came.
#ifndef TESTS_SIM_SCHEMAS_H_
#define TESTS_SIM_SCHEMAS_H_

#include <memory>

#include "sync/schema/schema.h"

namespace doorstep::sim {

// Today's without Observation, Person.address, CaseStudy.learning_consent,
// RiskAssessment.benefits and RiskAssessment.value_to_person.
std::shared_ptr<const Schema> OldSchema();

// For plants: today's where signing demands nothing; where any state may follow any other; where
// of those who say whether two are one the others are worked to.
std::shared_ptr<const Schema> UndemandingSchema();
std::shared_ptr<const Schema> LenientSchema();
std::shared_ptr<const Schema> TrustingSchema();

}  // namespace doorstep::sim

#endif  // TESTS_SIM_SCHEMAS_H_
