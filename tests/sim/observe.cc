// What the server did, told to the model and compared with it, line by line of the ledger.
#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/history.h"
#include "sync/base/limits.h"
#include "sync/change/pack.h"
#include "sync/change/unit_codec.h"
#include "tests/sim/world.h"

namespace doorstep::sim {
namespace {

// Made before anything else.
constexpr int64_t kBefore = std::numeric_limits<int64_t>::min();
// Two slow exchanges on the way, and a tick for each change of a unit.
constexpr int64_t kSlackMs = 130'000;

std::string Bytes(const Uuid& id) { return std::string(id.AsBytes()); }

std::string WordText(Word word) { return std::string(WordName(word)); }

}  // namespace

Id ParseId(absl::string_view text) {
  const size_t colon = text.rfind(':');
  Id id;
  const absl::StatusOr<Uuid> life = Uuid::Parse(text.substr(0, colon));
  if (life.ok()) id.life = Bytes(*life);
  if (!absl::SimpleAtoi(text.substr(colon + 1), &id.counter)) id.counter = 0;
  return id;
}

std::string ToText(const ModelHead& head) {
  return absl::StrCat(ToString(head.id), "@", head.time_ms, "/", head.sequence, " by ", head.author,
                      " '", absl::CHexEscape(head.value), "'",
                      head.settled.empty() ? "" : " settled", head.removes.empty() ? "" : " to go",
                      head.seen.empty() ? "" : absl::StrCat(" having seen ", head.seen.size()));
}

std::string ToText(const Heads& heads) {
  std::vector<std::string> parts;
  parts.reserve(heads.size());
  for (const ModelHead& head : heads) parts.push_back(ToText(head));
  return absl::StrCat("{", absl::StrJoin(parts, ", "), "}");
}

namespace {

std::set<Id> ModelIds(const std::vector<ChangeId>& ids) {
  std::set<Id> out;
  for (const ChangeId& id : ids) out.insert({Bytes(id.incarnation), id.counter});
  return out;
}

}  // namespace

ModelRecord ToModel(const RecordState& state) {
  ModelRecord record{state.kind, {Bytes(state.compartment.file), state.compartment.tier}, {}};
  for (const FieldState& field : state.fields) {
    for (const Head& head : field.heads) {
      ModelHead to{head.time_ms,       {Bytes(head.id.incarnation), head.id.counter},
                   head.value,         head.sequence,
                   head.author,        head.settle.reason,
                   std::nullopt,       ModelIds(head.removes),
                   ModelIds(head.seen)};
      if (head.agreed) to.agreed = ModelAgreed{head.agreed->sequence, head.agreed->value};
      record.fields[field.field].insert(std::move(to));
    }
  }
  return record;
}

absl::StatusOr<Rows> RowsOf(SimDevice& device) {
  Rows rows;
  const absl::Status status = device.store().tables().ForEach([&](const RecordState& state) {
    rows.emplace(std::string(state.id.AsBytes()), ToModel(state));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return rows;
}

void World::NotePushed(SimDevice& device, const v1::PushRequest& push) {
  ScanOutbox(device);
  v1::PushUnits units;
  if (!Unpack(push.units(), kMaxSqlValueBytes, &units).ok()) return;
  for (const v1::Envelope& envelope : units.units()) {
    const std::string& author = units.authors(static_cast<int>(envelope.author()));
    const Id id{push.sender().incarnation(), envelope.counter()};
    const std::string hash = UnitHash(author, envelope.schema_hash(), envelope.payload());
    const auto own = std::find_if(
        device.outbox.begin(), device.outbox.end(),
        [&](const auto& entry) { return entry.second.id == id && entry.second.hash == hash; });
    if (own == device.outbox.end()) {
      Violate("L3", absl::StrCat(device.name, ": got a push of ", ToString(id),
                                 ", wanted only what was committed, byte for byte"));
      return;
    }
    own->second.sent = true;
    known_[{id, hash}] = {id,
                          hash,
                          envelope.payload(),
                          author,
                          push.now().boot(),
                          own->second.true_ms,
                          own->second.boot,
                          envelope.epoch(),
                          envelope.checkpoint()};
    device_of_life_[id.life] = push.sender().device();
  }
}

void World::NoteReceipts(const v1::PushRequest& push, const v1::PushResponse& response) {
  v1::PushUnits units;
  if (!Unpack(push.units(), kMaxSqlValueBytes, &units).ok()) return;
  for (int i = 0; i < response.receipts_size() && i < units.units_size(); ++i) {
    const v1::Receipt& receipt = response.receipts(i);
    if (receipt.status() != v1::Receipt::STORED && receipt.status() != v1::Receipt::REPEAT) {
      continue;
    }
    const v1::Envelope& envelope = units.units(i);
    const std::string hash = UnitHash(units.authors(static_cast<int>(envelope.author())),
                                      envelope.schema_hash(), envelope.payload());
    const auto key = std::make_pair(Id{push.sender().incarnation(), envelope.counter()}, hash);
    const auto [old, inserted] = receipts_.emplace(key, receipt.sequence());
    if (inserted || old->second == receipt.sequence()) continue;
    const auto view = server_.truth->Read();
    if (!view.ok()) continue;
    if (receipt.sequence() < old->second || !WasHeld(**view, key.first, hash, old->second)) {
      return Violate("L4",
                     absl::StrCat(ToString(key.first), ": got a receipt for sequence ",
                                  receipt.sequence(), ", wanted ", old->second, " as before"));
    }
    old->second = receipt.sequence();
  }
}

bool World::WasHeld(server::ReadView& view, const Id& id, const std::string& hash,
                    uint64_t sequence) {
  const auto entry = view.History(sequence);
  if (!entry.ok() || !entry->has_value()) return false;
  const auto header = server::ParseHeader((*entry)->header);
  return header.ok() && header->unit.Held() && header->unit.hash == hash &&
         Id{Bytes(header->unit.incarnation), header->unit.counter} == id;
}

void World::CheckReceipts() {
  const auto view = server_.truth->Read();
  if (!view.ok()) return;
  for (const auto& [key, sequence] : receipts_) {
    const ChangeId id{*Uuid::FromBytes(key.first.life), key.first.counter};
    const auto row = (*view)->UnitOf(id);
    const bool there = row.ok() && row->has_value() && (*row)->hash == key.second;
    const bool released = there && (*row)->sequence > sequence && !(*row)->Held() &&
                          WasHeld(**view, key.first, key.second, sequence);
    if (!there || !((*row)->sequence == sequence || released)) {
      Violate("L7", absl::StrCat("server: got no unit ", ToString(key.first), " at sequence ",
                                 sequence, ", wanted what it gave a receipt for"));
      return;
    }
  }
}

void World::CheckHeld() {
  const auto view = server_.truth->Read();
  if (!view.ok()) return;
  for (const auto& [key, admission] : admissions_) {
    if (admission.final != 0) continue;
    const ModelUnit unit = UnitOf(*FindKnown(key.first, key.second));
    std::set<std::string> here;  // records that it creates
    bool waits = false;
    for (const ModelChange& change : unit.changes) {
      if (change.create) here.insert(change.record);
      for (const Id& id : Named(change)) {
        const auto row = (*view)->UnitOf({*Uuid::FromBytes(id.life), id.counter});
        const bool own = id.life == key.first.life && id.counter >= key.first.counter;
        waits |= !own && row.ok() && (!row->has_value() || (*row)->Held());
      }
      if (here.contains(change.record)) continue;
      const auto state = (*view)->Load(*Uuid::FromBytes(change.record));
      if (!state.ok()) return;
      waits |= !state->has_value();
      if (!state->has_value()) continue;
      const auto places = (*view)->Memberships(admission.site);
      waits |= places.ok() && std::none_of(places->begin(), places->end(), [&](const auto& place) {
                 return place.compartment == (*state)->compartment;
               });
    }
    if (!waits) {
      return Violate("L4", absl::StrCat("server, ", ToString(key.first),
                                        ": got it held, wanted its final outcome: all that it "
                                        "waits for is there"));
    }
  }
}

ModelUnit World::UnitOf(const Known& known) const {
  ModelUnit unit = *ReadUnit(known.payload, known.id.life, known.id.counter, known.author);
  unit.epoch = known.epoch;
  unit.checkpoint = known.checkpoint;
  return unit;
}

bool World::Observe() {
  if (server_.truth == nullptr || violation_) return true;
  const auto view = server_.truth->Read();
  if (!view.ok() || (restored_ && !ObserveLives(**view))) return false;
  const absl::StatusOr<uint64_t> head = (*view)->Head();
  if (!head.ok()) return false;
  if (*head == observed_) return true;
  if (*head < observed_) {
    Violate("L7", absl::StrCat("server: got head ", *head, ", wanted at least ", observed_));
    return true;
  }
  std::vector<std::pair<server::UnitRow, std::string>> rows;
  for (const auto& [device, site] : site_of_device_) {
    const auto units = (*view)->Outcomes(*Uuid::FromBytes(device), observed_, 100'000);
    if (!units.ok()) return false;
    for (const server::UnitRow& row : *units) rows.emplace_back(row, site);
  }
  std::sort(rows.begin(), rows.end(),
            [](const auto& a, const auto& b) { return a.first.sequence < b.first.sequence; });
  for (const auto& [row, site] : rows) {
    ObserveUnit(**view, row, site);
    if (violation_) return true;
  }
  const uint64_t before = std::exchange(observed_, *head);
  if (rows.empty()) ObserveShare(**view, *head);
  CheckMembership(**view);
  for (const auto& [row, site] : rows) {
    const Known& known = *FindKnown({Bytes(row.incarnation), row.counter}, row.hash);
    for (const ModelChange& change : UnitOf(known).changes) {
      CheckServerRecord(**view, change.record);
    }
  }
  if (!violation_) CheckTakenBack();
  if (!violation_) CheckTold(**view, before);
  return true;
}

void World::CheckTakenBack() {
  if (model_.taken_back().empty()) return;
  Violate("R5", absl::StrCat("server: got ", ToString(*model_.taken_back().begin()),
                             " held, wanted it WITHDRAWN: its author has answered it"));
}

void World::CheckTold(server::ReadView& view, uint64_t after) {
  using NoticeLine = std::tuple<std::string, uint64_t, std::string, uint32_t, Id, Id>;
  std::map<NoticeLine, bool> got;  // conflict?
  constexpr uint64_t kLast = std::numeric_limits<int64_t>::max();
  for (const auto& [device, unused] : site_of_device_) {
    const auto notices = view.Notices(*Uuid::FromBytes(device), {after, kLast}, 100'000);
    if (!notices.ok()) return;
    for (const server::NoticeRow& row : *notices) {
      got[{device,
           row.sequence,
           Bytes(row.record),
           row.field,
           {Bytes(row.what.change.incarnation), row.what.change.counter},
           {Bytes(row.what.by.incarnation), row.what.by.counter}}] =
          row.what.word == Word::kConflict;
    }
  }
  const auto& told = model_.told();
  for (auto it = told.rbegin(); it != told.rend() && it->sequence > after; ++it) {
    const std::string device = DeviceOf(it->change.life);
    if (device.empty()) continue;
    const auto line = got.find({device, it->sequence, it->record, it->field, it->change, it->by});
    const bool right = line != got.end() && line->second == it->conflict;
    if (it->sure && !right) {
      return Violate(
          "R12", absl::StrCat("server, sequence ", it->sequence, ": got ",
                              line == got.end() ? "nobody" : "other words",
                              ", wanted the author of ", ToString(it->change), " (",
                              NameOf(it->record), ".", it->field, ") told of ", ToString(it->by)));
    }
    if (line != got.end()) got.erase(line);
  }
  if (got.empty()) return;
  const auto& [device, sequence, record, field, change, by] = got.begin()->first;
  Violate("R12", absl::StrCat("server, sequence ", sequence, ": got the author of ",
                              ToString(change), " (", NameOf(record), ".", field, ") told of ",
                              ToString(by), ", wanted nobody told"));
}

// The head moved and no unit came: what an operator asked for has happened.
void World::ObserveShare(server::ReadView& view, uint64_t head) {
  if (!sharing_) return;
  const auto places = view.CompartmentsOf(*Uuid::FromBytes(sharing_->file));
  if (!places.ok()) return;
  for (const server::MembershipRow& row : *places) {
    const PlaceId place{Bytes(row.compartment.file), row.compartment.tier};
    const bool holds = model_.Holds(sharing_->site, place, kNow);
    if (sharing_->give && !holds) model_.Grant(sharing_->site, place, head);
    if (!sharing_->give && holds) model_.Take(sharing_->site, place, head, sharing_->time_ms);
  }
}

void World::ObserveUnit(server::ReadView& view, const server::UnitRow& row,
                        const std::string& site) {
  const Id id{Bytes(row.incarnation), row.counter};
  const std::string where = absl::StrCat("server, sequence ", row.sequence, ", ", ToString(id));
  const Known* known = FindKnown(id, row.hash);
  if (known == nullptr) {
    return Violate("L4", absl::StrCat(where, ": got a unit that nobody sent"));
  }
  Admission& admission = admissions_[{id, row.hash}];
  if (admission.final != 0 || (row.Held() && admission.held != 0)) {
    return Violate("L4", absl::StrCat(where, ": got a second outcome, ", WordText(row.WordOf(0)),
                                      ", wanted one"));
  }
  (row.Held() ? admission.held : admission.final) = row.sequence;
  admission.refused = row.Refused();
  admission.site = site;
  Trace(absl::StrCat("  ", row.sequence, " ", ToString(id), " ", WordText(row.WordOf(0)), " ",
                     row.TimeOf(0)));
  const ModelUnit unit = UnitOf(*known);
  if (row.Held()) return ObserveHeld(row, unit, site);
  if (row.WordOf(0) == Word::kWithdrawn) {
    const bool asked = std::any_of(
        unit.changes.begin(), unit.changes.end(),
        [&](const ModelChange& change) { return model_.taken_back().contains(change.id); });
    if (asked) return model_.Refuse(unit, row.sequence, kTakenBack);
    return Violate("R5", absl::StrCat(where, ": got it WITHDRAWN, wanted what its author asked"));
  }
  // The changes of a unit are a tick apart.
  int64_t made_ms = row.TimeOf(0);
  for (uint32_t i = 1; i < row.changes; ++i) {
    made_ms = std::max<int64_t>(made_ms, row.TimeOf(i) - row.changes);
  }
  std::string why = model_.WhyRefuse(unit, site, made_ms);
  // Of what is refused for another reason only the receipt has a time: then there must be such a
  // reason, whenever it was made.
  const bool untimed = row.Refused() && why == kAfterwards &&
                       row.uncertainty_ms == std::numeric_limits<int64_t>::max();
  if (untimed) why = model_.WhyRefuse(unit, site, kBefore);
  const bool may_write = why != kNotTheirs && why != kAfterwards;
  const std::string waits =
      may_write && !unit.Withdraws() ? model_.WaitsFor(unit, site) : std::string();
  if (!waits.empty()) {
    return Violate("R9", absl::StrCat(where, ": got an outcome although ", waits,
                                      " is not there, wanted it to wait"));
  }
  if (row.Refused()) {
    ++counts_.refused;
    model_.Refuse(unit, row.sequence, why);
    CheckRefused(view, row, why);
    if (why == kAfterwards && !untimed) CheckTimes(row, *known, unit);
    return;
  }
  if (!why.empty()) {
    return Violate(why == kNotTheirs         ? "L8"
                   : why == kAfterwards      ? "R21"
                   : why == "a step too far" ? "R9"
                   : unit.Withdraws()        ? "R5"
                                             : "R12",
                   absl::StrCat(where, ": got it admitted, wanted it refused: ", why));
  }
  if (!unit.Withdraws()) CheckTimes(row, *known, unit);
  ObserveAdmitted(row, unit, site);
}

// Only after a restore, which may have lost what the unit stands on.
void World::ObserveHeld(const server::UnitRow& row, const ModelUnit& unit,
                        const std::string& site) {
  const std::string why = model_.WhyRefuse(unit, site, kBefore);
  const bool may_write = why != kNotTheirs && why != kAfterwards;
  if (!restored_ || !may_write || unit.Withdraws() || model_.WaitsFor(unit, site).empty()) {
    return Violate("R5",
                   absl::StrCat("server, sequence ", row.sequence, ": got HELD (", row.reason,
                                "), wanted a final outcome: ",
                                restored_ ? "nothing is missing" : "nothing was ever lost here"));
  }
  Fault("(held)");
  model_.Hold(unit);
}

void World::ObserveAdmitted(const server::UnitRow& row, const ModelUnit& unit,
                            const std::string& site) {
  std::vector<int64_t> times;
  for (uint32_t i = 0; i < row.changes; ++i) times.push_back(row.TimeOf(i));
  const size_t told = model_.told().size();
  const std::vector<std::string> words = model_.Admit(unit, site, row.sequence, times);
  counts_.faults["(told)"] += model_.told().size() - told;
  for (uint32_t i = 0; i < row.changes && i < words.size(); ++i) {
    const std::string word = WordText(row.WordOf(i));
    counts_.conflicts += word == "CONFLICT" ? 1 : 0;
    const ModelChange& change = unit.changes[i];
    const ModelRecord* now = model_.At(change.record, row.sequence);
    const bool judged =
        std::all_of(change.edits.begin(), change.edits.end(), [&](const auto& edit) {
          const auto heads = now->fields.find(edit.first);
          return IsMark(edit.first) || heads == now->fields.end() ||
                 Judged(change.kind, edit.first, heads->second);
        });
    if (judged && word != words[i]) {
      Violate("L4", absl::StrCat("server, sequence ", row.sequence, ": got ", word, ", wanted ",
                                 words[i]));
    }
  }
}

// That it had to be refused; and that it is kept for those who hold the file now when it was only
// too late (R21), and for nobody else.
void World::CheckRefused(server::ReadView& view, const server::UnitRow& row,
                         const std::string& why) {
  const std::string where = absl::StrCat("server, sequence ", row.sequence);
  if (why.empty()) {
    return Violate("L3",
                   absl::StrCat(where, ": got REJECTED (", row.reason, "), wanted it admitted"));
  }
  const auto kept = view.Quarantine(row.sequence - 1, 1);
  if (!kept.ok()) return;
  const bool is_kept = !kept->empty() && kept->front().sequence == row.sequence;
  if (is_kept == (why == kAfterwards)) return;
  Violate("R21", absl::StrCat(where, ": got it ", is_kept ? "in" : "not in", " quarantine, wanted ",
                              is_kept ? "it refused for good" : "it there", ": ", why));
}

int64_t World::LowestTime(const server::UnitRow& row, const ModelUnit& unit,
                          uint32_t change) const {
  int64_t lower = std::numeric_limits<int64_t>::min();
  if (unit.stamp.contact_ms() > 0 && unit.stamp.contact_ms() <= row.received_ms) {
    lower = unit.stamp.contact_ms();
  }
  const auto look = [&](const Id& id) {
    if (const auto time = model_.TimeOf(id)) lower = std::max(lower, *time + 1);
  };
  for (const auto& [field, edit] :
       model_.AsAdmitted(unit, unit.changes[change], row.sequence).edits) {
    for (const Id& base : edit.base) look(base);
    for (const auto& [element, adds] : edit.removals) {
      for (const Id& add : adds) look(add);
    }
  }
  return lower;
}

// R4. A pending change's clocks tell its true time when the device has not been restarted since;
// nothing else may move it out of the bounds, and out of them it stands at the lower one.
void World::CheckTimes(const server::UnitRow& row, const Known& known, const ModelUnit& unit) {
  for (uint32_t i = 0; i < row.changes; ++i) {
    const int64_t got = row.TimeOf(i);
    int64_t lower = LowestTime(row, unit, i);
    // What was too late has one time, the latest that any of it can have.
    for (uint32_t other = 0; row.Refused() && other < row.changes; ++other) {
      lower = std::max(lower, LowestTime(row, unit, other));
    }
    const std::string where = absl::StrCat("server, sequence ", row.sequence, ", change ", i);
    if (got < lower) {
      return Violate("R4", absl::StrCat(where, ": got time ", got, ", wanted at least ", lower));
    }
    if (got > row.received_ms && got > lower + row.changes) {
      return Violate("R4", absl::StrCat(where, ": got time ", got, ", wanted at most the receipt, ",
                                        row.received_ms));
    }
    const bool clocks_tell = known.true_ms != 0 && known.boot == known.sending_boot;
    const int64_t wanted = std::max(known.true_ms, lower);
    if (clocks_tell && std::abs(got - wanted) > kSlackMs) {
      return Violate("R4", absl::StrCat(where, ": got time ", got, ", wanted about ", wanted,
                                        ", when it was made: the device ran all the time"));
    }
  }
}

void World::CheckMembership(server::ReadView& view) {
  for (const std::string& site : sites_) {
    const auto rows = view.Memberships(site);
    if (!rows.ok()) return;
    std::set<PlaceId> held;
    for (const server::MembershipRow& row : *rows) {
      held.insert({Bytes(row.compartment.file), row.compartment.tier});
    }
    if (held != model_.HeldBy(site, kNow)) {
      Violate("L8", absl::StrCat("server: got ", held.size(), " compartments for ", site,
                                 ", wanted ", model_.HeldBy(site, kNow).size()));
    }
  }
}

void World::CheckServerRecord(server::ReadView& view, const std::string& record) {
  const auto state = view.Load(*Uuid::FromBytes(record));
  if (!state.ok() || violation_) return;
  const ModelRecord* wanted = model_.At(record, kNow);
  const ModelRecord got = state->has_value() ? ToModel(**state) : ModelRecord();
  std::set<uint32_t> fields;
  for (const auto& [field, unused] : got.fields) fields.insert(field);
  if (wanted != nullptr) {
    for (const auto& [field, unused] : wanted->fields) fields.insert(field);
  }
  const auto heads_of = [](const ModelRecord* of, uint32_t field) {
    return of != nullptr && of->fields.contains(field) ? of->fields.at(field) : Heads();
  };
  for (const uint32_t field : fields) {
    const Heads is = heads_of(&got, field);
    const Heads should = heads_of(wanted, field);
    if (is == should) continue;
    const bool lost = std::any_of(should.begin(), should.end(), [&](const ModelHead& head) {
      return std::none_of(is.begin(), is.end(), [&](const ModelHead& h) {
        return h.id == head.id && h.value == head.value;
      });
    });
    return Violate(lost ? "L3" : "L2", absl::StrCat("server: got ", NameOf(record), ".", field, " ",
                                                    ToText(is), ", wanted ", ToText(should)));
  }
}

}  // namespace doorstep::sim
