// What coordinators count, from the typed tables of one tenant. The one file of the server that
// knows care terms; it asks the views that the schema made, in SQL.
//
// Every figure comes with its moment, with how many sites are fresh (all their devices were in
// contact within 24 hours, and there is one), and with the open conflicts in what it counts.
#ifndef SERVER_MEASURE_H_
#define SERVER_MEASURE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sync/schema/schema.h"
#include "sync/sqlite/database.h"

namespace doorstep::server {

// 1-3 low, 4-6 moderate, 8-12 high, 15-25 extreme.
struct Band {
  int64_t assessments = 0;
  int64_t provisional = 0;  // of them: an undecided conflict stands behind the rating
};

struct Measures {
  int64_t as_of_ms = 0;
  int64_t sites = 0;
  int64_t fresh_sites = 0;
  int64_t open_conflicts = 0;  // in the whole tenant

  // Independence supported. PAUSED is a decision and not supported.
  int64_t supported = 0;
  int64_t decisions = 0;
  int64_t baseline_cases = 0;
  int64_t baseline_not_supported = 0;  // unable to promote, or opportunity denied
  int64_t decision_conflicts = 0;
  std::optional<double> Share() const;          // of decisions
  std::optional<double> BaselineShare() const;  // 1 - not supported / cases
  std::optional<double> Difference() const;     // percentage points

  struct Barrier {
    std::string name;
    int64_t case_studies = 0;
  };
  std::vector<Barrier> barriers;  // most frequent first
  int64_t case_studies = 0;

  // Pence a week, after less before, where both are known.
  int64_t cost_known = 0;
  int64_t cost_missing = 0;
  int64_t cost_sum = 0;
  std::optional<double> cost_median;

  // Of assessments that are not superseded, by effective rating with support in place.
  enum { kLow, kModerate, kHigh, kExtreme, kBands };
  std::array<Band, kBands> bands;
  int64_t unrated = 0;
  int64_t rating_conflicts = 0;

  std::string ToJson() const;
  std::string ToText() const;
};

// `db`: a tenant's database, brought to `schema`. Reads one snapshot.
absl::StatusOr<Measures> Measure(Database& db, const Schema& schema, int64_t now_ms);

}  // namespace doorstep::server

#endif  // SERVER_MEASURE_H_
