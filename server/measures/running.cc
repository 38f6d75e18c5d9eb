// Whether the day's work keeps going: support that runs again after a return, notes that are read.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "server/measures/counting.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

using Form = Figure::Form;

// A note has been read in time when somebody else read it within a shift's length.
constexpr int64_t kReadInTimeMs = int64_t{8} * 60 * 60 * 1000;

struct Item {
  std::string id;
  bool running = false;
  bool not_needed = false;
  bool has_due = false;
  int64_t due_ms = 0;
};

// When the status that counts was recorded, by the server's reckoning.
absl::StatusOr<int64_t> StatusTime(Counting& counting, const FieldSpec& status,
                                   const std::string& id) {
  DOORSTEP_ASSIGN_OR_RETURN(const RecordState record, counting.Load(id));
  int64_t time_ms = std::numeric_limits<int64_t>::min();
  const FieldState* held = record.Find(status.number());
  if (held == nullptr) return time_ms;
  for (const Head& head : held->heads) time_ms = std::max(time_ms, head.time_ms);
  return time_ms;
}

absl::StatusOr<std::vector<Item>> ReadItems(Counting& counting) {
  std::vector<Item> items;
  DOORSTEP_RETURN_IF_ERROR(counting.Query(
      "SELECT v.id, ifnull(v.status = 'RUNNING', 0), ifnull(v.status = 'NOT_NEEDED', 0), "
      "v.due_ms IS NOT NULL, v.due_ms FROM reinstatement_item AS v "
      "WHERE ifnull(v.entered_in_error, 0) = 0 AND v._hidden IS NULL ORDER BY v.id",
      {}, [&](const Statement& row) {
        items.push_back({std::string(row.Text(0)), row.Int(1) != 0, row.Int(2) != 0,
                         row.Int(3) != 0, row.Int(4)});
        return absl::OkStatus();
      }));
  return items;
}

absl::Status CountReinstatement(Counting& counting, Measures* out) {
  MeasureTable table{"reinstatement", "Support that runs again after a return", 0, {}};
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t of_items,
                            counting.Conflicts("ReinstatementItem", "status"));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t of_support, counting.Conflicts("Arrangement", "status"));
  table.open_conflicts = of_items + of_support;
  DOORSTEP_ASSIGN_OR_RETURN(const FieldSpec* status, counting.Field("ReinstatementItem", "status"));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<Item> items, ReadItems(counting));
  int64_t suspended = 0, in_time = 0, late = 0, overdue = 0, waiting = 0, not_needed = 0;
  int64_t stopped = 0;
  for (const Item& item : items) {
    if (item.not_needed) {
      ++not_needed;
      continue;
    }
    if (item.running) {
      DOORSTEP_ASSIGN_OR_RETURN(const int64_t since, StatusTime(counting, *status, item.id));
      ++(item.has_due && since <= item.due_ms ? in_time : late);
    } else {
      DOORSTEP_ASSIGN_OR_RETURN(const bool has_stopped, counting.HasStopped(item.id));
      if (has_stopped) {
        ++stopped;
        continue;
      }
      ++(item.has_due && item.due_ms < counting.now_ms() ? overdue : waiting);
    }
    ++suspended;
  }
  const char* unit = "suspended by a move";
  table.Add({"in_time", "running in time", Form::kShare, in_time, suspended, {}, unit});
  table.Add({"late", "running, late or without a time", Form::kShare, late, suspended, {}, unit});
  table.Add({"overdue", "not running, overdue", Form::kShare, overdue, suspended, {}, unit});
  table.Add({"waiting", "not running, still time", Form::kShare, waiting, suspended, {}, unit});
  table.Add({"not_needed", "not needed any more", Form::kCount, not_needed, 0, {}, ""});
  table.Add({"stopped", "stopped, the person has died", Form::kCount, stopped, 0, {}, ""});
  out->tables.push_back(std::move(table));
  return absl::OkStatus();
}

// The first time that somebody else had read the note; the highest number when nobody has.
absl::StatusOr<int64_t> FirstRead(Counting& counting, const std::string& note,
                                  const std::string& author) {
  std::vector<std::string> receipts;
  DOORSTEP_RETURN_IF_ERROR(counting.Query(
      "SELECT v.id FROM read_receipt AS v WHERE v.note = ?1 AND ifnull(v.entered_in_error, 0) = 0 "
      "AND v._hidden IS NULL AND NOT EXISTS (SELECT 1 FROM k_read_receipt AS n "
      "WHERE n.corrects = v.id AND n._hidden IS NULL) ORDER BY v.id",
      {note}, [&](const Statement& row) {
        receipts.emplace_back(row.Text(0));
        return absl::OkStatus();
      }));
  int64_t first = std::numeric_limits<int64_t>::max();
  for (const std::string& each : receipts) {
    DOORSTEP_ASSIGN_OR_RETURN(const RecordState receipt, counting.Load(each));
    const Written read = FirstWritten(receipt);
    if (read.author != author) first = std::min(first, read.time_ms);
  }
  return first;
}

absl::Status CountHandover(Counting& counting, Measures* out) {
  MeasureTable table{"handover", "Handover notes", 0, {}};
  std::vector<std::string> notes;
  DOORSTEP_RETURN_IF_ERROR(
      counting.Query("SELECT v.id FROM handover_note AS v WHERE ifnull(v.entered_in_error, 0) = 0 "
                     "AND v._hidden IS NULL AND NOT EXISTS (SELECT 1 FROM k_handover_note AS n "
                     "WHERE n.corrects = v.id AND n._hidden IS NULL) ORDER BY v.id",
                     {}, [&](const Statement& row) {
                       notes.emplace_back(row.Text(0));
                       return absl::OkStatus();
                     }));
  int64_t in_time = 0, late = 0, unread = 0, waiting = 0;
  for (const std::string& each : notes) {
    DOORSTEP_ASSIGN_OR_RETURN(const RecordState note, counting.Load(each));
    const Written written = FirstWritten(note);
    const int64_t until = written.time_ms + kReadInTimeMs;
    DOORSTEP_ASSIGN_OR_RETURN(const int64_t read, FirstRead(counting, each, written.author));
    const bool nobody = read == std::numeric_limits<int64_t>::max();
    int64_t& count = read <= until                ? in_time
                     : !nobody                    ? late
                     : counting.now_ms() <= until ? waiting
                                                  : unread;
    ++count;
  }
  const auto all = static_cast<int64_t>(notes.size());
  table.Add(
      {"in_time", "read by somebody else within 8 hours", Form::kShare, in_time, all, {}, "notes"});
  table.Add({"late", "read later", Form::kShare, late, all, {}, "notes"});
  table.Add({"unread", "not read, overdue", Form::kShare, unread, all, {}, "notes"});
  table.Add({"waiting", "not read, still time", Form::kShare, waiting, all, {}, "notes"});
  out->tables.push_back(std::move(table));
  return absl::OkStatus();
}

}  // namespace

absl::Status CountRunning(Counting& counting, Measures* out) {
  DOORSTEP_RETURN_IF_ERROR(CountReinstatement(counting, out));
  return CountHandover(counting, out);
}

}  // namespace doorstep::server
