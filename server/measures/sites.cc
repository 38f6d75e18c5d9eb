// How far the rest can be trusted: sites that have not been heard of, and what nobody has decided.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/measures/counting.h"
#include "server/shift.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

using Form = Figure::Form;

constexpr double kMsPerHour = 3'600'000;
constexpr int64_t kFreshMs = int64_t{24} * 3'600'000;

// The tablets of one site. Those that nobody waits for any more (kExpectedMs) are apart: one that
// was put away makes its site stale no more, and what it had is not forgotten.
struct Tablets {
  int64_t expected = 0;
  int64_t pending = 0;
  int64_t silent = 0;
  int64_t silent_pending = 0;
  std::optional<int64_t> heard_ms;  // by the one that is silent longest
};

absl::StatusOr<Tablets> CountTablets(Counting& counting, const std::string& site) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<ShiftTablet> all,
                            ReadTablets(counting.db(), site, counting.now_ms()));
  Tablets tablets;
  int64_t oldest = std::numeric_limits<int64_t>::max();
  int64_t latest = std::numeric_limits<int64_t>::min();
  for (const ShiftTablet& tablet : all) {
    latest = std::max(latest, tablet.last_seen_ms);
    if (tablet.expected) oldest = std::min(oldest, tablet.last_seen_ms);
    ++(tablet.expected ? tablets.expected : tablets.silent);
    (tablet.expected ? tablets.pending : tablets.silent_pending) += tablet.pending;
  }
  // A site of which nothing was heard for a fortnight is as stale as the last that was heard.
  if (!all.empty()) tablets.heard_ms = tablets.expected > 0 ? oldest : latest;
  return tablets;
}

absl::Status CountFreshness(Counting& counting, Measures* out) {
  MeasureTable table{"freshness", "Sites: how long their longest silent tablet is silent", 0, {}};
  std::vector<Figure> each;
  for (const SiteRow& site : counting.sites()) {
    DOORSTEP_ASSIGN_OR_RETURN(const Tablets tablets, CountTablets(counting, site.id));
    ++out->sites;
    Figure hours{absl::StrCat(site.id, ".hours"), site.name, Form::kNumber, 0, 0, {}, "hours"};
    if (tablets.heard_ms) {
      const int64_t silent = std::max<int64_t>(0, counting.now_ms() - *tablets.heard_ms);
      hours.value = static_cast<double>(silent) / kMsPerHour;
      out->fresh_sites += silent <= kFreshMs ? 1 : 0;
    }
    each.push_back(std::move(hours));
    const auto count = [&](const char* part, const char* words, int64_t value, const char* unit) {
      each.push_back({absl::StrCat(site.id, part),
                      absl::StrCat(site.name, words),
                      Form::kCount,
                      value,
                      0,
                      {},
                      unit});
    };
    count(".pending", ", not handed over", tablets.pending, "changes");
    count(".devices", ", tablets", tablets.expected, "");
    count(".silent", ", silent for a fortnight, not counted", tablets.silent, "");
    count(".silent_pending", ", not handed over by those", tablets.silent_pending, "changes");
  }
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

// Hours of several cases.
struct Hours {
  double sum = 0;
  double longest = 0;
  int64_t cases = 0;

  void Add(double hours) {
    sum += hours;
    longest = std::max(longest, hours);
    ++cases;
  }
  std::optional<double> Mean() const {
    return cases == 0 ? std::nullopt : std::optional<double>(sum / static_cast<double>(cases));
  }
};

// Of one site, or of all.
struct Cases {
  int64_t changes = 0;  // admitted
  int64_t opened = 0;
  int64_t open = 0;
  int64_t settled = 0;
  Hours while_open;     // of those that are open, until now
  Hours until_settled;  // of the others

  std::optional<double> MeanHours() const {
    Hours both = while_open;
    both.sum += until_settled.sum;
    both.cases += until_settled.cases;
    return both.Mean();
  }
};

// Of the tenant under "".
using CasesBySite = std::map<std::string, Cases>;

// `words` of the ledger holds a byte for each change, or one for all: 1 to 3 are APPLIED, MERGED
// and CONFLICT.
absl::Status ReadChanges(Counting& counting, CasesBySite* cases) {
  return counting.Query(
      "SELECT s.id, sum(CASE length(u.words) WHEN 1 THEN u.changes * (u.words IN (x'01', x'02', "
      "x'03')) ELSE u.changes END) FROM _unit AS u JOIN _device AS d ON d.ref = u.device "
      "JOIN _site AS s ON s.ref = d.site WHERE u.words NOT IN (x'04', x'05', x'06') "
      "GROUP BY s.id ORDER BY s.id",
      {}, [&](const Statement& row) {
        (*cases)[std::string(row.Text(0))].changes += row.Int(1);
        (*cases)[""].changes += row.Int(1);
        return absl::OkStatus();
      });
}

// A case belongs to the site whose change opened it; to none when it was open before _case was
// kept, or when a new schema opened it.
absl::Status ReadCases(Counting& counting, CasesBySite* cases) {
  return counting.Query(
      "SELECT ifnull(s.id, ''), c.closed, o.received_ms, u.received_ms FROM _case AS c "
      "LEFT JOIN _unit AS o ON o.sequence = c.opened LEFT JOIN _unit AS u ON u.sequence = c.closed "
      "LEFT JOIN _device AS d ON d.ref = o.device LEFT JOIN _site AS s ON s.ref = d.site "
      "ORDER BY c.record, c.field, c.opened",
      {}, [&](const Statement& row) {
        const std::string site(row.Text(0));
        const bool open = row.Int(1) == 0;
        std::vector<Cases*> places = {&(*cases)[""]};
        if (!site.empty()) places.push_back(&(*cases)[site]);
        for (Cases* place : places) {
          ++place->opened;
          ++(open ? place->open : place->settled);
          if (row.IsNull(2) || (!open && row.IsNull(3))) continue;
          const int64_t end_ms = open ? counting.now_ms() : row.Int(3);
          const int64_t ms = std::max<int64_t>(0, end_ms - row.Int(2));
          (open ? place->while_open : place->until_settled)
              .Add(static_cast<double>(ms) / kMsPerHour);
        }
        return absl::OkStatus();
      });
}

void AddOpened(const Cases& cases, const std::string& prefix, const std::string& of,
               MeasureTable* table) {
  table->Add({absl::StrCat(prefix, "opened"),
              absl::StrCat(of, "cases opened, of changes admitted"),
              Form::kPerThousand,
              cases.opened,
              cases.changes,
              {},
              "changes"});
  table->Add({absl::StrCat(prefix, "open"),
              absl::StrCat(of, "open now"),
              Form::kCount,
              cases.open,
              0,
              {},
              ""});
  table->Add({absl::StrCat(prefix, "mean_hours"), absl::StrCat(of, "hours open, on average"),
              Form::kNumber, 0, 0, cases.MeanHours(), "hours"});
}

absl::Status CountConflicts(Counting& counting, Measures* out) {
  MeasureTable table{"conflicts", "Two versions of one thing", out->open_conflicts, {}};
  CasesBySite by_site;
  DOORSTEP_RETURN_IF_ERROR(ReadChanges(counting, &by_site));
  DOORSTEP_RETURN_IF_ERROR(ReadCases(counting, &by_site));
  const Cases& all = by_site[""];
  AddOpened(all, "", "", &table);
  table.Add({"mean_hours_open", "open ones, on average", Form::kNumber, 0, 0, all.while_open.Mean(),
             "hours"});
  Figure longest{"longest_hours_open", "open ones, the longest", Form::kNumber, 0, 0, {}, "hours"};
  if (all.while_open.cases > 0) longest.value = all.while_open.longest;
  table.Add(std::move(longest));
  table.Add({"settled", "settled", Form::kCount, all.settled, 0, {}, ""});
  table.Add({"mean_hours_settled", "settled ones, on average", Form::kNumber, 0, 0,
             all.until_settled.Mean(), "hours"});
  for (const SiteRow& site : counting.sites()) {
    AddOpened(by_site[site.id], absl::StrCat(site.id, "."), absl::StrCat(site.name, ", "), &table);
  }
  out->tables.push_back(std::move(table));
  return absl::OkStatus();
}

}  // namespace

absl::Status CountSites(Counting& counting, Measures* out) {
  DOORSTEP_RETURN_IF_ERROR(CountFreshness(counting, out));
  return CountConflicts(counting, out);
}

}  // namespace doorstep::server
