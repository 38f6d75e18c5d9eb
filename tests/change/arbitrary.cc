#include "tests/change/arbitrary.h"

#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sync/change/wire.h"
#include "tests/schema/schema_text.h"

namespace doorstep {
namespace {

// In [low, high), evenly from the first case on: inRange alone grows with the size of the case.
int Between(int low, int high) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(low, high));
}
bool Sometimes() { return Between(0, 4) == 0; }

std::string AnyText(size_t max_bytes) {
  static const std::vector<std::string> pieces = {"a", "b", " ", "\n", "\"", "é", "日", "😀", "."};
  std::string text;
  for (int n = Between(0, 8); n > 0; --n) {
    const std::string& piece =
        pieces[static_cast<size_t>(Between(0, static_cast<int>(pieces.size())))];
    if (text.size() + piece.size() <= max_bytes) text += piece;
  }
  return text;
}

std::string AnyBytes(size_t max_bytes) {
  std::string bytes;
  for (int n = Between(0, static_cast<int>(std::min<size_t>(max_bytes, 9))); n > 0; --n) {
    bytes.push_back(static_cast<char>(Between(0, 256)));
  }
  return bytes;
}

std::string AnyDate() {
  const int year = Between(1, 10000);
  const int month = Between(1, 13);
  const int day = Between(1, 29);
  const auto padded = [](int number, size_t width) {
    const std::string text = std::to_string(number);
    return std::string(width - text.size(), '0') + text;
  };
  return padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2);
}

int64_t AnyInt(const ScalarSpec& spec) {
  if (spec.range.has_value()) {
    return *rc::gen::inRange(spec.range->min, spec.range->max + 1);
  }
  if (spec.is_unsigned) return *rc::gen::arbitrary<uint32_t>();
  if (spec.is_32_bit) return *rc::gen::arbitrary<int32_t>();
  const std::vector<int64_t> extremes = {std::numeric_limits<int64_t>::min(),
                                         std::numeric_limits<int64_t>::max(), 0, -1};
  if (Sometimes()) return extremes[static_cast<size_t>(Between(0, 4))];
  return *rc::gen::arbitrary<int64_t>();
}

double AnyReal() {
  if (Sometimes()) return std::numeric_limits<double>::denorm_min() * Between(0, 3);
  return *rc::gen::arbitrary<int32_t>() / 64.0;
}

// Fills `scalar`; its bytes point into `store`.
void FillScalar(const ScalarSpec& spec, std::string* store, Scalar* scalar) {
  scalar->present = true;
  switch (spec.type) {
    case ValueType::kInt:
      scalar->integer = AnyInt(spec);
      break;
    case ValueType::kBool:
      scalar->integer = Between(0, 2);
      break;
    case ValueType::kEnum:
      scalar->integer =
          spec.values[static_cast<size_t>(Between(0, static_cast<int>(spec.values.size())))].number;
      break;
    case ValueType::kDouble:
      scalar->real = AnyReal();
      break;
    case ValueType::kString:
      *store = spec.format == StringFormat::kCivilDate  ? AnyDate()
               : spec.format == StringFormat::kRecordId ? AnyUuid().ToString()
                                                        : AnyText(spec.max_bytes);
      scalar->bytes = *store;
      break;
    case ValueType::kBytes:
      *store = AnyBytes(spec.max_bytes);
      scalar->bytes = *store;
      break;
    case ValueType::kAtomic:
      break;
  }
}

std::vector<std::string> AnyElements(const FieldSpec& field) {
  std::set<std::string> elements;
  for (int n = Between(1, 4); n > 0; --n) elements.insert(AnyValue(field));
  return {elements.begin(), elements.end()};
}

// An entry of a field that no schema knows.
std::string AnyUnknownValue(uint32_t number) {
  ScalarSpec spec;
  spec.number = number;
  spec.type = Sometimes() ? ValueType::kInt : ValueType::kBytes;
  spec.max_bytes = 10;
  Scalar scalar;
  std::string store;
  FillScalar(spec, &store, &scalar);
  return EncodeScalar(spec, scalar);
}

Head AnyHead() {
  Head head;
  head.id = AnyChangeId();
  head.time_ms = Between(-5, 5) + (Sometimes() ? 1700000000000 : 0);
  head.sequence = static_cast<uint64_t>(Between(0, 5));
  head.author = Sometimes() ? "" : "author" + std::to_string(Between(0, 3));
  return head;
}

std::string ValueFor(const FieldSpec* spec, uint32_t number) {
  return spec == nullptr ? AnyUnknownValue(number) : AnyValue(*spec);
}

// Ascending.
std::vector<ChangeId> AnyIds(int at_least) {
  std::set<ChangeId> ids;
  const int wanted = Between(at_least, at_least + 3);
  while (static_cast<int>(ids.size()) < wanted) ids.insert(AnyChangeId());
  return {ids.begin(), ids.end()};
}

FieldState AnyFieldState(const FieldSpec* spec, uint32_t number, const Head& usual) {
  FieldState field;
  field.field = number;
  field.sequence = Sometimes() ? static_cast<uint64_t>(Between(0, 9)) : usual.sequence;
  const bool is_set = spec != nullptr && spec->is_set();
  for (int n = Between(0, 4) == 0 ? Between(0, 4) : 1; n > 0; --n) {
    Head head = Sometimes() ? AnyHead() : usual;
    if (is_set || !Sometimes()) head.value = ValueFor(spec, number);
    if (Sometimes()) {
      const auto sequence = static_cast<uint64_t>(Between(0, 3));
      head.agreed = Agreed{sequence, sequence == 0 ? "" : ValueFor(spec, number)};
    }
    if (Sometimes()) head.settle = {static_cast<SettleMode>(Between(1, 4)), "because"};
    if (is_set && Sometimes()) head.removes = AnyIds(1);
    if (Sometimes()) head.seen = AnyIds(0);
    field.heads.push_back(std::move(head));
  }
  std::sort(field.heads.begin(), field.heads.end(), HeadBefore);
  const auto same = [](const Head& a, const Head& b) { return !HeadBefore(a, b); };
  field.heads.erase(std::unique(field.heads.begin(), field.heads.end(), same), field.heads.end());
  return field;
}

Uuid OwnIncarnation() { return Uuid{{9}}; }

// Ids that a change with `own` may have seen, ascending.
std::vector<ChangeId> AnySeen(const ChangeId& own, int at_least) {
  std::set<ChangeId> ids;
  const int wanted = Between(at_least, at_least + 3);
  while (static_cast<int>(ids.size()) < wanted) {
    const ChangeId id = AnyChangeId();
    if (id.incarnation == own.incarnation && id.counter >= own.counter) continue;
    ids.insert(id);
  }
  return {ids.begin(), ids.end()};
}

FieldEdit AnyEdit(const FieldSpec& field, const ChangeData& change,
                  const std::vector<ChangeId>& usual_base) {
  FieldEdit edit;
  edit.field = field.number();
  if (field.is_set()) {
    if (change.create || !Sometimes()) edit.adds = AnyElements(field);
    if (change.create) return edit;
    if (edit.adds.empty() || Sometimes()) {
      for (std::string& element : AnyElements(field)) {
        edit.removals.push_back({std::move(element), AnySeen(change.id, 1)});
      }
    }
    return edit;
  }
  if (change.create || !Sometimes()) edit.value = AnyValue(field);
  if (change.create) return edit;
  edit.base = Sometimes() ? AnySeen(change.id, 0) : usual_base;
  if (field.carries_agreed()) {
    const auto sequence = static_cast<uint64_t>(Between(0, 3));
    edit.agreed = Agreed{sequence, sequence == 0 || Sometimes() ? "" : AnyValue(field)};
  }
  return edit;
}

ChangeData AnyChange(const ChangeId& id, std::set<Uuid>* seen) {
  ChangeData change;
  change.id = id;
  change.record = AnyUuid();
  const bool fresh = seen->insert(change.record).second;
  const KindSpec* kind = EverythingSchema()->Find(fresh && Sometimes() ? 2 : 1);
  change.kind = kind->number;
  change.create = kind->append_only || (fresh && Sometimes());
  const std::vector<ChangeId> usual = AnySeen(id, 0);
  for (const FieldSpec& field : kind->fields) {
    if (Between(0, 3) == 0) change.edits.push_back(AnyEdit(field, change, usual));
  }
  if (change.edits.empty()) change.edits.push_back(AnyEdit(kind->fields[0], change, usual));
  const bool of_judgement =
      std::any_of(change.edits.begin(), change.edits.end(),
                  [&](const FieldEdit& edit) { return kind->Find(edit.field)->keeps_seen; });
  if (of_judgement && Sometimes()) change.seen = AnySeen(id, 0);
  if (!change.create && Sometimes()) {
    change.settle = Settle{static_cast<SettleMode>(Between(1, 4)), "as we agreed"};
  }
  return change;
}

}  // namespace

Uuid AnyUuid() {
  Uuid id;
  id.b[0] = static_cast<uint8_t>(Between(1, 12));
  id.b[15] = static_cast<uint8_t>(Between(0, 2));
  return id;
}

ChangeId AnyChangeId() {
  const Uuid incarnation = Sometimes() ? OwnIncarnation() : AnyUuid();
  return {incarnation, static_cast<uint64_t>(Between(1, 300))};
}

std::string AnyValue(const FieldSpec& field) {
  if (field.parts.empty()) {
    Scalar scalar;
    std::string store;
    FillScalar(field.scalar, &store, &scalar);
    return EncodeScalar(field.scalar, scalar);
  }
  std::vector<Scalar> parts(field.parts.size());
  std::vector<std::string> stores(field.parts.size());
  const size_t always = static_cast<size_t>(Between(0, static_cast<int>(parts.size())));
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i == always || Sometimes()) FillScalar(field.parts[i], &stores[i], &parts[i]);
  }
  return EncodeParts(field, parts);
}

RecordState AnyState() {
  RecordState state;
  state.id = AnyUuid();
  state.kind = static_cast<uint32_t>(Between(1, 4));
  state.compartment = {AnyUuid(), static_cast<uint8_t>(Between(0, 3))};
  const KindSpec* kind = EverythingSchema()->Find(state.kind);
  const Head usual = AnyHead();
  for (uint32_t number = 1; number < 30; ++number) {
    if (Between(0, 3) != 0) continue;
    const FieldSpec* spec = kind == nullptr ? nullptr : kind->Find(number);
    state.fields.push_back(AnyFieldState(spec, number, usual));
  }
  return state;
}

Unit AnyUnit() {
  Unit unit;
  unit.incarnation = OwnIncarnation();
  unit.counter = static_cast<uint64_t>(Between(1, 300));
  unit.compartment = {AnyUuid(), static_cast<uint8_t>(Between(0, 3))};
  unit.stamp = {*rc::gen::arbitrary<int64_t>(),
                static_cast<uint64_t>(Between(1, 9)),
                *rc::gen::arbitrary<int64_t>(),
                Between(0, 99),
                Between(0, 99),
                static_cast<uint64_t>(Between(1, 9))};
  if (Sometimes()) unit.transaction = AnyUuid();
  std::set<Uuid> seen;
  for (int n = Between(1, 6), i = 0; i < n; ++i) {
    unit.changes.push_back(
        AnyChange({unit.incarnation, unit.counter + static_cast<uint64_t>(i)}, &seen));
  }
  return unit;
}

}  // namespace doorstep
