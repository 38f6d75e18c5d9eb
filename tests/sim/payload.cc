#include "tests/sim/payload.h"

#include <sodium.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "doorstep/v1/built_in_schema.h"
#include "doorstep/v1/sign_off.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/io/coded_stream.h"

namespace doorstep::sim {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::io::CodedInputStream;

// Every kind by its number, from the schema that this program was built with.
const std::map<uint32_t, const Descriptor*>& Kinds() {
  static const auto* const kinds = [] {
    auto* all = new std::map<uint32_t, const Descriptor*>();
    static auto* const pool = new DescriptorPool(DescriptorPool::generated_pool());
    google::protobuf::FileDescriptorSet set;
    set.ParseFromArray(kBuiltInSchema, static_cast<int>(kBuiltInSchemaSize));
    for (const auto& text : set.file()) {
      const auto* file = pool->FindFileByName(text.name());
      if (file == nullptr) file = pool->BuildFile(text);
      for (int i = 0; file != nullptr && i < file->message_type_count(); ++i) {
        const uint32_t number = file->message_type(i)->options().GetExtension(v1::kind).number();
        if (number != 0) all->emplace(number, file->message_type(i));
      }
    }
    return all;
  }();
  return *kinds;
}

// The fields of a kind; none of a kind that does not exist.
std::vector<const FieldDescriptor*> FieldsOfKind(uint32_t kind) {
  std::vector<const FieldDescriptor*> fields;
  const auto it = Kinds().find(kind);
  for (int i = 0; it != Kinds().end() && i < it->second->field_count(); ++i) {
    fields.push_back(it->second->field(i));
  }
  return fields;
}

const v1::FieldOptions& OptionsOf(const FieldDescriptor* field) {
  return field->options().GetExtension(v1::field);
}

}  // namespace

std::string ToString(const Id& id) {
  return absl::StrCat(absl::BytesToHexString(id.life).substr(0, 8), ":", id.counter);
}

std::string IdText(absl::string_view record) {
  const std::string hex = absl::BytesToHexString(record);
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-",
                      hex.substr(16, 4), "-", hex.substr(20));
}

// --- What the schema says ---

const FieldDescriptor* FieldOf(uint32_t kind, uint32_t field) {
  const auto it = Kinds().find(kind);
  return it == Kinds().end() ? nullptr : it->second->FindFieldByNumber(static_cast<int>(field));
}

const v1::FieldOptions& Options(uint32_t kind, uint32_t field) {
  const FieldDescriptor* found = FieldOf(kind, field);
  return found == nullptr ? v1::FieldOptions::default_instance() : OptionsOf(found);
}

const v1::KindOptions& OptionsOfKind(uint32_t kind) {
  const auto it = Kinds().find(kind);
  return it == Kinds().end() ? v1::KindOptions::default_instance()
                             : it->second->options().GetExtension(v1::kind);
}

namespace {

bool IsGrouped(const FieldDescriptor* field) { return !OptionsOf(field).coherent_group().empty(); }

bool FindMember(uint32_t kind, uint32_t field) {
  if (FieldOf(kind, field) == nullptr) return false;
  const std::vector<const FieldDescriptor*> fields = FieldsOfKind(kind);
  if (std::any_of(fields.begin(), fields.end(), IsGrouped)) return IsGrouped(FieldOf(kind, field));
  return std::any_of(Kinds().begin(), Kinds().end(), [&](const auto& parent) {
    const auto& children = OptionsOfKind(parent.first).coherent_children();
    return std::count(children.begin(), children.end(), Kinds().at(kind)->name()) > 0;
  });
}

std::vector<uint32_t> FindParentFields(uint32_t child, uint32_t parent) {
  std::vector<uint32_t> numbers;
  if (!Kinds().contains(child) || !Kinds().contains(parent)) return numbers;
  const auto& children = OptionsOfKind(parent).coherent_children();
  for (const FieldDescriptor* field : FieldsOfKind(child)) {
    if (std::count(children.begin(), children.end(), Kinds().at(child)->name()) > 0 &&
        OptionsOf(field).reference() == Kinds().at(parent)->name() && !field->is_repeated()) {
      numbers.push_back(static_cast<uint32_t>(field->number()));
    }
  }
  return numbers;
}

// Asked for every record again and again.
template <typename Value>
const Value& Once(uint32_t a, uint32_t b, Value (*find)(uint32_t, uint32_t)) {
  static std::map<std::pair<uint32_t, uint32_t>, Value> found;
  const auto it = found.find({a, b});
  return it != found.end() ? it->second : found.emplace(std::pair(a, b), find(a, b)).first->second;
}

}  // namespace

bool IsJudgement(uint32_t kind) {
  const std::vector<const FieldDescriptor*> fields = FieldsOfKind(kind);
  return !OptionsOfKind(kind).coherent_children().empty() ||
         std::any_of(fields.begin(), fields.end(), IsGrouped);
}

bool IsMember(uint32_t kind, uint32_t field) { return Once(kind, field, FindMember); }

const std::vector<uint32_t>& ParentFields(uint32_t child, uint32_t parent) {
  return Once(child, parent, FindParentFields);
}

std::vector<uint32_t> DemandedFields(uint32_t kind) {
  std::vector<uint32_t> numbers;
  for (const FieldDescriptor* field : FieldsOfKind(kind)) {
    if (!OptionsOf(field).sign_off_requires()) continue;
    numbers.push_back(static_cast<uint32_t>(field->number()));
  }
  return numbers;
}

uint32_t NumberOf(uint32_t kind, const std::string& field) {
  const auto it = Kinds().find(kind);
  const auto* found = it == Kinds().end() ? nullptr : it->second->FindFieldByName(field);
  return found == nullptr ? 0 : static_cast<uint32_t>(found->number());
}

std::optional<Saying> SayingOf(uint32_t kind) {
  if (!OptionsOfKind(kind).says_same()) return std::nullopt;
  Saying saying;
  for (const FieldDescriptor* field : FieldsOfKind(kind)) {
    const auto number = static_cast<uint32_t>(field->number());
    if (!OptionsOf(field).reference().empty()) {
      (saying.first == 0 ? saying.first : saying.second) = number;
    }
    if (OptionsOf(field).effective() != v1::DOMINANT) continue;
    saying.verdict = number;
    saying.two = field->enum_type()->FindValueByName(OptionsOf(field).dominant())->number();
  }
  return saying;
}

// --- What values say ---

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

std::pair<int64_t, int64_t> Rating(uint32_t field, const std::string& value) {
  const std::string inner = Read(value, field).bytes;
  const Scalar likelihood = Read(inner, 1);
  const Scalar severity = Read(inner, 2);
  const bool whole = likelihood.there && severity.there;
  return {whole ? likelihood.number * severity.number : 0, severity.number};
}

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

int Rank(uint32_t kind, uint32_t field, const std::string& value) {
  const auto* state = FieldOf(kind, field)
                          ->enum_type()
                          ->FindValueByNumber(static_cast<int>(Read(value, field).number));
  return state == nullptr ? 0 : state->options().GetExtension(v1::value).rank();
}

bool Follows(uint32_t kind, uint32_t field, const std::string& from, const std::string& to) {
  const auto* states = FieldOf(kind, field)->enum_type();
  const auto& machine = states->options().GetExtension(v1::state_machine);
  const auto name = [&](const std::string& value) {
    const auto* state = states->FindValueByNumber(static_cast<int>(Read(value, field).number));
    return value.empty() || state == nullptr ? std::string() : state->name();
  };
  const std::string begin = from.empty() ? machine.initial() : name(from);
  const auto& steps = machine.transitions();
  return begin == name(to) || std::any_of(steps.begin(), steps.end(), [&](const auto& step) {
           return step.from() == begin && step.to() == name(to);
         });
}

std::string SignedHash(absl::string_view value) {
  std::string hash(16, 0);
  crypto_generichash(reinterpret_cast<unsigned char*>(hash.data()), hash.size(),
                     reinterpret_cast<const unsigned char*>(value.data()), value.size(), nullptr,
                     0);
  return hash;
}

Signed ReadSigned(absl::string_view covers) {
  Signed out;
  v1::SignedHeads in;
  if (!in.ParseFromArray(covers.data(), static_cast<int>(covers.size()))) return out;
  for (const v1::SignedRecord& record : in.records()) {
    for (const v1::SignedHead& head : record.heads()) {
      const Id id{in.incarnations(static_cast<int>(head.incarnation())), head.counter()};
      out[{record.record(), head.field()}].insert({id, head.value_hash()});
    }
  }
  return out;
}

// --- Payloads ---

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
    if (from.has_resolves()) {
      to.resolves = id_of(from.resolves().change());
      to.because = from.resolves().reason();
    }
    for (const auto& [field, value] : SplitFields(from.values())) {
      if (ClassOf(to.kind, field) == v1::SET) to.edits[field].adds.insert(value);
      if (ClassOf(to.kind, field) != v1::SET) to.edits[field].value = value;
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
        if (named.contains(field) || ClassOf(to.kind, field) == v1::SET) continue;
        for (const v1::ChangeRef& ref : base.heads()) edit.base.insert(id_of(ref));
      }
    }
    for (const v1::ChangeRef& ref : from.seen()) to.seen.insert(id_of(ref));
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

bool LacksDemanded(const std::string& record, uint32_t kind, const Signed& covered) {
  for (const uint32_t field : DemandedFields(kind)) {
    bool has_value = false;
    if (const auto heads = covered.find({record, field}); heads != covered.end()) {
      for (const auto& head : heads->second) has_value |= head.second != SignedHash("");
    }
    if (!has_value) return true;
  }
  return false;
}

}  // namespace doorstep::sim
