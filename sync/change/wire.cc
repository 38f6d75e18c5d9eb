#include "sync/change/wire.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/base/utf8.h"
#include "sync/base/varint.h"
#include "sync/change/wire_cursor.h"

namespace doorstep {
namespace {

constexpr size_t kRecordIdBytes = 36;

// What an error message says of the place; text is only made of it when something is wrong.
struct Place {
  const KindSpec& kind;
  const FieldSpec& field;
  const ScalarSpec* part = nullptr;

  std::string Text() const {
    return absl::StrCat(kind.name, ".", field.scalar.name, part == nullptr ? "" : ".",
                        part == nullptr ? "" : part->name);
  }
  absl::Status Invalid(absl::string_view got, absl::string_view wanted) const {
    return InvalidField(Text(), got, wanted);
  }
};

absl::Status Malformed(absl::string_view path, const WireCursor& cursor) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": got bytes that are no field at ", cursor.offset(),
                   ", wanted a serialized message with shortest varints and no groups"));
}

absl::string_view TypeName(WireType type) {
  switch (type) {
    case WireType::kVarint:
      return "a varint";
    case WireType::kFixed64:
      return "8 fixed bytes";
    case WireType::kBytes:
      return "length-delimited bytes";
    case WireType::kFixed32:
      return "4 fixed bytes";
  }
  return "no type";
}

WireType WireTypeOf(ValueType type) {
  switch (type) {
    case ValueType::kInt:
    case ValueType::kBool:
    case ValueType::kEnum:
      return WireType::kVarint;
    case ValueType::kDouble:
      return WireType::kFixed64;
    case ValueType::kString:
    case ValueType::kBytes:
    case ValueType::kAtomic:
      return WireType::kBytes;
  }
  return WireType::kBytes;
}

absl::Status CheckWireType(const Place& place, ValueType type, const WireField& raw) {
  if (raw.type == WireTypeOf(type)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(place.Text(), ": got ", TypeName(raw.type),
                                                 ", wanted ", TypeName(WireTypeOf(type))));
}

bool AllDigits(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isdigit(c); });
}

int Number(absl::string_view digits) {
  int number = 0;
  for (const char c : digits) number = number * 10 + (c - '0');
  return number;
}

bool IsCivilDate(absl::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-' || !AllDigits(text.substr(0, 4)) ||
      !AllDigits(text.substr(5, 2)) || !AllDigits(text.substr(8, 2))) {
    return false;
  }
  const int year = Number(text.substr(0, 4));
  const int month = Number(text.substr(5, 2));
  const int day = Number(text.substr(8, 2));
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return day <= kDays[month - 1] + (leap && month == 2 ? 1 : 0);
}

bool IsRecordId(absl::string_view text) {
  if (text.size() != kRecordIdBytes) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? c != '-' : !(absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

absl::Status CheckInt(const Place& place, const ScalarSpec& spec, uint64_t number) {
  const auto value = static_cast<int64_t>(number);
  int64_t lowest = std::numeric_limits<int64_t>::min();
  int64_t highest = std::numeric_limits<int64_t>::max();
  if (spec.range.has_value()) {
    lowest = spec.range->min;
    highest = spec.range->max;
  } else if (spec.is_unsigned) {
    lowest = 0;
    highest = std::numeric_limits<uint32_t>::max();
  } else if (spec.is_32_bit) {
    lowest = std::numeric_limits<int32_t>::min();
    highest = std::numeric_limits<int32_t>::max();
  }
  if (value >= lowest && value <= highest) return absl::OkStatus();
  return place.Invalid(absl::StrCat(value), absl::StrCat(lowest, " to ", highest));
}

absl::Status CheckEnum(const Place& place, const ScalarSpec& spec, uint64_t number,
                       Unknown unknown) {
  const auto value = static_cast<int64_t>(number);
  if (spec.FindValue(value) != nullptr) return absl::OkStatus();
  if (value == 0 || value < std::numeric_limits<int32_t>::min() ||
      value > std::numeric_limits<int32_t>::max()) {
    return place.Invalid(absl::StrCat(value), "the number of a value, not 0");
  }
  if (unknown == Unknown::kKeep) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat(place.Text(), ": got the enum number ", value,
                                               ", wanted one that this schema knows"));
}

absl::Status CheckText(const Place& place, const ScalarSpec& spec, absl::string_view text) {
  if (text.size() > spec.max_bytes) {
    return place.Invalid(absl::StrCat(text.size(), " bytes"),
                         absl::StrCat("at most ", spec.max_bytes));
  }
  if (spec.type == ValueType::kBytes) return absl::OkStatus();
  if (spec.format == StringFormat::kCivilDate) {
    return IsCivilDate(text) ? absl::OkStatus() : place.Invalid(text, "YYYY-MM-DD");
  }
  if (spec.format == StringFormat::kRecordId) {
    return IsRecordId(text) ? absl::OkStatus() : place.Invalid(text, "a UUID in lower case");
  }
  if (text.find('\0') != absl::string_view::npos) return place.Invalid(text, "text without NUL");
  return IsValidUtf8(text) ? absl::OkStatus() : place.Invalid(text, "UTF-8");
}

// Whether the bytes of the entry are a value of the scalar; they are then canonical, but for -0.
absl::Status CheckScalar(const Place& place, const ScalarSpec& spec, const WireField& raw,
                         Unknown unknown) {
  DOORSTEP_RETURN_IF_ERROR(CheckWireType(place, spec.type, raw));
  switch (spec.type) {
    case ValueType::kInt:
      return CheckInt(place, spec, raw.number);
    case ValueType::kBool:
      return raw.number <= 1 ? absl::OkStatus() : place.Invalid(absl::StrCat(raw.number), "0 or 1");
    case ValueType::kEnum:
      return CheckEnum(place, spec, raw.number, unknown);
    case ValueType::kDouble: {
      const auto real = std::bit_cast<double>(raw.number);
      return std::isfinite(real) ? absl::OkStatus()
                                 : place.Invalid(absl::StrCat(real), "a finite number");
    }
    case ValueType::kString:
    case ValueType::kBytes:
      return CheckText(place, spec, raw.body);
    case ValueType::kAtomic:
      break;
  }
  return absl::InternalError(absl::StrCat(place.Text(), ": a scalar that is none"));
}

void PutTag(uint32_t field, WireType type, std::string* out) {
  PutVarint(uint64_t{field} << 3 | static_cast<uint64_t>(type), out);
}

void PutFixed64(uint64_t value, std::string* out) {
  for (int i = 0; i < 8; ++i) out->push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

void AppendScalar(const ScalarSpec& spec, const WireField& raw, std::string* out) {
  if (spec.type == ValueType::kDouble && std::bit_cast<double>(raw.number) == 0) {
    PutTag(raw.field, raw.type, out);
    PutFixed64(0, out);
    return;
  }
  out->append(raw.bytes.data(), raw.bytes.size());
}

absl::StatusOr<std::string> ParseAtomic(const Place& place, const WireField& raw, Unknown unknown) {
  DOORSTEP_RETURN_IF_ERROR(CheckWireType(place, ValueType::kAtomic, raw));
  const std::vector<ScalarSpec>& parts = place.field.parts;
  std::vector<WireField> found(parts.size());
  WireCursor cursor(raw.body);
  bool any = false;
  while (!cursor.done()) {
    WireField entry;
    if (!cursor.Next(&entry)) return Malformed(place.Text(), cursor);
    const auto part = std::find_if(parts.begin(), parts.end(), [&entry](const ScalarSpec& spec) {
      return spec.number == entry.field;
    });
    // Released atomic messages gain no parts, so this is no newer schema's.
    if (part == parts.end()) {
      return place.Invalid(absl::StrCat("part ", entry.field), "a part that the message has");
    }
    const Place part_place{place.kind, place.field, &*part};
    DOORSTEP_RETURN_IF_ERROR(CheckScalar(part_place, *part, entry, unknown));
    WireField& slot = found[static_cast<size_t>(part - parts.begin())];
    if (slot.field != 0) return part_place.Invalid("two values", "one");
    slot = entry;
    any = true;
  }
  if (!any) return place.Invalid("", "at least one part");
  std::string body;
  body.reserve(raw.body.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    if (found[i].field != 0) AppendScalar(parts[i], found[i], &body);
  }
  std::string out;
  out.reserve(raw.bytes.size());
  PutTag(raw.field, raw.type, &out);
  PutBytes(body, &out);
  return out;
}

absl::StatusOr<std::string> ParseField(const Place& place, const WireField& raw, Unknown unknown) {
  if (place.field.scalar.type == ValueType::kAtomic) return ParseAtomic(place, raw, unknown);
  DOORSTEP_RETURN_IF_ERROR(CheckScalar(place, place.field.scalar, raw, unknown));
  std::string out;
  AppendScalar(place.field.scalar, raw, &out);
  return out;
}

// Elements of a packed SET, each as a value of its own.
absl::Status ParsePacked(const Place& place, const WireField& raw, Unknown unknown,
                         std::vector<std::string>* out) {
  WireCursor cursor(raw.body);
  while (!cursor.done()) {
    WireField element;
    element.field = raw.field;
    if (!cursor.ReadVarint(&element.number)) return Malformed(place.Text(), cursor);
    DOORSTEP_RETURN_IF_ERROR(CheckScalar(place, place.field.scalar, element, unknown));
    std::string value;
    PutTag(raw.field, WireType::kVarint, &value);
    PutVarint(element.number, &value);
    out->push_back(std::move(value));
  }
  return absl::OkStatus();
}

absl::Status ParseInto(const KindSpec& kind, const FieldSpec* field, const WireField& raw,
                       Unknown unknown, std::vector<std::string>* out) {
  if (field == nullptr) {
    if (unknown == Unknown::kRefuse) {
      return absl::UnimplementedError(absl::StrCat(kind.name, ": got field ", raw.field,
                                                   ", wanted one that this schema knows"));
    }
    out->emplace_back(raw.bytes);
    return absl::OkStatus();
  }
  const Place place{kind, *field};
  if (field->is_set() && raw.type == WireType::kBytes &&
      WireTypeOf(field->scalar.type) == WireType::kVarint) {
    return ParsePacked(place, raw, unknown, out);
  }
  DOORSTEP_ASSIGN_OR_RETURN(std::string value, ParseField(place, raw, unknown));
  out->push_back(std::move(value));
  return absl::OkStatus();
}

// Brings fields that did not stand in order of number into it.
void MergeRepeats(std::vector<FieldValues>* fields) {
  std::stable_sort(fields->begin(), fields->end(),
                   [](const FieldValues& a, const FieldValues& b) { return a.field < b.field; });
  size_t kept = 0;
  for (size_t i = 1; i < fields->size(); ++i) {
    FieldValues& last = (*fields)[kept];
    FieldValues& next = (*fields)[i];
    if (next.field == last.field) {
      std::move(next.values.begin(), next.values.end(), std::back_inserter(last.values));
    } else if (++kept != i) {
      (*fields)[kept] = std::move(next);
    }
  }
  if (!fields->empty()) fields->resize(kept + 1);
}

absl::Status CheckCount(const KindSpec& kind, FieldValues* values) {
  const FieldSpec* field = kind.FindWithMarks(values->field);
  if (field == nullptr || values->values.size() <= 1) return absl::OkStatus();
  const Place place{kind, *field};
  if (!field->is_set()) {
    return place.Invalid(absl::StrCat(values->values.size(), " values"), "one");
  }
  std::vector<std::string>& elements = values->values;
  std::sort(elements.begin(), elements.end());
  elements.erase(std::unique(elements.begin(), elements.end()), elements.end());
  if (elements.size() <= kMaxSetElements) return absl::OkStatus();
  return place.Invalid(absl::StrCat(elements.size(), " elements"),
                       absl::StrCat("at most ", kMaxSetElements));
}

absl::Status NotCanonical(const ScalarSpec& spec) {
  return absl::InternalError(absl::StrCat(spec.name, ": got a value that is not canonical"));
}

absl::StatusOr<Scalar> Decode(const ScalarSpec& spec, const WireField& raw) {
  if (raw.field != spec.number || raw.type != WireTypeOf(spec.type)) return NotCanonical(spec);
  Scalar scalar;
  scalar.present = true;
  switch (raw.type) {
    case WireType::kVarint:
      scalar.integer = static_cast<int64_t>(raw.number);
      break;
    case WireType::kFixed64:
      scalar.real = std::bit_cast<double>(raw.number);
      break;
    default:
      scalar.bytes = raw.body;
      break;
  }
  return scalar;
}

void Encode(const ScalarSpec& spec, const Scalar& scalar, std::string* out) {
  if (!scalar.present) return;
  const WireType type = WireTypeOf(spec.type);
  PutTag(spec.number, type, out);
  if (type == WireType::kVarint) {
    PutVarint(static_cast<uint64_t>(scalar.integer), out);
  } else if (type == WireType::kFixed64) {
    PutFixed64(scalar.real == 0 ? 0 : std::bit_cast<uint64_t>(scalar.real), out);
  } else {
    PutBytes(scalar.bytes, out);
  }
}

}  // namespace

absl::Status SplitMessage(absl::string_view message, std::vector<WireEntry>* out) {
  out->clear();
  WireCursor cursor(message);
  while (!cursor.done()) {
    WireField raw;
    if (!cursor.Next(&raw)) return Malformed("message", cursor);
    out->push_back({raw.field, raw.bytes});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<FieldValues>> ParseValues(const KindSpec& kind,
                                                     absl::string_view message, Unknown unknown) {
  std::vector<FieldValues> out;
  out.reserve(std::min(kind.fields.size(), message.size() / 2));
  bool in_order = true;
  const FieldSpec* field = nullptr;
  WireCursor cursor(message);
  while (!cursor.done()) {
    WireField raw;
    if (!cursor.Next(&raw)) return Malformed(kind.name, cursor);
    if (out.empty() || out.back().field != raw.field) {
      in_order = in_order && (out.empty() || out.back().field < raw.field);
      out.push_back({raw.field, {}});
    }
    if (field == nullptr || field->number() != raw.field) field = kind.FindWithMarks(raw.field);
    DOORSTEP_RETURN_IF_ERROR(ParseInto(kind, field, raw, unknown, &out.back().values));
    // An empty packed field says nothing.
    if (out.back().values.empty()) out.pop_back();
  }
  if (!in_order) MergeRepeats(&out);
  for (FieldValues& values : out) DOORSTEP_RETURN_IF_ERROR(CheckCount(kind, &values));
  return out;
}

absl::StatusOr<std::string> ParseValue(const KindSpec& kind, const FieldSpec& field,
                                       absl::string_view value, Unknown unknown) {
  const Place place{kind, field};
  WireCursor cursor(value);
  WireField raw;
  if (!cursor.Next(&raw) || !cursor.done()) return Malformed(place.Text(), cursor);
  if (raw.field != field.number()) {
    return place.Invalid(absl::StrCat("field ", raw.field), absl::StrCat(field.number()));
  }
  return ParseField(place, raw, unknown);
}

absl::StatusOr<Scalar> DecodeScalar(const ScalarSpec& spec, absl::string_view value) {
  if (value.empty()) return Scalar{};
  WireCursor cursor(value);
  WireField raw;
  if (!cursor.Next(&raw) || !cursor.done()) return NotCanonical(spec);
  return Decode(spec, raw);
}

absl::StatusOr<std::vector<Scalar>> DecodeParts(const FieldSpec& field, absl::string_view value) {
  std::vector<Scalar> out(field.parts.size());
  if (value.empty()) return out;
  WireCursor cursor(value);
  WireField raw;
  if (!cursor.Next(&raw) || !cursor.done() || raw.field != field.number() ||
      raw.type != WireType::kBytes) {
    return NotCanonical(field.scalar);
  }
  WireCursor body(raw.body);
  size_t i = 0;
  while (!body.done()) {
    if (!body.Next(&raw)) return NotCanonical(field.scalar);
    while (i < field.parts.size() && field.parts[i].number < raw.field) ++i;
    if (i == field.parts.size() || out[i].present) return NotCanonical(field.scalar);
    DOORSTEP_ASSIGN_OR_RETURN(out[i], Decode(field.parts[i], raw));
  }
  return out;
}

std::string EncodeScalar(const ScalarSpec& spec, const Scalar& scalar) {
  std::string out;
  Encode(spec, scalar, &out);
  return out;
}

std::string EncodeParts(const FieldSpec& field, const std::vector<Scalar>& parts) {
  std::string body;
  for (size_t i = 0; i < parts.size() && i < field.parts.size(); ++i) {
    Encode(field.parts[i], parts[i], &body);
  }
  std::string out;
  if (body.empty()) return out;
  PutTag(field.number(), WireType::kBytes, &out);
  PutBytes(body, &out);
  return out;
}

std::string CompareKey(const FieldSpec& field, absl::string_view value) {
  if (value.empty() || field.parts.empty() || field.compare.size() == field.parts.size()) {
    return std::string(value);
  }
  WireCursor cursor(value);
  WireField whole;
  if (!cursor.Next(&whole) || whole.type != WireType::kBytes) return std::string(value);
  std::string body;
  WireCursor parts(whole.body);
  while (!parts.done()) {
    WireField part;
    if (!parts.Next(&part)) return std::string(value);
    for (const int place : field.compare) {
      if (field.parts[static_cast<size_t>(place)].number == part.field) {
        body.append(part.bytes.data(), part.bytes.size());
      }
    }
  }
  std::string out;
  PutTag(whole.field, whole.type, &out);
  PutBytes(body, &out);
  return out;
}

}  // namespace doorstep
