#include "server/exposure.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "sync/base/clock.h"
#include "sync/base/status.h"
#include "sync/cases/title.h"

namespace doorstep::server {
namespace {

using Json = nlohmann::json;

constexpr size_t kFeedPage = 256;
// Records between two words about progress.
constexpr size_t kProgressStep = 1000;

// What a site holds or ever held.
absl::StatusOr<std::set<CompartmentRef>> EverHeld(absl::string_view site, ReadView& view) {
  std::set<CompartmentRef> held;
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<MembershipRow> now, view.Memberships(site));
  for (const MembershipRow& row : now) held.insert(row.ref);
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<MembershipRow> lost, view.Losses(site, 0));
  for (const MembershipRow& row : lost) held.insert(row.ref);
  return held;
}

// Records that may be registered twice are people.
bool IsPerson(const Schema& schema, const RecordState& state) {
  const KindSpec* const kind = schema.Find(state.kind);
  return kind != nullptr && !kind->duplicate_keys.empty();
}

// Gathers what one device had, record by record.
class Gathering {
 public:
  Gathering(const Schema& schema, ReadView& view, const DeviceRow& device,
            std::vector<SentRow> sent, absl::FunctionRef<void(size_t)> progress)
      : schema_(schema),
        view_(view),
        device_(device),
        sent_(std::move(sent)),
        progress_(progress) {}

  // Every record that stands in the compartment.
  absl::Status AddAll(CompartmentRef compartment);
  // One that was withdrawn from `file`.
  absl::Status Add(const RecordState& state, const Uuid& file);
  absl::StatusOr<std::vector<ExposedFile>> Take();

 private:
  struct Gathered {
    std::map<Uuid, ExposedRecord> records;
    std::set<std::string> people;
  };

  const Schema& schema_;
  ReadView& view_;
  const DeviceRow& device_;
  const std::vector<SentRow> sent_;
  const absl::FunctionRef<void(size_t)> progress_;
  size_t looked_at_ = 0;
  std::map<Uuid, Gathered> files_;
};

absl::Status Gathering::AddAll(CompartmentRef compartment) {
  DOORSTEP_ASSIGN_OR_RETURN(const uint64_t head, view_.Head());
  FeedPlace after;
  while (true) {
    DOORSTEP_ASSIGN_OR_RETURN(const std::vector<FeedPlace> places,
                              view_.Feed(compartment, after, head, kFeedPage));
    if (places.empty()) return absl::OkStatus();
    for (const FeedPlace& place : places) {
      DOORSTEP_ASSIGN_OR_RETURN(const RecordState state, view_.LoadAt(place.record));
      DOORSTEP_RETURN_IF_ERROR(Add(state, state.compartment.file));
    }
    after = places.back();
  }
}

absl::Status Gathering::Add(const RecordState& state, const Uuid& file) {
  if (++looked_at_ % kProgressStep == 0) progress_(looked_at_);
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<SeenBy> seen, ReadSeenBy(state, device_, sent_, view_));
  if (!seen) return absl::OkStatus();
  Gathered& in = files_[file];
  if (IsPerson(schema_, state)) in.people.insert(TitleOf(schema_, state));
  in.records[state.id] = {state.id, KindName(schema_, state.kind), *std::move(seen)};
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ExposedFile>> Gathering::Take() {
  std::vector<ExposedFile> files;
  for (auto& [id, gathered] : files_) {
    // Whom the file is named after, also if the device never had that record.
    DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> owner, view_.Load(id));
    const std::string name = owner ? OwnTitle(schema_, *owner) : "";
    if (!name.empty()) gathered.people.insert(name);
    ExposedFile& file = files.emplace_back();
    file.file = id;
    file.people.assign(gathered.people.begin(), gathered.people.end());
    for (auto& [record, each] : gathered.records) file.records.push_back(std::move(each));
  }
  return files;
}

absl::Status ReadMissing(ReadView& view, Exposure* out) {
  const DeviceRow& device = out->device;
  out->exact = device.waiting_until > 0;
  out->pending = out->exact ? 0 : device.pending;
  uint64_t from = device.waiting_from;
  while (from < device.waiting_until) {
    // A device may say that it has more changes than anybody can make: these are looked for.
    const uint64_t some =
        std::min<uint64_t>(device.waiting_until - from, std::numeric_limits<uint32_t>::max());
    DOORSTEP_ASSIGN_OR_RETURN(
        const std::optional<UnitRow> arrived,
        view.FirstOverlap(device.incarnation, from, static_cast<uint32_t>(some)));
    const uint64_t until = arrived ? arrived->counter : device.waiting_until;
    if (from < until) {
      out->missing.push_back({from, until});
      out->pending += until - from;
    }
    from = arrived ? arrived->counter + arrived->changes : until;
  }
  return absl::OkStatus();
}

std::string WaitingText(const Exposure& exposure) {
  if (exposure.pending == 0) {
    return "nothing was waiting to be sent when it last called; what was recorded on it since then "
           "is to be recorded again";
  }
  std::string text = absl::StrCat(exposure.pending, exposure.pending == 1 ? " change" : " changes",
                                  " that it had when it last called",
                                  exposure.pending == 1 ? " has not arrived" : " have not arrived");
  if (exposure.exact) {
    const auto words = [](std::string* out, const ChangeRange& range) {
      absl::StrAppend(out, range.from);
      if (range.until > range.from + 1) absl::StrAppend(out, " to ", range.until - 1);
    };
    absl::StrAppend(&text, " (number ", absl::StrJoin(exposure.missing, ", ", words), " of ",
                    exposure.device.incarnation.ToString(), ")");
  }
  return absl::StrCat(text,
                      ": these, and what was recorded on it since then, are to be recorded again");
}

}  // namespace

absl::StatusOr<Exposure> ReadExposure(const Uuid& device, const Schema& schema, ReadView& view,
                                      absl::FunctionRef<void(size_t)> progress) {
  DOORSTEP_ASSIGN_OR_RETURN(std::optional<DeviceRow> row, view.FindDevice(device));
  if (!row) {
    return absl::NotFoundError(absl::StrCat("device: got ", device.ToString(),
                                            ", wanted one that has called (see device list)"));
  }
  Exposure out;
  out.device = *std::move(row);
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<EnrolmentRow> enrolled, view.FindEnrolment(device));
  if (enrolled) out.revoked_ms = enrolled->revoked_ms;
  DOORSTEP_RETURN_IF_ERROR(ReadMissing(view, &out));
  DOORSTEP_ASSIGN_OR_RETURN(out.people, PeopleWhoRecorded(device, view));
  DOORSTEP_ASSIGN_OR_RETURN(std::vector<SentRow> sent, view.SentTo(device));
  Gathering gathering(schema, view, out.device, std::move(sent), progress);
  DOORSTEP_ASSIGN_OR_RETURN(const std::set<CompartmentRef> held, EverHeld(out.device.site, view));
  for (const CompartmentRef ref : held) DOORSTEP_RETURN_IF_ERROR(gathering.AddAll(ref));
  // These stand in no compartment any more.
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<WithdrawalRow> withdrawals,
                            view.WithdrawalsOf(Uuid()));
  for (const WithdrawalRow& each : withdrawals) {
    if (each.restored_sequence != 0 || held.count(each.ref) == 0) continue;
    DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> state, view.Load(each.record));
    if (state) DOORSTEP_RETURN_IF_ERROR(gathering.Add(*state, each.compartment.file));
  }
  DOORSTEP_ASSIGN_OR_RETURN(out.files, gathering.Take());
  return out;
}

size_t Exposure::records() const {
  size_t count = 0;
  for (const ExposedFile& file : files) count += file.records.size();
  return count;
}

std::string Exposure::ToText() const {
  std::string text = absl::StrCat(
      device.name, " (", device.id.ToString(), ") of ", device.site, ", last seen ",
      FormatUtc(device.last_contact_ms),
      revoked_ms != 0 ? absl::StrCat(", taken out of use ", FormatUtc(revoked_ms)) : "",
      "\nRecorded on by ", people.empty() ? "nobody yet" : absl::StrJoin(people, ", "), "; ",
      WaitingText(*this), ".\nRecords that it was given: ", records(), ", in files: ", files.size(),
      "\n");
  for (const ExposedFile& file : files) {
    absl::StrAppend(&text, file.file.ToString(), "  ",
                    file.people.empty() ? "(no name)" : absl::StrJoin(file.people, ", "), "\n");
    for (const ExposedRecord& each : file.records) {
      absl::StrAppend(&text, "  ", each.record.ToString(), "  ", each.kind, ", the version of ",
                      each.seen.version.author, ", ", FormatUtc(each.seen.version.time_ms),
                      each.seen.wrote ? ", wrote of it" : "",
                      each.seen.holds ? "" : ", since told that it is gone", "\n");
    }
  }
  return text;
}

std::string Exposure::ToJson() const {
  Json list = Json::array();
  for (const ExposedFile& file : files) {
    Json each_record = Json::array();
    for (const ExposedRecord& each : file.records) {
      each_record.push_back(
          {{"record", each.record.ToString()},
           {"kind", each.kind},
           {"wrote", each.seen.wrote},
           {"first", FormatUtc(each.seen.first_ms)},
           {"last", FormatUtc(each.seen.last_ms)},
           {"version", server::ToJson(each.seen.version)},
           {"removed", each.seen.removed_ms ? Json(FormatUtc(*each.seen.removed_ms)) : Json()},
           {"holds", each.seen.holds}});
    }
    list.push_back({{"file", file.file.ToString()},
                    {"people", file.people},
                    {"records", std::move(each_record)}});
  }
  Json numbers = Json::array();
  for (const ChangeRange& range : missing) {
    numbers.push_back({{"from", range.from}, {"to", range.until - 1}});
  }
  const Json json = {{"device", device.id.ToString()},
                     {"name", device.name},
                     {"site", device.site},
                     {"last_seen", FormatUtc(device.last_contact_ms)},
                     {"revoked", revoked_ms != 0 ? Json(FormatUtc(revoked_ms)) : Json()},
                     {"pending", pending},
                     {"pending_exact", exact},
                     {"missing", std::move(numbers)},
                     {"incarnation", device.incarnation.ToString()},
                     {"people", people},
                     {"records", records()},
                     {"files", std::move(list)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace doorstep::server
