// The merge over every small history (see history_checker.h): each class and rule obeys the laws,
// and the checker sees each of the mistakes that such engines make.
#include <algorithm>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sync/change/state.h"
#include "sync/change/wire.h"
#include "sync/merge/plan.h"
#include "sync/schema/schema.h"
#include "tests/merge/history_checker.h"
#include "tests/merge/sample_fields.h"

namespace doorstep {
namespace {

using Values = std::vector<std::string>;

bool Has(const Values& values, const std::string& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

bool AllEqual(const Values& values) {
  return std::all_of(values.begin(), values.end(),
                     [&](const std::string& value) { return value == values.front(); });
}

// Of values listed from the least to the most wanted: the head that is wanted most.
auto Prefers(Values ascending) {
  return [ascending](const Values& heads, const std::string& effective) {
    if (!Has(heads, effective)) return heads.empty() && effective.empty();
    const auto rank = [&](const std::string& value) {
      return std::find(ascending.begin(), ascending.end(), value) - ascending.begin();
    };
    return std::all_of(heads.begin(), heads.end(),
                       [&](const std::string& head) { return rank(head) <= rank(effective); });
  };
}

bool IsLastHead(const Values& heads, const std::string& effective) {
  return effective == heads.back();
}

Scenario Latest() {
  const FieldSpec f = NameField();
  return {"LATEST", f, {Text(f, "a"), Text(f, "b")}, {1, 3}, 3, false, IsLastHead};
}

Scenario HighestRating() {
  const Values ratings = {Rating(1, 1), Rating(4, 2), Rating(2, 4)};
  return {"HIGHEST_RATING", RatingField(), ratings, {1, 3}, 3, false, Prefers(ratings)};
}

Scenario Dominant() {
  const FieldSpec f = ConsentField();
  const auto rule = [withdrawn = Number(f, kWithdrawn)](const Values& heads,
                                                        const std::string& effective) {
    return !Has(heads, withdrawn) || effective == withdrawn;
  };
  return {"DOMINANT", f, {Number(f, kGiven), Number(f, kWithdrawn)}, {1, 3}, 3, false, rule};
}

Scenario LastAgreed() {
  const FieldSpec f = ControlField();
  return {"LAST_AGREED", f, {Number(f, 1), Number(f, 2), Number(f, 3)}, {1, 3}, 3, false, nullptr};
}

Scenario PausedDecision() {
  const std::string paused = Decision(kPaused, "", "incident");
  const auto rule = [paused](const Values& heads, const std::string& effective) {
    return !Has(heads, paused) || effective == paused;
  };
  const Values values = {Decision(kDenied), paused};
  Scenario s = {"LAST_AGREED, paused", DecisionField(), values, {1, 3}, 3, false, rule};
  // A pause that stands alone waits for its review; a denial that does is a decision.
  s.conflict = [paused](const FieldState& state) {
    Values values_now;
    for (const Head& head : state.heads) values_now.push_back(head.value);
    return Has(values_now, paused) || (!values_now.empty() && !AllEqual(values_now));
  };
  return s;
}

Scenario None() {
  const FieldSpec f = AddressField();
  const auto rule = [](const Values& heads, const std::string& effective) {
    return effective == (AllEqual(heads) ? heads.front() : "");
  };
  return {"NONE", f, {Text(f, "a"), ""}, {1, 3}, 3, false, rule};
}

// The `agreed` that all heads go back to; nothing for a creation.
std::string CommonBase(const FieldState& state) {
  const Agreed* lowest = nullptr;
  for (const Head& head : state.heads) {
    const Agreed& own = *head.agreed;
    if (lowest == nullptr || own.sequence < lowest->sequence) lowest = &own;
  }
  return lowest == nullptr ? "" : lowest->value;
}

// One sentence, or none: whoever left it as it was does not count, and two others need a person.
Scenario Narrative() {
  const FieldSpec f = NarrativeField();
  Scenario s = {"TEXT", f,      {Text(f, "May go."), Text(f, "Must not go.")}, {1, 3}, 3,
                false,  nullptr};
  s.conflict = [](const FieldState& state) {
    Values changed;
    for (const Head& head : state.heads) {
      if (head.value != CommonBase(state) && !Has(changed, head.value)) {
        changed.push_back(head.value);
      }
    }
    return changed.size() > 1;
  };
  s.merges = true;
  return s;
}

// Paragraphs after one that all know, added and taken out: whether it merges is the engine's to
// say, but not by order of arrival.
Scenario Paragraphs() {
  const FieldSpec f = NarrativeField();
  Scenario s = {"TEXT, paragraphs", f, {}, {1}, 3, false, nullptr};
  for (const char* text : {"One.", "One.\n\nTwo.", "One.\n\nSix."}) {
    s.values.push_back(Text(f, text));
  }
  s.conflict = [f](const FieldState& state) { return IsConflict(f, state); };
  s.merges = true;
  return s;
}

// Replayed here by hand: ranks ascend with these numbers, and ENDED follows from both others.
Scenario Status() {
  const FieldSpec f = StatusField();
  const Values states = {Number(f, kActive), Number(f, kSuspended), Number(f, kEnded)};
  Scenario s = {"STATE", f, states, {1}, 3, false, Prefers(states)};
  s.conflict = [](const FieldState& state) {
    Values values;
    for (const Head& head : state.heads) values.push_back(head.value);
    return !AllEqual(values);
  };
  return s;
}

// REINSTATED ranks below SUSPENDED and follows from it: both fit, and nobody is asked.
Scenario StatusThatFits() {
  const FieldSpec f = StatusField();
  const Values states = {Number(f, kSuspended), Number(f, kReinstated)};
  Scenario s = {"STATE, fitting", f, states, {1, 3}, 3, false, Prefers(states)};
  s.conflict = [](const FieldState&) { return false; };
  return s;
}

Scenario ReviewDue() {
  const FieldSpec f = ReviewDueField();
  const Values dates = {"", Text(f, "2026-12-01")};
  return {"EARLIEST", f, dates, {1, 3}, 3, false, Prefers(dates)};
}

Scenario ValueToPerson() {
  const FieldSpec f = ValueField();
  const Values numbers = {Number(f, 3), Number(f, 5)};
  return {"HIGHEST", f, numbers, {1, 3}, 3, false, Prefers(numbers)};
}

Scenario Subject() {
  const FieldSpec f = SubjectField();
  const auto rule = [](const Values& heads, const std::string& effective) {
    return effective == heads.front();
  };
  return {"IMMUTABLE", f, {Text(f, "a"), Text(f, "b")}, {1, 3}, 3, false, rule};
}

Scenario Barriers() {
  const FieldSpec f = BarriersField();
  return {"SET", f, {Text(f, "a"), Text(f, "b")}, {1, 3}, 3, false, nullptr};
}

// In question: somebody proposed to take out what is there.
bool SomeInQuestion(const FieldState& state) {
  return std::any_of(state.heads.begin(), state.heads.end(), [&](const Head& proposal) {
    return !proposal.removes.empty() &&
           std::any_of(state.heads.begin(), state.heads.end(), [&](const Head& add) {
             return add.removes.empty() && add.value == proposal.value;
           });
  });
}

Scenario Allergies() {
  const FieldSpec f = AllergiesField();
  Scenario s = {"SET, removal reviewed", f, {Text(f, "a")}, {1, 3}, 3, false, nullptr};
  s.conflict = SomeInQuestion;
  return s;
}

std::vector<Scenario> AllScenarios() {
  return {Latest(),    HighestRating(), Dominant(),   LastAgreed(), PausedDecision(),
          None(),      Narrative(),     Paragraphs(), Status(),     StatusThatFits(),
          ReviewDue(), ValueToPerson(), Subject(),    Barriers(),   Allergies()};
}

void ExpectLawful(const Scenario& scenario) {
  const Report report = Explore(scenario, Engine());
  std::cout << scenario.name << ", " << scenario.edits << " edits: " << report << "\n";
  EXPECT_EQ(report.violated, "") << scenario.name << "\n" << report.history;
  EXPECT_GT(report.histories, 0u);
}

TEST(ExhaustiveTest, ThreeEdits) {
  for (const Scenario& scenario : AllScenarios()) ExpectLawful(scenario);
}

// Until admission a device guesses the time; its guess must not change what all end with.
TEST(ExhaustiveTest, ThreeEditsShownAtAnEarlyGuess) {
  for (Scenario scenario : {Latest(), HighestRating(), Subject()}) {
    scenario.early_estimates = true;
    ExpectLawful(scenario);
  }
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define DOORSTEP_SANITIZED 1
#endif
#endif

// One value or one delay less at each edit keeps these within seconds; who saw what is what counts.
TEST(ExhaustiveTest, FourEdits) {
#ifdef DOORSTEP_SANITIZED
  GTEST_SKIP() << "ten times slower with a sanitizer, and runs no other code than three edits";
#endif
  Scenario latest = Latest();
  latest.values.resize(1);
  Scenario rating = HighestRating();
  rating.values = {Rating(4, 2), Rating(2, 4)};
  rating.delays = {1};
  Scenario agreed = LastAgreed();
  agreed.values.resize(2);
  agreed.delays = {1};
  Scenario barriers = Barriers();
  barriers.values.resize(1);
  barriers.delays = {1};
  Scenario allergies = Allergies();
  allergies.delays = {1};
  for (Scenario scenario : {latest, rating, agreed, barriers, allergies}) {
    scenario.edits = 4;
    ExpectLawful(scenario);
  }
}

// --- Planted mistakes: each a way in which a merge engine is written wrong ---

bool Names(const std::vector<ChangeId>& ids, const ChangeId& id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

void Touch(const EditContext& context, FieldState* state) {
  if (context.sequence != 0) state->sequence = context.sequence;
}

Word IgnoresBase(const FieldSpec& field, const FieldEdit& edit, const EditContext& context,
                 FieldState* state) {
  FieldEdit blind = edit;
  blind.base.clear();
  return Plan(field, blind, context, state);
}

Word LastWriterWins(const FieldSpec& field, const FieldEdit& edit, const EditContext& context,
                    FieldState* state) {
  const Word word = Plan(field, edit, context, state);
  state->heads.erase(state->heads.begin(), state->heads.end() - 1);
  return word;
}

// "Does the author's base equal what stands? Then replace what stands."
Word ComparesOneBase(const FieldSpec& field, const FieldEdit& edit, const EditContext& context,
                     FieldState* state) {
  const auto is_base = [&](const Head& head) { return Names(edit.base, head.id); };
  const bool equal = std::any_of(state->heads.begin(), state->heads.end(), is_base);
  if (equal) state->heads.clear();
  return Plan(field, edit, context, state);
}

// Heads stand in the order in which they came.
Word NeverSorts(const FieldSpec& field, const FieldEdit& edit, const EditContext& context,
                FieldState* state) {
  FieldState merged = *state;
  const Word word = Plan(field, edit, context, &merged);
  const auto is_own = [&](const Head& head) { return head.id == context.id; };
  const auto gone = [&](const Head& head) { return Names(edit.base, head.id); };
  if (std::any_of(state->heads.begin(), state->heads.end(), is_own)) return word;
  std::erase_if(state->heads, gone);
  const auto own = std::find_if(merged.heads.begin(), merged.heads.end(), is_own);
  if (own != merged.heads.end()) state->heads.push_back(*own);
  Touch(context, state);
  return word;
}

// LATEST by arrival instead of by time.
Word LastArrivalWins(const FieldSpec& field, const FieldEdit& edit, const EditContext& context,
                     FieldState* state) {
  FieldState fresh;
  fresh.field = state->field;
  const Word word = Plan(field, edit, context, &fresh);
  *state = fresh;
  return word;
}

Word CountsRepeats(const FieldSpec& field, const FieldEdit& edit, const EditContext& context,
                   FieldState* state) {
  FieldState fresh;
  const Word word = Plan(field, edit, context, &fresh);
  std::erase_if(state->heads, [&](const Head& head) { return Names(edit.base, head.id); });
  state->heads.push_back(fresh.heads.back());
  std::sort(state->heads.begin(), state->heads.end(), HeadBefore);
  Touch(context, state);
  return word;
}

// Changes the heads, but a pull beyond the cursor does not see it.
Word ForgetsTheSequence(const FieldSpec& field, const FieldEdit& edit, const EditContext& context,
                        FieldState* state) {
  const uint64_t before = state->sequence;
  const Word word = Plan(field, edit, context, state);
  if (state->heads.size() > 1) state->sequence = before;
  return word;
}

// SET: a removal takes every add of the element, seen or not.
Word RemovesTheUnseen(const FieldSpec& field, const FieldEdit& edit, const EditContext& context,
                      FieldState* state) {
  FieldEdit greedy = edit;
  for (FieldEdit::Removal& removal : greedy.removals) {
    for (const Head& head : state->heads) removal.adds.push_back(head.id);
  }
  return Plan(field, greedy, context, state);
}

// SET: a removal takes effect without the decision that it needs.
Word RemovesUnreviewed(const FieldSpec& field, const FieldEdit& edit, const EditContext& context,
                       FieldState* state) {
  FieldSpec hasty = field;
  hasty.removal_reviewed = false;
  return Plan(hasty, edit, context, state);
}

// SET: an element that is there already is not added again.
Word AddsOnce(const FieldSpec& field, const FieldEdit& edit, const EditContext& context,
              FieldState* state) {
  FieldEdit thrifty = edit;
  std::erase_if(thrifty.adds, [&](const std::string& element) {
    return std::any_of(state->heads.begin(), state->heads.end(),
                       [&](const Head& head) { return head.value == element; });
  });
  return Plan(field, thrifty, context, state);
}

// The highest likelihood with the highest severity: nobody's rating.
Effective MixesParts(const FieldSpec& field, const FieldState& state) {
  Effective effective = EffectiveOf(field, state);
  std::vector<Scalar> worst;
  for (const Head& head : state.heads) {
    const auto parts = DecodeParts(field, head.value);
    if (!parts.ok()) continue;
    if (worst.empty()) worst = *parts;
    for (size_t i = 0; i < parts->size(); ++i) {
      worst[i].integer = std::max(worst[i].integer, (*parts)[i].integer);
    }
  }
  if (!worst.empty()) effective.value = EncodeParts(field, worst);
  return effective;
}

// The newest `agreed`, which not everybody knew, instead of the common one.
Effective TakesTheNewestAgreed(const FieldSpec& field, const FieldState& state) {
  Effective effective = EffectiveOf(field, state);
  if (!effective.provisional) return effective;
  const auto newest = std::max_element(
      state.heads.begin(), state.heads.end(),
      [](const Head& a, const Head& b) { return a.agreed->sequence < b.agreed->sequence; });
  effective.value = newest->agreed->value;
  return effective;
}

Effective ShowsTheLast(const FieldSpec& field, const FieldState& state) {
  Effective effective = EffectiveOf(field, state);
  if (!state.heads.empty()) effective.value = state.heads.back().value;
  return effective;
}

Effective HidesTheConflict(const FieldSpec& field, const FieldState& state) {
  Effective effective = EffectiveOf(field, state);
  effective.provisional = false;
  return effective;
}

TEST(ExhaustiveTest, CatchesPlantedMistakes) {
  const struct {
    const char* mistake;
    Scenario scenario;
    Engine engine;
    const char* law;  // the first that it breaks
  } kMistakes[] = {
      {"ignores the base", HighestRating(), {IgnoresBase, EffectiveOf}, "replaced"},
      {"last writer wins on REVIEW", HighestRating(), {LastWriterWins, EffectiveOf}, "no loss"},
      {"compares one base", HighestRating(), {ComparesOneBase, EffectiveOf}, "no loss"},
      {"never sorts", Narrative(), {NeverSorts, EffectiveOf}, "order"},
      {"never sorts", HighestRating(), {NeverSorts, EffectiveOf}, "order"},
      {"last arrival wins", Latest(), {LastArrivalWins, EffectiveOf}, "no loss"},
      {"counts repeats", None(), {CountsRepeats, EffectiveOf}, "repeat"},
      {"forgets the sequence", None(), {ForgetsTheSequence, EffectiveOf}, "converged"},
      {"removes the unseen", Barriers(), {RemovesTheUnseen, EffectiveOf}, "no loss"},
      {"removes unreviewed", Allergies(), {RemovesUnreviewed, EffectiveOf}, "no loss"},
      {"hides the conflict", Allergies(), {Plan, HidesTheConflict}, "rule"},
      {"adds once", Barriers(), {AddsOnce, EffectiveOf}, "no loss"},
      {"mixes the parts of ratings", HighestRating(), {Plan, MixesParts}, "committed"},
      {"takes the newest agreed", LastAgreed(), {Plan, TakesTheNewestAgreed}, "known"},
      {"shows the last", HighestRating(), {Plan, ShowsTheLast}, "rule"},
      {"shows the last", Dominant(), {Plan, ShowsTheLast}, "rule"},
      {"shows the last", LastAgreed(), {Plan, ShowsTheLast}, "known"},
      {"shows the last", None(), {Plan, ShowsTheLast}, "rule"},
      {"shows the last", ReviewDue(), {Plan, ShowsTheLast}, "rule"},
      {"shows the last", Subject(), {Plan, ShowsTheLast}, "rule"},
      {"hides the conflict", LastAgreed(), {Plan, HidesTheConflict}, "rule"},
      {"hides the conflict", Narrative(), {Plan, HidesTheConflict}, "rule"},
      {"shows the last", Status(), {Plan, ShowsTheLast}, "rule"},
  };
  for (const auto& m : kMistakes) {
    const Report report = Explore(m.scenario, m.engine);
    EXPECT_EQ(report.violated, m.law) << m.mistake << " of " << m.scenario.name << ": " << report;
  }
}

}  // namespace
}  // namespace doorstep
