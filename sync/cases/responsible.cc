#include "sync/cases/responsible.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "sync/change/wire.h"
#include "sync/merge/plan.h"

namespace doorstep {
namespace {

using Facts = absl::Span<const ResponsibilityFact>;

std::string TextOf(const KindSpec& kind, const RecordState& state, Responsibility role) {
  const FieldSpec* field = kind.FindRole(role);
  const FieldState* held = field == nullptr ? nullptr : state.Find(field->number());
  if (held == nullptr) return "";
  const std::string value = EffectiveOf(*field, *held).value;
  if (value.empty()) return "";
  const auto scalar = DecodeScalar(field->scalar, value);
  return scalar.ok() ? std::string(scalar->bytes) : "";
}

bool Later(const ResponsibilityFact& a, const ResponsibilityFact& b) {
  return std::tie(a.time_ms, a.record) > std::tie(b.time_ms, b.record);
}

// The facts that count, latest first.
std::vector<const ResponsibilityFact*> Counting(Facts facts, absl::string_view day) {
  std::vector<const ResponsibilityFact*> out;
  for (const ResponsibilityFact& fact : facts) {
    const std::string id = fact.record.ToString();
    const bool corrected =
        std::any_of(facts.begin(), facts.end(), [&](const ResponsibilityFact& other) {
          return other.corrects == id && other.record != fact.record;
        });
    if (corrected || (!fact.from.empty() && fact.from > day) ||
        (!fact.until.empty() && fact.until < day)) {
      continue;
    }
    out.push_back(&fact);
  }
  std::sort(out.begin(), out.end(), [](const auto* a, const auto* b) { return Later(*a, *b); });
  return out;
}

template <typename Says>
const ResponsibilityFact* Latest(const std::vector<const ResponsibilityFact*>& facts, Says says) {
  const auto found =
      std::find_if(facts.begin(), facts.end(), [&](const auto* fact) { return says(*fact); });
  return found == facts.end() ? nullptr : *found;
}

bool NamesWorker(const ResponsibilityFact& fact) { return !fact.worker.empty(); }
bool NamesSite(const ResponsibilityFact& fact) {
  return fact.worker.empty() && !(fact.lead.empty() && fact.deputy.empty() && fact.duty.empty());
}

}  // namespace

bool SaysWhoAnswers(const KindSpec& kind) {
  return std::any_of(kind.fields.begin(), kind.fields.end(), [](const FieldSpec& field) {
    return field.responsibility != Responsibility::kNone;
  });
}

ResponsibilityFact ReadFact(const KindSpec& kind, const RecordState& state) {
  ResponsibilityFact fact;
  fact.record = state.id;
  for (const FieldState& field : state.fields) {
    for (const Head& head : field.heads) fact.time_ms = std::max(fact.time_ms, head.time_ms);
  }
  fact.worker = TextOf(kind, state, Responsibility::kWorker);
  fact.lead = TextOf(kind, state, Responsibility::kLead);
  fact.deputy = TextOf(kind, state, Responsibility::kDeputy);
  fact.duty = TextOf(kind, state, Responsibility::kDuty);
  fact.absent = TextOf(kind, state, Responsibility::kAbsent);
  fact.at_site = TextOf(kind, state, Responsibility::kAtSite);
  fact.from = TextOf(kind, state, Responsibility::kFrom);
  fact.until = TextOf(kind, state, Responsibility::kUntil);
  fact.corrects = TextOf(kind, state, Responsibility::kCorrects);
  return fact;
}

bool Responsible::IsAway(absl::string_view name) const {
  return std::binary_search(away.begin(), away.end(), name);
}

Responsible WhoAnswers(Facts of_file, Facts of_site, absl::string_view day) {
  Responsible out;
  const auto file = Counting(of_file, day);
  const auto site = Counting(of_site, day);
  if (const ResponsibilityFact* fact = Latest(file, NamesWorker); fact != nullptr) {
    out.worker = fact->worker;
    out.worker_deputy = fact->deputy;
    out.at_site = fact->at_site;
  }
  if (const ResponsibilityFact* fact = Latest(site, NamesSite); fact != nullptr) {
    out.lead = fact->lead;
    out.lead_deputy = fact->deputy;
    out.duty = fact->duty;
  }
  for (const auto* facts : {&file, &site}) {
    for (const ResponsibilityFact* fact : *facts) {
      if (!fact->absent.empty()) out.away.push_back(fact->absent);
    }
  }
  std::sort(out.away.begin(), out.away.end());
  return out;
}

std::string SiteOfWorker(Facts of_file, absl::string_view day) {
  const ResponsibilityFact* fact = Latest(Counting(of_file, day), NamesWorker);
  return fact == nullptr ? "" : fact->at_site;
}

std::string CivilDay(int64_t time_ms) {
  constexpr int64_t kDayMs = 24 * 3600 * 1000;
  int64_t days = time_ms / kDayMs;
  if (time_ms % kDayMs < 0) --days;
  // Howard Hinnant's civil_from_days: eras of 400 years that begin in March.
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int64_t of_era = days - era * 146097;
  const int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_place = (5 * of_year + 2) / 153;
  const int64_t day = of_year - (153 * month_place + 2) / 5 + 1;
  const int64_t month = month_place < 10 ? month_place + 3 : month_place - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  return absl::StrFormat("%04d-%02d-%02d", year, month, day);
}

}  // namespace doorstep
