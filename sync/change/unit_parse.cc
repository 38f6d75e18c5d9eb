// ParseUnit, by hand over the bytes: every count is bounded before anything is built, and a field
// that this program does not know is seen, not skipped.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/base/utf8.h"
#include "sync/change/message_reader.h"
#include "sync/change/unit_codec.h"
#include "sync/change/unit_parts.h"
#include "sync/change/wire.h"
#include "sync/change/wire_cursor.h"

namespace doorstep {
namespace {

// Counters and sequences stand in 64-bit signed columns.
constexpr uint64_t kMaxCount = std::numeric_limits<int64_t>::max();

absl::Status Prefixed(const absl::Status& status, absl::string_view prefix) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(prefix, status.message()));
}

// A doorstep.v1.Change whose parts have been told apart and not yet read.
struct RawChange {
  absl::string_view values;
  std::vector<uint32_t> cleared;
  std::vector<absl::string_view> bases;
  std::vector<absl::string_view> removals;
  std::vector<absl::string_view> agreed;
  absl::string_view settle;
  bool has_settle = false;
  std::vector<absl::string_view> seen;
  absl::string_view resolves;
  bool has_resolves = false;

  // Says nothing but what it resolves.
  bool Withdraws(const ChangeData& change) const {
    return has_resolves && !change.create && values.empty() && cleared.empty() && bases.empty() &&
           removals.empty() && agreed.empty() && seen.empty() && !has_settle;
  }
};

class UnitParser {
 public:
  UnitParser(const Schema& schema, const Uuid& incarnation, uint64_t counter) : schema_(schema) {
    unit_.incarnation = incarnation;
    unit_.counter = counter;
  }

  // `only`: the changes of this record alone; null = all.
  absl::StatusOr<Unit> Parse(uint32_t changes, absl::string_view payload, const Uuid* only);

 private:
  absl::Status ReadTop(absl::string_view payload);
  absl::Status CheckIncarnations() const;
  absl::Status ReadChange(absl::string_view message, ChangeData* out);
  absl::Status SplitChange(absl::string_view message, ChangeData* out, RawChange* raw);
  absl::Status CheckCreate(const KindSpec& kind, const ChangeData& change, const RawChange& raw);
  absl::Status ReadEdits(const KindSpec& kind, const RawChange& raw, ChangeData* out);
  absl::Status ReadRemoval(const KindSpec& kind, absl::string_view message, ChangeData* out);
  absl::Status ReadBases(const KindSpec& kind, const RawChange& raw, ChangeData* out);
  absl::Status ReadSeen(const KindSpec& kind, const RawChange& raw, ChangeData* out);
  absl::Status ReadAgreed(const KindSpec& kind, absl::string_view message, ChangeData* out);
  absl::Status ReadResolves(absl::string_view message, ChangeData* out);
  absl::StatusOr<ChangeId> ReadRef(const ChangeData& change, absl::string_view message) const;

  const Schema& schema_;
  Unit unit_;
  std::vector<Uuid> incarnations_;
  std::vector<absl::string_view> changes_;
  absl::flat_hash_set<Uuid> records_;
};

FieldEdit* FindEdit(ChangeData* change, uint32_t field) {
  const auto it =
      std::lower_bound(change->edits.begin(), change->edits.end(), field,
                       [](const FieldEdit& edit, uint32_t number) { return edit.field < number; });
  return it != change->edits.end() && it->field == field ? &*it : nullptr;
}

FieldEdit* InsertEdit(ChangeData* change, uint32_t field) {
  const auto it =
      std::lower_bound(change->edits.begin(), change->edits.end(), field,
                       [](const FieldEdit& edit, uint32_t number) { return edit.field < number; });
  const auto inserted = change->edits.insert(it, FieldEdit{});
  inserted->field = field;
  return &*inserted;
}

absl::Status UnknownField(const KindSpec& kind, uint32_t field) {
  return absl::UnimplementedError(
      absl::StrCat(kind.name, ": got field ", field, ", wanted one that this schema knows"));
}

std::string FieldPath(const KindSpec& kind, const FieldSpec& field) {
  return absl::StrCat(kind.name, ".", field.scalar.name);
}

// Sorts ids that stand for a set of them.
absl::Status MakeSet(std::vector<ChangeId>* ids, size_t limit = kMaxFieldHeads) {
  if (ids->size() > limit) {
    return Wrong("heads", absl::StrCat(ids->size(), " ids"), absl::StrCat("at most ", limit));
  }
  std::sort(ids->begin(), ids->end());
  const auto twice = std::adjacent_find(ids->begin(), ids->end());
  if (twice == ids->end()) return absl::OkStatus();
  return Wrong("heads", absl::StrCat(twice->ToString(), " twice"), "each once");
}

// A mark is a change of its own; and the only one that a record which never changes can have.
absl::Status CheckMarks(const KindSpec& kind, const ChangeData& change) {
  const bool marks = std::any_of(change.edits.begin(), change.edits.end(),
                                 [](const auto& edit) { return MarkField(edit.field) != nullptr; });
  if (marks && (change.create || change.edits.size() > 1)) {
    return Wrong("values", "a mark beside other edits", "a change of its own");
  }
  if (marks || change.create || !kind.append_only) return absl::OkStatus();
  return Wrong("create", absl::StrCat("an edit of a ", kind.name),
               "only creation: records of this kind never change");
}

absl::StatusOr<Unit> UnitParser::Parse(uint32_t changes, absl::string_view payload,
                                       const Uuid* only) {
  if (payload.size() > kMaxUnitPayloadBytes) {
    return Wrong("payload", absl::StrCat(payload.size(), " bytes"),
                 absl::StrCat("at most ", kMaxUnitPayloadBytes));
  }
  if (unit_.counter == 0 || unit_.counter > kMaxCount - kMaxUnitChanges) {
    return Wrong("counter", absl::StrCat(unit_.counter),
                 absl::StrCat("1 to ", kMaxCount - kMaxUnitChanges));
  }
  DOORSTEP_RETURN_IF_ERROR(Prefixed(ReadTop(payload), "payload."));
  if (changes_.size() != changes || changes == 0) {
    return Wrong("changes", absl::StrCat(changes_.size()),
                 absl::StrCat("as many as the envelope says (", changes, "), and at least 1"));
  }
  if (unit_.compartment.file.IsNil()) return Wrong("file", "none", "16 bytes");
  DOORSTEP_RETURN_IF_ERROR(CheckIncarnations());
  unit_.changes.reserve(only == nullptr ? changes_.size() : 1);
  for (size_t i = 0; i < changes_.size(); ++i) {
    if (only != nullptr && !ChangesRecord(changes_[i], *only)) continue;
    ChangeData& change = unit_.changes.emplace_back();
    change.id = {unit_.incarnation, unit_.counter + i};
    DOORSTEP_RETURN_IF_ERROR(
        Prefixed(ReadChange(changes_[i], &change), absl::StrCat("changes[", i, "].")));
    if (change.Withdraws() != unit_.changes[0].Withdraws()) {
      return Wrong(absl::StrCat("changes[", i, "]"), "withdrawals and edits", "one or the other");
    }
  }
  return std::move(unit_);
}

absl::Status UnitParser::ReadTop(absl::string_view payload) {
  constexpr uint32_t kRepeated = 1u << 3 | 1u << 5;
  absl::string_view stamp;
  MessageReader reader(payload, 6, kRepeated);
  WireField raw;
  while (reader.Next(&raw)) {
    switch (raw.field) {
      case 1:
        unit_.compartment.file = reader.Id(raw);
        break;
      case 2:
        if (reader.Varint(raw) > static_cast<uint64_t>(Tier::kSealed)) {
          return Wrong("tier", absl::StrCat(raw.number), "0 to 2");
        }
        unit_.compartment.tier = static_cast<uint8_t>(raw.number);
        break;
      case 3:
        incarnations_.push_back(reader.Id(raw));
        if (incarnations_.size() > kMaxUnitIncarnations) {
          return Wrong("incarnations", "more", absl::StrCat("at most ", kMaxUnitIncarnations));
        }
        break;
      case 4:
        stamp = reader.Bytes(raw);
        break;
      case 5:
        changes_.push_back(reader.Bytes(raw));
        if (changes_.size() > kMaxUnitChanges) {
          return Wrong("changes", "more", absl::StrCat("at most ", kMaxUnitChanges));
        }
        break;
      default:
        unit_.transaction = reader.Id(raw);
        break;
    }
  }
  DOORSTEP_RETURN_IF_ERROR(reader.status());
  absl::StatusOr<Stamp> read = ReadStamp(stamp);
  if (!read.ok()) return Prefixed(read.status(), "stamp.");
  unit_.stamp = *read;
  return absl::OkStatus();
}

absl::Status UnitParser::CheckIncarnations() const {
  absl::flat_hash_set<Uuid> seen = {unit_.incarnation};
  for (const Uuid& id : incarnations_) {
    if (!seen.insert(id).second) {
      return Wrong("incarnations", id.ToString(), "each once, and not the sender's own");
    }
  }
  return absl::OkStatus();
}

absl::Status UnitParser::SplitChange(absl::string_view message, ChangeData* out, RawChange* raw) {
  constexpr uint32_t kRepeated = 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8 | 1u << 10;
  MessageReader reader(message, 11, kRepeated);
  WireField entry;
  while (reader.Next(&entry)) {
    switch (entry.field) {
      case 1:
        out->record = reader.Id(entry);
        break;
      case 2:
        out->kind = reader.Small(entry);
        break;
      case 3:
        out->create = reader.Varint(entry) != 0;
        if (entry.number > 1) return Wrong("create", absl::StrCat(entry.number), "0 or 1");
        break;
      case 4:
        raw->values = reader.Bytes(entry);
        break;
      case 5:
        reader.Numbers(entry, &raw->cleared);
        break;
      case 6:
        raw->bases.push_back(reader.Bytes(entry));
        break;
      case 7:
        raw->removals.push_back(reader.Bytes(entry));
        break;
      case 8:
        raw->agreed.push_back(reader.Bytes(entry));
        break;
      case 9:
        raw->settle = reader.Bytes(entry);
        raw->has_settle = true;
        break;
      case 10:
        raw->seen.push_back(reader.Bytes(entry));
        break;
      default:
        raw->resolves = reader.Bytes(entry);
        raw->has_resolves = true;
        break;
    }
  }
  return reader.status();
}

absl::Status UnitParser::ReadChange(absl::string_view message, ChangeData* out) {
  RawChange raw;
  DOORSTEP_RETURN_IF_ERROR(SplitChange(message, out, &raw));
  if (out->record.IsNil()) return Wrong("record", "none", "16 bytes");
  const KindSpec* kind = schema_.Find(out->kind);
  if (kind == nullptr) {
    if (out->kind == 0 || out->kind > kMaxKindNumber) {
      return Wrong("kind", absl::StrCat(out->kind), absl::StrCat("1 to ", kMaxKindNumber));
    }
    return absl::UnimplementedError(
        absl::StrCat("kind: got ", out->kind, ", wanted one that this schema knows"));
  }
  if (raw.has_resolves) {
    DOORSTEP_RETURN_IF_ERROR(Prefixed(ReadResolves(raw.resolves, out), "resolves."));
    if (raw.Withdraws(*out)) {
      if (!out->resolves->reason.empty()) return absl::OkStatus();
      return Wrong("resolves.reason", "none", "why it is withdrawn");
    }
  }
  DOORSTEP_RETURN_IF_ERROR(CheckCreate(*kind, *out, raw));
  DOORSTEP_RETURN_IF_ERROR(ReadEdits(*kind, raw, out));
  for (const absl::string_view removal : raw.removals) {
    DOORSTEP_RETURN_IF_ERROR(Prefixed(ReadRemoval(*kind, removal, out), "removals."));
  }
  if (out->edits.empty()) return Wrong("values", "no edited field", "at least one");
  for (FieldEdit& edit : out->edits) {
    std::sort(edit.removals.begin(), edit.removals.end(),
              [](const auto& a, const auto& b) { return a.element < b.element; });
  }
  DOORSTEP_RETURN_IF_ERROR(Prefixed(ReadBases(*kind, raw, out), "bases."));
  for (const absl::string_view agreed : raw.agreed) {
    DOORSTEP_RETURN_IF_ERROR(Prefixed(ReadAgreed(*kind, agreed, out), "agreed."));
  }
  for (const FieldEdit& edit : out->edits) {
    const FieldSpec* field = kind->FindWithMarks(edit.field);
    if (field->carries_agreed() && !out->create && !edit.agreed.has_value()) {
      return Wrong(absl::StrCat("agreed.", FieldPath(*kind, *field)), "none",
                   "the last conflict-free value that the author stood on");
    }
  }
  DOORSTEP_RETURN_IF_ERROR(CheckMarks(*kind, *out));
  DOORSTEP_RETURN_IF_ERROR(Prefixed(ReadSeen(*kind, raw, out), "seen."));
  if (!raw.has_settle) return absl::OkStatus();
  absl::StatusOr<Settle> settle = ReadSettle(raw.settle);
  if (!settle.ok()) return Prefixed(settle.status(), "settle.");
  out->settle = *std::move(settle);
  return absl::OkStatus();
}

absl::Status UnitParser::ReadResolves(absl::string_view message, ChangeData* out) {
  Resolves resolves;
  MessageReader reader(message, 2, 0);
  WireField raw;
  while (reader.Next(&raw)) {
    if (raw.field == 1) {
      DOORSTEP_ASSIGN_OR_RETURN(resolves.change, ReadRef(*out, reader.Bytes(raw)));
    } else {
      resolves.reason = std::string(reader.Bytes(raw));
    }
  }
  DOORSTEP_RETURN_IF_ERROR(reader.status());
  if (resolves.change.IsNil()) return Wrong("change", "none", "the change that this one answers");
  if (resolves.reason.size() > kMaxSettleReasonBytes || !IsValidUtf8(resolves.reason) ||
      resolves.reason.find('\0') != std::string::npos) {
    return InvalidField("reason", resolves.reason,
                        absl::StrCat("at most ", kMaxSettleReasonBytes, " bytes of UTF-8"));
  }
  out->resolves = std::move(resolves);
  return absl::OkStatus();
}

absl::Status UnitParser::CheckCreate(const KindSpec& kind, const ChangeData& change,
                                     const RawChange& raw) {
  const bool first = records_.insert(change.record).second;
  if (!change.create) {
    // What may be changed of a record that never changes is whether it is shown: see CheckMarks.
    if (!kind.append_only) return absl::OkStatus();
    if (raw.removals.empty() && raw.agreed.empty() && !raw.has_settle) return absl::OkStatus();
    return Wrong("create", absl::StrCat("an edit of a ", kind.name),
                 "only creation: records of this kind never change");
  }
  if (!first) {
    return Wrong("create", absl::StrCat("record ", change.record.ToString(), " again"),
                 "a record that the unit has not named before");
  }
  const bool saw_something = !raw.bases.empty() || !raw.removals.empty() || !raw.agreed.empty() ||
                             !raw.cleared.empty() || raw.has_settle;
  if (!saw_something) return absl::OkStatus();
  return Wrong("create", "bases, removals, agreed values, cleared fields or a settlement",
               "none of them: nothing was there before");
}

absl::Status UnitParser::ReadEdits(const KindSpec& kind, const RawChange& raw, ChangeData* out) {
  absl::StatusOr<std::vector<FieldValues>> values = ParseValues(kind, raw.values, Unknown::kRefuse);
  if (!values.ok()) return Prefixed(values.status(), "values.");
  out->edits.reserve(values->size() + raw.cleared.size() % (kind.fields.size() + 1));
  for (FieldValues& field : *values) {
    FieldEdit& edit = out->edits.emplace_back();
    edit.field = field.field;
    if (kind.FindWithMarks(field.field)->is_set()) {
      edit.adds = std::move(field.values);
    } else {
      edit.value = std::move(field.values.front());
    }
  }
  for (const uint32_t number : raw.cleared) {
    const FieldSpec* field = kind.FindWithMarks(number);
    if (field == nullptr) return Prefixed(UnknownField(kind, number), "cleared.");
    const std::string path = absl::StrCat("cleared.", FieldPath(kind, *field));
    if (field->is_set()) return Wrong(path, "a SET", "removals of its elements");
    if (FindEdit(out, number) != nullptr) return Wrong(path, "a second edit", "one");
    InsertEdit(out, number);
  }
  return absl::OkStatus();
}

absl::StatusOr<ChangeId> UnitParser::ReadRef(const ChangeData& change,
                                             absl::string_view message) const {
  uint64_t place = 0;
  ChangeId id;
  MessageReader reader(message, 2, 0);
  WireField raw;
  while (reader.Next(&raw)) (raw.field == 1 ? place : id.counter) = reader.Varint(raw);
  DOORSTEP_RETURN_IF_ERROR(reader.status());
  if (place > incarnations_.size()) {
    return Wrong("incarnation", absl::StrCat(place), absl::StrCat("0 to ", incarnations_.size()));
  }
  id.incarnation = place == 0 ? unit_.incarnation : incarnations_[place - 1];
  const uint64_t highest = place == 0 ? change.id.counter - 1 : kMaxCount;
  if (id.counter == 0 || id.counter > highest) {
    return Wrong("counter", absl::StrCat(id.counter), absl::StrCat("1 to ", highest));
  }
  return id;
}

absl::Status UnitParser::ReadRemoval(const KindSpec& kind, absl::string_view message,
                                     ChangeData* out) {
  uint32_t number = 0;
  absl::string_view element;
  FieldEdit::Removal removal;
  MessageReader reader(message, 3, 1u << 3);
  WireField raw;
  while (reader.Next(&raw)) {
    if (raw.field == 1) {
      number = reader.Small(raw);
    } else if (raw.field == 2) {
      element = reader.Bytes(raw);
    } else {
      DOORSTEP_ASSIGN_OR_RETURN(const ChangeId id, ReadRef(*out, reader.Bytes(raw)));
      removal.adds.push_back(id);
    }
  }
  DOORSTEP_RETURN_IF_ERROR(reader.status());
  const FieldSpec* field = kind.Find(number);
  if (field == nullptr) return UnknownField(kind, number);
  const std::string path = FieldPath(kind, *field);
  if (!field->is_set()) return Wrong(path, "a field that is no SET", "a SET");
  DOORSTEP_ASSIGN_OR_RETURN(removal.element, ParseValue(kind, *field, element, Unknown::kRefuse));
  DOORSTEP_RETURN_IF_ERROR(Annotate(MakeSet(&removal.adds), path));
  if (removal.adds.empty()) return Wrong(path, "a removal of no adds", "those that the author saw");
  FieldEdit* edit = FindEdit(out, number);
  if (edit == nullptr) edit = InsertEdit(out, number);
  for (const FieldEdit::Removal& other : edit->removals) {
    if (other.element == removal.element) return Wrong(path, "an element removed twice", "once");
  }
  if (edit->removals.size() >= kMaxSetElements) {
    return Wrong(path, "more removals", absl::StrCat("at most ", kMaxSetElements));
  }
  edit->removals.push_back(std::move(removal));
  return absl::OkStatus();
}

absl::Status UnitParser::ReadBases(const KindSpec& kind, const RawChange& raw, ChangeData* out) {
  std::vector<ChangeId> rest;
  std::vector<uint32_t> named;
  for (const absl::string_view message : raw.bases) {
    std::vector<uint32_t> fields;
    std::vector<ChangeId> heads;
    MessageReader reader(message, 2, 1u << 1 | 1u << 2);
    WireField entry;
    while (reader.Next(&entry)) {
      if (entry.field == 1) {
        reader.Numbers(entry, &fields);
        continue;
      }
      DOORSTEP_ASSIGN_OR_RETURN(const ChangeId id, ReadRef(*out, reader.Bytes(entry)));
      heads.push_back(id);
    }
    DOORSTEP_RETURN_IF_ERROR(reader.status());
    DOORSTEP_RETURN_IF_ERROR(MakeSet(&heads));
    if (fields.empty()) {
      if (!rest.empty() || heads.empty()) {
        return Wrong("fields", "none, again or without heads", "one entry for all other fields");
      }
      rest = std::move(heads);
      continue;
    }
    for (const uint32_t number : fields) {
      const FieldSpec* field = kind.FindWithMarks(number);
      if (field == nullptr) return UnknownField(kind, number);
      FieldEdit* edit = FindEdit(out, number);
      if (edit == nullptr || field->is_set()) {
        return Wrong(FieldPath(kind, *field), "a field that is a SET or not edited", "another");
      }
      const auto place = std::lower_bound(named.begin(), named.end(), number);
      if (place != named.end() && *place == number) {
        return Wrong(FieldPath(kind, *field), "two bases", "one");
      }
      named.insert(place, number);
      edit->base = heads;
    }
  }
  if (rest.empty()) return absl::OkStatus();
  bool any = false;
  for (FieldEdit& edit : out->edits) {
    if (kind.FindWithMarks(edit.field)->is_set() ||
        std::binary_search(named.begin(), named.end(), edit.field)) {
      continue;
    }
    edit.base = rest;
    any = true;
  }
  return any ? absl::OkStatus() : Wrong("fields", "none, and no field is left", "no such entry");
}

absl::Status UnitParser::ReadSeen(const KindSpec& kind, const RawChange& raw, ChangeData* out) {
  if (raw.seen.empty()) return absl::OkStatus();
  const bool kept = std::any_of(out->edits.begin(), out->edits.end(), [&](const FieldEdit& edit) {
    return kind.FindWithMarks(edit.field)->keeps_seen;
  });
  if (!kept) return Wrong("heads", "some", "none: no edited field is of a judgement, or a mark");
  for (const absl::string_view message : raw.seen) {
    DOORSTEP_ASSIGN_OR_RETURN(const ChangeId id, ReadRef(*out, message));
    out->seen.push_back(id);
  }
  return MakeSet(&out->seen, kMaxSeenHeads);
}

absl::Status UnitParser::ReadAgreed(const KindSpec& kind, absl::string_view message,
                                    ChangeData* out) {
  uint32_t number = 0;
  Agreed agreed;
  absl::string_view value;
  MessageReader reader(message, 3, 0);
  WireField raw;
  while (reader.Next(&raw)) {
    if (raw.field == 1) {
      number = reader.Small(raw);
    } else if (raw.field == 2) {
      agreed.sequence = reader.Varint(raw);
    } else {
      value = reader.Bytes(raw);
    }
  }
  DOORSTEP_RETURN_IF_ERROR(reader.status());
  const FieldSpec* field = kind.Find(number);
  if (field == nullptr) return UnknownField(kind, number);
  const std::string path = FieldPath(kind, *field);
  FieldEdit* edit = FindEdit(out, number);
  if (edit == nullptr || !field->carries_agreed() || edit->agreed.has_value()) {
    return Wrong(path, "an agreed value", "one, for an edited field that carries it");
  }
  if (agreed.sequence > kMaxCount || (agreed.sequence == 0 && !value.empty())) {
    return Wrong(path, absl::StrCat("sequence ", agreed.sequence),
                 "a sequence of 63 bits, not 0 when there is a value");
  }
  if (!value.empty()) {
    DOORSTEP_ASSIGN_OR_RETURN(agreed.value, ParseValue(kind, *field, value, Unknown::kRefuse));
  }
  edit->agreed = std::move(agreed);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Unit> ParseUnit(const Schema& schema, const Uuid& incarnation, uint64_t counter,
                               uint32_t changes, absl::string_view payload) {
  return UnitParser(schema, incarnation, counter).Parse(changes, payload, nullptr);
}

absl::StatusOr<Unit> ParseUnitOf(const Schema& schema, const Uuid& incarnation, uint64_t counter,
                                 uint32_t changes, absl::string_view payload, const Uuid& record) {
  return UnitParser(schema, incarnation, counter).Parse(changes, payload, &record);
}

}  // namespace doorstep
