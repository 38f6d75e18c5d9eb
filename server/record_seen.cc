#include "server/record_seen.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "server/history.h"
#include "sync/base/clock.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

using Json = nlohmann::json;

constexpr size_t kPage = 256;

absl::StatusOr<std::vector<SeenRecordVersion>> ReadVersions(
    const Uuid& record, ReadView& view, std::vector<std::pair<Uuid, SeenRecordVersion>>* wrote) {
  std::vector<SeenRecordVersion> versions;
  uint64_t after = 0;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<HistoryPlace> places,
                              view.HistoryOf(record, after, kPage));
    for (const HistoryPlace& place : places) {
      DOORSTEP_ASSIGN_OR_RETURN(const std::optional<HistoryRow> row, view.History(place.sequence));
      if (!row) continue;
      DOORSTEP_ASSIGN_OR_RETURN(const HistoryHeader header, ParseHeader(row->header));
      if (header.unit.Refused() || header.unit.Held()) continue;
      const SeenRecordVersion version{place.sequence, header.unit.TimeOf(place.change),
                                      header.unit.author};
      wrote->emplace_back(header.unit.device, version);
      wrote->back().second.time_ms = header.unit.received_ms;
      // A unit may change it more than once; its changes are seen together.
      if (!versions.empty() && versions.back().sequence == version.sequence) versions.pop_back();
      versions.push_back(version);
    }
    if (places.size() < kPage) return versions;
    after = places.back().sequence;
  }
}

// What is known of a record, to be asked about one device after the other.
class Trail {
 public:
  // Where the record stands, or stood when it was withdrawn.
  static absl::StatusOr<Trail> Read(const RecordState& state, ReadView& view);

  // None: the device never had it, as far as is known.
  std::optional<SeenBy> Follow(const DeviceRow& device, const std::vector<SentRow>& sent) const;

  const CompartmentId& compartment() const { return compartment_; }
  const std::vector<SeenRecordVersion>& versions() const { return versions_; }
  const std::optional<WithdrawalRow>& withdrawn() const { return withdrawn_; }

 private:
  // Where the record stood in what the site could see in the state with this head, and in which
  // version; none: nowhere.
  struct Stood {
    uint64_t place = 0;
    const SeenRecordVersion* version = nullptr;
  };
  std::optional<Stood> At(const std::string& site, uint64_t head) const;
  // The sequence since which the site is to have it no more; none: it may have it.
  std::optional<uint64_t> GoneSince(const std::string& site) const;

  CompartmentId compartment_;
  std::optional<WithdrawalRow> withdrawn_;  // in force
  std::vector<AccessSpan> spans_;
  std::vector<WithdrawalRow> withdrawals_;
  std::vector<SeenRecordVersion> versions_;
  std::vector<std::pair<Uuid, SeenRecordVersion>> wrote_;
};

absl::StatusOr<Trail> Trail::Read(const RecordState& state, ReadView& view) {
  Trail trail;
  DOORSTEP_ASSIGN_OR_RETURN(trail.withdrawals_, view.WithdrawalsOf(state.id));
  trail.compartment_ = state.compartment;
  if (!trail.withdrawals_.empty() && trail.withdrawals_.back().restored_sequence == 0) {
    trail.withdrawn_ = trail.withdrawals_.back();
    trail.compartment_ = trail.withdrawn_->compartment;
  }
  DOORSTEP_ASSIGN_OR_RETURN(trail.versions_, ReadVersions(state.id, view, &trail.wrote_));
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<CompartmentRef> ref,
                            view.FindCompartment(trail.compartment_));
  if (ref) {
    DOORSTEP_ASSIGN_OR_RETURN(trail.spans_, view.AccessLog(*ref));
  }
  return trail;
}

std::optional<Trail::Stood> Trail::At(const std::string& site, uint64_t head) const {
  const auto span = std::find_if(spans_.begin(), spans_.end(), [&](const AccessSpan& each) {
    return each.site == site && each.Holds(head);
  });
  if (span == spans_.end()) return std::nullopt;
  Stood stood;
  for (const SeenRecordVersion& version : versions_) {
    if (version.sequence <= head) stood.version = &version;
  }
  if (stood.version == nullptr) return std::nullopt;
  stood.place = std::max(stood.version->sequence, span->since);
  for (const WithdrawalRow& row : withdrawals_) {
    if (row.sequence > head) continue;
    if (row.restored_sequence == 0 || head < row.restored_sequence) return std::nullopt;
    stood.place = std::max(stood.place, row.restored_sequence);
  }
  return stood;
}

std::optional<uint64_t> Trail::GoneSince(const std::string& site) const {
  std::optional<uint64_t> gone;
  for (const AccessSpan& span : spans_) {
    if (span.site == site) gone = span.until == 0 ? std::nullopt : std::optional(span.until);
  }
  if (withdrawals_.empty() || withdrawals_.back().restored_sequence != 0) return gone;
  return std::min(gone.value_or(std::numeric_limits<uint64_t>::max()),
                  withdrawals_.back().sequence);
}

std::optional<SeenBy> Trail::Follow(const DeviceRow& device,
                                    const std::vector<SentRow>& sent) const {
  SeenBy seen;
  const auto note = [&](int64_t time_ms, const SeenRecordVersion& version) {
    if (seen.first_ms == 0 || time_ms < seen.first_ms) seen.first_ms = time_ms;
    if (version.sequence <= seen.version.sequence) return;
    seen.version = version;
    seen.last_ms = time_ms;
  };
  for (const auto& [id, version] : wrote_) {
    if (id != device.id) continue;
    seen.wrote = true;
    note(version.time_ms, version);
  }
  for (const SentRow& row : sent) {
    const std::optional<Stood> stood = At(device.site, row.head);
    if (stood && row.sequence >= stood->place) note(row.time_ms, *stood->version);
  }
  if (seen.version.sequence == 0) return std::nullopt;
  const std::optional<uint64_t> gone = GoneSince(device.site);
  for (const SentRow& row : sent) {
    if (!gone || row.begun || row.sequence < *gone || seen.removed_ms) continue;
    seen.removed_ms = row.time_ms;
  }
  seen.device = device.id;
  seen.name = device.name;
  seen.site = device.site;
  seen.holds = !seen.removed_ms;
  return seen;
}

}  // namespace

nlohmann::json ToJson(const SeenRecordVersion& version) {
  return {
      {"sequence", version.sequence}, {"at", FormatUtc(version.time_ms)}, {"by", version.author}};
}

absl::StatusOr<std::vector<std::string>> PeopleWhoRecorded(const Uuid& device, ReadView& view) {
  absl::btree_set<std::string> people;
  uint64_t after = 0;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<UnitRow> units,
                              view.Outcomes(device, after, kPage));
    for (const UnitRow& unit : units) people.insert(unit.author);
    if (units.size() < kPage) return std::vector<std::string>(people.begin(), people.end());
    after = units.back().sequence;
  }
}

std::string KindName(const Schema& schema, uint32_t kind) {
  const KindSpec* const known = schema.Find(kind);
  return known == nullptr ? absl::StrCat(kind) : known->name;
}

absl::StatusOr<std::optional<SeenBy>> ReadSeenBy(const RecordState& state, const DeviceRow& device,
                                                 const std::vector<SentRow>& sent, ReadView& view) {
  DOORSTEP_ASSIGN_OR_RETURN(const Trail trail, Trail::Read(state, view));
  return trail.Follow(device, sent);
}

absl::StatusOr<RecordSeen> ReadRecordSeen(const Uuid& record, const Schema& schema,
                                          ReadView& view) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> state, view.Load(record));
  if (!state) {
    return absl::NotFoundError(
        absl::StrCat("record: got ", record.ToString(), ", wanted one that is here"));
  }
  DOORSTEP_ASSIGN_OR_RETURN(const Trail trail, Trail::Read(*state, view));
  RecordSeen out;
  out.record = record;
  out.kind = KindName(schema, state->kind);
  out.compartment = trail.compartment();
  out.versions = trail.versions();
  out.withdrawn = trail.withdrawn();
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<DeviceRow> devices, view.Devices());
  for (const DeviceRow& device : devices) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<SentRow> sent, view.SentTo(device.id));
    std::optional<SeenBy> seen = trail.Follow(device, sent);
    if (!seen) continue;
    DOORSTEP_ASSIGN_OR_RETURN(seen->people, PeopleWhoRecorded(device.id, view));
    out.devices.push_back(*std::move(seen));
  }
  std::sort(out.devices.begin(), out.devices.end(), [](const SeenBy& a, const SeenBy& b) {
    return std::tie(a.site, a.first_ms, a.device) < std::tie(b.site, b.first_ms, b.device);
  });
  return out;
}

std::string RecordSeen::ToText() const {
  std::string text =
      absl::StrCat(kind, " ", record.ToString(), " of file ", compartment.file.ToString(), ": ",
                   versions.size(), versions.size() == 1 ? " version" : " versions", ", ",
                   devices.size(), devices.size() == 1 ? " device\n" : " devices\n");
  if (withdrawn) {
    absl::StrAppend(&text, "Withdrawn ", FormatUtc(withdrawn->withdrawn.time_ms), " by ",
                    withdrawn->withdrawn.by, ": ", withdrawn->withdrawn.reason, "\n");
  }
  for (const SeenBy& each : devices) {
    absl::StrAppend(&text, "  ", each.site, "  ", each.name, " (", each.device.ToString(), ") ",
                    each.wrote ? "wrote of it, first " : "received it ", FormatUtc(each.first_ms),
                    "; last the version of ", each.version.author, ", ",
                    FormatUtc(each.version.time_ms), ", at ", FormatUtc(each.last_ms), "\n    ",
                    each.removed_ms
                        ? absl::StrCat("told that it is gone ", FormatUtc(*each.removed_ms))
                        : "may have it still",
                    "; recorded on by ",
                    each.people.empty() ? "nobody yet" : absl::StrJoin(each.people, ", "), "\n");
  }
  return text;
}

std::string RecordSeen::ToJson() const {
  Json list = Json::array();
  for (const SeenBy& each : devices) {
    list.push_back({{"device", each.device.ToString()},
                    {"name", each.name},
                    {"site", each.site},
                    {"wrote", each.wrote},
                    {"first", FormatUtc(each.first_ms)},
                    {"last", FormatUtc(each.last_ms)},
                    {"version", server::ToJson(each.version)},
                    {"removed", each.removed_ms ? Json(FormatUtc(*each.removed_ms)) : Json()},
                    {"holds", each.holds},
                    {"people", each.people}});
  }
  Json all = Json::array();
  for (const SeenRecordVersion& version : versions) all.push_back(server::ToJson(version));
  Json json = {
      {"record", record.ToString()}, {"kind", kind},         {"file", compartment.file.ToString()},
      {"versions", std::move(all)},  {"withdrawn", nullptr}, {"devices", std::move(list)}};
  if (withdrawn) {
    json["withdrawn"] = {{"at", FormatUtc(withdrawn->withdrawn.time_ms)},
                         {"by", withdrawn->withdrawn.by},
                         {"reason", withdrawn->withdrawn.reason}};
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace doorstep::server
