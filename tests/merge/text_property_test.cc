// What holds for any texts, with sentences that a generator adds, changes, takes away and moves.
#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "rapidcheck/gtest.h"
#include "sync/change/wire.h"
#include "sync/merge/plan.h"
#include "sync/merge/sequence_diff.h"
#include "sync/merge/text_merge.h"
#include "sync/merge/text_units.h"
#include "tests/merge/sample_fields.h"

namespace doorstep {
namespace {

using Paragraph = std::vector<std::string>;
using Prose = std::vector<Paragraph>;

std::string Written(const Prose& prose) {
  std::vector<std::string> paragraphs;
  for (const Paragraph& paragraph : prose) {
    if (!paragraph.empty()) paragraphs.push_back(absl::StrJoin(paragraph, " "));
  }
  return absl::StrJoin(paragraphs, "\n\n");
}

std::set<std::string> Sentences(absl::string_view text) {
  std::set<std::string> out;
  for (const TextUnit& unit : TextUnits(text)) {
    if (!unit.words.empty()) out.emplace(unit.words);
  }
  return out;
}

std::string Sentence(const char* who) {
  return absl::StrCat(who, " noted number ", *rc::gen::inRange(0, 12), " here.");
}

Prose AnyProse(const char* who) {
  Prose prose(*rc::gen::inRange(1, 5));
  for (Paragraph& paragraph : prose) {
    for (int i = *rc::gen::inRange(1, 4); i > 0; --i) paragraph.push_back(Sentence(who));
  }
  return prose;
}

// Some edits, as a person makes them.
Prose Edited(Prose prose, const char* who) {
  for (int edits = *rc::gen::inRange(0, 4); edits > 0; --edits) {
    Paragraph& paragraph = prose[*rc::gen::inRange<size_t>(0, prose.size())];
    switch (*rc::gen::inRange(0, 6)) {
      case 0:
        prose.insert(prose.begin() + *rc::gen::inRange<int>(0, static_cast<int>(prose.size()) + 1),
                     {Sentence(who)});
        break;
      case 1:
        paragraph.insert(
            paragraph.begin() + *rc::gen::inRange<int>(0, static_cast<int>(paragraph.size()) + 1),
            Sentence(who));
        break;
      case 2:
        if (!paragraph.empty()) paragraph.pop_back();
        break;
      case 3:
        if (!paragraph.empty()) paragraph.front() = Sentence(who);
        break;
      case 4:
        paragraph.clear();
        break;
      default:
        std::swap(paragraph, prose.back());
        break;
    }
  }
  return prose;
}

RC_GTEST_PROP(TextProperty, NothingIsLostAndNothingIsMadeUp, ()) {
  const Prose known = AnyProse("Base");
  const std::string base = Written(known);
  std::vector<std::string> texts;
  for (const char* who : {"Ada", "Ben", "Cleo"}) texts.push_back(Written(Edited(known, who)));
  const auto merged = MergeTexts(base, {texts.begin(), texts.end()});
  RC_CLASSIFY(!merged.has_value(), "overlap");
  if (!merged.has_value()) return;
  const std::set<std::string> in_base = Sentences(base);
  std::set<std::string> in_some = in_base;
  std::set<std::string> added;
  std::set<std::string> kept = in_base;
  for (const std::string& text : texts) {
    const std::set<std::string> sentences = Sentences(text);
    in_some.insert(sentences.begin(), sentences.end());
    std::set_difference(sentences.begin(), sentences.end(), in_base.begin(), in_base.end(),
                        std::inserter(added, added.end()));
    std::erase_if(kept, [&](const std::string& s) { return !sentences.contains(s); });
  }
  const std::set<std::string> out = Sentences(*merged);
  RC_ASSERT(std::includes(in_some.begin(), in_some.end(), out.begin(), out.end()));
  RC_ASSERT(std::includes(out.begin(), out.end(), added.begin(), added.end()));
  RC_ASSERT(std::includes(out.begin(), out.end(), kept.begin(), kept.end()));
}

RC_GTEST_PROP(TextProperty, WhoDidNotChangeItDoesNotCount, ()) {
  const Prose known = AnyProse("Base");
  const std::string base = Written(known);
  const std::string text = Written(Edited(known, "Ada"));
  RC_ASSERT(MergeTexts(base, {text, base}) == text);
  RC_ASSERT(MergeTexts(base, {base, text, text}) == text);
}

// Two who rewrite the same sentence are never merged, whatever else they do.
RC_GTEST_PROP(TextProperty, OneSentenceRewrittenTwiceIsDecidedByAPerson, ()) {
  Prose known = AnyProse("Base");
  const size_t place = *rc::gen::inRange<size_t>(0, known.size());
  known[place].insert(known[place].begin(), "May go out with a carer.");
  Prose ada = known;
  Prose ben = known;
  ada[place].front() = "May go out alone.";
  ben[place].front() = "Must not go out with a carer.";
  const std::string base = Written(known);
  RC_ASSERT(!MergeTexts(base, {Written(ada), Written(ben)}).has_value());
  RC_ASSERT(!MergeTexts(base, {Written(ben), Written(ada)}).has_value());
}

RC_GTEST_PROP(TextProperty, UnitsHoldAllWords, (const std::string& raw)) {
  std::string joined;
  for (const TextUnit& unit : TextUnits(raw)) {
    joined.append(unit.words.data(), unit.words.size());
    joined.append(unit.space.data(), unit.space.size());
  }
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  std::string wanted = raw;
  std::erase_if(wanted, is_space);
  std::erase_if(joined, is_space);
  RC_ASSERT(joined == wanted);
}

// Against the textbook's table.
RC_GTEST_PROP(SequenceDiffProperty, IsALongestCommonSubsequence, ()) {
  const auto any = rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 5));
  const std::vector<int> a = *any;
  const std::vector<int> b = *any;
  const auto matches = Matches(a, b);
  int last_i = -1;
  int last_j = -1;
  for (const auto& [i, j] : matches) {
    RC_ASSERT(i > last_i);
    RC_ASSERT(j > last_j);
    RC_ASSERT(a[i] == b[j]);
    last_i = i;
    last_j = j;
  }
  std::vector<std::vector<size_t>> table(a.size() + 1, std::vector<size_t>(b.size() + 1, 0));
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      table[i][j] = a[i - 1] == b[j - 1] ? table[i - 1][j - 1] + 1
                                         : std::max(table[i - 1][j], table[i][j - 1]);
    }
  }
  RC_ASSERT(matches.size() == table[a.size()][b.size()]);
}

// Through Plan, in any order of arrival: the same heads, the same text, the same word about it.
RC_GTEST_PROP(TextProperty, CommutesInOrderOfArrival, ()) {
  const FieldSpec field = NarrativeField();
  const Prose known = AnyProse("Base");
  const Agreed agreed{7, Text(field, Written(known))};
  std::vector<std::pair<FieldEdit, EditContext>> edits;
  for (const char* who : {"Ada", "Ben", "Cleo"}) {
    FieldEdit edit;
    edit.field = field.number();
    edit.value = Text(field, Written(Edited(known, who)));
    edit.base = {{Incarnation('Z'), 1}};
    edit.agreed = agreed;
    EditContext context;
    context.id = {Incarnation(who[0]), 1};
    context.time_ms = *rc::gen::inRange(10, 13);
    edits.emplace_back(edit, context);
  }
  std::optional<std::pair<FieldState, std::string>> first;
  std::vector<int> order = {0, 1, 2};
  do {
    FieldState state;
    state.field = field.number();
    for (const int i : order) Plan(field, edits[i].first, edits[i].second, &state);
    const Effective effective = EffectiveOf(field, state);
    RC_ASSERT(effective.provisional == IsConflict(field, state));
    if (!first.has_value()) first.emplace(state, effective.value);
    RC_ASSERT(first->first == state);
    RC_ASSERT(first->second == effective.value);
  } while (std::next_permutation(order.begin(), order.end()));
}

}  // namespace
}  // namespace doorstep
