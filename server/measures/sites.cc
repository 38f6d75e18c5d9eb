// How far the rest can be trusted: sites that have not been heard of, and what nobody has decided.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/measures/counting.h"
#include "sync/base/status.h"
#include "sync/merge/judgement.h"
#include "sync/merge/plan.h"

namespace doorstep::server {
namespace {

using Form = Figure::Form;

constexpr double kMsPerHour = 3'600'000;
constexpr int64_t kFreshMs = int64_t{24} * 3'600'000;

absl::Status CountFreshness(Counting& counting, Measures* out) {
  MeasureTable table{"freshness", "Sites: how long their longest silent device is silent", 0, {}};
  std::vector<Figure> each;
  // Of a device that names what it had waiting, what has arrived since is taken off.
  DOORSTEP_RETURN_IF_ERROR(counting.Query(
      "SELECT s.id, s.name, min(d.last_contact_ms), count(d.ref), ifnull(sum(CASE WHEN "
      "d.waiting_until > 0 THEN max(0, d.waiting_until - d.waiting_from - (SELECT "
      "ifnull(sum(u.changes), 0) FROM _incarnation AS i JOIN _unit AS u ON u.incarnation = i.ref "
      "WHERE i.id = d.incarnation AND u.counter >= d.waiting_from "
      "AND u.counter < d.waiting_until)) ELSE d.pending END), 0) "
      "FROM _site AS s LEFT JOIN _device AS d ON d.site = s.ref GROUP BY s.ref ORDER BY s.id",
      {}, [&](const Statement& row) {
        const std::string id(row.Text(0));
        const std::string name(row.Text(1));
        ++out->sites;
        Figure hours{absl::StrCat(id, ".hours"), name, Form::kNumber, 0, 0, {}, "hours"};
        if (!row.IsNull(2)) {
          const int64_t silent = std::max<int64_t>(0, counting.now_ms() - row.Int(2));
          hours.value = static_cast<double>(silent) / kMsPerHour;
          out->fresh_sites += silent <= kFreshMs ? 1 : 0;
        }
        each.push_back(std::move(hours));
        each.push_back({absl::StrCat(id, ".pending"),
                        absl::StrCat(name, ", not handed over"),
                        Form::kCount,
                        row.Int(4),
                        0,
                        {},
                        "changes"});
        each.push_back({absl::StrCat(id, ".devices"),
                        absl::StrCat(name, ", devices"),
                        Form::kCount,
                        row.Int(3),
                        0,
                        {},
                        ""});
        return absl::OkStatus();
      }));
  table.Add({"fresh",
             "fresh (within 24 hours)",
             Form::kShare,
             out->fresh_sites,
             out->sites,
             {},
             "sites"});
  for (Figure& figure : each) table.Add(std::move(figure));
  out->tables.push_back(std::move(table));
  return absl::OkStatus();
}

// When the second version met the first; of an assessment that nobody has assessed as a whole, when
// the last change came to it.
absl::StatusOr<int64_t> OpenedAt(Counting& counting, const Uuid& id, uint32_t field_number) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> record, counting.tables().Load(id));
  const KindSpec* kind = record ? counting.schema().Find(record->kind) : nullptr;
  const FieldSpec* field = kind == nullptr ? nullptr : kind->FindWithMarks(field_number);
  if (field == nullptr) return counting.now_ms();
  std::vector<int64_t> times;
  if (field_number == kAssessedField) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<RecordState> children,
                              counting.tables().ChildrenOf(*record));
    Judgement judgement = {&*record};
    for (const RecordState& child : children) judgement.push_back(&child);
    for (const MemberHead& member : UnassessedHeads(counting.schema(), judgement)) {
      times.push_back(member.head->time_ms);
    }
  } else if (const FieldState* state = record->Find(field_number); state != nullptr) {
    for (const size_t place : CaseHeads(*field, *state)) {
      times.push_back(state->heads[place].time_ms);
    }
  }
  if (times.size() < 2) return counting.now_ms();
  std::sort(times.begin(), times.end());
  return times[1];
}

absl::Status AddHoursOpen(Counting& counting, MeasureTable* table) {
  std::vector<std::pair<Uuid, uint32_t>> open;
  DOORSTEP_RETURN_IF_ERROR(
      counting.Query("SELECT record, field FROM _conflict ORDER BY record, field", {},
                     [&](const Statement& row) -> absl::Status {
                       DOORSTEP_ASSIGN_OR_RETURN(const Uuid record, Uuid::FromBytes(row.Blob(0)));
                       open.emplace_back(record, static_cast<uint32_t>(row.Int(1)));
                       return absl::OkStatus();
                     }));
  double sum = 0;
  double longest = 0;
  for (const auto& [record, field] : open) {
    DOORSTEP_ASSIGN_OR_RETURN(const int64_t opened_ms, OpenedAt(counting, record, field));
    const double hours =
        static_cast<double>(std::max<int64_t>(0, counting.now_ms() - opened_ms)) / kMsPerHour;
    sum += hours;
    longest = std::max(longest, hours);
  }
  Figure mean{"mean_hours_open", "open ones, on average", Form::kNumber, 0, 0, {}, "hours"};
  Figure most{"longest_hours_open", "open ones, the longest", Form::kNumber, 0, 0, {}, "hours"};
  if (!open.empty()) {
    mean.value = sum / static_cast<double>(open.size());
    most.value = longest;
  }
  table->Add({"open", "open now", Form::kCount, static_cast<int64_t>(open.size()), 0, {}, ""});
  table->Add(std::move(mean));
  table->Add(std::move(most));
  return absl::OkStatus();
}

// `words` of the ledger holds a byte for each change, or one for all: 1 to 3 are APPLIED, MERGED
// and CONFLICT. Of two digits each the first is 0, so that a pair is never found across two bytes.
absl::Status CountConflicts(Counting& counting, Measures* out) {
  MeasureTable table{"conflicts", "Two versions of one thing", out->open_conflicts, {}};
  DOORSTEP_RETURN_IF_ERROR(counting.Query(
      "SELECT ifnull(sum(CASE length(words) WHEN 1 THEN changes * (words = x'03') ELSE "
      "(length(hex(words)) - length(replace(hex(words), '03', ''))) / 2 END), 0), "
      "ifnull(sum(CASE length(words) WHEN 1 THEN changes * (words IN (x'01', x'02', x'03')) ELSE "
      "changes END), 0) FROM _unit WHERE words NOT IN (x'04', x'05', x'06')",
      {}, [&](const Statement& row) {
        table.Add({"opened",
                   "changes that met another version",
                   Form::kPerThousand,
                   row.Int(0),
                   row.Int(1),
                   {},
                   "changes"});
        return absl::OkStatus();
      }));
  DOORSTEP_RETURN_IF_ERROR(AddHoursOpen(counting, &table));
  out->tables.push_back(std::move(table));
  return absl::OkStatus();
}

}  // namespace

absl::Status CountSites(Counting& counting, Measures* out) {
  DOORSTEP_RETURN_IF_ERROR(CountFreshness(counting, out));
  return CountConflicts(counting, out);
}

}  // namespace doorstep::server
