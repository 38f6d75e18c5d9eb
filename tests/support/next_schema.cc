#include "tests/support/next_schema.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "doorstep/v1/options.pb.h"
#include "google/protobuf/descriptor.pb.h"

namespace doorstep::testing {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;

// The file with the message of this name.
FileDescriptorProto* FileOf(const std::string& message, FileDescriptorSet* set) {
  for (FileDescriptorProto& file : *set->mutable_file()) {
    for (const DescriptorProto& each : file.message_type()) {
      if (each.name() == message) return &file;
    }
  }
  std::abort();
}

DescriptorProto* MessageOf(const std::string& message, FileDescriptorSet* set) {
  auto& messages = *FileOf(message, set)->mutable_message_type();
  return &*std::find_if(messages.begin(), messages.end(),
                        [&](const DescriptorProto& each) { return each.name() == message; });
}

// An `optional string`, which has a oneof of its own.
v1::FieldOptions* AddText(const std::string& name, int number, DescriptorProto* message) {
  FieldDescriptorProto* field = message->add_field();
  field->set_name(name);
  field->set_number(number);
  field->set_type(FieldDescriptorProto::TYPE_STRING);
  field->set_label(FieldDescriptorProto::LABEL_OPTIONAL);
  field->set_proto3_optional(true);
  field->set_oneof_index(message->oneof_decl_size());
  message->add_oneof_decl()->set_name("_" + name);
  v1::FieldOptions* options = field->mutable_options()->MutableExtension(v1::field);
  options->set_merge(v1::LATEST);
  return options;
}

FileDescriptorSet NextSet() {
  FileDescriptorSet set;
  set.ParseFromString(Schema::BuiltIn()->descriptor_set());
  v1::FieldOptions* size = AddText("shoe_size", 900, MessageOf("Person", &set));
  size->set_full_text(true);
  size->set_index(true);
  auto* no_link = MessageOf("Barrier", &set)->mutable_enum_type(0)->add_value();
  no_link->set_name("NO_LINK");
  no_link->set_number(90);
  DescriptorProto* outing = FileOf("Person", &set)->add_message_type();
  outing->set_name("Outing");
  v1::KindOptions* kind = outing->mutable_options()->MutableExtension(v1::kind);
  kind->set_number(900);
  kind->set_title("whither");
  AddText("whither", 1, outing)->set_full_text(true);
  AddText("person", 2, outing)->set_reference("Person");
  return set;
}

std::shared_ptr<const Schema> Made(const FileDescriptorSet& set) {
  auto made = Schema::FromDescriptorSet(set.SerializeAsString());
  if (!made.ok()) {
    std::fprintf(stderr, "the next schema: %s\n", made.status().ToString().c_str());
    std::abort();
  }
  return *std::move(made);
}

}  // namespace

std::shared_ptr<const Schema> NextSchema() {
  static const auto& schema = *new std::shared_ptr<const Schema>(Made(NextSet()));
  return schema;
}

std::shared_ptr<const Schema> BreakingSchema() {
  static const auto& schema = *new std::shared_ptr<const Schema>([] {
    FileDescriptorSet set = NextSet();
    for (FieldDescriptorProto& field : *MessageOf("Person", &set)->mutable_field()) {
      if (field.name() != "gp") continue;
      field.mutable_options()->MutableExtension(v1::field)->set_merge(v1::TEXT);
    }
    return Made(set);
  }());
  return schema;
}

}  // namespace doorstep::testing
