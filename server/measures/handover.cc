// Whether what a shift writes is read by the next one.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/measures/counting.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

using Form = Figure::Form;

// A note has been read in time when somebody else read it within a shift's length.
constexpr int64_t kReadInTimeMs = int64_t{8} * 60 * 60 * 1000;

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

// Notes of one site, or of all.
struct Notes {
  int64_t all = 0, in_time = 0, late = 0, unread = 0, waiting = 0;
};

void AddFigures(const Notes& notes, const std::string& prefix, const std::string& of,
                MeasureTable* table) {
  const auto share = [&](const char* part, const char* words, int64_t count) {
    table->Add({absl::StrCat(prefix, part),
                absl::StrCat(of, words),
                Form::kShare,
                count,
                notes.all,
                {},
                "notes"});
  };
  share("in_time", "read by somebody else within 8 hours", notes.in_time);
  share("late", "read later", notes.late);
  share("unread", "not read, overdue", notes.unread);
  share("waiting", "not read, still time", notes.waiting);
}

}  // namespace

absl::Status CountHandover(Counting& counting, Measures* out) {
  MeasureTable table{"handover", "Handover notes", 0, {}};
  std::vector<std::string> ids;
  DOORSTEP_RETURN_IF_ERROR(
      counting.Query("SELECT v.id FROM handover_note AS v WHERE ifnull(v.entered_in_error, 0) = 0 "
                     "AND v._hidden IS NULL AND NOT EXISTS (SELECT 1 FROM k_handover_note AS n "
                     "WHERE n.corrects = v.id AND n._hidden IS NULL) ORDER BY v.id",
                     {}, [&](const Statement& row) {
                       ids.emplace_back(row.Text(0));
                       return absl::OkStatus();
                     }));
  Notes all;
  std::map<std::string, Notes> by_site;
  for (const std::string& each : ids) {
    DOORSTEP_ASSIGN_OR_RETURN(const RecordState note, counting.Load(each));
    const Written written = FirstWritten(note);
    const int64_t until = written.time_ms + kReadInTimeMs;
    DOORSTEP_ASSIGN_OR_RETURN(const int64_t read, FirstRead(counting, each, written.author));
    const bool nobody = read == std::numeric_limits<int64_t>::max();
    int64_t Notes::*const place = read <= until                ? &Notes::in_time
                                  : !nobody                    ? &Notes::late
                                  : counting.now_ms() <= until ? &Notes::waiting
                                                               : &Notes::unread;
    DOORSTEP_ASSIGN_OR_RETURN(const std::string site, counting.SiteOf(written.incarnation));
    for (Notes* notes : {&all, &by_site[site]}) {
      ++notes->all;
      ++(notes->*place);
    }
  }
  AddFigures(all, "", "", &table);
  for (const SiteRow& site : counting.sites()) {
    AddFigures(by_site[site.id], absl::StrCat(site.id, "."), absl::StrCat(site.name, ", "), &table);
  }
  out->tables.push_back(std::move(table));
  return absl::OkStatus();
}

}  // namespace doorstep::server
