// Support that runs again after a move: by the items that have a clock each, and by what the
// support itself says. Neither alone is believed: an item may be ticked off while the support is
// still suspended, and support may be suspended for which nobody made an item.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "server/measures/counting.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

using Form = Figure::Form;

struct Item {
  std::string id;
  std::string support;  // the arrangement's id; empty: none was named
  bool running = false;
  bool not_needed = false;
  std::optional<int64_t> due_ms;
};

// Of an arrangement that was suspended: since when it is, or runs again.
struct Support {
  bool suspended = false;
  int64_t since_ms = 0;
};

struct Counts {
  int64_t in_time = 0, late = 0, contradicted = 0, overdue = 0, waiting = 0, without_clock = 0;
  int64_t not_needed = 0, stopped = 0;

  int64_t Suspended() const {
    return in_time + late + contradicted + overdue + waiting + without_clock;
  }
};

absl::StatusOr<std::vector<Item>> ReadItems(Counting& counting) {
  std::vector<Item> items;
  DOORSTEP_RETURN_IF_ERROR(
      counting.Query("SELECT v.id, ifnull(v.arrangement, ''), ifnull(v.status = 'RUNNING', 0), "
                     "ifnull(v.status = 'NOT_NEEDED', 0), v.due_ms FROM reinstatement_item AS v "
                     "WHERE ifnull(v.entered_in_error, 0) = 0 AND v._hidden IS NULL ORDER BY v.id",
                     {}, [&](const Statement& row) {
                       Item& item = items.emplace_back();
                       item.id = std::string(row.Text(0));
                       item.support = std::string(row.Text(1));
                       item.running = row.Int(2) != 0;
                       item.not_needed = row.Int(3) != 0;
                       if (!row.IsNull(4)) item.due_ms = row.Int(4);
                       return absl::OkStatus();
                     }));
  return items;
}

absl::StatusOr<std::map<std::string, Support>> ReadSupport(Counting& counting) {
  DOORSTEP_ASSIGN_OR_RETURN(const FieldSpec* status, counting.Field("Arrangement", "status"));
  std::map<std::string, Support> all;
  DOORSTEP_RETURN_IF_ERROR(counting.Query(
      "SELECT v.id, v.status = 'SUSPENDED' FROM arrangement AS v "
      "WHERE v.status IN ('SUSPENDED', 'REINSTATED') AND ifnull(v.entered_in_error, 0) = 0 "
      "AND v._hidden IS NULL ORDER BY v.id",
      {}, [&](const Statement& row) {
        all[std::string(row.Text(0))].suspended = row.Int(1) != 0;
        return absl::OkStatus();
      }));
  for (auto& [id, support] : all) {
    DOORSTEP_ASSIGN_OR_RETURN(const RecordState record, counting.Load(id));
    support.since_ms = LastWritten(record, *status);
  }
  return all;
}

class Reinstatement {
 public:
  explicit Reinstatement(Counting& counting) : counting_(counting) {}

  absl::StatusOr<Counts> Count();

 private:
  absl::Status CountItem(const Item& item);
  // Somebody whom it is about lives: it is still to be done.
  absl::Status StillToDo(const std::string& id, int64_t* count);

  Counting& counting_;
  std::map<std::string, Support> support_;
  absl::btree_set<std::string> clocked_;  // arrangements that an item answers for
  Counts counts_;
};

absl::Status Reinstatement::StillToDo(const std::string& id, int64_t* count) {
  DOORSTEP_ASSIGN_OR_RETURN(const bool has_stopped, counting_.HasStopped(id));
  ++(has_stopped ? counts_.stopped : *count);
  return absl::OkStatus();
}

absl::Status Reinstatement::CountItem(const Item& item) {
  const auto found = support_.find(item.support);
  const Support* support = found == support_.end() ? nullptr : &found->second;
  DOORSTEP_ASSIGN_OR_RETURN(const RecordState record, counting_.Load(item.id));
  DOORSTEP_ASSIGN_OR_RETURN(const FieldSpec* status,
                            counting_.Field("ReinstatementItem", "status"));
  std::optional<int64_t> since_ms;  // when it ran
  if (item.running) {
    since_ms = LastWritten(record, *status);
    // What was suspended again later did run; the later suspension needs a clock of its own.
    const bool still = support != nullptr && support->suspended && support->since_ms <= *since_ms;
    if (still) {
      clocked_.insert(item.support);
      return StillToDo(item.id, &counts_.contradicted);
    }
  } else {
    clocked_.insert(item.support);
    if (item.not_needed) {
      ++counts_.not_needed;
      return absl::OkStatus();
    }
    // Nobody ticked the item off, but the support says that it runs again.
    const bool again = support != nullptr && !support->suspended &&
                       support->since_ms > FirstWritten(record).time_ms;
    if (again) since_ms = support->since_ms;
  }
  if (since_ms) {
    ++(item.due_ms && *since_ms <= *item.due_ms ? counts_.in_time : counts_.late);
    return absl::OkStatus();
  }
  const bool overdue = item.due_ms && *item.due_ms < counting_.now_ms();
  return StillToDo(item.id, overdue ? &counts_.overdue : &counts_.waiting);
}

absl::StatusOr<Counts> Reinstatement::Count() {
  DOORSTEP_ASSIGN_OR_RETURN(support_, ReadSupport(counting_));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<Item> items, ReadItems(counting_));
  for (const Item& item : items) DOORSTEP_RETURN_IF_ERROR(CountItem(item));
  for (const auto& [id, support] : support_) {
    if (!support.suspended || clocked_.contains(id)) continue;
    DOORSTEP_RETURN_IF_ERROR(StillToDo(id, &counts_.without_clock));
  }
  return counts_;
}

}  // namespace

absl::Status CountReinstatement(Counting& counting, Measures* out) {
  MeasureTable table{"reinstatement", "Support that runs again after a return", 0, {}};
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t of_items,
                            counting.Conflicts("ReinstatementItem", "status"));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t of_support, counting.Conflicts("Arrangement", "status"));
  table.open_conflicts = of_items + of_support;
  DOORSTEP_ASSIGN_OR_RETURN(const Counts counts, Reinstatement(counting).Count());
  const auto share = [&](const char* part, const char* words, int64_t count) {
    table.Add({part, words, Form::kShare, count, counts.Suspended(), {}, "suspended by a move"});
  };
  share("in_time", "running in time", counts.in_time);
  share("late", "running, late or without a time", counts.late);
  share("contradicted", "said to run, but still suspended", counts.contradicted);
  share("overdue", "not running, overdue", counts.overdue);
  share("waiting", "not running, still time", counts.waiting);
  share("without_clock", "suspended, without a clock", counts.without_clock);
  table.Add({"not_needed", "not needed any more", Form::kCount, counts.not_needed, 0, {}, ""});
  table.Add({"stopped", "stopped, the person has died", Form::kCount, counts.stopped, 0, {}, ""});
  out->tables.push_back(std::move(table));
  return absl::OkStatus();
}

}  // namespace doorstep::server
