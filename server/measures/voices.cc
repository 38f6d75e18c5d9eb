// Who was heard, and whether they heard from us: participation, voice loop.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "server/measures/counting.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

using Form = Figure::Form;

// Never changed, so without conflicts.
absl::Status CountParticipation(Counting& counting, Measures* out) {
  MeasureTable table{"participation", "Voice at meetings, as people rate it (1 to 5)", 0, {}};
  DOORSTEP_ASSIGN_OR_RETURN(const FieldSpec* type, counting.Field("Participant", "partner_type"));
  std::optional<double> lowest;
  std::optional<double> highest;
  DOORSTEP_RETURN_IF_ERROR(counting.Query(
      "SELECT p.partner_type, sum(v.self_rated_voice), count(*) FROM voice_check AS v "
      "LEFT JOIN k_participant AS p ON p.id = unhex(replace(v.attendee, '-', '')) "
      "WHERE v.self_rated_voice IS NOT NULL AND ifnull(v.entered_in_error, 0) = 0 "
      "AND v._hidden IS NULL AND NOT EXISTS (SELECT 1 FROM k_voice_check AS n "
      "WHERE n.corrects = v.id AND n._hidden IS NULL) "
      "AND (?1 = '' OR v.programme IN (SELECT g.id FROM programme AS g WHERE g.code = ?1)) "
      "GROUP BY p.partner_type ORDER BY p.partner_type IS NULL, p.partner_type",
      {counting.programme()}, [&](const Statement& row) {
        const EnumValueSpec* value = row.IsNull(0) ? nullptr : type->scalar.FindValue(row.Int(0));
        const Figure& mean = table.Add({value == nullptr ? "not_said" : value->name,
                                        value == nullptr ? "not said what they are" : value->label,
                                        Form::kMean,
                                        row.Int(1),
                                        row.Int(2),
                                        {},
                                        "voices"});
        if (value == nullptr) return absl::OkStatus();
        const double voice = *mean.Result();
        lowest = std::min(lowest.value_or(voice), voice);
        highest = std::max(highest.value_or(voice), voice);
        return absl::OkStatus();
      }));
  Figure gap{"gap", "between the lowest and the highest", Form::kNumber, 0, 0, {}, "points"};
  if (lowest && highest) gap.value = *highest - *lowest;
  table.Add(std::move(gap));
  out->tables.push_back(std::move(table));
  return absl::OkStatus();
}

absl::Status CountVoiceLoop(Counting& counting, Measures* out) {
  MeasureTable table{"voice_loop", "Feedback: whether people heard from us", 0, {}};
  DOORSTEP_RETURN_IF_ERROR(counting.Query(
      "SELECT count(*), ifnull(sum(told IS NOT NULL AND (due IS NULL OR told <= due)), 0), "
      "ifnull(sum(told > due), 0), ifnull(sum(told IS NULL AND due < ?1), 0), "
      "ifnull(sum(told IS NULL AND (due IS NULL OR due >= ?1)), 0) FROM (SELECT "
      "v.response_due AS due, (SELECT min(r.told_on) FROM feedback_reply AS r "
      "WHERE r.feedback = v.id AND r.told_on <= ?1 AND ifnull(r.entered_in_error, 0) = 0 "
      "AND r._hidden IS NULL AND NOT EXISTS (SELECT 1 FROM k_feedback_reply AS n "
      "WHERE n.corrects = r.id AND n._hidden IS NULL)) AS told FROM feedback AS v "
      "WHERE ifnull(v.entered_in_error, 0) = 0 AND v._hidden IS NULL AND NOT EXISTS "
      "(SELECT 1 FROM k_feedback AS n WHERE n.corrects = v.id AND n._hidden IS NULL) "
      "AND (?2 = '' OR v.programme IN (SELECT g.id FROM programme AS g WHERE g.code = ?2)))",
      {counting.day(), counting.programme()}, [&](const Statement& row) {
        const int64_t all = row.Int(0);
        const char* unit = "feedback";
        table.Add({"in_time", "answered in time", Form::kShare, row.Int(1), all, {}, unit});
        table.Add({"late", "answered late", Form::kShare, row.Int(2), all, {}, unit});
        table.Add({"overdue", "not answered, overdue", Form::kShare, row.Int(3), all, {}, unit});
        table.Add({"waiting", "not answered, still time", Form::kShare, row.Int(4), all, {}, unit});
        return absl::OkStatus();
      }));
  out->tables.push_back(std::move(table));
  return absl::OkStatus();
}

}  // namespace

absl::Status CountVoices(Counting& counting, Measures* out) {
  DOORSTEP_RETURN_IF_ERROR(CountParticipation(counting, out));
  return CountVoiceLoop(counting, out);
}

}  // namespace doorstep::server
