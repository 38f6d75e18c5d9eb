// Prose taken apart into sentences and paragraph breaks. What is not surely the end of a sentence
// is none: a unit may hold two sentences, and must never be half of one.
#ifndef SYNC_MERGE_TEXT_UNITS_H_
#define SYNC_MERGE_TEXT_UNITS_H_

#include <vector>

#include "absl/strings/string_view.h"

namespace doorstep {

struct TextUnit {
  absl::string_view words;  // of a sentence; empty: a paragraph break
  absl::string_view space;  // the white space after the sentence, or of the break
};

// In order; points into `text`. No break stands first or last, and no two stand together. White
// space is blanks, tabs, CR and LF; white space before the first sentence is left out.
//
// A paragraph ends at white space with a LF when a line of its own is empty, or the line before it
// ends a sentence, or the line after it begins with a mark of a list (-, *, • or a number with "."
// or ")"). Any other end of line is white space within a sentence.
//
// Within a paragraph a sentence ends at white space after "!" or "?", or after "." when the word
// before it is neither a single letter (an initial), nor a capital and up to three more letters (as
// "Mrs", "Dr", "Prof"), nor one of a few abbreviations, and nothing that begins with a small letter
// or a digit follows. Closing quotes and brackets may stand between.
std::vector<TextUnit> TextUnits(absl::string_view text);

}  // namespace doorstep

#endif  // SYNC_MERGE_TEXT_UNITS_H_
