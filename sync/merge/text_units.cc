#include "sync/merge/text_units.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace doorstep {
namespace {

// What stands before a "." that ends no sentence, beside initials and short words with a capital.
constexpr absl::string_view kAbbreviations[] = {
    "approx", "appt", "asst", "cf",  "dept", "ed",  "eg",   "esp", "etc", "ext", "fig", "hrs",
    "ie",     "incl", "max",  "med", "mgr",  "min", "mins", "no",  "nos", "obs", "opp", "pp",
    "prev",   "ref",  "resp", "sec", "tabs", "tel", "temp", "viz", "vol", "vs",  "wt",  "yrs"};

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

size_t SpaceFrom(absl::string_view text, size_t at) {
  while (at < text.size() && IsSpace(text[at])) ++at;
  return at;
}

// Without closing quotes and brackets.
absl::string_view WithoutClosing(absl::string_view words) {
  while (!words.empty()) {
    const char c = words.back();
    if (c == '"' || c == '\'' || c == ')' || c == ']') {
      words.remove_suffix(1);
    } else if (absl::EndsWith(words, "\u201d") || absl::EndsWith(words, "\u2019")) {
      words.remove_suffix(3);
    } else {
      break;
    }
  }
  return words;
}

// The word, of letters, that ends `words`.
absl::string_view LastWord(absl::string_view words) {
  size_t length = 0;
  while (length < words.size() && absl::ascii_isalpha(words[words.size() - 1 - length])) ++length;
  return words.substr(words.size() - length);
}

bool IsAbbreviation(absl::string_view word) {
  if (word.size() == 1) return true;
  if (word.size() <= 4 && !word.empty() && absl::ascii_isupper(word.front())) return true;
  return std::any_of(std::begin(kAbbreviations), std::end(kAbbreviations),
                     [&](absl::string_view known) { return absl::EqualsIgnoreCase(known, word); });
}

// Whether `words` (to which white space follows) ends as a sentence does, whatever comes next.
bool EndsSentence(absl::string_view words) {
  words = WithoutClosing(words);
  if (words.empty()) return false;
  if (words.back() == '!' || words.back() == '?') return true;
  if (words.back() != '.') return false;
  words.remove_suffix(1);
  return !IsAbbreviation(LastWord(words));
}

bool BeginsWithMark(absl::string_view line) {
  if (line.empty()) return false;
  if (line.front() == '-' || line.front() == '*' || absl::StartsWith(line, "\u2022")) return true;
  size_t digits = 0;
  while (digits < line.size() && absl::ascii_isdigit(line[digits])) ++digits;
  return digits > 0 && digits < line.size() && (line[digits] == '.' || line[digits] == ')');
}

// Whether the white space between `before` and `after` is a paragraph break.
bool IsBreak(absl::string_view before, absl::string_view space, absl::string_view after) {
  const auto lines = std::count(space.begin(), space.end(), '\n');
  if (lines == 0) return false;
  return lines > 1 || EndsSentence(before) || BeginsWithMark(after);
}

bool IsSentenceEnd(absl::string_view before, absl::string_view after) {
  if (!EndsSentence(before) || after.empty()) return false;
  return !absl::ascii_islower(after.front()) && !absl::ascii_isdigit(after.front());
}

}  // namespace

std::vector<TextUnit> TextUnits(absl::string_view text) {
  std::vector<TextUnit> units;
  size_t begin = SpaceFrom(text, 0);
  size_t at = begin;
  while (at < text.size()) {
    if (!IsSpace(text[at])) {
      ++at;
      continue;
    }
    const size_t next = SpaceFrom(text, at);
    const absl::string_view words = text.substr(begin, at - begin);
    const absl::string_view space = text.substr(at, next - at);
    const absl::string_view after = text.substr(next);
    if (after.empty()) break;
    if (IsBreak(words, space, after)) {
      units.push_back({words, ""});
      units.push_back({"", space});
      begin = next;
    } else if (IsSentenceEnd(words, after)) {
      units.push_back({words, space});
      begin = next;
    }
    at = next;
  }
  // Up to white space at the end, or all of it.
  if (begin < text.size()) units.push_back({text.substr(begin, at - begin), ""});
  return units;
}

}  // namespace doorstep
