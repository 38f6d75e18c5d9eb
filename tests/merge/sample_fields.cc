#include "tests/merge/sample_fields.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sync/change/wire.h"

namespace doorstep {
namespace {

ScalarSpec MakeScalar(uint32_t number, const char* name, ValueType type) {
  ScalarSpec scalar;
  scalar.number = number;
  scalar.name = name;
  scalar.column = name;
  scalar.type = type;
  if (type == ValueType::kString) scalar.max_bytes = 1024;
  return scalar;
}

FieldSpec MakeField(uint32_t number, const char* name, ValueType type, MergeClass merge,
                    EffectiveRule effective = EffectiveRule::kUnspecified) {
  FieldSpec field;
  field.scalar = MakeScalar(number, name, type);
  field.merge = merge;
  field.effective = effective;
  field.label = name;
  return field;
}

Scalar Whole(int64_t number) {
  Scalar scalar;
  scalar.present = true;
  scalar.integer = number;
  return scalar;
}

Scalar Words(absl::string_view text) {
  Scalar scalar;
  scalar.present = !text.empty();
  scalar.bytes = text;
  return scalar;
}

}  // namespace

FieldSpec NameField() { return MakeField(1, "name", ValueType::kString, MergeClass::kLatest); }

FieldSpec RatingField() {
  FieldSpec field = MakeField(2, "residual_rating", ValueType::kAtomic, MergeClass::kReview,
                              EffectiveRule::kHighestRating);
  field.parts = {MakeScalar(1, "likelihood", ValueType::kInt),
                 MakeScalar(2, "severity", ValueType::kInt),
                 MakeScalar(3, "rationale", ValueType::kString)};
  field.compare = {0, 1};
  field.likelihood = 0;
  field.severity = 1;
  return field;
}

FieldSpec ConsentField() {
  FieldSpec field =
      MakeField(3, "consent", ValueType::kEnum, MergeClass::kReview, EffectiveRule::kDominant);
  field.dominant = kWithdrawn;
  return field;
}

FieldSpec AllergyField() {
  FieldSpec field = MakeField(4, "allergy_status", ValueType::kEnum, MergeClass::kReview,
                              EffectiveRule::kDominant);
  field.dominant = kListed;
  return field;
}

FieldSpec DecisionField() {
  FieldSpec field =
      MakeField(5, "decision", ValueType::kAtomic, MergeClass::kReview, EffectiveRule::kLastAgreed);
  field.parts = {MakeScalar(1, "outcome", ValueType::kEnum),
                 MakeScalar(2, "rationale", ValueType::kString),
                 MakeScalar(3, "incident", ValueType::kString)};
  field.compare = {0, 2};
  field.dominant = kPaused;
  return field;
}

FieldSpec ControlField() {
  return MakeField(6, "control_status", ValueType::kEnum, MergeClass::kReview,
                   EffectiveRule::kLastAgreed);
}

FieldSpec AddressField() {
  FieldSpec field =
      MakeField(7, "address", ValueType::kString, MergeClass::kReview, EffectiveRule::kNone);
  field.when_unsettled = "telephone before visiting";
  return field;
}

FieldSpec NarrativeField() {
  return MakeField(8, "situation", ValueType::kString, MergeClass::kText);
}

FieldSpec StatusField() {
  FieldSpec field = MakeField(9, "status", ValueType::kEnum, MergeClass::kState);
  field.scalar.values = {{kProposed, "PROPOSED", "proposed", 1},
                         {kActive, "ACTIVE", "active", 3},
                         {kSuspended, "SUSPENDED", "suspended", 5},
                         {kReinstated, "REINSTATED", "reinstated", 4},
                         {kEnded, "ENDED", "ended", 6}};
  field.initial_state = kProposed;
  field.transitions = {{kProposed, kActive},      {kActive, kSuspended}, {kSuspended, kReinstated},
                       {kReinstated, kSuspended}, {kProposed, kEnded},   {kActive, kEnded},
                       {kSuspended, kEnded},      {kReinstated, kEnded}};
  return field;
}

FieldSpec ReviewDueField() {
  FieldSpec field = MakeField(10, "review_due", ValueType::kString, MergeClass::kEarliest);
  field.scalar.format = StringFormat::kCivilDate;
  return field;
}

FieldSpec ValueField() {
  return MakeField(11, "value_to_person", ValueType::kInt, MergeClass::kHighest);
}

FieldSpec SubjectField() {
  return MakeField(12, "subject", ValueType::kString, MergeClass::kImmutable);
}

FieldSpec BarriersField() {
  return MakeField(13, "barriers", ValueType::kString, MergeClass::kSet);
}

FieldSpec AllergiesField() {
  FieldSpec field = MakeField(14, "allergies", ValueType::kString, MergeClass::kSet);
  field.removal_reviewed = true;
  return field;
}

std::string Text(const FieldSpec& field, absl::string_view text) {
  return EncodeScalar(field.scalar, Words(text));
}

std::string Number(const FieldSpec& field, int64_t number) {
  return EncodeScalar(field.scalar, Whole(number));
}

std::string Rating(int64_t likelihood, int64_t severity, absl::string_view rationale) {
  return EncodeParts(RatingField(), {Whole(likelihood), Whole(severity), Words(rationale)});
}

std::string Decision(int64_t outcome, absl::string_view rationale, absl::string_view incident) {
  return EncodeParts(DecisionField(), {Whole(outcome), Words(rationale), Words(incident)});
}

Uuid Incarnation(char letter) {
  Uuid id;
  id.b[0] = static_cast<uint8_t>(letter);
  return id;
}

ChangeId Id(absl::string_view name) {
  return {Incarnation(name[0]), static_cast<uint64_t>(name[1] - '0')};
}

std::string NameOf(const ChangeId& id) {
  return absl::StrCat(std::string(1, static_cast<char>(id.incarnation.b[0])), id.counter);
}

std::string HeadNames(const FieldState& state) {
  return absl::StrJoin(state.heads, " ", [](std::string* out, const Head& head) {
    absl::StrAppend(out, NameOf(head.id));
  });
}

}  // namespace doorstep
