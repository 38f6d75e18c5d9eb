#include "sync/schema/compare.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "doorstep/v1/attachment_options.pb.h"
#include "doorstep/v1/options.pb.h"
#include "google/protobuf/descriptor.h"
#include "sync/schema/bands.h"
#include "sync/schema/due.h"
#include "sync/schema/pause.h"

namespace doorstep {
namespace {

struct RuleTexts {
  SchemaRule rule;
  absl::string_view name;
  absl::string_view text;
  absl::string_view instead;
};

constexpr RuleTexts kRules[] = {
    {SchemaRule::kAdditive, "additive", "older programs keep what they do not know", ""},
    {SchemaRule::kKindStays, "kind-stays",
     "a released kind stays, under its number and name, and with the rules of its records",
     "leave it as it is, and add a kind with a new number; a label says what screens call it"},
    {SchemaRule::kFieldStays, "field-stays",
     "a released field stays, under its number and name, and with its type; numbers are never "
     "reused",
     "leave it as it is (a label says what screens call it, also that it is out of use), and add "
     "a field with a new number"},
    {SchemaRule::kClass, "class", "the merge class of a released field never changes",
     "add a field with a new number and that class"},
    {SchemaRule::kRule, "rule",
     "the rule of a released field never changes, nor what it depends on",
     "add a field with a new number and that rule"},
    {SchemaRule::kAtomic, "atomic", "released atomic messages gain and lose no parts",
     "add a message with these parts, and a field with a new number that holds it"},
    {SchemaRule::kLimit, "limit",
     "the values that a released field allows never change: replicas refuse rows that do not fit "
     "their schema",
     "add a field with a new number that allows them"},
    {SchemaRule::kValueStays, "value-stays",
     "a released enum value stays, under its number and name",
     "leave it as it is (a label says what screens call it), and add a value with a new number"},
    {SchemaRule::kJudgement, "judgement",
     "which released fields and kinds are one professional judgement never changes",
     "leave them as they are; new fields and new kinds may join the judgement"},
    {SchemaRule::kSafety, "safety", "what is safety-critical stays so",
     "leave it safety-critical; what people no longer enter asks nobody"},
};

const RuleTexts& TextsOf(SchemaRule rule) {
  return *std::find_if(std::begin(kRules), std::end(kRules),
                       [rule](const RuleTexts& texts) { return texts.rule == rule; });
}

std::string OrNone(absl::string_view text) { return text.empty() ? "none" : std::string(text); }

std::string YesNo(bool yes) { return yes ? "true" : "false"; }

// "HIGHEST_RATING" of the option enums, which have the numbers of ours.
std::string ClassName(MergeClass merge) {
  return v1::MergeClass_Name(static_cast<v1::MergeClass>(merge));
}
std::string EffectiveName(EffectiveRule rule) {
  return rule == EffectiveRule::kUnspecified
             ? "none"
             : v1::EffectiveRule_Name(static_cast<v1::EffectiveRule>(rule));
}

std::string AttachmentName(AttachmentPart part) {
  return part == AttachmentPart::kNone
             ? "none"
             : v1::AttachmentPart_Name(static_cast<v1::AttachmentPart>(part));
}

std::string TypeName(const ScalarSpec& spec) {
  switch (spec.type) {
    case ValueType::kInt:
      return spec.is_unsigned ? "uint32" : spec.is_32_bit ? "int32" : "int64";
    case ValueType::kBool:
      return "bool";
    case ValueType::kEnum:
      return "an enum";
    case ValueType::kDouble:
      return "double";
    case ValueType::kString:
      return "string";
    case ValueType::kBytes:
      return "bytes";
    case ValueType::kAtomic:
      return "an atomic message";
  }
  return "";
}

std::string FormatName(StringFormat format) {
  switch (format) {
    case StringFormat::kNone:
      return "none";
    case StringFormat::kCivilDate:
      return "CIVIL_DATE";
    case StringFormat::kRecordId:
      return "RECORD_ID";
  }
  return "";
}

std::string RangeName(const ScalarSpec& spec) {
  return spec.range.has_value() ? absl::StrCat(spec.range->min, " to ", spec.range->max) : "none";
}

std::string TierName(Tier tier) { return v1::Tier_Name(static_cast<v1::Tier>(tier)); }

// Places among the parts, as the numbers that they have on the wire.
std::vector<uint32_t> PartNumbers(const FieldSpec& field, const std::vector<int>& places) {
  std::vector<uint32_t> numbers;
  numbers.reserve(places.size());
  for (const int place : places) numbers.push_back(place < 0 ? 0 : field.parts[place].number);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

// One comparison under way.
class Comparison {
 public:
  Comparison(const Schema& from, const Schema& to) : from_(from), to_(to) {}

  std::vector<SchemaChange> Run() {
    for (const KindSpec& kind : from_.kinds()) CompareKind(kind, to_.Find(kind.number));
    for (const KindSpec& kind : to_.kinds()) {
      if (from_.Find(kind.number) != nullptr) continue;
      At(kind, nullptr);
      AddNewKind(kind);
    }
    std::stable_sort(out_.begin(), out_.end(), [](const SchemaChange& a, const SchemaChange& b) {
      return std::pair(a.kind, a.field) < std::pair(b.kind, b.field);
    });
    return std::move(out_);
  }

 private:
  void At(const KindSpec& kind, const FieldSpec* field) {
    kind_ = kind.number;
    field_ = field == nullptr ? 0 : field->number();
    where_ = field == nullptr ? kind.name : absl::StrCat(kind.name, ".", field->scalar.name);
  }
  void Add(SchemaRule rule, absl::string_view below, std::string what) {
    out_.push_back({rule, absl::StrCat(where_, below), kind_, field_, std::move(what)});
  }
  void Additive(std::string what) { Add(SchemaRule::kAdditive, "", std::move(what)); }
  // Says so when `got` (of the new schema) is not what the old one has.
  void Must(SchemaRule rule, absl::string_view what, const std::string& got,
            const std::string& wanted, absl::string_view below = "") {
    if (got == wanted) return;
    Add(rule, below, absl::StrCat("got ", what, " ", got, ", wanted ", wanted));
  }
  void May(absl::string_view what, const std::string& got, const std::string& was) {
    if (got != was) Additive(absl::StrCat(what, " ", got, ", was ", was));
  }

  void AddNewKind(const KindSpec& kind);
  void CompareKind(const KindSpec& was, const KindSpec* now);
  void CompareKindOptions(const KindSpec& was, const KindSpec& now);
  void AddNewField(const KindSpec& was, const KindSpec& kind, const FieldSpec& field);
  void CompareField(const FieldSpec& was, const FieldSpec& now);
  void CompareMerge(const FieldSpec& was, const FieldSpec& now);
  void CompareShown(const FieldSpec& was, const FieldSpec& now);
  void CompareScalar(const ScalarSpec& was, const ScalarSpec& now, absl::string_view below);
  void CompareValues(const ScalarSpec& was, const ScalarSpec& now, absl::string_view below);
  void CompareParts(const FieldSpec& was, const FieldSpec& now);
  void CompareStates(const FieldSpec& was, const FieldSpec& now);

  const Schema& from_;
  const Schema& to_;
  uint32_t kind_ = 0;
  uint32_t field_ = 0;
  std::string where_;
  std::vector<SchemaChange> out_;
};

void Comparison::AddNewKind(const KindSpec& kind) {
  if (const KindSpec* other = from_.FindByName(kind.name); other != nullptr) {
    Add(SchemaRule::kKindStays, "",
        absl::StrCat("got number ", kind.number, ", wanted ", other->number));
    return;
  }
  Additive("a new kind");
}

void Comparison::CompareKind(const KindSpec& was, const KindSpec* now) {
  At(was, nullptr);
  if (now == nullptr) {
    Add(SchemaRule::kKindStays, "", "got no such kind, wanted it to stay");
    return;
  }
  Must(SchemaRule::kKindStays, "name", now->full_name, was.full_name);
  CompareKindOptions(was, *now);
  for (const FieldSpec& field : was.fields) {
    At(was, &field);
    const FieldSpec* found = now->Find(field.number());
    if (found != nullptr) {
      CompareField(field, *found);
    } else {
      Add(SchemaRule::kFieldStays, "",
          absl::StrCat("got no field ", field.number(), ", wanted it to stay"));
    }
  }
  for (const FieldSpec& field : now->fields) {
    if (was.Find(field.number()) != nullptr) continue;
    At(*now, &field);
    AddNewField(was, *now, field);
  }
}

void Comparison::CompareKindOptions(const KindSpec& was, const KindSpec& now) {
  Must(SchemaRule::kKindStays, "append_only", YesNo(now.append_only), YesNo(was.append_only));
  Must(SchemaRule::kKindStays, "tier", TierName(now.tier), TierName(was.tier));
  Must(SchemaRule::kKindStays, "says_same", YesNo(now.says_same), YesNo(was.says_same));
  if (was.sign_off) Must(SchemaRule::kKindStays, "sign_off", YesNo(now.sign_off), "true");
  if (!was.sign_off && now.sign_off) Additive("people may sign its records");
  for (const std::string& child : was.coherent_children) {
    if (!absl::c_linear_search(now.coherent_children, child)) {
      Add(SchemaRule::kJudgement, "",
          absl::StrCat("got no coherent_children ", child, ", wanted it to stay"));
    }
  }
  for (const std::string& child : now.coherent_children) {
    if (absl::c_linear_search(was.coherent_children, child)) continue;
    if (from_.FindByName(child) == nullptr) {
      Additive(absl::StrCat("the new kind ", child, " joins its judgement"));
    } else {
      Add(SchemaRule::kJudgement, "",
          absl::StrCat("got coherent_children ", child, ", wanted a kind that is new"));
    }
  }
  May("label", now.label, was.label);
  May("title", OrNone(now.title), OrNone(was.title));
  if (was.duplicate_keys != now.duplicate_keys) Additive("other keys find what is recorded twice");
}

void Comparison::AddNewField(const KindSpec& was, const KindSpec& kind, const FieldSpec& field) {
  const auto number = static_cast<int>(field.number());
  if (const FieldSpec* other = was.FindByName(field.scalar.name); other != nullptr) {
    Add(SchemaRule::kFieldStays, "",
        absl::StrCat("got number ", number, ", wanted ", other->number()));
  } else if (was.descriptor->IsReservedNumber(number)) {
    Add(SchemaRule::kFieldStays, "",
        absl::StrCat("got number ", number, ", which is reserved, wanted a new one"));
  } else {
    Additive(absl::StrCat(
        "a new field", field.coherent_group.empty() ? "" : ", part of the record's judgement",
        kind.sign_off && field.sign_off_requires ? ", needed before signing" : ""));
  }
}

void Comparison::CompareField(const FieldSpec& was, const FieldSpec& now) {
  Must(SchemaRule::kFieldStays, "name", now.scalar.name, was.scalar.name);
  CompareMerge(was, now);
  if (was.scalar.type == ValueType::kAtomic && now.scalar.type == ValueType::kAtomic) {
    CompareParts(was, now);
  } else {
    CompareScalar(was.scalar, now.scalar, "");
  }
  Must(SchemaRule::kFieldStays, "reference", OrNone(now.reference), OrNone(was.reference));
  CompareShown(was, now);
}

void Comparison::CompareMerge(const FieldSpec& was, const FieldSpec& now) {
  Must(SchemaRule::kClass, "merge", ClassName(now.merge), ClassName(was.merge));
  if (was.merge != now.merge) return;  // the rest follows from it
  Must(SchemaRule::kRule, "effective", EffectiveName(now.effective), EffectiveName(was.effective));
  Must(SchemaRule::kRule, "dominant", absl::StrCat(now.dominant), absl::StrCat(was.dominant));
  Must(SchemaRule::kRule, "removal", now.removal_reviewed ? "REVIEWED" : "at once",
       was.removal_reviewed ? "REVIEWED" : "at once");
  Must(SchemaRule::kRule, "responsibility",
       v1::Responsibility_Name(static_cast<v1::Responsibility>(now.responsibility)),
       v1::Responsibility_Name(static_cast<v1::Responsibility>(was.responsibility)));
  if (was.attachment != AttachmentPart::kNone) {
    Must(SchemaRule::kRule, "attachment", AttachmentName(now.attachment),
         AttachmentName(was.attachment));
  } else if (now.attachment != AttachmentPart::kNone) {
    Additive("says what attachment the record has");
  }
  Must(SchemaRule::kJudgement, "coherent_group", OrNone(now.coherent_group),
       OrNone(was.coherent_group));
  if (was.coherent_group == now.coherent_group) {
    // The whole kind joins or leaves the judgement of another, by what that says, or by a group
    // that other fields form.
    Must(SchemaRule::kJudgement, "part in a judgement", YesNo(now.keeps_seen),
         YesNo(was.keeps_seen));
  }
  if (was.merge == MergeClass::kState) CompareStates(was, now);
}

void Comparison::CompareShown(const FieldSpec& was, const FieldSpec& now) {
  if (was.safety) Must(SchemaRule::kSafety, "safety", YesNo(now.safety), "true");
  if (!was.safety && now.safety) Additive("safety-critical now");
  May("label", now.label, was.label);
  May("when_unsettled", OrNone(now.when_unsettled), OrNone(was.when_unsettled));
  May("index", YesNo(now.index), YesNo(was.index));
  May("full_text", YesNo(now.full_text), YesNo(was.full_text));
  May("sign_off_requires", YesNo(now.sign_off_requires), YesNo(was.sign_off_requires));
  May("due", YesNo(IsDue(now)), YesNo(IsDue(was)));
  May("due_at", YesNo(IsDueAt(now)), YesNo(IsDueAt(was)));
  May("answered", YesNo(Answers(now)), YesNo(Answers(was)));
  const auto ends = [](const FieldSpec& field) {
    const std::optional<std::string> when = EndsWhen(field);
    return !when ? "nothing" : when->empty() ? "by being there" : absl::StrCat("with ", *when);
  };
  May("ends what it names", ends(now), ends(was));
  const auto closing = [](const FieldSpec& field) {
    const std::optional<ClosingWords> words = ClosingOf(field);
    return words ? absl::StrCat(words->told, " ", words->taken_back) : std::string("none");
  };
  May("closing", closing(now), closing(was));
  const auto paused_by = [](const FieldSpec& field) {
    const std::optional<PausedBy> by = PausedByOf(field);
    return by ? absl::StrCat(by->part, " ", by->field, " ", by->value) : std::string("none");
  };
  May("paused_by", paused_by(now), paused_by(was));
}

void Comparison::CompareScalar(const ScalarSpec& was, const ScalarSpec& now,
                               absl::string_view below) {
  Must(SchemaRule::kFieldStays, "type", TypeName(now), TypeName(was), below);
  if (TypeName(now) != TypeName(was)) return;
  Must(SchemaRule::kLimit, "format", FormatName(now.format), FormatName(was.format), below);
  Must(SchemaRule::kLimit, "range", RangeName(now), RangeName(was), below);
  Must(SchemaRule::kLimit, "max_bytes", absl::StrCat(now.max_bytes), absl::StrCat(was.max_bytes),
       below);
  CompareValues(was, now, below);
}

void Comparison::CompareValues(const ScalarSpec& was, const ScalarSpec& now,
                               absl::string_view below) {
  for (const EnumValueSpec& value : was.values) {
    const std::string at = absl::StrCat(below, "=", value.name);
    const EnumValueSpec* found = now.FindValue(value.number);
    if (found == nullptr) {
      Add(SchemaRule::kValueStays, at,
          absl::StrCat("got no value ", value.number, ", wanted it to stay"));
      continue;
    }
    Must(SchemaRule::kValueStays, "name", found->name, value.name, at);
    Must(SchemaRule::kRule, "rank", absl::StrCat(found->rank), absl::StrCat(value.rank), at);
    if (found->label != value.label && found->name == value.name) {
      Add(SchemaRule::kAdditive, at, absl::StrCat("label ", found->label, ", was ", value.label));
    }
  }
  for (const EnumValueSpec& value : now.values) {
    if (was.FindValue(value.number) != nullptr) continue;
    Add(SchemaRule::kAdditive, absl::StrCat(below, "=", value.name),
        absl::StrCat("a new value, ", value.number));
  }
}

void Comparison::CompareParts(const FieldSpec& was, const FieldSpec& now) {
  const auto find = [](const FieldSpec& field, uint32_t number) {
    const auto found =
        std::find_if(field.parts.begin(), field.parts.end(),
                     [number](const ScalarSpec& part) { return part.number == number; });
    return found == field.parts.end() ? nullptr : &*found;
  };
  for (const ScalarSpec& part : was.parts) {
    const std::string below = absl::StrCat(".", part.name);
    const ScalarSpec* found = find(now, part.number);
    if (found == nullptr) {
      Add(SchemaRule::kAtomic, below,
          absl::StrCat("got no part ", part.number, ", wanted it to stay"));
      continue;
    }
    Must(SchemaRule::kFieldStays, "name", found->name, part.name, below);
    CompareScalar(part, *found, below);
  }
  for (const ScalarSpec& part : now.parts) {
    if (find(was, part.number) != nullptr) continue;
    Add(SchemaRule::kAtomic, absl::StrCat(".", part.name),
        absl::StrCat("got a new part, ", part.number, ", wanted those that it had"));
  }
  const auto list = [](const std::vector<uint32_t>& numbers) {
    return absl::StrJoin(numbers, " ");
  };
  // A part that came or went has been named.
  if (was.parts.size() != now.parts.size()) return;
  Must(SchemaRule::kRule, "compare, parts", list(PartNumbers(now, now.compare)),
       list(PartNumbers(was, was.compare)));
  Must(SchemaRule::kRule, "likelihood and severity, parts",
       list(PartNumbers(now, {now.likelihood, now.severity})),
       list(PartNumbers(was, {was.likelihood, was.severity})));
  const auto bands = [](const FieldSpec& field) {
    const BandLimits limits = BandLimitsOf(field);
    return absl::StrCat(limits.low, " ", limits.moderate, " ", limits.high);
  };
  // What a tenant has chosen a program that knows nothing of it does not undo.
  if (SaysBands(was) && !SaysBands(now)) {
    Must(SchemaRule::kRule, "bands up to", "none", bands(was));
  } else {
    May("bands up to", bands(now), bands(was));
  }
}

// A new state may have any transitions: who does not know it cannot be wrong about them.
void Comparison::CompareStates(const FieldSpec& was, const FieldSpec& now) {
  const auto name = [&](int64_t state) {
    const EnumValueSpec* value = was.scalar.FindValue(state);
    return value == nullptr ? absl::StrCat(state) : value->name;
  };
  Must(SchemaRule::kRule, "initial", name(now.initial_state), name(was.initial_state));
  for (const auto& [from, to] : was.transitions) {
    if (absl::c_linear_search(now.transitions, std::pair(from, to))) continue;
    Add(SchemaRule::kRule, "",
        absl::StrCat("got no transition ", name(from), " to ", name(to), ", wanted it to stay"));
  }
  for (const auto& [from, to] : now.transitions) {
    const bool released =
        was.scalar.FindValue(from) != nullptr && was.scalar.FindValue(to) != nullptr;
    if (!released || absl::c_linear_search(was.transitions, std::pair(from, to))) continue;
    Add(SchemaRule::kRule, "",
        absl::StrCat("got a transition ", name(from), " to ", name(to),
                     ", wanted none between states that were released without it"));
  }
}

}  // namespace

absl::string_view NameOf(SchemaRule rule) { return TextsOf(rule).name; }
absl::string_view TextOf(SchemaRule rule) { return TextsOf(rule).text; }
absl::string_view InsteadOf(SchemaRule rule) { return TextsOf(rule).instead; }

std::vector<SchemaChange> CompareSchemas(const Schema& from, const Schema& to) {
  if (from.hash() == to.hash()) return {};
  return Comparison(from, to).Run();
}

bool IsAdditive(const Schema& from, const Schema& to) {
  const std::vector<SchemaChange> changes = CompareSchemas(from, to);
  return std::none_of(changes.begin(), changes.end(),
                      [](const SchemaChange& change) { return change.Breaks(); });
}

std::shared_ptr<const Schema> SchemaInUse(const std::shared_ptr<const Schema>& own,
                                          const std::shared_ptr<const Schema>& kept) {
  return kept == nullptr || IsAdditive(*kept, *own) ? own : kept;
}

}  // namespace doorstep
