#include "sync/schema/schema.h"

#include <sodium.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "doorstep/v1/attachment_options.pb.h"
#include "doorstep/v1/bands.pb.h"
#include "doorstep/v1/built_in_schema.h"
#include "doorstep/v1/due.pb.h"
#include "doorstep/v1/due_more.pb.h"
#include "doorstep/v1/options.pb.h"
#include "doorstep/v1/pause.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "sync/base/limits.h"
#include "sync/base/status.h"
#include "sync/schema/field_rules.h"
#include "sync/schema/kind_rules.h"

namespace doorstep {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::DescriptorPool;
using ::google::protobuf::FileDescriptor;
using ::google::protobuf::FileDescriptorProto;
using ::google::protobuf::FileDescriptorSet;

constexpr size_t kHashBytes = 16;

// Collects what the pool finds wrong with a file.
class Errors : public DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string& /*file*/, const std::string& element,
                const google::protobuf::Message* /*descriptor*/, ErrorLocation /*location*/,
                const std::string& message) override {
    if (first_.empty()) first_ = absl::StrCat(element, ": ", message);
  }
  const std::string& first() const { return first_; }

 private:
  std::string first_;
};

std::string Hash(absl::string_view bytes) {
  std::string hash(kHashBytes, '\0');
  crypto_generichash_blake2b(reinterpret_cast<unsigned char*>(hash.data()), hash.size(),
                             reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                             nullptr, 0);
  return hash;
}

std::string Canonical(const FileDescriptor& file) {
  FileDescriptorProto proto;
  file.CopyTo(&proto);
  file.CopyJsonNameTo(&proto);
  return proto.SerializeAsString();
}

// The options are read through generated code, so both must mean the same by each number.
absl::Status CheckSameFile(const FileDescriptor& file, const FileDescriptor& own) {
  if (Canonical(file) == Canonical(own)) return absl::OkStatus();
  return Contradiction(own.name(), "other options than this program's",
                       "the same file (a schema cannot alter it)");
}

absl::Status CheckOptionsFiles(const DescriptorPool& pool) {
  const FileDescriptor& own = *v1::KindOptions::descriptor()->file();
  const FileDescriptor* file = pool.FindFileByName(own.name());
  if (file == nullptr) return Contradiction(own.name(), "a set without it", "the file in the set");
  DOORSTEP_RETURN_IF_ERROR(CheckSameFile(*file, own));
  // A schema may do without these.
  for (const FileDescriptor* later :
       {v1::Closing::descriptor()->file(), v1::AttachmentPart_descriptor()->file(),
        v1::PausedBy::descriptor()->file(), v1::Bands::descriptor()->file(),
        v1::Ends::descriptor()->file()}) {
    file = pool.FindFileByName(later->name());
    if (file != nullptr) DOORSTEP_RETURN_IF_ERROR(CheckSameFile(*file, *later));
  }
  return absl::OkStatus();
}

absl::Status CollectKinds(const Descriptor& message, std::vector<KindSpec>* kinds) {
  if (message.options().HasExtension(v1::kind)) {
    DOORSTEP_ASSIGN_OR_RETURN(KindSpec kind, ReadKind(message));
    kinds->push_back(std::move(kind));
  }
  for (int i = 0; i < message.nested_type_count(); ++i) {
    DOORSTEP_RETURN_IF_ERROR(CollectKinds(*message.nested_type(i), kinds));
  }
  return absl::OkStatus();
}

}  // namespace

const EnumValueSpec* ScalarSpec::FindValue(int64_t value_number) const {
  // Most enums count from 1 without a gap.
  const size_t place = static_cast<size_t>(value_number) - 1;
  if (place < values.size() && values[place].number == value_number) return &values[place];
  const auto it = std::lower_bound(values.begin(), values.end(), value_number,
                                   [](const EnumValueSpec& value, int64_t number_sought) {
                                     return value.number < number_sought;
                                   });
  return it != values.end() && it->number == value_number ? &*it : nullptr;
}

const FieldSpec* KindSpec::Find(uint32_t field_number) const {
  // Most kinds count from 1 with few gaps.
  const size_t place = size_t{field_number} - 1;
  if (place < fields.size() && fields[place].number() == field_number) return &fields[place];
  const auto it = std::lower_bound(
      fields.begin(), fields.end(), field_number,
      [](const FieldSpec& field, uint32_t sought) { return field.number() < sought; });
  return it != fields.end() && it->number() == field_number ? &*it : nullptr;
}

const FieldSpec* KindSpec::FindRole(Responsibility role) const {
  const auto found = std::find_if(fields.begin(), fields.end(), [role](const FieldSpec& field) {
    return field.responsibility == role;
  });
  return found == fields.end() ? nullptr : &*found;
}

const FieldSpec* KindSpec::FindAttachment(AttachmentPart part) const {
  const auto found = std::find_if(fields.begin(), fields.end(), [part](const FieldSpec& field) {
    return field.attachment == part;
  });
  return found == fields.end() ? nullptr : &*found;
}

const FieldSpec* KindSpec::FindByName(absl::string_view field_name) const {
  const auto it = std::find_if(fields.begin(), fields.end(), [field_name](const FieldSpec& field) {
    return field.scalar.name == field_name;
  });
  return it == fields.end() ? nullptr : &*it;
}

const FieldSpec* MarkField(uint32_t number) {
  static const auto& marks = *new std::vector<FieldSpec>([] {
    std::vector<FieldSpec> out(2);
    const char* const names[] = {"_hidden", "_assessed"};
    const char* const labels[] = {"hidden", "assessment as a whole"};
    for (size_t i = 0; i < out.size(); ++i) {
      out[i].scalar.number = kHiddenField + static_cast<uint32_t>(i);
      out[i].scalar.name = names[i];
      out[i].scalar.column = names[i];
      out[i].scalar.type = ValueType::kString;
      out[i].scalar.max_bytes = kMaxSettleReasonBytes;
      out[i].merge = MergeClass::kMark;
      out[i].keeps_seen = true;
      out[i].label = labels[i];
    }
    return out;
  }());
  const uint32_t place = number - kHiddenField;
  return place < marks.size() ? &marks[place] : nullptr;
}

const FieldSpec* KindSpec::FindWithMarks(uint32_t field_number) const {
  if (field_number < kHiddenField) return Find(field_number);
  if (field_number == kAssessedField && !IsJudgement()) return nullptr;
  return MarkField(field_number);
}

Schema::Schema() : pool_(std::make_unique<DescriptorPool>()) {}
Schema::~Schema() = default;

absl::StatusOr<std::shared_ptr<const Schema>> Schema::FromDescriptorSet(
    absl::string_view descriptor_set) {
  FileDescriptorSet set;
  if (descriptor_set.size() > kMaxReadFileBytes ||
      !set.ParseFromArray(descriptor_set.data(), static_cast<int>(descriptor_set.size()))) {
    return Contradiction("descriptor set", absl::StrCat(descriptor_set.size(), " bytes"),
                         "a serialized google.protobuf.FileDescriptorSet");
  }
  std::shared_ptr<Schema> schema(new Schema());
  std::vector<const FileDescriptor*> files;
  for (const FileDescriptorProto& proto : set.file()) {
    Errors errors;
    files.push_back(schema->pool_->BuildFileCollectingErrors(proto, &errors));
    if (files.back() == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat(Quoted(proto.name()), ": ", errors.first(),
                       ", wanted a file that stands on files before it"));
    }
  }
  DOORSTEP_RETURN_IF_ERROR(CheckOptionsFiles(*schema->pool_));
  for (const FileDescriptor* file : files) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      DOORSTEP_RETURN_IF_ERROR(CollectKinds(*file->message_type(i), &schema->kinds_));
    }
  }
  if (schema->kinds_.empty()) {
    return Contradiction("descriptor set", "no message with (doorstep.v1.kind)", "record kinds");
  }
  std::sort(schema->kinds_.begin(), schema->kinds_.end(),
            [](const KindSpec& a, const KindSpec& b) { return a.number < b.number; });
  DOORSTEP_RETURN_IF_ERROR(LinkKinds(&schema->kinds_));
  for (size_t i = 0; i < schema->kinds_.size(); ++i) {
    const KindSpec& kind = schema->kinds_[i];
    schema->by_number_.emplace(kind.number, i);
    schema->by_name_.emplace(kind.name, i);
    schema->by_name_.emplace(kind.full_name, i);
  }
  schema->descriptor_set_ = std::string(descriptor_set);
  schema->hash_ = Hash(descriptor_set);
  return std::shared_ptr<const Schema>(std::move(schema));
}

std::shared_ptr<const Schema> Schema::BuiltIn() {
  static const auto& schema = *new std::shared_ptr<const Schema>([] {
    auto built = FromDescriptorSet(
        absl::string_view(reinterpret_cast<const char*>(kBuiltInSchema), kBuiltInSchemaSize));
    if (!built.ok()) {
      std::fprintf(stderr, "built-in schema: %s\n", std::string(built.status().message()).c_str());
      std::abort();
    }
    return *std::move(built);
  }());
  return schema;
}

const KindSpec* Schema::Find(uint32_t kind_number) const {
  const auto it = by_number_.find(kind_number);
  return it == by_number_.end() ? nullptr : &kinds_[it->second];
}

const KindSpec* Schema::FindByName(absl::string_view name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : &kinds_[it->second];
}

const DescriptorPool* Schema::pool() const { return pool_.get(); }

}  // namespace doorstep
