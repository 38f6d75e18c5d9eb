#include "tests/sim/schemas.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <utility>

#include "doorstep/v1/built_in_schema.h"
#include "doorstep/v1/options.pb.h"
#include "google/protobuf/descriptor.pb.h"

namespace doorstep::sim {

namespace {

std::shared_ptr<const Schema> Made(const google::protobuf::FileDescriptorSet& set) {
  auto made = Schema::FromDescriptorSet(set.SerializeAsString());
  if (!made.ok()) {
    std::fprintf(stderr, "a schema of the simulator: %s\n", made.status().ToString().c_str());
    std::abort();
  }
  return *std::move(made);
}

google::protobuf::FileDescriptorSet Today() {
  google::protobuf::FileDescriptorSet set;
  set.ParseFromArray(kBuiltInSchema, static_cast<int>(kBuiltInSchemaSize));
  return set;
}

}  // namespace

std::shared_ptr<const Schema> UndemandingSchema() {
  google::protobuf::FileDescriptorSet set = Today();
  for (auto& file : *set.mutable_file()) {
    for (auto& message : *file.mutable_message_type()) {
      for (auto& field : *message.mutable_field()) {
        if (!field.options().HasExtension(v1::field)) continue;
        field.mutable_options()->MutableExtension(v1::field)->clear_sign_off_requires();
      }
    }
  }
  return Made(set);
}

std::shared_ptr<const Schema> LenientSchema() {
  google::protobuf::FileDescriptorSet set = Today();
  for (auto& file : *set.mutable_file()) {
    for (auto& message : *file.mutable_message_type()) {
      for (auto& states : *message.mutable_enum_type()) {
        if (!states.options().HasExtension(v1::state_machine)) continue;
        auto* machine = states.mutable_options()->MutableExtension(v1::state_machine);
        machine->clear_transitions();
        for (const auto& from : states.value()) {
          for (const auto& to : states.value()) {
            if (from.number() == 0 || to.number() == 0 || from.number() == to.number()) continue;
            auto* step = machine->add_transitions();
            step->set_from(from.name());
            step->set_to(to.name());
          }
        }
      }
    }
  }
  return Made(set);
}

std::shared_ptr<const Schema> TrustingSchema() {
  google::protobuf::FileDescriptorSet set = Today();
  for (auto& file : *set.mutable_file()) {
    for (auto& message : *file.mutable_message_type()) {
      if (!message.options().GetExtension(v1::kind).says_same()) continue;
      for (auto& field : *message.mutable_field()) {
        auto* options = field.mutable_options()->MutableExtension(v1::field);
        if (options->effective() == v1::DOMINANT) options->set_dominant("SAME");
      }
    }
  }
  return Made(set);
}

std::shared_ptr<const Schema> OldSchema() {
  static const auto* const schema = [] {
    const std::set<std::pair<std::string, std::string>> later = {
        {"Person", "address"},
        {"CaseStudy", "learning_consent"},
        {"RiskAssessment", "benefits"},
        {"RiskAssessment", "value_to_person"}};
    google::protobuf::FileDescriptorSet set = Today();
    for (auto& file : *set.mutable_file()) {
      auto* messages = file.mutable_message_type();
      messages->erase(std::remove_if(messages->begin(), messages->end(),
                                     [](const auto& m) { return m.name() == "Observation"; }),
                      messages->end());
      for (auto& message : *messages) {
        auto* fields = message.mutable_field();
        // A field that is `optional` has a oneof of its own, by place: what goes leaves it,
        // renamed.
        for (auto& field : *fields) {
          if (!later.contains({message.name(), field.name()}) || !field.proto3_optional()) continue;
          message.mutable_oneof_decl()->DeleteSubrange(field.oneof_index(), 1);
          for (auto& other : *fields) {
            if (other.has_oneof_index() && other.oneof_index() > field.oneof_index()) {
              other.set_oneof_index(other.oneof_index() - 1);
            }
          }
        }
        fields->erase(std::remove_if(fields->begin(), fields->end(),
                                     [&](const auto& f) {
                                       return later.contains({message.name(), f.name()});
                                     }),
                      fields->end());
      }
    }
    return new std::shared_ptr<const Schema>(Made(set));
  }();
  return *schema;
}

}  // namespace doorstep::sim
