#include "sync/change/row_codec.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "doorstep/v1/sync.pb.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/change/wire_cursor.h"
#include "sync/schema/schema.h"

namespace doorstep {
namespace {

// Candidates for the default head of a row: a record written by more than this many changes gains
// little from the best of them.
constexpr size_t kMaxCandidates = 16;
// Bytes of a head on the wire beside its value, about.
constexpr size_t kHeadBytes = 20;
// Bytes of one id in a list.
constexpr size_t kIdBytes = 6;

constexpr uint64_t kMaxSequence = std::numeric_limits<int64_t>::max();

bool SameRef(const Head& a, const Head& b) {
  return a.id == b.id && a.time_ms == b.time_ms && a.sequence == b.sequence && a.author == b.author;
}

// The head that stands for all heads of the field, when the field may go into `values`.
const Head* CommonHead(const FieldState& field) {
  if (field.heads.empty() || field.sequence != field.heads[0].sequence) return nullptr;
  const Head& first = field.heads[0];
  for (const Head& head : field.heads) {
    if (head.value.empty() || head.agreed.has_value() || head.settle.mode != SettleMode::kNone ||
        head.IsProposal() || !head.seen.empty() || !SameRef(head, first)) {
      return nullptr;
    }
  }
  return &first;
}

const Head* DefaultHead(const std::vector<const Head*>& common) {
  std::vector<std::pair<const Head*, int>> counts;
  counts.reserve(kMaxCandidates);
  for (const Head* head : common) {
    if (head == nullptr) continue;
    const auto same = std::find_if(counts.begin(), counts.end(), [head](const auto& candidate) {
      return SameRef(*candidate.first, *head);
    });
    if (same != counts.end()) {
      ++same->second;
    } else if (counts.size() < kMaxCandidates) {
      counts.emplace_back(head, 1);
    }
  }
  const auto best =
      std::max_element(counts.begin(), counts.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return best == counts.end() ? nullptr : best->first;
}

absl::Status Broken(absl::string_view path, absl::string_view got, absl::string_view wanted) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": got ", got, ", wanted ", wanted));
}

template <typename Dictionary>
absl::Status CheckPlace(absl::string_view path, uint32_t place, const Dictionary& dictionary) {
  if (place < static_cast<uint32_t>(dictionary.size())) return absl::OkStatus();
  return Broken(path, absl::StrCat("place ", place),
                absl::StrCat("one of the ", dictionary.size(), " in the dictionary"));
}

absl::Status ReadUuid(absl::string_view path, absl::string_view bytes, Uuid* out) {
  if (bytes.size() != out->b.size()) {
    return Broken(path, absl::StrCat(bytes.size(), " bytes"), "16");
  }
  std::copy(bytes.begin(), bytes.end(), out->b.begin());
  return absl::OkStatus();
}

absl::Status ReadHeadRef(const v1::PullRows& rows, const v1::HeadRef& ref, Head* out) {
  DOORSTEP_RETURN_IF_ERROR(CheckPlace("head.incarnation", ref.incarnation(), rows.incarnations()));
  DOORSTEP_RETURN_IF_ERROR(CheckPlace("head.author", ref.author(), rows.authors()));
  DOORSTEP_RETURN_IF_ERROR(ReadUuid(
      "incarnation", rows.incarnations(static_cast<int>(ref.incarnation())), &out->id.incarnation));
  const std::string& author = rows.authors(static_cast<int>(ref.author()));
  if (author.size() > kMaxAuthorBytes) {
    return Broken("author", absl::StrCat(author.size(), " bytes"),
                  absl::StrCat("at most ", kMaxAuthorBytes));
  }
  if (ref.sequence() > kMaxSequence || ref.counter() > kMaxSequence) {
    return Broken("head", "a sequence or counter beyond 63 bits", "less");
  }
  out->id.counter = ref.counter();
  out->time_ms = ref.time_ms();
  out->sequence = ref.sequence();
  out->author = author;
  return absl::OkStatus();
}

// Nothing, or exactly one entry of the field.
absl::Status CheckValue(absl::string_view path, uint32_t field, absl::string_view value) {
  if (value.empty()) return absl::OkStatus();
  WireCursor cursor(value);
  WireField raw;
  if (cursor.Next(&raw) && cursor.done() && raw.field == field) return absl::OkStatus();
  return Broken(path, Quoted(value), absl::StrCat("one entry of field ", field));
}

absl::Status ReadSettle(const v1::FieldHead& head, Settle* out) {
  if (head.settle_mode() > static_cast<uint32_t>(SettleMode::kBoth)) {
    return Broken("settle_mode", absl::StrCat(head.settle_mode()), "0 to 3");
  }
  if (head.settle_mode() == 0 && !head.settle_reason().empty()) {
    return Broken("settle_reason", "one without a mode", "both or neither");
  }
  if (head.settle_reason().size() > kMaxSettleReasonBytes) {
    return Broken("settle_reason", absl::StrCat(head.settle_reason().size(), " bytes"),
                  absl::StrCat("at most ", kMaxSettleReasonBytes));
  }
  out->mode = static_cast<SettleMode>(head.settle_mode());
  out->reason = head.settle_reason();
  return absl::OkStatus();
}

absl::Status ReadIds(const v1::PullRows& rows,
                     const google::protobuf::RepeatedPtrField<v1::HeadId>& in,
                     std::vector<ChangeId>* out) {
  out->reserve(static_cast<size_t>(in.size()));
  for (const v1::HeadId& id : in) {
    DOORSTEP_RETURN_IF_ERROR(CheckPlace("id.incarnation", id.incarnation(), rows.incarnations()));
    ChangeId& read = out->emplace_back();
    DOORSTEP_RETURN_IF_ERROR(ReadUuid(
        "incarnation", rows.incarnations(static_cast<int>(id.incarnation())), &read.incarnation));
    read.counter = id.counter();
    if (read.counter > kMaxSequence || (out->size() > 1 && !(out->end()[-2] < read))) {
      return Broken("ids", "ids out of order, or a counter beyond 63 bits", "ascending ids");
    }
  }
  return absl::OkStatus();
}

absl::Status ReadFieldHead(const v1::PullRows& rows, uint32_t field, const v1::FieldHead& in,
                           Head* out) {
  if (!in.has_head()) return Broken("head", "none", "one");
  DOORSTEP_RETURN_IF_ERROR(ReadHeadRef(rows, in.head(), out));
  DOORSTEP_RETURN_IF_ERROR(CheckValue("value", field, in.value()));
  out->value = in.value();
  if (in.has_agreed()) {
    DOORSTEP_RETURN_IF_ERROR(CheckValue("agreed_value", field, in.agreed_value()));
    if (in.agreed_sequence() > kMaxSequence) {
      return Broken("agreed_sequence", "more than 63 bits", "less");
    }
    out->agreed = Agreed{in.agreed_sequence(), in.agreed_value()};
  } else if (in.agreed_sequence() != 0 || !in.agreed_value().empty()) {
    return Broken("agreed", "a value without has_agreed", "both or neither");
  }
  DOORSTEP_RETURN_IF_ERROR(ReadIds(rows, in.removes(), &out->removes));
  DOORSTEP_RETURN_IF_ERROR(ReadIds(rows, in.seen(), &out->seen));
  return ReadSettle(in, &out->settle);
}

absl::Status ReadException(const v1::PullRows& rows, const v1::FieldHeads& in, FieldState* out) {
  if (in.field() == 0 || in.sequence() > kMaxSequence) {
    return Broken("exception", "no field number, or a sequence beyond 63 bits", "both in bounds");
  }
  out->field = in.field();
  out->sequence = in.sequence();
  out->heads.reserve(static_cast<size_t>(in.heads_size()));
  for (const v1::FieldHead& head : in.heads()) {
    DOORSTEP_RETURN_IF_ERROR(
        Annotate(ReadFieldHead(rows, in.field(), head, &out->heads.emplace_back()),
                 absl::StrCat("field ", in.field())));
    const size_t count = out->heads.size();
    if (count > 1 && !HeadBefore(out->heads[count - 2], out->heads[count - 1])) {
      return Broken(absl::StrCat("field ", in.field()), "heads out of order", "canonical order");
    }
  }
  return absl::OkStatus();
}

absl::Status ReadDefaults(const v1::PullRows& rows, const v1::RecordRow& row, RecordState* out) {
  if (row.values().empty()) return absl::OkStatus();
  if (!row.has_head()) return Broken("head", "none", "one for the values");
  Head head;
  DOORSTEP_RETURN_IF_ERROR(ReadHeadRef(rows, row.head(), &head));
  WireCursor cursor(row.values());
  while (!cursor.done()) {
    WireField raw;
    if (!cursor.Next(&raw)) {
      return Broken("values", absl::StrCat("bytes that are no field at ", cursor.offset()),
                    "a serialized message");
    }
    if (out->fields.empty() || out->fields.back().field < raw.field) {
      FieldState& field = out->fields.emplace_back();
      field.field = raw.field;
      field.sequence = head.sequence;
    } else if (out->fields.back().field != raw.field ||
               !(out->fields.back().heads.back().value < raw.bytes)) {
      return Broken("values", absl::StrCat("field ", raw.field, " out of order"),
                    "fields in order of number, elements in order of bytes");
    }
    Head& added = out->fields.back().heads.emplace_back(head);
    added.value.assign(raw.bytes.data(), raw.bytes.size());
  }
  return absl::OkStatus();
}

absl::Status ReadExceptions(const v1::PullRows& rows, const v1::RecordRow& row, RecordState* out) {
  const size_t defaults = out->fields.size();
  for (const v1::FieldHeads& in : row.exceptions()) {
    DOORSTEP_RETURN_IF_ERROR(ReadException(rows, in, &out->fields.emplace_back()));
  }
  const auto middle = out->fields.begin() + static_cast<std::ptrdiff_t>(defaults);
  const auto before = [](const FieldState& a, const FieldState& b) { return a.field < b.field; };
  const auto not_before = [](const FieldState& a, const FieldState& b) {
    return a.field >= b.field;
  };
  if (std::adjacent_find(middle, out->fields.end(), not_before) != out->fields.end()) {
    return Broken("exceptions", "fields out of order", "order of number");
  }
  if (middle == out->fields.begin() || middle == out->fields.end()) return absl::OkStatus();
  std::inplace_merge(out->fields.begin(), middle, out->fields.end(), before);
  if (std::adjacent_find(out->fields.begin(), out->fields.end(), not_before) != out->fields.end()) {
    return Broken("exceptions", "a field that is among the values too", "one of the two");
  }
  return absl::OkStatus();
}

absl::Status ReadInto(const v1::PullRows& rows, const v1::RecordRow& row, RecordState* out) {
  DOORSTEP_RETURN_IF_ERROR(ReadUuid("record", row.record(), &out->id));
  if (row.kind() == 0 || row.kind() > kMaxKindNumber) {
    return Broken("kind", absl::StrCat(row.kind()), absl::StrCat("1 to ", kMaxKindNumber));
  }
  out->kind = row.kind();
  DOORSTEP_RETURN_IF_ERROR(CheckPlace("compartment", row.compartment(), rows.compartments()));
  const v1::CompartmentRef& compartment = rows.compartments(static_cast<int>(row.compartment()));
  DOORSTEP_RETURN_IF_ERROR(ReadUuid("file", compartment.file(), &out->compartment.file));
  if (compartment.tier() > static_cast<uint32_t>(Tier::kSealed)) {
    return Broken("tier", absl::StrCat(compartment.tier()), "0 to 2");
  }
  out->compartment.tier = static_cast<uint8_t>(compartment.tier());
  DOORSTEP_RETURN_IF_ERROR(ReadDefaults(rows, row, out));
  return ReadExceptions(rows, row, out);
}

}  // namespace

RowWriter::RowWriter(v1::PullRows* rows) : rows_(rows) {}

uint32_t RowWriter::Incarnation(const Uuid& id) {
  const auto [it, inserted] =
      incarnations_.emplace(id, static_cast<uint32_t>(rows_->incarnations_size()));
  if (inserted) rows_->add_incarnations(id.b.data(), id.b.size());
  return it->second;
}

uint32_t RowWriter::Author(absl::string_view name) {
  if (const auto it = authors_.find(name); it != authors_.end()) return it->second;
  const auto place = static_cast<uint32_t>(rows_->authors_size());
  rows_->add_authors(name.data(), name.size());
  authors_.emplace(name, place);
  return place;
}

uint32_t RowWriter::Compartment(const CompartmentId& id) {
  const auto [it, inserted] =
      compartments_.emplace(id, static_cast<uint32_t>(rows_->compartments_size()));
  if (inserted) {
    v1::CompartmentRef* ref = rows_->add_compartments();
    ref->set_file(id.file.b.data(), id.file.b.size());
    ref->set_tier(id.tier);
  }
  return it->second;
}

void RowWriter::SetHead(const Head& head, v1::HeadRef* out) {
  out->set_incarnation(Incarnation(head.id.incarnation));
  out->set_counter(head.id.counter);
  out->set_time_ms(head.time_ms);
  out->set_sequence(head.sequence);
  out->set_author(Author(head.author));
}

void RowWriter::SetId(const ChangeId& id, v1::HeadId* out) {
  out->set_incarnation(Incarnation(id.incarnation));
  out->set_counter(id.counter);
}

void RowWriter::AddException(const FieldState& field, v1::FieldHeads* out) {
  out->set_field(field.field);
  out->set_sequence(field.sequence);
  for (const Head& head : field.heads) {
    v1::FieldHead* added = out->add_heads();
    SetHead(head, added->mutable_head());
    added->set_value(head.value);
    if (head.agreed.has_value()) {
      added->set_has_agreed(true);
      added->set_agreed_sequence(head.agreed->sequence);
      added->set_agreed_value(head.agreed->value);
    }
    added->set_settle_mode(static_cast<uint32_t>(head.settle.mode));
    added->set_settle_reason(head.settle.reason);
    for (const ChangeId& id : head.removes) SetId(id, added->add_removes());
    for (const ChangeId& id : head.seen) SetId(id, added->add_seen());
  }
}

size_t RowWriter::Add(const RecordState& state, const std::vector<const FieldState*>& fields) {
  v1::RecordRow* row = rows_->add_records();
  row->set_record(state.id.b.data(), state.id.b.size());
  row->set_kind(state.kind);
  row->set_compartment(Compartment(state.compartment));
  size_t bytes = 2 * kHeadBytes;

  std::vector<const Head*> common;
  common.reserve(fields.size());
  for (const FieldState* field : fields) common.push_back(CommonHead(*field));
  const Head* head = DefaultHead(common);
  if (head != nullptr) {
    SetHead(*head, row->mutable_head());
    bytes += kHeadBytes;
  }
  std::string* values = row->mutable_values();
  for (size_t i = 0; i < fields.size(); ++i) {
    if (common[i] != nullptr && SameRef(*common[i], *head)) {
      for (const Head& element : fields[i]->heads) values->append(element.value);
      continue;
    }
    AddException(*fields[i], row->add_exceptions());
    bytes += kHeadBytes;
    for (const Head& each : fields[i]->heads) {
      bytes += kHeadBytes + each.value.size() + each.settle.reason.size() +
               kIdBytes * (each.removes.size() + each.seen.size()) +
               (each.agreed.has_value() ? each.agreed->value.size() : 0);
    }
  }
  return bytes + values->size();
}

size_t RowWriter::AddRecord(const RecordState& state, uint64_t after) {
  std::vector<const FieldState*> fields;
  fields.reserve(state.fields.size());
  for (const FieldState& field : state.fields) {
    if (field.sequence > after) fields.push_back(&field);
  }
  return fields.empty() ? 0 : Add(state, fields);
}

size_t RowWriter::AddWhole(const RecordState& state) {
  std::vector<const FieldState*> fields;
  fields.reserve(state.fields.size());
  for (const FieldState& field : state.fields) fields.push_back(&field);
  return Add(state, fields);
}

absl::StatusOr<RecordState> ReadRow(const v1::PullRows& rows, int i) {
  if (i < 0 || i >= rows.records_size()) {
    return Broken("records", absl::StrCat("row ", i),
                  absl::StrCat("less than ", rows.records_size()));
  }
  RecordState state;
  if (absl::Status status = ReadInto(rows, rows.records(i), &state); !status.ok()) {
    return Annotate(std::move(status), absl::StrCat("records[", i, "]"));
  }
  return state;
}

std::string EncodeState(const RecordState& state) {
  v1::PullRows rows;
  RowWriter(&rows).AddWhole(state);
  return rows.SerializeAsString();
}

absl::StatusOr<RecordState> DecodeState(absl::string_view blob) {
  v1::PullRows rows;
  if (!rows.ParseFromArray(blob.data(), static_cast<int>(blob.size())) ||
      rows.records_size() != 1) {
    return Broken("state", absl::StrCat(blob.size(), " bytes"), "PullRows with one record");
  }
  return ReadRow(rows, 0);
}

void ApplyDelta(RecordState delta, RecordState* state) {
  std::vector<FieldState> merged;
  merged.reserve(state->fields.size() + delta.fields.size());
  auto old = state->fields.begin();
  for (FieldState& field : delta.fields) {
    while (old != state->fields.end() && old->field < field.field) {
      merged.push_back(std::move(*old++));
    }
    if (old != state->fields.end() && old->field == field.field) ++old;
    merged.push_back(std::move(field));
  }
  std::move(old, state->fields.end(), std::back_inserter(merged));
  state->fields = std::move(merged);
}

}  // namespace doorstep
