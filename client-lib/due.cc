#include "doorstep/due.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "client-lib/replica_impl.h"
#include "client-lib/titles.h"
#include "doorstep/replica.h"
#include "sync/base/status.h"
#include "sync/cases/responsible.h"
#include "sync/change/wire.h"
#include "sync/merge/marks.h"
#include "sync/merge/plan.h"
#include "sync/schema/due.h"
#include "sync/tables/ddl.h"
#include "sync/tables/stopped.h"

namespace doorstep {
namespace {

using client::Store;

absl::StatusOr<std::string> CheckedDay(const std::string& day) {
  absl::CivilDay parsed;
  if (absl::ParseCivilTime(day, &parsed) && absl::FormatCivilTime(parsed) == day) return day;
  return InvalidField("until", day, "a day, YYYY-MM-DD");
}

// The first millisecond after a day, in UTC.
int64_t EndOf(const std::string& day) {
  absl::CivilDay parsed;
  if (!absl::ParseCivilTime(day, &parsed)) return std::numeric_limits<int64_t>::max();
  return absl::ToUnixMillis(absl::FromCivil(parsed + 1, absl::UTCTimeZone()));
}

// Whether it has a value to go by, as it is worked to.
bool HasValue(const FieldSpec& field, const RecordState& record) {
  const FieldState* held = record.Find(field.number());
  return held != nullptr && !EffectiveOf(field, *held).value.empty();
}

// Whether its state, what was answered, or its being a mistake leaves nothing to do.
bool IsOver(const KindSpec& kind, const RecordState& record) {
  for (const FieldSpec& field : kind.fields) {
    if (Answers(field) && HasValue(field, record)) return true;
    const bool state_field = field.merge == MergeClass::kState;
    if (!state_field && !Voids(field)) continue;
    const FieldState* held = record.Find(field.number());
    int64_t value = 0;
    if (held != nullptr) {
      const auto scalar = DecodeScalar(field.scalar, EffectiveOf(field, *held).value);
      if (scalar.ok() && scalar->present) value = scalar->integer;
    }
    if (state_field ? NothingDue(field, value) : value != 0) return true;
  }
  return false;
}

// A reply ends what it answers, and a correction of the reply ends that: further nobody looks.
constexpr int kMaxSteps = 3;

class DueList {
 public:
  DueList(Store& store, Stopped& stopped, int64_t now_ms, const DueOptions& options)
      : store_(store),
        stopped_(stopped),
        now_ms_(now_ms),
        today_(CivilDay(now_ms)),
        options_(options) {}

  absl::Status Read(const KindSpec& kind, const FieldSpec& field);
  std::vector<DueItem> Take() {
    std::sort(items_.begin(), items_.end(), [](const DueItem& a, const DueItem& b) {
      const auto key = [](const DueItem& item) {
        constexpr int64_t kInTheDay = std::numeric_limits<int64_t>::max();
        return std::make_tuple(item.day, item.at_ms.value_or(kInTheDay), item.record, item.field);
      };
      return key(a) < key(b);
    });
    return std::move(items_);
  }

 private:
  // Where a value of the field stands, and what it is: one of the two.
  struct Found {
    int64_t row = 0;
    std::string day;
    std::optional<int64_t> at_ms;
  };
  absl::Status Add(const KindSpec& kind, const FieldSpec& field, Found found);
  absl::StatusOr<bool> IsEnded(const KindSpec& kind, const RecordState& record, int steps);

  Store& store_;
  Stopped& stopped_;
  const int64_t now_ms_;
  const std::string today_;
  const DueOptions& options_;
  std::vector<DueItem> items_;
};

absl::Status DueList::Read(const KindSpec& kind, const FieldSpec& field) {
  const std::string column = QuoteIdentifier(field.scalar.column);
  DOORSTEP_ASSIGN_OR_RETURN(
      Statement * list,
      store_.db().Prepared(absl::StrCat("SELECT _row, ", column, " FROM ",
                                        QuoteIdentifier(absl::StrCat("k_", kind.table)), " WHERE ",
                                        column, " <= ?1 AND ", column,
                                        " IS NOT NULL AND _hidden IS NULL ORDER BY 2, 1")));
  std::vector<Found> found;
  {
    const ScopedReset done(list);
    if (IsDueAt(field)) {
      list->BindInt(1, EndOf(options_.until) - 1);
    } else {
      list->BindText(1, options_.until);
    }
    while (true) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
      if (!more) break;
      Found& each = found.emplace_back();
      each.row = list->Int(0);
      if (IsDueAt(field)) {
        each.at_ms = list->Int(1);
        each.day = CivilDay(*each.at_ms);
      } else {
        each.day = std::string(list->Text(1));
      }
    }
  }
  for (Found& each : found) DOORSTEP_RETURN_IF_ERROR(Add(kind, field, std::move(each)));
  return absl::OkStatus();
}

// Whether another record that stands here ends it (doorstep/v1/due_more.proto).
absl::StatusOr<bool> DueList::IsEnded(const KindSpec& kind, const RecordState& record, int steps) {
  if (steps == kMaxSteps) return false;
  for (const KindSpec& other : store_.schema().kinds()) {
    for (const FieldSpec& field : other.fields) {
      if (field.reference != kind.name) continue;
      const std::optional<std::string> when = EndsWhen(field);
      if (!when.has_value()) continue;
      DOORSTEP_ASSIGN_OR_RETURN(const std::vector<RecordState> named,
                                store_.tables().Referring(other, field, record.id));
      for (const RecordState& each : named) {
        if (HiddenBecause(each).has_value()) continue;
        if (when->empty()) return true;
        if (!HasValue(*other.FindByName(*when), each) || IsOver(other, each)) continue;
        DOORSTEP_ASSIGN_OR_RETURN(const bool ended, IsEnded(other, each, steps + 1));
        if (!ended) return true;
      }
    }
  }
  return false;
}

absl::Status DueList::Add(const KindSpec& kind, const FieldSpec& field, Found found) {
  DOORSTEP_ASSIGN_OR_RETURN(const RecordState record,
                            store_.tables().LoadAt({kind.number, found.row}));
  if (IsOver(kind, record)) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const bool ended, IsEnded(kind, record, 0));
  if (ended) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const bool stopped, stopped_.Has(record));
  if (stopped && !options_.stopped) return absl::OkStatus();
  DueItem item;
  item.record = record.id.ToString();
  item.kind = kind.name;
  DOORSTEP_ASSIGN_OR_RETURN(item.title, client::TitleWithFile(store_, record));
  item.field = field.scalar.name;
  item.label = field.label;
  item.overdue = found.at_ms ? *found.at_ms < now_ms_ : found.day < today_;
  item.stopped = stopped;
  item.day = std::move(found.day);
  item.at_ms = found.at_ms;
  items_.push_back(std::move(item));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<DueItem>> Due(Replica& replica, const DueOptions& options) {
  Store& store = *replica.inside().store;
  const int64_t now_ms = replica.inside().clock.Read().wall_ms;
  DueOptions asked = options;
  if (asked.until.empty()) asked.until = CivilDay(now_ms);
  DOORSTEP_ASSIGN_OR_RETURN(asked.until, CheckedDay(asked.until));
  DOORSTEP_ASSIGN_OR_RETURN(const client::Read read, client::Read::Begin(store));
  DOORSTEP_ASSIGN_OR_RETURN(Stopped stopped, Stopped::Read(store.tables()));
  DueList list(store, stopped, now_ms, asked);
  for (const KindSpec& kind : store.schema().kinds()) {
    for (const FieldSpec& field : kind.fields) {
      if (IsDue(field) || IsDueAt(field)) DOORSTEP_RETURN_IF_ERROR(list.Read(kind, field));
    }
  }
  return list.Take();
}

}  // namespace doorstep
