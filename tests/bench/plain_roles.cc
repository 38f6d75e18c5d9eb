#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sync/base/status.h"
#include "tests/bench/plain.h"
#include "tests/bench/process.h"
#include "tests/bench/records.h"
#include "tests/bench/report.h"
#include "tests/bench/roles.h"

namespace doorstep::bench {
namespace {

using Sync = PlainDatabase::Sync;

constexpr int64_t kUpdatesPerCommit = 500;

}  // namespace

absl::StatusOr<Json> PlainInsertRole(const Json& arguments) {
  RowMaker maker(arguments["seed"]);
  const std::vector<Row> rows = maker.Take(arguments["records"]);
  size_t bytes = 0;
  for (const Row& row : rows) bytes += BytesOf(row);
  const Stopwatch watch;
  DOORSTEP_ASSIGN_OR_RETURN(auto db, PlainDatabase::Make(arguments["path"], Sync::kFull));
  DOORSTEP_RETURN_IF_ERROR(db->InsertAll(rows, static_cast<int64_t>(rows.size())));
  const double seconds = watch.Seconds();
  const double cpu = watch.CpuSeconds();
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t count, db->Count());
  return Json{{"seconds", seconds},
              {"cpu", cpu},
              {"records", count},
              {"row_bytes", bytes / std::max<size_t>(1, rows.size())},
              {"peak_kib", PeakKib()}};
}

absl::StatusOr<Json> PlainUpdateRole(const Json& arguments) {
  RowMaker maker(arguments["seed"]);
  const std::vector<Row> rows = maker.Take(arguments["records"]);
  DOORSTEP_ASSIGN_OR_RETURN(auto db, PlainDatabase::Make(arguments["path"], Sync::kFull));
  DOORSTEP_RETURN_IF_ERROR(db->InsertAll(rows, kRecordsPerTransaction));
  RowMaker edits(arguments["edit_seed"]);
  std::vector<std::string> locations;
  for (size_t i = 0; i < rows.size(); ++i) locations.push_back(edits.Edited());

  const Stopwatch watch;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i % kUpdatesPerCommit == 0) DOORSTEP_RETURN_IF_ERROR(db->Begin());
    DOORSTEP_RETURN_IF_ERROR(db->UpdateLocation(rows[i].id, locations[i]));
    if ((i + 1) % kUpdatesPerCommit == 0 || i + 1 == rows.size()) {
      DOORSTEP_RETURN_IF_ERROR(db->Commit());
    }
  }
  return Json{{"seconds", watch.Seconds()}, {"cpu", watch.CpuSeconds()}, {"peak_kib", PeakKib()}};
}

absl::StatusOr<Json> PlainWriteRole(const Json& arguments) {
  RowMaker maker(arguments["seed"]);
  const std::vector<Row> rows = maker.Take(arguments["records"]);
  DOORSTEP_ASSIGN_OR_RETURN(auto db, PlainDatabase::Make(arguments["path"], Sync::kFull));
  Json answer;

  const Stopwatch insert;
  DOORSTEP_RETURN_IF_ERROR(db->InsertAll(rows, kRecordsPerTransaction));
  answer["insert_s"] = insert.Seconds();
  answer["insert_cpu"] = insert.CpuSeconds();

  Spent opened;
  Spent edited;
  std::vector<std::string> locations;
  for (size_t i = 0; i < rows.size(); ++i) locations.push_back(maker.Edited());
  for (size_t from = 0; from < rows.size(); from += kRecordsPerTransaction) {
    const size_t to = std::min<size_t>(rows.size(), from + kRecordsPerTransaction);
    const Stopwatch open;
    for (size_t i = from; i < to; ++i) DOORSTEP_RETURN_IF_ERROR(db->Read(rows[i].id).status());
    opened.Add(open);
    const Stopwatch edit;
    DOORSTEP_RETURN_IF_ERROR(db->Begin());
    for (size_t i = from; i < to; ++i) {
      DOORSTEP_RETURN_IF_ERROR(db->UpdateLocation(rows[i].id, locations[i]));
    }
    DOORSTEP_RETURN_IF_ERROR(db->Commit());
    edited.Add(edit);
  }
  opened.Put("open", &answer);
  edited.Put("edit", &answer);

  const int64_t singles = arguments["singles"];
  for (const Sync sync : {Sync::kFull, Sync::kNormal}) {
    DOORSTEP_RETURN_IF_ERROR(db->SetSync(sync));
    std::vector<double> times;
    std::vector<double> cpu;
    for (int64_t i = 0; i < singles; ++i) {
      const std::string location = maker.Edited();
      const Stopwatch one;
      DOORSTEP_RETURN_IF_ERROR(db->Begin());
      DOORSTEP_RETURN_IF_ERROR(db->UpdateLocation(rows[i % rows.size()].id, location));
      DOORSTEP_RETURN_IF_ERROR(db->Commit());
      times.push_back(one.Seconds());
      cpu.push_back(one.CpuSeconds());
    }
    const std::string name = sync == Sync::kFull ? "single_full" : "single_normal";
    answer[name + "_s"] = Median(times);
    answer[name + "_cpu"] = Median(cpu);
  }
  answer["peak_kib"] = PeakKib();
  return answer;
}

absl::StatusOr<Json> SizeRole(const Json& arguments) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t size, SizeOfAllIn(arguments["directory"]));
  return Json{{"bytes", size}};
}

absl::StatusOr<Json> BareRole(const Json& arguments) {
  const std::string directory = arguments["directory"];
  const int64_t inserts = arguments["inserts"];
  const int64_t syncs = arguments["syncs"];
  const Stopwatch insert;
  DOORSTEP_RETURN_IF_ERROR(BareInsert(absl::StrCat(directory, "bare.db"), inserts));
  const double insert_s = insert.Seconds();
  const double insert_cpu = insert.CpuSeconds();
  const Stopwatch sync;
  DOORSTEP_RETURN_IF_ERROR(BareSync(absl::StrCat(directory, "bare.log"), syncs));
  return Json{{"insert_s", insert_s / static_cast<double>(inserts)},
              {"insert_cpu", insert_cpu / static_cast<double>(inserts)},
              {"sync_s", sync.Seconds() / static_cast<double>(syncs)}};
}

}  // namespace doorstep::bench
