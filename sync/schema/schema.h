// What the engine knows of record kinds, read from descriptors and from nothing else.
//
// A Schema is built from a descriptor set, checked for contradictions, and immutable from then on:
// share it between threads freely. The specs point into descriptors that the Schema owns.
#ifndef SYNC_SCHEMA_SCHEMA_H_
#define SYNC_SCHEMA_SCHEMA_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace google::protobuf {
class Descriptor;
class DescriptorPool;
class EnumDescriptor;
class FieldDescriptor;
}  // namespace google::protobuf

namespace doorstep {

// Mirrors of the option enums, so that engine headers need no generated header. Same numbers as in
// doorstep/v1/options.proto.
enum class MergeClass : uint8_t {
  kLatest = 1,
  kReview = 2,
  kText = 3,
  kSet = 4,
  kEarliest = 5,
  kHighest = 6,
  kState = 7,
  kImmutable = 8,
  kMark = 255,  // of the engine's own fields, below; no kind can declare it
};
enum class EffectiveRule : uint8_t {
  kUnspecified = 0,
  kHighestRating = 1,
  kDominant = 2,
  kLastAgreed = 3,
  kNone = 4,
};
// What a text field says about who answers for the record's file.
enum class Responsibility : uint8_t {
  kNone = 0,
  kWorker = 1,
  kLead = 2,
  kDeputy = 3,
  kDuty = 4,
  kAbsent = 5,
  kAtSite = 6,
  kFrom = 7,
  kUntil = 8,
  kCorrects = 9,
};
// What a field says of the record's attachment (doorstep/v1/attachment_options.proto).
enum class AttachmentPart : uint8_t { kNone = 0, kSha256 = 1, kSize = 2 };
enum class Tier : uint8_t { kNormal = 0, kRestricted = 1, kSealed = 2 };

// How a value (or a part of an atomic value) travels and is stored.
enum class ValueType : uint8_t {
  kInt,     // int32, int64, uint32 (varint; column INTEGER)
  kBool,    // varint 0 or 1; column INTEGER
  kEnum,    // varint; column INTEGER; 0 is never a value
  kDouble,  // fixed64, finite; column REAL
  kString,  // UTF-8 without NUL; column TEXT
  kBytes,   // column BLOB
  kAtomic,  // a message that is one value; a column for each part
};
enum class StringFormat : uint8_t { kNone, kCivilDate, kRecordId };

struct IntRange {
  int64_t min;
  int64_t max;
};

// One value of an enum.
struct EnumValueSpec {
  int64_t number = 0;
  std::string name;
  std::string label;  // never empty
  int32_t rank = 0;   // state machines: of two concurrent transitions the higher goes first
};

// A scalar: a field, or one part of an atomic value.
struct ScalarSpec {
  uint32_t number = 0;
  std::string name;
  std::string column;  // the name of its SQL column
  std::string label;   // of a part: what a screen calls it; never empty there
  ValueType type = ValueType::kInt;
  bool is_32_bit = false;  // kInt: values beyond int32 (or uint32) are refused
  bool is_unsigned = false;
  StringFormat format = StringFormat::kNone;
  std::optional<IntRange> range;
  uint32_t max_bytes = 0;  // strings and bytes; never 0 for them after validation
  const google::protobuf::EnumDescriptor* enum_type = nullptr;
  std::vector<EnumValueSpec> values;  // kEnum: in order of number, without 0

  // kEnum: null when there is no such value.
  const EnumValueSpec* FindValue(int64_t value_number) const;
};

struct FieldSpec {
  // For kAtomic, `scalar` holds number, name and type only.
  ScalarSpec scalar;
  std::vector<ScalarSpec> parts;  // kAtomic: in order of number

  MergeClass merge = MergeClass::kLatest;
  EffectiveRule effective = EffectiveRule::kUnspecified;
  int64_t dominant = 0;        // kDominant, kLastAgreed: the enum number that wins; 0 = none
  std::string when_unsettled;  // kNone
  bool removal_reviewed = false;
  // A change of this field says which heads of its judgement the author saw: set for members of a
  // coherent group, for fields of kinds that are coherent children, and for marks.
  bool keeps_seen = false;
  bool safety = false;
  bool index = false;
  bool full_text = false;
  bool sign_off_requires = false;
  std::string coherent_group;
  std::string reference;  // short kind name, or empty
  std::string label;      // never empty
  Responsibility responsibility = Responsibility::kNone;
  AttachmentPart attachment = AttachmentPart::kNone;

  // kAtomic: places in `parts`. `compare` is never empty; likelihood/severity are -1 when the
  // message does not name them.
  std::vector<int> compare;
  int likelihood = -1;
  int severity = -1;

  // kState: allowed[i] = (from, to); `initial` is what a new record starts in.
  int64_t initial_state = 0;
  std::vector<std::pair<int64_t, int64_t>> transitions;

  const google::protobuf::FieldDescriptor* descriptor = nullptr;

  uint32_t number() const { return scalar.number; }
  bool is_set() const { return merge == MergeClass::kSet; }
  // Whether a change of this field carries the last conflict-free value that its author stood on.
  bool carries_agreed() const {
    return merge == MergeClass::kText || merge == MergeClass::kState ||
           effective == EffectiveRule::kLastAgreed;
  }
  // Whether distinct heads of this field may need a person (merge/plan.h says when they do).
  bool needs_person() const {
    return merge == MergeClass::kReview || merge == MergeClass::kText ||
           merge == MergeClass::kState || merge == MergeClass::kImmutable || removal_reviewed;
  }
};

// Marks: text fields that the engine gives to every kind, in numbers that protobuf keeps for its
// own use. The text is the reason; no value: there is no mark, or it was taken back. See
// merge/marks.h and merge/judgement.h.
inline constexpr uint32_t kHiddenField = 19000;
inline constexpr uint32_t kAssessedField = 19001;
// Null for any other number.
const FieldSpec* MarkField(uint32_t number);

struct KindSpec {
  uint32_t number = 0;
  std::string name;       // short: "RiskAssessment"
  std::string full_name;  // "doorstep.care.v1.RiskAssessment"
  std::string table;      // "risk_assessment": table (with prefix "k_") and view names
  std::string label;
  std::string title;  // name of the string field that a screen shows as title, or empty
  bool append_only = false;
  bool sign_off = false;
  Tier tier = Tier::kNormal;
  std::vector<std::string> coherent_children;
  // Numbers of fields: records that are equal in all fields of one key may be one recorded twice.
  std::vector<std::vector<uint32_t>> duplicate_keys;
  bool says_same = false;  // its records say whether two records of another kind are the same
  bool has_group = false;  // some fields share a coherent group
  std::vector<FieldSpec> fields;  // in order of number
  const google::protobuf::Descriptor* descriptor = nullptr;

  // Null when the kind has no such field.
  const FieldSpec* Find(uint32_t field_number) const;
  // Also finds the marks that records of the kind may have.
  const FieldSpec* FindWithMarks(uint32_t field_number) const;
  // Whether its records are a judgement: they have a coherent group, or children that belong to it.
  bool IsJudgement() const { return has_group || !coherent_children.empty(); }
  const FieldSpec* FindByName(absl::string_view field_name) const;
  // The field that says this of who answers; null when none does.
  const FieldSpec* FindRole(Responsibility role) const;
  // The field that says this of the record's attachment; null when the kind has none.
  const FieldSpec* FindAttachment(AttachmentPart part) const;
};

class Schema {
 public:
  // `descriptor_set`: a serialized FileDescriptorSet with all imports, dependencies first.
  // kInvalidArgument names message and field of the first contradiction, as
  // "doorstep.care.v1.Person.address: merge REVIEW without effective, wanted one of ...".
  static absl::StatusOr<std::shared_ptr<const Schema>> FromDescriptorSet(
      absl::string_view descriptor_set);
  // The schema that this program was built with. Never null; the process ends at start-up if the
  // program was built with a contradictory schema (a test holds the proof that it is not).
  static std::shared_ptr<const Schema> BuiltIn();

  ~Schema();
  Schema(const Schema&) = delete;
  Schema& operator=(const Schema&) = delete;

  // In order of number.
  const std::vector<KindSpec>& kinds() const { return kinds_; }
  // Null when there is no such kind.
  const KindSpec* Find(uint32_t kind_number) const;
  // Short or full name, exact.
  const KindSpec* FindByName(absl::string_view name) const;

  // Sixteen bytes that identify the schema: BLAKE2b of the descriptor set.
  const std::string& hash() const { return hash_; }
  // The descriptor set that it was made of, byte for byte.
  const std::string& descriptor_set() const { return descriptor_set_; }
  const google::protobuf::DescriptorPool* pool() const;

 private:
  Schema();

  std::unique_ptr<google::protobuf::DescriptorPool> pool_;
  std::vector<KindSpec> kinds_;
  absl::flat_hash_map<uint32_t, size_t> by_number_;
  absl::flat_hash_map<std::string, size_t> by_name_;
  std::string descriptor_set_;
  std::string hash_;
};

}  // namespace doorstep

#endif  // SYNC_SCHEMA_SCHEMA_H_
