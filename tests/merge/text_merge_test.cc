// Prose by worked cases: what merges, and what must never.
#include "sync/merge/text_merge.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "sync/base/limits.h"

namespace doorstep {
namespace {

std::string Merged(absl::string_view base, const std::vector<absl::string_view>& texts) {
  return MergeTexts(base, texts).value_or("(overlap)");
}

struct Case {
  const char* name;
  const char* base;
  std::vector<absl::string_view> texts;
  const char* merged;
};

void Check(const std::vector<Case>& cases) {
  for (const Case& c : cases) EXPECT_EQ(Merged(c.base, c.texts), c.merged) << c.name;
}

constexpr char kOverlap[] = "(overlap)";

TEST(TextMergeTest, OneChangeIsTakenByteForByte) {
  Check({
      {"nobody changed it", "He eats.", {"He eats."}, "He eats."},
      {"one did", "He eats.", {"He eats.", "He  eats well.\n\n"}, "He  eats well.\n\n"},
      {"both alike", "He eats.", {"He sleeps. ", "He sleeps. "}, "He sleeps. "},
      {"one cleared it", "He eats.", {"", "He eats."}, ""},
  });
}

// Each took away one of two alike, and kept the other: both changes together would lose it.
TEST(TextMergeTest, WhatEveryoneKeptIsNeverLost) {
  Check({
      {"stood twice",
       "No nuts.\n\nHe eats alone.\n\nNo nuts.",
       {"No nuts.\n\nHe eats alone.", "He eats alone.\n\nNo nuts."},
       kOverlap},
  });
}

TEST(TextMergeTest, SeparatePlacesBothSurvive) {
  Check({
      {"a paragraph each, at the end",
       "Peter likes walks.",
       {"Peter likes walks.\n\nHe met Ada.", "Peter likes walks.\n\nHe lost his way."},
       "Peter likes walks.\n\nHe met Ada.\n\nHe lost his way."},
      {"a line each",
       "Likes walks.\nLikes tea.",
       {"Likes walks.\nLikes tea.\nSleeps well.", "Likes walks.\nLikes tea.\nSleeps badly."},
       "Likes walks.\nLikes tea.\nSleeps well.\n\nSleeps badly."},
      {"two paragraphs, side by side",
       "He walks daily.\n\nHe eats alone.",
       {"He walks weekly.\n\nHe eats alone.", "He walks daily.\n\nHe eats with Ada."},
       "He walks weekly.\n\nHe eats with Ada."},
      {"a paragraph changed, another added after it",
       "He walks daily.",
       {"He walks weekly.", "He walks daily.\n\nHe eats alone."},
       "He walks weekly.\n\nHe eats alone."},
      {"a paragraph changed, another added before it",
       "He walks daily.",
       {"He walks weekly.", "He eats alone.\n\nHe walks daily."},
       "He eats alone.\n\nHe walks weekly."},
      {"two sentences with one between that both kept",
       "He walks daily. It is far. He likes tea.",
       {"He walks weekly. It is far. He likes tea.", "He walks daily. It is far. He likes milk."},
       "He walks weekly. It is far. He likes milk."},
      {"a sentence changed, another taken away",
       "He walks daily. It is far. He likes tea.",
       {"He walks weekly. It is far. He likes tea.", "He walks daily. It is far."},
       "He walks weekly. It is far."},
      {"three people",
       "First one.\n\nSecond one.\n\nThird one.",
       {"First done.\n\nSecond one.\n\nThird one.", "First one.\n\nSecond done.\n\nThird one.",
        "First one.\n\nSecond one.\n\nThird done."},
       "First done.\n\nSecond done.\n\nThird done."},
  });
}

TEST(TextMergeTest, NothingSmallerThanASentenceMerges) {
  Check({
      {"the sentence that must never come about",
       "May go out with a carer",
       {"May go out alone", "Must not go out with a carer"},
       kOverlap},
      {"the same, wrapped over two lines",
       "May go out with\na carer",
       {"May go out\nalone", "Must not go out with\na carer"},
       kOverlap},
      {"the same, around names with full stops",
       "May go out with Mrs. A. Evans or Dr. B. Khan each day.",
       {"Must not go out with Mrs. A. Evans or Dr. B. Khan each day.",
        "May go out with Mrs. A. Evans or Dr. B. Khan each week."},
       kOverlap},
      {"sentences side by side in one paragraph",
       "He walks daily. He likes tea.",
       {"He walks weekly. He likes tea.", "He walks daily. He likes milk."},
       kOverlap},
      {"a sentence changed, another added right after it",
       "He walks daily. He likes tea.",
       {"He walks weekly. He likes tea.", "He walks daily. Never at night. He likes tea."},
       kOverlap},
      {"two sentences added at one place",
       "He walks daily.",
       {"He walks daily. Not alone.", "He walks daily. Ada agrees."},
       kOverlap},
      {"changed and taken away",
       "He walks daily.\n\nHe likes tea.",
       {"He likes tea.", "He walks weekly.\n\nHe likes tea."},
       kOverlap},
      {"taken away, and something added beside it",
       "He walks daily.\n\nOnly with a carer.",
       {"He walks daily.", "He walks daily.\n\nOnly with a carer.\n\nAlso on Sundays."},
       kOverlap},
      {"cleared, and added to", "He walks daily.", {"", "He walks daily.\n\nTwice."}, kOverlap},
      {"both wrote where nothing was", "", {"May go out.", "Must not go out."}, kOverlap},
      {"both rewrote it all", "He walks.", {"He runs.", "He sits."}, kOverlap},
  });
}

TEST(TextMergeTest, WhatBothDidHappensOnce) {
  Check({
      {"the same paragraph added",
       "One here.",
       {"One here.\n\nTwo here.", "One here.\n\nTwo here.\n\nThree here."},
       "One here.\n\nTwo here.\n\nThree here."},
      {"one stands on the other's, and went on in another place",
       "One here.",
       {"One changed.\n\nTwo here.", "One here.\n\nTwo here.\n\nThree here."},
       "One changed.\n\nTwo here.\n\nThree here."},
      {"the same sentence changed, and one more",
       "One here. Two here. Three here.",
       {"One done. Two here. Three here.", "One done. Two here. Three done."},
       "One done. Two here. Three done."},
      {"both took the same away",
       "One here.\n\nTwo here.\n\nThree here.\n\nFive here.",
       {"One here.\n\nThree here.\n\nFive here.\n\nSix here.",
        "One here.\n\nThree here.\n\nFive done."},
       "One here.\n\nThree here.\n\nFive done.\n\nSix here."},
  });
}

TEST(TextMergeTest, WhiteSpaceAloneIsNoConflict) {
  EXPECT_EQ(Merged("One here. Two here.\n\nThree here.",
                   {"One here.  Two here.\n\nThree here.\n", "One here. Two here.\n\nThree done."}),
            "One here. Two here.\n\nThree done.");
}

TEST(TextMergeTest, IsBounded) {
  std::string base = "First here.";
  for (size_t i = 0; i < kMaxTextUnits; ++i) absl::StrAppend(&base, "\n\nLine ", i, " here.");
  EXPECT_EQ(Merged(base, {base + "\n\nA here.", "Before here.\n\n" + base}), kOverlap);
  const std::string within = base.substr(0, base.size() / 3);
  EXPECT_EQ(Merged(within, {within + "\n\nA here.", "Before here.\n\n" + within}),
            "Before here.\n\n" + within + "\n\nA here.");
  std::vector<std::string> many;
  for (size_t i = 0; i <= kMaxMergedTexts; ++i) many.push_back(absl::StrCat("One.\n\nNo. ", i));
  EXPECT_EQ(Merged("One.", std::vector<absl::string_view>(many.begin(), many.end())), kOverlap);
}

// The costliest texts: nothing in common, as long as may be. Must end, and not run out of memory.
TEST(TextMergeTest, WorstTextsEnd) {
  std::string base;
  std::string a;
  std::string b;
  for (size_t i = 0; i < kMaxTextUnits / 2; ++i) {
    absl::StrAppend(&base, "Base ", i, " here.\n\n");
    absl::StrAppend(&a, "Left ", i, " here.\n\n");
    absl::StrAppend(&b, "Right ", i, " here.\n\n");
  }
  EXPECT_EQ(Merged(base, {a, b}), kOverlap);
}

}  // namespace
}  // namespace doorstep
