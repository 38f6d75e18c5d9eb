#include "tests/sim/model.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "doorstep/v1/options.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/coded_stream.h"

namespace doorstep::sim {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::io::CodedInputStream;

// Every kind by its number, from the messages that this program was built with.
const std::map<uint32_t, const Descriptor*>& Kinds() {
  static const auto* const kinds = [] {
    auto* all = new std::map<uint32_t, const Descriptor*>();
    for (const char* name : {"people", "case_work", "risk", "programme", "handover"}) {
      const auto* file = DescriptorPool::generated_pool()->FindFileByName(
          absl::StrCat("doorstep/care/v1/", name, ".proto"));
      for (int i = 0; file != nullptr && i < file->message_type_count(); ++i) {
        const uint32_t number = file->message_type(i)->options().GetExtension(v1::kind).number();
        if (number != 0) all->emplace(number, file->message_type(i));
      }
    }
    return all;
  }();
  return *kinds;
}

const v1::FieldOptions& Options(uint32_t kind, uint32_t field) {
  static const v1::FieldOptions none;
  const FieldDescriptor* found = FieldOf(kind, field);
  return found == nullptr ? none : found->options().GetExtension(v1::field);
}

// A number or text inside a value: `path` leads through messages by field number.
struct Scalar {
  bool there = false;
  int64_t number = 0;
  std::string bytes;
  auto operator<=>(const Scalar&) const = default;
};

Scalar Read(absl::string_view value, uint32_t field) {
  Scalar out;
  CodedInputStream in(reinterpret_cast<const uint8_t*>(value.data()),
                      static_cast<int>(value.size()));
  while (const uint32_t tag = in.ReadTag()) {
    uint64_t varint = 0;
    uint32_t size = 0;
    std::string bytes;
    if ((tag & 7) == 0) in.ReadVarint64(&varint);
    if ((tag & 7) == 1) in.ReadLittleEndian64(&varint);
    if ((tag & 7) == 2 && in.ReadVarint32(&size)) in.ReadString(&bytes, static_cast<int>(size));
    if (tag >> 3 == field) out = {true, static_cast<int64_t>(varint), bytes};
  }
  return out;
}

// The parts of an atomic value that its rule compares; of any other value the value.
std::vector<Scalar> Compared(uint32_t kind, uint32_t field, const std::string& value) {
  const FieldDescriptor* spec = FieldOf(kind, field);
  if (spec == nullptr || spec->message_type() == nullptr) return {{true, 0, value}};
  if (value.empty()) return {};
  const std::string inner = Read(value, field).bytes;
  const Descriptor* type = spec->message_type();
  std::vector<Scalar> parts;
  for (const std::string& name : type->options().GetExtension(v1::atomic).compare()) {
    parts.push_back(Read(inner, static_cast<uint32_t>(type->FindFieldByName(name)->number())));
  }
  return parts.empty() ? std::vector<Scalar>{{true, 0, inner}} : parts;
}

bool Distinct(uint32_t kind, uint32_t field, const Heads& heads) {
  return std::any_of(heads.begin(), heads.end(), [&](const ModelHead& head) {
    return Compared(kind, field, head.value) != Compared(kind, field, heads.begin()->value);
  });
}

// Score, then severity.
std::pair<int64_t, int64_t> Rating(uint32_t field, const std::string& value) {
  const std::string inner = Read(value, field).bytes;
  const Scalar likelihood = Read(inner, 1);
  const Scalar severity = Read(inner, 2);
  const bool whole = likelihood.there && severity.there;
  return {whole ? likelihood.number * severity.number : 0, severity.number};
}

// Of an atomic value its first enum decides, and only together with all parts that are compared.
bool IsDominant(uint32_t kind, uint32_t field, const std::string& value) {
  const std::string& name = Options(kind, field).dominant();
  const FieldDescriptor* spec = FieldOf(kind, field);
  if (!name.empty() && spec->message_type() != nullptr) {
    const std::vector<Scalar> parts = Compared(kind, field, value);
    const bool whole = !parts.empty() && std::all_of(parts.begin(), parts.end(),
                                                     [](const Scalar& part) { return part.there; });
    const Descriptor* type = spec->message_type();
    for (int i = 0; whole && i < type->field_count(); ++i) {
      const auto* states = type->field(i)->enum_type();
      if (states == nullptr) continue;
      const auto number = static_cast<uint32_t>(type->field(i)->number());
      const auto* wins = states->FindValueByName(name);
      return wins != nullptr && Read(Read(value, field).bytes, number).number == wins->number();
    }
    return false;
  }
  if (name.empty() || spec->enum_type() == nullptr) return false;
  const auto* wins = spec->enum_type()->FindValueByName(name);
  return wins != nullptr && Read(value, field) == Scalar{true, wins->number(), ""};
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
    case v1::LAST_AGREED: {
      std::optional<ModelAgreed> lowest;
      for (const ModelHead& head : heads) {
        if (head.agreed && (!lowest || *head.agreed < *lowest)) lowest = head.agreed;
      }
      return lowest ? lowest->value : "";
    }
    default:
      return "";
  }
}

}  // namespace

std::string ToString(const Id& id) {
  return absl::StrCat(absl::BytesToHexString(id.life).substr(0, 8), ":", id.counter);
}

const FieldDescriptor* FieldOf(uint32_t kind, uint32_t field) {
  const auto it = Kinds().find(kind);
  return it == Kinds().end() ? nullptr : it->second->FindFieldByNumber(static_cast<int>(field));
}

bool IsSet(uint32_t kind, uint32_t field) { return Options(kind, field).merge() == v1::SET; }
bool IsState(uint32_t kind, uint32_t field) { return Options(kind, field).merge() == v1::STATE; }
bool IsLatest(uint32_t kind, uint32_t field) { return Options(kind, field).merge() == v1::LATEST; }

std::vector<std::pair<uint32_t, std::string>> SplitFields(absl::string_view message) {
  std::vector<std::pair<uint32_t, std::string>> fields;
  CodedInputStream in(reinterpret_cast<const uint8_t*>(message.data()),
                      static_cast<int>(message.size()));
  int from = 0;
  while (const uint32_t tag = in.ReadTag()) {
    uint64_t number = 0;
    uint32_t size = 0;
    if ((tag & 7) == 0) in.ReadVarint64(&number);
    if ((tag & 7) == 1) in.Skip(8);
    if ((tag & 7) == 5) in.Skip(4);
    if ((tag & 7) == 2 && in.ReadVarint32(&size)) in.Skip(static_cast<int>(size));
    const int to = in.CurrentPosition();
    fields.emplace_back(tag >> 3, std::string(message.substr(static_cast<size_t>(from),
                                                             static_cast<size_t>(to - from))));
    from = to;
  }
  return fields;
}

std::optional<ModelUnit> ReadUnit(absl::string_view payload, const std::string& life,
                                  uint64_t counter, const std::string& author) {
  v1::UnitPayload in;
  if (!in.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) return std::nullopt;
  const auto id_of = [&](const v1::ChangeRef& ref) {
    return Id{
        ref.incarnation() == 0 ? life : in.incarnations(static_cast<int>(ref.incarnation()) - 1),
        ref.counter()};
  };
  ModelUnit unit{author, {in.file(), in.tier()}, in.stamp(), {}};
  for (const v1::Change& from : in.changes()) {
    ModelChange& to = unit.changes.emplace_back();
    to.id = {life, counter++};
    to.record = from.record();
    to.kind = from.kind();
    to.create = from.create();
    if (from.has_settle()) to.settled = from.settle().reason();
    for (const auto& [field, value] : SplitFields(from.values())) {
      if (IsSet(to.kind, field)) to.edits[field].adds.insert(value);
      if (!IsSet(to.kind, field)) to.edits[field].value = value;
    }
    for (const uint32_t field : from.cleared()) to.edits[field];
    std::set<uint32_t> named;
    for (const v1::Base& base : from.bases()) {
      for (const uint32_t field : base.fields()) {
        named.insert(field);
        for (const v1::ChangeRef& ref : base.heads()) to.edits[field].base.insert(id_of(ref));
      }
    }
    for (const v1::SetRemoval& removal : from.removals()) {
      auto& seen = to.edits[removal.field()].removals[removal.element()];
      for (const v1::ChangeRef& ref : removal.adds()) seen.insert(id_of(ref));
    }
    for (const v1::Base& base : from.bases()) {
      if (base.fields_size() > 0) continue;
      for (auto& [field, edit] : to.edits) {
        if (named.contains(field) || IsSet(to.kind, field)) continue;
        for (const v1::ChangeRef& ref : base.heads()) edit.base.insert(id_of(ref));
      }
    }
    for (const v1::Agreed& agreed : from.agreed()) {
      to.edits[agreed.field()].agreed = {agreed.sequence(), agreed.value()};
    }
  }
  return unit;
}

std::set<Id> Named(const ModelChange& change) {
  std::set<Id> named;
  for (const auto& [field, edit] : change.edits) {
    named.insert(edit.base.begin(), edit.base.end());
    for (const auto& [element, adds] : edit.removals) named.insert(adds.begin(), adds.end());
  }
  return named;
}

std::string Shown(uint32_t kind, uint32_t field, const Heads& heads) {
  if (heads.empty()) return "";
  if (IsSet(kind, field)) {
    std::set<std::string> elements;
    for (const ModelHead& head : heads) elements.insert(head.value);
    std::string all;
    for (const std::string& element : elements) all += element;
    return all;
  }
  const v1::MergeClass merge = Options(kind, field).merge();
  if (merge == v1::IMMUTABLE) return heads.begin()->value;
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
  const v1::MergeClass merge = Options(kind, field).merge();
  return (merge == v1::REVIEW || merge == v1::IMMUTABLE) && Distinct(kind, field, heads);
}

bool Judged(uint32_t kind, uint32_t field, const Heads& heads) {
  const v1::MergeClass merge = Options(kind, field).merge();
  return FieldOf(kind, field) != nullptr &&
         (heads.size() < 2 || (merge != v1::TEXT && merge != v1::STATE));
}

std::string Apply(const ModelChange& change, int64_t time_ms, uint64_t sequence,
                  const std::string& author, bool latest_too, ModelRecord* record) {
  bool merged = false;
  bool open = false;
  for (const auto& entry : change.edits) {
    const uint32_t field = entry.first;
    const ModelEdit& edit = entry.second;
    Heads& heads = record->fields[field];
    const ModelHead head{time_ms, change.id,      edit.value, sequence,
                         author,  change.settled, edit.agreed};
    bool unseen = false;
    if (IsSet(change.kind, field)) {
      for (const auto& removal : edit.removals) {
        std::erase_if(heads, [&](const ModelHead& h) {
          return h.value == removal.first && removal.second.contains(h.id);
        });
        unseen |= std::any_of(heads.begin(), heads.end(),
                              [&](const ModelHead& h) { return h.value == removal.first; });
      }
      for (const std::string& element : edit.adds) {
        ModelHead add = head;
        add.value = element;
        add.agreed.reset();
        heads.insert(add);
      }
    } else {
      std::erase_if(heads, [&](const ModelHead& h) { return edit.base.contains(h.id); });
      unseen = !heads.empty();
      heads.insert(head);
      if (IsLatest(change.kind, field) && !latest_too) heads = {*heads.rbegin()};
    }
    merged |= unseen;
    open |= unseen && IsOpen(change.kind, field, heads);
    if (heads.empty()) record->fields.erase(field);
  }
  return open ? "CONFLICT" : merged ? "MERGED" : "APPLIED";
}

void Model::Grant(const std::string& site, const PlaceId& place, uint64_t sequence) {
  membership_[{site, place}][sequence] = true;
}

void Model::Take(const std::string& site, const PlaceId& place, uint64_t sequence) {
  membership_[{site, place}][sequence] = false;
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

std::optional<Id> Model::UnknownBase(const ModelUnit& unit) const {
  std::set<Id> own;
  for (const ModelChange& change : unit.changes) {
    for (const Id& id : Named(change)) {
      if (!own.contains(id) && !admitted_.contains(id) && !refused_.contains(id)) return id;
    }
    own.insert(change.id);
  }
  return std::nullopt;
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

std::string Model::WhyRefuse(const ModelUnit& unit, const std::string& site) const {
  constexpr uint64_t kNow = std::numeric_limits<uint64_t>::max();
  const bool may_write = Holds(site, unit.place, kNow) || !files_.contains(unit.place.first) ||
                         HoldersOf(unit.place.first).contains(site);
  if (!may_write) return "the site does not hold the file";
  std::map<std::string, ModelRecord> work;
  for (const ModelChange& change : unit.changes) {
    if (!work.contains(change.record)) {
      const ModelRecord* stored = At(change.record, kNow);
      if (stored == nullptr && !change.create) return "no such record";
      work[change.record] = stored == nullptr ? ModelRecord{change.kind, unit.place, {}} : *stored;
    }
    ModelRecord& record = work[change.record];
    if (record.kind != change.kind || record.place != unit.place) return "the id is in use";
    const ModelChange resolved = Resolved(change, kNow);
    for (const auto& entry : resolved.edits) {
      const uint32_t field = entry.first;
      const ModelEdit& edit = entry.second;
      const v1::MergeClass merge = Options(change.kind, field).merge();
      if (!change.settled.empty()) continue;
      if (merge == v1::IMMUTABLE && !edit.base.empty()) return "it is set once";
      Heads seen = record.fields.contains(field) ? record.fields.at(field) : Heads();
      std::erase_if(seen, [&](const ModelHead& head) { return !edit.base.contains(head.id); });
      if (merge == v1::REVIEW && Distinct(change.kind, field, seen)) return "it needs a decision";
    }
    Apply(resolved, 0, 1, unit.author, /*latest_too=*/true, &record);
  }
  return "";
}

std::vector<std::string> Model::Admit(const ModelUnit& unit, const std::string& site,
                                      uint64_t sequence, const std::vector<int64_t>& times_ms) {
  std::set<std::string> holders = HoldersOf(unit.place.first);
  if (!files_.contains(unit.place.first)) holders.insert(site);
  for (const std::string& holder : holders) {
    if (!Holds(holder, unit.place, sequence)) Grant(holder, unit.place, sequence);
  }
  files_.insert(unit.place.first);
  std::vector<std::string> words;
  for (size_t i = 0; i < unit.changes.size(); ++i) {
    const ModelChange change = Resolved(unit.changes[i], sequence);
    const ModelRecord* stored = At(change.record, sequence);
    ModelRecord record = stored == nullptr ? ModelRecord{change.kind, unit.place, {}} : *stored;
    words.push_back(Apply(change, times_ms[i], sequence, unit.author, false, &record));
    versions_[change.record][sequence] = std::move(record);
    admitted_[change.id] = times_ms[i];
  }
  return words;
}

void Model::Refuse(const ModelUnit& unit, uint64_t sequence) {
  for (const ModelChange& change : unit.changes) refused_[change.id] = {sequence, change};
}

const ModelRecord* Model::At(const std::string& record, uint64_t sequence) const {
  const auto it = versions_.find(record);
  if (it == versions_.end()) return nullptr;
  const auto after = it->second.upper_bound(sequence);
  return after == it->second.begin() ? nullptr : &std::prev(after)->second;
}

std::map<std::string, ModelRecord> Model::SeenBy(const std::string& site, uint64_t sequence) const {
  std::map<std::string, ModelRecord> seen;
  for (const auto& [id, unused] : versions_) {
    const ModelRecord* record = At(id, sequence);
    if (record != nullptr && Holds(site, record->place, sequence)) seen.emplace(id, *record);
  }
  return seen;
}

int64_t Model::TimeOf(const Id& id) const {
  const auto it = admitted_.find(id);
  return it == admitted_.end() ? std::numeric_limits<int64_t>::min() : it->second;
}

}  // namespace doorstep::sim
