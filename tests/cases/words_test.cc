#include "sync/cases/words.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "sync/change/record_json.h"
#include "sync/merge/plan.h"
#include "tests/cases/states.h"
#include "tests/merge/sample_fields.h"

namespace doorstep {
namespace {

constexpr char kIncident[] = "01234567-89ab-7def-8123-456789abcdef";

Head WithAgreed(Head head, std::string value) {
  head.agreed = Agreed{3, std::move(value)};
  return head;
}

TEST(ValueWords, AreThoseOfAScreen) {
  EXPECT_EQ(ValueWords(RatingField(), Rating(4, 3, "lost his way twice")), "12 high");
  EXPECT_EQ(ValueWords(RatingField(), ""), "no value");
  EXPECT_EQ(ValueWords(NameField(), Text(NameField(), "Peter")), "\"Peter\"");
  EXPECT_EQ(ValueWords(ReviewDueField(), Text(ReviewDueField(), "2026-11-22")), "2026-11-22");
  EXPECT_EQ(ValueWords(ValueField(), Number(ValueField(), 4)), "4");
  const std::string longer(100, 'x');
  EXPECT_EQ(ValueWords(NameField(), Text(NameField(), longer)),
            "\"" + longer.substr(0, 60) + "...\"");
  EXPECT_EQ(ValueWords(NameField(), Text(NameField(), "one\ntwo")), "\"one...\"");
  const FieldSpec& decision = *Schema::BuiltIn()->FindByName("CaseStudy")->FindByName("decision");
  EXPECT_EQ(ValueWords(decision, "\x3a\x02\x08\x02"), "supported with conditions");
}

TEST(ValueWords, NeverCutACharacterInTwo) {
  std::string text(59, 'x');
  text += "\xC3\xA9\xC3\xA9";  // two bytes each, the first across the edge
  EXPECT_EQ(ValueWords(NameField(), Text(NameField(), text)),
            "\"" + std::string(59, 'x') + "...\"");
}

// The value that stands in a record of the kind, as JSON has it.
std::string Shown(const std::string& kind_name, const std::string& name, const std::string& json) {
  const auto schema = Schema::BuiltIn();
  const KindSpec& kind = *schema->FindByName(kind_name);
  const FieldSpec& field = *kind.FindByName(name);
  const auto values = JsonToValues(*schema, kind, "{\"" + name + "\":" + json + "}");
  if (!values.ok()) return std::string(values.status().message());
  return ValueText(field, *values);
}

TEST(ValueText, LeavesNothingOut) {
  const std::string longer(100, 'x');
  EXPECT_EQ(Shown("Person", "name", "\"" + longer + "\""), longer);
  EXPECT_EQ(Shown("Person", "name", "\"one\\ntwo\""), "one\ntwo");
  EXPECT_EQ(Shown("Person", "third_party", "true"), "yes");
  EXPECT_EQ(Shown("Person", "date_of_birth", "\"1931-02-01\""), "1931-02-01");
  EXPECT_EQ(Shown("CaseStudy", "barriers", "[\"MEMORY_COGNITION\"]"), "memory and thinking");
  EXPECT_EQ(Shown("RiskAssessment", "inherent_rating",
                  R"({"likelihood":4,"severity":5,"rationale":"lost his way"})"),
            "20 extreme (4 x 5) - \"lost his way\"");
  EXPECT_EQ(Shown("RiskAssessment", "inherent_rating", R"({"likelihood":4})"), "no rating");
  EXPECT_EQ(Shown("CaseStudy", "decision",
                  absl::StrCat(R"({"outcome":"PAUSED","rationale":"he fell","incident":")",
                               kIncident, "\"}")),
            absl::StrCat("paused; incident ", kIncident, " - \"he fell\""));
  EXPECT_EQ(Shown("Outcome", "achieved", R"({"how_far":"PARTLY_MET","rated_by":"CARER"})"),
            "partly met; rated by a carer");
  EXPECT_EQ(Shown("Attachment", "sha256", "\"" + std::string(42, 'A') + "A=\""),
            std::string(64, '0'));
  EXPECT_EQ(ValueText(NameField(), ""), "no value");
}

TEST(ValueText, TimesAreThoseOfThePlace) {
  EXPECT_EQ(Shown("ReinstatementItem", "due_ms", "\"1795338000000\""), "Sun 22 Nov 2026 09:00 UTC");
  EXPECT_EQ(Shown("ReinstatementItem", "due_ms", "0"), "Thu 01 Jan 1970 00:00 UTC");
  const auto when = [](const std::string& rest) {
    return Shown("Visit", "occurred_at", R"({"instant_ms":"1795338000000")" + rest + "}");
  };
  EXPECT_EQ(when(""), "Sun 22 Nov 2026 09:00 UTC");
  EXPECT_EQ(when(R"(,"offset_minutes":-90)"), "Sun 22 Nov 2026 07:30 (UTC-01:30)");
  EXPECT_EQ(when(R"(,"offset_minutes":60,"zone":"Europe/Paris","precision":"DAY")"),
            "Sun 22 Nov 2026 10:00 (Europe/Paris, that day)");
  EXPECT_EQ(when(R"(,"precision":"MINUTE")"), "Sun 22 Nov 2026 09:00 UTC (to the minute)");
}

TEST(UntilDecided, SaysWhatToWorkTo) {
  const FieldSpec rating = RatingField();
  EXPECT_EQ(UntilDecided(rating, StateOf(rating, {HeadOf('A', "A", 1, Rating(1, 3)),
                                                  HeadOf('B', "B", 2, Rating(4, 3))})),
            "Until decided, work to 12 high.");
  const FieldSpec address = AddressField();
  EXPECT_EQ(UntilDecided(address, StateOf(address, {HeadOf('A', "A", 1, Text(address, "x")),
                                                    HeadOf('B', "B", 2, Text(address, "y"))})),
            "Until decided: telephone before visiting.");
  const FieldSpec prose = NarrativeField();
  EXPECT_EQ(UntilDecided(prose, StateOf(prose, {HeadOf('A', "A", 1, Text(prose, "x")),
                                                HeadOf('B', "B", 2, Text(prose, "y"))})),
            "Until decided, all versions are kept as they were written.");
}

TEST(UntilDecided, AnAgreedDecisionHasNotChanged) {
  const FieldSpec field = DecisionField();
  const std::string agreed = Decision(kSupported);
  FieldState state =
      StateOf(field, {WithAgreed(HeadOf('A', "A", 1, Decision(kDenied)), agreed),
                      WithAgreed(HeadOf('B', "B", 2, Decision(kPaused, "tired")), agreed)});
  EXPECT_FALSE(IsPaused(field, state)) << "a pause counts together with its incident";
  EXPECT_EQ(UntilDecided(field, state), "Until decided: 1. That decision has not changed.");
  state.heads[0].agreed.reset();
  state.heads[1].agreed.reset();
  EXPECT_EQ(UntilDecided(field, state),
            "Until decided nothing is agreed: none of the versions counts.");
}

TEST(UntilDecided, APauseIsNeverADenial) {
  const FieldSpec field = DecisionField();
  const FieldState state =
      StateOf(field, {HeadOf('A', "A", 1, Decision(kDenied)),
                      HeadOf('B', "B", 2, Decision(kPaused, "lost", kIncident))});
  EXPECT_TRUE(IsPaused(field, state));
  EXPECT_EQ(UntilDecided(field, state), "Until decided: 4. Nothing has been refused.");
  FieldState alone = StateOf(field, {state.heads[1]});
  EXPECT_TRUE(IsPaused(field, alone)) << "nobody else has looked";
  EXPECT_EQ(UntilDecided(field, alone), "Until decided: 4. Nothing has been refused.");
  alone.heads[0].settle = {SettleMode::kKeep, "not before Monday"};
  EXPECT_FALSE(IsPaused(field, alone)) << "somebody has decided that it stays so";
  EXPECT_FALSE(IsPaused(field, StateOf(field, {state.heads[0]}))) << "a denial is a decision";
}

}  // namespace
}  // namespace doorstep
