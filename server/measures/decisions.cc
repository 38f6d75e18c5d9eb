// What was decided and what came of it: independence supported, barriers, outcomes, cost.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/measures/counting.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

using Form = Figure::Form;

absl::Status CountIndependence(Counting& counting, Measures* out) {
  MeasureTable table{"independence_supported", "Independence supported", 0, {}};
  DOORSTEP_ASSIGN_OR_RETURN(table.open_conflicts, counting.Conflicts("CaseStudy", "decision"));
  Figure now{"supported", "supported, or with conditions", Form::kShare, 0, 0, {}, "decisions"};
  DOORSTEP_RETURN_IF_ERROR(counting.Query(
      "SELECT count(*), ifnull(sum(decision_outcome IN ('SUPPORTED', "
      "'SUPPORTED_WITH_CONDITIONS')), 0) FROM case_study "
      "WHERE decision_outcome IS NOT NULL AND ifnull(entered_in_error, 0) = 0 AND _hidden IS NULL "
      "AND (?1 = '' OR programme = ?1)",
      {counting.programme()}, [&](const Statement& row) {
        now.denominator = row.Int(0);
        now.numerator = row.Int(1);
        return absl::OkStatus();
      }));
  Figure before{"baseline", "before: not unable, not denied", Form::kShare, 0, 0, {}, "cases"};
  DOORSTEP_RETURN_IF_ERROR(counting.Query(
      "SELECT count(*), ifnull(sum(v.decision NOT IN ('UNABLE_TO_PROMOTE', "
      "'DENIED_OPPORTUNITY')), 0) FROM baseline_measure AS v WHERE v.decision IS NOT NULL "
      "AND ifnull(v.entered_in_error, 0) = 0 AND v._hidden IS NULL "
      "AND (?1 = '' OR v.programme = ?1) AND NOT EXISTS (SELECT 1 FROM k_baseline_measure AS n "
      "WHERE n.corrects = v.id AND n._hidden IS NULL)",
      {counting.programme()}, [&](const Statement& row) {
        before.denominator = row.Int(0);
        before.numerator = row.Int(1);
        return absl::OkStatus();
      }));
  Figure difference{"difference", "difference", Form::kDifference, 0, 0, {}, "percentage points"};
  const std::optional<double> share = now.Result();
  const std::optional<double> was = before.Result();
  if (share && was) difference.value = (*share - *was) * kPercent;
  table.Add(std::move(now));
  table.Add(std::move(before));
  table.Add(std::move(difference));
  out->tables.push_back(std::move(table));
  return absl::OkStatus();
}

// Sets have no conflicts: nobody takes a barrier away unseen.
absl::Status CountBarriers(Counting& counting, Measures* out) {
  MeasureTable table{"barriers", "Barriers, of case studies", 0, {}};
  DOORSTEP_ASSIGN_OR_RETURN(const FieldSpec* barriers, counting.Field("CaseStudy", "barriers"));
  DOORSTEP_ASSIGN_OR_RETURN(
      const int64_t studies,
      counting.Number("SELECT count(*) FROM case_study WHERE ifnull(entered_in_error, 0) = 0 "
                      "AND _hidden IS NULL AND (?1 = '' OR programme = ?1)",
                      {counting.programme()}));
  DOORSTEP_RETURN_IF_ERROR(counting.Query(
      "SELECT b.value, count(*) FROM case_study AS c, json_each(c.barriers) AS b "
      "WHERE ifnull(c.entered_in_error, 0) = 0 AND c._hidden IS NULL "
      "AND (?1 = '' OR c.programme = ?1) GROUP BY b.value ORDER BY 2 DESC, 1",
      {counting.programme()}, [&](const Statement& row) {
        const std::string name(row.Text(0));
        std::string words = name;
        for (const EnumValueSpec& value : barriers->scalar.values) {
          if (value.name == name) words = value.label;
        }
        table.Add({name, words, Form::kShare, row.Int(1), studies, {}, "case studies"});
        return absl::OkStatus();
      }));
  table.Add({"case_studies", "case studies", Form::kCount, studies, 0, {}, ""});
  out->tables.push_back(std::move(table));
  return absl::OkStatus();
}

absl::Status CountOutcomes(Counting& counting, Measures* out) {
  MeasureTable table{"outcomes", "Outcomes whose day has come", 0, {}};
  DOORSTEP_ASSIGN_OR_RETURN(table.open_conflicts, counting.Conflicts("Outcome", "achieved"));
  DOORSTEP_RETURN_IF_ERROR(counting.Query(
      "SELECT ifnull(sum(v.due <= ?1), 0), "
      "ifnull(sum(v.due <= ?1 AND v.achieved_how_far = 'MET'), 0), "
      "ifnull(sum(v.due <= ?1 AND v.achieved_how_far = 'PARTLY_MET'), 0), "
      "ifnull(sum(v.due > ?1), 0), ifnull(sum(v.due IS NULL), 0) FROM outcome AS v "
      "WHERE ifnull(v.entered_in_error, 0) = 0 AND v._hidden IS NULL AND (?2 = '' OR "
      "v.case_study IN (SELECT c.id FROM case_study AS c WHERE c.programme = ?2))",
      {counting.day(), counting.programme()}, [&](const Statement& row) {
        const int64_t due = row.Int(0);
        table.Add({"met", "met", Form::kShare, row.Int(1), due, {}, "due"});
        table.Add({"partly_met", "met in part", Form::kShare, row.Int(2), due, {}, "due"});
        table.Add({"not_due_yet", "not due yet", Form::kCount, row.Int(3), 0, {}, ""});
        table.Add({"no_day", "without a day", Form::kCount, row.Int(4), 0, {}, ""});
        return absl::OkStatus();
      }));
  out->tables.push_back(std::move(table));
  return absl::OkStatus();
}

// Plain facts have no conflicts.
absl::Status SumCosts(Counting& counting, Measures* out) {
  MeasureTable table{"cost_effect", "Cost effect, after less before", 0, {}};
  std::vector<int64_t> effects;
  int64_t missing = 0;
  DOORSTEP_RETURN_IF_ERROR(
      counting.Query("SELECT weekly_cost_after - weekly_cost_before FROM case_study "
                     "WHERE ifnull(entered_in_error, 0) = 0 AND _hidden IS NULL "
                     "AND (?1 = '' OR programme = ?1) ORDER BY 1",
                     {counting.programme()}, [&](const Statement& row) {
                       if (row.IsNull(0)) {
                         ++missing;
                       } else {
                         effects.push_back(row.Int(0));
                       }
                       return absl::OkStatus();
                     }));
  Figure sum{"sum", "sum", Form::kDifference, 0, 0, {}, "pence a week"};
  Figure median{"median", "median", Form::kDifference, 0, 0, {}, "pence a week"};
  if (!effects.empty()) {
    int64_t total = 0;
    for (const int64_t effect : effects) total += effect;
    sum.value = static_cast<double>(total);
    const double low = static_cast<double>(effects[(effects.size() - 1) / 2]);
    const double high = static_cast<double>(effects[effects.size() / 2]);
    median.value = (low + high) / 2;
  }
  const auto known = static_cast<int64_t>(effects.size());
  table.Add(std::move(sum));
  table.Add(std::move(median));
  table.Add(
      {"known", "with both figures", Form::kShare, known, known + missing, {}, "case studies"});
  table.Add({"missing", "without both figures", Form::kCount, missing, 0, {}, ""});
  out->tables.push_back(std::move(table));
  return absl::OkStatus();
}

}  // namespace

absl::Status CountDecisions(Counting& counting, Measures* out) {
  DOORSTEP_RETURN_IF_ERROR(CountIndependence(counting, out));
  DOORSTEP_RETURN_IF_ERROR(CountBarriers(counting, out));
  DOORSTEP_RETURN_IF_ERROR(CountOutcomes(counting, out));
  return SumCosts(counting, out);
}

}  // namespace doorstep::server
