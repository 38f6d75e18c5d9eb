#include "server/measures/measures.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/measures/counting.h"
#include "sync/base/status.h"
#include "sync/change/wire.h"

namespace doorstep::server {
namespace {

constexpr double kThousand = 1000;

template <typename Entry>
const Entry* FindNamed(const std::vector<Entry>& entries, std::string Entry::*name,
                       absl::string_view wanted) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const Entry& entry) { return entry.*name == wanted; });
  return found == entries.end() ? nullptr : &*found;
}

// SQLite reads "2026-02-30" too, and answers something.
absl::Status CheckDay(Counting& counting) {
  bool real = false;
  DOORSTEP_RETURN_IF_ERROR(
      counting.Query("SELECT date(?1) IS ?1", {counting.day()}, [&](const Statement& row) {
        real = row.Int(0) != 0;
        return absl::OkStatus();
      }));
  return real ? absl::OkStatus() : InvalidField("--as-of", counting.day(), "YYYY-MM-DD");
}

}  // namespace

std::optional<double> Figure::Result() const {
  if (!IsShown()) return std::nullopt;
  if (value || form == Form::kNumber || form == Form::kDifference) return value;
  if (form == Form::kCount) return static_cast<double>(numerator);
  if (denominator == 0) return std::nullopt;
  const double ratio = static_cast<double>(numerator) / static_cast<double>(denominator);
  return form == Form::kPerThousand ? ratio * kThousand : ratio;
}

Figure& MeasureTable::Add(Figure figure) { return figures.emplace_back(std::move(figure)); }

const Figure* MeasureTable::Find(absl::string_view part) const {
  return FindNamed(figures, &Figure::part, part);
}

const MeasureTable* Measures::Find(absl::string_view name) const {
  return FindNamed(tables, &MeasureTable::name, name);
}

absl::StatusOr<Measures> Measure(Database& db, const std::shared_ptr<const Schema>& schema,
                                 ReadView& history, const MeasureOptions& options) {
  DOORSTEP_ASSIGN_OR_RETURN(Transaction snapshot, Transaction::Begin(db, Transaction::Mode::kRead));
  DOORSTEP_ASSIGN_OR_RETURN(Counting counting, Counting::Begin(db, schema, history, options));
  DOORSTEP_RETURN_IF_ERROR(CheckDay(counting));
  Measures measures;
  measures.as_of_ms = options.now_ms;
  measures.day = counting.day();
  measures.programme = options.programme;
  DOORSTEP_ASSIGN_OR_RETURN(measures.open_conflicts, db.QueryInt("SELECT count(*) FROM _conflict"));
  // What is not of one programme is left out when somebody asks for one.
  const bool all = options.programme.empty();
  if (all) DOORSTEP_RETURN_IF_ERROR(CountRisks(counting, &measures));
  DOORSTEP_RETURN_IF_ERROR(CountDecisions(counting, &measures));
  DOORSTEP_RETURN_IF_ERROR(CountVoices(counting, &measures));
  if (all) {
    DOORSTEP_RETURN_IF_ERROR(CountReinstatement(counting, &measures));
    DOORSTEP_RETURN_IF_ERROR(CountHandover(counting, &measures));
  }
  DOORSTEP_RETURN_IF_ERROR(CountSites(counting, &measures));
  DOORSTEP_RETURN_IF_ERROR(snapshot.Commit());
  return measures;
}

}  // namespace doorstep::server
