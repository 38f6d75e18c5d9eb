#include "server/record_history.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "doorstep/v1/change.pb.h"
#include "server/errors.h"
#include "server/history.h"
#include "server/membership.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"

namespace doorstep::server {
namespace {

// "incarnation:counter" of a reference in a payload; empty when it points nowhere.
std::string RefText(const v1::ChangeRef& ref, const v1::UnitPayload& payload, const Uuid& own) {
  ChangeId id;
  id.counter = ref.counter();
  id.incarnation = own;
  if (ref.incarnation() != 0) {
    const uint32_t place = ref.incarnation() - 1;
    if (place >= static_cast<uint32_t>(payload.incarnations_size())) return "";
    const auto named = Uuid::FromBytes(payload.incarnations(static_cast<int>(place)));
    if (!named.ok()) return "";
    id.incarnation = *named;
  }
  return id.ToString();
}

class Reader {
 public:
  explicit Reader(ReadView& view) : view_(view) {}

  // Adds the entry of one change. False: the page is full, and it was not added.
  absl::StatusOr<bool> Add(const HistoryPlace& place);
  v1::HistoryResponse Take() { return std::move(response_); }
  void SetMore() { response_.set_more(true); }

 private:
  absl::StatusOr<bool> Open(uint64_t sequence);
  absl::StatusOr<std::string> DeviceName(const Uuid& device);
  void Fill(const v1::Change& change, v1::HistoryEntry* entry);

  ReadView& view_;
  v1::HistoryResponse response_;
  uint64_t open_ = 0;  // sequence of the unit below; several changes may be in one
  std::optional<HistoryHeader> header_;
  v1::UnitPayload payload_;
  absl::flat_hash_map<Uuid, std::string> names_;
  size_t bytes_ = 0;
  size_t read_bytes_ = 0;
};

// False: nothing of the unit is left.
absl::StatusOr<bool> Reader::Open(uint64_t sequence) {
  if (open_ == sequence) return header_.has_value();
  open_ = sequence;
  header_.reset();
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<HistoryRow> row, view_.History(sequence));
  if (!row) return absl::DataLossError(absl::StrCat("history entry ", sequence, ": missing"));
  absl::StatusOr<std::string> payload = OpenEntry(*row, view_);
  if (absl::IsNotFound(payload.status())) return false;
  DOORSTEP_RETURN_IF_ERROR(payload.status());
  read_bytes_ += payload->size();
  if (!payload_.ParseFromString(*payload)) return false;
  DOORSTEP_ASSIGN_OR_RETURN(header_, ParseHeader(row->header));
  return true;
}

absl::StatusOr<std::string> Reader::DeviceName(const Uuid& device) {
  const auto it = names_.find(device);
  if (it != names_.end()) return it->second;
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<DeviceRow> row, view_.FindDevice(device));
  return names_.emplace(device, row ? row->name : "").first->second;
}

// The references inside are turned into text, since the payload's dictionary stays behind.
void Reader::Fill(const v1::Change& change, v1::HistoryEntry* entry) {
  entry->set_kind(change.kind());
  entry->set_values(change.values());
  *entry->mutable_cleared() = change.cleared();
  if (change.has_settle()) *entry->mutable_settle() = change.settle();
  absl::btree_set<std::string> replaced;
  const Uuid& own = header_->unit.incarnation;
  for (const v1::Base& base : change.bases()) {
    for (const v1::ChangeRef& ref : base.heads()) replaced.insert(RefText(ref, payload_, own));
  }
  for (const v1::SetRemoval& removal : change.removals()) {
    v1::SetRemoval* out = entry->add_removals();
    out->set_field(removal.field());
    out->set_element(removal.element());
    for (const v1::ChangeRef& ref : removal.adds()) replaced.insert(RefText(ref, payload_, own));
  }
  if (change.has_resolves()) {
    entry->set_resolves(RefText(change.resolves().change(), payload_, own));
    entry->set_withdrawn_because(change.resolves().reason());
  }
  replaced.erase("");
  for (const std::string& id : replaced) entry->add_replaced(id);
}

absl::StatusOr<bool> Reader::Add(const HistoryPlace& place) {
  if (open_ != place.sequence &&
      (bytes_ >= kMaxHistoryPageBytes || read_bytes_ >= kMaxHistoryReadBytes)) {
    return false;
  }
  DOORSTEP_ASSIGN_OR_RETURN(const bool there, Open(place.sequence));
  if (!there || place.change >= static_cast<uint32_t>(payload_.changes_size())) return true;
  const UnitRow& unit = header_->unit;
  DOORSTEP_ASSIGN_OR_RETURN(const std::string name, DeviceName(unit.device));
  v1::HistoryEntry* entry = response_.add_entries();
  entry->set_sequence(unit.sequence);
  entry->set_device(std::string(unit.device.AsBytes()));
  entry->set_device_name(name);
  entry->set_incarnation(std::string(unit.incarnation.AsBytes()));
  entry->set_counter(unit.counter + place.change);
  entry->set_author(unit.author);
  entry->set_device_time_ms(payload_.stamp().wall_ms());
  entry->set_admitted_time_ms(unit.TimeOf(place.change));
  entry->set_uncertainty_ms(unit.uncertainty_ms);
  entry->set_received_ms(unit.received_ms);
  entry->set_word(static_cast<v1::Outcome::Word>(unit.WordOf(place.change)));
  Fill(payload_.changes(static_cast<int>(place.change)), entry);
  bytes_ += entry->ByteSizeLong();
  return true;
}

}  // namespace

absl::StatusOr<v1::HistoryResponse> RecordHistory(ReadView& view, absl::string_view site,
                                                  const Uuid& record, uint64_t after,
                                                  size_t limit) {
  DOORSTEP_ASSIGN_OR_RETURN(const std::optional<RecordState> state, view.Load(record));
  bool may_see = false;
  if (state) {
    DOORSTEP_ASSIGN_OR_RETURN(may_see, MaySee(view, site, state->compartment));
  }
  if (!may_see) {
    return ForCaller(absl::NotFoundError(absl::StrCat(
        "HistoryRequest.record: got ", record.ToString(), ", wanted one that this device holds")));
  }
  // A page never ends inside a unit, so read a unit's worth more than asked for.
  DOORSTEP_ASSIGN_OR_RETURN(const std::vector<HistoryPlace> places,
                            view.HistoryOf(record, after, limit + kMaxUnitChanges));
  Reader reader(view);
  for (size_t i = 0; i < places.size(); ++i) {
    const bool new_unit = i == 0 || places[i].sequence != places[i - 1].sequence;
    bool added = !(new_unit && i >= limit);
    if (added) {
      DOORSTEP_ASSIGN_OR_RETURN(added, reader.Add(places[i]));
    }
    if (!added) {
      reader.SetMore();
      break;
    }
  }
  return reader.Take();
}

}  // namespace doorstep::server
