#include "tests/sim/schemas.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <utility>

#include "doorstep/v1/built_in_schema.h"
#include "google/protobuf/descriptor.pb.h"

namespace doorstep::sim {

std::shared_ptr<const Schema> OldSchema() {
  static const auto* const schema = [] {
    const std::set<std::pair<std::string, std::string>> later = {
        {"Person", "address"},
        {"CaseStudy", "learning_consent"},
        {"RiskAssessment", "benefits"},
        {"RiskAssessment", "value_to_person"}};
    google::protobuf::FileDescriptorSet set;
    set.ParseFromArray(kBuiltInSchema, static_cast<int>(kBuiltInSchemaSize));
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
    auto made = Schema::FromDescriptorSet(set.SerializeAsString());
    if (!made.ok()) {
      std::fprintf(stderr, "the old schema: %s\n", made.status().ToString().c_str());
      std::abort();
    }
    return new std::shared_ptr<const Schema>(*std::move(made));
  }();
  return *schema;
}

}  // namespace doorstep::sim
