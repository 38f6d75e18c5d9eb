// Risks that people work by: reviews that are overdue, how high they are, and how they move.
//
// What nobody works by any more because the person has died is in none of them.
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/history.h"
#include "server/measures/counting.h"
#include "sync/base/status.h"
#include "sync/cases/bands.h"
#include "sync/change/wire.h"

namespace doorstep::server {
namespace {

using Form = Figure::Form;

constexpr size_t kHistoryPage = 200;
// Days that a review is overdue.
constexpr int64_t kWeek = 7;
constexpr int64_t kFourWeeks = 28;

struct InForce {
  std::string id;
  std::optional<int64_t> score;  // with support in place, as it is worked to
  bool provisional = false;      // somebody has to decide between versions of it
  std::optional<int64_t> overdue_days;
  bool has_review_day = false;
};

absl::StatusOr<std::vector<InForce>> ReadInForce(Counting& counting, int64_t* stopped) {
  DOORSTEP_ASSIGN_OR_RETURN(const FieldSpec* rating,
                            counting.Field("RiskAssessment", "residual_rating"));
  std::vector<InForce> all;
  DOORSTEP_RETURN_IF_ERROR(counting.Query(
      "SELECT v.id, v.residual_rating_likelihood * v.residual_rating_severity, "
      "c.record IS NOT NULL, v.review_due IS NOT NULL, "
      "CAST(julianday(?2) - julianday(v.review_due) AS INTEGER) "
      "FROM risk_assessment AS v LEFT JOIN _conflict AS c "
      "ON c.record = unhex(replace(v.id, '-', '')) AND c.field = ?1 WHERE v.status = 'IN_FORCE' "
      "AND ifnull(v.entered_in_error, 0) = 0 AND v._hidden IS NULL ORDER BY v.id",
      {static_cast<int64_t>(rating->number()), counting.day()}, [&](const Statement& row) {
        InForce& one = all.emplace_back();
        one.id = std::string(row.Text(0));
        if (!row.IsNull(1)) one.score = row.Int(1);
        one.provisional = row.Int(2) != 0;
        one.has_review_day = row.Int(3) != 0;
        if (one.has_review_day && row.Int(4) > 0) one.overdue_days = row.Int(4);
        return absl::OkStatus();
      }));
  std::vector<InForce> in_force;
  for (InForce& one : all) {
    DOORSTEP_ASSIGN_OR_RETURN(const bool has_stopped, counting.HasStopped(one.id));
    if (!has_stopped) in_force.push_back(std::move(one));
  }
  *stopped = static_cast<int64_t>(all.size() - in_force.size());
  return in_force;
}

absl::Status CountReviews(Counting& counting, const std::vector<InForce>& in_force, int64_t stopped,
                          Measures* out) {
  MeasureTable table{"overdue_reviews", "Overdue reviews, of assessments in force", 0, {}};
  DOORSTEP_ASSIGN_OR_RETURN(table.open_conflicts, counting.Conflicts("RiskAssessment", "status"));
  int64_t week = 0, four_weeks = 0, longer = 0, no_day = 0;
  for (const InForce& one : in_force) {
    no_day += one.has_review_day ? 0 : 1;
    if (!one.overdue_days) continue;
    int64_t& age = *one.overdue_days <= kWeek        ? week
                   : *one.overdue_days <= kFourWeeks ? four_weeks
                                                     : longer;
    ++age;
  }
  const auto whole = static_cast<int64_t>(in_force.size());
  const char* unit = "in force";
  table.Add({"overdue", "overdue", Form::kShare, week + four_weeks + longer, whole, {}, unit});
  table.Add({"days_1_7", "for 1 to 7 days", Form::kShare, week, whole, {}, unit});
  table.Add({"days_8_28", "for 8 to 28 days", Form::kShare, four_weeks, whole, {}, unit});
  table.Add({"days_over_28", "for more than 28 days", Form::kShare, longer, whole, {}, unit});
  table.Add({"no_day", "without a day for it", Form::kShare, no_day, whole, {}, unit});
  DOORSTEP_ASSIGN_OR_RETURN(
      const int64_t under_review,
      counting.Number("SELECT count(*) FROM risk_assessment AS v WHERE v.status = 'UNDER_REVIEW' "
                      "AND ifnull(v.entered_in_error, 0) = 0 AND v._hidden IS NULL",
                      {}));
  table.Add({"under_review", "being reviewed now", Form::kCount, under_review, 0, {}, ""});
  table.Add({"stopped", "stopped, the person has died", Form::kCount, stopped, 0, {}, ""});
  out->tables.push_back(std::move(table));
  return absl::OkStatus();
}

absl::Status CountBands(Counting& counting, const std::vector<InForce>& in_force, Measures* out) {
  MeasureTable table{
      "risk_distribution", "Risk with support in place, of assessments in force", 0, {}};
  DOORSTEP_ASSIGN_OR_RETURN(table.open_conflicts,
                            counting.Conflicts("RiskAssessment", "residual_rating"));
  DOORSTEP_ASSIGN_OR_RETURN(const FieldSpec* rating,
                            counting.Field("RiskAssessment", "residual_rating"));
  struct Tally {
    int64_t all = 0, provisional = 0;
  };
  std::map<Band, Tally> counts;
  int64_t provisional = 0;
  for (const InForce& one : in_force) {
    Tally& band = counts[BandOf(*rating, one.score.value_or(0))];
    ++band.all;
    band.provisional += one.provisional ? 1 : 0;
    provisional += one.provisional ? 1 : 0;
  }
  const auto whole = static_cast<int64_t>(in_force.size());
  for (const Band band : kBands) {
    const Tally& of = counts[band];
    const std::string name(BandName(band));
    table.Add({name, BandWords(*rating, band), Form::kShare, of.all, whole, {}, "in force"});
    table.Add({absl::StrCat(name, "_provisional"),
               "  of these, until decided",
               Form::kShare,
               of.provisional,
               of.all,
               {},
               name});
  }
  table.Add(
      {"unrated", "not rated yet", Form::kShare, counts[Band::kNone].all, whole, {}, "in force"});
  table.Add({"provisional",
             "of all these, until decided",
             Form::kShare,
             provisional,
             whole,
             {},
             "in force"});
  out->tables.push_back(std::move(table));
  return absl::OkStatus();
}

// What an assessment was rated, from its first version on. A version is a change that was admitted
// and gave a rating; the history has them all, until it is erased.
struct Versions {
  int64_t count = 0;
  int64_t first_score = 0;
  std::optional<int64_t> first_ms;

  // In the order of admission, which decides between two of one moment.
  void Add(int64_t time_ms, int64_t score) {
    ++count;
    if (first_ms && *first_ms <= time_ms) return;
    first_ms = time_ms;
    first_score = score;
  }
};

std::optional<int64_t> ScoreOf(const FieldSpec& rating, absl::string_view value) {
  const auto parts = DecodeParts(rating, value);
  if (!parts.ok() || rating.likelihood < 0 || rating.severity < 0) return std::nullopt;
  const Scalar& likelihood = (*parts)[static_cast<size_t>(rating.likelihood)];
  const Scalar& severity = (*parts)[static_cast<size_t>(rating.severity)];
  if (!likelihood.present || !severity.present) return std::nullopt;
  return likelihood.integer * severity.integer;
}

absl::Status AddVersion(Counting& counting, const FieldSpec& rating, const HistoryPlace& place,
                        Versions* versions) {
  ReadView& history = counting.history();
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<HistoryRow> row, history.History(place.sequence));
  if (!row) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const HistoryHeader header, ParseHeader(row->header));
  if (header.unit.Refused() || header.unit.Held()) return absl::OkStatus();
  size_t bytes = 0;
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<Unit> unit,
                            ReadUnit(counting.schema(), header.unit, history, &bytes));
  if (!unit || place.change >= unit->changes.size()) return absl::OkStatus();
  const ChangeData& change = unit->changes[place.change];
  for (const FieldEdit& edit : change.edits) {
    if (edit.field != rating.number()) continue;
    const std::optional<int64_t> score = ScoreOf(rating, edit.value);
    if (score) versions->Add(header.unit.TimeOf(place.change), *score);
  }
  return absl::OkStatus();
}

absl::StatusOr<Versions> ReadVersions(Counting& counting, const FieldSpec& rating,
                                      const std::string& id) {
  Versions versions;
  DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, Uuid::Parse(id));
  uint64_t after = 0;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<HistoryPlace> places,
                              counting.history().HistoryOf(record, after, kHistoryPage));
    for (const HistoryPlace& place : places) {
      if (place.sequence > counting.head()) return versions;
      DOORSTEP_RETURN_IF_ERROR(AddVersion(counting, rating, place, &versions));
    }
    if (places.size() < kHistoryPage) return versions;
    after = places.back().sequence;
  }
}

absl::Status CountMovement(Counting& counting, const std::vector<InForce>& in_force,
                           Measures* out) {
  MeasureTable table{"risk_movement", "Risk now against when it was first rated", 0, {}};
  DOORSTEP_ASSIGN_OR_RETURN(table.open_conflicts,
                            counting.Conflicts("RiskAssessment", "residual_rating"));
  DOORSTEP_ASSIGN_OR_RETURN(const FieldSpec* rating,
                            counting.Field("RiskAssessment", "residual_rating"));
  int64_t fell = 0, held = 0, rose = 0, once = 0;
  for (const InForce& one : in_force) {
    if (!one.score) continue;
    DOORSTEP_ASSIGN_OR_RETURN(const Versions versions, ReadVersions(counting, *rating, one.id));
    if (versions.count < 2) {
      ++once;
      continue;
    }
    int64_t& way = *one.score < versions.first_score   ? fell
                   : *one.score > versions.first_score ? rose
                                                       : held;
    ++way;
  }
  const int64_t moved = fell + held + rose;
  const char* unit = "rated twice or more";
  table.Add({"fell", "fell", Form::kShare, fell, moved, {}, unit});
  table.Add({"held", "held", Form::kShare, held, moved, {}, unit});
  table.Add({"rose", "rose", Form::kShare, rose, moved, {}, unit});
  table.Add({"one_version", "rated once", Form::kCount, once, 0, {}, ""});
  out->tables.push_back(std::move(table));
  return absl::OkStatus();
}

}  // namespace

absl::Status CountRisks(Counting& counting, Measures* out) {
  int64_t stopped = 0;
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<InForce> in_force, ReadInForce(counting, &stopped));
  DOORSTEP_RETURN_IF_ERROR(CountReviews(counting, in_force, stopped, out));
  DOORSTEP_RETURN_IF_ERROR(CountBands(counting, in_force, out));
  return CountMovement(counting, in_force, out);
}

}  // namespace doorstep::server
