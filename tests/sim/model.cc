#include "tests/sim/model.h"

#include <algorithm>
#include <iterator>

#include "tests/sim/told.h"

namespace doorstep::sim {
namespace {

// Low, moderate, high, extreme; 0: no rating.
int BandOf(int64_t score) {
  return score <= 0 ? 0 : score <= 3 ? 1 : score <= 6 ? 2 : score <= 12 ? 3 : 4;
}

bool Distinct(uint32_t kind, uint32_t field, const Heads& heads) {
  return std::any_of(heads.begin(), heads.end(), [&](const ModelHead& head) {
    return Compared(kind, field, head.value) != Compared(kind, field, heads.begin()->value);
  });
}

std::string ShownOfReview(uint32_t kind, uint32_t field, const Heads& heads) {
  const ModelHead* best = nullptr;
  const auto last_that = [&](const auto& fits) {
    for (const ModelHead& head : heads) best = fits(head.value) ? &head : best;
    return best != nullptr;
  };
  if (last_that([&](const std::string& v) { return IsDominant(kind, field, v); })) {
    return best->value;
  }
  switch (Options(kind, field).effective()) {
    case v1::HIGHEST_RATING:
      for (const ModelHead& head : heads) {
        if (best == nullptr || Rating(field, head.value) >= Rating(field, best->value)) {
          best = &head;
        }
      }
      return best->value;
    case v1::DOMINANT:
      return last_that([](const std::string& v) { return !v.empty(); }) ? best->value : "";
    case v1::LAST_AGREED:
      return LowestAgreed(heads);
    default:
      return "";
  }
}

// Concurrent steps one after the other, the highest rank first: what they come to, and whether all
// of them fit.
std::pair<std::string, bool> Replay(uint32_t kind, uint32_t field, const Heads& heads) {
  std::vector<std::string> steps;
  for (const ModelHead& head : heads) steps.push_back(head.value);
  std::stable_sort(steps.begin(), steps.end(), [&](const std::string& a, const std::string& b) {
    return Rank(kind, field, a) > Rank(kind, field, b);
  });
  std::pair<std::string, bool> out{steps.front(), true};
  for (const std::string& step : steps) {
    const bool fits =
        step == out.first || (!out.first.empty() && Follows(kind, field, out.first, step));
    if (fits) out.first = step;
    out.second &= fits;
  }
  return out;
}

// Something is paused, and nobody has decided on it.
bool IsPaused(uint32_t kind, uint32_t field, const Heads& heads) {
  return Options(kind, field).effective() == v1::LAST_AGREED && !heads.empty() &&
         std::all_of(heads.begin(), heads.end(), [&](const ModelHead& head) {
           return head.settled.empty() && IsDominant(kind, field, head.value);
         });
}

// Adds of elements that somebody proposes to take out.
bool IsInQuestion(const Heads& heads) {
  return std::any_of(heads.begin(), heads.end(), [&](const ModelHead& proposal) {
    return !proposal.removes.empty() &&
           std::any_of(heads.begin(), heads.end(), [&](const ModelHead& add) {
             return add.removes.empty() && add.value == proposal.value;
           });
  });
}

}  // namespace

const Heads& HeadsOf(const ModelRecord& record, uint32_t field) {
  static const Heads none;
  const auto it = record.fields.find(field);
  return it == record.fields.end() ? none : it->second;
}

// --- One field ---

std::string LowestAgreed(const Heads& heads) {
  std::optional<ModelAgreed> lowest;
  for (const ModelHead& head : heads) {
    if (head.agreed && (!lowest || *head.agreed < *lowest)) lowest = head.agreed;
  }
  return lowest ? lowest->value : "";
}

std::string Shown(uint32_t kind, uint32_t field, const Heads& heads) {
  if (heads.empty()) return "";
  const v1::MergeClass merge = ClassOf(kind, field);
  if (merge == v1::SET) {
    std::set<std::string> elements;
    for (const ModelHead& head : heads) {
      if (head.removes.empty()) elements.insert(head.value);
    }
    std::string all;
    for (const std::string& element : elements) all += element;
    return all;
  }
  if (merge == v1::IMMUTABLE) return heads.begin()->value;
  if (merge == v1::STATE) return Replay(kind, field, heads).first;
  if (!Distinct(kind, field, heads)) return heads.rbegin()->value;
  if (merge == v1::REVIEW) return ShownOfReview(kind, field, heads);
  if (merge != v1::EARLIEST && merge != v1::HIGHEST) return heads.rbegin()->value;
  std::map<Scalar, std::string> by_value;
  for (const ModelHead& head : heads) {
    if (!head.value.empty()) by_value.emplace(Read(head.value, field), head.value);
  }
  return merge == v1::EARLIEST ? by_value.begin()->second : by_value.rbegin()->second;
}

bool IsOpen(uint32_t kind, uint32_t field, const Heads& heads) {
  const v1::MergeClass merge = ClassOf(kind, field);
  if (merge == v1::SET) return IsInQuestion(heads);
  if (merge == v1::STATE) return !heads.empty() && !Replay(kind, field, heads).second;
  if (merge == v1::REVIEW && IsPaused(kind, field, heads)) return true;
  return (merge == v1::REVIEW || merge == v1::IMMUTABLE) && Distinct(kind, field, heads);
}

bool Judged(uint32_t kind, uint32_t field, const Heads& heads) {
  return FieldOf(kind, field) != nullptr && (heads.size() < 2 || ClassOf(kind, field) != v1::TEXT);
}

// --- A change ---

std::string Apply(const ModelChange& change, int64_t time_ms, uint64_t sequence,
                  const std::string& author, bool latest_too, ModelRecord* record) {
  bool merged = false;
  bool open = false;
  for (const auto& entry : change.edits) {
    const uint32_t field = entry.first;
    const ModelEdit& edit = entry.second;
    Heads& heads = record->fields[field];
    ModelHead head{time_ms,        change.id,   edit.value, sequence, author,
                   change.settled, edit.agreed, {},         {}};
    if (IsMark(field) || IsMember(change.kind, field)) head.seen = change.seen;
    bool unseen = false;
    if (ClassOf(change.kind, field) == v1::SET) {
      head.agreed.reset();
      const bool reviewed = Options(change.kind, field).removal() == v1::REVIEWED;
      for (const auto& removal : edit.removals) {
        if (removal.second.empty()) continue;  // all adds that it names were refused
        head.value = removal.first;
        if (reviewed && change.settled.empty() && !edit.adds.contains(removal.first)) {
          head.removes = removal.second;
          heads.insert(head);
          head.removes.clear();
        } else {
          std::erase_if(heads, [&](const ModelHead& h) {
            return h.value == removal.first && removal.second.contains(h.id);
          });
        }
        unseen |= std::any_of(heads.begin(), heads.end(), [&](const ModelHead& h) {
          return h.value == removal.first && h.removes.empty();
        });
      }
      for (const std::string& element : edit.adds) {
        head.value = element;
        heads.insert(head);
      }
    } else {
      std::erase_if(heads, [&](const ModelHead& h) { return edit.base.contains(h.id); });
      unseen = !heads.empty();
      heads.insert(head);
      if (ClassOf(change.kind, field) == v1::LATEST && !latest_too) heads = {*heads.rbegin()};
    }
    merged |= unseen;
    const bool asks = unseen || ClassOf(change.kind, field) != v1::SET;
    open |= asks && IsOpen(change.kind, field, heads);
    if (heads.empty()) record->fields.erase(field);
  }
  return open ? "CONFLICT" : merged ? "MERGED" : "APPLIED";
}

// --- The server ---

void Model::Grant(const std::string& site, const PlaceId& place, uint64_t sequence) {
  membership_[{site, place}][sequence] = true;
}

void Model::Take(const std::string& site, const PlaceId& place, uint64_t sequence,
                 int64_t time_ms) {
  membership_[{site, place}][sequence] = false;
  ends_[{site, place.first}] = {sequence, time_ms};
}

bool Model::Lost(const std::string& site, const std::string& file) const {
  return WasTaken(site, file) && !HoldersOf(file).contains(site);
}

bool Model::Holds(const std::string& site, const PlaceId& place, uint64_t at) const {
  const auto it = membership_.find({site, place});
  if (it == membership_.end()) return false;
  const auto after = it->second.upper_bound(at);
  return after != it->second.begin() && std::prev(after)->second;
}

std::set<PlaceId> Model::HeldBy(const std::string& site, uint64_t at) const {
  std::set<PlaceId> held;
  for (const auto& [key, unused] : membership_) {
    if (key.first == site && Holds(site, key.second, at)) held.insert(key.second);
  }
  return held;
}

std::set<std::string> Model::HoldersOf(const std::string& file) const {
  std::set<std::string> sites;
  for (const auto& [key, changes] : membership_) {
    if (key.second.first == file && changes.rbegin()->second) sites.insert(key.first);
  }
  return sites;
}

bool Model::HeldSince(const std::string& site, const PlaceId& place, uint64_t sequence) const {
  const auto it = membership_.find({site, place});
  if (it == membership_.end() || !Holds(site, place, sequence)) return false;
  return std::all_of(it->second.upper_bound(sequence), it->second.end(),
                     [](const auto& change) { return change.second; });
}

void Model::BeginLife(uint64_t epoch, uint64_t from) {
  epochs_.emplace_back(epoch, from);
  lives_.insert(epoch);
}

uint64_t Model::SightOf(const ModelUnit& unit) const {
  if (!Restored()) return unit.checkpoint;
  uint64_t common = kNow;
  for (auto life = epochs_.rbegin(); life != epochs_.rend(); ++life) {
    if (life->first == unit.epoch) return std::min(unit.checkpoint, common);
    common = std::min(common, life->second);
  }
  return 0;
}

std::string Model::WaitsFor(const ModelUnit& unit, const std::string& site) const {
  std::set<Id> own;
  std::set<std::string> made;
  for (const ModelChange& change : unit.changes) {
    for (const Id& id : Named(Resolved(change, kNow))) {
      if (own.contains(id) || IsKnown(id)) continue;
      // What a restored server has lost of others was known to it once: their devices send it.
      if (!Restored() || held_.contains(id) || id.life == change.id.life) return ToString(id);
    }
    own.insert(change.id);
    if (change.create) made.insert(change.record);
  }
  for (const ModelChange& change : unit.changes) {
    if (!Restored() || made.contains(change.record)) continue;
    const ModelRecord* stored = At(change.record, kNow);
    const bool here = stored == nullptr
                          ? refused_records_.contains(change.record)
                          : stored->place == unit.place || Holds(site, stored->place, kNow);
    if (!here) return "its record";
  }
  return "";
}

void Model::Inherit(const std::string& record, uint32_t field, uint64_t at, const Id& id,
                    std::set<Id>* base) const {
  const auto refused = refused_.find(id);
  if (refused == refused_.end() || refused->second.first > at) {
    base->insert(id);
    return;
  }
  const ModelChange& change = refused->second.second;
  const auto edit = change.edits.find(field);
  if (change.record != record || edit == change.edits.end()) return;
  for (const Id& inherited : edit->second.base) Inherit(record, field, at, inherited, base);
}

ModelChange Model::Resolved(const ModelChange& change, uint64_t at) const {
  ModelChange out = change;
  for (auto& [field, edit] : out.edits) {
    std::set<Id> base;
    for (const Id& id : edit.base) Inherit(change.record, field, at, id, &base);
    edit.base = std::move(base);
  }
  return out;
}

ModelChange Model::AsAdmitted(const ModelUnit& unit, const ModelChange& change, uint64_t at,
                              std::set<std::pair<Id, uint32_t>>* lost) const {
  ModelChange out = Resolved(change, at);
  const uint64_t seen = SightOf(unit);
  const ModelRecord* record = At(change.record, at);
  const auto is_lost = [&](const Id& id) {
    return Restored() && !IsKnown(id) && id.life != change.id.life;
  };
  for (auto& [field, edit] : out.edits) {
    std::set<Id> base;
    for (const Id& id : edit.base) {
      if (!is_lost(id)) {
        base.insert(id);
        continue;
      }
      if (lost != nullptr) lost->insert({id, field});
      if (record == nullptr || !record->fields.contains(field)) continue;
      for (const ModelHead& head : record->fields.at(field)) {
        if (head.sequence <= seen) base.insert(head.id);
      }
    }
    edit.base = std::move(base);
    for (auto& [element, adds] : edit.removals) {
      std::erase_if(adds, [&](const Id& id) {
        const auto refused = refused_.find(id);
        return (refused != refused_.end() && refused->second.first <= at) || is_lost(id);
      });
    }
  }
  return out;
}

// Nobody settles alone a case across bands of which one version is their own. Ratings have bands;
// of other values any two that differ are far apart, and a pause is far from going on. Nor does
// anybody take out what they alone proposed to take out.
bool Model::MayDecide(const ModelChange& change, uint32_t field, const ModelRecord& record,
                      const std::string& author) const {
  if (ClassOf(change.kind, field) == v1::SET) return OthersProposed(change, field, author);
  const bool rated = Options(change.kind, field).effective() == v1::HIGHEST_RATING;
  bool own = false;
  Heads seen;
  std::set<int> bands;
  const auto look = [&](const Id& id, const std::string& by, const std::string& value,
                        const std::string& settled) {
    own |= by == author;
    seen.insert({0, id, value, 0, "", settled, std::nullopt, {}, {}});
    if (rated) bands.insert(BandOf(Rating(field, value).first));
  };
  const auto stands = record.fields.find(field);
  for (const Id& id : change.edits.at(field).base) {
    const auto was = admitted_.find(id);
    if (was != admitted_.end() && was->second.second.edits.contains(field)) {
      look(id, authors_.at(id), was->second.second.edits.at(field).value,
           was->second.second.settled);
    } else if (stands != record.fields.end()) {  // an earlier change of this unit
      for (const ModelHead& head : stands->second) {
        if (head.id == id) look(id, head.author, head.value, head.settled);
      }
    }
  }
  return !own || !IsOpen(change.kind, field, seen) || (rated && bands.size() < 2);
}

// Whether each element that a decision takes out is one that somebody else proposed to take out.
bool Model::OthersProposed(const ModelChange& change, uint32_t field,
                           const std::string& author) const {
  const ModelEdit& edit = change.edits.at(field);
  return std::all_of(edit.removals.begin(), edit.removals.end(), [&](const auto& removal) {
    const std::string& element = removal.first;
    const std::set<Id>& named = removal.second;
    if (named.empty() || edit.adds.contains(element)) return true;
    return std::any_of(named.begin(), named.end(), [&](const Id& id) {
      const auto was = admitted_.find(id);
      if (was == admitted_.end() || authors_.at(id) == author) return false;
      const ModelChange& proposal = was->second.second;
      const auto touched = proposal.edits.find(field);
      return proposal.settled.empty() && touched != proposal.edits.end() &&
             touched->second.removals.contains(element);
    });
  });
}

// Whether a step follows from one of the states that its author saw.
bool Model::StepFollows(const ModelChange& change, uint32_t field,
                        const ModelRecord& record) const {
  const ModelEdit& edit = change.edits.at(field);
  std::set<std::string> from;
  if (edit.base.empty()) from.insert("");
  for (const Id& id : edit.base) {
    const auto was = admitted_.find(id);
    if (was != admitted_.end() && was->second.second.edits.contains(field)) {
      from.insert(was->second.second.edits.at(field).value);
    }
    if (!record.fields.contains(field)) continue;
    for (const ModelHead& head : record.fields.at(field)) {
      if (head.id == id) from.insert(head.value);
    }
  }
  return change.create || std::any_of(from.begin(), from.end(), [&](const std::string& state) {
           return Follows(change.kind, field, state, edit.value);
         });
}

// Only what was never admitted. A device does not hand over again what it has withdrawn, so a
// restored server may not know it.
std::string Model::WhyNotWithdraw(const ModelUnit& unit) const {
  for (const ModelChange& change : unit.changes) {
    const Id& id = *change.resolves;
    if (refused_.contains(id) || held_.contains(id)) continue;
    if (!IsKnown(id) && Restored()) continue;
    return "it was admitted, or never came";
  }
  return "";
}

std::string Model::WhyRefuse(const ModelUnit& unit, const std::string& site,
                             int64_t made_ms) const {
  if (unit.Withdraws()) return WhyNotWithdraw(unit);
  const bool may_write = Holds(site, unit.place, kNow) || !files_.contains(unit.place.first) ||
                         HoldersOf(unit.place.first).contains(site);
  if (!may_write) {
    const auto end = ends_.find({site, unit.place.first});
    if (end == ends_.end()) return kNotTheirs;
    const bool knew = SightOf(unit) >= end->second.first;
    if (knew || made_ms > end->second.second) return kAfterwards;
  }
  Rows work;
  for (const ModelChange& change : unit.changes) {
    if (!work.contains(change.record)) {
      const ModelRecord* stored = At(change.record, kNow);
      if (stored == nullptr && !change.create) return "no such record";
      work[change.record] = stored == nullptr ? ModelRecord{change.kind, unit.place, {}} : *stored;
    }
    ModelRecord& record = work[change.record];
    if (record.kind != change.kind || record.place != unit.place) return "the id is in use";
    std::set<std::pair<Id, uint32_t>> lost;
    const ModelChange resolved = AsAdmitted(unit, change, kNow, &lost);
    for (const auto& entry : resolved.edits) {
      const uint32_t field = entry.first;
      const std::set<Id>& base = entry.second.base;
      const v1::MergeClass merge = ClassOf(change.kind, field);
      // Of a step from what was lost nobody can tell what it follows.
      const bool tells = std::none_of(lost.begin(), lost.end(),
                                      [&](const auto& each) { return each.second == field; });
      if (merge == v1::STATE && tells && !StepFollows(resolved, field, record)) {
        return "a step too far";
      }
      if (!change.settled.empty()) {
        const bool asked =
            merge == v1::REVIEW || Options(change.kind, field).removal() == v1::REVIEWED;
        if (asked && !MayDecide(resolved, field, record, unit.author)) {
          return kNotAlone;
        }
        continue;
      }
      if (merge == v1::IMMUTABLE && !base.empty()) return "it is set once";
      Heads seen = record.fields.contains(field) ? record.fields.at(field) : Heads();
      std::erase_if(seen, [&](const ModelHead& head) { return !base.contains(head.id); });
      if (merge == v1::REVIEW && IsOpen(change.kind, field, seen)) return "it needs a decision";
    }
    if (change.kind == kSignOff && change.create) {
      const auto read = [&](uint32_t field) { return Read(change.edits.at(field).value, field); };
      const Signed covered = ReadSigned(read(4).bytes);
      std::string target;
      for (const auto& [field, heads] : covered) {
        if (IdText(field.first) == read(1).bytes) target = field.first;
      }
      if (LacksDemanded(target, static_cast<uint32_t>(read(2).number), covered)) {
        return "it lacks what the schema demands";
      }
    }
    Apply(resolved, 0, 1, unit.author, /*latest_too=*/true, &record);
  }
  return "";
}

std::vector<std::string> Model::Admit(const ModelUnit& unit, const std::string& site,
                                      uint64_t sequence, const std::vector<int64_t>& times_ms) {
  std::vector<std::string> words;
  if (unit.Withdraws()) {
    for (const ModelChange& change : unit.changes) {
      words.emplace_back("APPLIED");
      admitted_[change.id] = {times_ms[0], change};
      authors_[change.id] = unit.author;
    }
    TakeBack(unit);
    return words;
  }
  std::set<std::string> holders = HoldersOf(unit.place.first);
  if (!files_.contains(unit.place.first)) holders.insert(site);
  for (const std::string& holder : holders) {
    if (!Holds(holder, unit.place, sequence)) Grant(holder, unit.place, sequence);
  }
  files_.insert(unit.place.first);
  std::set<std::pair<Id, uint32_t>> lost;
  for (size_t i = 0; i < unit.changes.size(); ++i) {
    const ModelChange change = AsAdmitted(unit, unit.changes[i], sequence, &lost);
    const ModelRecord* stored = At(change.record, sequence);
    const ModelRecord before =
        stored == nullptr ? ModelRecord{change.kind, unit.place, {}} : *stored;
    ModelRecord record = before;
    words.push_back(Apply(change, times_ms[i], sequence, unit.author, false, &record));
    for (const auto& [field, unused] : change.edits) {
      for (Told& told :
           WhoIsTold(change, field, unit.author, HeadsOf(before, field), HeadsOf(record, field))) {
        told.sequence = sequence;
        told.place = unit.place;
        told_.push_back(std::move(told));
      }
    }
    versions_[change.record][sequence] = std::move(record);
    admitted_[change.id] = {times_ms[i], change};
    authors_[change.id] = unit.author;
    held_.erase(change.id);
  }
  // After a restore a change may come back later than one that had replaced it: it is no version.
  const bool late = Restored() && unit.epoch != epochs_.back().first;
  for (const ModelChange& change : unit.changes) {
    for (auto& [field, heads] : versions_[change.record][sequence].fields) {
      if (!late || heads.size() < 2 || !replaced_early_.contains({change.id, field})) continue;
      std::erase_if(heads, [&](const ModelHead& head) { return head.id == change.id; });
    }
  }
  replaced_early_.insert(lost.begin(), lost.end());
  TakeBack(unit);
  return words;
}

void Model::Refuse(const ModelUnit& unit, uint64_t sequence, const std::string& why) {
  for (const ModelChange& change : unit.changes) {
    refused_[change.id] = {sequence, change};
    held_.erase(change.id);
    taken_back_.erase(change.id);
    if (!change.create || why == kNotTheirs || why == kTakenBack) continue;
    if (At(change.record, kNow) == nullptr) refused_records_.insert(change.record);
  }
  if (why != kTakenBack) TakeBack(unit);
}

void Model::Hold(const ModelUnit& unit) {
  for (const ModelChange& change : unit.changes) held_.insert(change.id);
  TakeBack(unit);
}

// Whatever becomes of the unit itself: what it answers must not come to life.
void Model::TakeBack(const ModelUnit& unit) {
  for (const ModelChange& change : unit.changes) {
    if (change.resolves && held_.contains(*change.resolves)) taken_back_.insert(*change.resolves);
  }
}

const ModelRecord* Model::At(const std::string& record, uint64_t sequence) const {
  const auto it = versions_.find(record);
  if (it == versions_.end()) return nullptr;
  const auto after = it->second.upper_bound(sequence);
  return after == it->second.begin() ? nullptr : &std::prev(after)->second;
}

Rows Model::SeenBy(const std::string& site, uint64_t sequence) const {
  Rows seen;
  for (const auto& [id, unused] : versions_) {
    const ModelRecord* record = At(id, sequence);
    if (record != nullptr && Holds(site, record->place, sequence)) seen.emplace(id, *record);
  }
  return seen;
}

std::optional<int64_t> Model::TimeOf(const Id& id) const {
  const auto it = admitted_.find(id);
  return it == admitted_.end() ? std::nullopt : std::optional(it->second.first);
}

}  // namespace doorstep::sim
