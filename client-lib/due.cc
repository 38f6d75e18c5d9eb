#include "doorstep/due.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "client-lib/replica_impl.h"
#include "client-lib/titles.h"
#include "doorstep/replica.h"
#include "sync/base/status.h"
#include "sync/cases/responsible.h"
#include "sync/change/wire.h"
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

// Whether its state, or its being a mistake, leaves nothing to do.
bool IsOver(const KindSpec& kind, const RecordState& record) {
  for (const FieldSpec& field : kind.fields) {
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

class DueList {
 public:
  DueList(Store& store, Stopped& stopped, std::string today, const DueOptions& options)
      : store_(store), stopped_(stopped), today_(std::move(today)), options_(options) {}

  absl::Status Read(const KindSpec& kind, const FieldSpec& field);
  std::vector<DueItem> Take() {
    std::sort(items_.begin(), items_.end(), [](const DueItem& a, const DueItem& b) {
      return std::tie(a.day, a.record, a.field) < std::tie(b.day, b.record, b.field);
    });
    return std::move(items_);
  }

 private:
  absl::Status Add(const KindSpec& kind, const FieldSpec& field, int64_t row, std::string day);

  Store& store_;
  Stopped& stopped_;
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
  std::vector<std::pair<int64_t, std::string>> found;
  {
    const ScopedReset done(list);
    list->BindText(1, options_.until);
    while (true) {
      DOORSTEP_ASSIGN_OR_RETURN(const bool more, list->Step());
      if (!more) break;
      found.emplace_back(list->Int(0), std::string(list->Text(1)));
    }
  }
  for (auto& [row, day] : found) {
    DOORSTEP_RETURN_IF_ERROR(Add(kind, field, row, std::move(day)));
  }
  return absl::OkStatus();
}

absl::Status DueList::Add(const KindSpec& kind, const FieldSpec& field, int64_t row,
                          std::string day) {
  DOORSTEP_ASSIGN_OR_RETURN(const RecordState record, store_.tables().LoadAt({kind.number, row}));
  if (IsOver(kind, record)) return absl::OkStatus();
  DOORSTEP_ASSIGN_OR_RETURN(const bool stopped, stopped_.Has(record));
  if (stopped && !options_.stopped) return absl::OkStatus();
  DueItem item;
  item.record = record.id.ToString();
  item.kind = kind.name;
  DOORSTEP_ASSIGN_OR_RETURN(item.title, client::TitleWithFile(store_, record));
  item.field = field.scalar.name;
  item.label = field.label;
  item.overdue = day < today_;
  item.stopped = stopped;
  item.day = std::move(day);
  items_.push_back(std::move(item));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<DueItem>> Due(Replica& replica, const DueOptions& options) {
  Store& store = *replica.inside().store;
  const std::string today = CivilDay(replica.inside().clock.Read().wall_ms);
  DueOptions asked = options;
  if (asked.until.empty()) asked.until = today;
  DOORSTEP_ASSIGN_OR_RETURN(asked.until, CheckedDay(asked.until));
  DOORSTEP_ASSIGN_OR_RETURN(const client::Read read, client::Read::Begin(store));
  DOORSTEP_ASSIGN_OR_RETURN(Stopped stopped, Stopped::Read(store.tables()));
  DueList list(store, stopped, today, asked);
  for (const KindSpec& kind : store.schema().kinds()) {
    for (const FieldSpec& field : kind.fields) {
      if (IsDue(field)) DOORSTEP_RETURN_IF_ERROR(list.Read(kind, field));
    }
  }
  return list.Take();
}

}  // namespace doorstep
