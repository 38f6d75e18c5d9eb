#include "sync/tables/meta.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/base/varint.h"

namespace doorstep {
namespace {

constexpr char kVersion = 1;

enum Flag : uint8_t {
  kDefaultHead = 1,
  kInColumns = 2,
  kHasAgreed = 4,
  kSettled = 8,
  kRemoves = 16,
  kSeen = 32,
};

// What of a head the default stands for.
struct Core {
  ChangeId id;
  int64_t time_ms = 0;
  uint64_t sequence = 0;
  std::string author;
  bool operator==(const Core&) const = default;
};

Core CoreOf(const Head& head) { return {head.id, head.time_ms, head.sequence, head.author}; }

bool IsPlain(const FieldState& field) {
  return field.heads.size() == 1 && !field.heads[0].value.empty() && !field.heads[0].agreed &&
         field.heads[0].settle.mode == SettleMode::kNone && !field.heads[0].IsProposal() &&
         field.heads[0].seen.empty() && field.sequence == field.heads[0].sequence;
}

// The head that most plain fields have; else any; else an empty one.
Core DefaultOf(const RecordState& state) {
  const Head* best = nullptr;
  size_t best_count = 0;
  for (const FieldState& field : state.fields) {
    if (!IsPlain(field)) continue;
    const Head& head = field.heads[0];
    if (best != nullptr && best->id == head.id) continue;
    const size_t count = static_cast<size_t>(std::count_if(
        state.fields.begin(), state.fields.end(),
        [&](const FieldState& other) { return IsPlain(other) && other.heads[0].id == head.id; }));
    if (count > best_count) {
      best = &head;
      best_count = count;
    }
    if (2 * best_count >= state.fields.size()) break;
  }
  if (best != nullptr) return CoreOf(*best);
  for (const FieldState& field : state.fields) {
    if (!field.heads.empty()) return CoreOf(field.heads[0]);
  }
  return {};
}

absl::Status PutCore(const Core& core, Dictionary& dictionary, std::string* out) {
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t incarnation, dictionary.RefOf(core.id.incarnation));
  DOORSTEP_ASSIGN_OR_RETURN(const int64_t author, dictionary.RefOf(core.author));
  PutVarint(static_cast<uint64_t>(incarnation), out);
  PutVarint(core.id.counter, out);
  PutSigned(core.time_ms, out);
  PutVarint(core.sequence, out);
  PutVarint(static_cast<uint64_t>(author), out);
  return absl::OkStatus();
}

absl::Status PutIds(const std::vector<ChangeId>& ids, Dictionary& dictionary, std::string* out) {
  PutVarint(ids.size(), out);
  for (const ChangeId& id : ids) {
    DOORSTEP_ASSIGN_OR_RETURN(const int64_t incarnation, dictionary.RefOf(id.incarnation));
    PutVarint(static_cast<uint64_t>(incarnation), out);
    PutVarint(id.counter, out);
  }
  return absl::OkStatus();
}

// `fallback` null: nothing stands elsewhere, write all.
absl::Status PutException(const FieldState& field, const Core* fallback, bool in_columns,
                          Dictionary& dictionary, std::string* out) {
  PutVarint(field.field, out);
  PutVarint(field.sequence, out);
  PutVarint(field.heads.size(), out);
  for (const Head& head : field.heads) {
    const bool is_default = fallback != nullptr && CoreOf(head) == *fallback;
    const uint8_t flags = static_cast<uint8_t>(
        (is_default ? kDefaultHead : 0) | (in_columns ? kInColumns : 0) |
        (head.agreed ? kHasAgreed : 0) | (head.settle.mode != SettleMode::kNone ? kSettled : 0) |
        (head.removes.empty() ? 0 : kRemoves) | (head.seen.empty() ? 0 : kSeen));
    out->push_back(static_cast<char>(flags));
    if (!is_default) DOORSTEP_RETURN_IF_ERROR(PutCore(CoreOf(head), dictionary, out));
    if (!in_columns) PutBytes(head.value, out);
    if (head.agreed) {
      PutVarint(head.agreed->sequence, out);
      PutBytes(head.agreed->value, out);
    }
    if (head.settle.mode != SettleMode::kNone) {
      out->push_back(static_cast<char>(head.settle.mode));
      PutBytes(head.settle.reason, out);
    }
    if (!head.removes.empty()) DOORSTEP_RETURN_IF_ERROR(PutIds(head.removes, dictionary, out));
    if (!head.seen.empty()) DOORSTEP_RETURN_IF_ERROR(PutIds(head.seen, dictionary, out));
  }
  return absl::OkStatus();
}

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("_meta: ", what));
}

bool ReadByte(ByteReader& in, uint8_t* out) {
  absl::string_view byte;
  if (!in.ReadRaw(1, &byte)) return false;
  *out = static_cast<uint8_t>(byte[0]);
  return true;
}

absl::StatusOr<Core> ReadCore(ByteReader& in, Dictionary& dictionary) {
  uint64_t incarnation = 0;
  uint64_t author = 0;
  Core core;
  if (!in.ReadVarint(&incarnation) || !in.ReadVarint(&core.id.counter) ||
      !in.ReadSigned(&core.time_ms) || !in.ReadVarint(&core.sequence) || !in.ReadVarint(&author)) {
    return Damaged("head is cut short");
  }
  DOORSTEP_ASSIGN_OR_RETURN(core.id.incarnation,
                            dictionary.Incarnation(static_cast<int64_t>(incarnation)));
  DOORSTEP_ASSIGN_OR_RETURN(core.author, dictionary.Author(static_cast<int64_t>(author)));
  return core;
}

Head HeadOf(const Core& core) {
  Head head;
  head.id = core.id;
  head.time_ms = core.time_ms;
  head.sequence = core.sequence;
  head.author = core.author;
  return head;
}

absl::Status ReadIds(ByteReader& in, Dictionary& dictionary, std::vector<ChangeId>* out) {
  uint64_t count = 0;
  if (!in.ReadVarint(&count) || count > in.rest().size()) return Damaged("ids are cut short");
  out->resize(count);
  for (ChangeId& id : *out) {
    uint64_t incarnation = 0;
    if (!in.ReadVarint(&incarnation) || !in.ReadVarint(&id.counter)) {
      return Damaged("ids are cut short");
    }
    DOORSTEP_ASSIGN_OR_RETURN(id.incarnation,
                              dictionary.Incarnation(static_cast<int64_t>(incarnation)));
  }
  return absl::OkStatus();
}

// Reads one head; true when its value stands in the columns.
absl::StatusOr<bool> ReadHead(ByteReader& in, const Core* fallback, Dictionary& dictionary,
                              Head* head) {
  uint8_t flags = 0;
  if (!ReadByte(in, &flags)) return Damaged("head is cut short");
  if ((flags & kDefaultHead) != 0) {
    if (fallback == nullptr) return Damaged("no default head to refer to");
    *head = HeadOf(*fallback);
  } else {
    DOORSTEP_ASSIGN_OR_RETURN(const Core core, ReadCore(in, dictionary));
    *head = HeadOf(core);
  }
  absl::string_view bytes;
  if ((flags & kInColumns) == 0) {
    if (!in.ReadBytes(&bytes)) return Damaged("value is cut short");
    head->value.assign(bytes.data(), bytes.size());
  }
  if ((flags & kHasAgreed) != 0) {
    Agreed agreed;
    if (!in.ReadVarint(&agreed.sequence) || !in.ReadBytes(&bytes)) {
      return Damaged("agreed is cut short");
    }
    agreed.value.assign(bytes.data(), bytes.size());
    head->agreed = std::move(agreed);
  }
  if ((flags & kSettled) != 0) {
    uint8_t mode = 0;
    if (!ReadByte(in, &mode) || !in.ReadBytes(&bytes) || mode > 3) return Damaged("bad settlement");
    head->settle.mode = static_cast<SettleMode>(mode);
    head->settle.reason.assign(bytes.data(), bytes.size());
  }
  if ((flags & kRemoves) != 0) {
    DOORSTEP_RETURN_IF_ERROR(ReadIds(in, dictionary, &head->removes));
  }
  if ((flags & kSeen) != 0) DOORSTEP_RETURN_IF_ERROR(ReadIds(in, dictionary, &head->seen));
  return (flags & kInColumns) != 0;
}

struct ReadField {
  FieldState state;
  bool in_columns = false;
};

absl::StatusOr<std::vector<ReadField>> ReadExceptions(ByteReader& in, const Core* fallback,
                                                      Dictionary& dictionary) {
  uint64_t count = 0;
  if (!in.ReadVarint(&count)) return Damaged("count is cut short");
  std::vector<ReadField> fields;
  for (uint64_t i = 0; i < count; ++i) {
    ReadField read;
    uint64_t number = 0;
    uint64_t heads = 0;
    if (!in.ReadVarint(&number) || !in.ReadVarint(&read.state.sequence) || !in.ReadVarint(&heads) ||
        heads > in.rest().size()) {
      return Damaged("exception is cut short");
    }
    read.state.field = static_cast<uint32_t>(number);
    read.state.heads.resize(heads);
    for (Head& head : read.state.heads) {
      DOORSTEP_ASSIGN_OR_RETURN(read.in_columns, ReadHead(in, fallback, dictionary, &head));
    }
    fields.push_back(std::move(read));
  }
  if (!in.empty()) return Damaged("bytes after the end");
  return fields;
}

}  // namespace

absl::StatusOr<EncodedMeta> EncodeMeta(const KindSpec& kind, const RecordState& state,
                                       Dictionary& dictionary) {
  const Core fallback = DefaultOf(state);
  std::string exceptions;
  std::string unknown;
  uint64_t exception_count = 0;
  uint64_t unknown_count = 0;
  for (const FieldState& field : state.fields) {
    if (field.heads.empty() && field.sequence == 0) continue;
    const FieldSpec* spec = kind.FindWithMarks(field.field);
    if (spec == nullptr) {
      ++unknown_count;
      DOORSTEP_RETURN_IF_ERROR(PutException(field, nullptr, false, dictionary, &unknown));
      continue;
    }
    const bool has_columns = !spec->is_set() && spec->merge != MergeClass::kMark;
    if (has_columns && IsPlain(field) && CoreOf(field.heads[0]) == fallback) continue;
    ++exception_count;
    const bool in_columns = has_columns && field.heads.size() == 1 && !field.heads[0].value.empty();
    DOORSTEP_RETURN_IF_ERROR(PutException(field, &fallback, in_columns, dictionary, &exceptions));
  }
  EncodedMeta out;
  out.meta.push_back(kVersion);
  DOORSTEP_RETURN_IF_ERROR(PutCore(fallback, dictionary, &out.meta));
  PutVarint(exception_count, &out.meta);
  out.meta += exceptions;
  if (unknown_count > 0) {
    out.unknown.push_back(kVersion);
    PutVarint(unknown_count, &out.unknown);
    out.unknown += unknown;
  }
  return out;
}

absl::Status DecodeMeta(const KindSpec& kind, absl::string_view meta, absl::string_view unknown,
                        absl::FunctionRef<absl::StatusOr<std::string>(size_t)> column_value,
                        Dictionary& dictionary, RecordState* state) {
  ByteReader in(meta);
  uint8_t version = 0;
  if (!ReadByte(in, &version) || version != kVersion) return Damaged("unknown version");
  DOORSTEP_ASSIGN_OR_RETURN(const Core fallback, ReadCore(in, dictionary));
  DOORSTEP_ASSIGN_OR_RETURN(std::vector<ReadField> read, ReadExceptions(in, &fallback, dictionary));
  if (!unknown.empty()) {
    ByteReader more(unknown);
    if (!ReadByte(more, &version) || version != kVersion) return Damaged("unknown version");
    DOORSTEP_ASSIGN_OR_RETURN(std::vector<ReadField> extra,
                              ReadExceptions(more, nullptr, dictionary));
    for (ReadField& field : extra) read.push_back(std::move(field));
  }
  std::sort(read.begin(), read.end(),
            [](const ReadField& a, const ReadField& b) { return a.state.field < b.state.field; });

  state->fields.clear();
  auto next = read.begin();
  auto take_below = [&](uint32_t number) {
    for (; next != read.end() && next->state.field < number; ++next) {
      state->fields.push_back(std::move(next->state));
    }
  };
  for (size_t i = 0; i < kind.fields.size(); ++i) {
    const FieldSpec& spec = kind.fields[i];
    take_below(spec.number());
    if (next != read.end() && next->state.field == spec.number()) {
      if (next->in_columns && next->state.heads.size() == 1) {
        DOORSTEP_ASSIGN_OR_RETURN(next->state.heads[0].value, column_value(i));
      }
      state->fields.push_back(std::move(next->state));
      ++next;
      continue;
    }
    if (spec.is_set()) continue;
    DOORSTEP_ASSIGN_OR_RETURN(std::string value, column_value(i));
    if (value.empty()) continue;
    FieldState& field = state->fields.emplace_back();
    field.field = spec.number();
    field.sequence = fallback.sequence;
    field.heads.push_back(HeadOf(fallback));
    field.heads[0].value = std::move(value);
  }
  take_below(UINT32_MAX);
  return absl::OkStatus();
}

}  // namespace doorstep
