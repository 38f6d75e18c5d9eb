#include "sync/schema/field_rules.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "doorstep/v1/options.pb.h"
#include "google/protobuf/message.h"
#include "google/protobuf/unknown_field_set.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/schema/due.h"

namespace doorstep {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::EnumDescriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::FileDescriptor;

constexpr char kTypesWanted[] =
    "int32, int64, uint32, bool, double, string, bytes, an enum or an atomic message";

std::string WithSpaces(absl::string_view name) { return absl::StrReplaceAll(name, {{"_", " "}}); }

// Names become SQL columns, which know no case.
absl::Status CheckName(const FieldDescriptor& field) {
  const std::string& name = field.name();
  if (name[0] == '_') {
    return Contradiction(field.full_name(), "a name that begins with \"_\"",
                         "another: those are the engine's columns");
  }
  for (const char c : name) {
    if (absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_') continue;
    return Contradiction(field.full_name(), absl::StrCat("the name ", name),
                         "lower_case_with_underscores");
  }
  return absl::OkStatus();
}

absl::Status CheckOptionValues(absl::string_view path, const v1::FieldOptions& options) {
  DOORSTEP_RETURN_IF_ERROR(CheckNoUnknownOptions(path, options));
  if (!v1::MergeClass_IsValid(options.merge())) {
    return Contradiction(path, absl::StrCat("merge ", options.merge()),
                         "a class that this program knows");
  }
  if (!v1::EffectiveRule_IsValid(options.effective())) {
    return Contradiction(path, absl::StrCat("effective ", options.effective()),
                         "a rule that this program knows");
  }
  if (!v1::Removal_IsValid(options.removal())) {
    return Contradiction(path, absl::StrCat("removal ", options.removal()),
                         "a removal that this program knows");
  }
  if (!v1::Format_IsValid(options.format())) {
    return Contradiction(path, absl::StrCat("format ", options.format()),
                         "a format that this program knows");
  }
  if (!v1::Responsibility_IsValid(options.responsibility())) {
    return Contradiction(path, absl::StrCat("responsibility ", options.responsibility()),
                         "a responsibility that this program knows");
  }
  return absl::OkStatus();
}

absl::Status ReadType(const FieldDescriptor& field, ScalarSpec* spec) {
  switch (field.type()) {
    case FieldDescriptor::TYPE_INT32:
      spec->type = ValueType::kInt;
      spec->is_32_bit = true;
      return absl::OkStatus();
    case FieldDescriptor::TYPE_INT64:
      spec->type = ValueType::kInt;
      return absl::OkStatus();
    case FieldDescriptor::TYPE_UINT32:
      spec->type = ValueType::kInt;
      spec->is_32_bit = true;
      spec->is_unsigned = true;
      return absl::OkStatus();
    case FieldDescriptor::TYPE_BOOL:
      spec->type = ValueType::kBool;
      return absl::OkStatus();
    case FieldDescriptor::TYPE_DOUBLE:
      spec->type = ValueType::kDouble;
      return absl::OkStatus();
    case FieldDescriptor::TYPE_STRING:
      spec->type = ValueType::kString;
      return absl::OkStatus();
    case FieldDescriptor::TYPE_BYTES:
      spec->type = ValueType::kBytes;
      return absl::OkStatus();
    case FieldDescriptor::TYPE_ENUM:
      spec->type = ValueType::kEnum;
      return absl::OkStatus();
    default:
      return Contradiction(field.full_name(), absl::StrCat("type ", field.type_name()),
                           kTypesWanted);
  }
}

absl::Status ReadEnum(const FieldDescriptor& field, ScalarSpec* spec) {
  const EnumDescriptor& type = *field.enum_type();
  spec->enum_type = &type;
  for (int i = 0; i < type.value_count(); ++i) {
    const auto& value = *type.value(i);
    const v1::EnumValueOptions& options = value.options().GetExtension(v1::value);
    DOORSTEP_RETURN_IF_ERROR(CheckNoUnknownOptions(value.full_name(), options));
    if (value.number() == 0) continue;
    spec->values.push_back({value.number(), value.name(),
                            options.label().empty()
                                ? absl::AsciiStrToLower(WithSpaces(value.name()))
                                : options.label(),
                            options.rank()});
  }
  std::sort(spec->values.begin(), spec->values.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
  for (size_t i = 1; i < spec->values.size(); ++i) {
    if (spec->values[i - 1].number == spec->values[i].number) {
      return Contradiction(
          field.full_name(),
          absl::StrCat("two names for ", spec->values[i].number, " in ", type.full_name()),
          "one name for a number");
    }
  }
  if (spec->values.empty()) {
    return Contradiction(field.full_name(), absl::StrCat(type.full_name(), " without a value"),
                         "an enum with values besides 0");
  }
  return absl::OkStatus();
}

absl::Status ReadFormat(absl::string_view path, const v1::FieldOptions& options, ScalarSpec* spec) {
  v1::Format format = options.format();
  if (!options.reference().empty()) {
    if (format == v1::CIVIL_DATE) {
      return Contradiction(path, "reference with format CIVIL_DATE", "format RECORD_ID or none");
    }
    format = v1::RECORD_ID;
  }
  if (format == v1::FORMAT_UNSPECIFIED) return absl::OkStatus();
  if (spec->type != ValueType::kString) {
    return Contradiction(path,
                         absl::StrCat(options.reference().empty() ? "format " : "reference, ",
                                      v1::Format_Name(format), " on what is no string"),
                         "a string");
  }
  spec->format = format == v1::CIVIL_DATE ? StringFormat::kCivilDate : StringFormat::kRecordId;
  return absl::OkStatus();
}

absl::Status ReadRange(absl::string_view path, const v1::FieldOptions& options, ScalarSpec* spec) {
  if (!options.has_range()) return absl::OkStatus();
  const int64_t min = options.range().min();
  const int64_t max = options.range().max();
  DOORSTEP_RETURN_IF_ERROR(CheckNoUnknownOptions(path, options.range()));
  if (spec->type != ValueType::kInt) {
    return Contradiction(path, "range on what is no integer", "an integer");
  }
  const std::string got = absl::StrCat("range ", min, " to ", max);
  if (min > max) return Contradiction(path, got, "min not above max");
  int64_t lowest = std::numeric_limits<int64_t>::min();
  int64_t highest = std::numeric_limits<int64_t>::max();
  if (spec->is_unsigned) {
    lowest = 0;
    highest = std::numeric_limits<uint32_t>::max();
  } else if (spec->is_32_bit) {
    lowest = std::numeric_limits<int32_t>::min();
    highest = std::numeric_limits<int32_t>::max();
  }
  if (min < lowest || max > highest) {
    return Contradiction(path, got, absl::StrCat("within ", lowest, " to ", highest));
  }
  spec->range = IntRange{min, max};
  return absl::OkStatus();
}

absl::Status ReadLength(absl::string_view path, const v1::FieldOptions& options, bool is_element,
                        ScalarSpec* spec) {
  const bool has_length = spec->type == ValueType::kString || spec->type == ValueType::kBytes;
  if (!has_length) {
    if (options.max_bytes() == 0) return absl::OkStatus();
    return Contradiction(path, "max_bytes on what is neither string nor bytes", "a string");
  }
  const size_t limit = is_element ? kMaxSetElementBytes : kMaxTextFieldBytes;
  if (options.max_bytes() > limit) {
    return Contradiction(path, absl::StrCat("max_bytes ", options.max_bytes()),
                         absl::StrCat("at most ", limit));
  }
  spec->max_bytes = options.max_bytes() == 0 ? static_cast<uint32_t>(limit) : options.max_bytes();
  const uint32_t needed = spec->format == StringFormat::kCivilDate  ? 10
                          : spec->format == StringFormat::kRecordId ? 36
                                                                    : 0;
  if (spec->max_bytes < needed) {
    return Contradiction(path, absl::StrCat("max_bytes ", spec->max_bytes),
                         absl::StrCat("at least the ", needed, " of its format"));
  }
  return absl::OkStatus();
}

absl::Status ReadScalar(const FieldDescriptor& field, const v1::FieldOptions& options,
                        ScalarSpec* spec) {
  const std::string& path = field.full_name();
  if (static_cast<uint32_t>(field.number()) > kMaxFieldNumber) {
    return Contradiction(path, absl::StrCat("field number ", field.number()),
                         absl::StrCat("at most ", kMaxFieldNumber));
  }
  DOORSTEP_RETURN_IF_ERROR(CheckName(field));
  DOORSTEP_RETURN_IF_ERROR(ReadType(field, spec));
  if (spec->type == ValueType::kEnum) DOORSTEP_RETURN_IF_ERROR(ReadEnum(field, spec));
  DOORSTEP_RETURN_IF_ERROR(ReadFormat(path, options, spec));
  DOORSTEP_RETURN_IF_ERROR(ReadRange(path, options, spec));
  return ReadLength(path, options, field.is_repeated(), spec);
}

// A part says only what its values may be: everything else is said of the whole.
absl::Status CheckPartOptions(absl::string_view path, const v1::FieldOptions& options) {
  DOORSTEP_RETURN_IF_ERROR(CheckOptionValues(path, options));
  v1::FieldOptions rest = options;
  rest.clear_format();
  rest.clear_range();
  rest.clear_max_bytes();
  rest.clear_label();
  if (rest.ByteSizeLong() == 0) return absl::OkStatus();
  return Contradiction(path, absl::StrCat("{ ", rest.ShortDebugString(), " } on a part"),
                       "only format, range, max_bytes and label: a part merges with its whole");
}

absl::StatusOr<ScalarSpec> ReadPart(const FieldDescriptor& part) {
  const std::string& path = part.full_name();
  const v1::FieldOptions& options = part.options().GetExtension(v1::field);
  DOORSTEP_RETURN_IF_ERROR(CheckPartOptions(path, options));
  if (part.is_repeated()) {
    return Contradiction(path, "a repeated part", "an optional scalar");
  }
  if (part.type() == FieldDescriptor::TYPE_MESSAGE) {
    return Contradiction(path, "a message within an atomic message", "an optional scalar");
  }
  ScalarSpec spec;
  spec.number = static_cast<uint32_t>(part.number());
  spec.name = part.name();
  spec.label = options.label().empty() ? WithSpaces(part.name()) : options.label();
  DOORSTEP_RETURN_IF_ERROR(ReadScalar(part, options, &spec));
  if (part.real_containing_oneof() != nullptr) {
    return Contradiction(path, "a oneof", "an optional scalar");
  }
  if (!part.has_presence()) return Contradiction(path, "a scalar without presence", "optional");
  return spec;
}

// The place of the part that `option` names, or -1 when it names none.
absl::StatusOr<int> PartPlace(const Descriptor& message, const FieldSpec& spec,
                              absl::string_view option, absl::string_view name) {
  if (name.empty()) return -1;
  for (size_t i = 0; i < spec.parts.size(); ++i) {
    if (spec.parts[i].name == name) return static_cast<int>(i);
  }
  return Contradiction(message.full_name(), absl::StrCat(option, " ", Quoted(name)),
                       "the name of a part");
}

absl::Status ReadAtomicOptions(const Descriptor& message, FieldSpec* spec) {
  const std::string& path = message.full_name();
  const v1::AtomicOptions& options = message.options().GetExtension(v1::atomic);
  DOORSTEP_RETURN_IF_ERROR(CheckNoUnknownOptions(path, options));
  DOORSTEP_ASSIGN_OR_RETURN(spec->likelihood,
                            PartPlace(message, *spec, "likelihood", options.likelihood()));
  DOORSTEP_ASSIGN_OR_RETURN(spec->severity,
                            PartPlace(message, *spec, "severity", options.severity()));
  for (const int place : {spec->likelihood, spec->severity}) {
    if (place >= 0 && spec->parts[place].type != ValueType::kInt) {
      return Contradiction(absl::StrCat(path, ".", spec->parts[place].name),
                           "a likelihood or severity that is no integer", "an integer");
    }
  }
  if (spec->likelihood >= 0 && spec->likelihood == spec->severity) {
    return Contradiction(path, "likelihood and severity in one part", "two parts");
  }
  for (const std::string& name : options.compare()) {
    DOORSTEP_ASSIGN_OR_RETURN(const int place, PartPlace(message, *spec, "compare", name));
    if (place < 0 ||
        std::find(spec->compare.begin(), spec->compare.end(), place) != spec->compare.end()) {
      return Contradiction(path, absl::StrCat("compare ", Quoted(name)), "each part once");
    }
    spec->compare.push_back(place);
  }
  std::sort(spec->compare.begin(), spec->compare.end());
  if (spec->compare.empty()) {
    for (size_t i = 0; i < spec->parts.size(); ++i) spec->compare.push_back(static_cast<int>(i));
  }
  return absl::OkStatus();
}

absl::Status ReadAtomic(const FieldDescriptor& field, const v1::FieldOptions& options,
                        FieldSpec* spec) {
  const std::string& path = field.full_name();
  const Descriptor& message = *field.message_type();
  if (!message.options().HasExtension(v1::atomic)) {
    return Contradiction(path, absl::StrCat("message ", message.full_name()),
                         "a message with (doorstep.v1.atomic)");
  }
  if (message.options().HasExtension(v1::kind)) {
    return Contradiction(path, absl::StrCat("the record kind ", message.full_name()),
                         "a reference, or an atomic message that is no kind");
  }
  if (message.file()->syntax() != FileDescriptor::SYNTAX_PROTO3) {
    return Contradiction(message.full_name(), "a file that is not proto3", "proto3");
  }
  if (static_cast<uint32_t>(field.number()) > kMaxFieldNumber) {
    return Contradiction(path, absl::StrCat("field number ", field.number()),
                         absl::StrCat("at most ", kMaxFieldNumber));
  }
  DOORSTEP_RETURN_IF_ERROR(CheckName(field));
  if (options.format() != v1::FORMAT_UNSPECIFIED || options.has_range() ||
      options.max_bytes() != 0 || !options.reference().empty()) {
    return Contradiction(path, "format, range, max_bytes or reference on an atomic message",
                         "these on its parts (there is no reference on a part)");
  }
  spec->scalar.type = ValueType::kAtomic;
  for (int i = 0; i < message.field_count(); ++i) {
    absl::StatusOr<ScalarSpec> part = ReadPart(*message.field(i));
    if (!part.ok()) return Annotate(part.status(), path);
    part->column = absl::StrCat(field.name(), "_", part->name);
    spec->parts.push_back(*std::move(part));
  }
  if (spec->parts.empty()) {
    return Contradiction(path, absl::StrCat(message.full_name(), " without parts"), "parts");
  }
  std::sort(spec->parts.begin(), spec->parts.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
  return Annotate(ReadAtomicOptions(message, spec), path);
}

// Whether the form of the field is one that a table and a merge can have.
absl::Status CheckShape(const FieldDescriptor& field) {
  const std::string& path = field.full_name();
  if (field.is_map()) {
    return Contradiction(path, "a map", "a kind of its own, or a repeated field with merge SET");
  }
  if (field.type() == FieldDescriptor::TYPE_GROUP) {
    return Contradiction(path, "a group", kTypesWanted);
  }
  if (field.real_containing_oneof() != nullptr) {
    return Contradiction(path, absl::StrCat("in the oneof ", field.real_containing_oneof()->name()),
                         "an optional field: parts of a oneof cannot merge on their own");
  }
  const v1::MergeClass merge = field.options().GetExtension(v1::field).merge();
  if (merge == v1::MERGE_CLASS_UNSPECIFIED) {
    return Contradiction(path, "no merge class",
                         "(doorstep.v1.field).merge, one of LATEST, REVIEW, TEXT, SET, EARLIEST, "
                         "HIGHEST, STATE, IMMUTABLE");
  }
  if (field.is_repeated() != (merge == v1::SET)) {
    return Contradiction(path,
                         absl::StrCat("merge ", v1::MergeClass_Name(merge), " on a ",
                                      field.is_repeated() ? "repeated" : "single", " field"),
                         field.is_repeated() ? "SET" : "another class, or repeated");
  }
  if (!field.is_repeated() && !field.has_presence()) {
    return Contradiction(path, "a scalar without presence", "optional");
  }
  return absl::OkStatus();
}

absl::Status CheckSet(const FieldDescriptor& field) {
  const std::string& path = field.full_name();
  switch (field.type()) {
    case FieldDescriptor::TYPE_STRING:
    case FieldDescriptor::TYPE_ENUM:
    case FieldDescriptor::TYPE_INT32:
    case FieldDescriptor::TYPE_INT64:
    case FieldDescriptor::TYPE_UINT32:
      return absl::OkStatus();
    case FieldDescriptor::TYPE_MESSAGE:
      return Contradiction(path, "a SET of messages, which is not supported yet",
                           "string, enum, int32, int64 or uint32 elements, or a kind of its own");
    default:
      return Contradiction(path, absl::StrCat("a SET of ", field.type_name()),
                           "string, enum, int32, int64 or uint32 elements");
  }
}

// The value that wins, of the field's enum; of an atomic value: of its first enum part.
absl::Status ReadDominant(absl::string_view path, const std::string& name, FieldSpec* spec) {
  const ScalarSpec* scalar = &spec->scalar;
  if (scalar->type == ValueType::kAtomic) {
    const auto part =
        std::find_if(spec->parts.begin(), spec->parts.end(),
                     [](const ScalarSpec& each) { return each.type == ValueType::kEnum; });
    if (part != spec->parts.end()) scalar = &*part;
  }
  if (scalar->type != ValueType::kEnum) {
    return Contradiction(path, absl::StrCat("dominant ", Quoted(name), " on what has no enum"),
                         "an enum, or an atomic message with one");
  }
  const auto* value = scalar->enum_type->FindValueByName(name);
  if (value == nullptr || value->number() == 0) {
    return Contradiction(
        path, absl::StrCat("dominant ", Quoted(name)),
        absl::StrCat("a value of ", scalar->enum_type->full_name(), " that is not 0"));
  }
  spec->dominant = value->number();
  return absl::OkStatus();
}

absl::Status CheckEffective(absl::string_view path, const v1::FieldOptions& options,
                            FieldSpec* spec) {
  const v1::EffectiveRule rule = options.effective();
  if (options.merge() == v1::REVIEW && rule == v1::EFFECTIVE_RULE_UNSPECIFIED) {
    return Contradiction(path, "merge REVIEW without effective",
                         "one of HIGHEST_RATING, DOMINANT, LAST_AGREED, NONE");
  }
  if (options.merge() != v1::REVIEW && rule != v1::EFFECTIVE_RULE_UNSPECIFIED) {
    return Contradiction(path,
                         absl::StrCat("effective ", v1::EffectiveRule_Name(rule), " with merge ",
                                      v1::MergeClass_Name(options.merge())),
                         "effective with merge REVIEW only");
  }
  if (rule != v1::DOMINANT && rule != v1::LAST_AGREED && !options.dominant().empty()) {
    return Contradiction(path, "dominant without effective DOMINANT or LAST_AGREED",
                         "one of the two, or no dominant value");
  }
  if (rule != v1::NONE && !options.when_unsettled().empty()) {
    return Contradiction(path, "when_unsettled without effective NONE", "both or neither");
  }
  if (rule == v1::HIGHEST_RATING && (spec->likelihood < 0 || spec->severity < 0)) {
    return Contradiction(path, "effective HIGHEST_RATING on what has no likelihood and severity",
                         "an atomic message that names both");
  }
  if (rule == v1::NONE && options.when_unsettled().empty()) {
    return Contradiction(path, "effective NONE without when_unsettled",
                         "what a screen says instead of a value");
  }
  if (rule == v1::DOMINANT && spec->scalar.type != ValueType::kEnum) {
    return Contradiction(path, "effective DOMINANT on what is no enum", "an enum");
  }
  if (rule == v1::DOMINANT || !options.dominant().empty()) {
    return ReadDominant(path, options.dominant(), spec);
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> StateNumber(absl::string_view path, const EnumDescriptor& states,
                                    absl::string_view where, const std::string& name) {
  const auto* value = states.FindValueByName(name);
  if (value != nullptr && value->number() != 0) return value->number();
  return Contradiction(path, absl::StrCat(where, " ", Quoted(name)),
                       absl::StrCat("a value of ", states.full_name(), " that is not 0"));
}

absl::Status ReadStateMachine(absl::string_view path, FieldSpec* spec) {
  if (spec->scalar.type != ValueType::kEnum) {
    return Contradiction(path, "merge STATE on what is no enum",
                         "an enum with (doorstep.v1.state_machine)");
  }
  const EnumDescriptor& states = *spec->scalar.enum_type;
  if (!states.options().HasExtension(v1::state_machine)) {
    return Contradiction(path, absl::StrCat("merge STATE with ", states.full_name()),
                         "an enum with (doorstep.v1.state_machine)");
  }
  const v1::StateMachine& machine = states.options().GetExtension(v1::state_machine);
  DOORSTEP_RETURN_IF_ERROR(CheckNoUnknownOptions(path, machine));
  DOORSTEP_ASSIGN_OR_RETURN(spec->initial_state,
                            StateNumber(path, states, "initial", machine.initial()));
  for (const v1::Transition& transition : machine.transitions()) {
    DOORSTEP_RETURN_IF_ERROR(CheckNoUnknownOptions(path, transition));
    DOORSTEP_ASSIGN_OR_RETURN(const int64_t from,
                              StateNumber(path, states, "transition from", transition.from()));
    DOORSTEP_ASSIGN_OR_RETURN(const int64_t to,
                              StateNumber(path, states, "transition to", transition.to()));
    const auto pair = std::make_pair(from, to);
    if (from == to || std::find(spec->transitions.begin(), spec->transitions.end(), pair) !=
                          spec->transitions.end()) {
      return Contradiction(path,
                           absl::StrCat("transition ", transition.from(), " to ", transition.to()),
                           "each pair once, and no state to itself");
    }
    spec->transitions.push_back(pair);
  }
  return absl::OkStatus();
}

absl::Status CheckMergeClass(absl::string_view path, const v1::FieldOptions& options,
                             FieldSpec* spec) {
  const ScalarSpec& scalar = spec->scalar;
  const bool is_text = scalar.type == ValueType::kString && scalar.format == StringFormat::kNone;
  switch (options.merge()) {
    case v1::LATEST:
      if (options.safety()) {
        return Contradiction(path, "merge LATEST with safety",
                             "a class that never drops a value in silence, as REVIEW");
      }
      break;
    case v1::TEXT:
      if (!is_text) return Contradiction(path, "merge TEXT on what is no prose", "a plain string");
      break;
    case v1::EARLIEST:
      if (scalar.type != ValueType::kInt && scalar.format != StringFormat::kCivilDate) {
        return Contradiction(path, "merge EARLIEST on what has no order in time",
                             "a string with format CIVIL_DATE, or an integer");
      }
      break;
    case v1::HIGHEST:
      if (scalar.type != ValueType::kInt && scalar.type != ValueType::kDouble) {
        return Contradiction(path, "merge HIGHEST on what is no number", "an integer or a double");
      }
      break;
    case v1::STATE:
      DOORSTEP_RETURN_IF_ERROR(ReadStateMachine(path, spec));
      break;
    default:
      break;
  }
  if (options.merge() != v1::SET && options.removal() != v1::REMOVAL_UNSPECIFIED) {
    return Contradiction(path, "removal without merge SET", "both or neither");
  }
  if (options.full_text() && !is_text) {
    return Contradiction(path, "full_text on what is no prose", "a plain string");
  }
  if (options.index() && scalar.type == ValueType::kAtomic) {
    return Contradiction(path, "index on an atomic message", "a scalar");
  }
  return CheckEffective(path, options, spec);
}

// Names are plain text, days civil dates, a correction names a record.
absl::Status CheckResponsibility(absl::string_view path, const FieldSpec& spec) {
  const Responsibility role = spec.responsibility;
  if (role == Responsibility::kNone) return absl::OkStatus();
  StringFormat wanted = StringFormat::kNone;
  if (role == Responsibility::kFrom || role == Responsibility::kUntil) {
    wanted = StringFormat::kCivilDate;
  } else if (role == Responsibility::kCorrects) {
    wanted = StringFormat::kRecordId;
  }
  const bool fits = spec.scalar.type == ValueType::kString && spec.scalar.format == wanted;
  if (fits && !spec.is_set()) return absl::OkStatus();
  return Contradiction(path, "responsibility on a field of another type",
                       "a plain string; a CIVIL_DATE for FROM and UNTIL; a reference for CORRECTS");
}

}  // namespace

absl::Status Contradiction(absl::string_view path, absl::string_view got,
                           absl::string_view wanted) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", got, ", wanted ", wanted));
}

absl::Status CheckNoUnknownOptions(absl::string_view path,
                                   const google::protobuf::Message& options) {
  const auto& unknown = options.GetReflection()->GetUnknownFields(options);
  if (unknown.empty()) return absl::OkStatus();
  return Contradiction(path,
                       absl::StrCat("field ", unknown.field(0).number(), " in ",
                                    options.GetDescriptor()->full_name()),
                       "options that this program knows");
}

absl::StatusOr<FieldSpec> ReadField(const FieldDescriptor& field) {
  const std::string& path = field.full_name();
  const v1::FieldOptions& options = field.options().GetExtension(v1::field);
  DOORSTEP_RETURN_IF_ERROR(CheckOptionValues(path, options));
  DOORSTEP_RETURN_IF_ERROR(CheckShape(field));
  FieldSpec spec;
  spec.descriptor = &field;
  spec.scalar.number = static_cast<uint32_t>(field.number());
  spec.scalar.name = field.name();
  spec.merge = static_cast<MergeClass>(options.merge());
  spec.effective = static_cast<EffectiveRule>(options.effective());
  spec.when_unsettled = options.when_unsettled();
  spec.removal_reviewed = options.removal() == v1::REVIEWED;
  spec.safety = options.safety();
  spec.index = options.index();
  spec.full_text = options.full_text();
  spec.sign_off_requires = options.sign_off_requires();
  spec.coherent_group = options.coherent_group();
  spec.reference = options.reference();
  spec.label = options.label().empty() ? WithSpaces(field.name()) : options.label();
  if (options.merge() == v1::SET) DOORSTEP_RETURN_IF_ERROR(CheckSet(field));
  if (field.type() == FieldDescriptor::TYPE_MESSAGE) {
    DOORSTEP_RETURN_IF_ERROR(ReadAtomic(field, options, &spec));
  } else {
    DOORSTEP_RETURN_IF_ERROR(ReadScalar(field, options, &spec.scalar));
    spec.scalar.column = field.name();
  }
  DOORSTEP_RETURN_IF_ERROR(CheckMergeClass(path, options, &spec));
  spec.responsibility = static_cast<Responsibility>(options.responsibility());
  DOORSTEP_RETURN_IF_ERROR(CheckResponsibility(path, spec));
  DOORSTEP_RETURN_IF_ERROR(CheckDueOptions(spec));
  return spec;
}

}  // namespace doorstep
