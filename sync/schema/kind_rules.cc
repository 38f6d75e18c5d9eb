#include "sync/schema/kind_rules.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "doorstep/v1/attachment_options.pb.h"
#include "doorstep/v1/options.pb.h"
#include "google/protobuf/descriptor.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/schema/bands.h"
#include "sync/schema/due.h"
#include "sync/schema/field_rules.h"
#include "sync/schema/pause.h"

namespace doorstep {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FileDescriptor;

// Columns that every table has, and those that SQLite answers to.
constexpr absl::string_view kReservedColumns[] = {"id", "file", "tier", "kind", "rowid", "oid"};

// "RiskAssessment" is "risk_assessment", "GPVisit" is "gp_visit".
std::string SnakeCase(absl::string_view name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    const bool upper = absl::ascii_isupper(name[i]);
    const bool after_lower = i > 0 && !absl::ascii_isupper(name[i - 1]) && name[i - 1] != '_';
    const bool ends_capitals = i > 0 && absl::ascii_isupper(name[i - 1]) && i + 1 < name.size() &&
                               absl::ascii_islower(name[i + 1]);
    if (upper && (after_lower || ends_capitals)) out.push_back('_');
    out.push_back(absl::ascii_tolower(name[i]));
  }
  return out;
}

absl::Status ReadKindOptions(const Descriptor& message, KindSpec* kind) {
  const std::string& path = message.full_name();
  const v1::KindOptions& options = message.options().GetExtension(v1::kind);
  DOORSTEP_RETURN_IF_ERROR(CheckNoUnknownOptions(path, options));
  if (options.number() == 0 || options.number() > kMaxKindNumber) {
    return Contradiction(path, absl::StrCat("kind number ", options.number()),
                         absl::StrCat("1 to ", kMaxKindNumber));
  }
  if (!v1::Tier_IsValid(options.tier())) {
    return Contradiction(path, absl::StrCat("tier ", options.tier()),
                         "a tier that this program knows");
  }
  kind->number = options.number();
  kind->name = message.name();
  kind->full_name = message.full_name();
  kind->table = SnakeCase(message.name());
  kind->label =
      options.label().empty() ? absl::StrReplaceAll(kind->table, {{"_", " "}}) : options.label();
  kind->title = options.title();
  kind->append_only = options.append_only();
  kind->sign_off = options.sign_off();
  kind->tier = static_cast<Tier>(options.tier());
  kind->coherent_children.assign(options.coherent_children().begin(),
                                 options.coherent_children().end());
  kind->says_same = options.says_same();
  kind->descriptor = &message;
  if (absl::StartsWith(kind->table, "sqlite_") || absl::StartsWith(kind->table, "_")) {
    return Contradiction(path, absl::StrCat("the table name ", kind->table),
                         "one that begins neither with \"sqlite_\" nor with \"_\"");
  }
  return absl::OkStatus();
}

absl::Status CheckShape(const Descriptor& message) {
  const std::string& path = message.full_name();
  if (message.file()->syntax() != FileDescriptor::SYNTAX_PROTO3) {
    return Contradiction(path, "a file that is not proto3", "proto3");
  }
  if (message.options().HasExtension(v1::atomic)) {
    return Contradiction(path, "both a kind and an atomic message", "one of the two");
  }
  if (message.field_count() == 0) return Contradiction(path, "a kind without fields", "fields");
  return absl::OkStatus();
}

absl::Status CheckField(const KindSpec& kind, const FieldSpec& field) {
  const std::string path = absl::StrCat(kind.full_name, ".", field.scalar.name);
  if (kind.append_only && field.merge != MergeClass::kImmutable && !field.is_set()) {
    return Contradiction(path, "a field that can change in an append_only kind",
                         "merge IMMUTABLE or SET");
  }
  if (field.sign_off_requires && !kind.sign_off) {
    return Contradiction(path, "sign_off_requires in a kind without sign_off", "both or neither");
  }
  return absl::OkStatus();
}

absl::Status CheckTitleAndRoles(const KindSpec& kind) {
  if (!kind.title.empty()) {
    const FieldSpec* title = kind.FindByName(kind.title);
    if (title == nullptr || title->is_set() || title->scalar.type != ValueType::kString) {
      return Contradiction(kind.full_name, absl::StrCat("title ", Quoted(kind.title)),
                           "the name of a string field");
    }
  }
  for (const FieldSpec& field : kind.fields) {
    if (field.responsibility == Responsibility::kNone) continue;
    if (kind.FindRole(field.responsibility) != &field) {
      return Contradiction(absl::StrCat(kind.full_name, ".", field.scalar.name),
                           "a responsibility which another field has too", "each once in a kind");
    }
  }
  return absl::OkStatus();
}

constexpr uint32_t kSha256Bytes = 32;

// What a field says of the record's attachment.
absl::Status ReadAttachmentPart(FieldSpec* field) {
  const std::string& path = field->descriptor->full_name();
  const v1::AttachmentPart part = field->descriptor->options().GetExtension(v1::attachment);
  if (!v1::AttachmentPart_IsValid(part)) {
    return Contradiction(path, absl::StrCat("attachment ", part), "a part that this program knows");
  }
  field->attachment = static_cast<AttachmentPart>(part);
  const ScalarSpec& scalar = field->scalar;
  const bool fits = field->merge == MergeClass::kImmutable;
  if (part == v1::SHA256 && !(fits && field->index && scalar.type == ValueType::kBytes &&
                              scalar.max_bytes == kSha256Bytes)) {
    return Contradiction(path, "attachment SHA256 on another field",
                         "bytes with merge IMMUTABLE, index and max_bytes 32");
  }
  if (part == v1::SIZE && !(fits && scalar.type == ValueType::kInt && !scalar.is_32_bit)) {
    return Contradiction(path, "attachment SIZE on another field", "an int64 with merge IMMUTABLE");
  }
  return absl::OkStatus();
}

absl::Status CheckAttachment(const KindSpec& kind) {
  const FieldSpec* hash = kind.FindAttachment(AttachmentPart::kSha256);
  const FieldSpec* size = kind.FindAttachment(AttachmentPart::kSize);
  for (const FieldSpec& field : kind.fields) {
    if (field.attachment == AttachmentPart::kNone || &field == hash || &field == size) continue;
    return Contradiction(absl::StrCat(kind.full_name, ".", field.scalar.name),
                         "a part of an attachment which another field is too",
                         "one attachment in a record");
  }
  if ((hash == nullptr) == (size == nullptr)) return absl::OkStatus();
  return Contradiction(kind.full_name, "one part of an attachment", "both SHA256 and SIZE");
}

absl::Status CheckColumns(const KindSpec& kind) {
  absl::flat_hash_map<std::string, std::string> owners;
  for (const FieldSpec& field : kind.fields) {
    std::vector<std::string> columns;
    if (field.parts.empty()) columns.push_back(field.scalar.column);
    for (const ScalarSpec& part : field.parts) columns.push_back(part.column);
    const std::string path = absl::StrCat(kind.full_name, ".", field.scalar.name);
    for (const std::string& column : columns) {
      if (std::find(std::begin(kReservedColumns), std::end(kReservedColumns), column) !=
          std::end(kReservedColumns)) {
        return Contradiction(path, absl::StrCat("the reserved column name ", column),
                             "another name");
      }
      const auto [owner, inserted] = owners.emplace(column, field.scalar.name);
      if (!inserted) {
        return Contradiction(
            path, absl::StrCat("the column ", column, ", which ", owner->second, " has too"),
            "a column name of its own");
      }
    }
  }
  return absl::OkStatus();
}

// "name date_of_birth" as the numbers of the fields.
absl::Status ReadDuplicateKeys(const Descriptor& message, KindSpec* kind) {
  for (const std::string& key : message.options().GetExtension(v1::kind).duplicate_key()) {
    std::vector<uint32_t>& numbers = kind->duplicate_keys.emplace_back();
    for (const absl::string_view name : absl::StrSplit(key, ' ', absl::SkipEmpty())) {
      const FieldSpec* field = kind->FindByName(name);
      if (field == nullptr || field->is_set() || field->scalar.type != ValueType::kString) {
        return Contradiction(kind->full_name, absl::StrCat("duplicate_key ", Quoted(key)),
                             "names of text fields, separated by spaces");
      }
      numbers.push_back(field->number());
    }
    if (numbers.empty()) {
      return Contradiction(kind->full_name, "an empty duplicate_key", "names of text fields");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSaysSame(const KindSpec& kind) {
  if (!kind.says_same) return absl::OkStatus();
  std::vector<absl::string_view> references;
  int verdicts = 0;
  for (const FieldSpec& field : kind.fields) {
    if (!field.reference.empty() && !field.is_set()) references.emplace_back(field.reference);
    const bool verdict =
        field.effective == EffectiveRule::kDominant && field.scalar.values.size() == 2;
    verdicts += verdict ? 1 : 0;
  }
  if (references.size() == 2 && references[0] == references[1] && verdicts == 1) {
    return absl::OkStatus();
  }
  return Contradiction(kind.full_name,
                       absl::StrCat("says_same with ", references.size(), " references and ",
                                    verdicts, " fields of rule DOMINANT with two values"),
                       "two references to one kind, and one such field");
}

using KindsByName = absl::flat_hash_map<std::string, const KindSpec*>;

absl::Status CheckUnique(const std::vector<KindSpec>& kinds, KindsByName* by_name) {
  absl::flat_hash_map<uint32_t, const KindSpec*> numbers;
  absl::flat_hash_map<std::string, const KindSpec*> tables;
  for (const KindSpec& kind : kinds) {
    if (const auto [other, inserted] = numbers.emplace(kind.number, &kind); !inserted) {
      return Contradiction(kind.full_name,
                           absl::StrCat("kind number ", kind.number, ", which ",
                                        other->second->full_name, " has too"),
                           "a number of its own");
    }
    // Kinds of one short name have one table name too.
    if (const auto [other, inserted] = tables.emplace(kind.table, &kind); !inserted) {
      return Contradiction(kind.full_name,
                           absl::StrCat("the table name ", kind.table, ", which ",
                                        other->second->full_name, " has too"),
                           "a short name of its own");
    }
    by_name->emplace(kind.name, &kind);
    by_name->emplace(kind.full_name, &kind);
  }
  return absl::OkStatus();
}

// One judgement for a record: more would need a case for each.
absl::Status ReadGroup(KindSpec* kind) {
  const FieldSpec* first = nullptr;
  for (FieldSpec& field : kind->fields) {
    if (field.coherent_group.empty()) continue;
    if (first != nullptr && first->coherent_group != field.coherent_group) {
      return Contradiction(absl::StrCat(kind->full_name, ".", field.scalar.name),
                           absl::StrCat("coherent_group ", Quoted(field.coherent_group)),
                           absl::StrCat("the kind's only one, ", Quoted(first->coherent_group)));
    }
    if (first == nullptr) first = &field;
    field.keeps_seen = true;
  }
  kind->has_group = first != nullptr;
  return absl::OkStatus();
}

bool RefersTo(const KindSpec& child, absl::string_view parent) {
  return std::any_of(child.fields.begin(), child.fields.end(),
                     [parent](const FieldSpec& field) { return field.reference == parent; });
}

}  // namespace

absl::StatusOr<KindSpec> ReadKind(const Descriptor& message) {
  KindSpec kind;
  DOORSTEP_RETURN_IF_ERROR(CheckShape(message));
  DOORSTEP_RETURN_IF_ERROR(ReadKindOptions(message, &kind));
  for (int i = 0; i < message.field_count(); ++i) {
    DOORSTEP_ASSIGN_OR_RETURN(FieldSpec field, ReadField(*message.field(i)));
    DOORSTEP_RETURN_IF_ERROR(ReadAttachmentPart(&field));
    DOORSTEP_RETURN_IF_ERROR(CheckField(kind, field));
    kind.fields.push_back(std::move(field));
  }
  std::sort(kind.fields.begin(), kind.fields.end(),
            [](const FieldSpec& a, const FieldSpec& b) { return a.number() < b.number(); });
  DOORSTEP_RETURN_IF_ERROR(CheckColumns(kind));
  DOORSTEP_RETURN_IF_ERROR(ReadDuplicateKeys(message, &kind));
  DOORSTEP_RETURN_IF_ERROR(ReadGroup(&kind));
  DOORSTEP_RETURN_IF_ERROR(CheckTitleAndRoles(kind));
  for (const FieldSpec& field : kind.fields) {
    DOORSTEP_RETURN_IF_ERROR(CheckPauseOption(field));
    DOORSTEP_RETURN_IF_ERROR(CheckBands(field));
  }
  DOORSTEP_RETURN_IF_ERROR(CheckDueFields(kind));
  DOORSTEP_RETURN_IF_ERROR(CheckAttachment(kind));
  return kind;
}

absl::Status LinkKinds(std::vector<KindSpec>* kinds) {
  KindsByName by_name;
  DOORSTEP_RETURN_IF_ERROR(CheckUnique(*kinds, &by_name));
  for (KindSpec& kind : *kinds) {
    for (FieldSpec& field : kind.fields) {
      if (field.reference.empty()) continue;
      const auto target = by_name.find(field.reference);
      if (target == by_name.end()) {
        return Contradiction(absl::StrCat(kind.full_name, ".", field.scalar.name),
                             absl::StrCat("reference ", Quoted(field.reference)),
                             "the name of a kind");
      }
      field.reference = target->second->name;
    }
    DOORSTEP_RETURN_IF_ERROR(CheckSaysSame(kind));
  }
  absl::flat_hash_set<uint32_t> members;
  for (KindSpec& kind : *kinds) {
    for (std::string& name : kind.coherent_children) {
      const auto child = by_name.find(name);
      if (child == by_name.end() || !RefersTo(*child->second, kind.name)) {
        return Contradiction(kind.full_name, absl::StrCat("coherent_children ", Quoted(name)),
                             "a kind with a reference to this one");
      }
      name = child->second->name;
      members.insert(child->second->number);
    }
  }
  for (KindSpec& kind : *kinds) {
    if (!members.contains(kind.number) || kind.has_group) continue;
    for (FieldSpec& field : kind.fields) field.keeps_seen = true;
  }
  return absl::OkStatus();
}

}  // namespace doorstep
