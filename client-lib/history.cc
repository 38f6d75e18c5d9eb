#include "client-lib/history.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "client-lib/fold.h"
#include "client-lib/names.h"
#include "client-lib/outbox.h"
#include "client-lib/own_changes.h"
#include "client-lib/value_json.h"
#include "client-lib/value_words.h"
#include "sync/base/status.h"
#include "sync/change/record_json.h"

namespace doorstep::client {
namespace {

// Entries asked for in one call.
constexpr uint32_t kPage = 200;
// A record with more versions than this is shown from its oldest; it bounds the loop.
constexpr int kMaxPages = 1000;

absl::StatusOr<HistoryLine> OwnLine(const Store& store, const OwnUnit& own, const Unit& unit,
                                    size_t place, const std::string& device) {
  const ChangeData& change = unit.changes[place];
  const OwnChange described = Describe(store, own, unit, place);
  HistoryLine line;
  line.change = described.change;
  line.author = described.author;
  line.device = device;
  line.device_time_ms = described.device_time_ms;
  line.admitted_time_ms = described.admitted_time_ms;
  line.sequence = described.sequence;
  line.state = described.state;
  DOORSTEP_ASSIGN_OR_RETURN(line.json, EditsAsJson(store.schema(), change));
  DOORSTEP_ASSIGN_OR_RETURN(line.cleared, ClearedNames(store.schema(), change));
  DOORSTEP_ASSIGN_OR_RETURN(line.words, WordsOfChange(store.schema().Find(change.kind), change));
  if (change.settle.has_value()) line.settled = change.settle->reason;
  if (change.resolves.has_value()) {
    line.resolves = change.resolves->change.ToString();
    line.withdrawn_because = change.resolves->reason;
  }
  return line;
}

// Changes of others that the row still shows, from its heads.
absl::Status AddHeads(const Store& store, const RecordState& row,
                      const absl::flat_hash_set<std::string>& known,
                      std::vector<HistoryLine>* lines) {
  struct Found {
    Head head;
    std::string values;
    std::vector<std::string> cleared;
    std::vector<FieldWords> removed;
  };
  const KindSpec* kind = store.schema().Find(row.kind);
  std::map<std::string, Found> found;
  for (const FieldState& field : row.fields) {
    const FieldSpec* spec = kind == nullptr ? nullptr : kind->FindWithMarks(field.field);
    for (const Head& head : field.heads) {
      const std::string change = head.id.ToString();
      if (known.contains(change)) continue;
      Found& entry = found[change];
      entry.head = head;
      if (spec != nullptr && head.IsProposal()) {
        DOORSTEP_ASSIGN_OR_RETURN(const std::string element,
                                  ValueJson(store.schema(), *kind, *spec, head.value));
        entry.cleared.push_back(absl::StrCat(spec->scalar.name, "[", element, "]"));
        entry.removed.push_back(Removed(*spec, head.value));
        continue;
      }
      entry.values += head.value;
      if (spec == nullptr || !head.value.empty()) continue;
      entry.cleared.push_back(spec->scalar.name);
      entry.removed.push_back(Removed(*spec, ""));
    }
  }
  for (auto& [change, entry] : found) {
    HistoryLine line;
    line.change = change;
    line.author = entry.head.author;
    line.admitted_time_ms = entry.head.time_ms;
    line.sequence = entry.head.sequence;
    line.state = ChangeState::kApplied;
    line.json = "{}";
    if (kind != nullptr) {
      DOORSTEP_ASSIGN_OR_RETURN(line.json,
                                ValuesToJson(store.schema(), *kind, entry.values, false));
      DOORSTEP_ASSIGN_OR_RETURN(line.words, WordsOf(*kind, entry.values));
    }
    line.cleared = std::move(entry.cleared);
    line.words.insert(line.words.end(), entry.removed.begin(), entry.removed.end());
    line.settled = entry.head.settle.reason;
    lines->push_back(std::move(line));
  }
  return absl::OkStatus();
}

absl::StatusOr<HistoryLine> ServerLine(const Schema& schema, const v1::HistoryEntry& entry) {
  HistoryLine line;
  ChangeId id;
  DOORSTEP_ASSIGN_OR_RETURN(id.incarnation, Uuid::FromBytes(entry.incarnation()));
  id.counter = entry.counter();
  line.change = id.ToString();
  line.author = entry.author();
  line.device = entry.device_name();
  line.device_time_ms = entry.device_time_ms();
  line.admitted_time_ms = entry.admitted_time_ms();
  line.uncertainty_ms = entry.uncertainty_ms();
  line.sequence = entry.sequence();
  line.state = StateOf(static_cast<Word>(entry.word()));
  line.settled = entry.settle().reason();
  line.resolves = entry.resolves();
  line.withdrawn_because = entry.withdrawn_because();
  line.from_server = true;
  line.json = "{}";
  const KindSpec* kind = schema.Find(entry.kind());
  if (kind == nullptr) return line;
  DOORSTEP_ASSIGN_OR_RETURN(line.json, ValuesToJson(schema, *kind, entry.values(), false));
  DOORSTEP_ASSIGN_OR_RETURN(line.words, WordsOf(*kind, entry.values()));
  for (const uint32_t number : entry.cleared()) {
    const FieldSpec* field = kind->FindWithMarks(number);
    line.cleared.push_back(field == nullptr ? absl::StrCat(number) : field->scalar.name);
    if (field != nullptr) line.words.push_back(Removed(*field, ""));
  }
  for (const v1::SetRemoval& removal : entry.removals()) {
    const FieldSpec* field = kind->Find(removal.field());
    if (field == nullptr) continue;
    DOORSTEP_ASSIGN_OR_RETURN(const std::string element,
                              ValueJson(schema, *kind, *field, removal.element()));
    line.cleared.push_back(absl::StrCat(field->scalar.name, "[", element, "]"));
    line.words.push_back(Removed(*field, removal.element()));
  }
  return line;
}

}  // namespace

absl::StatusOr<std::vector<HistoryLine>> LocalHistory(Store& store, const Uuid& record) {
  Outbox outbox(store);
  std::vector<HistoryLine> lines;
  absl::flat_hash_set<std::string> known;
  DOORSTEP_ASSIGN_OR_RETURN(const std::string device, store.Text(key::kDeviceName));
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<int64_t> places, outbox.Naming(record));
  for (const int64_t place : places) {
    DOORSTEP_ASSIGN_OR_RETURN(const OwnUnit own, outbox.Load(place));
    DOORSTEP_ASSIGN_OR_RETURN(const Unit unit, outbox.Decode(own));
    for (size_t i = 0; i < unit.changes.size(); ++i) {
      if (unit.changes[i].record != record) continue;
      DOORSTEP_ASSIGN_OR_RETURN(HistoryLine line, OwnLine(store, own, unit, i, device));
      known.insert(line.change);
      lines.push_back(std::move(line));
    }
  }
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> row, store.tables().Load(record));
  if (row.has_value()) DOORSTEP_RETURN_IF_ERROR(AddHeads(store, *row, known, &lines));
  return lines;
}

absl::StatusOr<std::vector<HistoryLine>> ServerHistory(Store& store, const Uuid& record,
                                                       const v1::Sender& sender,
                                                       Transport& transport) {
  std::vector<HistoryLine> lines;
  v1::HistoryRequest request;
  *request.mutable_sender() = sender;
  *request.mutable_record() = std::string(record.AsBytes());
  request.set_limit(kPage);
  for (int page = 0; page < kMaxPages; ++page) {
    DOORSTEP_ASSIGN_OR_RETURN(const v1::HistoryResponse response, transport.History(request));
    for (const v1::HistoryEntry& entry : response.entries()) {
      DOORSTEP_ASSIGN_OR_RETURN(HistoryLine line, ServerLine(store.schema(), entry));
      lines.push_back(std::move(line));
    }
    if (!response.more() || response.entries().empty()) break;
    request.set_after_sequence(response.entries().rbegin()->sequence());
  }
  return lines;
}

std::vector<HistoryLine> Join(std::vector<HistoryLine> local, std::vector<HistoryLine> server) {
  absl::flat_hash_set<std::string> known;
  for (const HistoryLine& line : server) known.insert(line.change);
  for (HistoryLine& line : local) {
    if (!known.contains(line.change)) server.push_back(std::move(line));
  }
  // What is pending comes last, in the order in which it was done.
  const auto order = [](const HistoryLine& line) {
    return std::tuple(line.sequence == 0, line.sequence, line.device_time_ms, line.change.size(),
                      line.change);
  };
  std::stable_sort(server.begin(), server.end(),
                   [&](const HistoryLine& a, const HistoryLine& b) { return order(a) < order(b); });
  return server;
}

}  // namespace doorstep::client
