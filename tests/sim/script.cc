#include "tests/sim/script.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace doorstep::sim {
namespace {

constexpr absl::string_view kVerbs[] = {
    "world",   "site",     "device",  "create",  "open",  "save",   "edit",    "bulk",
    "settle",  "sync",     "drop",    "deliver", "wait",  "clock",  "reboot",  "cut",
    "crash",   "io-error", "full",    "free",    "clone", "backup", "restore", "share",
    "unshare", "history",  "restart", "upgrade", "quiet", "prose",  "hide",    "unhide",
    "sign",    "withdraw", "fix",     "link",    "unlink"};

}  // namespace

std::string Step::Option(const std::string& name, const std::string& otherwise) const {
  const auto it = options.find(name);
  return it == options.end() ? otherwise : it->second;
}

int64_t Step::Number(const std::string& name, int64_t otherwise) const {
  const auto it = options.find(name);
  int64_t number = otherwise;
  return it != options.end() && absl::SimpleAtoi(it->second, &number) ? number : otherwise;
}

absl::StatusOr<Step> ParseStep(absl::string_view line) {
  Step step;
  step.text = std::string(absl::StripAsciiWhitespace(line));
  absl::string_view rest = step.text;
  std::string record;  // the word before a JSON object, in a bulk edit
  while (!rest.empty()) {
    if (rest.front() == '{') {
      // To the end of the line, or to the next edit.
      const size_t end = std::min(rest.find(" ; "), rest.size());
      step.edits.emplace_back(record, std::string(rest.substr(0, end)));
      rest = end < rest.size() ? rest.substr(end + 3) : absl::string_view();
      const size_t space = std::min(rest.find(' '), rest.size());
      record = std::string(rest.substr(0, space));
      rest = absl::StripLeadingAsciiWhitespace(rest.substr(space));
      continue;
    }
    const size_t space = std::min(rest.find(' '), rest.size());
    const absl::string_view word = rest.substr(0, space);
    const size_t equals = word.find('=');
    if (step.verb.empty()) {
      step.verb = std::string(word);
    } else if (equals != absl::string_view::npos) {
      step.options[std::string(word.substr(0, equals))] = std::string(word.substr(equals + 1));
    } else {
      step.args.emplace_back(word);
    }
    record = std::string(word);
    rest = absl::StripLeadingAsciiWhitespace(rest.substr(space));
  }
  if (std::find(std::begin(kVerbs), std::end(kVerbs), step.verb) == std::end(kVerbs)) {
    return absl::InvalidArgumentError(
        absl::StrCat("step: got '", step.verb, "', wanted one of ", absl::StrJoin(kVerbs, ", ")));
  }
  return step;
}

absl::StatusOr<Script> ParseScript(absl::string_view text) {
  Script script;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const absl::string_view stripped = absl::StripAsciiWhitespace(line);
    if (stripped.empty() || stripped.front() == '#') continue;
    absl::StatusOr<Step> step = ParseStep(stripped);
    if (!step.ok()) return step.status();
    script.push_back(*std::move(step));
  }
  return script;
}

std::string ToText(const Script& script) {
  std::string text;
  for (const Step& step : script) absl::StrAppend(&text, step.text, "\n");
  return text;
}

int64_t ParseDuration(absl::string_view text) {
  int64_t unit = 1;
  if (absl::ConsumeSuffix(&text, "s")) unit = 1000;
  if (absl::ConsumeSuffix(&text, "m")) unit = 60'000;
  if (absl::ConsumeSuffix(&text, "h")) unit = 3'600'000;
  if (absl::ConsumeSuffix(&text, "d")) unit = 86'400'000;
  if (absl::ConsumeSuffix(&text, "y")) unit = 31'536'000'000;
  int64_t number = 0;
  return absl::SimpleAtoi(text, &number) ? number * unit : 0;
}

}  // namespace doorstep::sim
