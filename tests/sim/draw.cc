#include "tests/sim/draw.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace doorstep::sim {
namespace {

// Half of all records are of these, so that people meet; together they have every merge class, and
// an assessment with its safeguards. The others are of any kind of the schema.
constexpr const char* kKinds[] = {"Person",         "CaseStudy",   "RiskAssessment",
                                  "RiskAssessment", "Mitigation",  "Mitigation",
                                  "Arrangement",    "Observation", "SafeguardingConcern"};

}  // namespace

const KindSpec& Draw::KindOf(const std::string& record) const {
  return *Schema::BuiltIn()->FindByName(kinds_[std::stoul(record.substr(1)) - 1]);
}
std::string Draw::AnyKind() {
  static const auto* const all = [] {
    auto* names = new std::vector<std::string>();
    for (const KindSpec& kind : Schema::BuiltIn()->kinds()) {
      if (kind.full_name != absl::StrCat("doorstep.v1.", kind.name)) names->push_back(kind.name);
    }
    return names;
  }();
  return OneIn(2) ? Any(kKinds) : (*all)[Below(all->size())];
}

// A record of the kind that the field names, made before; "": there is none.
std::string Draw::Reference(const FieldSpec& field) {
  std::vector<size_t> fit;
  for (size_t i = 0; i < kinds_.size(); ++i) {
    if (kinds_[i] == field.reference) fit.push_back(i + 1);
  }
  return fit.empty() ? "" : absl::StrCat("\"@r", fit[Below(fit.size())], "\"");
}

std::string Draw::ScalarValue(const ScalarSpec& scalar) {
  switch (scalar.type) {
    case ValueType::kInt:
      if (scalar.range) {
        const auto width = static_cast<uint64_t>(scalar.range->max - scalar.range->min + 1);
        return absl::StrCat(scalar.range->min +
                            static_cast<int64_t>(Below(std::min<uint64_t>(width, 5))));
      }
      return absl::StrCat(Below(5));
    case ValueType::kBool:
      return OneIn(2) ? "true" : "false";
    case ValueType::kEnum:
      return absl::StrCat("\"", scalar.values[Below(scalar.values.size())].name, "\"");
    case ValueType::kDouble:
      return absl::StrCat(Below(5), ".5");
    case ValueType::kString:
      if (scalar.format == StringFormat::kCivilDate) {
        return absl::StrCat("\"2026-12-0", 1 + Below(5), "\"");
      }
      if (scalar.format == StringFormat::kRecordId) {
        return absl::StrCat("\"0190a7c2-7f30-7c1e-9d2b-00000000000", Below(5), "\"");
      }
      if (scalar.max_bytes < 16) return absl::StrCat("\"", 1000 + Below(3), "\"");
      return absl::StrCat("\"", Any(kWords), OneIn(4) ? "" : " " + Tag(), "\"");
    case ValueType::kBytes:
    case ValueType::kAtomic:
      break;
  }
  return "null";
}

std::string Draw::Value(const FieldSpec& field) {
  if (field.is_set()) {
    std::set<std::string> elements;
    for (uint64_t i = Below(4); i > 0; --i) {
      // Few different ones, so that adds and removals meet.
      elements.insert(field.scalar.type == ValueType::kString && field.reference.empty()
                          ? absl::StrCat("\"", kWords[Below(2)], "\"")
                          : ScalarValue(field.scalar));
    }
    return absl::StrCat("[", absl::StrJoin(elements, ","), "]");
  }
  if (OneIn(12)) return "null";
  if (field.parts.empty()) return ScalarValue(field.scalar);
  std::vector<std::string> parts;
  for (const ScalarSpec& part : field.parts) {
    if (!parts.empty() && OneIn(4)) continue;
    parts.push_back(absl::StrCat("\"", part.name, "\":", ScalarValue(part)));
  }
  return absl::StrCat("{", absl::StrJoin(parts, ","), "}");
}

std::string Draw::EditJson(const std::string& kind, bool create) {
  const KindSpec& spec = *Schema::BuiltIn()->FindByName(kind);
  std::map<std::string, std::string> members;
  int references = 0;
  const uint64_t count = create ? 3 + Below(5) : 1 + Below(2);
  for (uint64_t tries = 0; members.size() < count && tries < 40; ++tries) {
    const FieldSpec& field = spec.fields[Below(spec.fields.size())];
    if (!field.reference.empty()) {
      // It chooses the file, so a new record has one at most.
      const std::string reference =
          create && !field.is_set() && references == 0 ? Reference(field) : std::string();
      if (!reference.empty()) members[field.scalar.name] = reference;
      references += reference.empty() ? 0 : 1;
      continue;
    }
    // Those over which people can disagree come oftener.
    if (field.merge == MergeClass::kLatest && OneIn(2)) continue;
    const bool meets =
        field.merge == MergeClass::kReview || field.is_set() || !field.coherent_group.empty();
    if (!create && !meets && OneIn(2)) continue;
    if (!create && field.merge == MergeClass::kImmutable && !OneIn(8)) continue;
    const std::string value = Value(field);
    if (create && (value == "null" || value == "[]")) continue;
    members[field.scalar.name] = value;
  }
  std::vector<std::string> parts;
  for (const auto& [name, value] : members) {
    parts.push_back(absl::StrCat("\"", name, "\":", value));
  }
  return absl::StrCat("{", absl::StrJoin(parts, ","), "}");
}

}  // namespace doorstep::sim
