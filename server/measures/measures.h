// What coordinators count: every measure of a tenant, as figures with numerator and denominator.
// How each is counted stands in server/README.md, "Measures".
//
// server/measures/ is the one place of the server that knows care terms: it asks the views that the
// schema made, in SQL. Counting (one file for each group of measures) knows nothing of how figures
// are shown; show.h knows nothing of how they are counted.
#ifndef SERVER_MEASURES_MEASURES_H_
#define SERVER_MEASURES_MEASURES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/store.h"
#include "sync/schema/schema.h"
#include "sync/sqlite/database.h"

namespace doorstep::server {

// Shares are kept from 0 to 1.
inline constexpr double kPercent = 100;

// In place of a count that is not for everybody (publish.h).
inline constexpr int64_t kNotShown = -1;

struct Figure {
  enum class Form : uint8_t {
    kCount,        // numerator
    kShare,        // numerator of denominator, in percent
    kMean,         // numerator / denominator
    kPerThousand,  // numerator for every 1,000 of denominator
    kNumber,       // value, where there is one
    kDifference,   // value, which may be below zero
  };
  std::string part;   // for programs: "overdue", "STAFFING", the id of a site
  std::string words;  // for people
  Form form = Form::kCount;
  int64_t numerator = 0;
  int64_t denominator = 0;
  std::optional<double> value;
  std::string unit;  // what is counted: "decisions", "hours"; empty: it goes without saying

  bool IsShown() const { return numerator != kNotShown && denominator != kNotShown; }
  // The share (0 to 1), mean, rate or value; none where there is nothing to divide by, or it is not
  // shown.
  std::optional<double> Result() const;
};

struct MeasureTable {
  std::string name;            // for programs: "overdue_reviews"
  std::string title;           // for people
  int64_t open_conflicts = 0;  // in what it counts
  std::vector<Figure> figures;

  Figure& Add(Figure figure);
  const Figure* Find(absl::string_view part) const;
};

struct Measures {
  int64_t as_of_ms = 0;  // when it was counted
  std::string day;       // up to which something is due
  std::string programme;
  int64_t sites = 0;
  int64_t fresh_sites = 0;     // all their devices were in contact within 24 hours
  int64_t open_conflicts = 0;  // in the whole tenant
  bool published = false;      // went through ForPublication
  std::vector<MeasureTable> tables;

  const MeasureTable* Find(absl::string_view name) const;
};

struct MeasureOptions {
  int64_t now_ms = 0;
  std::string day;        // a civil date; empty: that of now, in UTC
  std::string programme;  // its code: only what belongs to it; empty: everything
};

// `db`: a tenant's database, brought to `schema`; one snapshot of it is read. `history`: of the
// same tenant, for what records were before; of it no more is read than that snapshot has.
// kInvalidArgument names an option.
absl::StatusOr<Measures> Measure(Database& db, const std::shared_ptr<const Schema>& schema,
                                 ReadView& history, const MeasureOptions& options);

}  // namespace doorstep::server

#endif  // SERVER_MEASURES_MEASURES_H_
