// A history of one field: edits with any bases, times, values and settlements, planned in several
// orders. All orders end in the same heads, effective value and conflict; an edit that comes twice
// changes nothing; and the heads are what nobody has seen and replaced.
//   input := field:2 edits:byte edit* choice*      (see Made below; choices pick the orders)
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "sync/change/state.h"
#include "sync/change/wire.h"
#include "sync/merge/plan.h"
#include "sync/schema/schema.h"
#include "tests/fuzz/target.h"

namespace doorstep::fuzz {
namespace {

constexpr unsigned kMaxEdits = 7;
constexpr unsigned kDevices = 3;
constexpr int kOrders = 8;

struct Made {
  unsigned device = 0;
  unsigned seen = 0;  // bit i: edit i, which must come before
  ChangeId id;
  int64_t time = 0;
  FieldEdit edit;
  doorstep::Settle settle;
};

std::string Date(unsigned choice) {
  const std::string day = std::to_string(1 + choice % 28);
  return "2026-11-" + std::string(2 - day.size(), '0') + day;
}

// Sentences in two paragraphs, a bit for each: so that texts meet.
std::string Prose(unsigned choice) {
  std::string text;
  for (unsigned i = 0; i < 4; ++i) {
    if (i == 2 && !text.empty()) text += "\n\n";
    if ((choice >> i & 1) != 0)
      text += std::string("He does thing ") + static_cast<char>('a' + i) + ". ";
  }
  return text + std::string(choice / 64, 'x');
}

std::string Encoded(const ScalarSpec& spec, unsigned choice) {
  Scalar scalar;
  scalar.present = true;
  std::string store;
  switch (spec.type) {
    case ValueType::kInt:
      scalar.integer = spec.range ? spec.range->min + static_cast<int64_t>(choice) %
                                                          (spec.range->max - spec.range->min + 1)
                                  : static_cast<int64_t>(choice);
      break;
    case ValueType::kBool:
      scalar.integer = choice % 2;
      break;
    case ValueType::kEnum:
      if (spec.values.empty()) return "";
      scalar.integer = spec.values[choice % spec.values.size()].number;
      break;
    case ValueType::kDouble:
      scalar.real = choice / 4.0;
      break;
    case ValueType::kString:
      store = spec.format == StringFormat::kCivilDate ? Date(choice)
              : spec.format == StringFormat::kRecordId
                  ? Uuid{{static_cast<uint8_t>(choice)}}.ToString()
                  : Prose(choice);
      store.resize(std::min<size_t>(store.size(), spec.max_bytes));
      scalar.bytes = store;
      break;
    case ValueType::kBytes:
      store = std::string(1 + choice % 3, 'b');
      scalar.bytes = store;
      break;
    case ValueType::kAtomic:
      return "";
  }
  return EncodeScalar(spec, scalar);
}

// Canonical; sometimes none.
std::string ValueOf(const KindSpec& kind, const FieldSpec& field, unsigned choice) {
  if (choice % 8 == 7) return "";
  std::string value;
  if (field.parts.empty()) {
    value = Encoded(field.scalar, choice);
  } else {
    std::vector<std::string> encoded;
    std::vector<Scalar> parts;
    for (size_t i = 0; i < field.parts.size(); ++i) {
      encoded.push_back(Encoded(field.parts[i], choice >> i));
    }
    for (size_t i = 0; i < field.parts.size(); ++i) {
      auto part = DecodeScalar(field.parts[i], encoded[i]);
      parts.push_back(part.ok() && (choice >> (i + 3) & 1) == 0 ? *part : Scalar());
    }
    value = EncodeParts(field, parts);
  }
  if (value.empty()) return "";
  const auto parsed = ParseValue(kind, field, value, Unknown::kRefuse);
  return parsed.ok() ? *parsed : "";
}

void MakeSetEdit(const KindSpec& kind, const FieldSpec& field, Input& input,
                 const std::vector<Made>& before, Made* made) {
  const std::string added = ValueOf(kind, field, input.Byte() % 4);
  const std::string removed = ValueOf(kind, field, input.Byte() % 4);
  FieldEdit::Removal removal{removed, {}};
  for (size_t i = 0; i < before.size(); ++i) {
    const auto& adds = before[i].edit.adds;
    if ((made->seen >> i & 1) != 0 && std::count(adds.begin(), adds.end(), removed) > 0) {
      removal.adds.push_back(before[i].id);
    }
  }
  std::sort(removal.adds.begin(), removal.adds.end());
  if (!removal.adds.empty() && input.Byte() % 2 == 0) {
    made->edit.removals.push_back(removal);
    if (added == removed) return;
  }
  if (!added.empty()) made->edit.adds.push_back(added);
}

Made MakeEdit(const KindSpec& kind, const FieldSpec& field, Input& input,
              const std::vector<Made>& before) {
  Made made;
  made.device = input.Byte() % kDevices;
  made.seen = input.Byte() & ((1u << before.size()) - 1);
  int64_t latest = 1'000;
  uint8_t counter = 1;
  for (size_t i = 0; i < before.size(); ++i) {
    if (before[i].device == made.device) {
      made.seen |= 1u << i;  // who writes sees what he or she wrote
      ++counter;
    }
    if ((made.seen >> i & 1) != 0) latest = std::max(latest, before[i].time);
  }
  made.id = {Uuid{{static_cast<uint8_t>(1 + made.device)}}, counter};
  made.time = latest + 1 + input.Byte() % 4;
  made.edit.field = field.number();
  if (input.Byte() % 4 == 0) made.settle = {SettleMode::kNewValue, "decided"};
  if (field.is_set()) {
    MakeSetEdit(kind, field, input, before, &made);
    return made;
  }
  made.edit.value = ValueOf(kind, field, input.Byte());
  for (size_t i = 0; i < before.size(); ++i) {
    if ((made.seen >> i & 1) != 0) made.edit.base.push_back(before[i].id);
  }
  std::sort(made.edit.base.begin(), made.edit.base.end());
  if (field.carries_agreed()) {
    const unsigned sequence = input.Byte() % 4;
    made.edit.agreed = {sequence, sequence == 0 ? "" : ValueOf(kind, field, input.Byte() % 32)};
  }
  return made;
}

struct End {
  std::vector<Head> heads;  // without sequences, which are the order's
  std::string value;
  std::vector<std::string> elements;
  bool provisional = false;
  bool conflict = false;
  bool operator==(const End&) const = default;
};

void PlanOne(const FieldSpec& field, const Made& made, uint64_t sequence, FieldState* state) {
  EditContext context;
  context.id = made.id;
  context.time_ms = made.time;
  context.sequence = sequence;
  context.author = "author";
  context.settle = made.settle;
  doorstep::Plan(field, made.edit, context, state);
}

End PlanAll(const FieldSpec& field, const std::vector<Made>& edits,
            const std::vector<size_t>& order) {
  FieldState state;
  state.field = field.number();
  uint64_t sequence = 10;
  for (const size_t i : order) {
    PlanOne(field, edits[i], ++sequence, &state);
    const FieldState once = state;
    PlanOne(field, edits[i], sequence, &state);
    Require(state == once, "an edit that comes again at once changes nothing");
    Require(std::is_sorted(state.heads.begin(), state.heads.end(), HeadBefore), "canonical order");
  }
  const Effective effective = EffectiveOf(field, state);
  End end{state.heads, effective.value, effective.elements, effective.provisional,
          IsConflict(field, state)};
  for (Head& head : end.heads) head.sequence = 0;
  return end;
}

void CheckHeads(const FieldSpec& field, const std::vector<Made>& edits, const End& end) {
  if (field.is_set() || field.merge == MergeClass::kLatest) return;
  unsigned replaced = 0;
  for (const Made& made : edits) replaced |= made.seen;
  size_t standing = 0;
  for (size_t i = 0; i < edits.size(); ++i) {
    const bool is_head = std::any_of(end.heads.begin(), end.heads.end(),
                                     [&](const Head& head) { return head.id == edits[i].id; });
    Require(is_head == ((replaced >> i & 1) == 0), "heads are what nobody has seen and replaced");
    standing += is_head ? 1 : 0;
  }
  Require(standing == end.heads.size(), "every head is somebody's edit");
}

}  // namespace

void Plan(absl::string_view bytes) {
  Input input(bytes);
  std::vector<std::pair<const KindSpec*, const FieldSpec*>> fields;
  for (const KindSpec& kind : doorstep::Schema::BuiltIn()->kinds()) {
    for (const FieldSpec& field : kind.fields) fields.emplace_back(&kind, &field);
  }
  const unsigned low = input.Byte();
  const auto [kind, field] = fields[(low + 256 * input.Byte()) % fields.size()];
  std::vector<Made> edits;
  for (unsigned n = 1 + input.Byte() % kMaxEdits; n > 0; --n) {
    edits.push_back(MakeEdit(*kind, *field, input, edits));
  }
  std::vector<size_t> order;
  for (size_t i = 0; i < edits.size(); ++i) order.push_back(i);
  const End first = PlanAll(*field, edits, order);
  CheckHeads(*field, edits, first);
  for (int n = 0; n < kOrders; ++n) {
    order.clear();
    unsigned done = 0;
    while (order.size() < edits.size()) {
      std::vector<size_t> ready;
      for (size_t i = 0; i < edits.size(); ++i) {
        if ((done >> i & 1) == 0 && (edits[i].seen & ~done) == 0) ready.push_back(i);
      }
      // The last first, unless the input says otherwise: the order that differs most.
      order.push_back(ready[ready.size() - 1 - input.Byte() % ready.size()]);
      done |= 1u << order.back();
    }
    if (PlanAll(*field, edits, order) == first) continue;
    std::fprintf(stderr, "%s.%s\n", kind->name.c_str(), field->scalar.name.c_str());
    Require(false, "every order ends the same");
  }
}

}  // namespace doorstep::fuzz
