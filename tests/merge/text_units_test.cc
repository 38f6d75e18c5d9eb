// Where prose is taken apart, and above all where it is not.
#include "sync/merge/text_units.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace doorstep {
namespace {

// "[sentence][sentence]¶[sentence]"
std::string Shown(absl::string_view text) {
  std::string out;
  for (const TextUnit& unit : TextUnits(text)) {
    absl::StrAppend(&out, unit.words.empty() ? "¶" : absl::StrCat("[", unit.words, "]"));
  }
  return out;
}

TEST(TextUnitsTest, EndsOfSentences) {
  const struct {
    const char* text;
    const char* units;
  } kCases[] = {
      {"", ""},
      {" \n\t ", ""},
      {"No end", "[No end]"},
      {"  He went out. She stayed.  ", "[He went out.][She stayed.]"},
      {"Why? Because! \"So there.\" He left.", "[Why?][Because!][\"So there.\"][He left.]"},
      {"He said (twice.) Then left.", "[He said (twice.)][Then left.]"},
      // Not surely an end: better two sentences in one unit than half of one.
      {"With Mrs. Evans and Dr. A. Khan only.", "[With Mrs. Evans and Dr. A. Khan only.]"},
      {"Approx. 5 min. walk, e.g. to the shop.", "[Approx. 5 min. walk, e.g. to the shop.]"},
      {"At 5 p.m. Tuesday he left.", "[At 5 p.m. Tuesday he left.]"},
      {"Takes 2.5 mg. 3 pads used.", "[Takes 2.5 mg. 3 pads used.]"},
      {"He saw Tom. Then he left.", "[He saw Tom. Then he left.]"},
      {"See ref. Jones for that.", "[See ref. Jones for that.]"},
      {"It ended ... and went on.", "[It ended ... and went on.]"},
      {"Caffè però. Così è.", "[Caffè però.][Così è.]"},
  };
  for (const auto& c : kCases) EXPECT_EQ(Shown(c.text), c.units) << c.text;
}

TEST(TextUnitsTest, Paragraphs) {
  const struct {
    const char* text;
    const char* units;
  } kCases[] = {
      {"One\n\nTwo", "[One]¶[Two]"},
      {"One\r\n\r\nTwo\n", "[One]¶[Two]"},
      {"One went out.\nTwo stayed.", "[One went out.]¶[Two stayed.]"},
      // A line that was wrapped in the middle of a sentence.
      {"May go out with\na carer", "[May go out with\na carer]"},
      {"Needs:\n- a phone\n* a stick\n1. a map\n• a hat",
       "[Needs:]¶[- a phone]¶[* a stick]¶[1. a map]¶[• a hat]"},
  };
  for (const auto& c : kCases) EXPECT_EQ(Shown(c.text), c.units) << c.text;
}

}  // namespace
}  // namespace doorstep
