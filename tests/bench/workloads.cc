// The workloads that compare one process of the product with one of the limit.
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sync/base/status.h"
#include "tests/bench/bench.h"

namespace doorstep::bench {
namespace {

constexpr int64_t kEdits = 10'000;
constexpr int64_t kSingles = 300;
constexpr int64_t kTown = 100'000;
constexpr int64_t kRounds = 200;
// What a pull with nothing to do carries in one direction, about.
constexpr int64_t kEchoBytes = 100;

Metric MetricOf(absl::string_view workload, absl::string_view name, int64_t operations,
                absl::string_view limit_is) {
  Metric metric;
  metric.workload = std::string(workload);
  metric.name = std::string(name);
  metric.operations = operations;
  metric.limit_is = std::string(limit_is);
  return metric;
}

void CheckSynced(Bench& bench, absl::string_view who, const Json& answer, int64_t records,
                 const std::string& digest) {
  bench.Check(answer["complete"] == true, absl::StrCat(who, ": the sync is not complete"));
  bench.Check(answer["records"] == records,
              absl::StrCat(who, ": got ", answer["records"].dump(), " records, wanted ", records));
  bench.Check(answer["digest"] == digest,
              absl::StrCat(who, ": got digest ", answer["digest"].dump(), ", wanted ", digest));
}

}  // namespace

absl::Status LocalWrite(Bench& bench) {
  const int64_t records = bench.Scaled(kEdits);
  const int64_t singles = bench.Scaled(kSingles, 10);
  struct Part {
    std::string key;
    Metric metric;
  };
  Part parts[] = {
      {"insert", MetricOf("local-write", "bulk insert", records,
                          "INSERT of twelve columns, 1,000 rows to a FULL commit")},
      {"open", MetricOf("local-write", "open", records, "SELECT of twelve columns by id")},
      {"edit", MetricOf("local-write", "bulk edit", records,
                        "UPDATE of a column by id, 1,000 to a FULL commit")},
      {"single_full",
       MetricOf("local-write", "one edit, FULL", 1, "UPDATE of a column by id, FULL commit")},
      {"single_normal",
       MetricOf("local-write", "one edit, NORMAL", 1, "UPDATE of a column by id, NORMAL commit")},
  };
  for (int i = 0; i < bench.options().repetitions; ++i) {
    DOORSTEP_RETURN_IF_ERROR(bench.MeasureBare());
    const auto scratch = bench.Scratch("local-write");
    Json arguments = {{"seed", bench.Seed(i)},
                      {"records", records},
                      {"singles", singles},
                      {"replica", scratch->Path("replica")},
                      {"path", scratch->Path("plain.db")}};
    DOORSTEP_ASSIGN_OR_RETURN(const Json product, bench.Role("local-write", arguments));
    DOORSTEP_ASSIGN_OR_RETURN(const Json limit, bench.Role("plain-write", arguments));
    for (Part& part : parts) {
      part.metric.Add(product[part.key + "_s"], limit[part.key + "_s"]);
      part.metric.AddCpu(product[part.key + "_cpu"], limit[part.key + "_cpu"]);
    }
    parts[0].metric.Note("peak_MiB", product["peak_kib"].get<double>() / 1024);
    parts[0].metric.Note("limit_peak_MiB", limit["peak_kib"].get<double>() / 1024);
    bench.Check(product["records"] == records, "local-write: records are missing");
    bench.Check(product["waiting"] == 2 * records + 2 * singles,
                absl::StrCat("local-write: got ", product["waiting"].dump(),
                             " waiting changes, wanted ", 2 * records + 2 * singles));
  }
  for (Part& part : parts) bench.report().Add(std::move(part.metric));
  return absl::OkStatus();
}

absl::Status FirstSync(Bench& bench) {
  const int64_t records = bench.Scaled(kTown);
  DOORSTEP_ASSIGN_OR_RETURN(const Town* town, bench.TownOf(records));
  Metric metric = MetricOf("first-sync", "all records", records,
                           "INSERT of the same rows from memory, one FULL commit");
  Metric search = MetricOf("first-sync", "with the search index", records,
                           "the same sync with no field marked for full-text search");
  for (int i = 0; i < bench.options().repetitions; ++i) {
    bench.Say(absl::StrCat("first-sync: repetition ", i + 1));
    DOORSTEP_RETURN_IF_ERROR(bench.MeasureBare());
    const auto scratch = bench.Scratch("first-sync");
    DOORSTEP_ASSIGN_OR_RETURN(const auto server, bench.StartServer(town->data));
    const int64_t server_before = server->ResidentKib();
    const double server_cpu = server->CpuSeconds();
    DOORSTEP_ASSIGN_OR_RETURN(const Json product,
                              bench.Role("first-sync", {{"replica", scratch->Path("replica")},
                                                        {"server", server->address()}}));
    metric.Note("server_cpu_s", server->CpuSeconds() - server_cpu);
    DOORSTEP_ASSIGN_OR_RETURN(const Json limit,
                              bench.Role("plain-insert", {{"path", scratch->Path("plain.db")},
                                                          {"records", records},
                                                          {"seed", town->seed}}));
    metric.Add(product["sync_s"], limit["seconds"]);
    metric.AddCpu(product["sync_cpu"], limit["cpu"]);
    metric.Note(
        "wire_MB",
        (product["wire_sent"].get<double>() + product["wire_received"].get<double>()) / 1e6);
    metric.Note("message_MB", product["message_received"].get<double>() / 1e6);
    metric.Note("row_bytes", limit["row_bytes"]);
    metric.Note("client_cpu_s", product["sync_cpu"]);
    metric.Note("client_peak_MiB", product["peak_kib"].get<double>() / 1024);
    metric.Note("server_growth_MiB", static_cast<double>(server->PeakKib() - server_before) / 1024);
    CheckSynced(bench, "first-sync", product, records, town->digest);
    DOORSTEP_ASSIGN_OR_RETURN(const Json without,
                              bench.Role("first-sync", {{"replica", scratch->Path("without")},
                                                        {"server", server->address()},
                                                        {"search", false}}));
    search.Add(product["sync_s"], without["sync_s"]);
    search.AddCpu(product["sync_cpu"], without["sync_cpu"]);
    CheckSynced(bench, "first-sync without search", without, records, town->digest);
    bench.Check(limit["records"] == records, "first-sync: the limit lost rows");
  }
  metric.extra["load_s"] = town->load_seconds;
  bench.report().Add(std::move(metric));
  bench.report().Add(std::move(search));
  return absl::OkStatus();
}

absl::Status Push(Bench& bench) {
  const int64_t edits = bench.Scaled(kEdits);
  Metric metric = MetricOf("push", "single-field edits", edits,
                           "UPDATE of a column by id, 500 to a FULL commit");
  for (int i = 0; i < bench.options().repetitions; ++i) {
    bench.Say(absl::StrCat("push: repetition ", i + 1));
    DOORSTEP_RETURN_IF_ERROR(bench.MeasureBare());
    const auto scratch = bench.Scratch("push");
    DOORSTEP_ASSIGN_OR_RETURN(auto server, bench.StartServer(scratch->Path("server")));
    Json arguments = {{"replica", scratch->Path("replica")},
                      {"server", server->address()},
                      {"records", edits},
                      {"seed", bench.Seed(i)},
                      {"edit_seed", bench.Seed(i) + 500},
                      {"path", scratch->Path("plain.db")}};
    DOORSTEP_RETURN_IF_ERROR(bench.Role("load", arguments).status());
    const int64_t server_before = server->PeakKib();
    const double server_cpu = server->CpuSeconds();
    DOORSTEP_ASSIGN_OR_RETURN(const Json product, bench.Role("push", arguments));
    metric.Note("server_cpu_s", server->CpuSeconds() - server_cpu);
    DOORSTEP_ASSIGN_OR_RETURN(const Json limit, bench.Role("plain-update", arguments));
    metric.Add(product["sync_s"], limit["seconds"]);
    metric.AddCpu(product["sync_cpu"], limit["cpu"]);
    const double wire = product["wire_sent"].get<double>() + product["wire_received"].get<double>();
    metric.Note("wire_MB", wire / 1e6);
    metric.Note("sent_B_per_edit",
                product["message_sent"].get<double>() / static_cast<double>(edits));
    metric.Note("pushes", product["pushes"]);
    metric.Note("client_cpu_s", product["sync_cpu"]);
    metric.Note("client_peak_MiB", product["peak_kib"].get<double>() / 1024);
    metric.Note("server_growth_MiB", static_cast<double>(server->PeakKib() - server_before) / 1024);
    metric.Note("local_edits_s", product["edit_s"]);
    for (const char* none : {"waiting", "needs_you", "conflicts", "outbox"}) {
      bench.Check(product[none] == 0, absl::StrCat("push: got ", product[none].dump(), " ", none));
    }
    bench.Check(product["sent"] == edits && product["applied"] == edits,
                absl::StrCat("push: got ", product["sent"].dump(), " sent and ",
                             product["applied"].dump(), " applied, wanted ", edits));
    // Another device must now see the same.
    DOORSTEP_ASSIGN_OR_RETURN(const Json other,
                              bench.Role("first-sync", {{"replica", scratch->Path("other")},
                                                        {"server", server->address()}}));
    CheckSynced(bench, "push, another device", other, edits, product["digest"]);
  }
  bench.report().Add(std::move(metric));
  return absl::OkStatus();
}

absl::Status NothingToDo(Bench& bench) {
  const int64_t records = bench.Scaled(kTown);
  const int64_t rounds = bench.Scaled(kRounds, 10);
  DOORSTEP_ASSIGN_OR_RETURN(const Town* town, bench.TownOf(records));
  const auto scratch = bench.Scratch("nothing-to-do");
  DOORSTEP_ASSIGN_OR_RETURN(const auto server, bench.StartServer(town->data));
  DOORSTEP_ASSIGN_OR_RETURN(const auto echo_server, bench.StartEchoServer(*scratch));
  const Json arguments = {
      {"replica", scratch->Path("replica")}, {"server", server->address()}, {"rounds", rounds}};
  DOORSTEP_ASSIGN_OR_RETURN(const Json first, bench.Role("first-sync", arguments));
  CheckSynced(bench, "nothing-to-do", first, records, town->digest);

  const absl::string_view limit_is = "one unary gRPC call that echoes 100 bytes";
  Metric sync = MetricOf("nothing-to-do", "sync", 1, limit_is);
  Metric bytes = MetricOf("nothing-to-do", "bytes on the wire", 1, limit_is);
  bytes.unit = "bytes";
  Metric hello = MetricOf("nothing-to-do", "connect and hello", 1, "");
  for (int i = 0; i < bench.options().repetitions; ++i) {
    DOORSTEP_ASSIGN_OR_RETURN(const Json product, bench.Role("nothing-to-do", arguments));
    DOORSTEP_ASSIGN_OR_RETURN(const Json limit,
                              bench.Role("echo", {{"server", echo_server->address()},
                                                  {"rounds", rounds},
                                                  {"bytes", kEchoBytes}}));
    sync.Add(product["seconds"], limit["seconds"]);
    sync.Note("calls_per_sync", product["calls_per_sync"]);
    sync.Note("hellos_per_sync", product["hellos_per_sync"]);
    sync.Note("warm_hello_ms", product["hello_warm_s"].get<double>() * 1e3);
    sync.Note("client_peak_MiB", product["peak_kib"].get<double>() / 1024);
    bytes.Add(product["wire_bytes"], limit["wire_bytes"]);
    bytes.Note("message_B", product["message_bytes"]);
    hello.product.push_back(product["hello_cold_s"]);
    hello.Note("cold_sync_ms", product["cold_s"].get<double>() * 1e3);
    hello.Note("hello_B", product["hello_cold_bytes"]);
    bench.Check(product["records_received"] == 0, "nothing-to-do: records were received");
    bench.Check(product["connections"] == 1,
                absl::StrCat("nothing-to-do: got ", product["connections"].dump(),
                             " connections, wanted the one that was open"));
  }
  bench.report().Add(std::move(sync));
  bench.report().Add(std::move(bytes));
  bench.report().Add(std::move(hello));
  return absl::OkStatus();
}

absl::Status FileSize(Bench& bench) {
  const int64_t records = bench.Scaled(kTown);
  DOORSTEP_ASSIGN_OR_RETURN(const Town* town, bench.TownOf(records));
  Metric metric = MetricOf("file-size", "a record", records,
                           "the same rows and indexes, page_count * page_size");
  metric.unit = "bytes";
  const auto scratch = bench.Scratch("file-size");
  DOORSTEP_ASSIGN_OR_RETURN(const auto server, bench.StartServer(town->data));
  DOORSTEP_ASSIGN_OR_RETURN(const Json synced,
                            bench.Role("first-sync", {{"replica", scratch->Path("replica")},
                                                      {"server", server->address()}}));
  CheckSynced(bench, "file-size", synced, records, town->digest);
  const ScratchDirectory plain(scratch->Path("plain"));
  DOORSTEP_RETURN_IF_ERROR(
      bench
          .Role("plain-insert",
                {{"path", plain.Path("plain.db")}, {"records", records}, {"seed", town->seed}})
          .status());
  DOORSTEP_ASSIGN_OR_RETURN(const Json product,
                            bench.Role("size", {{"directory", scratch->Path("replica")}}));
  DOORSTEP_ASSIGN_OR_RETURN(const Json limit,
                            bench.Role("size", {{"directory", scratch->Path("plain")}}));
  metric.Add(product["bytes"], limit["bytes"]);
  metric.extra["MB"] = product["bytes"].get<double>() / 1e6;
  metric.extra["limit_MB"] = limit["bytes"].get<double>() / 1e6;
  bench.report().Add(std::move(metric));
  return absl::OkStatus();
}

namespace {

// How much more one operation costs among the most records than among the fewest.
double LargestToSmallest(const std::vector<double>& largest, const std::vector<double>& smallest,
                         double times) {
  return Median(largest) / times / Median(smallest);
}

}  // namespace

absl::Status Growth(Bench& bench) {
  constexpr int kTimes[] = {1, 2, 4};
  constexpr size_t kSizes = std::size(kTimes);
  const int64_t least = bench.Scaled(kTown / 10);
  const int64_t rounds = bench.Scaled(kRounds / 2, 10);
  std::vector<Metric> syncs;
  std::vector<Metric> idle;
  for (const int times : kTimes) {
    syncs.push_back(MetricOf("growth", absl::StrCat("first sync, ", times, "x"), least * times,
                             "INSERT of the same rows from memory, one FULL commit"));
    idle.push_back(MetricOf("growth", absl::StrCat("nothing to do, ", times, "x"), 1, ""));
  }
  for (int i = 0; i < bench.options().repetitions; ++i) {
    for (size_t m = 0; m < kSizes; ++m) {
      DOORSTEP_ASSIGN_OR_RETURN(const Town* town, bench.TownOf(least * kTimes[m]));
      const auto scratch = bench.Scratch("growth");
      DOORSTEP_ASSIGN_OR_RETURN(const auto server, bench.StartServer(town->data));
      const Json arguments = {{"replica", scratch->Path("replica")},
                              {"server", server->address()},
                              {"path", scratch->Path("plain.db")},
                              {"records", town->records},
                              {"seed", town->seed},
                              {"rounds", rounds}};
      DOORSTEP_ASSIGN_OR_RETURN(const Json product, bench.Role("first-sync", arguments));
      DOORSTEP_ASSIGN_OR_RETURN(const Json limit, bench.Role("plain-insert", arguments));
      syncs[m].Add(product["sync_s"], limit["seconds"]);
      syncs[m].AddCpu(product["sync_cpu"], limit["cpu"]);
      syncs[m].Note("client_peak_MiB", product["peak_kib"].get<double>() / 1024);
      // Written, sent and received again by the device that made them.
      syncs[m].Note("load_us", town->load_seconds * 1e6 / static_cast<double>(town->records));
      CheckSynced(bench, "growth", product, town->records, town->digest);
      DOORSTEP_ASSIGN_OR_RETURN(const Json nothing, bench.Role("nothing-to-do", arguments));
      idle[m].product.push_back(nothing["seconds"]);
      idle[m].Note("wire_B", nothing["wire_bytes"]);
    }
  }
  // 1: a straight line; above: a record costs more where there are more of them.
  syncs.back().extra["largest_to_smallest"] =
      LargestToSmallest(syncs.back().product, syncs.front().product, kTimes[kSizes - 1]);
  syncs.back().extra["limit_largest_to_smallest"] =
      LargestToSmallest(syncs.back().limit, syncs.front().limit, kTimes[kSizes - 1]);
  // 1: it does not depend on how many records there are.
  idle.back().extra["largest_to_smallest"] =
      LargestToSmallest(idle.back().product, idle.front().product, 1);
  for (Metric& metric : syncs) bench.report().Add(std::move(metric));
  for (Metric& metric : idle) bench.report().Add(std::move(metric));
  return absl::OkStatus();
}

}  // namespace doorstep::bench
