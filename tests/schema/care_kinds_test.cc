// The record kinds of social care, as practice needs them: what must be there, under which class,
// with what words. The lists here are written from practice, not from the descriptors.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "doorstep/v1/options.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "gtest/gtest.h"
#include "sync/base/file.h"
#include "sync/change/state.h"
#include "sync/change/wire.h"
#include "sync/merge/states.h"
#include "sync/schema/schema.h"
#include "tests/support/process.h"

namespace doorstep {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FileDescriptor;
using ::testing::Contains;
using ::testing::IsEmpty;

constexpr char kPackage[] = "doorstep.care.v1";

bool IsCare(const KindSpec& kind) { return kind.descriptor->file()->package() == kPackage; }

std::vector<const KindSpec*> CareKinds() {
  std::vector<const KindSpec*> kinds;
  for (const KindSpec& kind : Schema::BuiltIn()->kinds()) {
    if (IsCare(kind)) kinds.push_back(&kind);
  }
  return kinds;
}

const FieldSpec* Field(const std::string& kind, const std::string& field) {
  const KindSpec* found = Schema::BuiltIn()->FindByName(kind);
  return found == nullptr ? nullptr : found->FindByName(field);
}

std::string PathOf(const KindSpec& kind, const FieldSpec& field) {
  return absl::StrCat(kind.name, ".", field.scalar.name);
}

// .proto files with their comments, which a descriptor in a program does not keep.
class Sources {
 public:
  // `folder` holds the files named, and protoc's other imports are found below the proto room.
  Sources(const std::string& folder, const std::string& files) {
    const testing::TempDir directory;
    const std::string out = directory.path() + "/set";
    const std::string command =
        absl::StrCat("cd '", folder,
                     "' && '" DOORSTEP_PROTOC "' -I . -I '" DOORSTEP_PROTO_ROOT
                     "' --include_imports --include_source_info -o '",
                     out, "' ", files);
    if (std::system(command.c_str()) != 0) return;
    const auto bytes = ReadFile(out);
    google::protobuf::FileDescriptorSet set;
    if (!bytes.ok() || !set.ParseFromString(*bytes)) return;
    for (const auto& file : set.file()) {
      const FileDescriptor* built = pool_.BuildFile(file);
      if (built != nullptr && built->package() == kPackage) files_.push_back(built);
    }
  }

  std::vector<std::string> MissingComments() const;
  size_t files() const { return files_.size(); }

 private:
  google::protobuf::DescriptorPool pool_;
  std::vector<const FileDescriptor*> files_;
};

template <typename T>
bool HasComment(const T& what) {
  google::protobuf::SourceLocation location;
  return what.GetSourceLocation(&location) && location.leading_comments.size() > 3;
}

void AddMissing(const Descriptor& message, std::vector<std::string>* missing) {
  if (!HasComment(message)) missing->push_back(message.full_name());
  for (int i = 0; i < message.field_count(); ++i) {
    if (!HasComment(*message.field(i))) missing->push_back(message.field(i)->full_name());
  }
  for (int i = 0; i < message.nested_type_count(); ++i) {
    AddMissing(*message.nested_type(i), missing);
  }
}

std::vector<std::string> Sources::MissingComments() const {
  std::vector<std::string> missing;
  for (const FileDescriptor* file : files_) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      AddMissing(*file->message_type(i), &missing);
    }
  }
  return missing;
}

// Rooms of practice and what is recorded in each.
TEST(CareKinds, AreAllThere) {
  const std::vector<std::string> wanted = {"Person",       "SamePerson",
                                           "Relationship", "LegalStatus",
                                           "Alert",        "Site",
                                           "Organisation", "Assignment",
                                           "Absence",      "AccessGrant",
                                           "Programme",    "BaselineMeasure",
                                           "ScheduleItem", "Stakeholder",
                                           "Participant",  "VoiceCheck",
                                           "Feedback",     "FeedbackReply",
                                           "CaseStudy",    "Statement",
                                           "Outcome",      "Arrangement",
                                           "Observation",  "Referral",
                                           "CareTransfer", "ReinstatementItem",
                                           "Attachment",   "RiskAssessment",
                                           "Mitigation",   "CapacityAssessment",
                                           "Incident",     "SafeguardingConcern",
                                           "HandoverNote", "HandoverLine",
                                           "ReadReceipt",  "Visit",
                                           "Task"};
  std::vector<std::string> got;
  for (const KindSpec* kind : CareKinds()) got.push_back(kind->name);
  EXPECT_THAT(got, ::testing::UnorderedElementsAreArray(wanted));
}

// Replicas have records under these numbers.
TEST(CareKinds, KeepTheNumbersThatWereGivenOut) {
  const std::map<std::string, std::pair<uint32_t, size_t>> first = {
      {"Person", {1, 12}},          {"SamePerson", {2, 4}},    {"CaseStudy", {10, 12}},
      {"Statement", {11, 6}},       {"Arrangement", {12, 10}}, {"Observation", {13, 5}},
      {"RiskAssessment", {20, 13}}, {"Mitigation", {21, 5}},   {"BaselineMeasure", {30, 6}},
      {"HandoverNote", {40, 6}},    {"Site", {50, 6}},         {"Assignment", {51, 9}},
      {"Absence", {52, 4}}};
  for (const auto& [name, had] : first) {
    const KindSpec* kind = Schema::BuiltIn()->FindByName(name);
    ASSERT_NE(kind, nullptr) << name;
    EXPECT_EQ(kind->number, had.first) << name;
    for (uint32_t number = 1; number <= had.second; ++number) {
      EXPECT_NE(kind->Find(number), nullptr) << name << "." << number;
    }
  }
}

TEST(CareKinds, SayOfEveryRecordWhoseKnowledgeItIs) {
  for (const KindSpec* kind : CareKinds()) {
    const struct {
      const char* name;
      uint32_t number;  // 0: it had another before
      ValueType type;
    } wanted[] = {{"source", kind->name == "Observation" ? 5u : 38u, ValueType::kEnum},
                  {"occurred_at", 39, ValueType::kAtomic},
                  {"third_party", 40, ValueType::kBool},
                  {"entered_in_error", 41, ValueType::kBool}};
    for (const auto& each : wanted) {
      const FieldSpec* field = kind->FindByName(each.name);
      ASSERT_NE(field, nullptr) << kind->name << " lacks " << each.name;
      EXPECT_EQ(field->number(), each.number) << PathOf(*kind, *field);
      EXPECT_EQ(field->scalar.type, each.type) << PathOf(*kind, *field);
    }
    EXPECT_EQ(kind->FindByName("source")->scalar.enum_type->full_name(),
              "doorstep.care.v1.Source.Value");
    EXPECT_EQ(kind->FindByName("occurred_at")->merge, MergeClass::kImmutable);
    // What cannot be changed is corrected by another of its kind.
    const FieldSpec* corrects = kind->FindByName("corrects");
    EXPECT_EQ(corrects != nullptr, kind->append_only) << kind->name;
    if (corrects != nullptr) {
      EXPECT_EQ(corrects->reference, kind->name);
      EXPECT_EQ(corrects->merge, MergeClass::kImmutable);
    }
  }
}

// What hurts somebody when it is lost in silence, and how it merges.
TEST(CareKinds, NeverLoseInSilenceWhatIsSafetyCritical) {
  using M = MergeClass;
  using R = EffectiveRule;
  const struct {
    const char* kind;
    const char* field;
    MergeClass merge;
    EffectiveRule rule = R::kUnspecified;
    const char* says = "";  // the dominant value, or what a screen says instead of one
  } wanted[] = {
      {"Person", "allergy_status", M::kReview, R::kDominant, "LISTED"},
      {"Person", "allergies", M::kSet},
      {"Person", "alerts", M::kSet},
      {"Person", "alerts_review_due", M::kEarliest},
      {"Person", "alerts_persons_view", M::kText},
      {"Person", "address", M::kReview, R::kNone, "telephone before visiting"},
      {"Relationship", "contact_permission", M::kReview, R::kDominant, "REFUSED"},
      {"LegalStatus", "type", M::kReview, R::kNone, "check the original"},
      {"LegalStatus", "title", M::kReview, R::kNone, "check the original"},
      {"LegalStatus", "dated", M::kReview, R::kNone, "check the original"},
      {"LegalStatus", "original_is", M::kReview, R::kNone, "ask where the original is"},
      {"LegalStatus", "status", M::kReview, R::kNone, "check the original"},
      {"Alert", "what", M::kText},
      {"Alert", "review_due", M::kEarliest},
      {"Alert", "persons_view", M::kText},
      {"Alert", "standing", M::kSet},
      {"CaseStudy", "decision", M::kReview, R::kLastAgreed, "PAUSED"},
      {"CaseStudy", "learning_consent", M::kReview, R::kDominant, "WITHDRAWN"},
      {"CaseStudy", "family_consent", M::kReview, R::kDominant, "WITHDRAWN"},
      {"CaseStudy", "partner_consent", M::kReview, R::kDominant, "WITHDRAWN"},
      {"RiskAssessment", "inherent_rating", M::kReview, R::kHighestRating},
      {"RiskAssessment", "residual_rating", M::kReview, R::kHighestRating},
      {"RiskAssessment", "review_due", M::kEarliest},
      {"Mitigation", "control", M::kText},
      {"Mitigation", "responsible", M::kReview, R::kNone, "ask who is responsible"},
      {"Mitigation", "status", M::kReview, R::kLastAgreed},
      {"Mitigation", "verified_on", M::kEarliest},
      {"Mitigation", "reliance", M::kSet},
      {"CapacityAssessment", "outcome", M::kImmutable},
      {"CapacityAssessment", "decision_in_question", M::kImmutable},
      {"CapacityAssessment", "best_interests", M::kImmutable},
      {"Arrangement", "status", M::kState},
      {"ReinstatementItem", "due_ms", M::kEarliest},
      {"ReinstatementItem", "status", M::kState},
      {"Incident", "description", M::kImmutable},
      {"Incident", "continue_or_pause", M::kImmutable},
      {"SafeguardingConcern", "types", M::kSet},
      {"SafeguardingConcern", "what_happened", M::kText},
      {"SafeguardingConcern", "persons_wishes", M::kText},
      {"SafeguardingConcern", "informed", M::kSet},
      {"SafeguardingConcern", "status", M::kState},
      {"CareTransfer", "location_status", M::kReview, R::kNone, "unconfirmed – telephone"},
  };
  for (const auto& each : wanted) {
    const FieldSpec* field = Field(each.kind, each.field);
    ASSERT_NE(field, nullptr) << each.kind << "." << each.field;
    EXPECT_TRUE(field->safety) << each.kind << "." << each.field;
    EXPECT_EQ(field->merge, each.merge) << each.kind << "." << each.field;
    EXPECT_EQ(field->effective, each.rule) << each.kind << "." << each.field;
    if (each.rule == R::kNone) {
      EXPECT_EQ(field->when_unsettled, each.says) << each.field;
    }
    if (each.rule == R::kDominant) {
      EXPECT_EQ(field->scalar.FindValue(field->dominant)->name, each.says) << each.field;
    }
  }
  for (const KindSpec* kind : CareKinds()) {
    for (const FieldSpec& field : kind->fields) {
      if (!field.safety) continue;
      EXPECT_NE(field.merge, MergeClass::kLatest) << PathOf(*kind, field);
      EXPECT_EQ(field.is_set(), field.removal_reviewed) << PathOf(*kind, field);
    }
  }
  // Whole records: everything that they say is.
  const std::set<std::string> common = {"source", "occurred_at", "third_party", "entered_in_error",
                                        "corrects"};
  for (const char* name :
       {"CapacityAssessment", "Incident", "SafeguardingConcern", "LegalStatus", "Alert"}) {
    for (const FieldSpec& field : Schema::BuiltIn()->FindByName(name)->fields) {
      if (common.contains(field.scalar.name)) continue;
      EXPECT_TRUE(field.safety) << name << "." << field.scalar.name;
    }
  }
}

TEST(CareKinds, NeverChangeWherePracticeSaysSo) {
  const std::set<std::string> wanted = {
      "Statement",  "Observation",   "BaselineMeasure", "VoiceCheck",
      "Incident",   "Visit",         "HandoverNote",    "HandoverLine",
      "Feedback",   "FeedbackReply", "ReadReceipt",     "Attachment",
      "Assignment", "Absence",       "AccessGrant",     "CapacityAssessment"};
  for (const KindSpec* kind : CareKinds()) {
    EXPECT_EQ(kind->append_only, wanted.contains(kind->name)) << kind->name;
    EXPECT_EQ(kind->tier != Tier::kNormal, kind->name == "SafeguardingConcern") << kind->name;
  }
}

TEST(CareKinds, DemandAtSigningWhatADraftMayLack) {
  EXPECT_TRUE(Field("RiskAssessment", "harm_of_not_doing")->sign_off_requires);
  for (const char* ability : {"understands", "retains", "weighs", "communicates"}) {
    EXPECT_TRUE(Field("CapacityAssessment", ability)->sign_off_requires) << ability;
    EXPECT_TRUE(Field("CapacityAssessment", absl::StrCat(ability, "_evidence"))->sign_off_requires);
  }
  EXPECT_TRUE(Field("CapacityAssessment", "support_given")->sign_off_requires);
  EXPECT_THAT(Schema::BuiltIn()->FindByName("RiskAssessment")->coherent_children,
              Contains("Mitigation"));
}

// Prose that somebody would look for is found by its words.
TEST(CareKinds, ProseIsFoundByItsWords) {
  std::vector<std::string> not_found;
  for (const KindSpec* kind : CareKinds()) {
    for (const FieldSpec& field : kind->fields) {
      if (field.merge == MergeClass::kText && !field.full_text) {
        not_found.push_back(PathOf(*kind, field));
      }
    }
  }
  EXPECT_THAT(not_found, IsEmpty());
}

TEST(CareKinds, FindChildrenAndDatesByIndex) {
  for (const KindSpec* kind : CareKinds()) {
    for (const FieldSpec& field : kind->fields) {
      const bool parent = !field.reference.empty() && field.reference != kind->name &&
                          !field.is_set() && field.scalar.name != "from_note";
      EXPECT_TRUE(field.index || !parent) << PathOf(*kind, field);
    }
  }
}

// Screens speak the users' words: none of ours, and abbreviations as people write them.
std::string NotTheirWords(const std::string& text) {
  static const std::set<std::string> ours = {
      "inherent",   "residual", "arrangement", "head",   "heads",      "tier",      "compartment",
      "outbox",     "outcome_", "checkpoint",  "lease",  "membership", "effective", "provisional",
      "mitigation", "enum",     "unspecified", "sealed", "incarnation"};
  static const std::set<std::string> capitals = {"nhs",  "gp",   "uprn", "cpr", "lpa",
                                                 "dols", "adrt", "ods",  "cqc", "id"};
  if (text.empty()) return "nothing";
  if (absl::StrContains(text, "_")) return "an underscore";
  for (const absl::string_view word : absl::StrSplit(text, absl::ByAnyChar(" ()-,"))) {
    if (ours.contains(absl::AsciiStrToLower(word))) return std::string(word);
    if (capitals.contains(std::string(word))) return std::string(word);
  }
  return "";
}

TEST(CareKinds, AreShownInTheUsersWords) {
  EXPECT_EQ(NotTheirWords("inherent rating"), "inherent");
  EXPECT_EQ(NotTheirWords("nhs number"), "nhs");
  EXPECT_EQ(NotTheirWords("care_home"), "an underscore");
  for (const KindSpec* kind : CareKinds()) {
    EXPECT_EQ(NotTheirWords(kind->label), "") << kind->name;
    for (const FieldSpec& field : kind->fields) {
      EXPECT_EQ(NotTheirWords(field.label), "") << PathOf(*kind, field);
      std::vector<const ScalarSpec*> scalars = {&field.scalar};
      for (const ScalarSpec& part : field.parts) scalars.push_back(&part);
      for (const ScalarSpec* scalar : scalars) {
        std::set<std::string> labels;
        for (const EnumValueSpec& value : scalar->values) {
          EXPECT_EQ(NotTheirWords(value.label), "") << PathOf(*kind, field) << " " << value.name;
          EXPECT_TRUE(labels.insert(value.label).second)
              << PathOf(*kind, field) << ": two values are shown as " << value.label;
        }
      }
    }
  }
}

// A screen shows what ends in _ms as a moment, so nothing else may end so.
TEST(CareKinds, AMomentIsSaidByItsName) {
  const auto is_moment = [](const ScalarSpec& scalar) {
    return absl::EndsWith(scalar.name, "_ms");
  };
  std::vector<std::string> moments;
  for (const KindSpec* kind : CareKinds()) {
    for (const FieldSpec& field : kind->fields) {
      if (is_moment(field.scalar)) moments.push_back(PathOf(*kind, field));
      for (const ScalarSpec& part : field.parts) {
        if (!is_moment(part)) continue;
        EXPECT_EQ(part.type, ValueType::kInt) << PathOf(*kind, field);
        EXPECT_EQ(part.name, "instant_ms") << PathOf(*kind, field);
      }
    }
  }
  EXPECT_THAT(moments, ::testing::ElementsAre("ReinstatementItem.due_ms"));
}

TEST(CareKinds, EveryFieldSaysWhatSomebodyEnters) {
  const Sources care(DOORSTEP_PROTO_ROOT, "doorstep/care/v1/*.proto");
  EXPECT_GE(care.files(), 10u);
  EXPECT_THAT(care.MissingComments(), IsEmpty());
}

TEST(CareKinds, AMissingCommentIsSeen) {
  const testing::TempDir directory;
  ASSERT_TRUE(WriteFileAtomically(directory.path() + "/a.proto",
                                  "syntax = \"proto3\";\npackage doorstep.care.v1;\n\n"
                                  "// A thing.\nmessage A {\n  // Named.\n"
                                  "  optional string x = 1;\n  optional string y = 2;\n}\n\n"
                                  "message B {}\n")
                  .ok());
  const Sources sources(directory.path(), "a.proto");
  EXPECT_THAT(sources.MissingComments(),
              ::testing::ElementsAre("doorstep.care.v1.A.y", "doorstep.care.v1.B"));
}

// All machines: every state can be reached, and ranks tell any two apart.
TEST(CareStates, CanAllBeReachedAndAreRanked) {
  for (const KindSpec* kind : CareKinds()) {
    for (const FieldSpec& field : kind->fields) {
      if (field.merge != MergeClass::kState) continue;
      std::set<int64_t> reached = {field.initial_state};
      for (size_t before = 0; before != reached.size();) {
        before = reached.size();
        for (const auto& [from, to] : field.transitions) {
          if (reached.contains(from)) reached.insert(to);
        }
      }
      std::set<int32_t> ranks;
      for (const EnumValueSpec& value : field.scalar.values) {
        EXPECT_TRUE(reached.contains(value.number)) << PathOf(*kind, field) << " " << value.name;
        EXPECT_TRUE(ranks.insert(value.rank).second) << PathOf(*kind, field) << " " << value.name;
      }
    }
  }
}

int64_t StateNamed(const FieldSpec& field, absl::string_view name) {
  for (const EnumValueSpec& value : field.scalar.values) {
    if (value.name == name) return value.number;
  }
  ADD_FAILURE() << name;
  return 0;
}

// Somebody closes a concern while somebody else, unseen, goes on with it: it is open, and a case
// says so. From every state, whichever came first.
TEST(CareStates, AConcernIsNotClosedOverSomebodyWhoGoesOn) {
  const FieldSpec& status = *Field("SafeguardingConcern", "status");
  const std::set<int64_t> ends = {StateNamed(status, "CLOSED"),
                                  StateNamed(status, "NO_ENQUIRY_NEEDED")};
  int pairs = 0;
  for (const auto& [from, end] : status.transitions) {
    for (const auto& [other_from, other] : status.transitions) {
      if (from != other_from || !ends.contains(end) || ends.contains(other)) continue;
      ++pairs;
      for (const bool end_first : {true, false}) {
        std::vector<Head> heads(2);
        const int64_t order[] = {end_first ? end : other, end_first ? other : end};
        for (int i = 0; i < 2; ++i) {
          heads[i].value = EncodeScalar(status.scalar, Scalar{true, order[i], 0, {}});
        }
        const Replayed replayed = Replay(status, heads);
        EXPECT_EQ(order[replayed.effective], other) << from;
        EXPECT_FALSE(replayed.all_fit) << from;
      }
    }
  }
  EXPECT_EQ(pairs, 3);
}

// The table of kinds in proto/README.md: | `Kind` | number | `file` | properties | FHIR |
TEST(CareKinds, AreListedInTheReadme) {
  const auto text = ReadFile(DOORSTEP_PROTO_ROOT "/README.md");
  ASSERT_TRUE(text.ok()) << text.status();
  std::set<std::string> listed;
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    std::vector<std::string> cells = absl::StrSplit(line, '|');
    if (cells.size() != 7 || !absl::StartsWith(line, "| `")) continue;
    for (std::string& cell : cells) absl::StripAsciiWhitespace(&cell);
    listed.insert(absl::StrJoin(cells.begin() + 1, cells.begin() + 5, "|"));
  }
  std::set<std::string> wanted;
  for (const KindSpec* kind : CareKinds()) {
    std::vector<std::string> properties;
    if (kind->append_only) properties.emplace_back("never changed");
    if (kind->sign_off) properties.emplace_back("signed");
    if (kind->tier == Tier::kRestricted) properties.emplace_back("restricted");
    const bool safety = std::any_of(kind->fields.begin(), kind->fields.end(),
                                    [](const FieldSpec& field) { return field.safety; });
    if (safety) properties.emplace_back("safety-critical");
    const std::string file = std::filesystem::path(kind->descriptor->file()->name()).stem();
    wanted.insert(absl::StrCat("`", kind->name, "`|", kind->number, "|`", file, "`|",
                               absl::StrJoin(properties, ", ")));
  }
  EXPECT_THAT(listed, ::testing::ContainerEq(wanted));
}

}  // namespace
}  // namespace doorstep
