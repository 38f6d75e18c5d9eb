#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "doorstep/grpc_transport.h"
#include "doorstep/replica.h"
#include "doorstep/v1/built_in_schema.h"
#include "doorstep/v1/options.pb.h"
#include "doorstep/v1/sync.pb.h"
#include "google/protobuf/descriptor.pb.h"
#include "sync/base/status.h"
#include "sync/schema/schema.h"
#include "tests/bench/process.h"
#include "tests/bench/records.h"
#include "tests/bench/report.h"
#include "tests/bench/roles.h"

namespace doorstep::bench {
namespace {

using Durability = OpenOptions::Durability;

// Counts calls, and times Hello apart.
class CountingTransport : public Transport {
 public:
  explicit CountingTransport(const std::string& address)
      : address_(address), inner_(MakeGrpcTransport(address)) {}

  absl::StatusOr<v1::HelloResponse> Hello(const v1::HelloRequest& request) override {
    const Stopwatch watch;
    auto response = inner_->Hello(request);
    hello_s_.push_back(watch.Seconds());
    if (hello_s_.size() == 1) hello_bytes_ = WireBytesTo(address_);
    return response;
  }
  absl::StatusOr<v1::PushResponse> Push(const v1::PushRequest& request) override {
    ++pushes_;
    return inner_->Push(request);
  }
  absl::StatusOr<std::unique_ptr<PullStream>> Pull(const v1::PullRequest& request) override {
    ++pulls_;
    return inner_->Pull(request);
  }
  absl::StatusOr<v1::HistoryResponse> History(const v1::HistoryRequest& request) override {
    return inner_->History(request);
  }
  absl::Status Watch(const v1::WatchRequest& request,
                     const std::function<bool(uint64_t)>& on_notice) override {
    return inner_->Watch(request, on_notice);
  }
  void Cancel() override { inner_->Cancel(); }

  // Of each call so far.
  const std::vector<double>& hello_seconds() const { return hello_s_; }
  // After the first.
  const WireBytes& hello_bytes() const { return hello_bytes_; }
  int64_t pushes() const { return pushes_; }
  int64_t pulls() const { return pulls_; }
  int64_t calls() const { return pushes_ + pulls_ + static_cast<int64_t>(hello_s_.size()); }
  WireBytes wire() const { return WireBytesTo(address_); }

 private:
  std::string address_;
  std::unique_ptr<Transport> inner_;
  std::vector<double> hello_s_;
  WireBytes hello_bytes_;
  int64_t pushes_ = 0;
  int64_t pulls_ = 0;
};

// Encrypted as users have it, unless the benchmark was asked for plain files.
Environment BenchEnvironment(const std::shared_ptr<const Schema>& schema) {
  Environment environment;
  environment.schema = schema;
  environment.test_key = std::getenv(kPlainVariable) != nullptr ? "plain" : std::string(32, 'b');
  return environment;
}

// Today's, with no field marked for full-text search.
absl::StatusOr<std::shared_ptr<const Schema>> SchemaWithoutSearch() {
  google::protobuf::FileDescriptorSet set;
  set.ParseFromArray(kBuiltInSchema, static_cast<int>(kBuiltInSchemaSize));
  for (auto& file : *set.mutable_file()) {
    for (auto& message : *file.mutable_message_type()) {
      for (auto& field : *message.mutable_field()) {
        if (!field.options().HasExtension(v1::field)) continue;
        field.mutable_options()->MutableExtension(v1::field)->clear_full_text();
      }
    }
  }
  return Schema::FromDescriptorSet(set.SerializeAsString());
}

// Null `schema`: the product's own.
absl::StatusOr<std::unique_ptr<Replica>> OpenReplica(
    const std::string& directory, Durability durability,
    const std::shared_ptr<const Schema>& schema = nullptr) {
  if (!std::filesystem::exists(directory)) {
    InitOptions options;
    options.site = std::string(kSite);
    options.device_name = "bench";
    options.user = "A Khan";
    options.environment = BenchEnvironment(schema);
    DOORSTEP_RETURN_IF_ERROR(Replica::Init(directory, options));
  }
  OpenOptions options;
  options.durability = durability;
  options.environment = BenchEnvironment(schema);
  return Replica::Open(directory, options);
}

absl::Status AddAll(Replica& replica, const std::vector<Row>& rows,
                    const std::vector<care::v1::RiskAssessment>& messages) {
  for (size_t from = 0; from < rows.size(); from += kRecordsPerTransaction) {
    const size_t to = std::min<size_t>(rows.size(), from + kRecordsPerTransaction);
    const absl::Status status = replica.Transact({}, [&](Edits& edits) {
      for (size_t i = from; i < to; ++i) {
        AddOptions options;
        options.file = rows[i].file.ToString();
        options.id = rows[i].id.ToString();
        DOORSTEP_RETURN_IF_ERROR(edits.Add(messages[i], options).status());
      }
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

std::vector<care::v1::RiskAssessment> MessagesOf(const std::vector<Row>& rows) {
  std::vector<care::v1::RiskAssessment> messages;
  messages.reserve(rows.size());
  for (const Row& row : rows) messages.push_back(ToMessage(row));
  return messages;
}

// The record as opened, and as a form would hand it back with another location.
absl::StatusOr<care::v1::RiskAssessment> Edited(const OpenRecord& opened,
                                                const std::string& location) {
  care::v1::RiskAssessment message;
  DOORSTEP_RETURN_IF_ERROR(opened.To(&message));
  message.set_location(location);
  return message;
}

// One sync, timed; what it did, and what the replica then is.
absl::StatusOr<Json> TimedSync(Replica& replica, const std::string& address) {
  const Stopwatch watch;
  CountingTransport transport(address);
  DOORSTEP_ASSIGN_OR_RETURN(const SyncResult result, replica.Sync(transport, {}));
  const double seconds = watch.Seconds();
  const double cpu = watch.CpuSeconds();
  const int64_t peak = PeakKib();
  const WireBytes wire = transport.wire();
  DOORSTEP_ASSIGN_OR_RETURN(const ReplicaStatus status, replica.Status());
  DOORSTEP_ASSIGN_OR_RETURN(const DigestInfo digest, replica.Digest(/*recompute=*/true));
  return Json{{"sync_s", seconds},
              {"sync_cpu", cpu},
              {"peak_kib", peak},
              {"wire_sent", wire.sent},
              {"wire_received", wire.received},
              {"message_sent", result.totals.bytes_sent},
              {"message_received", result.totals.bytes_received},
              {"pushes", transport.pushes()},
              {"pulls", transport.pulls()},
              {"sent", result.totals.changes_sent},
              {"applied", result.applied},
              {"waiting", status.waiting},
              {"needs_you", status.needs_you},
              {"conflicts", status.conflicts},
              {"complete", status.complete},
              {"records", status.records},
              {"digest", digest.digest}};
}

}  // namespace

absl::StatusOr<Json> LoadRole(const Json& arguments) {
  RowMaker maker(arguments["seed"]);
  const std::vector<Row> rows = maker.Take(arguments["records"]);
  const std::vector<care::v1::RiskAssessment> messages = MessagesOf(rows);
  DOORSTEP_ASSIGN_OR_RETURN(auto replica, OpenReplica(arguments["replica"], Durability::kNormal));
  const Stopwatch watch;
  DOORSTEP_RETURN_IF_ERROR(AddAll(*replica, rows, messages));
  const double insert_s = watch.Seconds();
  DOORSTEP_ASSIGN_OR_RETURN(Json answer, TimedSync(*replica, arguments["server"]));
  answer["insert_s"] = insert_s;
  return answer;
}

absl::StatusOr<Json> FirstSyncRole(const Json& arguments) {
  std::shared_ptr<const Schema> schema;
  if (!arguments.value("search", true)) {
    DOORSTEP_ASSIGN_OR_RETURN(schema, SchemaWithoutSearch());
  }
  DOORSTEP_ASSIGN_OR_RETURN(auto replica,
                            OpenReplica(arguments["replica"], Durability::kFull, schema));
  return TimedSync(*replica, arguments["server"]);
}

absl::StatusOr<Json> PushRole(const Json& arguments) {
  RowMaker maker(arguments["seed"]);
  const std::vector<Row> rows = maker.Take(arguments["records"]);
  RowMaker edits(arguments["edit_seed"]);
  DOORSTEP_ASSIGN_OR_RETURN(auto replica, OpenReplica(arguments["replica"], Durability::kNormal));
  const Stopwatch watch;
  for (const Row& row : rows) {
    DOORSTEP_ASSIGN_OR_RETURN(const OpenRecord opened, replica->Get(row.id.ToString()));
    DOORSTEP_ASSIGN_OR_RETURN(const auto message, Edited(opened, edits.Edited()));
    DOORSTEP_RETURN_IF_ERROR(
        replica->Transact({}, [&](Edits& e) { return e.Update(opened, message); }));
  }
  const double edit_s = watch.Seconds();
  DOORSTEP_ASSIGN_OR_RETURN(Json answer, TimedSync(*replica, arguments["server"]));
  answer["edit_s"] = edit_s;
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<OwnChange> outbox, replica->Outbox());
  answer["outbox"] = outbox.size();
  return answer;
}

absl::StatusOr<Json> NothingToDoRole(const Json& arguments) {
  DOORSTEP_ASSIGN_OR_RETURN(auto replica, OpenReplica(arguments["replica"], Durability::kFull));
  CountingTransport transport(arguments["server"]);
  const Stopwatch cold;
  DOORSTEP_RETURN_IF_ERROR(replica->Sync(transport, {}).status());
  const double cold_s = cold.Seconds();
  const int64_t calls_before = transport.calls();
  const WireBytes before = transport.wire();
  const int64_t rounds = arguments["rounds"];
  std::vector<double> times;
  double message_bytes = 0;
  double received = 0;
  for (int64_t i = 0; i < rounds; ++i) {
    const Stopwatch watch;
    DOORSTEP_ASSIGN_OR_RETURN(const SyncResult result, replica->Sync(transport, {}));
    times.push_back(watch.Seconds());
    message_bytes += static_cast<double>(result.totals.bytes_sent + result.totals.bytes_received);
    received += static_cast<double>(result.totals.records_received);
  }
  const WireBytes after = transport.wire();
  const std::vector<double>& hellos = transport.hello_seconds();
  const auto per_round = [rounds](double total) { return total / static_cast<double>(rounds); };
  return Json{
      {"seconds", Median(times)},
      {"cold_s", cold_s},
      {"hello_cold_s", hellos.empty() ? 0 : hellos.front()},
      {"hello_cold_bytes", transport.hello_bytes().sent + transport.hello_bytes().received},
      {"hello_warm_s",
       hellos.size() < 2 ? 0 : Median(std::vector<double>(hellos.begin() + 1, hellos.end()))},
      {"hellos_per_sync", per_round(static_cast<double>(hellos.size()) - 1)},
      {"calls_per_sync", per_round(static_cast<double>(transport.calls() - calls_before))},
      {"connections", after.connections},
      {"message_bytes", per_round(message_bytes)},
      {"records_received", received},
      {"wire_bytes",
       per_round(static_cast<double>(after.sent + after.received - before.sent - before.received))},
      {"peak_kib", PeakKib()}};
}

absl::StatusOr<Json> LocalWriteRole(const Json& arguments) {
  RowMaker maker(arguments["seed"]);
  const std::vector<Row> rows = maker.Take(arguments["records"]);
  const std::vector<care::v1::RiskAssessment> messages = MessagesOf(rows);
  const std::string directory = arguments["replica"];
  DOORSTEP_ASSIGN_OR_RETURN(auto replica, OpenReplica(directory, Durability::kFull));
  Json answer;

  const Stopwatch insert;
  DOORSTEP_RETURN_IF_ERROR(AddAll(*replica, rows, messages));
  answer["insert_s"] = insert.Seconds();
  answer["insert_cpu"] = insert.CpuSeconds();

  Spent opening;
  Spent editing;
  for (size_t from = 0; from < rows.size(); from += kRecordsPerTransaction) {
    const size_t to = std::min<size_t>(rows.size(), from + kRecordsPerTransaction);
    std::vector<OpenRecord> opened;
    std::vector<care::v1::RiskAssessment> edited;
    const Stopwatch open;
    for (size_t i = from; i < to; ++i) {
      DOORSTEP_ASSIGN_OR_RETURN(OpenRecord one, replica->Get(rows[i].id.ToString()));
      opened.push_back(std::move(one));
    }
    opening.Add(open);
    for (const OpenRecord& one : opened) {
      DOORSTEP_ASSIGN_OR_RETURN(auto message, Edited(one, maker.Edited()));
      edited.push_back(std::move(message));
    }
    const Stopwatch edit;
    const absl::Status status = replica->Transact({}, [&](Edits& edits) {
      for (size_t i = 0; i < opened.size(); ++i) {
        DOORSTEP_RETURN_IF_ERROR(edits.Update(opened[i], edited[i]));
      }
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    editing.Add(edit);
  }
  opening.Put("open", &answer);
  editing.Put("edit", &answer);

  const int64_t singles = arguments["singles"];
  for (const Durability durability : {Durability::kFull, Durability::kNormal}) {
    replica.reset();
    DOORSTEP_ASSIGN_OR_RETURN(replica, OpenReplica(directory, durability));
    std::vector<double> times;
    std::vector<double> cpu;
    std::string last;
    for (int64_t i = 0; i < singles; ++i) {
      DOORSTEP_ASSIGN_OR_RETURN(const OpenRecord opened,
                                replica->Get(rows[i % rows.size()].id.ToString()));
      last = maker.Edited();
      DOORSTEP_ASSIGN_OR_RETURN(const auto message, Edited(opened, last));
      const Stopwatch one;
      DOORSTEP_RETURN_IF_ERROR(
          replica->Transact({}, [&](Edits& edits) { return edits.Update(opened, message); }));
      times.push_back(one.Seconds());
      cpu.push_back(one.CpuSeconds());
    }
    const std::string name = durability == Durability::kFull ? "single_full" : "single_normal";
    answer[name + "_s"] = Median(times);
    answer[name + "_cpu"] = Median(cpu);
    care::v1::RiskAssessment message;
    DOORSTEP_RETURN_IF_ERROR(
        replica->Get(rows[(singles - 1) % rows.size()].id.ToString(), &message));
    if (message.location() != last) {
      return absl::DataLossError(
          absl::StrCat("got location '", message.location(), "', wanted '", last, "'"));
    }
  }
  DOORSTEP_ASSIGN_OR_RETURN(const ReplicaStatus status, replica->Status());
  answer["records"] = status.records;
  answer["waiting"] = status.waiting;
  answer["peak_kib"] = PeakKib();
  return answer;
}

}  // namespace doorstep::bench
