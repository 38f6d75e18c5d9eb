#include "server/measure.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "sync/base/clock.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

constexpr int64_t kFreshMs = 24 * 60 * 60 * 1000;

using Row = absl::FunctionRef<void(const Statement&)>;

// Runs a query with at most one bound number.
absl::Status Query(Database& db, absl::string_view sql, int64_t bound, Row row) {
  DOORSTEP_ASSIGN_OR_RETURN(Statement * select, db.Prepared(sql));
  ScopedReset done(select);
  if (select->ParameterCount() > 0) select->BindInt(1, bound);
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool more, select->Step());
    if (!more) return absl::OkStatus();
    row(*select);
  }
}

absl::StatusOr<int64_t> FieldNumber(const Schema& schema, absl::string_view kind,
                                    absl::string_view field) {
  const KindSpec* spec = schema.FindByName(kind);
  const FieldSpec* found = spec == nullptr ? nullptr : spec->FindByName(field);
  if (found == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("schema: got no ", kind, ".", field, ", wanted it for this measure"));
  }
  return found->number();
}

absl::Status CountSites(Database& db, int64_t now_ms, Measures* out) {
  DOORSTEP_ASSIGN_OR_RETURN(out->open_conflicts, db.QueryInt("SELECT count(*) FROM _conflict"));
  return Query(db,
               "SELECT count(*), ifnull(sum(oldest >= ?1), 0) FROM (SELECT (SELECT "
               "min(d.last_contact_ms) FROM _device AS d WHERE d.site = s.ref) AS oldest "
               "FROM _site AS s)",
               now_ms - kFreshMs, [&](const Statement& s) {
                 out->sites = s.Int(0);
                 out->fresh_sites = s.Int(1);
               });
}

absl::Status CountDecisions(Database& db, const Schema& schema, Measures* out) {
  DOORSTEP_RETURN_IF_ERROR(Query(
      db,
      "SELECT count(*), ifnull(sum(decision_outcome IN ('SUPPORTED', "
      "'SUPPORTED_WITH_CONDITIONS')), 0) FROM case_study "
      "WHERE decision_outcome IS NOT NULL AND ifnull(entered_in_error, 0) = 0 AND _hidden IS NULL",
      0, [&](const Statement& s) {
        out->decisions = s.Int(0);
        out->supported = s.Int(1);
      }));
  DOORSTEP_RETURN_IF_ERROR(
      Query(db,
            "SELECT count(*), ifnull(sum(decision IN ('UNABLE_TO_PROMOTE', "
            "'DENIED_OPPORTUNITY')), 0) FROM baseline_measure WHERE decision IS NOT NULL",
            0, [&](const Statement& s) {
              out->baseline_cases = s.Int(0);
              out->baseline_not_supported = s.Int(1);
            }));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t field, FieldNumber(schema, "CaseStudy", "decision"));
  return Query(db,
               "SELECT count(*) FROM _conflict AS c JOIN k_case_study AS k ON k.id = c.record "
               "WHERE c.field = ?1 AND ifnull(k.entered_in_error, 0) = 0 AND k._hidden IS NULL",
               field, [&](const Statement& s) { out->decision_conflicts = s.Int(0); });
}

absl::Status CountBarriers(Database& db, Measures* out) {
  DOORSTEP_RETURN_IF_ERROR(Query(
      db,
      "SELECT count(*) FROM case_study WHERE ifnull(entered_in_error, 0) = 0 AND _hidden IS NULL",
      0, [&](const Statement& s) { out->case_studies = s.Int(0); }));
  return Query(db,
               "SELECT b.value, count(*) FROM case_study AS c, json_each(c.barriers) AS b "
               "WHERE ifnull(c.entered_in_error, 0) = 0 AND c._hidden IS NULL GROUP BY b.value "
               "ORDER BY 2 DESC, 1",
               0, [&](const Statement& s) {
                 out->barriers.push_back({std::string(s.Text(0)), s.Int(1)});
               });
}

absl::Status SumCosts(Database& db, Measures* out) {
  std::vector<int64_t> effects;
  DOORSTEP_RETURN_IF_ERROR(
      Query(db,
            "SELECT weekly_cost_after - weekly_cost_before FROM case_study "
            "WHERE ifnull(entered_in_error, 0) = 0 AND _hidden IS NULL ORDER BY 1",
            0, [&](const Statement& s) {
              if (s.IsNull(0)) {
                ++out->cost_missing;
              } else {
                effects.push_back(s.Int(0));
              }
            }));
  for (const int64_t effect : effects) out->cost_sum += effect;
  out->cost_known = static_cast<int64_t>(effects.size());
  if (effects.empty()) return absl::OkStatus();
  const double low = static_cast<double>(effects[(effects.size() - 1) / 2]);
  const double high = static_cast<double>(effects[effects.size() / 2]);
  out->cost_median = (low + high) / 2;
  return absl::OkStatus();
}

int BandOf(int64_t score) {
  if (score <= 3) return Measures::kLow;
  if (score <= 6) return Measures::kModerate;
  return score <= 12 ? Measures::kHigh : Measures::kExtreme;
}

absl::Status CountRisks(Database& db, const Schema& schema, Measures* out) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t field,
                            FieldNumber(schema, "RiskAssessment", "residual_rating"));
  DOORSTEP_RETURN_IF_ERROR(Query(
      db,
      "SELECT v.residual_rating_likelihood * v.residual_rating_severity, c.record IS NOT NULL "
      "FROM risk_assessment AS v LEFT JOIN _conflict AS c "
      "ON c.record = unhex(replace(v.id, '-', '')) AND c.field = ?1 "
      "WHERE ifnull(v.entered_in_error, 0) = 0 AND v._hidden IS NULL AND ifnull(v.status, '') <> "
      "'SUPERSEDED'",
      field, [&](const Statement& s) {
        if (s.Int(1) != 0) ++out->rating_conflicts;
        if (s.IsNull(0)) {
          ++out->unrated;
          return;
        }
        Band& band = out->bands[static_cast<size_t>(BandOf(s.Int(0)))];
        ++band.assessments;
        band.provisional += s.Int(1);
      }));
  return absl::OkStatus();
}

std::optional<double> Divide(int64_t part, int64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

nlohmann::json JsonOf(const std::optional<double>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}

std::string Percent(const std::optional<double>& share) {
  return share ? absl::StrFormat("%.1f %%", *share * 100) : "no figure yet";
}

constexpr const char* kBandNames[] = {"low", "moderate", "high", "extreme"};
constexpr const char* kBandScores[] = {"1-3", "4-6", "8-12", "15-25"};

}  // namespace

std::optional<double> Measures::Share() const { return Divide(supported, decisions); }

std::optional<double> Measures::BaselineShare() const {
  return Divide(baseline_cases - baseline_not_supported, baseline_cases);
}

std::optional<double> Measures::Difference() const {
  const std::optional<double> now = Share();
  const std::optional<double> before = BaselineShare();
  if (!now || !before) return std::nullopt;
  return (*now - *before) * 100;
}

std::string Measures::ToJson() const {
  // What every figure comes with.
  auto figure = [&](int64_t conflicts) {
    return nlohmann::json{{"as_of", FormatUtc(as_of_ms)},
                          {"sites", sites},
                          {"fresh_sites", fresh_sites},
                          {"open_conflicts", conflicts}};
  };
  nlohmann::json out = figure(open_conflicts);
  nlohmann::json independence = figure(decision_conflicts);
  independence["supported"] = supported;
  independence["decisions"] = decisions;
  independence["share"] = JsonOf(Share());
  independence["baseline_cases"] = baseline_cases;
  independence["baseline_not_supported"] = baseline_not_supported;
  independence["baseline_share"] = JsonOf(BaselineShare());
  independence["difference_points"] = JsonOf(Difference());
  out["independence_supported"] = std::move(independence);
  // Sets and plain facts have no conflicts.
  nlohmann::json barrier_figure = figure(0);
  barrier_figure["case_studies"] = case_studies;
  barrier_figure["barriers"] = nlohmann::json::array();
  for (const Barrier& barrier : barriers) {
    barrier_figure["barriers"].push_back(
        {{"barrier", barrier.name}, {"case_studies", barrier.case_studies}});
  }
  out["barriers"] = std::move(barrier_figure);
  nlohmann::json cost = figure(0);
  cost["known"] = cost_known;
  cost["missing"] = cost_missing;
  cost["sum_pence"] = cost_sum;
  cost["median_pence"] = JsonOf(cost_median);
  out["cost_effect"] = std::move(cost);
  nlohmann::json risk = figure(rating_conflicts);
  for (size_t i = 0; i < kBands; ++i) {
    risk["bands"].push_back({{"band", kBandNames[i]},
                             {"scores", kBandScores[i]},
                             {"assessments", bands[i].assessments},
                             {"provisional", bands[i].provisional}});
  }
  risk["unrated"] = unrated;
  out["risk_distribution"] = std::move(risk);
  return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string Measures::ToText() const {
  const std::optional<double> difference = Difference();
  std::string text = absl::StrFormat(
      "As of %s - %d of %d sites fresh - %d open conflicts\n\n"
      "Independence supported\n"
      "  %d of %d decisions: %s\n"
      "  baseline: %d of %d cases: %s\n"
      "  difference: %s\n",
      FormatUtc(as_of_ms), fresh_sites, sites, open_conflicts, supported, decisions,
      Percent(Share()), baseline_cases - baseline_not_supported, baseline_cases,
      Percent(BaselineShare()),
      difference ? absl::StrFormat("%+.1f percentage points", *difference) : "no figure yet");
  if (decision_conflicts > 0) {
    absl::StrAppend(&text, "  ", decision_conflicts, " decisions wait for somebody to decide\n");
  }
  absl::StrAppend(&text, "\nBarriers, of ", case_studies, " case studies\n");
  for (const Barrier& barrier : barriers) {
    absl::StrAppendFormat(&text, "  %-30s %5d  %s\n", barrier.name, barrier.case_studies,
                          Percent(Divide(barrier.case_studies, case_studies)));
  }
  absl::StrAppendFormat(&text, "\nCost effect, pence a week\n  sum %+d", cost_sum);
  if (cost_median) absl::StrAppendFormat(&text, ", median %+.1f", *cost_median);
  absl::StrAppendFormat(&text, ", of %d case studies; %d without both figures\n", cost_known,
                        cost_missing);
  absl::StrAppend(&text, "\nRisk with support in place, assessments\n");
  for (size_t i = 0; i < kBands; ++i) {
    absl::StrAppendFormat(&text, "  %-8s (%s)%*s %5d", kBandNames[i], kBandScores[i],
                          static_cast<int>(6 - std::string(kBandScores[i]).size()), "",
                          bands[i].assessments);
    if (bands[i].provisional > 0) {
      absl::StrAppend(&text, ", of them ", bands[i].provisional, " until decided");
    }
    absl::StrAppend(&text, "\n");
  }
  if (unrated > 0) absl::StrAppend(&text, "  not rated yet: ", unrated, "\n");
  return text;
}

absl::StatusOr<Measures> Measure(Database& db, const Schema& schema, int64_t now_ms) {
  DOORSTEP_ASSIGN_OR_RETURN(Transaction snapshot, Transaction::Begin(db, Transaction::Mode::kRead));
  Measures measures;
  measures.as_of_ms = now_ms;
  DOORSTEP_RETURN_IF_ERROR(CountSites(db, now_ms, &measures));
  DOORSTEP_RETURN_IF_ERROR(CountDecisions(db, schema, &measures));
  DOORSTEP_RETURN_IF_ERROR(CountBarriers(db, &measures));
  DOORSTEP_RETURN_IF_ERROR(SumCosts(db, &measures));
  DOORSTEP_RETURN_IF_ERROR(CountRisks(db, schema, &measures));
  DOORSTEP_RETURN_IF_ERROR(snapshot.Commit());
  return measures;
}

}  // namespace doorstep::server
